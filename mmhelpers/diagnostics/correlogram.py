"""How alike residuals are at each lag in time: autocorrelation function and Ljung-Box test.

Each with the band that residuals of data simulated from the fit stay in: residuals are correlated even where
the errors are not, since they share estimates, and the band has that in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..testtable import TestRow, TestTable
from .chance import simulation_p
from .envelopes import global_envelope
from .null import ResidualColumns, ResidualKind, residual_columns
from .variables import codes_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["acf", "check_autocorrelation"]

Array = NDArray[np.float64]


def acf(
    fit: Any,
    time: Any = None,
    group: Any = None,
    max_lag: int | None = None,
    kind: ResidualKind = "normalized",
    conditional: bool | None = None,
    step: float | None = None,
    confidence: float = 0.95,
    n_sim: int = 499,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Autocorrelation function of residuals, gaps and several series allowed, with the band of chance.

    The autocorrelation at a lag is the mean product of the residuals of one series that are that lag apart, over
    the mean square: nlme's ``ACF``, but by time and not by position, so that a missing year is no mistake.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `view` knows, or residuals (taken as independent by the band).
    time : str or array of shape (n,), optional
        Time of each row, on a regular grid with or without gaps: name of a variable of the fit's data, or values.
        Without it the position of the row in its series.
    group : str or array of shape (n,), optional
        Series of each row (a variable, a grouping factor, or values); without it all rows are one series.
    max_lag : int, optional
        Largest lag; by default 10 log10(length of the longest series), as in R, and no more than it has.
    kind : {"normalized", "standardized"}
        Of a linear model's fit: normalized residuals ask whether correlation is left beyond the model's own
        correlation structure; standardized ones show what is there. Other fits have quantile residuals.
    conditional : bool, optional
        Residuals around the fitted values with random effects in them (default for linear models, whose band knows
        that the effects were estimated), or with random effects drawn anew in the simulations (default for others).
    step : float, optional
        Time of one lag; by default the smallest difference within a series.
    confidence : float
        Probability that a data set from the model stays in the band at all lags.
    n_sim : int
        Number of simulated data sets behind the band.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.

    Returns
    -------
    pandas.DataFrame
        Columns lag (from 0), acf, pairs, expected (mean of the simulations), lower, upper. Lags without pairs are
        left out.

    References
    ----------
    Box & Jenkins (1970); Pinheiro & Bates (2000), section 5.3.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(60) / 4)
    >>> table = acf(wave, max_lag=2)
    >>> bool((table["acf"] > table["upper"])[1:].all())
    True
    """
    import pandas as pd

    columns = residual_columns(fit, n_sim, rng, conditional, kind)
    series = _series(columns, time, group, step)
    values, pairs = _autocorrelations(columns.values, series, _max_lag(series, max_lag))
    lags = np.flatnonzero(pairs > 0)
    lower, upper = np.ones(len(lags)), np.ones(len(lags))
    if len(lags) > 1:
        lower[1:], upper[1:] = global_envelope(values[lags[1:], 1:], confidence)
    return pd.DataFrame(
        {
            "lag": lags,
            "acf": values[lags, 0],
            "pairs": pairs[lags],
            "expected": values[lags, 1:].mean(axis=1),
            "lower": lower,
            "upper": upper,
        }
    )


