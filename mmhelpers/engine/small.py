"""Many small symmetric matrices at once: the matrix axes come first, the batch axes last.

With the batch last, every operation below is one long, contiguous vector operation, which is
what NumPy is fast at; a call of LAPACK for each 2 x 2 matrix would cost a hundred times more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From this size on, LAPACK one matrix at a time beats vectors over the batch.
LAPACK_SIZE = 12
# From this many elements on, matrix products one at a time beat sums over the batch.
PRODUCT_SIZE = 25


def spd_inverse(K: Floats) -> tuple[Floats, Floats]:
    """Invert symmetric positive definite matrices and take the logarithm of their determinants.

    Parameters
    ----------
    K : ndarray, shape (d, d, ...)
        One matrix for each position in the trailing axes.

    Returns
    -------
    inverse : ndarray, shape (d, d, ...)
    log_det : ndarray, shape (...)
        NaN where a matrix is not positive definite.

    Notes
    -----
    The sweep operator (Goodnight 1979), without pivoting, which is stable for positive definite
    matrices.

    Examples
    --------
    >>> import numpy as np
    >>> inverse, log_det = spd_inverse(np.array([[2.0, 1.0], [1.0, 2.0]])[:, :, None])
    >>> inverse[:, :, 0].round(4).tolist(), log_det.round(4).tolist()
    ([[0.6667, -0.3333], [-0.3333, 0.6667]], [1.0986])
    """
    with np.errstate(all="ignore"):
        return _inverse(K)


def _inverse(K: Floats) -> tuple[Floats, Floats]:
    d = K.shape[0]
    if d >= LAPACK_SIZE:
        return _lapack_inverse(K)
    if d == 1:
        return 1.0 / K, _log(K[0, 0])
    if d == 2:
        det = K[0, 0] * K[1, 1]
        inverse = np.empty_like(K)
        det -= np.multiply(K[0, 1], K[1, 0], out=inverse[0, 1])
        one = 1.0 / det
        np.multiply(K[1, 1], one, out=inverse[0, 0])
        np.multiply(K[0, 0], one, out=inverse[1, 1])
        np.negative(one, out=one)
        np.multiply(K[0, 1], one, out=inverse[0, 1])
        inverse[1, 0] = inverse[0, 1]
        logs = _log(det)
        return inverse, logs if np.min(K[0, 0], initial=1.0) > 0 else np.where(K[0, 0] > 0, logs, np.nan)
    S = K.copy()
    det = np.ones(K.shape[2:])
    bad = np.zeros(K.shape[2:], dtype=bool)
    log_det: Any = 0.0
    for j in range(d):
        pivot = S[j, j].copy()
        bad |= ~(pivot > 0)
        det *= pivot
        if j % 4 == 3:  # logarithms are dear, overflow is near: one for four pivots
            log_det = log_det + np.log(np.where(bad, np.nan, det))
            det = np.ones(K.shape[2:])
        column = S[:, j] / pivot
        row = S[j].copy()
        for i in range(d):
            if i != j:
                S[i] -= column[i] * row
        S[:, j] = column
        S[j] = column
        S[j, j] = -1.0 / pivot
    return -S, log_det + np.log(np.where(bad, np.nan, det))


def _log(x: Floats) -> Floats:
    """Logarithms, NaN where x is not positive."""
    out = np.log(x)
    if not np.min(x, initial=1.0) > 0:
        out = np.where(x > 0, out, np.nan)
    return np.asarray(out)


def _lapack_inverse(K: Floats) -> tuple[Floats, Floats]:
    d = K.shape[0]
    stacked = np.ascontiguousarray(np.moveaxis(K, (0, 1), (-2, -1)))
    sign, log_det = np.linalg.slogdet(stacked)
    good = sign > 0
    inverse = np.full_like(stacked, np.nan)
    if good.any():
        inverse[good] = np.linalg.inv(stacked[good])
    inverse = 0.5 * (inverse + np.swapaxes(inverse, -1, -2))
    return np.moveaxis(inverse, (-2, -1), (0, 1)).reshape(d, d, *K.shape[2:]), np.where(good, log_det, np.nan)


def product(A: Floats, B: Floats) -> Floats:
    """Products A B of matrices (a, b, R or 1) and (b, c, R).

    Examples
    --------
    >>> import numpy as np
    >>> product(np.eye(2)[:, :, None], np.arange(8.0).reshape(2, 2, 2)).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    a, b, replicates = A.shape
    if not (a and b):
        return np.zeros((a, *B.shape[1:]))
    if replicates == 1:
        return np.asarray(A[:, :, 0] @ B.reshape(b, -1)).reshape(a, *B.shape[1:])
    if a * b < PRODUCT_SIZE:
        return np.asarray(np.einsum("abr,bcr->acr", A, B))
    out = np.ascontiguousarray(np.moveaxis(A, 2, 0)) @ np.ascontiguousarray(np.moveaxis(B, 2, 0))
    return np.ascontiguousarray(np.moveaxis(out, 0, 2))


def solve_spd(H: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Solve H x = g by LDL' without pivoting and return the smallest pivot as well.

    Parameters
    ----------
    H : ndarray, shape (t, t, R)
    g : ndarray, shape (t, R)

    Returns
    -------
    x : ndarray, shape (t, R)
        Meaningless where the smallest pivot is not positive.
    pivot : ndarray, shape (R,)
        Smallest pivot, relative to its diagonal element.

    Examples
    --------
    >>> import numpy as np
    >>> x, pivot = solve_spd(np.array([[2.0, 0.0], [0.0, 4.0]])[:, :, None], np.ones((2, 1)))
    >>> x[:, 0].tolist(), pivot.tolist()
    ([0.5, 0.25], [1.0])
    """
    t = H.shape[0]
    L = np.empty_like(H)
    D = np.empty_like(g)
    x = g.copy()
    smallest = np.full(g.shape[1:], np.inf)
    with np.errstate(all="ignore"):
        for j in range(t):
            D[j] = H[j, j]
            for i in range(j):
                D[j] -= L[j, i] ** 2 * D[i]
            smallest = np.fmin(smallest, D[j] / np.abs(H[j, j]))
            for i in range(j + 1, t):
                value = H[i, j].copy()
                for k in range(j):
                    value -= L[i, k] * L[j, k] * D[k]
                L[i, j] = value / D[j]
            for i in range(j):
                x[j] -= L[j, i] * x[i]
        x /= D
        for j in range(t - 1, -1, -1):
            for i in range(j + 1, t):
                x[j] -= L[i, j] * x[i]
    return x, np.where(np.isfinite(x).all(0), smallest, -np.inf)
