"""Homogeneity of variance and normality of residuals and random effects, calibrated by simulation.

The classical tests of Levene, Bartlett, Fligner and Shapiro take residuals for independent observations,
which they are not: they share estimated effects, and have unequal variances. Here the classical statistics
are kept and their p-values come from the same statistics of residuals of data simulated from the fit.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..testtable import TestRow, TestTable
from .chance import simulation_p
from .null import ResidualColumns, modes_columns, residual_columns
from .variables import values_of

__all__ = ["check_homogeneity", "check_normality", "check_random_effects"]

Array = NDArray[np.float64]
Method = Literal["levene", "bartlett", "fligner"]


def _factor(columns: ResidualColumns, factor: Any) -> tuple[str, tuple[str, ...], NDArray[np.intp]]:
    import pandas as pd

    name = factor if isinstance(factor, str) else str(getattr(factor, "name", None) or "factor")
    values = values_of(columns, factor, "factor")
    codes, levels = pd.factorize(values, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"factor {name!r} has {int((codes < 0).sum())} missing values; leave those rows out first"
        )
    if len(levels) < 2:
        raise ValueError(f"factor {name!r} has {len(levels)} level; variances differ between two or more")
    return name, tuple(str(level) for level in levels), np.asarray(codes, dtype=np.intp)


def check_homogeneity(
    fit: Any,
    factor: Any,
    method: Method = "levene",
    n_sim: int = 499,
    rng: np.random.Generator | None = None,
) -> TestTable:
    """Test whether the residuals vary equally at all levels of a factor.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `view` knows, or residuals.
    factor : str or array of shape (n,)
        Name of a variable of the fit's data, or the level of each row.
    method : {"levene", "bartlett", "fligner"}
        levene: Brown and Forsythe's form, absolute deviations from the median, F. bartlett: log variances,
        the most powerful for normal residuals. fligner: ranks of absolute deviations.
    n_sim : int
        Number of simulated data sets the p-value rests on.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.

    Returns
    -------
    TestTable
        `statistic` is the classical one; p is the share of data sets, simulated from the fit and this one, in
        which it is as large. details: "largest / smallest sd" of the levels. ``extras["sd"]``: by level.

    References
    ----------
    Brown & Forsythe (1974), JASA 69:364-367; Bartlett (1937); Fligner & Killeen (1976), JASA 71:210-213.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sex = np.repeat(["f", "m"], 50)
    >>> check_homogeneity(rng.normal(size=100) * np.where(sex == "m", 3, 1), sex).p < 0.01
    True
    """
    columns = residual_columns(fit, n_sim, rng)
    name, levels, index = _factor(columns, factor)
    counts = np.bincount(index)
    if (counts < 2).any():
        lonely = levels[int(np.argmin(counts))]
        raise ValueError(f"level {lonely!r} of {name!r} has one residual; a variance needs two")
    statistics = {"levene": _levene, "bartlett": _bartlett, "fligner": _fligner}
    if method not in statistics:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(map(repr, statistics))}")
    values = statistics[method](columns.values, index, len(levels))
    sd = np.array([np.std(columns.values[index == j, 0], ddof=1) for j in range(len(levels))])
    row = TestRow(
        name=f"equal variances by {name}",
        statistic=float(values[0]),
        p=simulation_p(float(values[0]), values[1:], "greater", exact=True),
        df=len(levels) - 1,
        n=columns.n_sim,
        statistic_name={"levene": "F", "bartlett": "K2", "fligner": "chi2"}[method],
        method=f"{method} on {columns.how}, calibrated on {columns.n_sim} simulated data sets",
        details={"largest / smallest sd": float(sd.max() / sd.min()) if sd.min() > 0 else float("inf")},
    )
    import pandas as pd

    table = pd.DataFrame({name: list(levels), "n": counts, "sd": sd})
    return TestTable((row,), extras={"sd": table})


def _by_level(values: Array, index: NDArray[np.intp], l: int) -> Array:
    """Sum within levels, shape (l, m)."""
    return np.asarray(np.eye(l)[index].T @ values)


def _centred(values: Array, index: NDArray[np.intp], l: int) -> Array:
    """Absolute deviations from the median of the level."""
    out = np.empty(values.shape)
    for j in range(l):
        rows = index == j
        out[rows] = np.abs(values[rows] - np.median(values[rows], axis=0))
    return out


def _anova(values: Array, index: NDArray[np.intp], l: int) -> Array:
    """One-way F of each column."""
    n = len(values)
    counts = np.bincount(index)[:, None]
    means = _by_level(values, index, l) / counts
    between = (counts * (means - values.mean(axis=0)) ** 2).sum(axis=0) / (l - 1)
    within = ((values - means[index]) ** 2).sum(axis=0) / (n - l)
    return np.asarray(between / np.maximum(within, 1e-300))


def _levene(values: Array, index: NDArray[np.intp], l: int) -> Array:
    return _anova(_centred(values, index, l), index, l)


def _bartlett(values: Array, index: NDArray[np.intp], l: int) -> Array:
    df = (np.bincount(index) - 1)[:, None].astype(float)
    means = _by_level(values, index, l) / (df + 1)
    variance = _by_level((values - means[index]) ** 2, index, l) / df
    total = df.sum()
    pooled = (df * variance).sum(axis=0) / total
    top = total * np.log(pooled) - (df * np.log(np.maximum(variance, 1e-300))).sum(axis=0)
    correction = 1 + ((1 / df).sum() - 1 / total) / (3 * (l - 1))
    return np.asarray(top / correction)


def _fligner(values: Array, index: NDArray[np.intp], l: int) -> Array:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    n = len(values)
    scores = ndtri(0.5 + rankdata(_centred(values, index, l), axis=0) / (2 * (n + 1)))
    counts = np.bincount(index)[:, None]
    means = _by_level(scores, index, l) / counts
    return np.asarray(
        (counts * (means - scores.mean(axis=0)) ** 2).sum(axis=0) / np.var(scores, axis=0, ddof=1)
    )


def check_normality(fit: Any, n_sim: int = 499, rng: np.random.Generator | None = None) -> TestTable:
    """Test whether residuals are normal: Shapiro and Wilk's W, calibrated by simulation.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `view` knows, or residuals.
    n_sim : int
        Number of simulated data sets the p-value rests on.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.

    Returns
    -------
    TestTable
        `statistic` is W' (Shapiro & Francia 1972), the squared correlation of the ordered residuals with
        normal scores: 1 for perfect normality, small values speak against it.

    Examples
    --------
    >>> check_normality(np.random.default_rng(1).exponential(size=80)).p < 0.01
    True
    """
    columns = residual_columns(fit, n_sim, rng)
    values = _francia(columns.values)
    row = TestRow(
        name="normality of residuals",
        statistic=float(values[0]),
        p=simulation_p(float(values[0]), values[1:], "less", exact=True),
        n=columns.n_sim,
        statistic_name="W'",
        method=f"Shapiro-Francia on {columns.how}, calibrated on {columns.n_sim} simulated data sets",
    )
    return TestTable((row,))


def _francia(values: Array) -> Array:
    """Squared correlation of each column's ordered values with Blom's normal scores, shape (m,)."""
    from scipy.special import ndtri

    n = len(values)
    scores = ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    ordered = np.sort(values, axis=0)
    ordered = ordered - ordered.mean(axis=0)
    return np.asarray((scores @ ordered) ** 2 / ((scores**2).sum() * (ordered**2).sum(axis=0)))


def check_random_effects(fit: Any, n_sim: int = 499, rng: np.random.Generator | None = None) -> TestTable:
    """Test whether the random effects are normal: Shapiro and Francia's W' of the conditional modes.

    The modes (BLUPs) are shrunken and correlated, so their statistic is held against that of the modes of
    data simulated from the fit. With few groups no test can see much (Verbeke & Lesaffre 1996): a large p is
    weak evidence for normality.

    Parameters
    ----------
    fit : a fit of a linear mixed model
        What `view` knows.
    n_sim : int
        Number of simulated data sets the p-values rest on.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.

    Returns
    -------
    TestTable
        A row for each grouping factor and effect with a variance above zero.

    References
    ----------
    Verbeke & Lesaffre (1996), JASA 91:217-221.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"g": np.repeat(np.arange(60), 5)})
    >>> data["y"] = rng.normal(size=300) + 3 * rng.exponential(size=60)[data.g]
    >>> check_random_effects(smf.mixedlm("y ~ 1", data, groups="g").fit()).p < 0.05
    True
    """
    from ..adapters import view

    rows = []
    for (group, column), modes in modes_columns(view(fit), n_sim, rng).items():
        if len(modes) < 4:
            continue
        values = _francia(modes)
        rows.append(
            TestRow(
                name=f"normality of {group} {column}",
                statistic=float(values[0]),
                p=simulation_p(float(values[0]), values[1:], "less", exact=True),
                n=len(modes),
                statistic_name="W'",
                method=f"Shapiro-Francia on conditional modes, calibrated on {n_sim} simulated data sets",
            )
        )
    if not rows:
        raise ValueError(
            "no grouping factor has four levels and a variance above zero: there is nothing to test"
        )
    return TestTable(tuple(rows))
