"""Residuals of any fit: raw, Pearson, standardised, studentised, normalised, and quantile residuals."""

from __future__ import annotations

from .basic import resid
from .blups import blups
from .quantile import QuantileResiduals, quantile_residuals

__all__ = ["QuantileResiduals", "blups", "quantile_residuals", "resid"]
