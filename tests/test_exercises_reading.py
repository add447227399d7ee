"""Exercises of chapter 3_lme4/04_reading_a_fit: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from checkers import says
from scipy import stats

import mmhelpers as mm


@pytest.fixture(scope="module")
def fit():
    return mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


@pytest.fixture(scope="module")
def other():
    """The same model by statsmodels: covariance matrix of the random effects, residual variance, slope."""
    data = mm.load("sleepstudy")
    found = smf.mixedlm("Reaction ~ Days", data, groups="Subject", re_formula="~Days").fit()
    return found.cov_re.to_numpy(), found.scale, found.fe_params["Days"]


def test_1_from_the_summary_alone(fit, other):
    v, s2 = fit.variances["variance"], fit.sigma**2
    cov, scale, _ = other
    assert mm.check_answer("reading-1", v[0] / (v[0] + s2)).ok
    assert mm.check_answer("reading-1", cov[0, 0] / (cov[0, 0] + scale)).ok
    says("reading-1", np.sqrt(v[0]) / (np.sqrt(v[0]) + fit.sigma), "standard deviations")
    says("reading-1", v[0] / (v[0] + v[1] + s2), "On day 0")
    says("reading-1", (v[0] + v[1]) / (v[0] + v[1] + s2), "On day 0")
    says("reading-1", v[0] / s2, "ratio")
    says("reading-1", s2 / (v[0] + s2), "residual")


def test_2_people_on_day_9(fit, other):
    T = fit.sigma * fit.matrices.terms[0].block(fit.theta)
    S = T @ T.T
    x = np.array([1, 9])
    assert mm.check_answer("reading-2", np.sqrt(x @ S @ x)).ok
    assert mm.check_answer("reading-2", np.sqrt(x @ other[0] @ x)).ok
    says("reading-2", np.sqrt(S[0, 0] + 81 * S[1, 1]), "covariance is missing")
    says("reading-2", x @ S @ x, "the variance")
    says("reading-2", np.sqrt(S[0, 0]), "day 0")
    says("reading-2", np.sqrt(S[0, 0]) + 9 * np.sqrt(S[1, 1]), "do not add")
    says("reading-2", np.sqrt(x @ S @ x + fit.sigma**2), "single measurements")
    says("reading-2", np.sqrt(S[0, 0] + 18 * S[0, 1] + 9 * S[1, 1]), "multiplied by 81")


def test_3_who_speeds_up(fit, other):
    sd = fit.variances["sd"][1]
    assert mm.check_answer("reading-3", stats.norm.cdf(-fit.beta["Days"] / sd)).ok
    assert mm.check_answer("reading-3", stats.norm.cdf(0, other[2], np.sqrt(other[0][1, 1]))).ok
    says("reading-3", 1 - stats.norm.cdf(-fit.beta["Days"] / sd), "slows down")
    says("reading-3", stats.norm.cdf(-fit.beta["Days"] / fit.se["Days"]), "standard error")
    says("reading-3", 100 * stats.norm.cdf(-fit.beta["Days"] / sd), "percent")
    says("reading-3", stats.norm.cdf(-fit.beta["Days"] / sd**2), "variance of the slopes")


def test_4_six_rails():
    fit = mm.fit("travel ~ 1 + (1 | Rail)", mm.load("Rail"))
    found = fit.confint()
    assert mm.check_answer("reading-4", found["upper"].iloc[0]).ok
    table = mm.profile(fit, n_points=41).query("name == 'sd_(Intercept)|Rail'")
    assert mm.check_answer("reading-4", np.interp(1.959964, table["zeta"], table["value"])).ok
    says("reading-4", found["lower"].iloc[0], "lower end")
    says("reading-4", fit.variances["sd"][0], "by REML")
    says("reading-4", found["estimate"].iloc[0], "maximum likelihood")
    says("reading-4", found.loc["sigma", "upper"], "residual")
    says("reading-4", found.loc["(Intercept)", "upper"], "mean travel time")
