"""Exercises of chapter 2_zuur/02_heterogeneity: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm

FORMULA = "gonad ~ season * size"


@pytest.fixture(scope="module")
def urchins():
    urchins = mm.load("urchins")
    return urchins.assign(size=urchins["diameter"] - 45, relative=urchins["diameter"] / 45)


@pytest.fixture(scope="module")
def best(urchins):
    return mm.fit_gls(FORMULA, urchins, variance="varIdent(season) * varPower(relative)")


@pytest.fixture(scope="module")
def children():
    return mm.load("Orthodont")


def test_1_read_the_fit(urchins, best):
    sigma, ratio, power = best.sigma, best.structure["seasonspring"], best.structure["power"]
    sd = sigma * ratio * (60 / 45) ** power
    assert mm.check_answer("heterogeneity-1", sd).ok
    # By hand from an urchin of the data, and from the printed digits.
    row = (urchins["season"] == "spring").to_numpy().argmax()
    own = best.sigma * best.multiplier[row]
    assert mm.check_answer("heterogeneity-1", own * (60 / urchins["diameter"].iloc[row]) ** power).ok
    assert mm.check_answer("heterogeneity-1", 0.927 * 1.664 * (60 / 45) ** 1.487).ok
    says("heterogeneity-1", sigma * (60 / 45) ** power, "winter")
    says("heterogeneity-1", sigma * ratio, "45 mm")
    says("heterogeneity-1", sigma * ratio * 60 / 45, "left the power out")
    says("heterogeneity-1", sd**2, "variance")
    says("heterogeneity-1", ratio * (60 / 45) ** power, "without sigma")


def test_2_is_the_power_needed(urchins, best):
    seasons = mm.fit_gls(FORMULA, urchins, variance="varIdent(season)")
    one = mm.fit(FORMULA, urchins)
    ratio = seasons.criterion - best.criterion
    assert mm.check_answer("heterogeneity-2", ratio).ok
    table = mm.compare_structures({"seasons": seasons, "both": best})
    assert mm.check_answer("heterogeneity-2", table["chi2"].iloc[1]).ok
    says("heterogeneity-2", seasons.aic - best.aic, "fall of AIC")
    says("heterogeneity-2", ratio / 2, "twice that")
    says("heterogeneity-2", one.criterion - best.criterion, "one variance")
    says("heterogeneity-2", -ratio, "larger likelihood")


def test_3_boys_and_girls(children):
    formula, correlation = "distance ~ age * Sex", "corCompSymm(1 | Subject)"
    girls = mm.fit_gls(formula, children, variance="varIdent(Sex)", correlation=correlation)
    ratio = girls.structure["SexFemale"]
    assert mm.check_answer("heterogeneity-3", ratio).ok
    # Boys and girls have coefficients of their own: given the correlation, each sex's sum of squares.
    rho = girls.structure["Rho"]
    inverse = np.linalg.inv(np.full((4, 4), rho) + (1 - rho) * np.eye(4))
    spread = {}
    for sex, own in children.groupby("Sex", observed=True):
        left = own["distance"] - np.polyval(np.polyfit(own["age"], own["distance"], 1), own["age"])
        by_child = left.to_numpy().reshape(-1, 4)
        spread[sex] = np.einsum("ij,jk,ik", by_child, inverse, by_child) / (len(own) - 2)
    assert mm.check_answer("heterogeneity-3", np.sqrt(spread["Female"] / spread["Male"])).ok
    says("heterogeneity-3", 1 / ratio, "boys relative to girls")
    says("heterogeneity-3", ratio**2, "ratio of variances")
    for random in ("(1 | Subject)", "(age | Subject)"):
        effect = mm.fit_gls(f"{formula} + {random}", children, variance="varIdent(Sex)")
        says("heterogeneity-3", effect.structure["SexFemale"], "random effect of the child")
    alone = mm.fit_gls(formula, children, variance="varIdent(Sex)")
    says("heterogeneity-3", alone.structure["SexFemale"], "left the correlation")
