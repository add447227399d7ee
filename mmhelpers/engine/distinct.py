r"""One grouping factor whose groups all differ: a sum over groups, with matrix products over them.

Where no two groups have the same ``Z_i'Z_i`` there is nothing to pool, and an evaluation is a sum over groups of
functions of ``K_i = A_i^{-1} + G`` (see ``pooled``, whose statistics these are). Groups are contiguous here, so that
sums over them are matrix products, one a replicate, and replicates are taken in pieces that stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.criterion import First, Second
from mmhelpers.engine.design import Design
from mmhelpers.engine.fast import kernels, numba_is_on
from mmhelpers.engine.pooled import Plan, Pooled
from mmhelpers.engine.small import product, spd_inverse

Floats = NDArray[np.float64]

# Replicates times groups that are computed together: the arrays of a piece stay in the cache.
PIECE = 12_000


@dataclass(frozen=True, eq=False)
class Distinct:
    """Sufficient statistics of R replicates on groups that all differ.

    Attributes
    ----------
    plan : Plan
    A_inv : ndarray, shape (k, k, B)
        Inverse of each group's ``Z_i'Z_i``.
    gx : ndarray, shape (p, k, B)
        ``A_i^{-1} Z_i'Q``.
    g : ndarray, shape (R, k, B)
        ``A_i^{-1} Z_i'r``.
    M : ndarray, shape (p+1, R)
        Last column of M_W.
    n_obs : ndarray, shape (R,)
    """

    plan: Plan
    A_inv: Floats
    gx: Floats
    g: Floats
    M: Floats
    n_obs: Floats

    @property
    def design(self) -> Design:
        """The design."""
        return self.plan.design

    def take(self, keep: NDArray[np.intp]) -> Distinct:
        """Return the statistics of some of the replicates."""
        return replace(self, g=self.g[keep], M=self.M[:, keep], n_obs=self.n_obs[keep])

    def first(self, G: list[Floats]) -> First:
        """Evaluate log|W| and M at G, (k, k, R)."""
        p, k, B = self.gx.shape
        R = len(self.g)
        M = np.empty((R, p + 1, p + 1))
        log_det = np.empty(R)
        fast = k == 2 and numba_is_on()
        if fast:
            kernels()[0](self.A_inv, self.gx, self.g, G[0], log_det, M)
        size = max(PIECE // B, 1)
        flat = self.gx.reshape(p, k * B).T
        work = []
        for at in range(0, 0 if fast else R, size):
            piece = slice(at, min(at + size, R))
            K = self.A_inv[:, :, None] + G[0][:, :, piece, None]
            Q, log_K = spd_inverse(K)
            log_det[piece] = log_K.sum(1)
            e = np.empty((len(log_K), p + 1, k, B))  # Q [gx, g]
            np.einsum("acrb,pcb->rpab", Q, self.gx, out=e[:, :p])
            np.einsum("acrb,rcb->rab", Q, self.g[piece], out=e[:, p])
            columns = e.reshape(-1, k * B)
            M[piece, :, :p] = (columns @ flat).reshape(-1, p + 1, p)
            M[piece, p, p] = np.einsum("rab,rab->r", e[:, p], self.g[piece])
            work.append((Q, e))
        log_det += self.plan.stacks[0].log_det_A
        M[:, :p, p] = M[:, p, :p]
        out = np.moveaxis(M, 0, 2).copy()
        out[:p, :p] += self.plan.Mxx[:, :, None]
        out[:, p] += self.M
        out[p, :p] = out[:p, p]
        return First(log_det, out, work)

    def second(self, G: list[Floats], first: First, C: Floats, weight: Floats) -> Second:
        """Evaluate the derivatives of the criterion in vec(G)."""
        p, k, B = self.gx.shape
        u, R = p + 1, len(self.g)
        pairs = [(a, c) for a in range(k) for c in range(a + 1)]
        root = np.moveaxis(C * np.sqrt(weight), 2, 0).transpose(0, 2, 1)
        trace = np.empty((R, len(pairs)))
        sums = np.empty((R, len(pairs), len(pairs)))
        gram = np.empty((R, u * k, u * k))
        if k == 2 and numba_is_on():
            kernels()[1](self.A_inv, self.gx, self.g, G[0], np.ascontiguousarray(root), trace, sums, gram)
        at = 0
        for Q, e in first.work:
            piece = slice(at, at + len(e))
            at += len(e)
            rows = e.reshape(len(e), u * k, B)
            np.matmul(rows, rows.transpose(0, 2, 1), out=gram[piece])
            E = np.matmul(root[piece], e.reshape(len(e), u, k * B)).reshape(e.shape)
            P = np.empty((len(e), len(pairs), B))
            W = np.empty_like(P)
            for i, (a, c) in enumerate(pairs):
                P[:, i] = Q[a, c]
                np.einsum("rub,rub->rb", E[:, :, a], E[:, :, c], out=W[:, i])
            np.sum(P, axis=2, out=trace[piece])
            trace[piece] -= W.sum(2)
            W *= 2.0
            W -= P
            np.matmul(P, W.transpose(0, 2, 1), out=sums[piece])
        number = {pair: i for i, pair in enumerate(pairs)} | {(c, a): i for i, (a, c) in enumerate(pairs)}
        F = np.array([trace[:, number[a, c]] for a in range(k) for c in range(k)])
        H = np.empty((k, k, k, k, R))
        for a, b in pairs:
            for c, d in pairs:
                part: Any = 0.0
                for left, right in (((b, c), (a, d)), ((a, c), (b, d)), ((b, d), (a, c)), ((a, d), (b, c))):
                    part = part + sums[:, number[left], number[right]]
                H[a, b, c, d] = H[b, a, c, d] = H[a, b, d, c] = H[b, a, d, c] = 0.25 * part
        table = gram.reshape(R, u, k, u, k).transpose(2, 4, 1, 3, 0)  # (a, c, u, v, R)
        dM = np.empty((k, k, u, u, R))
        Ct = np.ascontiguousarray(C.transpose(1, 0, 2))
        for a, c in pairs:
            half = np.ascontiguousarray(table[a, c])
            half = -0.5 * (half + half.transpose(1, 0, 2))
            dM[a, c] = dM[c, a] = product(product(Ct, half), C)
        return Second(F, H.reshape(k * k, k * k, R), dM.reshape(k * k, u, u, R))


def applies(plan: Plan) -> bool:
    """Whether all groups of a design differ, and there are many of them."""
    if len(plan.stacks) != 1:
        return False
    stack = plan.stacks[0]
    return stack.A is not None and stack.singles is not None and not stack.rest


def collect(plan: Plan, Zr: Floats, rr: Floats) -> Distinct:
    """Statistics from Z'r (q, R) and r'r (R,) of scaled residuals, as `pooled.collect` without its detours."""
    stack = plan.stacks[0]
    assert stack.singles is not None
    reduced = Zr if plan.reduce is None else plan.reduce @ Zr
    rows = stack.singles[0]  # (B, k)
    c = np.ascontiguousarray(reduced[rows.T.ravel()].T).reshape(len(rr), rows.shape[1], len(rows))
    empty = Distinct(*_fixed(plan), g=np.empty_like(c), M=np.empty((plan.design.p + 1, len(rr))), n_obs=rr)
    np.einsum("abB,RbB->RaB", empty.A_inv, c, out=empty.g)
    p, k, B = empty.gx.shape
    empty.M[:p] = -empty.gx.reshape(p, k * B) @ c.reshape(len(rr), k * B).T
    empty.M[p] = rr - np.einsum("RaB,RaB->R", empty.g, c)
    return replace(empty, n_obs=np.full(len(rr), float(plan.design.n)))


def concatenate(parts: Sequence[Distinct]) -> Distinct:
    """Put the statistics of several batches of replicates side by side."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        g=np.concatenate([part.g for part in parts]),
        M=np.concatenate([part.M for part in parts], axis=1),
        n_obs=np.concatenate([part.n_obs for part in parts]),
    )


def _fixed(plan: Plan) -> tuple[Plan, Floats, Floats]:
    stack = plan.stacks[0]
    assert stack.A_inv is not None
    return plan, stack.A_inv, np.ascontiguousarray(stack.gx[:, 0].transpose(2, 0, 1))


def from_pooled(system: Pooled) -> Distinct:
    """Put pooled statistics into the order that is used here."""
    return Distinct(
        *_fixed(system.plan),
        g=np.ascontiguousarray(system.gr[0][:, 0].transpose(2, 0, 1)),
        M=system.M,
        n_obs=system.n_obs,
    )
