"""Responses as their own fits see them: the model fitted again to every simulated response.

What is ranked afterwards must have one law for the observed and the simulated responses. (Response - fitted) / sd has
it for a gaussian. For counts and proportions it has not: the values that 0/1 responses can take are set by the fit, so
that ranks of Pearson residuals compare the fits, of which the observed one lies in the middle by construction, and no
test would ever reject. Quantiles of the distribution that its own fit gives each response have it, whatever the fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..adapters import FitView, UnsupportedFitError
from ..adapters.families import Family

__all__ = ["refitted_fits"]

Array = NDArray[np.float64]

TINY = 1e-12  # least variance, for fitted probabilities of 0 or 1
FAR = 37.0  # normal scores end here, where the tail's probability still is a number


def refitted_fits(
    seen: FitView, simulated: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array | None, Array | None]:
    """Fitted means of the refits, shape (n, n_sim); of fit and refits: standard deviations, expected zeros, scores."""
    if seen.refit is None:
        raise UnsupportedFitError(f"fits of {seen.engine} cannot be refitted here; leave refit out")
    # where the engine itself simulates, `family` is not the whole distribution
    counts = seen.family.discrete and seen.simulator is None
    if seen.refit_many is not None:
        means, dispersion = seen.refit_many(simulated)
        families = [replace(seen.family, dispersion=float(d)) for d in (seen.family.dispersion, *dispersion)]
        every = np.column_stack([seen.fitted(True), means])
        weights = [seen.weights] * every.shape[1]
        scale = np.column_stack([_sd(f, mu, seen.weights) for f, mu in zip(families, every.T, strict=True)])
    else:
        views = (seen, *(seen.refit(y) for y in simulated.T))
        families, weights = [view.family for view in views], [view.weights for view in views]
        every = np.column_stack([view.fitted(True) for view in views])
        scale = np.column_stack([_sd_of(view) for view in views])
    if not counts:
        return every[:, 1:], scale, None, None
    parts = list(zip(families, every.T, weights, strict=True))
    zeros = np.array([f.zero_probability(mu, w).sum() for f, mu, w in parts], dtype=float)
    responses = np.column_stack([seen.observed, simulated]).T
    within: Array = rng.random((len(parts), seen.nobs))
    columns = [_own_scores(responses[k, :], within[k, :], *part) for k, part in enumerate(parts)]
    known = [column for column in columns if column is not None]
    return every[:, 1:], scale, zeros, np.column_stack(known) if len(known) == len(columns) else None


def _own_scores(y: Array, within: Array, family: Family, mu: Array, weights: Array) -> Array | None:
    """Randomised normal quantiles of counts or proportions under their own fit; None for families without a formula."""
    from scipy.special import ndtri

    tails = family.tails(y, mu, weights)
    if tails is None:
        return None
    (below, up_to), (from_here, above) = tails
    low = below + within * (up_to - below)
    high = above + (1 - within) * (from_here - above)  # 1 - low, without the loss of digits near 1
    return np.asarray(np.clip(np.where(low < 0.5, ndtri(low), -ndtri(high)), -FAR, FAR))


def _sd_of(seen: FitView) -> Array:
    """Standard deviation of each response around its fitted mean, random effects kept."""
    if seen.variance is not None:
        return np.sqrt(np.maximum(seen.variance, TINY))
    if seen.correlation is not None:
        return np.asarray(seen.sigma * np.sqrt(np.diag(seen.correlation)))
    return _sd(seen.family, seen.fitted(True), seen.weights)


def _sd(family: Family, mu: Array, weights: Array) -> Array:
    """Standard deviation by the family's variance function; 1 where it has none."""
    try:
        return np.sqrt(np.maximum(family.variance(mu, weights), TINY))
    except ValueError:
        return np.ones_like(mu)
