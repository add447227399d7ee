"""p-values by simulation, and what every diagnosis needs to read its input."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..adapters import is_fit
from ..residuals.quantile import QuantileResiduals, quantile_residuals

__all__ = ["Alternative", "need_simulations", "scaled", "side", "simulation_p"]

Array = NDArray[np.float64]
Alternative = Literal["two-sided", "greater", "less"]


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


def simulation_p(observed: float, simulated: Array, alternative: Alternative, exact: bool = False) -> float:
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

    Returns
    -------
    float
    """
    above, below = int((simulated >= observed).sum()), int((simulated <= observed).sum())
    m = len(simulated)
    upper = (above + 1) / (m + 1) if exact else above / m
    lower = (below + 1) / (m + 1) if exact else below / m
    if alternative == "greater":
        return float(upper)
    if alternative == "less":
        return float(lower)
    return float(min(1.0, 2 * min(upper, lower)))


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
