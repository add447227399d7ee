"""Raw, Pearson, standardised, studentised and normalised residuals of any fit."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..adapters import FitView, view
from .covariance import error_variance, normalise, residual_variance

__all__ = ["Kind", "resid"]

Array = NDArray[np.float64]
Kind = Literal["raw", "pearson", "standardized", "studentized", "normalized"]


def resid(fit: Any, kind: Kind = "raw", conditional: bool = True) -> Array:
    """Residuals of a fitted model.

    Parameters
    ----------
    fit : object
        Anything that `view` knows: a fit of statsmodels, pymer4, R.
    kind : {"raw", "pearson", "standardized", "studentized", "normalized"}
        raw: observed less fitted, in the response's units. pearson: divided by the standard deviation that
        the model gives the response around its fitted mean. standardized: divided by the standard deviation
        of the residual itself, which is smaller as the fit follows the data (for a linear model the leverage;
        for a linear mixed model the exact covariance, with the variances taken as known). studentized: the
        same with sigma estimated without the observation (linear models only). normalized: multiplied by the
        inverse Cholesky factor of the covariance matrix, so that they are uncorrelated with variance 1 if
        the model is right: of the errors' covariance R if conditional (nlme's "normalized"), of the
        responses' covariance V = Z Psi Z' + R if marginal.
    conditional : bool
        Residuals around fitted values with the random effects in them (the innermost level of nlme, what R's
        ``resid`` gives), or around the fixed part alone. The same for a model without random effects.

    Returns
    -------
    array, shape (n,)
        In the order of the rows the model used.

    Raises
    ------
    ValueError
        If the kind is unknown or not defined for the model.

    References
    ----------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (normalised residuals);
    Cook & Weisberg (1982), Residuals and Influence in Regression, section 2.2 (studentised residuals).

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"bag": list("aabbcc"), "growth": [2.0, 4, 3, 5, 7, 9]})
    >>> resid(smf.ols("growth ~ 1", data).fit()).round(6) + 0.0
    array([-3., -1., -2.,  0.,  2.,  4.])
    """
    seen = view(fit)
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(map(repr, get_args(Kind)))}")
    raw = seen.observed - seen.fitted(conditional)
    if kind == "raw":
        return raw
    if kind == "pearson":
        return _pearson(seen, raw, conditional)
    if kind == "normalized":
        return _normalized(seen, raw, conditional)
    standardized = _standardized(seen, raw, conditional)
    if kind == "standardized":
        return standardized
    return _studentized(seen, standardized)


def _pearson(seen: FitView, raw: Array, conditional: bool) -> Array:
    if seen.linear:
        return raw / np.sqrt(error_variance(seen))
    if seen.variance is not None:
        if not conditional and seen.random:
            raise ValueError(
                f"the variance of a {seen.family.name} response around its marginal mean is not known here; use "
                "conditional=True or quantile residuals"
            )
        return raw / np.sqrt(seen.variance)
    return raw / np.sqrt(seen.family.variance(seen.fitted(conditional), seen.weights))


def _normalized(seen: FitView, raw: Array, conditional: bool) -> Array:
    if not seen.linear and conditional and seen.random:
        return _pearson(seen, raw, conditional)
    return normalise(seen, raw, conditional)


def _standardized(seen: FitView, raw: Array, conditional: bool) -> Array:
    if seen.linear:
        variance = residual_variance(seen, conditional)
    elif seen.terms:
        raise ValueError(
            "standardized residuals of a generalised mixed model have no closed form; "
            "use kind='pearson' or quantile residuals"
        )
    else:
        mu = seen.fitted_marginal
        if seen.variance is not None:
            raise ValueError(
                f"standardized residuals of a {seen.family.name} model have no closed form; use "
                "kind='pearson' or quantile residuals"
            )
        variance = seen.family.variance(mu, seen.weights) * (1 - glm_leverage(seen))
    scale = float(np.mean(raw**2)) + float(np.mean(variance))
    fitted_exactly = variance <= 1e-12 * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        # an observation that the model fits whatever its value has no standardised residual
        return np.where(fitted_exactly, np.nan, raw / np.sqrt(variance))


def _studentized(seen: FitView, standardized: Array) -> Array:
    if seen.terms or not seen.linear or seen.correlation is not None:
        raise ValueError(
            "studentized residuals (sigma estimated without the observation) are defined here for linear "
            "models with independent errors; use kind='standardized' for a mixed model"
        )
    df = seen.nobs - np.linalg.matrix_rank(seen.X)
    return np.asarray(standardized * np.sqrt((df - 1) / (df - standardized**2)))


def glm_leverage(seen: FitView) -> Array:
    """Leverage of a (generalised) linear model: diagonal of W^1/2 X (X'WX)^-1 X' W^1/2, shape (n,)."""
    eta = seen.X @ seen.beta + seen.offset
    step = 1e-5 * np.maximum(1.0, np.abs(eta))
    # d mu / d eta by central differences: relative error about 1e-10 for the links known here
    slope = (seen.family.inverse_link(eta + step) - seen.family.inverse_link(eta - step)) / (2 * step)
    root = np.abs(slope) / np.sqrt(seen.family.variance(seen.fitted_marginal, seen.weights))
    q, _ = np.linalg.qr(root[:, None] * seen.X)
    return np.asarray((q**2).sum(axis=1))
