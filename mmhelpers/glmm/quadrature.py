"""The likelihood of a random-intercept model by adaptive Gauss-Hermite quadrature, with its gradient.

With one point this is Laplace's approximation (Pinheiro & Bates 1995, section 2.4; Liu & Pierce 1994), glmer's with
``nAGQ = 1`` and glmmTMB's. The gradient is that of the approximation itself, not of the integral: modes and widths move
with the parameters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .cells import Cells

__all__ = ["log_likelihood", "modes_of"]

FloatArray = NDArray[np.float64]
#: a last step of Newton's this long leaves modes within about 1e-11, for its error is of the order of its square
CLOSE = 5e-6


@lru_cache(maxsize=32)
def _rule(points: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and log weights: the integral of f is the sum of w f(z) root(2 pi)."""
    z, w = np.polynomial.hermite_e.hermegauss(points)
    return z, np.log(w / np.sqrt(2 * np.pi)) + z**2 / 2


def modes_of(
    data: Cells, fixed: FloatArray, sigma: FloatArray, start: FloatArray | None = None
) -> FloatArray:
    """Find the u of each cluster at which its integrand is highest, by Newton's method (it is log-concave).

    Parameters
    ----------
    data : Cells
    fixed : array (n_rep, m)
        Linear predictor without the clusters.
    sigma : array (n_rep, 1)
        Standard deviation of the clusters; u is in its units.
    start : array (n_rep, g), optional
        Where to begin, 0 if left out.
    """
    u = np.zeros((fixed.shape[0], len(data.first))) if start is None else start
    low, high = np.full_like(u, -np.inf), np.full_like(u, np.inf)
    total = data.sums(data.y)
    for _ in range(100):
        mu = data.family.mean(fixed + sigma * data.spread(u))
        slope = sigma * (total - data.sums(data.weight * mu)) - u
        bend = 1.0 + sigma**2 * data.sums(data.weight * data.family.variance(mu))
        low, high = np.where(slope > 0, u, low), np.where(slope < 0, u, high)
        # Newton alone may run to and fro where the curve is flat: the slope falls with u, so the mode is kept between
        # two points, and a step that leaves them is replaced by half of the way
        new = u + np.clip(slope / bend, -2.0, 2.0)
        outside = ((new <= low) | (new >= high)) & (np.abs(new - u) > CLOSE)
        if outside.any():
            with np.errstate(invalid="ignore"):  # a side that is still open
                new = np.where(outside & np.isfinite(low) & np.isfinite(high), (low + high) / 2, new)
        longest = np.abs(new - u).max(initial=0.0)
        u = new
        if longest < CLOSE:
            break
    return u


def log_likelihood(
    data: Cells, psi: FloatArray, points: int, start: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-likelihood, gradient and modes of each data set.

    Parameters
    ----------
    data : Cells
        ``n_rep`` data sets.
    psi : array (n_rep, p + 1)
        Coefficients, then the standard deviation of the clusters (its sign does not matter).
    points : int
        Points of the quadrature; 1 is Laplace's approximation.
    start : array (n_rep, g), optional
        Modes at parameters nearby.

    Returns
    -------
    value : array (n_rep,)
        Without the constants of the response (binomial coefficients, factorials).
    gradient : array (n_rep, p + 1)
    modes : array (n_rep, g)
        Of the clusters, in units of the standard deviation.
    """
    z, log_w = _rule(points)
    p = data.x.shape[1]
    sigma = psi[:, -1:]
    fixed = psi[:, :-1] @ data.x.T + data.offset
    u = modes_of(data, fixed, sigma, start)

    # curvature at the mode, and how mode and curvature move with each parameter
    eta = fixed + sigma * data.spread(u)
    mu = data.family.mean(eta)
    v, v3 = data.weight * data.family.variance(mu), data.weight * data.family.third(mu)
    rest = data.y - data.weight * mu
    sum_r, sum_v, sum_v3 = (data.sums(q) for q in (rest, v, v3))
    bend = 1.0 + sigma**2 * sum_v
    scale = bend**-0.5
    rate = np.empty((psi.shape[0], len(data.first), p + 1))  # of h' with psi, then of h''
    third = np.empty_like(rate)
    for j in range(p):
        rate[..., j] = -sigma * data.sums(v * data.x[:, j])
        third[..., j] = -(sigma**2) * data.sums(v3 * data.x[:, j])
    rate[..., p] = sum_r - sigma * u * sum_v
    third[..., p] = -2 * sigma * sum_v - sigma**2 * u * sum_v3
    move = rate / bend[..., None]
    bent = third - (sigma**3 * sum_v3)[..., None] * move
    widen = 0.5 * (scale**3)[..., None] * bent

    # the integrand at the points; a loop keeps the memory small
    height = np.empty((points, *u.shape))
    for k in range(points):
        t = u + scale * z[k]
        there = eta if z[k] == 0 else fixed + sigma * data.spread(t)
        b = data.family.cumulant(there)
        height[k] = log_w[k] - t**2 / 2 + data.sums(data.y * there - data.weight * b)
    top = height.max(axis=0)
    share = np.exp(height - top)
    total = share.sum(axis=0)
    share /= total
    value = np.log(total) + top + np.log(scale)

    moved = widen / scale[..., None]
    direct = np.zeros_like(eta)  # what the coefficients do to the linear predictor itself
    for k in range(points):
        t = u + scale * z[k]
        e = rest if z[k] == 0 else data.y - data.weight * data.family.mean(fixed + sigma * data.spread(t))
        sum_e = sum_r if z[k] == 0 else data.sums(e)
        slope = (sigma * sum_e - t)[..., None] * (move + z[k] * widen)
        slope[..., p] += t * sum_e
        moved += share[k][..., None] * slope
        direct += data.spread(share[k] * data.count) * e
    gradient = np.einsum("rg,rgk->rk", np.broadcast_to(data.count, u.shape), moved)
    gradient[:, :p] += direct @ data.x
    return (data.count * value).sum(axis=1), gradient, u
