"""The only place that knows the fits of other libraries.

`view(fit)` turns a fit of statsmodels, pymer4, bambi or R (through rpy2) into a `FitView`: response, fitted values,
fixed effects, random effects, and a way to simulate. Everything after it - residuals, diagnostics, tables -
works on the view and never asks who fitted the model.
"""

from __future__ import annotations

from .agreement import agreement
from .convert import is_fit, view
from .fit_in_r import RFit, fit_in_r
from .intervals import intervals
from .nlme import Nlme, nlme
from .view import FitView, RandomTerm, RefitError, UnsupportedFitError

__all__ = [
    "FitView",
    "Nlme",
    "RFit",
    "RandomTerm",
    "RefitError",
    "UnsupportedFitError",
    "agreement",
    "fit_in_r",
    "intervals",
    "is_fit",
    "nlme",
    "view",
]
