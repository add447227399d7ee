"""Covariance of the responses, V = Z Psi Z' + R, block by block, and what residuals need of it.

Laird & Ware (1982), equation 2.2; the projection P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1 is that of
Searle, Casella & McCulloch (1992), section 6.6: conditional residuals are R P y, with covariance R P R.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..adapters.view import FitView, RandomTerm

__all__ = [
    "Whitened",
    "linear_modes",
    "linear_residuals",
    "normalise",
    "residual_covariance",
    "residual_variance",
    "response_blocks",
    "whiten",
]

Array = NDArray[np.float64]

LARGEST_BLOCK = 6000  # a dense block of this size takes 0.3 GB


@dataclass(frozen=True)
class Whitened:
    """X and y multiplied by L^-1, where V = L L' is the covariance matrix of y.

    Attributes
    ----------
    rows : tuple of int arrays
        Rows of each independent block.
    roots : tuple of arrays
        Lower Cholesky factor L of each block of V; of a block of independent rows its diagonal, shape (m,).
    X : array, shape (n, p)
        L^-1 X.
    y : array, shape (n,)
        L^-1 (y - offset).
    """

    rows: tuple[NDArray[np.intp], ...]
    roots: tuple[Array, ...]
    X: Array
    y: Array

    def solve(self, values: Array) -> Array:
        """L^-1 times an array of shape (n, ...)."""
        return _by_block(self.rows, self.roots, np.asarray(values, dtype=float))


def error_variance(view: FitView) -> Array:
    """Variance of each residual error, the diagonal of R; shape (n,)."""
    if view.correlation is not None:
        return np.asarray(view.sigma**2 * np.diag(view.correlation))
    return view.sigma**2 / view.weights


def response_blocks(view: FitView) -> tuple[NDArray[np.intp], ...]:
    """Find the sets of rows that are independent of all other sets, as a tuple of index arrays.

    Two rows are in one block if a chain of shared levels (of any grouping factor) or of correlated errors
    connects them.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = view.nobs
    links = csr_matrix((n, n), dtype=bool) if view.correlation is None else csr_matrix(view.correlation != 0)
    # bipartite graph: rows of the data, then levels of each term
    sizes = [len(term.levels) for term in view.terms]
    total = n + sum(sizes)
    heads, tails, start = [links.nonzero()[0]], [links.nonzero()[1]], n
    for term, size in zip(view.terms, sizes, strict=True):
        heads.append(np.arange(n))
        tails.append(start + term.index)
        start += size
    edges = (np.concatenate(heads), np.concatenate(tails))
    graph = csr_matrix((np.ones(len(edges[0]), dtype=bool), edges), shape=(total, total))
    _, label = connected_components(graph, directed=False)
    label = label[:n]
    order = np.argsort(label, kind="stable")
    cuts = np.flatnonzero(np.diff(label[order])) + 1
    return tuple(np.asarray(rows, dtype=np.intp) for rows in np.split(order, cuts))


def covariance_block(view: FitView, rows: NDArray[np.intp]) -> Array:
    """V of some rows, shape (m, m), in squared units of the response."""
    if view.correlation is not None:
        V = view.sigma**2 * view.correlation[np.ix_(rows, rows)]
    else:
        V = np.diag(view.sigma**2 / view.weights[rows])
    for term in view.terms:
        z, level = term.z[rows], term.index[rows]
        V = V + np.where(level[:, None] == level[None, :], z @ term.cov @ z.T, 0.0)
    return V


def _left_block(view: FitView, rows: NDArray[np.intp], conditional: bool) -> Array:
    """M of some rows, where the residuals are M P y: R for conditional ones, V less the curves for marginal ones."""
    if conditional:
        if view.correlation is not None:
            return np.asarray(view.sigma**2 * view.correlation[np.ix_(rows, rows)])
        return np.diag(view.sigma**2 / view.weights[rows])
    return covariance_block(replace(view, terms=view.random), rows)


