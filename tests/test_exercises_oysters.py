"""Exercises of chapter 1_random_effects/01_oysters: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf

import mmhelpers as mm


@pytest.fixture(scope="module")
def variances():
    fit = mm.fit("growth ~ population + site + (1 | bag)", mm.load("oysters"))
    return fit.variances["sd"].to_numpy() ** 2


@pytest.fixture(scope="module")
def in_statsmodels():
    return smf.mixedlm("growth ~ population + site", mm.load("oysters"), groups="bag").fit()


def says(exercise, answer, words):
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    assert words in verdict.message


def test_1_the_unit():
    assert mm.check_answer("oysters-1", "tank").ok
    assert mm.check_answer("oysters-1", " Tank ").ok
    says("oysters-1", "oyster", "share the water")
    says("oysters-1", "feed", "what you compare")


def test_2_what_eight_oysters_are_worth(variances, in_statsmodels):
    bag, residual = variances
    assert mm.check_answer("oysters-2", 8 / (1 + 7 * bag / (bag + residual))).ok
    bag2, residual2 = float(in_statsmodels.cov_re.iloc[0, 0]), in_statsmodels.scale
    assert mm.check_answer("oysters-2", (bag2 + residual2) / (bag2 + residual2 / 8)).ok
    says("oysters-2", 1 + 7 * bag / (bag + residual), "design effect")
    says("oysters-2", 8, "if bags did nothing")
    sd = np.sqrt(variances)
    says("oysters-2", 8 / (1 + 7 * sd[0] / sd.sum()), "standard deviations where variances")
    says("oysters-2", 8 / (1 + 7 * bag / residual), "over the whole variance")
    says("oysters-2", (bag + residual) / bag, "one over the ICC")


def test_3_bags_or_oysters():
    assert mm.check_answer("oysters-3", np.sqrt((2**2 + 3**2 / 4) / 6)).ok
    truth = mm.Truth("y ~ 1 + (1 | bag)", beta={"(Intercept)": 0}, sd={"bag": 2}, sigma=3)
    means = mm.simulate(mm.cross(bag=6, oyster=4), truth, n_rep=200_000, rng=np.random.default_rng(5)).mean(axis=1)
    assert mm.check_answer("oysters-3", means.std()).ok
    says("oysters-3", np.sqrt((4 + 9 / 8) / 3), "three bags of eight")
    says("oysters-3", np.sqrt((4 + 9) / 24), "24 oysters as independent")
    says("oysters-3", (4 + 9 / 4) / 6, "variance of the mean")
    says("oysters-3", np.sqrt(4 + 9 / 4), "one bag's mean")


def test_4_dyestuff():
    data = mm.load("Dyestuff")
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", data)
    assert mm.check_answer("oysters-4", fit.variances["sd"].iloc[0]).ok
    batches = data.groupby("Batch", observed=True)["Yield"]
    between, within = 5 * batches.mean().var(), batches.var().mean()
    assert mm.check_answer("oysters-4", np.sqrt((between - within) / 5)).ok
    by_ml = mm.fit("Yield ~ 1 + (1 | Batch)", data, reml=False)
    says("oysters-4", by_ml.variances["sd"].iloc[0], "maximum likelihood")
    says("oysters-4", fit.sigma, "residual standard deviation")
    says("oysters-4", fit.variances["sd"].iloc[0] ** 2, "That is the variance")
    says("oysters-4", batches.mean().std(), "standard deviation of the batch means")
