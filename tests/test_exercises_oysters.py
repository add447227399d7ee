"""Exercises of chapter 1_random_effects/01_oysters: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from checkers import says
from scipy import stats

import mmhelpers as mm


@pytest.fixture(scope="module")
def variances():
    fit = mm.fit("growth ~ population + site + (1 | bag)", mm.load("oysters"))
    return fit.variances["sd"].to_numpy() ** 2


@pytest.fixture(scope="module")
def in_statsmodels():
    return smf.mixedlm("growth ~ population + site", mm.load("oysters"), groups="bag").fit()


def test_1_the_unit():
    assert mm.check_answer("oysters-1", "tank").ok
    assert mm.check_answer("oysters-1", " the tanks ").ok
    says("oysters-1", "oyster", "share the water")
    says("oysters-1", "feed", "what you compare")


def test_2_what_eight_oysters_are_worth(variances, in_statsmodels):
    bag, residual = variances
    assert mm.check_answer("oysters-2", 8 / (1 + 7 * bag / (bag + residual))).ok
    bag2, residual2 = float(in_statsmodels.cov_re.iloc[0, 0]), in_statsmodels.scale
    assert mm.check_answer("oysters-2", (bag2 + residual2) / (bag2 + residual2 / 8)).ok
    says("oysters-2", 1 + 7 * bag / (bag + residual), "design effect")
    says("oysters-2", 8, "if bags did nothing")
    says("oysters-2", 8 / np.sqrt(1 + 7 * bag / (bag + residual)), "root of the design effect")
    says("oysters-2", 8 / (1 + 7 * 4 / 13), "2 mm and 3 mm")
    assert mm.check_answer("oysters-2", 8 / 3.0).ok  # from the design effect as the page prints it
    sd = np.sqrt(variances)
    says("oysters-2", 8 / (1 + 7 * sd[0] / sd.sum()), "standard deviations where variances")
    says("oysters-2", 8 / (1 + 7 * bag / residual), "over the whole variance")
    says("oysters-2", (bag + residual) / bag, "one over the ICC")


def test_3_bags_or_oysters():
    assert mm.check_answer("oysters-3", np.sqrt((2**2 + 3**2 / 4) / 6)).ok
    truth = mm.Truth("y ~ 1 + (1 | bag)", beta={"(Intercept)": 0}, sd={"bag": 2}, sigma=3)
    means = mm.simulate(mm.cross(bag=6, oyster=4), truth, n_rep=200_000, rng=np.random.default_rng(5)).mean(
        axis=1
    )
    assert mm.check_answer("oysters-3", means.std()).ok
    says("oysters-3", np.sqrt((4 + 9 / 8) / 3), "three bags of eight")
    says("oysters-3", np.sqrt((4 + 9) / 24), "24 oysters as independent")
    says("oysters-3", (4 + 9 / 4) / 6, "variance of the mean")
    says("oysters-3", np.sqrt(4 + 9 / 4), "one bag's mean")
    says("oysters-3", np.sqrt(9 / 24), "luck of the bags out")
    says("oysters-3", np.sqrt(4 / 6), "scatter within their bag")
    says("oysters-3", np.sqrt((2 + 3 / 4) / 6), "square them first")


@pytest.fixture(scope="module")
def pilots():
    """The chapter's ten thousand pilots: p-values of the mixed model, of the t test, and which fits are singular."""
    design = mm.cross(population=["A", "B"]).nest(bag=3, within="population").nest(oyster=8, within="bag")
    formula = "growth ~ population + (1 | bag)"
    truth = mm.Truth(formula, beta={"(Intercept)": 22, "populationB": 0}, sd={"bag": 2}, sigma=3)
    Y = mm.simulate(design, truth, n_rep=10_000, rng=np.random.default_rng(2))
    fits = mm.fit_many(formula, design.data, Y)
    p = fits.coefficients().query("coefficient == 'populationB'")["p"].to_numpy()
    means = Y.reshape(-1, 2, 3, 8).mean(axis=3)
    t_test = stats.ttest_ind(means[:, 0], means[:, 1], axis=1).pvalue
    return Y, p, t_test, fits.singular


def test_4_zero_so_drop_it(pilots):
    Y, p, t_test, singular = pilots
    assert mm.check_answer("oysters-4", (p[singular] < 0.05).mean()).ok
    # By hand: singular where the bags' mean square is below the oysters'; there the test counts oysters.
    cells = Y.reshape(-1, 2, 3, 8)
    between, within = 8 * cells.mean(3).var(2, ddof=1).mean(1), cells.var(3, ddof=1).mean((1, 2))
    zero = between < within
    naive = stats.ttest_ind(*np.moveaxis(cells.reshape(-1, 2, 24), 1, 0), axis=1).pvalue
    assert mm.check_answer("oysters-4", (naive[zero] < 0.05).mean()).ok
    says("oysters-4", (p < 0.05).mean(), "over all pilots")
    says("oysters-4", (p[~singular] < 0.05).mean(), "not* singular")
    says("oysters-4", (naive < 0.05).mean(), "never has bags")
    says("oysters-4", singular.mean(), "share of pilots that are singular")
    says("oysters-4", (t_test[singular] < 0.05).mean(), "t test of bag means")


def test_5_dyestuff():
    data = mm.load("Dyestuff")
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", data)
    assert mm.check_answer("oysters-5", fit.variances["sd"].iloc[0]).ok
    batches = data.groupby("Batch", observed=True)["Yield"]
    between, within = 5 * batches.mean().var(), batches.var().mean()
    assert mm.check_answer("oysters-5", np.sqrt((between - within) / 5)).ok
    by_ml = mm.fit("Yield ~ 1 + (1 | Batch)", data, reml=False)
    says("oysters-5", by_ml.variances["sd"].iloc[0], "maximum likelihood")
    says("oysters-5", fit.sigma, "residual standard deviation")
    says("oysters-5", fit.variances["sd"].iloc[0] ** 2, "That is the variance")
    says("oysters-5", batches.mean().std(), "standard deviation of the batch means")
