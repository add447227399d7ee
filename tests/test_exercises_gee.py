"""Exercises of chapter 2_zuur/11_gee: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm


def hint(exercise: str, answer: object) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    far = [[False] * 6] if isinstance(answer, list) else [-1e6, 123456.0]
    assert verdict.message not in {mm.check_answer(exercise, value).message for value in far}
    return verdict.message


def test_what_must_be_right():
    right = [True, False, False, False, False, True]
    assert mm.check_answer("gee-1", right)
    for place, letter in ((1, "b"), (2, "c"), (3, "d"), (4, "e"), (5, "f")):
        wrong = [not value if i == place else value for i, value in enumerate(right)]
        assert f"({letter})" in hint("gee-1", wrong)


def test_how_much_too_small():
    S = np.random.default_rng(1).normal(50, 7, (200_000, 6))
    by_simulation = S.var(axis=1).mean() / 49
    assert by_simulation == pytest.approx(5 / 6, abs=0.005)
    for value in (5 / 6, by_simulation, 0.83):
        assert mm.check_answer("gee-2", value)
    hint("gee-2", 6 / 5)
    hint("gee-2", (5 / 6) ** 2)
    hint("gee-2", np.sqrt(5 / 6))


def test_owls_in_nests():
    owls = mm.load("Owls")
    formula = "SiblingNegotiation ~ FoodTreatment + SexParent"
    rows = smf.glm(formula, owls, family=sm.families.Poisson(), offset=owls["logBroodSize"]).fit()
    model = smf.gee(formula, "Nest", owls, family=sm.families.Poisson(), offset=owls["logBroodSize"])
    reduced, plain, naive = (model.fit(cov_type=kind) for kind in ("bias_reduced", "robust", "naive"))
    food = "FoodTreatment[T.Satiated]"
    # the sandwich by hand, each nest's residuals blown up by its leverage
    X, mu = rows.model.exog, rows.fittedvalues.to_numpy()
    e = (owls["SiblingNegotiation"] - mu).to_numpy()
    bread = np.linalg.inv(X.T @ (X * mu[:, None]))
    meat = np.zeros((3, 3))
    for nest in owls["Nest"].unique():
        own = (owls["Nest"] == nest).to_numpy()
        H = X[own] @ bread @ (X[own] * mu[own, None]).T
        score = X[own].T @ np.linalg.solve(np.eye(own.sum()) - H.T, e[own])
        meat += np.outer(score, score)
    by_hand = float(np.sqrt(np.diag(bread @ meat @ bread))[1])
    assert by_hand == pytest.approx(reduced.bse[food], rel=1e-3)
    for value in (reduced.bse[food] / rows.bse[food], by_hand / rows.bse[food], 4.2):
        assert mm.check_answer("gee-3", value)
    assert "corrected" in hint("gee-3", plain.bse[food] / rows.bse[food])
    hint("gee-3", naive.bse[food] / rows.bse[food])
