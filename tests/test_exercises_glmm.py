"""Exercises of chapter 2_zuur/12_glmm_gamm: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

import mmhelpers as mm

POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def averaged(eta: float, sd: float) -> float:
    """Share of yes, averaged over subjects, by adaptive quadrature (not by Gauss and Hermite)."""
    return integrate.quad(lambda b: expit(eta + b) * stats.norm.pdf(b, scale=sd), -12 * sd, 12 * sd)[0]


def hint(exercise: str, answer: object) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    far = [["x"] * 3] if isinstance(answer, list) else [-1e6, 123456.0]
    assert verdict.message not in {mm.check_answer(exercise, value).message for value in far}
    return verdict.message


def test_which_effect():
    right = ["subject", "population", "subject"]
    assert mm.check_answer("glmm-1", right)
    for place, letter in enumerate("abc"):
        swapped = {"subject": "population", "population": "subject"}
        wrong = [swapped[w] if i == place else w for i, w in enumerate(right)]
        assert f"({letter})" in hint("glmm-1", wrong)


def test_from_one_to_the_other():
    right = averaged(2, 3)
    assert expit(2 + 3 * POINTS) @ WEIGHTS == pytest.approx(right, abs=1e-4)
    simulated = expit(2 + np.random.default_rng(1).normal(0, 3, 500_000)).mean()
    for value in (right, simulated, round(right, 2)):
        assert mm.check_answer("glmm-2", value)
    assert round(float(expit(2)), 2) == 0.88  # as the solution says
    hint("glmm-2", expit(2))
    hint("glmm-2", expit(2 / 3))
    hint("glmm-2", expit(0))


def test_cattle_on_the_average():
    eta = -1.398 - 1.580
    right = averaged(eta, 0.642)
    assert expit(eta + 0.642 * POINTS) @ WEIGHTS == pytest.approx(right, abs=1e-5)
    simulated = expit(eta + np.random.default_rng(1).normal(0, 0.642, 500_000)).mean()
    for value in (right, simulated, round(right, 3)):
        assert mm.check_answer("glmm-3", value)
    hint("glmm-3", expit(eta))
    hint("glmm-3", averaged(-1.398, 0.642))
    hint("glmm-3", eta)
