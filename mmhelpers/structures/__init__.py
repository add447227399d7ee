"""Variance functions and correlated residuals: what nlme has and most engines lack."""

from __future__ import annotations

from .compare import compare_structures
from .fit import GlsFit, fit_gls

__all__ = ["GlsFit", "compare_structures", "fit_gls"]
