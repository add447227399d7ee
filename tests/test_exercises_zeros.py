"""Exercises of chapter 2_zuur/10_zeros: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

import mmhelpers as mm


def hint(exercise: str, answer: float) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    known = {mm.check_answer(exercise, far).message for far in (-1e6, 123456.0)}
    assert verdict.message not in known
    return verdict.message


def test_many_or_too_many():
    right = 200 * np.exp(-0.7)
    assert 200 * stats.poisson.pmf(0, 0.7) == pytest.approx(right)
    for value in (right, round(right, 1), 99):
        assert mm.check_answer("zeros-1", value)
    hint("zeros-1", np.exp(-0.7))
    hint("zeros-1", 200 * (1 - 0.7))
    hint("zeros-1", 200 * 0.7)
    hint("zeros-1", 200 - right)


def test_zeros_without_inflation():
    by_formula = (1 + 2 / 0.5) ** -0.5
    assert stats.nbinom.pmf(0, 0.5, 0.5 / 2.5) == pytest.approx(by_formula)
    for value in (
        by_formula,
        round(by_formula, 2),
        float(mm.NegativeBinomial(shape=0.5).zero(np.array([2.0]))[0]),
    ):
        assert mm.check_answer("zeros-2", value)
    hint("zeros-2", np.exp(-2))
    hint("zeros-2", (1 + 2 / 0.5) ** -2.0)
    hint("zeros-2", (1 + 2 * 0.5) ** -0.5)
    hint("zeros-2", 1 - by_formula)


def test_mean_of_a_mixture():
    data = mm.load("Salamanders")
    X = np.column_stack([np.ones(len(data)), data["mined"] == "no"]).astype(float)
    fit = sm.ZeroInflatedPoisson.from_formula("count ~ mined", data, exog_infl=X).fit(disp=0, maxiter=200)
    i = fit.params
    pi = 1 / (1 + np.exp(-(i["inflate_const"] + i["inflate_x1"])))
    rate = np.exp(i["Intercept"] + i["mined[T.no]"])
    by_predict = float(np.asarray(fit.predict(exog_infl=X))[X[:, 1] == 1][0])
    assert by_predict == pytest.approx((1 - pi) * rate)
    for value in ((1 - pi) * rate, by_predict, data.loc[data["mined"] == "no", "count"].mean(), 2.26):
        assert mm.check_answer("zeros-3", value)
    hint("zeros-3", rate)
    hint("zeros-3", pi * rate)
    hint("zeros-3", data.loc[data["mined"] == "yes", "count"].mean())


def test_owls():
    owls = mm.load("Owls")
    formula = "SiblingNegotiation ~ FoodTreatment * SexParent"
    fit = smf.negativebinomial(formula, owls, offset=owls["logBroodSize"]).fit(disp=0)
    k = 1 / fit.params["alpha"]
    by_formula = ((1 + fit.predict() / k) ** -k).sum()
    by_simulation = mm.check_zeros(mm.quantile_residuals(fit)).rows[0].details["expected"]
    for value in (by_formula, by_simulation, round(by_formula)):
        assert mm.check_answer("zeros-4", value)
    poisson = smf.poisson(formula, owls, offset=owls["logBroodSize"]).fit(disp=0)
    hint("zeros-4", np.exp(-poisson.predict()).sum())
    hint("zeros-4", (owls["SiblingNegotiation"] == 0).sum())
