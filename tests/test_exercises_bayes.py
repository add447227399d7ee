"""Exercises of chapter 5_bayes/01_from_brms_to_bambi: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import stats

import mmhelpers as mm


@pytest.fixture(scope="module")
def slopes():
    people = mm.load("sleepstudy").groupby("Subject", observed=True)
    return people.apply(lambda d: np.polyfit(d["Days"], d["Reaction"], 1)[0])


def test_1_her_prior(slopes):
    se2, mean = slopes.var() / 18, slopes.mean()
    assert mm.check_answer("bayes-1", mean * 4 / (4 + se2)).ok
    mu = np.arange(-10, 20, 0.01)
    likelihood = stats.norm.pdf(slopes.to_numpy()[:, None], mu, slopes.std()).prod(axis=0)
    posterior = stats.norm.pdf(mu, 0, 2) * likelihood
    assert mm.check_answer("bayes-1", (mu * posterior).sum() / posterior.sum()).ok
    assert mm.check_answer("bayes-1", round(10.5 * 4 / (4 + 1.55**2), 1)).ok  # from the printed numbers
    says("bayes-1", mean * 25 / (25 + se2), "standard deviation 2")
    says("bayes-1", mean, "mean of the data")
    says("bayes-1", mean * se2 / (4 + se2), "swapped")
    says("bayes-1", mean * 2 / (2 + se2), "Square the prior")
    says("bayes-1", mean * 4 / (4 + slopes.var()), "variance of one slope")


def test_2_tails():
    sleep = mm.load("sleepstudy")
    scale = 2.5 * sleep["Reaction"].std(ddof=0) / sleep["Days"].std(ddof=0)
    assert mm.check_answer("bayes-2", 2 * stats.norm.sf(100 / scale)).ok
    assert mm.check_answer("bayes-2", (abs(np.random.default_rng(2).normal(0, scale, 10**7)) > 100).mean()).ok
    says("bayes-2", stats.norm.sf(100, 0, 48.89), "one tail")
    says("bayes-2", 1 - 2 * stats.norm.sf(100, 0, 48.89), "less than 100")
    says("bayes-2", 200 * stats.norm.sf(100, 0, 48.89), "percent")


def above_40(half_normal=True, times=5, scale2=100.0**2):
    batches = mm.load("Dyestuff").groupby("Batch", observed=True)["Yield"]
    ms_b, ms_w = times * batches.mean().var(), batches.var().mean()
    tau, sigma = np.meshgrid(np.arange(0.5, 600, 1), np.arange(20, 160, 0.5))
    total = sigma**2 + 5 * tau**2
    log = -2.5 * np.log(total) - 24 * np.log(sigma) - 2.5 * ms_b / total - 12 * ms_w / sigma**2
    if half_normal:
        log -= (tau**2 + sigma**2) / (2 * scale2)
    weight = np.exp(log - log.max())
    return weight[tau > 40].sum() / weight.sum()


def test_3_real_batches():
    assert mm.check_answer("bayes-3", above_40()).ok
    says("bayes-3", above_40(half_normal=False), "flat priors")
    says("bayes-3", above_40(times=1), "each mean is of five")
    says("bayes-3", 1 - above_40(), "below 40")
    says("bayes-3", above_40(scale2=100.0), "square stands in the exponent")


def test_3_by_sampling():
    import bambi as bmb

    mm.use_bayes()
    half = bmb.Prior("HalfNormal", sigma=100)
    priors = {"Intercept": bmb.Prior("Normal", mu=1500, sigma=1000), "sigma": half}
    priors["1|Batch"] = bmb.Prior("Normal", mu=0, sigma=half)
    model = bmb.Model("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"), priors=priors)
    idata = mm.sample(model, seed=1, draws=2000, target_accept=0.98)
    mm.posterior_check(idata).assert_ok()
    assert mm.check_answer("bayes-3", float((idata.posterior["1|Batch_sigma"] > 40).mean())).ok
