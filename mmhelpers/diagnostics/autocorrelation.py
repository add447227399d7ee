"""Test whether residuals that are near in time or space resemble each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..residuals.quantile import QuantileResiduals
from ..testtable import TestRow, TestTable
from .chance import Ties, scaled, side, simulation_p
from .whitening import whitened

__all__ = ["check_spatial", "check_temporal"]

Array = NDArray[np.float64]

N_DRAWS = 9999  # of the null distribution, for series too short for the normal approximation
SEED = 20240229


def _places(values: ArrayLike, n: int, name: str) -> Array:
    array = np.asarray(values, dtype=float)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}; it needs one value for each of the {n} residuals")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {int((~np.isfinite(array)).sum())} missing or infinite values")
    return array


def check_temporal(
    r: Any,
    time: ArrayLike,
    alternative: str = "two-sided",
    group: Any = None,
    method: str | None = None,
    ties: Ties = "conservative",
    rng: np.random.Generator | int | None = None,
) -> TestTable:
    """Test whether residuals that follow each other in time are correlated: Durbin and Watson's test.

    Parameters
    ----------
    r : QuantileResiduals, a fit, or array of shape (n,)
        Quantile residuals, or scaled residuals made elsewhere.
    time : array, shape (n,)
        Time of each observation; different within a series.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for positive autocorrelation.
    group : array, shape (n,), optional
        Series of each observation: only neighbours of one series are compared.
    method : {"normal", "draws", "simulation"}, optional
        Where the p-value comes from. normal: the normal approximation of Durbin & Watson (1950), for one long
        series. draws: the statistic of independent uniform residuals, by simulation. simulation: the
        statistic of every simulated response in its turn, which is right where the model itself has groups or
        correlation in time: it tests for what the model has not accounted for. By default: simulation where
        the simulations are known and come from random effects drawn anew or were refitted, else normal for one series
        from 100 observations on, else draws.
    ties : {"conservative", "random"}
        For p-values by draws or simulation: see `mmhelpers.diagnostics.chance.simulation_p`.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is DW: about 2 without autocorrelation, towards 0 for positive, towards 4 for negative.

    Notes
    -----
    Rows of a group whose effect was drawn anew resemble each other, and that hides what neighbours share: each
    residual is mostly its group's. By simulation DW is therefore that of V^-1 r, with r the residuals as normal scores
    and V the correlation within groups that the fit implies, read off the simulations. That is the direction of the
    score statistic r' V^-1 C V^-1 r for a small dependence C of neighbours on top of V (Rao 1948), the most powerful
    one; centring by group, which also removes the groups, would lose what only differs between them. Where nothing is
    shared V = I, and the residuals are taken as they are.

    References
    ----------
    Durbin & Watson (1950), Biometrika 37:409-428, for mean and variance of DW; Rao (1948), Proc. Cambridge
    Philosophical Society 44:50-57.

    Examples
    --------
    >>> r = (np.sin(np.arange(60) / 5) + 1) / 2
    >>> check_temporal(r, time=np.arange(60), alternative="greater").p < 0.001
    True
    """
    values, known = scaled(r)
    n, wanted = len(values), side(alternative)
    order, same = _neighbours(_places(time, n, "time"), group, n)
    statistic = float(_durbin_watson(values[order][:, None], same)[0])
    one = bool(same.all())
    chosen = method
    if chosen is None:
        dependent = known is not None and known.independent is False
        chosen = "simulation" if dependent else "normal" if one and n >= 100 else "draws"
    if chosen == "normal":
        if not one:
            raise ValueError(
                "method='normal' is for one series; leave it out, or use 'draws' or 'simulation'"
            )
        from scipy.stats import norm

        mean, sd = _durbin_watson_moments(n)
        lower = float(norm.cdf((statistic - mean) / sd))  # small DW: positive autocorrelation
        upper = 1 - lower
        p = {"greater": lower, "less": upper, "two-sided": min(1.0, 2 * min(lower, upper))}[wanted]
        words = "normal approximation"
    else:
        if chosen == "draws":
            draws = np.random.default_rng(SEED).random((n, N_DRAWS))
            null, words = _durbin_watson(draws, same), f"{N_DRAWS} draws of independent residuals"
        elif chosen == "simulation" and known is not None:
            every = _durbin_watson(_taken_out(known)[order], same)
            statistic, null = float(every[0]), every[1:]
            words = f"{known.n_sim} simulations, each in its turn taken as observed"
        else:
            raise ValueError(f"method is {method!r}; 'normal', 'draws', or with simulations 'simulation'")
        flipped = {"greater": "less", "less": "greater", "two-sided": "two-sided"}[wanted]
        p = simulation_p(statistic, null, side(flipped), True, ties, rng)
    row = TestRow(
        name="temporal autocorrelation",
        statistic=statistic,
        p=p,
        n=n,
        statistic_name="DW",
        method=f"Durbin-Watson, {wanted}: {words}",
    )
    return TestTable((row,))


def _taken_out(known: QuantileResiduals) -> Array:
    """Columns of residuals, observed and simulated, without the correlation that groups drawn anew give them."""
    white = whitened(known)
    return known.columns if white is None else white


def _neighbours(time: Array, group: Any, n: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Order by series and time; and which successive rows belong to one series, shape (n - 1,)."""
    import pandas as pd

    if n < 3:
        raise ValueError(f"there are {n} residuals; autocorrelation needs three at least")
    labels = np.zeros(n, dtype=np.intp)
    if group is not None:
        codes = pd.factorize(np.asarray(group))[0]
        if codes.shape != (n,) or (codes < 0).any():
            raise ValueError(f"group needs one value, none of them missing, for each of the {n} residuals")
        labels = np.asarray(codes, dtype=np.intp)
    order = np.lexsort((time, labels))
    same = np.diff(labels[order]) == 0
    if (same & (np.diff(time[order]) == 0)).any():
        raise ValueError(
            "time has equal values within a series: the order of those residuals is not known. Give "
            "`group` if there are several series, or take one residual a time with "
            "r.by_group(time)"
        )
    if not same.any():
        raise ValueError("no two residuals belong to one series: nothing to compare")
    return np.asarray(order, dtype=np.intp), np.asarray(same, dtype=np.bool_)


