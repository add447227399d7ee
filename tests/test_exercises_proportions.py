"""Exercises of chapter 2_zuur/09_proportions: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import optimize, special

import mmhelpers as mm


def hint(exercise: str, answer: object) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    other = mm.check_answer(exercise, 123456.0 if not isinstance(answer, list) else ["x"] * len(answer))
    assert verdict.message != other.message
    return verdict.message


def test_from_odds_to_shares():
    odds = 3 * 0.2 / 0.8
    by_logit = float(special.expit(special.logit(0.2) + np.log(3)))
    assert by_logit == pytest.approx(odds / (1 + odds))
    assert mm.check_answer("proportions-1", by_logit)
    assert mm.check_answer("proportions-1", 0.43)
    hint("proportions-1", 3 * 0.2)
    hint("proportions-1", odds)
    hint("proportions-1", 0.2 / 0.8)


def test_the_unit():
    assert mm.check_answer("proportions-2", ["school", "mouse", "mouse"])
    assert "(a)" in hint("proportions-2", ["pupil", "mouse", "mouse"])
    assert "(b)" in hint("proportions-2", ["school", "seed", "mouse"])
    assert "(c)" in hint("proportions-2", ["school", "mouse", "trial"])
    hint("proportions-2", ["pupil", "seed", "trial"])


def test_add_a_half():
    by_recipe = np.log(9.5 / 3.5) - np.log(0.5 / 10.5)
    y, n = np.array([9.0, 0.0]), np.array([12.0, 10.0])
    X = np.array([[1.0, 1.0], [1.0, 0.0]])

    def minus_penalised(beta: np.ndarray) -> float:
        p = special.expit(X @ beta)
        information = X.T @ (X * (n * p * (1 - p))[:, None])
        return -float(y @ np.log(p) + (n - y) @ np.log1p(-p) + 0.5 * np.linalg.slogdet(information)[1])

    firth = optimize.minimize(minus_penalised, [-2.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-8}).x[
        1
    ]
    assert firth == pytest.approx(by_recipe, abs=1e-4)
    for value in (by_recipe, firth, round(by_recipe, 2)):
        assert mm.check_answer("proportions-3", value)
    hint("proportions-3", -by_recipe)
    hint("proportions-3", np.exp(by_recipe))
    hint("proportions-3", np.log(9.5 / 3) - np.log(0.5 / 10))
    hint("proportions-3", np.log(9 / 3))
    assert "about 1.6" in mm.check_answer("proportions-3", by_recipe).message
    assert np.sqrt(1 / 9.5 + 1 / 3.5 + 1 / 0.5 + 1 / 10.5) == pytest.approx(1.6, abs=0.05)


def test_salamanders():
    data = mm.load("Salamanders").assign(seen=lambda d: (d["count"] > 0).astype(int))
    rows = smf.glm("seen ~ mined", data, family=sm.families.Binomial()).fit()
    sites = data.groupby(["site", "mined"], observed=True)["seen"].agg(seen="sum", rows="size").reset_index()
    assert len(sites) == 23
    sites["unseen"] = sites["rows"] - sites["seen"]
    fit = smf.glm("seen + unseen ~ mined", sites, family=sm.families.Binomial()).fit()
    p = sites["mined"].map(data.groupby("mined", observed=True)["seen"].mean()).astype(float)
    chi2 = ((sites["seen"] - sites["rows"] * p) ** 2 / (sites["rows"] * p * (1 - p))).sum()
    by_hand = np.sqrt(chi2 / 21)
    assert by_hand == pytest.approx(np.sqrt(fit.pearson_chi2 / fit.df_resid))
    for value in (by_hand, round(by_hand, 2)):
        assert mm.check_answer("proportions-4", value)
    hint("proportions-4", by_hand**2)
    hint("proportions-4", np.sqrt(rows.pearson_chi2 / rows.df_resid))
    hint("proportions-4", np.sqrt(chi2 / 23))
