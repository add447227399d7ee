"""Test whether quantile residuals are uniform: is the distribution right that a model gives responses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..testtable import TestRow, TestTable
from .chance import Alternative, Ties, scaled, side, simulation_p

__all__ = ["check_uniformity"]

Array = NDArray[np.float64]


def check_uniformity(
    r: Any,
    alternative: str = "two-sided",
    method: str | None = None,
    ties: Ties = "conservative",
    rng: np.random.Generator | int | None = None,
) -> TestTable:
    """Test whether quantile residuals are uniform on (0, 1): Kolmogorov and Smirnov's test.

    Parameters
    ----------
    r : QuantileResiduals, a fit, or array of shape (n,)
        Quantile residuals, or scaled residuals made elsewhere.
    alternative : {"two-sided", "greater", "less"}
        "greater": the distribution function of the residuals lies above that of the uniform (residuals too
        small); "less": below it.
    method : {"simulation", "independent"}, optional
        Where the p-value comes from. simulation: the same statistic of every simulated response in its turn,
        which is right where observations depend on each other, as those of one group do, and after refits. independent:
        Kolmogorov's distribution for independent residuals: the default for given residuals, and for simulations of a
        fit without random effects or with these kept.
    ties : {"conservative", "random"}
        For p-values by simulation: see `mmhelpers.diagnostics.chance.simulation_p`. Ranks are whole, so that D has ties.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is the largest distance D (D+ or D- for one-sided alternatives) between the residuals'
        distribution function and the uniform one.

    Notes
    -----
    Of a mixed model's fit (of counts or proportions) the residuals around the random effects as fitted are tested:
    with new ones, most of the distance is that between groups, and hides the rest. Quantile residuals are tested as
    they were made.

    References
    ----------
    Kolmogorov (1933); Smirnov (1948); the limiting distribution of the two-sided statistic is used from 100
    observations on, as in R's ks.test.

    Examples
    --------
    >>> check_uniformity((np.arange(50) + 0.5) / 50).p > 0.99
    True
    """
    values, known = scaled(_around_modes(r))
    wanted = side(alternative)
    alone = known is None or known.independent
    chosen = method or ("independent" if alone else "simulation")
    statistic = float(_distance(values[:, None], wanted)[0])
    if chosen == "simulation":
        if known is None:
            raise ValueError("method='simulation' needs the simulations: pass what quantile_residuals gives")
        others = _distance(known.columns[:, 1:], wanted)
        # a distance: large values count, whichever side was asked for
        p = simulation_p(statistic, others, "greater", True, ties, rng)
        words = f"{known.n_sim} simulations, each in its turn taken as observed"
    elif chosen == "independent":
        p = _independent_p(statistic, len(values), wanted)
        words = "Kolmogorov's distribution for independent residuals"
    else:
        raise ValueError(f"method is {method!r}; it must be 'simulation' or 'independent'")
    name = {"two-sided": "D", "greater": "D+", "less": "D-"}[wanted]
    row = TestRow(
        name="uniformity",
        statistic=statistic,
        p=p,
        n=len(values),
        statistic_name=name,
        method=f"Kolmogorov-Smirnov, {wanted}: {words}",
    )
    return TestTable((row,))


def _around_modes(r: Any) -> Any:
    """Quantile residuals of a generalised mixed model's fit around its modes; anything else as it is."""
    from ..adapters import is_fit, view
    from ..residuals.quantile import quantile_residuals

    if not is_fit(r):
        return r
    seen = view(r)
    return quantile_residuals(seen, conditional=True) if seen.random and not seen.linear else seen


def _distance(columns: Array, alternative: Alternative) -> Array:
    """Kolmogorov-Smirnov statistic of each column, shape (m,)."""
    ordered = np.sort(columns, axis=0)
    n = len(ordered)
    steps = np.arange(1, n + 1, dtype=float)[:, None] / n
    above = np.asarray((steps - ordered).max(axis=0), dtype=float)
    below = np.asarray((ordered - (steps - 1 / n)).max(axis=0), dtype=float)
    if alternative == "greater":
        return above
    if alternative == "less":
        return below
    return np.asarray(np.maximum(above, below))


def _independent_p(statistic: float, n: int, alternative: Alternative) -> float:
    from scipy import stats
    from scipy.special import kolmogorov

    if alternative == "two-sided":
        return float(stats.kstwo.sf(statistic, n)) if n < 100 else float(kolmogorov(np.sqrt(n) * statistic))
    if n < 100:
        return float(stats.ksone.sf(statistic, n))
    return float(np.exp(-2 * n * statistic**2))
