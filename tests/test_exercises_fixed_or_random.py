"""Exercises of 1_random_effects/02_fixed_or_random: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def rail():
    return mm.load("Rail")


@pytest.fixture(scope="module")
def fit(rail):
    return mm.fit("travel ~ 1 + (1 | Rail)", rail)


def test_1_which_is_which():
    assert mm.check_answer("fixed_or_random-1", ["fixed", "random", "fixed", "random"]).ok
    assert mm.check_answer("fixed_or_random-1", ("Fixed", "Random", " fixed", "random")).ok
    says("fixed_or_random-1", ["fixed", "fixed", "fixed", "random"], "whole litters")
    says("fixed_or_random-1", ["fixed", "random", "fixed", "fixed"], "how much volunteers differ")
    says("fixed_or_random-1", ["fixed", "random", "random", "random"], "swap their names")
    says("fixed_or_random-1", ["random", "fixed", "random", "fixed"], "other way round")


def test_2_a_farm_by_hand():
    assert mm.check_answer("fixed_or_random-2", 3 * 1 / (1 + 16 / 4)).ok
    # the mean of b given the deviation, from draws of both
    rng = np.random.default_rng(1)
    b = rng.normal(0, 1, 1_000_000)
    deviation = b + rng.normal(0, 4 / 2, b.size)
    assert mm.check_answer("fixed_or_random-2", 3 * (b @ deviation) / (deviation @ deviation)).ok
    says("fixed_or_random-2", 1 / (1 + 16 / 4), "shrinkage factor")
    says("fixed_or_random-2", 3 * (1 - 1 / 5), "takes away")
    says("fixed_or_random-2", 3 / (1 + 16), "four oysters were measured")
    says("fixed_or_random-2", 3 * 1 / (1 + 4 / 4), "16, that is divided by four")
    says("fixed_or_random-2", 3 * 1 / (1 + 4 / 2), "root of four")
    says("fixed_or_random-2", 3, "no pooling")


def test_3_six_rails(rail, fit):
    rails, within = fit.variances["variance"]
    assert mm.check_answer("fixed_or_random-3", rails / (rails + within / 3)).ok
    groups = rail.groupby("Rail", observed=True)["travel"]
    assert mm.check_answer("fixed_or_random-3", 1 - groups.var().mean() / (3 * groups.mean().var())).ok
    other = smf.mixedlm("travel ~ 1", rail, groups="Rail").fit()
    share = other.cov_re.iloc[0, 0] / (other.cov_re.iloc[0, 0] + other.scale / 3)
    assert mm.check_answer("fixed_or_random-3", share).ok
    assert mm.check_answer("fixed_or_random-3", 24.81**2 / (24.81**2 + 4.02**2 / 3)).ok  # as printed
    says("fixed_or_random-3", rails / (rails + within), "That is the ICC")
    by_ml, within_ml = mm.fit("travel ~ 1 + (1 | Rail)", rail, reml=False).variances["variance"]
    says("fixed_or_random-3", by_ml / (by_ml + within_ml / 3), "maximum likelihood")
    sd = np.sqrt([rails, within])
    says("fixed_or_random-3", sd[0] / (sd[0] + sd[1] / 3), "standard deviations where variances")
    says("fixed_or_random-3", rails / (rails + within / 5), "not five")
    says("fixed_or_random-3", 1 - rails / (rails + within / 3), "takes away")


def test_4_the_seventh_rail(rail, fit):
    rails, within = fit.variances["variance"]
    se = fit.se["(Intercept)"]
    assert mm.check_answer("fixed_or_random-4", np.sqrt(rails + within + se**2)).ok
    means = rail.groupby("Rail", observed=True)["travel"].mean()
    pure = rail.groupby("Rail", observed=True)["travel"].var().mean()
    # the variance of a mean of three, less two thirds of a measurement's variance, and a sixth for the grand mean
    assert mm.check_answer("fixed_or_random-4", np.sqrt(means.var() * 7 / 6 + pure * 2 / 3)).ok
    assert mm.check_answer("fixed_or_random-4", np.sqrt(24.8**2 + 4.0**2 + 10.2**2)).ok  # as printed
    says("fixed_or_random-4", np.sqrt(rails + within), "mean of all rails as known")
    says("fixed_or_random-4", np.sqrt(rails), "standard deviation of rails")
    says("fixed_or_random-4", np.sqrt(rails + se**2), "error of the new measurement")
    says("fixed_or_random-4", se, "standard error of the mean")
    says("fixed_or_random-4", np.sqrt(rails) + np.sqrt(within) + se, "by their variances")
    says("fixed_or_random-4", rails + within + se**2, "That is the variance")
    says("fixed_or_random-4", np.sqrt(rails + within / 3 + se**2), "measured once")
