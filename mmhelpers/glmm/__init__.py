"""Generalised mixed models made small: logistic models and counts with a random intercept, and splines as random effects."""

from __future__ import annotations

from .fit import LogisticFits, fit_logistic
from .splines import spline_columns

__all__ = ["LogisticFits", "fit_logistic", "spline_columns"]
