"""Exercises of chapter 2_zuur/04_reml_and_selection: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import stats

import mmhelpers as mm

MAIN = "LogNeg ~ FoodTreatment + ArrivalTime + (1 | Nest)"


@pytest.fixture(scope="module")
def owls():
    owls = mm.load("Owls")
    return owls.assign(LogNeg=np.log10(owls["NegPerChick"] + 1))


@pytest.fixture(scope="module")
def pastes():
    return mm.load("Pastes")


@pytest.fixture(scope="module")
def skulls():
    return mm.load("Orthodont")


def test_1_from_ml_to_reml(owls):
    assert mm.check_answer("reml-1", 0.030 * 12 / 9).ok
    few = mm.fit("LogNeg ~ SexParent + ArrivalTime", owls.head(12))
    assert mm.check_answer("reml-1", 0.030 * few.sigma**2 / few.with_reml(False).sigma ** 2).ok
    says("reml-1", 0.030 * 12 / 11, "one mean")
    says("reml-1", 0.030 * 9 / 12, "wrong way round")
    says("reml-1", 0.030 * 12 / 10, "intercept is a coefficient")
    says("reml-1", 0.030 * 12 / 8, "not among the coefficients")
    says("reml-1", 0.030, "ML estimate")
    says("reml-1", np.sqrt(0.04), "standard deviation")


def test_2_in_seconds(owls):
    fit = mm.fit(MAIN, owls)
    seconds = mm.fit(MAIN, owls.assign(ArrivalTime=owls["ArrivalTime"] * 3600))
    change = seconds.criterion - fit.criterion
    assert mm.check_answer("reml-2", change).ok
    assert mm.check_answer("reml-2", 2 * np.log(3600)).ok
    assert mm.check_answer("reml-2", round(2 * np.log(3600), 2)).ok
    says("reml-2", np.log(3600), "took the logarithm once")
    says("reml-2", 2 * np.log(60), "for minutes")
    says("reml-2", -change, "size is right")
    says("reml-2", -np.log(3600), "Two things")
    says("reml-2", 2 * np.log10(3600), "base 10")
    says("reml-2", seconds.criterion, "where the criterion ends up")
    by_ml = seconds.with_reml(False).criterion - fit.with_reml(False).criterion
    says("reml-2", by_ml, "true of ML")


def test_3_a_variance_at_its_border(pastes):
    fit = mm.fit("strength ~ 1 + (1 | batch) + (1 | batch:cask)", pastes)
    table = mm.ranova(fit)
    assert mm.check_answer("reml-3", table.loc["(1 | batch)", "p"] / 2).ok
    casks = mm.fit("strength ~ 1 + (1 | batch:cask)", pastes)
    assert mm.check_answer("reml-3", stats.norm.sf(np.sqrt(casks.criterion - fit.criterion))).ok
    says("reml-3", table.loc["(1 | batch)", "p"], "halves it")
    says("reml-3", table.loc["(1 | batch:cask)", "p"], "variance of casks")
    says("reml-3", 2 * table.loc["(1 | batch)", "p"], "smaller, not larger")
    by_ml = casks.with_reml(False).criterion - fit.with_reml(False).criterion
    says("reml-3", stats.chi2.sf(by_ml, 1) / 2, "by ML")


def test_4_what_a_dropped_slope_costs(skulls):
    formulas = ("distance ~ age * Sex + (age | Subject)", "distance ~ age * Sex + (1 | Subject)")
    p, z = [], []
    for formula in formulas:
        row = mm.fit(formula, skulls).coefficients().loc["age:SexFemale"]
        p.append(row["p"])
        z.append(2 * stats.norm.sf(abs(row["statistic"])))
    assert mm.check_answer("reml-4", p[0] / p[1]).ok
    # Balanced data: with slopes it is the two-sample t test of the children's own slopes, 25 df.
    slopes = skulls.groupby(["Sex", "Subject"], observed=True)[["age", "distance"]].apply(
        lambda child: np.polyfit(child["age"], child["distance"], 1)[0]
    )
    by_children = stats.ttest_ind(slopes["Male"], slopes["Female"]).pvalue
    assert mm.check_answer("reml-4", by_children / p[1]).ok
    assert mm.check_answer("reml-4", 2.3).ok
    says("reml-4", p[1] / p[0], "other way round")
    says("reml-4", z[0] / z[1], "z tests")
