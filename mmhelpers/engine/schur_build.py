"""Cross products for the general path, of a design or of a design a replicate."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.blocks import factors
from mmhelpers.engine.design import Design
from mmhelpers.engine.schur import Schur, gram, mul

Floats = NDArray[np.float64]


def build(design: Design, r: Floats, present: Floats | None = None, QU: Floats | None = None) -> Schur:
    """Cross products of a design and of R scaled residual vectors.

    Parameters
    ----------
    design : Design
    r : ndarray, shape (n, R)
        Residuals of `residualise`.
    present : ndarray, shape (n, R), optional
        1 where a replicate has the observation, 0 where it lacks it; ``r`` is 0 there.
    QU : ndarray, shape (R, p, p), optional
        With ``present``: ``Q @ QU[i]`` is orthonormal over the observations of replicate i.

    Returns
    -------
    Schur

    Raises
    ------
    ValueError
        If the design needs more memory than the machine has.
    """
    one, two = split_factors(design)
    _check_memory(design, one, two)
    n, R = r.shape
    p = design.p
    mask = np.ones((n, 1)) if present is None else present
    S = mask.shape[1]
    levels = design.levels[one[0]] if one else 0
    z1 = np.hstack([design.z[t] for t in one])
    J1 = _indicator(design.index[one[0]], levels)
    K = z1.shape[1]
    A11 = np.zeros((K, K, S, levels))
    for a in range(K):
        for b in range(a + 1):
            A11[a, b] = A11[b, a] = (J1 @ (mask * (z1[:, a] * z1[:, b])[:, None])).T
    F, F_inv = _factor(A11)
    columns = [(t, a) for t in two for a in range(design.k[t])]
    q2 = sum(design.levels[t] for t, _ in columns)
    A12 = np.zeros((S, K, levels, q2))
    A22 = np.zeros((S, q2, q2))
    C1 = np.zeros((R, K, levels, p + 1))
    C2 = np.zeros((R, q2, p + 1))
    for a in range(K):
        C1[:, a] = _project(J1, z1[:, a], design.Q, r, mask, QU)
    at = 0
    for t, a in columns:
        here = slice(at, at + design.levels[t])
        index, z = design.index[t], design.z[t][:, a]
        C2[:, here] = _project(_indicator(index, design.levels[t]), z, design.Q, r, mask, QU)
        for b in range(K):
            A12[:, b, :, here] = _cross(
                design.index[one[0]], levels, index, design.levels[t], mask * (z * z1[:, b])[:, None]
            )
        to = 0
        for s, b in columns:
            there = slice(to, to + design.levels[s])
            if to <= at:
                product = mask * (z * design.z[s][:, b])[:, None]
                block = _cross(index, design.levels[t], design.index[s], design.levels[s], product)
                A22[:, here, there] = block
                A22[:, there, here] = np.swapaxes(block, 1, 2)
            to += design.levels[s]
        at += design.levels[t]
    g12 = mul(F_inv, A12)
    gU = mul(F_inv, C1)
    UU = np.zeros((R, p + 1, p + 1))
    UU[:, range(p), range(p)] = 1.0
    UU[:, p, p] = np.einsum("nr,nr->r", r, r)
    return Schur(
        design=design,
        one=one,
        two=two,
        F=F,
        F_inv=F_inv,
        g12=g12,
        A22=A22 - gram(g12, g12),
        gU=gU,
        U2=C2 - gram(g12, gU),
        UU=UU - gram(gU, gU),
        n_obs=np.full(R, float(n)) if present is None else present.sum(0),
    )


def _check_memory(design: Design, one: tuple[int, ...], two: tuple[int, ...]) -> None:
    """Refuse what cannot be held; InstEval of lme4 (2,972 by 1,128 levels, 73,421 rows) takes 0.5 GB."""
    q1, q2 = (sum(design.k[t] * design.levels[t] for t in terms) for terms in (one, two))
    needed = 8.0 * (8 * q1 * q2 + 10 * q2 * q2)
    try:
        there = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # not known here
        there = 4e9
    if needed > there:
        raise ValueError(
            f"this design needs about {needed / 1e9:.0f} GB and the machine has {there / 1e9:.0f} GB: beside the "
            f"largest grouping factor there are {q2} random effects, and their cross products are kept dense. "
            "Fit it with lme4, which keeps them sparse"
        )


def _indicator(index: NDArray[np.intp], levels: int) -> Any:
    from scipy import sparse

    n = len(index)
    return sparse.csr_array((np.ones(n), (index, np.arange(n))), shape=(levels, n))


def _cross(
    index1: NDArray[np.intp], levels1: int, index2: NDArray[np.intp], levels2: int, product: Floats
) -> Floats:
    """Sum products (n, S) over the cells of two factors: (S, levels1, levels2)."""
    from scipy import sparse

    n = len(index1)
    cells, inverse = np.unique(index1 * levels2 + index2, return_inverse=True)
    sums = sparse.csr_array((np.ones(n), (inverse, np.arange(n))), shape=(len(cells), n)) @ product
    out = np.zeros((product.shape[1], levels1 * levels2))
    out[:, cells] = sums.T
    return out.reshape(-1, levels1, levels2)


def _project(J: Any, z: Floats, Q: Floats, r: Floats, mask: Floats, QU: Floats | None) -> Floats:
    """Columns of ``Z'[Q, r]`` of one effect: (R, levels, p+1)."""
    R = r.shape[1]
    p = Q.shape[1]
    out = np.empty((R, J.shape[0], p + 1))
    out[:, :, p] = (J @ (z[:, None] * r)).T
    if QU is None:
        out[:, :, :p] = J @ (z[:, None] * Q)
    else:
        for j in range(p):
            out[:, :, j] = (J @ (mask * (z * Q[:, j])[:, None])).T
        out[:, :, :p] = out[:, :, :p] @ QU
    return out


def _factor(A: Floats) -> tuple[Floats, Floats]:
    """F with A = F F' and its pseudo-inverse, (K, K, S, l), where A may be of less than full rank."""
    value, vector = np.linalg.eigh(np.moveaxis(A, (0, 1), (2, 3)))
    root = np.sqrt(np.maximum(value, 0.0))
    good = root > 1e-7 * np.maximum(root.max(-1, keepdims=True), 1e-300)
    root = np.where(good, root, 0.0)
    inverse = np.where(good, 1.0 / np.where(good, root, 1.0), 0.0)
    F = vector * root[..., None, :]
    F_inv = inverse[..., :, None] * np.swapaxes(vector, -1, -2)
    return np.moveaxis(F, (2, 3), (0, 1)).copy(), np.moveaxis(F_inv, (2, 3), (0, 1)).copy()


def split_factors(design: Design) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Terms of the grouping factor with most random effects, and the others."""
    one = max(factors(design), key=lambda group: sum(design.k[t] * design.levels[t] for t in group))
    return one, tuple(t for t in range(len(design.index)) if t not in one)
