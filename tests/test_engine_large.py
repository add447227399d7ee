"""Large partially crossed designs: the general path where one factor is much wider than the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers.engine import prepare, schur, schur_build
from mmhelpers.engine.criterion import evaluate
from mmhelpers.engine.design import design_of

EXACT = 1e-9  # the same derivatives by two formulas, relative to the largest


def _ratings(students: int, lecturers: int, n: int, seed: int = 1) -> pd.DataFrame:
    """Students who each rate a few lecturers, as in lme4's InstEval."""
    rng = np.random.default_rng(seed)
    s, d = rng.integers(0, students, n), rng.integers(0, lecturers, n)
    s[:students], d[:lecturers] = np.arange(students), np.arange(lecturers)
    x = rng.integers(0, 2, n).astype(float)
    y = (
        rng.normal(size=students)[s] * 0.4
        + rng.normal(size=lecturers)[d] * 0.6
        + 0.3 * rng.normal(size=lecturers)[d] * x
        + rng.normal(size=n)
    )
    return pd.DataFrame({"s": s, "d": d, "x": x, "y": y}).astype({"s": str, "d": str})


@pytest.mark.parametrize(
    "formula",
    ["y ~ x + (1 | s) + (1 | d)", "y ~ x + (x | s) + (x | d)", "y ~ x + (x || s) + (1 | d) + (0 + x | d)"],
)
@pytest.mark.parametrize("reml", [True, False])
def test_low_rank_form_equals_the_dense_one(formula, reml, monkeypatch):
    data = _ratings(30, 12, 200)
    design = design_of(mm.build_matrices(formula, data))
    Y = np.stack([data["y"], data["y"][::-1]])
    theta = np.random.default_rng(2).normal(size=(design.n_theta, 2))
    system = prepare.prepare_complete(design, Y).system
    dense = evaluate(system, theta, reml)
    monkeypatch.setattr(schur, "LOW_RANK", 0)
    monkeypatch.setattr(schur, "WIDER", 0)
    low = evaluate(system, theta, reml)
    for name in ("f", "g", "H", "H_full", "dM"):
        one, two = getattr(low, name), getattr(dense, name)
        assert np.max(np.abs(one - two)) < EXACT * np.max(np.abs(two))


def test_a_wide_factor_equals_the_reference():
    """Here the low-rank form is taken by itself: 900 levels by 40."""
    data = _ratings(900, 40, 3000)
    fit = mm.fit("y ~ x + (1 | s) + (1 | d)", data)
    assert fit.converged
    oracle = mm.profiled_criterion(fit.matrices, fit.theta)
    assert fit.criterion == pytest.approx(oracle.criterion, abs=1e-7)
    for change in ([0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01]):
        moved = mm.profiled_criterion(fit.matrices, fit.theta + np.array(change))
        assert moved.criterion > fit.criterion


def test_a_design_that_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(schur_build.os, "sysconf", lambda name: 1000)  # a machine of 1 MB
    with pytest.raises(ValueError, match=r"needs about .* GB and the machine has"):
        mm.fit("y ~ x + (1 | s) + (1 | d)", _ratings(300, 90, 900))
