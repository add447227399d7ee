"""Tests on residuals, each a function that gives a `TestTable`; nothing here draws."""

from __future__ import annotations

from .autocorrelation import check_spatial, check_temporal
from .group_means import check_group_means
from .simulated import check_dispersion, check_outliers, check_statistic, check_zeros
from .uniformity import check_uniformity

__all__ = [
    "check_dispersion",
    "check_group_means",
    "check_outliers",
    "check_spatial",
    "check_statistic",
    "check_temporal",
    "check_uniformity",
    "check_zeros",
]
