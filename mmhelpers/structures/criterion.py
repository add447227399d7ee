"""The likelihood of a linear (mixed) model whose errors have a variance function and a correlation structure.

V = Z Psi Z' + S C S, with S the multipliers of sigma and C the correlation matrix; beta and sigma are profiled out
(Pinheiro & Bates 2000, sections 5.1 and 5.4; Laird & Ware 1982). Blocks of rows that are independent of all others
are handled together, those of one size as one array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices
from mmhelpers.structures.correlation import Correlation
from mmhelpers.structures.variance import Piece

__all__ = ["Solution", "Structure"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Solution:
    """What follows from the parameters of V / sigma^2.

    Attributes
    ----------
    criterion : float
        Minus twice the (restricted) log-likelihood at the best beta and sigma.
    beta, vcov : ndarray, shapes (p,) and (p, p)
    sigma : float
    weighted : ndarray, shape (n,)
        V^-1 (y - X beta) times sigma^2, from which the random effects follow.
    """

    criterion: float
    beta: Floats
    vcov: Floats
    sigma: float
    weighted: Floats


@dataclass(frozen=True, eq=False)
class Structure:
    """A model with its data, waiting for the parameters of its covariance matrix.

    Attributes
    ----------
    matrices : Matrices
    variance : tuple of Piece
    correlation : Correlation or None
    reml : bool
    blocks : tuple of ndarray, shape (number of blocks, m) each
        Rows of the blocks of each size m.
    distances : tuple of ndarray or None
        Distances in each of them, shape (number of blocks, m, m).
    """

    matrices: Matrices
    variance: tuple[Piece, ...]
    correlation: Correlation | None
    reml: bool
    blocks: tuple[Rows, ...]
    distances: tuple[Floats | None, ...]

    def start(self) -> Floats:
        """Return the parameters to start from: theta of lme4's start, then variance, then correlation."""
        theta = [
            np.where(np.equal(*term.theta_positions), 1.0, 0.0).astype(float) for term in self.matrices.terms
        ]
        pieces = [piece.start for piece in self._pieces()]
        return np.concatenate([*theta, *pieces, np.zeros(0)])

    def _pieces(self) -> tuple[Piece, ...]:
        last = () if self.correlation is None else (self.correlation.piece,)
        return (*self.variance, *last)

    def split(self, parameters: Floats) -> tuple[Floats, list[Floats]]:
        """Return theta, and the parameters of each piece."""
        cut = self.matrices.n_theta
        sizes = [len(piece.start) for piece in self._pieces()]
        parts = np.split(parameters[cut:], np.cumsum(sizes)[:-1]) if sizes else []
        return parameters[:cut], list(parts)

    def multiplier(self, parameters: Floats) -> Floats:
        """Return the standard deviation of each row over sigma, shape (n,)."""
        _, parts = self.split(parameters)
        out = np.ones(self.matrices.n)
        for piece, part in zip(self.variance, parts, strict=False):
            out = out * piece.evaluate(part)
        return out

    def covariances(self, parameters: Floats, random: bool = True) -> list[Floats]:
        """Return V / sigma^2 (or without the random effects R / sigma^2) of the blocks, (blocks, m, m) each."""
        theta, parts = self.split(parameters)
        scale = self.multiplier(parameters)
        out = []
        for rows, distance in zip(self.blocks, self.distances, strict=True):
            own = scale[rows]
            if self.correlation is None or distance is None:
                V = own[:, :, None] ** 2 * np.eye(rows.shape[1])
            else:
                V = own[:, :, None] * own[:, None, :] * self.correlation.piece.evaluate(parts[-1], distance)
            if random:
                V = V + self._random(theta, rows)
            out.append(V)
        return out

    def _pairs(self, parameters: Floats) -> list[tuple[Rows, Floats]]:
        """Return the blocks with their V / sigma^2; none where V is diagonal."""
        if not self.matrices.terms and self.correlation is None:
            return []
        return list(zip(self.blocks, self.covariances(parameters), strict=True))

    def _random(self, theta: Floats, rows: Rows) -> Floats:
        out = np.zeros((*rows.shape, rows.shape[1]))
        for term, part in zip(self.matrices.terms, self.matrices.split_theta(theta), strict=True):
            half = term.z[rows] @ term.block(part)
            level = term.index[rows]
            out += (half @ np.swapaxes(half, 1, 2)) * (level[:, :, None] == level[:, None, :])
        return out

    def solve(self, parameters: Floats) -> Solution:
        """Profile beta and sigma out; raises numpy's LinAlgError where V is not positive definite."""
        matrices = self.matrices
        n, p = matrices.n, matrices.p
        y = np.asarray(matrices.y, float) - (0.0 if matrices.offset is None else matrices.offset)
        white = np.empty((n, p + 1))
        roots, log_det = [], 0.0
        joined = np.column_stack([matrices.X, y])
        if not matrices.terms and self.correlation is None:  # V is diagonal: no blocks needed
            scale = self.multiplier(parameters)
            white = joined / scale[:, None]
            log_det = 2 * float(np.log(scale).sum())
        for rows, V in self._pairs(parameters):
            root = np.linalg.cholesky(V)
            white[rows] = np.linalg.solve(root, joined[rows])
            log_det += 2 * float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
            roots.append(root)
        Q, T = np.linalg.qr(white[:, :p])
        beta = np.linalg.solve(T, Q.T @ white[:, p])
        left = white[:, p] - white[:, :p] @ beta
        N = n - p if self.reml else n
        sigma2 = float(left @ left) / N
        criterion = N * (np.log(2 * np.pi * sigma2) + 1) + log_det
        if self.reml:
            criterion += 2 * float(np.log(np.abs(np.diag(T))).sum())
        weighted = left.copy() if roots else left / self.multiplier(parameters)
        for rows, root in zip(self.blocks, roots, strict=bool(roots)):
            weighted[rows] = np.linalg.solve(np.swapaxes(root, 1, 2), left[rows][:, :, None])[:, :, 0]
        inverse = np.linalg.inv(T)
        return Solution(
            float(criterion), beta, sigma2 * inverse @ inverse.T, float(np.sqrt(sigma2)), weighted
        )


def independent_blocks(matrices: Matrices, correlation: Correlation | None) -> tuple[Rows, ...]:
    """Find the sets of rows that no random effect and no correlation connects, those of one size together."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = matrices.n
    factors = [(term.index, term.n_levels) for term in matrices.terms]
    if correlation is not None:
        factors.append((correlation.group, int(correlation.group.max()) + 1))
    heads, tails, total = [np.zeros(0, int)], [np.zeros(0, int)], n
    for index, size in factors:
        heads.append(np.arange(n))
        tails.append(total + index)
        total += size
    edges = (np.concatenate(heads), np.concatenate(tails))
    graph = coo_matrix((np.ones(len(edges[0])), edges), shape=(total, total))
    label = connected_components(graph, directed=False)[1][:n]
    order = np.argsort(label, kind="stable")
    cuts = np.flatnonzero(np.diff(label[order])) + 1
    by_size: dict[int, list[Rows]] = {}
    for rows in np.split(order, cuts):
        by_size.setdefault(len(rows), []).append(rows)
    return tuple(np.asarray(rows, dtype=np.intp) for rows in by_size.values())