def check_autocorrelation(
    fit: Any,
    time: Any = None,
    group: Any = None,
    lags: int | None = None,
    kind: ResidualKind = "normalized",
    conditional: bool | None = None,
    step: float | None = None,
    n_sim: int = 499,
    rng: np.random.Generator | None = None,
) -> TestTable:
    """Test whether residuals are correlated at any of the first lags: Ljung and Box's Q, calibrated by simulation.

    Parameters
    ----------
    fit, time, group, kind, conditional, step, n_sim, rng
        As for `acf`.
    lags : int, optional
        How many lags; by default 10, and no more than a fifth of the longest series (at least 1).

    Returns
    -------
    TestTable
        `statistic` is Q = (n + 2) / n * sum over lags k of n_k acf_k^2, with n_k pairs at lag k: Ljung and Box's Q
        for one series without gaps. p is the share of simulated data sets in which it is as large.

    References
    ----------
    Ljung & Box (1978), Biometrika 65:297-303.

    Examples
    --------
    >>> import numpy as np
    >>> check_autocorrelation(np.sin(np.arange(60) / 4)).p < 0.01
    True
    """
    columns = residual_columns(fit, n_sim, rng, conditional, kind)
    series = _series(columns, time, group, step)
    longest = int(np.bincount(series.label).max())
    wanted = max(1, min(10, longest // 5)) if lags is None else lags
    values, pairs = _autocorrelations(columns.values, series, _max_lag(series, wanted))
    if pairs[1:].sum() == 0:
        raise ValueError(f"no two residuals of a series are {wanted} lags apart or less: nothing to test")
    n = len(columns.values)
    Q = (n + 2) / n * (pairs[1:, None] * np.nan_to_num(values[1:]) ** 2).sum(axis=0)
    row = TestRow(
        name="autocorrelation",
        statistic=float(Q[0]),
        p=simulation_p(float(Q[0]), Q[1:], "greater", exact=True),
        df=int((pairs[1:] > 0).sum()),
        n=n,
        statistic_name="Q",
        method=f"Ljung-Box on {columns.how}, calibrated on {columns.n_sim} simulated data sets",
        details={"acf at lag 1": float(values[1, 0])} if pairs[1] else {},
    )
    return TestTable((row,))


@dataclass(frozen=True)
class _Series:
    """Which series each row belongs to, and its place on the grid of that series."""

    label: NDArray[np.intp]
    place: NDArray[np.int64]

    @property
    def length(self) -> int:
        """Number of grid places from the first to the last row of the longest series."""
        return int(self.place.max()) + 1


def _series(columns: ResidualColumns, time: Any, group: Any, step: float | None) -> _Series:
    label = codes_of(columns, group)
    n = len(label)
    if n < 3:
        raise ValueError(f"there are {n} residuals; autocorrelation needs three at least")
    order = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(label[order]) > 0])
    if time is None:
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))
        return _Series(label, place)
    times = numbers_of(columns, time, "time")
    order = np.lexsort((times, label))
    same = np.diff(label[order]) == 0
    gaps = np.diff(times[order])[same]
    if len(gaps) == 0:
        raise ValueError("no two residuals belong to one series: nothing to compare")
    if gaps.min() <= 0:
        raise ValueError(
            "time has equal values within a series: give `group` if there are several series, or take one "
            "residual a time"
        )
    unit = float(gaps.min()) if step is None else float(step)
    if not unit > 0:
        raise ValueError(f"step is {step}; it must be above 0")
    first = np.full(int(label.max()) + 1, np.inf)
    np.minimum.at(first, label, times)
    exact = (times - first[label]) / unit
    place = np.rint(exact).astype(np.int64)
    off = np.abs(exact - place)
    if off.max() > 0.05:
        raise ValueError(
            f"time is not on a regular grid: with a step of {unit:g} some rows lie {off.max():.2f} steps off. Give "
            "`step`, leave time out (lags are then positions in the series), or use variogram, which takes any times"
        )
    return _Series(label, place)


def _max_lag(series: _Series, wanted: int | None) -> int:
    longest = series.length - 1
    if wanted is None:
        return max(1, min(longest, int(10 * np.log10(longest + 1))))
    if wanted < 1:
        raise ValueError(f"the number of lags is {wanted}; at least one is needed")
    return min(wanted, longest)


def _autocorrelations(values: Array, series: _Series, max_lag: int) -> tuple[Array, NDArray[np.intp]]:
    """Mean product of pairs at each lag over the mean square, shape (max_lag + 1, m); and the numbers of pairs."""
    n = len(values)
    width = series.length + max_lag + 1
    key = series.label.astype(np.int64) * width + series.place
    order = np.argsort(key)
    ordered = key[order]
    if (np.diff(ordered) == 0).any():
        raise ValueError("several rows of a series fall on one place of the grid: give a smaller `step`")
    square = (values**2).mean(axis=0)
    out = np.full((max_lag + 1, values.shape[1]), np.nan)
    pairs = np.zeros(max_lag + 1, dtype=np.intp)
    out[0], pairs[0] = 1.0, n
    for lag in range(1, max_lag + 1):
        found = np.minimum(np.searchsorted(ordered, ordered + lag), n - 1)
        left = np.flatnonzero(ordered[found] == ordered + lag)
        pairs[lag] = len(left)
        if len(left):
            products = np.einsum("ij,ij->j", values[order[left]], values[order[found[left]]])
            out[lag] = products / len(left) / square
    return out, pairs
