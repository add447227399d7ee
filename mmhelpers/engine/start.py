r"""Starting values from moments: Rao's MINQUE(0).

The sums of squares and products of ``Z'r`` over the levels of each term, and ``r'r``, have expectations
linear in (sigma^2 G, sigma^2). Solving these equations costs one matrix product a design, and for a balanced
design gives the REML estimates themselves wherever those are positive. Estimates are made positive
definite with room to spare, because a zero column of T is stationary and would trap the optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.blocks import sparse_z
from mmhelpers.engine.criterion import cholesky
from mmhelpers.engine.design import Design, T_to_theta

Floats = NDArray[np.float64]

# Smallest variance that a start may have, relative to the residual variance over the observations a
# level: small enough to be near a boundary, large enough to leave it.
FLOOR = 0.3
# Share of the mean square that the residual variance has at least.
RESIDUAL = 0.02


@dataclass(frozen=True, eq=False)
class Start:
    """What the moment equations need of a design.

    Attributes
    ----------
    design : Design
    Z : sparse array, shape (n, q)
    solve : ndarray, shape (V + 1, V + 1)
        From the moments to (sigma^2 vec(G), sigma^2).
    floor : tuple of float
        Smallest eigenvalue of G, a term.
    """

    design: Design
    Z: Any
    solve: Floats
    floor: tuple[float, ...]

    def moments(self, Zr: Floats, rr: Floats) -> Floats:
        """Sums of squares and products (V + 1, R) from scaled Z'r (q, R) and r'r (R,)."""
        design, R = self.design, Zr.shape[1]
        moments = np.empty((design.n_vec + 1, R))
        at = row = 0
        for k, levels in zip(design.k, design.levels, strict=True):
            part = Zr[row : row + k * levels].reshape(levels, k, R)
            for a in range(k):
                for b in range(k):
                    if b < a:
                        moments[at + a * k + b] = moments[at + b * k + a]
                    else:
                        moments[at + a * k + b] = np.einsum("lR,lR->R", part[:, a], part[:, b])
            at += k * k
            row += k * levels
        moments[-1] = rr
        return moments

    def theta(self, moments: Floats) -> Floats:
        """Start (t, R) from the moments."""
        design, R = self.design, moments.shape[1]
        found = self.solve @ moments
        sigma2 = np.maximum(found[-1], RESIDUAL)
        factors = []
        at = 0
        for k, floor in zip(design.k, self.floor, strict=True):
            G = found[at : at + k * k].reshape(k, k, R) / sigma2
            factors.append(positive_factor(G, floor))
            at += k * k
        return T_to_theta(factors)


def positive_factor(G: Floats, floor: float) -> Floats:
    """Cholesky factors of G (k, k, R) with eigenvalues of at least ``floor``."""
    k = len(G)
    G = np.clip(np.nan_to_num(0.5 * (G + G.transpose(1, 0, 2))), -1e6, 1e6)
    if k == 1:
        return np.sqrt(np.maximum(G, floor))
    if k == 2:
        mean, half = 0.5 * (G[0, 0] + G[1, 1]), 0.5 * (G[0, 0] - G[1, 1])
        spread = np.sqrt(half**2 + G[0, 1] ** 2)
        low, high = mean - spread, mean + spread
        new_low, new_high = np.maximum(low, floor), np.maximum(high, floor)
        slope = np.where(spread > 0, (new_high - new_low) / np.where(spread > 0, 2 * spread, 1.0), 0.0)
        centre = 0.5 * (new_low + new_high)
        G = np.stack(
            [
                np.stack([centre + slope * half, slope * G[0, 1]]),
                np.stack([slope * G[0, 1], centre - slope * half]),
            ]
        )
        return cholesky(G)
    value, vector = np.linalg.eigh(np.moveaxis(G, 2, 0))
    G = (vector * np.maximum(value, floor)[:, None, :]) @ np.swapaxes(vector, 1, 2)
    return cholesky(np.ascontiguousarray(np.moveaxis(G, 0, 2)))


def make_start(design: Design) -> Start:
    """Set up the moment equations of a design."""
    Z = sparse_z(design)
    A = (Z.T @ Z).tocsr()
    X = Z.T @ design.Q
    V, k = design.n_vec, design.k
    starts = np.cumsum([0, *(size * levels for size, levels in zip(k, design.levels, strict=True))])
    at = np.concatenate([[0], np.cumsum([size * size for size in k])])
    rows = [[np.arange(starts[t] + a, starts[t + 1], k[t]) for a in range(k[t])] for t in range(len(k))]
    K = np.zeros((V + 1, V + 1))
    inner = [[[X[ra].T @ X[rb] for rb in rows[t]] for ra in rows[t]] for t in range(len(k))]
    for t in range(len(k)):
        for s in range(t + 1):
            block = {(a, c): A[ra][:, rc] for a, ra in enumerate(rows[t]) for c, rc in enumerate(rows[s])}
            for a in range(k[t]):
                for b in range(k[t]):
                    for c in range(k[s]):
                        for d in range(k[s]):
                            value = block[a, c].multiply(block[b, d]).sum()
                            value -= np.sum(X[rows[t][b]] * (block[a, c] @ X[rows[s][d]]))
                            value -= np.sum(X[rows[t][a]] * (block[b, d] @ X[rows[s][c]]))
                            value += np.sum(inner[t][a][b] * inner[s][c][d])
                            i, j = at[t] + a * k[t] + b, at[s] + c * k[s] + d
                            K[i, j] = K[j, i] = value
        for a in range(k[t]):
            for b in range(k[t]):
                i = at[t] + a * k[t] + b
                own = A[rows[t][a], rows[t][b]].sum()
                K[i, V] = K[V, i] = own - np.sum(X[rows[t][a]] * X[rows[t][b]])
    K[V, V] = design.n - design.p
    floor = tuple(FLOOR * levels / design.n for levels in design.levels)
    return Start(design, Z, np.asarray(np.linalg.pinv(K, rcond=1e-10, hermitian=True), dtype=float), floor)
