"""The likelihood of a random-intercept logistic model by adaptive Gauss-Hermite quadrature, with its gradient.

With one point this is Laplace's approximation (Pinheiro & Bates 1995, section 2.4; Liu & Pierce 1994). The gradient
is that of the approximation itself, not of the integral: modes and widths move with the parameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cells import Cells

__all__ = ["log_likelihood"]

FloatArray = NDArray[np.float64]
#: a linear predictor is kept within this, where a probability is 1 to the last digit of a double
LARGEST = 36.0


def _expit(eta: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(eta, -LARGEST, LARGEST))))


def _log1pexp(eta: FloatArray) -> FloatArray:
    return np.asarray(np.logaddexp(0.0, eta))


def _modes(data: Cells, fixed: FloatArray, sigma: FloatArray) -> FloatArray:
    """Find the u of each cluster at which its integrand is highest, by Newton's method (it is log-concave)."""
    u = np.zeros((fixed.shape[0], len(data.first)))
    low, high = np.full_like(u, -np.inf), np.full_like(u, np.inf)
    for _ in range(100):
        mu = _expit(fixed + sigma * data.spread(u))
        slope = sigma * data.sums(data.y - data.trials * mu) - u
        bend = 1.0 + sigma**2 * data.sums(data.trials * mu * (1 - mu))
        low, high = np.where(slope > 0, u, low), np.where(slope < 0, u, high)
        # Newton alone may run to and fro where the curve is flat: the slope falls with u, so the mode is kept between
        # two points, and a step that leaves them is replaced by half of the way
        new = u + np.clip(slope / bend, -2.0, 2.0)
        outside = (new <= low) | (new >= high)
        with np.errstate(invalid="ignore"):  # a side that is still open
            new = np.where(outside & np.isfinite(low) & np.isfinite(high), (low + high) / 2, new)
        done = np.abs(new - u).max(initial=0.0) < 1e-10
        u = np.where(slope == 0, u, new)
        if done:
            break
    return u


def log_likelihood(
    data: Cells, psi: FloatArray, points: int
) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood and gradient of each data set.

    Parameters
    ----------
    data : Cells
        ``n_rep`` data sets.
    psi : array (n_rep, p + 1)
        Coefficients, then the standard deviation of the clusters (its sign does not matter).
    points : int
        Points of the quadrature; 1 is Laplace's approximation.

    Returns
    -------
    value : array (n_rep,)
        Without the binomial coefficients.
    gradient : array (n_rep, p + 1)
    """
    z, w = np.polynomial.hermite_e.hermegauss(points)
    log_w = np.log(w / np.sqrt(2 * np.pi)) + z**2 / 2  # integral of f: sum of w exp(z^2/2) f(z) root(2 pi)
    p = data.x.shape[1]
    sigma = psi[:, -1:]
    fixed = psi[:, :-1] @ data.x.T
    u = _modes(data, fixed, sigma)

    # curvature at the mode, and how mode and curvature move with each parameter
    eta = fixed + sigma * data.spread(u)
    mu = _expit(eta)
    v = data.trials * mu * (1 - mu)
    v3 = v * (1 - 2 * mu)
    sum_r, sum_v, sum_v3 = (data.sums(q) for q in (data.y - data.trials * mu, v, v3))
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
        eta = fixed + sigma * data.spread(t)
        height[k] = log_w[k] - t**2 / 2 + data.sums(data.y * eta - data.trials * _log1pexp(eta))
    top = height.max(axis=0)
    share = np.exp(height - top)
    total = share.sum(axis=0)
    share /= total
    value = np.log(total) + top + np.log(scale)

    gradient = widen / scale[..., None]
    for k in range(points):
        t = u + scale * z[k]
        mu = _expit(fixed + sigma * data.spread(t))
        rest = data.y - data.trials * mu
        sum_r = data.sums(rest)
        slope = (sigma * sum_r - t)[..., None] * (move + z[k] * widen)
        for j in range(p):
            slope[..., j] += data.sums(rest * data.x[:, j])
        slope[..., p] += t * sum_r
        gradient = gradient + share[k][..., None] * slope
    return (data.count * value).sum(axis=1), (data.count[..., None] * gradient).sum(axis=1)
