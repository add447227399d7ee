"""Exercises of chapter 0_start/02_refresher: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def children():
    skulls = mm.load("Orthodont").rename(columns={"Sex": "sex"})
    wide = skulls.pivot(index=["Subject", "sex"], columns="age", values="distance")
    return wide.add_prefix("at").reset_index().rename_axis(columns=None)


@pytest.fixture(scope="module")
def rats():
    weights = mm.load("BodyWeight").pivot(index=["Rat", "Diet"], columns="Time", values="weight")
    return weights[[1, 64]].set_axis(["start", "end"], axis=1).reset_index()


def test_1_from_cross_products_to_a_standard_error():
    xtx = np.array([[12.0, 60], [60, 400]])
    inverse = np.linalg.inv(xtx)
    assert mm.check_answer("refresher-1", 3 * np.sqrt(inverse[1, 1])).ok
    # a set of twelve values with these cross products, and a fit to it
    x = np.repeat([5 - np.sqrt(100 / 12), 5 + np.sqrt(100 / 12)], 6)
    X = np.column_stack([np.ones(12), x])
    np.testing.assert_allclose(X.T @ X, xtx)
    draws = np.random.default_rng(1).normal(0, 3, (400_000, 12)) @ np.linalg.pinv(X).T
    assert mm.check_answer("refresher-1", draws[:, 1].std()).ok
    says("refresher-1", 3 / np.sqrt(400), "far x lies from its mean")
    says("refresher-1", np.sqrt(inverse[1, 1]), "not of 1")
    says("refresher-1", 9 * inverse[1, 1], "variance")
    says("refresher-1", 3 * inverse[1, 1], "sigma squared")
    says("refresher-1", 3 * np.sqrt(inverse[0, 0]), "of the intercept")


def test_2_two_variances():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(20, 5)), rng.normal(size=20)
    left = y - X @ np.linalg.lstsq(X, y)[0]
    y = y * np.sqrt(60 / (left @ left))
    data = {f"x{i}": X[:, i] for i in range(5)} | {"y": y}
    formula = "y ~ 0 + x0 + x1 + x2 + x3 + x4"
    fits = [mm.fit(formula, pd.DataFrame(data), reml=reml).sigma ** 2 for reml in (True, False)]
    assert mm.check_answer("refresher-2", fits).ok
    assert mm.check_answer("refresher-2", (60 / 15, 60 / 20)).ok
    says("refresher-2", fits[::-1], "other way round")
    says("refresher-2", [60 / 19, 60 / 20], "off one for the mean")
    says("refresher-2", np.sqrt(fits), "standard deviations")
    says("refresher-2", [60 / 20, 60 / 20], "different numbers")


def test_3_what_collinearity_cost(children):
    fit = smf.ols("at14 ~ at8 + at10 + at12", children).fit()
    vif = mm.collinearity(fit).loc["at12", "vif"]
    se = fit.bse["at12"]
    assert mm.check_answer("refresher-3", se / np.sqrt(vif)).ok
    x = children["at12"]
    assert mm.check_answer("refresher-3", np.sqrt(fit.scale / ((x - x.mean()) ** 2).sum())).ok
    assert mm.check_answer("refresher-3", round(se, 3) / round(np.sqrt(vif), 2)).ok
    says("refresher-3", se, "as it is")
    says("refresher-3", se / vif, "variance inflation factor")
    says("refresher-3", se * np.sqrt(vif), "larger or smaller")
    says("refresher-3", smf.ols("at14 ~ at12", children).fit().bse["at12"], "at12 alone")


def test_4_a_simple_effect(children):
    fit = mm.fit("at14 ~ at8 * sex", children)
    beta = fit.beta
    right = beta["sexFemale"] + 20 * beta["at8:sexFemale"]
    assert mm.check_answer("refresher-4", right).ok
    assert mm.check_answer("refresher-4", -17.693 + 20 * 0.697).ok
    pair = children.iloc[[0, -1]].assign(at8=20.0)
    boy, girl = fit.predict(pair)
    assert mm.check_answer("refresher-4", girl - boy).ok
    says("refresher-4", -right, "girls minus boys")
    says("refresher-4", beta["sexFemale"], "where the size at 8 is zero")
    says("refresher-4", mm.fit("at14 ~ at8 + sex", children).beta["sexFemale"], "ANCOVA")
    says("refresher-4", 20 * beta["at8:sexFemale"], "20 times the interaction")
    says("refresher-4", beta["sexFemale"] + 22 * beta["at8:sexFemale"], "at 22 mm")
    says("refresher-4", 20 * (beta["at8"] + beta["at8:sexFemale"]), "interaction alone")


def test_5_adjust_the_rats(rats):
    adjusted = mm.fit("end ~ start + Diet", rats).beta
    assert mm.check_answer("refresher-5", adjusted["Diet2"]).ok
    # by hand: the slope within diets, and the means moved along it
    means = rats.groupby("Diet", observed=True)[["start", "end"]].mean()
    own = rats[["start", "end"]] - means.loc[rats["Diet"]].to_numpy()
    slope = (own["start"] * own["end"]).sum() / (own["start"] ** 2).sum()
    gap = means.loc["2"] - means.loc["1"]
    assert mm.check_answer("refresher-5", gap["end"] - slope * gap["start"]).ok
    says("refresher-5", gap["end"], "plain difference")
    says("refresher-5", adjusted["Diet3"], "diet 3")
    says("refresher-5", mm.fit("end ~ start * Diet", rats).beta["Diet2"], "interaction")
    says("refresher-5", slope, "slope along")
    says("refresher-5", gap["end"] - gap["start"], "weight gain")
