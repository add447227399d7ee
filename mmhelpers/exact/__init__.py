"""Closed forms for balanced designs: what a simulation must find, without simulating.

In a balanced design the sums of squares of the strata are independent multiples of chi-squares, so the
operating characteristics of a mixed model are known exactly (Searle, Casella & McCulloch 1992, *Variance
Components*, ch. 3-4).  Every function says under which conditions it is exact.  All arguments may be arrays;
they broadcast against each other.

Notation: n subjects, J observations each, x a covariate that varies within subjects in the same way for
every subject, sxx = sum_j (x_j - xbar)^2 for one subject, and the model that makes the data

    y_ij = beta_0 + beta_1 x_j + a_i + b_i (x_j - xbar) + e_ij,   (a_i, b_i) ~ N(0, T),   e_ij ~ N(0, sigma2)

with T = [[tau00, tau01], [tau01, tau11]]: tau00 is the intercept variance *at the mean of x*.
"""

from mmhelpers.exact.bayes import bayes_factor_normal, bayes_factor_rate, log_evidence_linear
from mmhelpers.exact.boundary import SlopelessDraws, simulate_slopeless
from mmhelpers.exact.oneway import (
    AnovaEstimates,
    anova_estimators,
    expected_sigma2,
    expected_tau2,
    ml_bias,
    prob_singular,
)
from mmhelpers.exact.paired import paired_binary
from mmhelpers.exact.pooling import pooling_error
from mmhelpers.exact.type1 import type1_between, type1_maximal, type1_slopeless

__all__ = [
    "AnovaEstimates",
    "SlopelessDraws",
    "anova_estimators",
    "bayes_factor_normal",
    "bayes_factor_rate",
    "expected_sigma2",
    "expected_tau2",
    "log_evidence_linear",
    "ml_bias",
    "paired_binary",
    "pooling_error",
    "prob_singular",
    "simulate_slopeless",
    "type1_between",
    "type1_maximal",
    "type1_slopeless",
]
