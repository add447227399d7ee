"""Means that a model predicts along one variable, with their band: the figure of effects a paper shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.adapters import view
from mmhelpers.given import level_of, whole
from mmhelpers.model import build_matrices, fixed_matrix

from .bands import band
from .software import formula_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["effect_table"]


def effect_table(
    fit: Any,
    x: str,
    formula: str | None = None,
    data: pd.DataFrame | None = None,
    by: str | None = None,
    level: float = 0.95,
    points: int = 50,
) -> pd.DataFrame:
    """Predict the mean response of a typical group along one variable, with a band.

    Random effects are at zero (on the scale of the linear predictor, so that with a link other than the identity
    this is a typical group and not the average over groups). Other numeric variables are held at their means, other factors
    are averaged over their levels with equal weights.

    Parameters
    ----------
    fit : object
        Anything that `view` knows.
    x : str
        The variable.
    formula : str, optional
        The formula of the model, in lme4's or R's words; its fixed part says what depends on `x`. The fit's own by
        default, where its engine keeps it.
    data : pandas.DataFrame, optional
        What the model was fitted to; the fit's own by default.
    by : str, optional
        A factor to predict for each level.
    level : float
        Of the pointwise band: by Satterthwaite's degrees of freedom for linear mixed models of mmhelpers and lmer, by
        those of the residuals for linear models, quantiles of the draws for bambi, and by the normal distribution
        (Wald) for all others.
    points : int
        How many values of a numeric `x`.

    Returns
    -------
    pandas.DataFrame
        Columns `x`, (`by`,) fit, lower, upper, in units of the response.

    Raises
    ------
    ValueError
        If a variable is not in the model, the formula's fixed effects are not those of the fit, or the engine kept no
        formula or data and none is given.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    >>> mm.effect_table(fit, "Days", points=2).round(1).values.tolist()
    [[0.0, 251.4, 237.0, 265.8], [9.0, 345.6, 314.7, 376.5]]
    """
    from itertools import product

    import pandas as pd

    seen = view(fit)
    level_of("level", level)
    whole("points", points, 2)
    formula = formula or formula_of(fit)
    data = seen.frame if data is None else data
    for argument, missing in (("formula", not formula), ("data", data is None)):
        if missing:
            raise ValueError(f"{argument} is missing: {seen.engine} did not keep it, so give it here")
    assert data is not None
    matrices = build_matrices(formula, data)
    if matrices.X.shape[1] != len(seen.beta):
        raise ValueError(
            f"formula {formula!r} has {matrices.X.shape[1]} fixed effects ({', '.join(matrices.x_names)}) and the fit "
            f"{len(seen.beta)} ({', '.join(seen.x_names)}); give the formula that was fitted"
        )
    variables = _variables(matrices, data)
    for argument, name in (("x", x), ("by", by)):
        if name is not None and name not in variables:
            raise ValueError(f"{argument} is {name!r}; the model's fixed effects use {', '.join(variables)}")
    axes = {name: _values(data[name], name == x, points, name in {x, by}) for name in variables}
    grid = pd.DataFrame(list(product(*axes.values())), columns=list(axes))
    for name in variables:
        if isinstance(data[name].dtype, pd.CategoricalDtype):
            grid[name] = pd.Categorical(grid[name], categories=data[name].cat.categories)
    X = fixed_matrix(matrices, grid)
    shown = [x] if by is None else [x, by]
    keys = grid[shown].drop_duplicates().reset_index(drop=True)
    # average the rows of X over the factors that are not shown
    which = grid[shown].astype(object).apply(tuple, axis=1)
    L = np.vstack(
        [X[(which == key).to_numpy()].mean(axis=0) for key in keys.astype(object).apply(tuple, axis=1)]
    )
    eta = L @ seen.beta
    low, high = band(fit, L, level)
    ends = np.sort([seen.family.inverse_link(low), seen.family.inverse_link(high)], axis=0)
    return keys.assign(fit=seen.family.inverse_link(eta), lower=ends[0], upper=ends[1])


def _variables(matrices: Any, data: pd.DataFrame) -> list[str]:
    """Columns of the data that the fixed effects use, in their order."""
    import re

    words = set(re.findall(r"[A-Za-z_.][\w.]*", " ".join(matrices.x_terms)))
    return [str(name) for name in data.columns if str(name) in words]


def _values(column: pd.Series[Any], along: bool, points: int, shown: bool) -> list[Any]:
    """Values of one variable on the grid."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return [level for level in column.cat.categories if (column == level).any()]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return sorted(column.dropna().unique())
    if along:
        return list(np.linspace(column.min(), column.max(), points))
    return sorted(column.unique()) if shown else [float(column.mean())]
