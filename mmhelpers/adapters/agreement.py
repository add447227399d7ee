"""Do several engines say the same of one model? One row an estimate, one column an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..given import mapping
from .convert import view
from .view import FitView

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["agreement"]


def agreement(
    fits: Mapping[str, Any], rename: Mapping[str, str] | None = None, criterion: bool = True
) -> pd.DataFrame:
    """Put the estimates of the same model from several engines side by side.

    Parameters
    ----------
    fits : mapping of str to fit
        Name of each engine (a column of the table) and its fit: anything that `view` knows.
    rename : mapping of str to str, optional
        Other names for grouping factors or coefficients, for engines that name them differently
        (``{"cask:batch": "cask"}``).
    criterion : bool
        Add minus twice the (restricted) log-likelihood, where all fits used the same criterion.

    Returns
    -------
    pandas.DataFrame
        Index: name of the estimate ("Days", "se Days", "sd Subject (Intercept)", "corr Subject ...",
        "sd residual", "-2 log-likelihood"). Columns: one an engine (NaN where it does not give the estimate),
        then "largest difference" (largest less smallest) and "relative" (that, over the largest absolute
        value).

    Raises
    ------
    ValueError
        If fewer than two fits are given, or they are of different numbers of observations.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 2, 2, 4]})
    >>> fits = {"OLS": smf.ols("y ~ x", data).fit(), "GLM": smf.glm("y ~ x", data).fit()}
    >>> bool(agreement(fits, criterion=False)["relative"].max() < 1e-8)
    True
    """
    import pandas as pd

    mapping("fits", fits, "{'lme4': fit, 'mmhelpers': fit}")
    if len(fits) < 2:
        raise ValueError(f"fits has {len(fits)} entries; agreement is between at least two engines")
    views = {engine: view(fit) for engine, fit in fits.items()}
    sizes = {engine: seen.nobs for engine, seen in views.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the fits are of different numbers of observations: {sizes}")
    same = len({seen.reml for seen in views.values()}) == 1
    columns = {
        engine: _estimates(seen, dict(rename or {}), criterion and same) for engine, seen in views.items()
    }
    order = list(dict.fromkeys(name for values in columns.values() for name in values))
    table = pd.DataFrame({engine: pd.Series(values, dtype=float) for engine, values in columns.items()})
    table = table.reindex(order)
    values = table.to_numpy()
    spread = np.nanmax(values, axis=1) - np.nanmin(values, axis=1)
    alone = np.isfinite(values).sum(axis=1) < 2  # nothing to agree with
    spread = np.where(alone, np.nan, spread)
    scale = np.nanmax(np.abs(values), axis=1)
    table["largest difference"] = spread
    table["relative"] = np.divide(spread, scale, out=np.zeros_like(spread), where=scale > 0)
    table.index.name = "estimate"
    return table


def _estimates(seen: FitView, rename: dict[str, str], criterion: bool) -> dict[str, float]:
    """Named estimates of one fit, in the order in which a summary prints them."""
    out: dict[str, float] = {}
    names = [rename.get(name, name) for name in seen.x_names]
    out.update(zip(names, (float(b) for b in seen.beta), strict=True))
    out.update(zip((f"se {name}" for name in names), (float(s) for s in seen.se), strict=True))
    table = seen.variance_components
    for group, name, kind, value in table.itertuples(index=False, name=None):
        pair = sorted(str(name).split(", ")) if kind == "corr" else [str(name)]
        label = f"{kind} {rename.get(group, group)} {', '.join(pair)}".strip()
        while label in out:  # two terms of one factor
            label += " (2)"
        out[label] = float(value)
    if criterion:
        out["-2 log-likelihood"] = -2 * seen.loglik
    return out
