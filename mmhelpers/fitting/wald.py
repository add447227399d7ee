"""Estimates, degrees of freedom and p-values of single coefficients, for many replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import contrast_df
from mmhelpers.results import Fits

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
METHODS = ("satterthwaite", "kenward-roger", "wald")


def contrast_tests(fits: Fits, L: Floats, ddf: str = "satterthwaite") -> dict[str, Floats]:
    """Estimate, standard error, df, statistic and p-value of contrasts L beta.

    Parameters
    ----------
    fits : Fits
    L : ndarray, shape (c, p)
    ddf : {"satterthwaite", "wald"}
        t with Satterthwaite's degrees of freedom, or z.

    Returns
    -------
    dict of ndarray, shape (n_rep, c)

    Raises
    ------
    ValueError
        If ``ddf`` is neither.
    """
    from scipy.special import ndtr, stdtr

    if ddf not in METHODS:
        raise ValueError(f"ddf must be one of {', '.join(map(repr, METHODS))}, not {ddf!r}")
    if ddf == "kenward-roger":
        raise ValueError("ddf: Kenward-Roger's tests of a batch are those of kenward_roger_coefficients")
    estimate = fits.beta @ L.T
    if ddf == "satterthwaite":
        if fits.vcov_jacobian is None or fits.vcov_varpar is None:
            raise ValueError(
                "these fits carry no derivatives of the criterion: refit with the engine that gives them"
            )
        variance, df = contrast_df(fits.vcov, fits.vcov_jacobian, fits.vcov_varpar, L)
    else:
        variance = np.einsum("ca,rab,cb->rc", L, fits.vcov, L)
        df = np.full_like(variance, np.inf)
    se = np.sqrt(variance)
    with np.errstate(all="ignore"):
        statistic = estimate / se
        p = 2 * (stdtr(df, -np.abs(statistic)) if ddf == "satterthwaite" else ndtr(-np.abs(statistic)))
    return {
        "estimate": estimate,
        "se": se,
        "df": df,
        "statistic": statistic,
        "p": np.where(np.isnan(df), np.nan, p),
    }


def coefficient_frame(fits: Fits, ddf: str = "satterthwaite") -> pd.DataFrame:
    """Test all coefficients: columns rep, coefficient, estimate, se, df, statistic, p."""
    import pandas as pd

    n_rep, p = fits.beta.shape
    names = pd.Series(
        fits.matrices.x_names, dtype="str"
    ).array  # taking from it spares looking at every string
    columns: dict[str, Any] = {
        "rep": np.repeat(np.arange(n_rep), p),
        "coefficient": names.take(np.tile(np.arange(p), n_rep)),
    }
    columns |= {name: array.ravel() for name, array in contrast_tests(fits, np.eye(p), ddf).items()}
    return pd.DataFrame(columns)
