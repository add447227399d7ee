"""statsmodels' generalised models as `FitView`."""

from __future__ import annotations

from typing import Any

from .view import FitView, UnsupportedFitError

__all__ = ["from_generalised"]


def from_generalised(fit: Any) -> FitView:
    """See a statsmodels GLM, count model or GEE through the common protocol."""
    raise UnsupportedFitError(f"fit is a statsmodels {type(fit.model).__name__}, which no adapter knows yet")