def _durbin_watson(columns: Array, same: NDArray[np.bool_]) -> Array:
    """DW of each column, shape (m,); over several series scaled so that it is 2 without autocorrelation."""
    n = len(columns)
    centred = columns - columns.mean(axis=0)
    squares = (np.diff(centred, axis=0)[same] ** 2).sum(axis=0)
    pairs = int(same.sum())
    return np.asarray(squares / (centred**2).sum(axis=0) * ((n - 1) / pairs))


def _durbin_watson_moments(n: int) -> tuple[float, float]:
    """Mean and standard deviation of DW for residuals from a mean (Durbin & Watson 1950, equations 3 and 4).

    With A the matrix of the quadratic form of successive differences and X a column of ones: A X = 0, so that
    tr(A M) = 2 (n - 1) and tr((A M)^2) = 2 (3 n - 4).
    """
    P, Q = 2 * (n - 1), 2 * (3 * n - 4)
    df = n - 1
    mean = P / df
    variance = 2 / (df * (df + 2)) * (Q - P * mean)
    return float(mean), float(np.sqrt(variance))


def check_spatial(
    r: Any,
    x: ArrayLike,
    y: ArrayLike,
    alternative: str = "two-sided",
    method: str | None = None,
    ties: Ties = "conservative",
    rng: np.random.Generator | int | None = None,
) -> TestTable:
    """Test whether residuals that are near in space resemble each other: Moran's I.

    Parameters
    ----------
    r : QuantileResiduals, a fit, or array of shape (n,)
        Quantile residuals, or scaled residuals made elsewhere.
    x, y : array, shape (n,)
        Places of the observations, in one unit; no two the same.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for positive autocorrelation.
    method : {"normal", "simulation"}, optional
        normal: the normal approximation with the moments of I over permutations of independent residuals.
        simulation: the statistic of every simulated response in its turn, right where the model has groups or
        spatial correlation itself (the default where simulations are known and come from random effects drawn
        anew).
    ties : {"conservative", "random"}
        For p-values by simulation: see `mmhelpers.diagnostics.chance.simulation_p`.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is Moran's I with weights 1 / distance, rows scaled to sum to 1; details: expected and sd, over
        permutations of the residuals or over the simulations.

    Notes
    -----
    Where groups' effects were drawn anew, I is that of V^-1 r, the residuals with the correlation within groups taken
    out: see `check_temporal`.

    References
    ----------
    Moran (1950), Biometrika 37:17-23; Cliff & Ord (1981), Spatial Processes, section 1.5, for the moments.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.random(80), rng.random(80)
    >>> check_spatial(x, x, y, alternative="greater").p < 0.001
    True
    """
    values, known = scaled(r)
    n, wanted = len(values), side(alternative)
    if n < 4:
        raise ValueError(f"there are {n} residuals; Moran's I needs four at least")
    W = _weights(_places(x, n, "x"), _places(y, n, "y"))
    statistic = float(_moran(values[:, None], W)[0])
    expected, sd = _moran_moments(values, W)
    dependent = known is not None and known.independent is False
    chosen = method or ("simulation" if dependent else "normal")
    if chosen == "normal":
        from scipy.stats import norm

        upper = float(norm.sf((statistic - expected) / sd))
        p = {"greater": upper, "less": 1 - upper, "two-sided": min(1.0, 2 * min(upper, 1 - upper))}[wanted]
        words = "normal approximation over permutations"
    elif chosen == "simulation" and known is not None:
        every = _moran(_taken_out(known), W)
        statistic, expected, sd = float(every[0]), float(every[1:].mean()), float(every[1:].std(ddof=1))
        p = simulation_p(statistic, every[1:], wanted, True, ties, rng)
        words = f"{known.n_sim} simulations, each in its turn taken as observed"
    else:
        raise ValueError(f"method is {method!r}; it must be 'normal', or with simulations 'simulation'")
    row = TestRow(
        name="spatial autocorrelation",
        statistic=statistic,
        p=p,
        n=n,
        statistic_name="I",
        method=f"Moran's I, {wanted}: {words}",
        details={"expected": expected, "sd": sd},
    )
    return TestTable((row,))


