"""Tests on residuals, each a function that gives a `TestTable`; nothing here draws."""

from __future__ import annotations

from .autocorrelation import check_spatial, check_temporal
from .correlogram import acf, check_autocorrelation
from .counts import count_table, mean_variance
from .dependence import check_quantiles
from .distribution import check_homogeneity, check_normality, check_random_effects
from .envelopes import Lineup, lineup, qq_table, quantile_table
from .examples import calibration, faulty
from .group_means import check_group_means
from .influence import collinearity, influence, leverage
from .semivariance import variogram
from .simulated import check_dispersion, check_outliers, check_statistic, check_zeros
from .uniformity import check_uniformity
from .variance import icc, r2
from .verdicts import Check, Verdict, check

__all__ = [
    "Check",
    "Lineup",
    "Verdict",
    "acf",
    "calibration",
    "check",
    "check_autocorrelation",
    "check_dispersion",
    "check_group_means",
    "check_homogeneity",
    "check_normality",
    "check_outliers",
    "check_quantiles",
    "check_random_effects",
    "check_spatial",
    "check_statistic",
    "check_temporal",
    "check_uniformity",
    "check_zeros",
    "collinearity",
    "count_table",
    "faulty",
    "icc",
    "influence",
    "leverage",
    "lineup",
    "mean_variance",
    "qq_table",
    "quantile_table",
    "r2",
    "variogram",
]
