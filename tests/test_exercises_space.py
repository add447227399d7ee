"""Exercises of chapter 2_zuur/06_space: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest

import mmhelpers as mm


@pytest.fixture(scope="module")
def flat():
    return mm.load("mudflat")


@pytest.fixture(scope="module")
def best(flat):
    return mm.fit_gls("chlorophyll ~ height + mud", flat, correlation="corExp(x, y)")


@pytest.fixture(scope="module")
def rats():
    return mm.load("BodyWeight")


def says(exercise, answer, words):
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    assert words in verdict.message


def test_1_correlation_of_two_plots(best):
    r = best.structure["range"]
    rho = np.exp(-10 / r)
    assert mm.check_answer("space-1", rho).ok
    assert mm.check_answer("space-1", round(rho, 2)).ok
    # From the matrix of the fit: the logarithm of the correlation is proportional to the distance.
    R = mm.view(best).correlation
    place = best.data[["x", "y"]].to_numpy()
    assert mm.check_answer("space-1", R[0, 1] ** (10 / np.hypot(*(place[0] - place[1])))).ok
    says("space-1", 1 - rho, "value of the variogram")
    says("space-1", np.exp(-((10 / r) ** 2)), "Gaussian")
    says("space-1", np.exp(-r / 10), "other way round")


def test_2_plots_that_count(flat, best):
    R = mm.view(best).correlation
    n = 100**2 / R.sum()
    assert mm.check_answer("space-2", n).ok
    assert mm.check_answer("space-2", round(n)).ok
    # By hand, from the distances and the printed range.
    place = flat[["x", "y"]].to_numpy()
    d = np.sqrt(((place[:, None] - place) ** 2).sum(axis=2))
    assert mm.check_answer("space-2", 1 / np.exp(-d / 11.24).mean()).ok
    says("space-2", 100**2 / (R.sum() - 100), "with itself")
    says("space-2", R.sum(), "sum over all pairs")
    says("space-2", np.linalg.inv(R).sum(), "weighted mean")
    says("space-2", 100, "number of plots")


def test_3_rats_a_week_apart(rats):
    growth = "weight ~ Time * Diet + (Time | Rat)"
    r = mm.fit_gls(growth, rats, correlation="corExp(Time | Rat)").structure["range"]
    assert mm.check_answer("space-3", np.exp(-7 / r)).ok
    assert mm.check_answer("space-3", round(np.exp(-7 / r), 2)).ok
    phi = mm.fit_gls(growth, rats, correlation="corCAR1(Time | Rat)").structure["Phi"]
    assert mm.check_answer("space-3", phi**7).ok
    says("space-3", phi, "one day apart")
    says("space-3", 1 - phi**7, "value of the variogram")
    says("space-3", np.exp(-((7 / r) ** 2)), "squared the distance")
    alone = mm.fit_gls("weight ~ Time * Diet + (1 | Rat)", rats, correlation="corExp(Time | Rat)")
    says("space-3", np.exp(-7 / alone.structure["range"]), "intercepts alone")
