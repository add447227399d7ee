"""Exercises of chapter 3_lme4/02_inside: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import statsmodels.formula.api as smf
from checkers import says
from scipy.optimize import minimize_scalar

import mmhelpers as mm


def test_1_the_left_end_of_the_curve():
    dye = mm.load("Dyestuff")
    llf = smf.ols("Yield ~ 1", dye).fit().llf
    model = mm.build_matrices("Yield ~ 1 + (1 | Batch)", dye)
    assert mm.check_answer("inside-1", -2 * llf).ok
    assert mm.check_answer("inside-1", mm.profiled_criterion(model, [0.0], reml=False).criterion).ok
    says("inside-1", mm.fit("Yield ~ 1 + (1 | Batch)", dye, reml=False).criterion, "lowest point")
    says("inside-1", mm.profiled_criterion(model, [0.0], reml=True).criterion, "by REML")
    says("inside-1", llf, "minus twice")
    says("inside-1", -llf, "minus *twice*")
    says("inside-1", 2 * llf, "sign")


def test_2_what_a_batch_keeps():
    theta, n = 0.5, 10
    searched = minimize_scalar(lambda u: n * (1 - theta * u) ** 2 + u**2).x
    assert mm.check_answer("inside-2", theta * searched).ok
    assert mm.check_answer("inside-2", n * theta**2 / (1 + n * theta**2)).ok
    says("inside-2", theta**2 / (1 + theta**2), "single preparation")
    says("inside-2", n * theta / (1 + n * theta), "theta squared belongs")
    says("inside-2", 1 / (1 + n * theta**2), "taken away")
    says("inside-2", searched, "u/d")


def test_3_from_theta_to_a_correlation():
    T = np.array([[0.8, 0], [0.5, 1.2]])
    S = T @ T.T
    assert mm.check_answer("inside-3", S[1, 0] / np.sqrt(S[0, 0] * S[1, 1])).ok
    assert mm.check_answer("inside-3", 0.5 / np.hypot(0.5, 1.2)).ok
    says("inside-3", 0.5 / 1.2, "whole second line")
    says("inside-3", 0.5, "second number")
    says("inside-3", 0.8 * 0.5 / 1.3, "cancels")
    says("inside-3", S[1, 0], "covariance")
    says("inside-3", 0.5 / (0.8 * 1.2), "product of the first and third")


def test_4_six_rails():
    rail = mm.load("Rail")
    fit = mm.fit("travel ~ 1 + (1 | Rail)", rail)
    model = fit.matrices
    found = minimize_scalar(
        lambda t: mm.profiled_criterion(model, [t]).criterion, bounds=(0.1, 20), method="bounded"
    )
    assert mm.check_answer("inside-4", fit.theta[0]).ok
    assert mm.check_answer("inside-4", found.x).ok
    says("inside-4", fit.with_reml(False).theta[0], "maximum likelihood")
    says("inside-4", fit.variances["sd"][0], "in units of sigma")
    says("inside-4", fit.theta[0] ** 2, "squared")
    says("inside-4", 1 / fit.theta[0], "other way round")
    says("inside-4", 0.0, "start at zero")