def whiten(view: FitView) -> Whitened:
    """Whiten X and y of a linear (mixed) model by the Cholesky factor of V.

    Raises
    ------
    ValueError
        If the model is not linear, or a block is too large for dense algebra.
    """
    if not view.linear:
        raise ValueError(
            f"the fit is {view.family.name} with link {view.family.link}; normalised and standardised "
            "residuals of this kind exist for gaussian models with identity link. Use quantile residuals "
            "instead"
        )
    if not view.terms and view.correlation is None:
        # independent observations: one set, whose root is a diagonal
        every = (np.arange(view.nobs, dtype=np.intp),)
        diagonal = (np.sqrt(error_variance(view)),)
        y = _by_block(every, diagonal, view.observed - view.offset)
        return Whitened(rows=every, roots=diagonal, X=_by_block(every, diagonal, view.X), y=y)
    rows = response_blocks(view)
    largest = max(len(block) for block in rows)
    if largest > LARGEST_BLOCK:
        raise ValueError(
            f"the largest block of dependent observations has {largest} rows; dense algebra is done here "
            f"up to {LARGEST_BLOCK}. Use quantile residuals instead"
        )
    roots = tuple(np.asarray(np.linalg.cholesky(covariance_block(view, b)), dtype=float) for b in rows)
    X = _by_block(rows, roots, view.X)
    y = _by_block(rows, roots, view.observed - view.offset)
    return Whitened(rows=rows, roots=roots, X=X, y=y)


def residual_covariance(view: FitView, basis: Array, conditional: bool = True) -> Array:
    """Covariance of linear combinations of the residuals, A Cov(e) A' (shape (m, m)), V taken as known.

    Parameters
    ----------
    view : FitView
        A linear (mixed) model.
    basis : array, shape (m, n)
        The combinations A; rows that average the residuals of a group, for example.
    conditional : bool
        Conditional residuals (Cov = R P R), or marginal ones (Cov = V - X (X'V^-1 X)^-1 X').
    """
    white = whiten(view)
    B = np.asarray(basis, dtype=float)
    curved = len(view.random) < len(view.terms)
    if conditional:
        if view.correlation is not None:
            C = white.solve(view.sigma**2 * view.correlation @ B.T)
        else:
            C = white.solve((B * error_variance(view)).T)
    else:
        C = np.empty((B.shape[1], B.shape[0]))  # L^-1 M A'; L' A' where M = V
        for rows, root in zip(white.rows, white.roots, strict=True):
            C[rows] = (
                _lower_solve(root, _left_block(view, rows, False) @ B[:, rows].T)
                if curved
                else _transposed_times(root, B[:, rows].T)
            )
    q, _ = np.linalg.qr(white.X)
    inside = q.T @ C
    return np.asarray(C.T @ C - inside.T @ inside)


def residual_variance(view: FitView, conditional: bool = True) -> Array:
    """Variance of each residual, the diagonal of its covariance matrix, shape (n,); V taken as known."""
    white = whiten(view)
    q, _ = np.linalg.qr(white.X)
    out = np.empty(view.nobs)
    if not view.terms and view.correlation is None:
        return np.asarray(np.clip(error_variance(view) * (1 - (q**2).sum(axis=1)), 0.0, None))
    for rows, root in zip(white.rows, white.roots, strict=True):
        if conditional or len(view.random) < len(view.terms):
            C = _lower_solve(root, _left_block(view, rows, conditional))
        else:
            C = root.T
        out[rows] = (C**2).sum(axis=0) - ((q[rows].T @ C) ** 2).sum(axis=0)
    return np.clip(out, 0.0, None)


def _lower_solve(root: Array, values: Array) -> Array:
    """L^-1 values."""
    from scipy.linalg import solve_triangular

    if root.ndim == 1:
        return np.asarray((values.T / root).T)
    return np.asarray(solve_triangular(root, values, lower=True))


def _by_block(rows: tuple[NDArray[np.intp], ...], roots: tuple[Array, ...], values: Array) -> Array:
    out = np.empty(values.shape)
    for block, root in zip(rows, roots, strict=True):
        out[block] = _lower_solve(root, values[block])
    return out


