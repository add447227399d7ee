"""The only place that knows the fits of other libraries.

`view(fit)` turns a fit of statsmodels, pymer4 or R (through rpy2) into a `FitView`: response, fitted values,
fixed effects, random effects, and a way to simulate. Everything after it - residuals, diagnostics, tables -
works on the view and never asks who fitted the model.
"""

from __future__ import annotations

from .agreement import agreement
from .convert import view
from .in_r import RFit, in_r
from .intervals import intervals
from .view import FitView, RandomTerm, UnsupportedFitError

__all__ = ["FitView", "RFit", "RandomTerm", "UnsupportedFitError", "agreement", "in_r", "intervals", "view"]
