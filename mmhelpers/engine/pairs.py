"""P = Z'W^{-1}Z by pairs of terms, and the sums over it that second derivatives need (see ``schur``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Blocks:
    """P = Z'W^{-1}Z by pairs of terms.

    ``dense[t, s]`` is (R, k_t, l_t, k_s, l_s); where there is one grouping factor only, P is block
    diagonal and ``diagonal[t]`` (k, k, R, l) and ``between[t, s]`` (R, k_t, k_s, l) are all there is.
    """

    dense: dict[tuple[int, int], Floats]
    diagonal: dict[int, Floats]
    between: dict[tuple[int, int], Floats]
    spread: dict[tuple[int, int], LowRank]

    def diagonal_blocks(self, t: int) -> Floats:
        """Blocks of P of single levels, (R, k, k, l)."""
        if (t, t) in self.spread:
            return self.spread[t, t].diagonal_blocks()
        if not self.dense:
            return np.moveaxis(self.diagonal[t], 2, 0)
        return np.asarray(np.diagonal(self.dense[t, t], axis1=2, axis2=4))

    def squared(self, t: int, s: int) -> Floats:
        """``sum_lm P[la, md] P[lb, mc]`` as (R, a, b, c, d)."""
        if (t, s) in self.spread:
            return self.spread[t, s].squared()
        if not self.dense:
            P = self.between[t, s]
            return np.asarray(np.einsum("radl,rbcl->rabcd", P, P))
        P = self.dense[t, s]
        R, kt, lt, ks, ls = P.shape
        flat = np.ascontiguousarray(P.transpose(0, 1, 3, 2, 4)).reshape(R, kt * ks, lt * ls)
        gram = (flat @ np.swapaxes(flat, 1, 2)).reshape(R, kt, ks, kt, ks)  # a d, b c
        return np.ascontiguousarray(gram.transpose(0, 1, 3, 4, 2))

    def quadratic(self, t: int, s: int, N: list[Floats]) -> Floats:
        """``sum_lm N[la, md] P[lb, mc]`` as (R, a, b, c, d), with N = sum_v N_v N_v'."""
        if (t, s) in self.spread:
            return self.spread[t, s].quadratic(N[t], N[s])
        if not self.dense:
            P = self.between[t, s]
            NN = np.einsum("ralv,rdlv->radl", N[t], N[s])
            return np.asarray(np.einsum("radl,rbcl->rabcd", NN, P))
        P = self.dense[t, s]
        R, kt, lt, ks, ls = P.shape
        out = np.empty((R, kt, kt, ks, ks))
        left = np.ascontiguousarray(N[t].transpose(0, 1, 3, 2)).reshape(R, kt, -1)  # a, (v l)
        right = np.ascontiguousarray(N[s].transpose(0, 2, 1, 3)).reshape(R, ls, -1)  # m, (d v)
        nv = N[t].shape[3]
        for c in range(ks):
            Y = P[:, :, :, c].reshape(R, kt * lt, ls) @ right  # (b l), (d v)
            Y = Y.reshape(R, kt, lt, ks, nv).transpose(0, 4, 2, 1, 3).reshape(R, nv * lt, kt * ks)
            out[:, :, :, c] = (left @ Y).reshape(R, kt, kt, ks)
        return out


@dataclass(frozen=True, eq=False)
class LowRank:
    """A part of P that is diagonal in the levels but for a product of low rank, ``D - B C'``.

    So P of a factor with very many levels is never made: what takes part is as large as B.

    Attributes
    ----------
    D : ndarray, shape (R, k_t, k_s, l)
    B, C : ndarray, shape (R, k_t, l, q2), (R, k_s, l, q2)
    """

    D: Floats
    B: Floats
    C: Floats

    def _diagonal(self) -> Floats:
        """Diagonals of B C' in the levels, (R, k_t, k_s, l)."""
        return np.asarray(np.einsum("ralq,rblq->rabl", self.B, self.C))

    def diagonal_blocks(self) -> Floats:
        """Blocks of single levels, (R, k, k, l)."""
        return self.D - self._diagonal()

    def squared(self) -> Floats:
        """``sum_lm P[la, md] P[lb, mc]`` as (R, a, b, c, d)."""
        both = self._diagonal()
        out = np.einsum("radl,rbcl->rabcd", self.D, self.D - both) - np.einsum(
            "radl,rbcl->rabcd", both, self.D
        )
        B, C = np.moveaxis(self.B, 1, 0), np.moveaxis(self.C, 1, 0)
        left = [[np.swapaxes(one, 1, 2) @ two for two in B] for one in B]
        right = [[np.swapaxes(one, 1, 2) @ two for two in C] for one in C]
        for a, b, c, d in np.ndindex(len(B), len(B), len(C), len(C)):
            out[:, a, b, c, d] += np.einsum("rqp,rqp->r", left[a][b], right[d][c])
        return np.asarray(out)

    def quadratic(self, Nt: Floats, Ns: Floats) -> Floats:
        """``sum_lm N[la, md] P[lb, mc]`` as (R, a, b, c, d), with N = sum_v Nt_v Ns_v'."""
        NN = np.einsum("ralv,rdlv->radl", Nt, Ns)
        left = np.einsum("ralv,rblq->rabvq", Nt, self.B, optimize=True)
        right = np.einsum("rdlv,rclq->rdcvq", Ns, self.C, optimize=True)
        product = np.einsum("rabvq,rdcvq->rabcd", left, right, optimize=True)
        return np.asarray(np.einsum("radl,rbcl->rabcd", NN, self.D) - product)
