"""Responses of a chunk, reduced to what the criterion needs; the path is chosen here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import distinct, pooled, schur_build
from mmhelpers.engine.blocks import find_structure, unpool
from mmhelpers.engine.criterion import System
from mmhelpers.engine.design import Design, residualise
from mmhelpers.engine.start import Start

Floats = NDArray[np.float64]

# Numbers that a chunk of replicates may hold in its largest array.
CHUNK = 400_000
# Numbers of the responses that are reduced at a time, to stay in the cache.
DATA = 100_000
# Designs with a block larger than this take the general path.
LARGEST_BLOCK = 16


@dataclass(frozen=True, eq=False)
class Prepared:
    """Responses of one chunk, reduced; what is needed to go back to the user's units.

    Attributes
    ----------
    system : System
    coef : ndarray, shape (p, R)
        Least squares coefficients of Q.
    scale : ndarray, shape (R,)
        Units of the residuals.
    R_inv : ndarray, shape (R or 1, p, p)
        From coefficients of Q to those of X.
    log_det_XX : ndarray, shape (R or 1,)
    moments : ndarray, shape (V + 1, R), or None
        For the starting values.
    """

    system: System
    coef: Floats
    scale: Floats
    R_inv: Floats
    log_det_XX: Floats
    moments: Floats | None = None


def chunk_size(design: Design, plan: pooled.Plan | None = None) -> int:
    """Replicates that are fitted together, so that the largest array stays within `CHUNK` numbers."""
    if plan is not None and distinct.applies(plan):
        p, k, B = design.p, design.k[0], plan.stacks[0].F.shape[2]
        return int(np.clip(4 * CHUNK // (B * k * (k + p + 1)), 16, 4096))
    if plan is not None:
        widest = max(stack.F[0].size * max(stack.F.shape[0], 1) for stack in plan.stacks)
        return int(np.clip(CHUNK // (4 * widest), 16, 4096))
    q = sum(k * levels for k, levels in zip(design.k, design.levels, strict=True))
    one, two = schur_build.split_factors(design)
    q1 = sum(design.k[t] * design.levels[t] for t in one)
    width = q1 * (q if two else max(design.k)) + q * (design.p + 1) + design.n
    return int(np.clip(CHUNK // width, 1, 4096))


def prepare_complete(
    design: Design, Y: Floats, plan: pooled.Plan | None = None, start: Start | None = None
) -> Prepared:
    """Reduce responses (R, n) that have every observation."""
    R_inv, log_det = design.R_inv[None], np.array([design.log_det_XX])
    if plan is None:
        r, coef, scale = residualise(design.Q, Y)
        r /= np.where(scale > 0, scale, 1.0)
        moments = None if start is None else start.moments(start.Z.T @ r, np.einsum("nR,nR->R", r, r))
        return Prepared(schur_build.build(design, r), coef, scale, R_inv, log_det, moments)
    parts: list[Any] = []
    way: Any = distinct if distinct.applies(plan) else pooled
    size = max(CHUNK // plan.Zt.shape[0], 16)
    coef, scale = np.empty((design.p, len(Y))), np.empty(len(Y))
    moments = None if start is None else np.empty((design.n_vec + 1, len(Y)))
    for first in range(0, len(Y), size):
        here = slice(first, min(first + size, len(Y)))
        Zr, coef[:, here], scale[here] = _project(design, Y[here], plan)
        rr = np.where(scale[here] > 0, float(design.n), 0.0)
        parts.append(way.collect(plan, Zr, rr))
        if start is not None and moments is not None:
            moments[:, here] = start.moments(Zr, rr)
    return Prepared(way.concatenate(parts), coef, scale, R_inv, log_det, moments)


def _project(design: Design, Y: Floats, plan: pooled.Plan) -> tuple[Floats, Floats, Floats]:
    """Z'r of scaled residuals (q, R), and coefficients and scale, in pieces that stay in the cache."""
    size = max(DATA // design.n, 32)
    Zr, coef, scale = np.empty((plan.Zt.shape[0], len(Y))), np.empty((design.p, len(Y))), np.empty(len(Y))
    for first in range(0, len(Y), size):
        here = slice(first, min(first + size, len(Y)))
        r, coef[:, here], scale[here] = residualise(design.Q, Y[here])
        np.divide(plan.Zt @ r, np.where(scale[here] > 0, scale[here], 1.0), out=Zr[:, here])
    return Zr, coef, scale


def choose_plan(design: Design) -> pooled.Plan | None:
    """Return the plan of the pooled path where the design falls into small blocks, None elsewhere."""
    structure = find_structure(design, LARGEST_BLOCK)
    if structure is None or structure.largest > LARGEST_BLOCK:
        return None
    if len(design.k) == 1 and design.levels[0] < 2 * len(structure.blocks):
        structure = unpool(structure)  # hardly a group has an equal
    return pooled.make_plan(design, structure)


def prepare_missing(design: Design, Y: Floats, start: Start | None = None) -> Prepared:
    """Reduce responses (R, n) in which NaN marks observations that a replicate lacks."""
    present = (~np.isnan(Y)).astype(float).T.copy()
    filled = np.where(np.isnan(Y), 0.0, Y)
    n_obs = present.sum(0)
    center = filled.sum(1) / np.maximum(n_obs, 1.0)
    Q, p = design.Q, design.p
    gram = np.einsum("na,nr,nb->rab", Q, present, Q, optimize=True)
    value = np.linalg.eigvalsh(gram) if p else np.ones((len(Y), 1))
    usable = (value[:, 0] > 1e-10) & (n_obs > p)
    gram[~usable] = np.eye(p)
    L = np.linalg.cholesky(gram)
    QU = np.swapaxes(np.linalg.inv(L), 1, 2)  # Q @ QU is orthonormal over the observations present
    # least squares in two passes: the second restores the digits that a large mean took
    y = ((filled - center[:, None]).T) * present
    coef = np.zeros((p, len(Y)))
    r = y
    for _ in range(2):
        step = np.einsum("rba,rb->ra", QU, (Q.T @ r).T)
        coef += step.T
        r = r - present * (Q @ np.einsum("rab,rb->ar", QU, step))
    scale = np.sqrt(np.einsum("nr,nr->r", r, r) / np.maximum(n_obs, 1.0))
    size = np.sqrt(np.einsum("nr,nr->r", y, y) / np.maximum(n_obs, 1.0)) + np.abs(center)
    scale[(scale <= 1e-13 * size) | ~usable] = 0.0
    r = r / np.where(scale > 0, scale, 1.0)
    # the mean was taken from all observations; give it back to the coefficients that span it
    ones = np.einsum("rba,nb,nr->ra", QU, Q, present, optimize=True)
    outside = n_obs - np.einsum("ra,ra->r", ones, ones)
    if np.any(outside[usable] > 1e-8 * n_obs[usable]):
        raise_center = True
    else:
        raise_center = False
        coef += (ones * center[:, None]).T
    if raise_center:
        y = filled.T * present
        coef = np.einsum("rba,rb->ar", QU, (Q.T @ y).T)
        r = y - present * (Q @ np.einsum("rab,br->ar", QU, coef))
        scale = np.sqrt(np.einsum("nr,nr->r", r, r) / np.maximum(n_obs, 1.0))
        scale[(scale <= 1e-13 * size) | ~usable] = 0.0
        r = r / np.where(scale > 0, scale, 1.0)
    R_inv = design.R_inv @ QU
    log_det = design.log_det_XX + 2 * np.log(np.diagonal(L, axis1=1, axis2=2)).sum(1)
    moments = None if start is None else start.moments(start.Z.T @ r, np.einsum("nR,nR->R", r, r))
    return Prepared(schur_build.build(design, r, present, QU), coef, scale, R_inv, log_det, moments)
