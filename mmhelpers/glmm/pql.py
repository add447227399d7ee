"""Penalised quasi-likelihood (Breslow & Clayton 1993), as R's MASS::glmmPQL does it.

The response is replaced by a working response with working weights; a linear mixed model is fitted to it by maximum
likelihood, its residual variance estimated too; this is repeated until the linear predictor stands still.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cells import Cells
from .families import BINOMIAL

__all__ = ["pql"]

FloatArray = NDArray[np.float64]
#: linear predictors are kept within this, where a probability of 1 still has a working weight
FARTHEST = 18.0
GOLDEN = (np.sqrt(5) - 1) / 2
#: the logarithm of the ratio of standard deviations is looked for between these
RANGE = (-8.0, 6.0)
COARSE = np.linspace(*RANGE, 29)


def _linear_mixed(
    data: Cells, z: FloatArray, w: FloatArray, log_ratio: FloatArray, n: float
) -> tuple[FloatArray, ...]:
    """Fit by generalised least squares at a given ratio; criterion, coefficients, cov, scale, predictions."""
    t2 = np.exp(2 * log_ratio)[:, None]
    s = data.sums(w)
    shrink = t2 / (1 + t2 * s) * data.count
    wx = w[..., None] * data.x
    a = np.add.reduceat(wx, data.first, axis=1)  # (rep, g, p)
    c = data.sums(w * z)
    times = data.spread(np.broadcast_to(data.count, (w.shape[0], len(data.first))))
    xvx = np.einsum("rmp,mq,rm->rpq", wx, data.x, times) - np.einsum("rgp,rgq,rg->rpq", a, a, shrink)
    xvz = np.einsum("rmp,rm,rm->rp", wx, z, times) - np.einsum("rgp,rg,rg->rp", a, c, shrink)
    zvz = (w * z**2 * times).sum(axis=1) - (c**2 * shrink).sum(axis=1) + _within(data, w, times)
    beta = np.linalg.solve(xvx, xvz[..., None])[..., 0]
    rss = zvz - (beta * xvz).sum(axis=1)
    criterion = n * np.log(rss) + (data.count * np.log1p(t2 * s)).sum(axis=1)
    u = t2 / (1 + t2 * s) * (c - np.einsum("rgp,rp->rg", a, beta))
    return criterion, beta, np.linalg.inv(xvx), rss / n, u


def _within(data: Cells, w: FloatArray, times: FloatArray) -> FloatArray | float:
    """Give the squares that are lost when answers of yes or no are added up to a cell."""
    if not data.single:
        return 0.0
    share = data.y / data.weight
    return np.asarray((times * data.weight**2 * share * (1 - share) / w).sum(axis=1))


def _best_ratio(
    data: Cells, z: FloatArray, w: FloatArray, n: float, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Find the ratio of standard deviations by golden section, in all data sets at a time."""
    one, two = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    f_one, f_two = (_linear_mixed(data, z, w, q, n)[0] for q in (one, two))
    for _ in range(200):
        if (high - low).max() < 1e-7:
            break
        left = f_one < f_two
        low, high = np.where(left, low, one), np.where(left, two, high)
        new = np.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        value = _linear_mixed(data, z, w, new, n)[0]
        one, two, f_one, f_two = (
            np.where(left, new, two),
            np.where(left, one, new),
            np.where(left, value, f_two),
            np.where(left, f_one, value),
        )
    return (low + high) / 2


def pql(
    data: Cells, rows: float, start: FloatArray, iterations: int = 100, tolerance: float = 1e-10
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Fit by PQL.

    Parameters
    ----------
    data : Cells
        ``n_rep`` data sets.
    rows : float
        Number of rows the user's table has: the residual variance of the linear mixed model divides by it.
    start : array (n_rep, p)
        Coefficients of a fit without clusters, where R starts as well.

    Returns
    -------
    beta, sigma, covariance : arrays (n_rep, p), (n_rep,), (n_rep, p, p)
    converged : array (n_rep,) of bool
    """
    n_rep, p = start.shape
    beta, sigma = start.copy(), np.zeros(n_rep)
    covariance = np.full((n_rep, p, p), np.nan)
    converged = np.zeros(n_rep, dtype=bool)
    u = np.zeros((n_rep, len(data.first)))
    live = np.arange(n_rep)
    width, ratio = np.full(n_rep, COARSE[1] - COARSE[0]), np.full(n_rep, np.nan)
    for _ in range(iterations):
        if not len(live):
            break
        own = data.take(live)
        eta = np.clip(beta[live] @ data.x.T + data.spread(u[live]), -FARTHEST, FARTHEST)
        mu = BINOMIAL.mean(eta)
        w = np.maximum(own.weight * BINOMIAL.variance(mu), 1e-12)
        z = eta + (own.y - own.weight * mu) / w
        if np.isnan(ratio[live]).any():  # the criterion may have two valleys: begin in the deeper one
            depth = [_linear_mixed(own, z, w, np.full(len(live), q), rows)[0] for q in COARSE]
            ratio[live] = COARSE[np.argmin(depth, axis=0)]
        low = np.maximum(RANGE[0], ratio[live] - width[live])
        high = np.minimum(RANGE[1], ratio[live] + width[live])
        best = _best_ratio(own, z, w, rows, low, high)
        _, beta[live], vcov, scale, u[live] = _linear_mixed(own, z, w, best, rows)
        # the next ratio is looked for near this one, unless this one stood at the edge
        near = 0.01 * (high - low)
        edge = (best - low < near) & (low > RANGE[0]) | (high - best < near) & (high < RANGE[1])
        width[live] = np.where(edge, 4 * width[live], np.maximum(4 * np.abs(best - ratio[live]), 0.01))
        ratio[live] = best
        sigma[live] = np.exp(best) * np.sqrt(scale)
        covariance[live] = vcov * scale[:, None, None]
        new = beta[live] @ data.x.T + data.spread(u[live])
        done = ((new - eta) ** 2).sum(axis=1) < tolerance * (eta**2).sum(axis=1)
        converged[live[done & ~edge]] = True
        live = live[~(done & ~edge)]
    sigma[ratio < RANGE[0] + 0.01] = 0.0
    return beta, sigma, covariance, converged
