r"""Any design: eliminate the largest grouping factor level by level, keep the others dense.

The terms of the largest factor (1) have block diagonal cross products, so ``W_1 = I + Z_1 G_1 Z_1'``
is cheap to invert; the others (2) follow through the Schur complement ``B_22 = Z_2'W_1^{-1}Z_2``:

    P_22 = (I + B_22 G_2)^{-1} B_22,        P_12 = B_12 - B_12 G_2 P_22,
    P_11 = P_1 - P_12 G_2 B_12',            |W| = |W_1| |I + B_22 G_2|.

A block of factor 1 is written ``A_11 = F F'``, so that ``P_1 = F (I + F'G_1F)^{-1} F'`` loses no
digits when G is large. The design may differ between replicates (each with cells of its own
missing): arrays of the design have a leading axis of length 1 or R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.criterion import First, Second
from mmhelpers.engine.design import Design
from mmhelpers.engine.pairs import Blocks, LowRank
from mmhelpers.engine.small import spd_inverse

Floats = NDArray[np.float64]

# From this size of factor 1 on, and where it is so many times wider than the others, P_11 is not made.
LOW_RANK = 400
WIDER = 2


@dataclass(frozen=True, eq=False)
class Schur:
    """A design by its cross products, with the data of R replicates.

    ``S`` is 1 or R; factor 1 has l levels of K effects, the other terms q2 columns in all,
    ordered by term, effect, level.

    Attributes
    ----------
    design : Design
    one, two : tuple of int
        Terms of factor 1, and the others.
    F, F_inv : ndarray, shape (K, K, S, l)
        Factor of each block and its pseudo-inverse.
    g12 : ndarray, shape (S, K, l, q2)
        ``F^+ Z_1'Z_2``.
    A22 : ndarray, shape (S, q2, q2)
        ``Z_2'Z_2 - g12'g12``.
    gU : ndarray, shape (R, K, l, p+1)
        ``F^+ Z_1'U``.
    U2 : ndarray, shape (R, q2, p+1)
        ``Z_2'U - g12'gU``.
    UU : ndarray, shape (R, p+1, p+1)
        ``U'U - gU'gU``.
    n_obs : ndarray, shape (R,)
        Observations of each replicate.
    """

    design: Design
    one: tuple[int, ...]
    two: tuple[int, ...]
    F: Floats
    F_inv: Floats
    g12: Floats
    A22: Floats
    gU: Floats
    U2: Floats
    UU: Floats
    n_obs: Floats

    def take(self, keep: NDArray[np.intp]) -> Schur:
        """Return the system of some of the replicates."""
        own = self.A22.shape[0] > 1
        return replace(
            self,
            F=self.F[:, :, keep] if own else self.F,
            F_inv=self.F_inv[:, :, keep] if own else self.F_inv,
            g12=self.g12[keep] if own else self.g12,
            A22=self.A22[keep] if own else self.A22,
            gU=self.gU[keep],
            U2=self.U2[keep],
            UU=self.UU[keep],
            n_obs=self.n_obs[keep],
        )

    def first(self, G: list[Floats]) -> First:
        """Evaluate log|W| and M at G, (k, k, R) a term."""
        k = self.design.k
        G1 = _block_diagonal([G[t] for t in self.one])
        K1 = np.einsum("carl,cbrl->abrl", self.F, np.einsum("cdr,dbrl->cbrl", G1, self.F))
        for a in range(len(K1)):
            K1[a, a] += 1.0
        Q1, log_det1 = spd_inverse(K1)
        eU = mul(Q1, self.gU)
        M = self.UU + gram(self.gU, eU)
        FQ = np.einsum("acrl,cbrl->abrl", self.F, Q1)
        log_det = log_det1.sum(1)
        work: dict[str, Any] = {"P1": np.einsum("acrl,bcrl->abrl", FQ, self.F), "E1": mul(FQ, self.gU)}
        if self.two:
            e12 = mul(Q1, self.g12)
            B22 = self.A22 + gram(self.g12, e12)
            U2 = self.U2 + gram(self.g12, eU)
            sizes = [(k[t], self.design.levels[t]) for t in self.two]
            G2 = [np.moveaxis(G[t], 2, 0) for t in self.two]
            K2 = _times_G(B22, G2, sizes)
            K2[:, range(K2.shape[1]), range(K2.shape[1])] += 1.0
            sign, log_det2 = np.linalg.slogdet(K2)
            good = (sign > 0) & np.isfinite(log_det)
            log_det = np.where(good, log_det + log_det2, np.nan)
            K2[~good] = np.eye(K2.shape[1])
            solved = np.linalg.solve(K2, np.concatenate([B22, U2], axis=2))
            P22, E2 = solved[:, :, : K2.shape[1]], solved[:, :, K2.shape[1] :]
            GE2 = _G_times(G2, E2, sizes)
            M = M - np.swapaxes(U2, 1, 2) @ GE2
            B12 = mul(FQ, self.g12)
            work["E1"] = work["E1"] - (B12.reshape(len(B12), -1, B12.shape[3]) @ GE2).reshape(
                work["E1"].shape
            )
            work |= {"B12": B12, "P22": P22, "E2": E2, "G2": G2, "sizes": sizes}
        return First(log_det, np.ascontiguousarray(np.moveaxis(0.5 * (M + np.swapaxes(M, 1, 2)), 0, 2)), work)

    def second(self, G: list[Floats], first: First, C: Floats, weight: Floats) -> Second:
        """Evaluate the derivatives of the criterion in vec(G)."""
        work = first.work
        Cr = np.moveaxis(C, 2, 0)
        root = np.sqrt(np.moveaxis(weight, 1, 0))[:, None, :]
        E, N, P = self._by_term(work, Cr, root)
        k, n_terms = self.design.k, len(self.design.k)
        R, u = C.shape[2], C.shape[0]
        V = self.design.n_vec
        at = np.concatenate([[0], np.cumsum([size * size for size in k])])
        F = np.zeros((R, V))
        H = np.zeros((R, V, V))
        dM = np.zeros((R, V, u, u))
        for t in range(n_terms):
            here = slice(at[t], at[t + 1])
            diagonal = P.diagonal_blocks(t)
            F[:, here] = (diagonal.sum(3) - np.einsum("ralv,rblv->rab", N[t], N[t])).reshape(R, -1)
            Et = np.moveaxis(E[t], 3, 2)  # (R, k, u, l)
            flat = np.ascontiguousarray(Et).reshape(R, k[t] * u, -1)
            gram = (flat @ np.swapaxes(flat, 1, 2)).reshape(R, k[t], u, k[t], u)
            gram = 0.5 * (gram + gram.transpose(0, 3, 2, 1, 4))
            dM[:, here] = -gram.transpose(0, 1, 3, 2, 4).reshape(R, -1, u, u)
            for s in range(t + 1):
                block = 2.0 * P.quadratic(t, s, N) - P.squared(t, s)
                there = slice(at[s], at[s + 1])
                # (R, a, b, c, d), symmetric in (a, b) and in (c, d) because dG is
                block = block + block.transpose(0, 2, 1, 3, 4)
                block = 0.25 * (block + block.transpose(0, 1, 2, 4, 3))
                H[:, here, there] = block.reshape(R, k[t] ** 2, k[s] ** 2)
                H[:, there, here] = np.swapaxes(H[:, here, there], 1, 2)
        return Second(*(np.ascontiguousarray(np.moveaxis(x, 0, -1)) for x in (F, H, dM)))

    def modes(self, G: list[Floats], first: First, C: Floats) -> list[Floats]:
        """Conditional modes ``G Z'W^{-1}(r - Q beta)``, (R, levels, k) a term, whitened and scaled."""
        w = np.moveaxis(C[:, -1:], 2, 0)
        E = self._split(first.work, w)
        return [np.einsum("abr,rbl->rla", G[t], E[t][..., 0]) for t in range(len(G))]

    def _split(self, work: dict[str, Any], C: Floats) -> list[Floats]:
        """E C by term: (R, k, l, u)."""
        out: list[Any] = [None] * len(self.design.k)
        E1 = work["E1"] @ C[:, None]
        row = 0
        for t in self.one:
            out[t] = E1[:, row : row + self.design.k[t]]
            row += self.design.k[t]
        row = 0
        for t in self.two:
            k, levels = self.design.k[t], self.design.levels[t]
            part = work["E2"][:, row : row + k * levels] @ C
            out[t] = part.reshape(len(part), k, levels, -1)
            row += k * levels
        return out

    def _by_term(self, work: dict[str, Any], C: Floats, root: Floats) -> tuple[Any, Any, Blocks]:
        E = self._split(work, C)
        N = [part * root[:, None] for part in E]
        k, levels = self.design.k, self.design.levels
        dense: dict[tuple[int, int], Floats] = {}
        spread: dict[tuple[int, int], LowRank] = {}
        offdiagonal = bool(self.two)
        rows = np.cumsum([0, *(k[t] for t in self.one)])
        diag1 = {
            t: work["P1"][rows[i] : rows[i + 1], rows[j] : rows[j + 1]]
            for i, t in enumerate(self.one)
            for j, s in enumerate(self.one)
            if s == t
        }
        between1 = {
            (t, s): np.moveaxis(work["P1"][rows[i] : rows[i + 1], rows[j] : rows[j + 1]], 2, 0)
            for i, t in enumerate(self.one)
            for j, s in enumerate(self.one)
        }
        if offdiagonal:
            B12 = work["B12"]
            R, K, l, q2 = B12.shape
            flat = B12.reshape(R, K * l, q2)
            P12G = flat - _times_G(flat, work["G2"], work["sizes"]) @ work["P22"]
            P12 = P12G.reshape(R, K, l, q2)
            P12G = _times_G(P12G, work["G2"], work["sizes"])
            low = K * l > max(WIDER * q2, LOW_RANK)
            if not low:
                P11 = (-(P12G @ np.swapaxes(flat, 1, 2))).reshape(R, K, l, K, l)
                for a in range(K):
                    for b in range(K):
                        P11[:, a, range(l), b, range(l)] += work["P1"][a, b]
            starts = np.cumsum([0, *(a * b for a, b in work["sizes"])])
            for i, t in enumerate(self.one):
                for j, s in enumerate(self.one):
                    here, there = slice(rows[i], rows[i + 1]), slice(rows[j], rows[j + 1])
                    if low:
                        D = np.moveaxis(work["P1"][here, there], 2, 0)
                        spread[t, s] = LowRank(D, P12G.reshape(R, K, l, q2)[:, here], B12[:, there])
                    else:
                        dense[t, s] = P11[:, here, :, there]
                for j, s in enumerate(self.two):
                    part = P12[:, rows[i] : rows[i + 1], :, starts[j] : starts[j + 1]]
                    dense[t, s] = part.reshape(R, k[t], l, k[s], levels[s])
                    dense[s, t] = dense[t, s].transpose(0, 3, 4, 1, 2)
            for i, t in enumerate(self.two):
                for j, s in enumerate(self.two):
                    part = work["P22"][:, starts[i] : starts[i + 1], starts[j] : starts[j + 1]]
                    dense[t, s] = part.reshape(R, k[t], levels[t], k[s], levels[s])
        return E, N, Blocks(dense, diag1, between1, spread)