def _weights(x: Array, y: Array) -> Array:
    """Inverse distances with rows that sum to 1, shape (n, n)."""
    distance = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    np.fill_diagonal(distance, np.inf)
    if (distance == 0).any():
        i, j = np.argwhere(distance == 0)[0]
        raise ValueError(
            f"x and y put several residuals at one place (rows {i} and {j} among them), where the weight "
            "1 / distance is not defined; take one residual a place, or move them apart by less than the "
            "data's precision"
        )
    W = 1 / distance
    return np.asarray(W / W.sum(axis=1, keepdims=True))


def _moran(columns: Array, W: Array) -> Array:
    """Moran's I of each column, shape (m,); the weights sum to n."""
    z = columns - columns.mean(axis=0)
    return np.asarray(np.einsum("im,im->m", z, W @ z) / (z**2).sum(axis=0))


def _moran_moments(values: Array, W: Array) -> tuple[float, float]:
    """Mean and standard deviation of I over permutations of the values (Cliff & Ord 1981, 1.37 to 1.39)."""
    n = len(values)
    z = values - values.mean()
    S0 = float(W.sum())
    S1 = 0.5 * float(((W + W.T) ** 2).sum())
    S2 = float(((W.sum(axis=1) + W.sum(axis=0)) ** 2).sum())
    k = float(np.mean(z**4) / np.mean(z**2) ** 2)
    mean = -1 / (n - 1)
    first = n * ((n**2 - 3 * n + 3) * S1 - n * S2 + 3 * S0**2)
    second = k * (n * (n - 1) * S1 - 2 * n * S2 + 6 * S0**2)
    square = (first - second) / ((n - 1) * (n - 2) * (n - 3) * S0**2)
    return mean, float(np.sqrt(square - mean**2))
