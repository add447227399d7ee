"""Logistic models with a random intercept: three ways to fit them, many data sets at a time."""

from __future__ import annotations

from .fit import LogisticFits, fit_logistic

__all__ = ["LogisticFits", "fit_logistic"]