def _block_diagonal(parts: Sequence[Floats]) -> Floats:
    if len(parts) == 1:
        return parts[0]
    size = sum(len(part) for part in parts)
    out = np.zeros((size, size, parts[0].shape[2]))
    at = 0
    for part in parts:
        out[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return out


def mul(Q: Floats, X: Floats) -> Floats:
    """Blocks Q (K, K, R, l) times X (S, K, l, c)."""
    K = len(Q)
    shape = (max(Q.shape[2], X.shape[0]), *X.shape[1:])
    out = np.empty(shape)
    for a in range(K):
        np.multiply(Q[a, 0][:, :, None], X[:, 0], out=out[:, a])
        for b in range(1, K):
            out[:, a] += Q[a, b][:, :, None] * X[:, b]
    return out


def gram(A: Floats, B: Floats) -> Floats:
    """A'B over effects and levels, (R, c, d)."""
    rows = A.shape[1] * A.shape[2]
    return np.swapaxes(A.reshape(len(A), rows, A.shape[3]), 1, 2) @ B.reshape(len(B), rows, B.shape[3])


def _times_G(X: Floats, G: Sequence[Floats], sizes: Sequence[tuple[int, int]]) -> Floats:
    """X (R, rows, q2) times the block diagonal G."""
    out = np.empty_like(X)
    at = 0
    for g, (k, levels) in zip(G, sizes, strict=True):
        for c in range(k):
            into = out[:, :, at + c * levels : at + (c + 1) * levels]
            np.multiply(X[:, :, at : at + levels], g[:, 0, c][:, None, None], out=into)
            for b in range(1, k):
                into += X[:, :, at + b * levels : at + (b + 1) * levels] * g[:, b, c][:, None, None]
        at += k * levels
    return out


def _G_times(G: Sequence[Floats], X: Floats, sizes: Sequence[tuple[int, int]]) -> Floats:
    """Multiply X (R, q2, columns) by the block diagonal G."""
    return np.swapaxes(_times_G(np.swapaxes(X, 1, 2), G, sizes), 1, 2)
