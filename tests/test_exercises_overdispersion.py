"""Exercises of chapter 2_zuur/08_overdispersion: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm


def hint(exercise: str, answer: float) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    assert verdict.message != mm.check_answer(exercise, 123456.0).message
    return verdict.message


def test_from_poisson_to_quasi():
    assert mm.check_answer("overdispersion-1", 0.30 / (0.08 * np.sqrt(6.25)))
    assert mm.check_answer("overdispersion-1", 0.30 / 0.08 / 2.5)
    hint("overdispersion-1", 0.30 / 0.08)
    hint("overdispersion-1", 0.30 / (0.08 * 6.25))
    hint("overdispersion-1", 0.30 / (0.08 / 2.5))
    hint("overdispersion-1", 0.08 * 2.5)


def test_how_variable():
    family = mm.NegativeBinomial(shape=1.6)
    by_family = float(family.variance(np.array([20.0]))[0]) / 20
    by_law_of_total_variance = (
        20 + (20**2 / 1.6)
    ) / 20  # mean of the Poisson variances, variance of the means
    assert by_family == pytest.approx(by_law_of_total_variance)
    assert mm.check_answer("overdispersion-2", by_family)
    hint("overdispersion-2", by_family * 20)
    hint("overdispersion-2", 20 / 1.6)
    hint("overdispersion-2", (20 + 1.6 * 20**2) / 20)
    hint("overdispersion-2", (1 + 1 / 1.6) * 1)


def test_with_the_effort():
    toads = mm.load("toads")
    fit = smf.negativebinomial("toads ~ distance + verge", toads, offset=np.log(toads["length"])).fit(disp=0)
    p = fit.params
    rate = float(np.exp(p["Intercept"] + 0.5 * p["distance"]))
    here = pd.DataFrame({"distance": [0.5], "verge": ["mown"]})
    by_predict = float(fit.predict(here, offset=np.log(2))[0])
    # another program: the weights of a GLM with the same k
    glm = smf.glm(
        "toads ~ distance + verge",
        toads,
        offset=np.log(toads["length"]),
        family=sm.families.NegativeBinomial(alpha=p["alpha"]),
    ).fit()
    by_glm = float(2 * np.exp(glm.params["Intercept"] + 0.5 * glm.params["distance"]))
    assert by_glm == pytest.approx(by_predict, rel=1e-3)
    for value in (2 * rate, by_predict, by_glm, round(by_predict, 1)):
        assert mm.check_answer("overdispersion-3", value)
    hint("overdispersion-3", rate)
    hint("overdispersion-3", rate * np.exp(2))
    hint("overdispersion-3", np.log(2 * rate))
    hint("overdispersion-3", 2 * np.exp(p["Intercept"] + p["distance"]))
    hint("overdispersion-3", 2 * rate * np.exp(p["verge[T.tall]"]))


def test_seizures():
    e = mm.load("epilepsy")
    e["lbase"], e["lage"] = np.log(e["Base"] / 4), np.log(e["Age"])
    e[["lbase", "lage"]] -= e[["lbase", "lage"]].mean()
    e["trt"], e["V4"] = (e["Trt"] == "1").astype(int), (e["visit"] == "4").astype(int)
    formula = "count ~ lbase * trt + lage + V4"
    poisson = smf.glm(formula, e, family=sm.families.Poisson())
    fit, quasi = poisson.fit(), poisson.fit(scale="X2")
    phi = fit.pearson_chi2 / fit.df_resid
    by_hand = fit.params["trt"] / fit.bse["trt"] / np.sqrt(phi)
    assert by_hand == pytest.approx(quasi.tvalues["trt"], rel=1e-6)
    for value in (by_hand, quasi.tvalues["trt"], round(by_hand, 2), -0.346 / (0.0610 * 2.10)):
        assert mm.check_answer("overdispersion-4", value)
    hint("overdispersion-4", fit.tvalues["trt"])
    hint("overdispersion-4", fit.params["trt"] / (fit.bse["trt"] * phi))
    hint("overdispersion-4", -by_hand)
    hint("overdispersion-4", fit.params["trt"])


def test_the_other_law():
    toads = mm.load("toads")
    X = sm.add_constant(np.column_stack([toads["verge"] == "tall", toads["distance"]]).astype(float))
    log_km = np.log(toads["length"].to_numpy())
    mu = np.exp(log_km + 2.6 - 1.2 * toads["distance"].to_numpy())

    def alarms(draw, quasi: bool) -> float:
        rng = np.random.default_rng(11)
        found = []
        for _ in range(400):
            fit = sm.GLM(draw(rng), X, family=sm.families.Poisson(), offset=log_km).fit(
                scale="X2" if quasi else None
            )
            found.append(abs(fit.params[1] / fit.bse[1]) > 1.96)
        return float(np.mean(found))

    def in_proportion(rng):
        return rng.negative_binomial(mu / 4, 1 / 5)

    by_gamma = alarms(lambda rng: rng.poisson(rng.gamma(mu / 4, 4)), True)
    for value in (alarms(in_proportion, True), by_gamma):
        assert mm.check_answer("overdispersion-5", value)
    assert "Poisson model" in hint("overdispersion-5", alarms(in_proportion, False))
    hint("overdispersion-5", alarms(lambda rng: rng.poisson(rng.gamma(1.6, mu / 1.6)), True))
    hint("overdispersion-5", 5.5)
