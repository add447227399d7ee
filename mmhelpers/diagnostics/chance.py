"""p-values by simulation, and what every diagnosis needs to read its input."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..adapters import is_fit
from ..residuals.quantile import QuantileResiduals, quantile_residuals

__all__ = ["Alternative", "Ties", "blaker_p", "need_simulations", "scaled", "side", "simulation_p"]

Array = NDArray[np.float64]
Alternative = Literal["two-sided", "greater", "less"]
Ties = Literal["conservative", "random"]


def side(alternative: str) -> Alternative:
    """Read an alternative hypothesis: "two-sided" (or R's "two.sided"), "greater", "less"."""
    value = alternative.replace(".", "-").replace("_", "-")
    if value == "two-sided":
        return "two-sided"
    if value == "greater":
        return "greater"
    if value == "less":
        return "less"
    raise ValueError(f"alternative is {alternative!r}; it must be 'two-sided', 'greater' or 'less'")


def simulation_p(
    observed: float,
    simulated: Array,
    alternative: Alternative,
    exact: bool = False,
    ties: str = "conservative",
    rng: np.random.Generator | int | None = None,
) -> float:
    """p-value of a statistic against its simulated values.

    Parameters
    ----------
    observed : float
        The statistic.
    simulated : array, shape (n_sim,)
        Its values under the model.
    alternative : {"two-sided", "greater", "less"}
        Which deviations count.
    exact : bool
        Count the observed value among the simulated ones, (k + 1) / (n_sim + 1): the test then has its level
        for any number of simulations, and p is never 0 (Davison & Hinkley 1997, section 4.2). Otherwise k /
        n_sim, the estimate of the tail's probability that DHARMa gives.
    ties : {"conservative", "random"}
        conservative: simulated values that equal the observed one count as extreme, so that p may be too large
        but never too small. random: the observed value takes a random place among those it ties with, and p is
        continuous between the ranks: where observed and simulated values are exchangeable p is uniform, and the test
        rejects exactly at its level, two-sided too, and whatever the ties (Lehmann & Romano 2005, section 3.2). That is
        what a study of level needs; the p of a single data set then changes with the seed. The observed value
        counts among the simulated ones, whatever `exact` says.
    rng : numpy.random.Generator or int
        Source of the random place, or its seed; needed for ties="random", for which there is no fixed seed: the same
        place in every data set would be no randomness.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `ties` is unknown, or random without `rng`.

    Examples
    --------
    >>> number = np.array([0.0, 0, 1, 0, 2, 0, 0, 1, 0])
    >>> simulation_p(1.0, number, "greater", exact=True)
    0.4
    >>> 0.1 < simulation_p(1.0, number, "greater", ties="random", rng=1) < 0.4
    True
    """
    above, below = int((simulated >= observed).sum()), int((simulated <= observed).sum())
    m = len(simulated)
    if ties == "random":
        if not isinstance(rng, np.random.Generator | int | np.integer):
            raise ValueError('ties="random" needs rng: a numpy.random.Generator, or a seed of your own')
        equal = above + below - m
        place = np.random.default_rng(rng).random() * (equal + 1)
        upper = (above - equal + place) / (m + 1)
        lower = 1 - upper
    elif ties == "conservative":
        upper = (above + 1) / (m + 1) if exact else above / m
        lower = (below + 1) / (m + 1) if exact else below / m
    else:
        raise ValueError(f"ties is {ties!r}; it must be 'conservative' or 'random'")
    if alternative == "greater":
        return float(upper)
    if alternative == "less":
        return float(lower)
    return float(min(1.0, 2 * min(upper, lower)))


def blaker_p(observed: float, simulated: Array, exact: bool = False) -> float:
    """Two-sided p-value of a small whole number against its simulated values: Blaker's.

    Doubling the smaller tail charges for a second tail that is not there: where none of 200 observations is expected to
    be an outlier, no number of them is too small. Here p is the share of simulated values that are no likelier than the
    observed one, judged by the smaller of their two tails; it is never above the doubled tail, and never below the
    level it promises.

    Parameters
    ----------
    observed : float
        The statistic.
    simulated : array, shape (n_sim,)
        Its values under the model.
    exact : bool
        Count the observed value among the simulated ones; see `simulation_p`.

    Returns
    -------
    float

    References
    ----------
    Blaker (2000), Canadian Journal of Statistics 28:783-798.

    Examples
    --------
    >>> number = np.array([0.0, 0, 1, 0, 2, 0, 0, 1, 0, 0])
    >>> blaker_p(2.0, number), simulation_p(2.0, number, "two-sided")
    (0.1, 0.2)
    """
    pool = np.append(simulated, observed) if exact else np.asarray(simulated, dtype=float)
    ordered, values = np.sort(pool), np.append(pool, observed)
    above = len(pool) - np.searchsorted(ordered, values, side="left")
    below = np.searchsorted(ordered, values, side="right")
    tails = np.minimum(above, below)
    return float((tails[:-1] <= tails[-1]).mean())


def need_simulations(r: Any, test: str) -> QuantileResiduals:
    """Give quantile residuals with their simulations, from themselves or from a fit; refuse others."""
    if isinstance(r, QuantileResiduals):
        return r
    if not is_fit(r) and (isinstance(r, np.ndarray | list | tuple) or hasattr(r, "to_numpy")):
        raise ValueError(
            f"{test} compares observed with simulated responses, which scaled residuals no longer have; "
            "pass what quantile_residuals gives, or the fit"
        )
    return quantile_residuals(r)


def scaled(r: Any) -> tuple[Array, QuantileResiduals | None]:
    """Give residuals scaled to (0, 1), and their simulations where they are known."""
    if isinstance(r, QuantileResiduals):
        return r.values, r
    if not is_fit(r) and (isinstance(r, np.ndarray | list | tuple) or hasattr(r, "to_numpy")):
        values = np.asarray(r, dtype=float)
        if values.ndim != 1 or len(values) == 0:
            raise ValueError(f"r has shape {values.shape}; scaled residuals are one-dimensional")
        if not np.isfinite(values).all():
            raise ValueError(f"r has {int((~np.isfinite(values)).sum())} missing or infinite values")
        if values.min() < 0 or values.max() > 1:
            raise ValueError(
                f"r has values from {values.min():.3g} to {values.max():.3g}; scaled residuals lie "
                "between 0 and 1. For other residuals use quantile_residuals first"
            )
        return values, None
    simulated = quantile_residuals(r)
    return simulated.values, simulated