def linear_residuals(view: FitView, Y: Array, conditional: bool = True) -> Array:
    """Residuals that other responses would give, the variances being kept: beta and b are estimated anew.

    Parameters
    ----------
    view : FitView
        A linear (mixed) model.
    Y : array, shape (n, m)
        Responses, one data set a column.
    conditional : bool
        Conditional residuals R P y, or marginal ones y - X beta (less the curves, where there are any).

    Returns
    -------
    array, shape (n, m)
    """
    white = whiten(view)
    Q, _ = np.linalg.qr(white.X)
    W = white.solve(np.asarray(Y, dtype=float) - view.offset[:, None])
    W -= Q @ (Q.T @ W)
    out = np.empty(W.shape)
    for rows, root in zip(white.rows, white.roots, strict=True):
        out[rows] = _upper_solve(root, W[rows]) if conditional else _times(root, W[rows])
    if not conditional:
        curves = tuple(term for term in view.terms if term.smooth)
        return out - _contributions(view, curves, W, white) if curves else out
    if view.correlation is not None:
        return np.asarray(view.sigma**2 * view.correlation @ out)
    return np.asarray(error_variance(view)[:, None] * out)


def linear_modes(view: FitView, Y: Array) -> tuple[Array, ...]:
    """Conditional modes Psi Z' P y of other responses, variances kept; one (l, k, m) array a term."""
    white = whiten(view)
    Q, _ = np.linalg.qr(white.X)
    W = white.solve(np.asarray(Y, dtype=float) - view.offset[:, None])
    W -= Q @ (Q.T @ W)
    return tuple(_modes(term, _projected(white, W)) for term in view.terms)


def _projected(white: Whitened, W: Array) -> Array:
    """P y from the whitened residuals."""
    P = np.empty(W.shape)
    for rows, root in zip(white.rows, white.roots, strict=True):
        P[rows] = _upper_solve(root, W[rows])
    return P


def _modes(term: RandomTerm, P: Array) -> Array:
    """Psi Z' P y of a term, shape (l, k, m)."""
    sums = np.zeros((len(term.levels), len(term.columns), P.shape[1]))
    if len(term.levels) == 1:
        sums[0] = term.z.T @ P
    else:
        np.add.at(sums, term.index, term.z[:, :, None] * P[:, None, :])
    return np.asarray(np.einsum("kc,lcm->lkm", term.cov, sums))


def _contributions(view: FitView, terms: tuple[RandomTerm, ...], W: Array, white: Whitened) -> Array:
    """Z b of some terms for other responses, shape (n, m)."""
    P = _projected(white, W)
    out = np.zeros(W.shape)
    for term in terms:
        out += np.einsum("nk,nkm->nm", term.z, _modes(term, P)[term.index])
    return out


def normalise(view: FitView, values: Array, conditional: bool = True) -> Array:
    """Multiply residuals by the inverse Cholesky factor of their model's covariance.

    Parameters
    ----------
    view : FitView
        A linear (mixed) model.
    values : array, shape (n,) or (n, m)
        Conditional or marginal residuals.
    conditional : bool
        Covariance of the errors (R), or of the responses (Z Psi Z' + R; curves left out).

    Returns
    -------
    array, shape of `values`
    """
    terms = () if conditional else view.random
    return whiten(replace(view, terms=terms)).solve(values)


def _upper_solve(root: Array, values: Array) -> Array:
    """L'^-1 values."""
    from scipy.linalg import solve_triangular

    if root.ndim == 1:
        return np.asarray((values.T / root).T)
    return np.asarray(solve_triangular(root, values, lower=True, trans="T"))


def _times(root: Array, values: Array) -> Array:
    """L values."""
    return np.asarray((values.T * root).T if root.ndim == 1 else root @ values)


def _transposed_times(root: Array, values: Array) -> Array:
    """L' values."""
    return np.asarray((values.T * root).T if root.ndim == 1 else root.T @ values)
