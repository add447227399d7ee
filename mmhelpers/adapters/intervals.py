"""Estimates with their intervals from several models, in one long table to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..given import mapping
from .convert import view

if TYPE_CHECKING:
    import pandas as pd


def intervals(fits: Mapping[str, Any], effects: str = "", level: float = 0.95) -> pd.DataFrame:
    """Put the fixed effects of several models, with confidence intervals, into one long table.

    Parameters
    ----------
    fits : mapping of str to fit
        Name of each model and its fit: anything that `view` knows.
    effects : str
        Keep the coefficients whose name begins so; the rest of the name becomes the label.
    level : float
        Confidence level. The intervals are estimate ± t SE with Satterthwaite's degrees of freedom for
        fits of mmhelpers and the residual ones for linear models of statsmodels, and estimate ± z SE for others.

    Returns
    -------
    pandas.DataFrame
        Columns name, model, estimate, lower, upper, df: coefficients in order, the models within each.

    Raises
    ------
    ValueError
        If no coefficient begins with `effects`, or `level` is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 2, 2, 4]})
    >>> intervals({"OLS": smf.ols("y ~ x", data).fit()}, "x").round(2).iloc[0, 2:].tolist()
    [0.9, -0.24, 2.04, 2.0]
    """
    import pandas as pd
    from scipy import stats

    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    mapping("fits", fits, "{'slopes': fit, 'no slopes': fit}")
    if not fits:
        raise ValueError("fits is empty; give at least one model and its fit")
    rows = []
    for model, fit in fits.items():
        seen = view(fit)
        dfs = _df(fit, len(seen.beta))
        for order, (name, estimate, se, df) in enumerate(
            zip(seen.x_names, seen.beta, seen.se, dfs, strict=True)
        ):
            if name.startswith(effects):
                half = float(stats.t.ppf(0.5 + level / 2, df)) * se
                label = name[len(effects) :] or name
                rows.append((order, label, model, estimate, estimate - half, estimate + half, df))
    if not rows:
        raise ValueError(f"effects is {effects!r}, and no coefficient begins so: {', '.join(seen.x_names)}")
    table = pd.DataFrame(rows, columns=["order", "name", "model", "estimate", "lower", "upper", "df"])
    return table.sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)


def _df(fit: Any, p: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Degrees of freedom of each coefficient's t; infinite where the engine has none."""
    if hasattr(fit, "coefficients"):
        return np.asarray(fit.coefficients()["df"], dtype=float)
    residual = getattr(fit, "df_resid", None)
    # statsmodels uses t for its linear models alone (`use_t`), z for the others
    return np.full(p, float(residual) if residual is not None and getattr(fit, "use_t", False) else np.inf)
