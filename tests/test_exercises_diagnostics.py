"""Exercises of reference/diagnostics: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def counts():
    data = mm.faulty("overdispersion", 0.5, seed=8)
    return smf.glm("y ~ x", data, family=sm.families.Poisson()).fit()


@pytest.fixture(scope="module")
def sleep():
    return mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


def test_1_how_much_too_much(counts):
    found = mm.check_dispersion(counts)
    assert mm.check_answer("diagnostics-1", found.statistic).ok
    assert mm.check_answer("diagnostics-1", round(found.statistic, 2)).ok
    # By hand: the variance around the fit over that of Poisson counts with these means, which is their mean.
    e = counts.model.endog - counts.fittedvalues
    assert mm.check_answer("diagnostics-1", e.var(ddof=1) / counts.fittedvalues.mean()).ok
    says("diagnostics-1", found.p, "p-value")
    says("diagnostics-1", counts.pearson_chi2 / counts.df_resid, "Pearson's ratio")
    sound = smf.glm("y ~ x", mm.faulty("overdispersion", 0, seed=8), family=sm.families.Poisson()).fit()
    assert not mm.check_answer("diagnostics-1", mm.check_dispersion(sound).statistic).ok
    says("diagnostics-1", 1.0, "sound model")


def test_2_rows_outside_everything():
    assert mm.check_answer("diagnostics-2", 1000 * 2 / 251).ok
    assert mm.check_answer("diagnostics-2", 7.97).ok
    # By simulation: the number of residuals that are alone at an end, over sound models.
    rng = np.random.default_rng(1)
    outside = [
        mm.check_outliers(mm.quantile_residuals(y[:, 0], y[:, 1:], discrete=False)).statistic
        for y in rng.normal(size=(60, 1000, 251))
    ]
    assert np.mean(outside) == pytest.approx(1000 * 2 / 251, abs=4 * np.sqrt(8 / 60))
    says("diagnostics-2", 8.0, "how many draws")
    says("diagnostics-2", 1000 / 251, "one side")
    says("diagnostics-2", 50, "level")
    says("diagnostics-2", 0, "sound model has some")


def test_3_who_pulls_the_slope(sleep):
    table = mm.influence(sleep, "Subject")
    assert mm.check_answer("diagnostics-3", table["dfbetas Days"].abs().idxmax()).ok
    # Fitted again without each: the variances change too, and the subject stays.
    again = mm.influence(sleep, "Subject", refit=True)
    assert mm.check_answer("diagnostics-3", again["dfbetas Days"].abs().idxmax()).ok
    says("diagnostics-3", table["cooks distance"].idxmax(), "intercept")
    says("diagnostics-3", table["dfbetas Days"].idxmax(), "absolute")
