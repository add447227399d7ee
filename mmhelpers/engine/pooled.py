r"""Designs that fall into small blocks: sufficient statistics, pooled over equal blocks.

A block has ``A = F F'`` (d x d, rank r) and occurs m times. In the coordinates ``gamma = F^+ Z'U``
everything needs only ``K = I + F'GF``, which is positive definite and never ill-conditioned by a
large G:

    log|W| = sum m log|K|,    M = M_W + sum gamma'K^{-1}gamma,
    P = F K^{-1} F',          E = F K^{-1} gamma,

with ``M_W = U'(I - Z Z^+)U``. The m vectors gamma of a block enter through their cross products, so
they are rotated into the few that have a part in the fixed effects (``rho`` of them, the same for
all replicates) and a rest, of which the sum of squares and products S is all that is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.blocks import Block, Structure
from mmhelpers.engine.criterion import First, Second
from mmhelpers.engine.design import Design
from mmhelpers.engine.small import spd_inverse

Floats = NDArray[np.float64]

# From this many blocks of one shape on, sums over blocks are matrix products, one a replicate.
MANY_BLOCKS = 16


@dataclass(frozen=True, eq=False)
class Gather:
    """How one block's statistics are made from Z'r: see `collect`."""

    block: Block
    F_inv: Floats  # (r, d)
    U: tuple[Floats, ...]  # a source: (m, rho), its rows of the rotation


@dataclass(frozen=True, eq=False)
class Stack:
    """Blocks of one shape: the part that is fixed for the design.

    Attributes
    ----------
    slots : tuple of int
        Term of each level in the block.
    F : ndarray, shape (d, r, B)
    Phi : ndarray, shape (r * r * B, V)
        ``F'E_vF`` for each element v of vec(G).
    copies : ndarray, shape (B,)
    gx : ndarray, shape (r, rho, B, p)
        The fixed effects' part of the rotated gamma.
    rest : bool
        Whether some block has vectors without a part in the fixed effects.
    gathers : tuple of Gather
    singles : tuple of ndarray, or None
        Where every block occurs once: rows (B, d) of the reduced Z'r, and F^+ (r, d, B).
    A : ndarray, shape (d, d, B), or None
        Where there are many blocks of one level, all of full rank, F is left out, to save the
        products with it: gamma is ``A^{-1} Z'U`` and ``K = A^{-1} + G``, so that ``P = K^{-1}``.
    A_inv : ndarray, shape (d, d, B), or None
    log_det_A : float
        ``sum m log|A|``, what the determinant of K then lacks.
    """

    slots: tuple[int, ...]
    F: Floats
    Phi: Floats
    copies: Floats
    gx: Floats
    rest: bool
    gathers: tuple[Gather, ...]
    singles: tuple[NDArray[np.intp], Floats] | None = None
    A: Floats | None = None
    A_inv: Floats | None = None
    log_det_A: float = 0.0


@dataclass(frozen=True, eq=False)
class Plan:
    """A design, ready for responses.

    Attributes
    ----------
    design : Design
    structure : Structure
    stacks : tuple of Stack
    Mxx : ndarray, shape (p, p)
        ``Q'(I - Z Z^+)Q``.
    Zt : sparse array, shape (q, n)
        Z' by rows.
    reduce : sparse array, shape (q', q), or None
        The structure's, where it is not the identity.
    """

    design: Design
    structure: Structure
    stacks: tuple[Stack, ...]
    Mxx: Floats
    Zt: Any
    reduce: Any


@dataclass(frozen=True, eq=False)
class Pooled:
    """Sufficient statistics of R replicates.

    Attributes
    ----------
    plan : Plan
    gr : tuple of ndarray, shape (r, rho, B, R)
        The residuals' part of the rotated gamma, a stack.
    S : tuple of ndarray, shape (r, r, B, R)
        Sum of squares and products of the rest, a stack.
    M : ndarray, shape (p+1, R)
        Last column of M_W.
    n_obs : ndarray, shape (R,)
    """

    plan: Plan
    gr: tuple[Floats, ...]
    S: tuple[Floats, ...]
    M: Floats
    n_obs: Floats

    @property
    def design(self) -> Design:
        """The design."""
        return self.plan.design

    def take(self, keep: NDArray[np.intp]) -> Pooled:
        """Return the statistics of some of the replicates."""
        return replace(
            self,
            gr=tuple(a[..., keep] for a in self.gr),
            S=tuple(a[..., keep] for a in self.S),
            M=self.M[:, keep],
            n_obs=self.n_obs[keep],
        )

    def first(self, G: list[Floats]) -> First:
        """Evaluate log|W| and M at G, (k, k, R) a term."""
        p, R = self.design.p, G[0].shape[2]
        vec = np.concatenate([g.reshape(-1, R) for g in G])
        log_det: Any = 0.0
        M = np.zeros((p + 1, p + 1, R))
        M[:p, :p] = self.plan.Mxx[:, :, None]
        M[:, p] = self.M
        work = []
        for stack, gr, S in zip(self.plan.stacks, self.gr, self.S, strict=True):
            _, r, B = stack.F.shape
            K = (stack.Phi @ vec).reshape(r, r, B, R)
            if stack.A_inv is None:
                for i in range(r):
                    K[i, i] += 1.0
            else:
                K += stack.A_inv[..., None]
            Q, log_K = spd_inverse(K)
            log_det = log_det + stack.copies @ log_K + stack.log_det_A
            ex = np.einsum("ijbR,jobp->iobpR", Q, stack.gx)
            er = np.einsum("ijbR,jobR->iobR", Q, gr)
            width = r * stack.gx.shape[1] * B
            gx = stack.gx.reshape(width, p)
            M[:p, :p] += (gx.T @ ex.reshape(width, p * R)).reshape(p, p, R)
            M[:p, p] += gx.T @ er.reshape(width, R)
            M[p, p] += np.einsum("iobR,iobR->R", gr, er)
            if stack.rest:
                M[p, p] += np.einsum("ijbR,ijbR->R", Q, S)
            work.append((Q, ex, er))
        M[p, :p] = M[:p, p]
        return First(np.asarray(log_det), M, work)

    def second(self, G: list[Floats], first: First, C: Floats, weight: Floats) -> Second:
        """Evaluate the derivatives of the criterion in vec(G)."""
        design = self.design
        p, R = design.p, C.shape[2]
        k = design.k
        at = np.concatenate([[0], np.cumsum([size * size for size in k])])
        V = design.n_vec
        F = np.zeros((V, R))
        H = np.zeros((V, V, R))
        dM = np.zeros((V, p + 1, p + 1, R))
        for stack, S, (Q, ex, er) in zip(self.plan.stacks, self.S, first.work, strict=True):
            _, r, B = stack.F.shape
            rho = ex.shape[1]
            plain = stack.A is not None
            FQ = Q if plain else np.einsum("dib,ijbR->djbR", stack.F, Q)
            P = Q if plain else np.einsum("djbR,ejb->debR", FQ, stack.F)
            e = np.empty((r, rho, B, p + 1, R))
            e[:, :, :, :p] = np.einsum("iobqR,qpR->iobpR", ex, C[:p, :p])
            e[:, :, :, p] = er + np.einsum("iobqR,qR->iobR", ex, C[:p, p])
            E = e if plain else np.einsum("dib,iobpR->dobpR", stack.F, e)
            weighted = E * weight
            N = np.einsum("dobpR,eobpR->debR", weighted, E)
            if stack.rest:
                rest = np.einsum("djbR,ejbR->debR", np.einsum("dibR,ijbR->djbR", FQ, S), FQ)
                N += weight[p] * rest
            slack = stack.copies[:, None] * P
            lower = slack - N
            W = 2.0 * N - slack
            where = _slot_rows(stack.slots, k)
            terms = sorted(where)
            for t in terms:
                here = slice(at[t], at[t + 1])
                for rows in where[t]:
                    F[here] += np.einsum("abxR->abR", lower[rows, rows]).reshape(-1, R)
                    block = _gram(E[rows])
                    if stack.rest:
                        block[:, :, p, p] += np.einsum("abxR->abR", rest[rows, rows])
                    dM[here] -= (0.5 * (block + block.transpose(1, 0, 2, 3, 4))).reshape(-1, p + 1, p + 1, R)
                for s in terms:
                    if s > t:
                        continue
                    there = slice(at[s], at[s + 1])
                    total: Any = 0.0
                    for left in where[t]:
                        for right in where[s]:
                            total = total + _pairs(P[left, right], W[left, right])
                    total = total + total.transpose(1, 0, 2, 3, 4)
                    total = 0.25 * (total + total.transpose(0, 1, 3, 2, 4))
                    part = total.reshape(k[t] ** 2, k[s] ** 2, R)
                    H[here, there] += part
                    if s != t:
                        H[there, here] += part.transpose(1, 0, 2)
        return Second(F, H, dM)


def _gram(E: Floats) -> Floats:
    """Sum E[a, p] E[c, q] over copies and blocks: (k, k, u, u, R) from E (k, rho, B, u, R)."""
    k, rho, B, u, R = E.shape
    if B < MANY_BLOCKS:
        return np.asarray(np.einsum("aobpR,cobqR->acpqR", E, E))
    flat = np.ascontiguousarray(E.transpose(4, 0, 3, 1, 2)).reshape(R, k * u, rho * B)
    gram = (flat @ flat.transpose(0, 2, 1)).reshape(R, k, u, k, u)
    return np.ascontiguousarray(gram.transpose(1, 3, 2, 4, 0))


def _pairs(P: Floats, W: Floats) -> Floats:
    """Sum P[b, c] W[a, d] over blocks: (a, b, c, d, R) from (k, l, B, R)."""
    k, l, B, R = P.shape
    if B < MANY_BLOCKS:
        return np.asarray(np.einsum("bcxR,adxR->abcdR", P, W))
    left = np.ascontiguousarray(W.transpose(3, 0, 1, 2)).reshape(R, k * l, B)
    right = np.ascontiguousarray(P.transpose(3, 2, 0, 1)).reshape(R, B, k * l)
    return np.ascontiguousarray((left @ right).reshape(R, k, l, k, l).transpose(1, 3, 4, 2, 0))


def _slot_rows(slots: tuple[int, ...], k: tuple[int, ...]) -> dict[int, list[slice]]:
    """Rows of a block that belong to each term, one slice a level."""
    out: dict[int, list[slice]] = {}
    row = 0
    for t in slots:
        out.setdefault(t, []).append(slice(row, row + k[t]))
        row += k[t]
    return out


def make_plan(design: Design, structure: Structure) -> Plan:
    """Compute what the pooled path needs of a design."""
    ZQ = structure.Z.T @ design.Q
    reduced = structure.reduce @ ZQ
    by_shape: dict[Any, list[tuple[Floats, Floats, int, Gather]]] = {}
    Mxx = np.eye(design.p)
    eigen = _eigen(structure.blocks)
    bulk = _whole_singles(structure.blocks, eigen)
    for number, (block, (value, vector)) in enumerate(zip(structure.blocks, eigen, strict=True)):
        if number in bulk:
            continue
        good = value > 1e-11 * max(value[-1], 1e-300)
        if not good.any():
            continue
        F = vector[:, good] * np.sqrt(value[good])
        F_inv = (vector[:, good] / np.sqrt(value[good])).T
        parts = [_vectors(source, ZQ, reduced) @ F_inv.T for source in block.sources]  # (p, m, r)
        whole = np.concatenate(parts, axis=1)
        p, m, r = whole.shape
        if m == 1:
            rho, gx, gather = 1, whole.transpose(2, 1, 0), Gather(block, F_inv, (np.ones((1, 1)),))
        else:
            U, size, Vt = np.linalg.svd(whole.transpose(1, 2, 0).reshape(m, r * p), full_matrices=False)
            rho = int((size > 1e-11).sum())
            gx = (size[:rho, None] * Vt[:rho]).reshape(rho, r, p).transpose(1, 0, 2)
            cuts = np.cumsum([part.shape[1] for part in parts])[:-1]
            gather = Gather(block, F_inv, tuple(np.split(U[:, :rho], cuts)))
        by_shape.setdefault((block.slots, r, m == 1), []).append((F, gx, block.copies, gather))
        flat = gx.reshape(r * rho, p)
        Mxx -= flat.T @ flat
    bulk_stack = None
    if bulk:
        bulk_stack = _stack_singles(design, [(structure.blocks[i], *eigen[i]) for i in sorted(bulk)], reduced)
        flat = bulk_stack.gx.reshape(-1, design.p)
        Mxx -= flat.T @ flat
    value, vector = np.linalg.eigh(Mxx) if design.p else (np.zeros(0), np.zeros((0, 0)))
    Mxx = (vector * np.where(value > 1e-12, value, 0.0)) @ vector.T
    stacks = [] if bulk_stack is None else [bulk_stack]
    for (slots, r, single), members in by_shape.items():
        F = np.stack([member[0] for member in members], axis=-1)
        width = max(member[1].shape[1] for member in members)
        gx = np.zeros((r, width, len(members), design.p))
        for b, member in enumerate(members):
            gx[:, : member[1].shape[1], b] = member[1]
        stacks.append(
            Stack(
                slots=slots,
                F=F,
                Phi=_phi(F, slots, design.k),
                copies=np.array([float(member[2]) for member in members]),
                gx=gx,
                rest=any(member[2] > member[1].shape[1] for member in members),
                gathers=tuple(member[3] for member in members),
                singles=_singles([member[3] for member in members]) if single else None,
            )
        )
    eye = structure.reduce.shape[0] == structure.reduce.shape[1] and _is_identity(structure.reduce)
    return Plan(
        design=design,
        structure=structure,
        stacks=tuple(_without_F(stack, design.k) for stack in stacks),
        Mxx=Mxx,
        Zt=structure.Z.T.tocsr(),
        reduce=None if eye else structure.reduce,
    )


def _is_identity(A: Any) -> bool:
    A = A.tocoo()
    return bool(np.array_equal(A.row, A.col) and np.all(A.data == 1.0))


def _whole_singles(blocks: tuple[Block, ...], eigen: list[tuple[Floats, Floats]]) -> set[int]:
    """Numbers of the blocks that occur once and are of full rank, where there are many of one kind."""
    kinds: dict[tuple[int, ...], list[int]] = {}
    for i, (block, (value, _)) in enumerate(zip(blocks, eigen, strict=True)):
        if block.copies == 1 and not block.sources[0].level and value[0] > 1e-11 * max(value[-1], 1e-300):
            kinds.setdefault(block.slots, []).append(i)
    most = max(kinds.values(), key=len, default=[])
    return set(most) if len(most) >= MANY_BLOCKS else set()


def _stack_singles(design: Design, members: list[tuple[Block, Floats, Floats]], reduced: Floats) -> Stack:
    """Blocks that occur once, all at a time."""
    root = np.sqrt(np.stack([member[1] for member in members]))  # (B, r)
    vector = np.stack([member[2] for member in members])
    F = np.ascontiguousarray(np.moveaxis(vector * root[:, None, :], 0, 2))
    F_inv = np.swapaxes(vector / root[:, None, :], 1, 2)
    rows = np.stack([member[0].sources[0].rows[0] for member in members])
    one = (np.ones((1, 1)),)
    gathers = tuple(Gather(member[0], inverse, one) for member, inverse in zip(members, F_inv, strict=True))
    slots = members[0][0].slots
    return Stack(
        slots=slots,
        F=F,
        Phi=_phi(F, slots, design.k),
        copies=np.ones(len(members)),
        gx=np.ascontiguousarray((F_inv @ reduced[rows]).transpose(1, 0, 2)[:, None]),
        rest=False,
        gathers=gathers,
        singles=(rows, np.ascontiguousarray(np.moveaxis(F_inv, 0, 2))),
    )


def _without_F(stack: Stack, k: tuple[int, ...]) -> Stack:
    """Leave F out where there are many blocks of one level and every A is well conditioned."""
    d, r, B = stack.F.shape
    if len(stack.slots) != 1 or d != r or B < MANY_BLOCKS:
        return stack
    A = np.einsum("dib,eib->deb", stack.F, stack.F)
    size = np.einsum("dib,dib->ib", stack.F, stack.F)  # eigenvalues
    if np.any(size.min(0) < 1e-6 * size.max(0)):
        return stack
    F_inv = np.stack([gather.F_inv for gather in stack.gathers], axis=-1)  # (r, d, B)
    A_inv = np.einsum("idb,ieb->deb", F_inv, F_inv)
    eye = np.repeat(np.eye(d)[:, :, None], B, axis=2)
    gathers = tuple(replace(gather, F_inv=A_inv[..., b]) for b, gather in enumerate(stack.gathers))
    return replace(
        stack,
        F=eye,
        Phi=_phi(eye, stack.slots, k),
        gx=np.einsum("idb,iobp->dobp", F_inv, stack.gx),
        gathers=gathers,
        singles=None if stack.singles is None else _singles(list(gathers)),
        A=A,
        A_inv=A_inv,
        log_det_A=float(stack.copies @ np.log(size).sum(0)),
    )


def _eigen(blocks: tuple[Block, ...]) -> list[tuple[Floats, Floats]]:
    """Eigenvalues and eigenvectors of all blocks, one call a size."""
    out: list[Any] = [None] * len(blocks)
    for d in {len(block.A) for block in blocks}:
        which = [i for i, block in enumerate(blocks) if len(block.A) == d]
        for i, value, vector in zip(
            which, *np.linalg.eigh(np.stack([blocks[i].A for i in which])), strict=True
        ):
            out[i] = (value, vector)
    return out


def _singles(gathers: list[Gather]) -> tuple[NDArray[np.intp], Floats]:
    rows = np.stack([gather.block.sources[0].rows[0] for gather in gathers])
    return rows, np.stack([gather.F_inv for gather in gathers], axis=-1)


def _phi(F: Floats, slots: tuple[int, ...], k: tuple[int, ...]) -> Floats:
    _, r, B = F.shape
    at = np.concatenate([[0], np.cumsum([size * size for size in k])])
    out = np.zeros((r, r, B, int(at[-1])))
    for t, blocks in _slot_rows(slots, k).items():
        for rows in blocks:
            part = np.einsum("aib,cjb->ijbac", F[rows], F[rows])
            out[..., at[t] : at[t + 1]] += part.reshape(r, r, B, -1)
    return out.reshape(r * r * B, -1)


def _vectors(source: Any, levels: Floats, reduced: Floats) -> Floats:
    """Vectors (columns, m, d) of a source from values (q, columns) or (q', columns)."""
    if not source.level:
        return np.moveaxis(reduced[source.rows], 2, 0)
    out = levels[source.rows]
    return np.moveaxis(out - out.mean(0), 2, 0)


def collect(plan: Plan, Zr: Floats, rr: Floats) -> Pooled:
    """Sufficient statistics from Z'r (q, R) and r'r (R,) of scaled residuals."""
    reduced = Zr if plan.reduce is None else plan.reduce @ Zr
    R = Zr.shape[1]
    all_gr, all_SSP = [], []
    for stack in plan.stacks:
        _, size, B = stack.F.shape
        gr = np.zeros((size, stack.gx.shape[1], B, R))
        SSP = np.zeros((size, size, B, R))
        if stack.singles is not None:
            rows, F_inv = stack.singles
            gr[:, 0] = np.einsum("idb,bdR->ibR", F_inv, reduced[rows])
        for b, gather in enumerate(stack.gathers if stack.singles is None else ()):
            total: Any = 0.0
            for source, U in zip(gather.block.sources, gather.U, strict=True):
                values = Zr[source.rows] if source.level else reduced[source.rows]  # (m, d, R)
                if source.level:
                    values = values - values.mean(0)
                if stack.rest:
                    total = total + np.einsum("mdR,meR->deR", values, values)
                flat = values.reshape(len(values), values.shape[1] * R)
                rotated = (U.T @ flat).reshape(U.shape[1], values.shape[1], R)
                gr[:, : U.shape[1], b] += np.einsum("id,odR->ioR", gather.F_inv, rotated)
            if stack.rest:
                inner = np.einsum("id,deR->ieR", gather.F_inv, total)
                SSP[:, :, b] = np.einsum("ieR,je->ijR", inner, gather.F_inv)
        all_gr.append(gr)
        all_SSP.append(SSP)
    return assemble(plan, all_gr, all_SSP, rr)


def assemble(plan: Plan, all_gr: Sequence[Floats], all_SSP: Sequence[Floats], rr: Floats) -> Pooled:
    """Put statistics together from their parts.

    Parameters
    ----------
    plan : Plan
    all_gr : sequence of ndarray, shape (r, rho, B, R)
        As in `Pooled`, a stack.
    all_SSP : sequence of ndarray, shape (r, r, B, R)
        Sum over all vectors of a block of ``gamma gamma'``, of which S is what ``gr`` leaves; not looked
        at where a stack has no rest.
    rr : ndarray, shape (R,)
        ``r'r``.
    """
    p = plan.design.p
    M = np.zeros((p + 1, len(rr)))
    M[p] = rr
    all_S = []
    for stack, gr, SSP in zip(plan.stacks, all_gr, all_SSP, strict=True):
        _, size, B = stack.F.shape
        dual = gr if stack.A is None else np.einsum("ijb,jobR->iobR", stack.A, gr)
        if stack.rest:
            metric = np.repeat(np.eye(size)[:, :, None], B, axis=2) if stack.A is None else stack.A
            M[p] -= np.einsum("ijb,ijbR->R", metric, SSP)
            SSP = SSP - np.einsum("iobR,jobR->ijbR", gr, gr)
        else:
            M[p] -= np.einsum("iobR,iobR->R", gr, dual)
        width = size * stack.gx.shape[1] * B
        M[:p] -= stack.gx.reshape(width, p).T @ dual.reshape(width, len(rr))
        all_S.append(SSP)
    return Pooled(plan, tuple(all_gr), tuple(all_S), M, np.full(len(rr), float(plan.design.n)))


def concatenate(parts: Sequence[Pooled]) -> Pooled:
    """Put the statistics of several batches of replicates side by side."""
    if len(parts) == 1:
        return parts[0]
    return Pooled(
        plan=parts[0].plan,
        gr=tuple(np.concatenate(same, axis=-1) for same in zip(*(part.gr for part in parts), strict=True)),
        S=tuple(np.concatenate(same, axis=-1) for same in zip(*(part.S for part in parts), strict=True)),
        M=np.concatenate([part.M for part in parts], axis=-1),
        n_obs=np.concatenate([part.n_obs for part in parts]),
    )
