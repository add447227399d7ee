"""Exercises of chapter 2_zuur/07_distributions: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import optimize, special
from statsmodels.miscmodels.ordinal_model import OrderedModel

import mmhelpers as mm


def hint(exercise: str, answer: object) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    other = mm.check_answer(exercise, 123456.0 if not isinstance(answer, list) else ["x"] * len(answer))
    assert verdict.message != other.message
    return verdict.message


def test_families():
    right = ["binomial", "truncated", "beta", "ordinal"]
    assert mm.check_answer("distributions-1", right)
    assert mm.check_answer("distributions-1", [word.upper() for word in right])
    for place, wrong in ((0, "poisson"), (1, "poisson"), (2, "binomial"), (2, "gamma"), (3, "poisson")):
        words = [*right[:place], wrong, *right[place + 1 :]]
        assert f"({'abcd'[place]})" in hint("distributions-1", words)
    for words in itertools.permutations(right):
        assert bool(mm.check_answer("distributions-1", list(words))) == (list(words) == right)


def test_mean_after_the_cut():
    k = np.arange(1, 60)
    mass = np.exp(k * np.log(1.5) - 1.5 - special.gammaln(k + 1))
    by_sum = float((k * mass).sum() / mass.sum())
    by_formula = 1.5 / (1 - np.exp(-1.5))
    assert by_sum == pytest.approx(by_formula)
    for value in (by_sum, by_formula, round(by_formula, 2)):
        assert mm.check_answer("distributions-2", value)
    hint("distributions-2", 1.5)
    hint("distributions-2", 1.5 * (1 - np.exp(-1.5)))
    hint("distributions-2", 1 - np.exp(-1.5))
    hint("distributions-2", 1.5 + np.exp(-1.5))
    hint("distributions-2", 1.5 + 1)


def test_spread_of_a_gamma():
    ponds = mm.load("ponds")
    gamma = smf.glm("mass ~ distance", ponds, family=sm.families.Gamma(sm.families.links.Log())).fit()
    mean = float(np.exp(gamma.params["Intercept"] + 2 * gamma.params["distance"]))
    right = mean * np.sqrt(gamma.scale)
    two = np.array([[1.0, 2.0]])
    by_predict = float(gamma.get_distribution(two).std()[0])
    assert by_predict == pytest.approx(right)
    for value in (right, by_predict, round(right, 1)):
        assert mm.check_answer("distributions-3", value)
    hint("distributions-3", mean * gamma.scale)
    hint("distributions-3", mean)
    hint("distributions-3", mean**2 * gamma.scale)
    hint("distributions-3", np.sqrt(gamma.scale))
    hint("distributions-3", np.exp(gamma.params["Intercept"]) * np.sqrt(gamma.scale))


def test_odds_of_a_worse_rating():
    both = mm.load("inhaler")
    first = both.query("carry == 0")
    assert first["subject"].is_unique
    assert len(first) == both["subject"].nunique()

    def slope(data: pd.DataFrame) -> float:
        ordered = data.assign(rating=data["rating"].astype("category").cat.as_ordered())
        fit = OrderedModel.from_formula("rating ~ treat", ordered, distr="logit").fit(disp=0, method="bfgs")
        return float(fit.params["treat"])

    x, grade = first["treat"].to_numpy(), first["rating"].to_numpy()

    def minus_loglik(params: np.ndarray) -> float:
        cuts = np.concatenate([[-np.inf], np.cumsum([params[1], *np.exp(params[2:])]), [np.inf]])
        upper, lower = cuts[grade] - params[0] * x, cuts[grade - 1] - params[0] * x
        return -float(np.log(special.expit(upper) - special.expit(lower)).sum())

    by_hand = optimize.minimize(minus_loglik, [0.0, 0.5, 0.5, 0.5]).x[0]
    right = slope(first)
    assert by_hand == pytest.approx(right, abs=1e-3)
    for value in (np.exp(right), np.exp(by_hand), round(np.exp(right), 2)):
        assert mm.check_answer("distributions-4", value)
    hint("distributions-4", right)
    hint("distributions-4", np.exp(-right))
    hint("distributions-4", np.exp(right / 2))
    assert "both periods" in hint("distributions-4", np.exp(slope(both)))
