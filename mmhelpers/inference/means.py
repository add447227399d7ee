"""Marginal means over a reference grid, and comparisons between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmhelpers.inference.contrasts import t_p, t_quantile, t_test
from mmhelpers.inference.estimate import Ddf, Estimate, as_estimate, check_ddf
from mmhelpers.inference.grid import reference_grid

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]
Adjust = Literal["tukey", "holm", "bonferroni", "sidak", "fdr", "none"]
ADJUST: tuple[str, ...] = ("tukey", "holm", "bonferroni", "sidak", "fdr", "none")


@dataclass(frozen=True, eq=False, repr=False)
class MarginalMeans:
    """Means that a model predicts, averaged over the predictors that are not shown.

    Attributes
    ----------
    levels : DataFrame
        The combination that each mean belongs to.
    by : tuple of str
        Columns of `levels` that split the means into families.
    L : ndarray of shape (c, p)
        The means as linear functions of beta.
    offset : ndarray of shape (c,)
        What is added to L beta.
    estimable : ndarray of bool of shape (c,)
        False for a mean that the data cannot estimate, because cells are empty; its numbers are NaN.
    estimate, se, df, lower, upper : ndarray of shape (c,)
        In units of the response of the formula.
    ddf : str
        Method for the df.
    fit : Estimate
        What the means were read from.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("score ~ Machine + (1 | Worker)", mm.load("Machines"))
    >>> means = mm.marginal_means(fit, "Machine")
    >>> list(means.levels["Machine"]), means.estimate.round(2).tolist()
    (['A', 'B', 'C'], [52.36, 60.32, 66.27])
    """

    levels: pd.DataFrame
    by: tuple[str, ...]
    L: Float
    offset: Float
    estimable: NDArray[np.bool_]
    estimate: Float
    se: Float
    df: Float
    lower: Float
    upper: Float
    ddf: Ddf
    fit: Estimate

    def to_frame(self) -> pd.DataFrame:
        """Return the levels and columns estimate, se, df, lower, upper."""
        columns = {name: getattr(self, name) for name in ("estimate", "se", "df", "lower", "upper")}
        return self.levels.assign(**columns)

    def __repr__(self) -> str:
        """Print the table."""
        return repr(self.to_frame())

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())


def marginal_means(
    fit: Any,
    over: str | Sequence[str],
    by: str | Sequence[str] | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    weights: Literal["equal", "proportional"] = "equal",
    ddf: Ddf = "satterthwaite",
    level: float = 0.95,
) -> MarginalMeans:
    """Estimate means for the levels of one or more predictors, averaged over the others.

    The mean of a level is what the model predicts for it, not the mean of its observations: with unequal
    numbers the two differ, and this one compares like with like.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`.
    over : str or sequence of str
        Variables whose combinations get a mean.
    by : str or sequence of str, optional
        Variables within whose levels means are compared (by `pairwise`).
    at : mapping, optional
        Values of variables, ``{"Age": [20, 40]}``; by default all levels of factors and the mean of others.
    weights : {"equal", "proportional"}
        How the levels of the variables that are averaged over count: all the same, or as often as they occur.
    ddf : {"satterthwaite", "kenward-roger", "wald"}
        Method for degrees of freedom (and for Kenward-Roger, standard errors).
    level : float
        Of the confidence intervals.

    Returns
    -------
    MarginalMeans

    Raises
    ------
    ValueError
        If a variable is not in the fixed effects.

    Notes
    -----
    The reference grid of emmeans in R: see `mmhelpers.inference.grid.reference_grid`.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("score ~ Machine + (1 | Worker/Machine)", mm.load("machines"))
    >>> mm.marginal_means(fit, "Machine").to_frame().round(2)
      Machine  estimate    se    df  lower  upper
    0       A     52.36  2.49  8.52  46.68  58.03
    1       B     60.32  2.49  8.52  54.65  65.99
    2       C     66.27  2.49  8.52  60.60  71.94
    """
    check_ddf(ddf)
    if weights not in ("equal", "proportional"):
        raise ValueError(f"weights must be 'equal' or 'proportional', not {weights!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    estimate = as_estimate(fit)
    shown = [over] if isinstance(over, str) else list(over)
    split = [] if by is None else [by] if isinstance(by, str) else list(by)
    grid = reference_grid(estimate, at)
    keys = [*split, *shown]
    unknown = [name for name in keys if name not in grid.frame.columns]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no variable of the fixed effects; they are {', '.join(grid.frame.columns)}"
        )
    if not shown or len(set(keys)) < len(keys):
        raise ValueError("over and by must name variables, each of them once")

    found = grid.frame.groupby(keys, sort=False, observed=True).indices if keys else {}
    groups = [np.asarray(rows, dtype=np.intp) for rows in found.values()]
    share = _shares(estimate, grid.frame, keys) if weights == "proportional" else None
    L, offset, estimable = grid.average(groups, share)
    levels = grid.frame.loc[[rows[0] for rows in groups], [*shown, *split]].reset_index(drop=True)
    test = t_test(estimate, L, ddf=ddf)
    value, se, df = (np.where(estimable, a, np.nan) for a in (test.estimate + offset, test.se, test.df))
    half = t_quantile((1 + level) / 2, df) * se
    return MarginalMeans(
        levels, tuple(split), L, offset, estimable, value, se, df, value - half, value + half, ddf, estimate
    )


def _shares(estimate: Estimate, grid: pd.DataFrame, keys: list[str]) -> Float:
    """How often the combination of the variables that are averaged over occurs in the data."""
    frame = estimate.frame()
    others = [name for name in grid.columns if name not in keys and grid[name].nunique() > 1]
    if not others:
        return np.ones(len(grid))
    counts = frame.groupby(others, observed=True).size()
    found = [
        counts.get(key if len(others) > 1 else key[0], 0)
        for key in grid[others].itertuples(index=False, name=None)
    ]
    return np.asarray(found, dtype=float)


def pairwise(means: MarginalMeans, adjust: Adjust = "tukey") -> pd.DataFrame:
    """Compare all pairs of marginal means, within each level of `by`.

    Parameters
    ----------
    means : MarginalMeans
        From `marginal_means`.
    adjust : {"tukey", "holm", "bonferroni", "sidak", "fdr", "none"}
        How p is adjusted for the number of comparisons in a family: ``"tukey"`` refers to the studentised
        range of the family's means (exact for equal standard errors, else an approximation), ``"fdr"`` is
        Benjamini & Hochberg's.

    Returns
    -------
    DataFrame
        Columns contrast, those of `by`, estimate, se, df, statistic, p; one row a pair.

    Raises
    ------
    ValueError
        If a family has one mean.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("score ~ Machine + (1 | Worker/Machine)", mm.load("machines"))
    >>> mm.pairwise(mm.marginal_means(fit, "Machine")).round(3)
      contrast  estimate     se    df  statistic      p
    0    A - B    -7.967  2.177  10.0     -3.660  0.011
    1    A - C   -13.917  2.177  10.0     -6.393  0.000
    2    B - C    -5.950  2.177  10.0     -2.733  0.051
    """
    import pandas as pd

    if adjust not in ADJUST:
        raise ValueError(f"adjust must be one of {', '.join(map(repr, ADJUST))}, not {adjust!r}")
    if not isinstance(means, MarginalMeans):
        raise TypeError(f"means must come from mm.marginal_means, not {type(means).__name__}")
    by = list(means.by)
    shown = [name for name in means.levels.columns if name not in by]
    if by:
        families = [
            np.asarray(v) for v in means.levels.groupby(by, sort=False, observed=True).indices.values()
        ]
    else:
        families = [np.arange(len(means.levels))]
    tables = []
    for family in families:
        if len(family) < 2:
            raise ValueError("a family has one mean only, so there is no pair to compare")
        pairs = list(combinations(family, 2))
        L = np.array([means.L[i] - means.L[j] for i, j in pairs])
        fixed = np.array([means.offset[i] - means.offset[j] for i, j in pairs])
        known = np.array([means.estimable[i] and means.estimable[j] for i, j in pairs])
        test = t_test(means.fit, L, rhs=-fixed, ddf=means.ddf)
        labels = [" ".join(map(_name, means.levels.loc[i, shown])) for i in range(len(means.levels))]
        table = pd.DataFrame({"contrast": [f"{labels[i]} - {labels[j]}" for i, j in pairs]})
        for name in by:
            table[name] = means.levels.loc[family[0], name]
        table["estimate"] = test.estimate + fixed
        table["se"], table["df"], table["statistic"] = test.se, test.df, test.statistic
        table.loc[~known, ["estimate", "se", "df", "statistic"]] = np.nan
        table["p"] = np.where(known, _adjusted(test.statistic, test.df, known, len(family), adjust), np.nan)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _name(level: Any) -> str:
    return f"{level:.4g}" if isinstance(level, float) else str(level)


def _adjusted(statistic: Float, df: Float, known: NDArray[np.bool_], n_means: int, adjust: str) -> Float:
    """Adjust p in a family of comparisons; those that cannot be estimated (not known) count too."""
    raw = np.where(known, t_p(statistic, df), 1.0)
    if adjust == "none":
        return raw
    if adjust == "tukey":
        from scipy.stats import studentized_range

        # the distribution is a two-dimensional integral: once for each different (|t|, df)
        pairs = np.round(np.column_stack([np.abs(statistic), df])[known], 13)
        keys, back = np.unique(pairs, axis=0, return_inverse=True)
        tail = [studentized_range.sf(np.sqrt(2) * t, n_means, v) for t, v in keys]
        raw[known] = np.clip(np.array(tail), 0, 1)[np.ravel(back)]
        return raw
    from statsmodels.stats.multitest import multipletests

    with np.errstate(divide="ignore"):  # log(1 - p) at p = 1
        return np.asarray(multipletests(raw, method={"fdr": "fdr_bh"}.get(adjust, adjust))[1])
