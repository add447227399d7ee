"""P-values of Student's t with NumPy alone: SciPy would be a larger download than everything else together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Steps of the continued fraction at most. It needs about the root of the larger parameter where it converges worst.
STEPS = 2000


def two_sided(t: ArrayLike, df: ArrayLike) -> Floats:
    """Probability of a t farther from zero than this one.

    Parameters
    ----------
    t, df : array_like
        Statistic and degrees of freedom, above 0.

    Returns
    -------
    ndarray
        NaN where one of the two is no number.

    Examples
    --------
    >>> two_sided([0.0, 2.0, -2.0], [5, 10, 10]).round(6).tolist()
    [1.0, 0.073388, 0.073388]
    """
    t, df = np.broadcast_arrays(np.asarray(t, dtype=float), np.asarray(df, dtype=float))
    good = np.isfinite(t) & np.isfinite(df) & (df > 0)
    out = np.full(t.shape, np.nan)
    square = t[good] ** 2
    # from whichever of the two shares is small, so that none is lost in 1 - x
    out[good] = incomplete_beta(df[good] / 2, 0.5, df[good] / (df[good] + square), square / (df[good] + square))
    return out


def incomplete_beta(a: Floats, b: float, x: Floats, rest: Floats) -> Floats:
    """Regularised incomplete beta function at x, with rest = 1 - x (both given, so that neither is rounded away).

    The continued fraction of the Digital Library of Mathematical Functions, 8.17.22, by Lentz's method, on the side of
    the mean where it converges.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(incomplete_beta(np.array([2.0]), 1.0, np.array([0.5]), np.array([0.5]))[0]), 12)
    0.25
    """
    swap = x > (a + 1) / (a + b + 2)
    bs = np.full_like(a, b)
    p, q = np.where(swap, bs, a), np.where(swap, a, bs)
    y, z = np.where(swap, rest, x), np.where(swap, x, rest)
    log_gamma = np.frompyfunc(math.lgamma, 1, 1)
    with np.errstate(divide="ignore"):
        front = p * np.log(y) + q * np.log(z) + (log_gamma(p + q) - log_gamma(p) - log_gamma(q)).astype(float)
    value = np.exp(front) / p * _fraction(p, q, y)
    return np.asarray(np.where(swap, 1.0 - value, value))


def _fraction(p: Floats, q: Floats, y: Floats) -> Floats:
    """Evaluate the continued fraction for all elements together, until the last of them stands still."""
    tiny = 1e-300
    c = np.ones_like(y)
    d = 1.0 - (p + q) * y / (p + 1)
    d = 1.0 / np.where(np.abs(d) < tiny, tiny, d)
    value = d.copy()
    for m in range(1, STEPS):
        for step in (
            m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m)),
            -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1)),
        ):
            d = 1.0 + step * d
            d = 1.0 / np.where(np.abs(d) < tiny, tiny, d)
            c = 1.0 + step / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            change = c * d
            value = value * change
        if not len(change) or np.max(np.abs(change - 1.0)) < 1e-15:
            break
    return value
