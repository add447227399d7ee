"""From a fit of any known library to a `FitView`."""

from __future__ import annotations

from typing import Any

from .from_bambi import is_bambi
from .view import FitView, UnsupportedFitError

__all__ = ["is_fit", "view"]

KNOWN = (
    "mmhelpers (fit)",
    "statsmodels (OLS, WLS, GLS, GLM, MixedLM, discrete and zero-inflated counts, GEE)",
    "pymer4 (lm, glm, lmer, glmer)",
    "R fits held by rpy2 (lm, glm, lme4's lmer and glmer, nlme's gls and lme, glmmTMB, gamm4)",
    "bambi, as the pair (model, idata) of the model and what its fit() gave",
    "any object with a method __fitview__() that returns a FitView",
)


def view(fit: Any) -> FitView:
    """See a fit through the common protocol.

    Parameters
    ----------
    fit : object
        A fitted model (the result of ``.fit()``) of statsmodels or pymer4, an R fit held by rpy2, the pair
        (model, idata) of bambi, an object with a method ``__fitview__``, or a FitView (returned as it is).

    Returns
    -------
    FitView

    Raises
    ------
    UnsupportedFitError
        If no adapter knows the object, or the model has not been fitted.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 2, 2, 4]})
    >>> view(smf.ols("y ~ x", data).fit()).fixed.round(3)
              name  estimate     se
    0  (Intercept)       0.9  0.495
    1            x       0.9  0.265
    """
    if isinstance(fit, FitView):
        return fit
    if hasattr(fit, "__fitview__"):
        seen = fit.__fitview__()
        if not isinstance(seen, FitView):
            raise UnsupportedFitError(
                f"{type(fit).__name__}.__fitview__() gave {type(seen).__name__}, not a FitView"
            )
        return seen
    if is_bambi(fit):
        from .from_bambi import from_bambi

        return from_bambi(fit)
    libraries = _libraries(fit)
    if "mmhelpers" in libraries:
        from .from_mmhelpers import from_mmhelpers

        return from_mmhelpers(fit)
    if "statsmodels" in libraries:
        from .from_statsmodels import from_statsmodels

        return from_statsmodels(fit)
    if "pymer4" in libraries:
        from .from_r import from_pymer4

        return from_pymer4(fit)
    if "rpy2" in libraries:
        from .from_r import from_r

        return from_r(fit)
    raise UnsupportedFitError(
        f"fit is a {type(fit).__module__}.{type(fit).__qualname__}, which no adapter knows. Known are: "
        + "; ".join(KNOWN)
        + "."
    )


def is_fit(fit: Any) -> bool:
    """Whether `fit` is meant as a fitted model, and not as an array of residuals or responses."""
    if isinstance(fit, FitView) or hasattr(fit, "__fitview__") or hasattr(fit, "model") or is_bambi(fit):
        return True
    libraries = _libraries(fit)
    return bool(libraries & {"statsmodels", "pymer4", "rpy2"}) or (
        "mmhelpers" in libraries and hasattr(fit, "matrices")
    )


def _libraries(fit: Any) -> set[str]:
    return {base.__module__.partition(".")[0] for base in type(fit).__mro__}
