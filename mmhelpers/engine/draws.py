r"""Draw the sufficient statistics of grouped data instead of the data.

With one grouping factor and a normal response, ``y_i ~ N(X_i beta, sigma^2 I + Z_i C Z_i')`` independently over groups.
Split the data of a group by an orthonormal basis O_i of the columns of all random-effects terms, of the
models to be fitted and of the one that generates. Groups with the same cross products of those columns are one
pattern, and ``o_i = O_i'y_i`` has the same covariance matrix in all of them,

    Var(o_i) = Omega = sigma^2 I + T C T',       T = O_i'Z_i,

while what is orthogonal to O_i is independent noise. An orthogonal rotation over the m groups of a pattern turns the
part that the fixed effects have in them into rho vectors and leaves m - rho vectors of mean zero, which enter
through their sum of squares and products only: a Wishart matrix, drawn by its Bartlett (1933) decomposition. So a data
set costs a few normal and chi-square numbers a pattern, whatever the numbers of groups and of observations, and the
statistics of all models come from the same draw, as if from the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices, Term

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Cross products that agree to this share of the largest are equal, as in ``blocks``.
EQUAL = 1e-10
# Eigenvalues and singular values below this share of the largest are rounding.
RANK = 1e-11


@dataclass(frozen=True, eq=False)
class Pattern:
    """Groups with equal cross products of all random-effects columns.

    Attributes
    ----------
    groups : ndarray of int, shape (m,)
    T : ndarray, shape (r, K)
        ``O_i'H_i``, the same for all of them.
    V : ndarray, shape (m, rho)
        Rotation over groups to the vectors that the fixed effects have a part in.
    c : ndarray, shape (rho, r, P)
        That part: the rotated ``O_i'X_i``.
    """

    groups: Ints
    T: Floats
    V: Floats
    c: Floats


@dataclass(frozen=True, eq=False)
class Common:
    """What a set of models on the same rows has in common.

    Attributes
    ----------
    n : int
    x_scale, z_scale : ndarray, shape (P,), (K,)
        Root mean squares of the columns, by which they are divided.
    x_columns, z_columns : list of list of int
        Columns of each of the matrices among the P; of each of their terms, in order, among the K.
    patterns : tuple of Pattern
    W : ndarray, shape (w, P)
        Root of what X has beside the random effects: ``W'W = X'(I - O O')X``.
    """

    n: int
    x_scale: Floats
    z_scale: Floats
    x_columns: list[list[int]]
    z_columns: list[list[int]]
    patterns: tuple[Pattern, ...]
    W: Floats


@dataclass(frozen=True, eq=False)
class Draw:
    """The random parts of R data sets, without the fixed effects.

    Attributes
    ----------
    o : tuple of ndarray, shape (rho, r, R)
        Rotated vectors, a pattern.
    S : tuple of ndarray, shape (r, r, R)
        Sums of squares and products of the others.
    v : ndarray, shape (w, R)
        Within groups, along W.
    rss : ndarray, shape (R,)
        What is left.
    """

    o: tuple[Floats, ...]
    S: tuple[Floats, ...]
    v: Floats
    rss: Floats


def find_common(all_matrices: Sequence[Matrices], labels: Sequence[Ints] = ()) -> Common:
    """Find the patterns of a set of models on the same rows.

    Parameters
    ----------
    all_matrices : sequence of Matrices
        With one grouping factor in all of them.
    labels : sequence of ndarray of int, shape (groups,)
        Groups that differ in one of these are not of one pattern.

    Returns
    -------
    Common

    Raises
    ------
    ValueError
        If rows or grouping factors differ, or there is none.
    """
    n, index, groups = _one_factor(all_matrices)
    X, x_scale, x_columns = _union([matrices.X for matrices in all_matrices])
    H, z_scale, flat = _union([term.z for matrices in all_matrices for term in matrices.terms])
    z_columns, at = [], 0
    for matrices in all_matrices:
        z_columns.append([c for part in flat[at : at + matrices.k] for c in part])
        at += matrices.k
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(groups))
    A = np.add.reduceat((H[:, :, None] * H[:, None, :])[order], starts)
    C = np.add.reduceat((H[:, :, None] * X[:, None, :])[order], starts)
    key = np.round(A.reshape(groups, -1) / (EQUAL * np.abs(A).max())).astype(np.int64)
    for label in labels:
        key = np.column_stack([key, label])
    _, which = np.unique(key, axis=0, return_inverse=True)
    inside = np.empty((groups, H.shape[1], X.shape[1]))
    patterns = []
    for number in range(which.max() + 1):
        members = np.flatnonzero(which.ravel() == number)
        value, vector = np.linalg.eigh(A[members[0]])
        good = value > RANK * max(value[-1], 1e-300)
        T = (vector[:, good] * np.sqrt(value[good])).T
        T_inv = vector[:, good] / np.sqrt(value[good])
        parts = np.einsum("kr,mkp->mrp", T_inv, C[members])
        inside[members] = np.einsum("kr,mrp->mkp", T_inv, parts)
        U, size, Vt = np.linalg.svd(parts.reshape(len(members), -1), full_matrices=False)
        rho = int((size > RANK * np.sqrt(n)).sum())
        c = (size[:rho, None] * Vt[:rho]).reshape(rho, *parts.shape[1:])
        patterns.append(Pattern(members, T, U[:, :rho], c))
    beside = X - np.einsum("nk,nkp->np", H, inside[index])
    _, size, Vt = np.linalg.svd(beside, full_matrices=False)
    w = size > 1e-9 * np.sqrt(n)
    return Common(n, x_scale, z_scale, x_columns, z_columns, tuple(patterns), size[w, None] * Vt[w])


def _one_factor(all_matrices: Sequence[Matrices]) -> tuple[int, Ints, int]:
    n = all_matrices[0].n
    first: Term | None = None
    for matrices in all_matrices:
        if matrices.n != n or not np.array_equal(matrices.rows, all_matrices[0].rows):
            raise ValueError("the models must be on the same rows: build all of them from the same data")
        if matrices.offset is not None:
            raise ValueError("statistics cannot be drawn for a model with an offset: draw data")
        for term in matrices.terms:
            first = first or term
            if not np.array_equal(term.index, first.index):
                raise ValueError(
                    f"statistics are drawn for one grouping factor, and here are {first.group} and "
                    f"{term.group}: draw data (mmhelpers.simulate)"
                )
    if first is None:
        raise ValueError("statistics are drawn for grouped data, and no model has a random effect")
    return n, first.index, first.n_levels


def _union(parts: Sequence[Floats]) -> tuple[Floats, Floats, list[list[int]]]:
    """Different columns of several matrices, scaled to mean square 1; their scales, and where each is."""
    found: dict[bytes, int] = {}
    columns: list[Floats] = []
    where = []
    for part in parts:
        here = []
        for column in np.ascontiguousarray((part + 0.0).T):
            if column.tobytes() not in found:
                found[column.tobytes()] = len(columns)
                columns.append(column)
            here.append(found[column.tobytes()])
        where.append(here)
    whole = np.column_stack(columns)
    scale = np.sqrt((whole * whole).mean(0))
    scale[scale == 0] = 1.0
    return whole / scale, scale, where


def draw(common: Common, covariance: Floats, sigma: float, n_rep: int, rng: np.random.Generator) -> Draw:
    """Draw the random parts.

    Parameters
    ----------
    common : Common
    covariance : ndarray, shape (K, K)
        Of a group's effects, for the scaled columns.
    sigma : float
        Residual standard deviation.
    n_rep : int
    rng : numpy.random.Generator

    Returns
    -------
    Draw
    """
    all_o, all_S, used = [], [], len(common.W)
    for pattern in common.patterns:
        (m, rho), r = pattern.V.shape, len(pattern.T)
        used += m * r
        omega = sigma**2 * np.eye(r) + pattern.T @ covariance @ pattern.T.T
        L = np.linalg.cholesky(omega)
        z = rng.standard_normal((rho, r, n_rep))
        all_o.append(np.einsum("ij,ojR->oiR", L, z))
        root = np.einsum("ij,jkR->ikR", L, _wishart_root(r, m - rho, n_rep, rng))
        all_S.append(np.einsum("ikR,jkR->ijR", root, root))
    v = sigma * rng.standard_normal((len(common.W), n_rep))
    left = common.n - used
    rss = sigma**2 * (rng.chisquare(left, n_rep) if left else np.zeros(n_rep))
    return Draw(tuple(all_o), tuple(all_S), v, rss)


def _wishart_root(r: int, df: int, n_rep: int, rng: np.random.Generator) -> Floats:
    """A (r, r or df, R) with A A' Wishart of ``df`` degrees of freedom: lower triangular (Bartlett 1933)."""
    if df < r:
        return rng.standard_normal((r, df, n_rep))
    A = np.zeros((r, r, n_rep))
    for i in range(r):
        A[i, i] = np.sqrt(rng.chisquare(df - i, n_rep))
        for j in range(i):
            A[i, j] = rng.standard_normal(n_rep)
    return A
