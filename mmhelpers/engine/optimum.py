"""The optimum of every replicate, and theta in the form that is reported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.criterion import Order, System, evaluate
from mmhelpers.engine.design import Design, T_to_theta, theta_to_T
from mmhelpers.engine.newton import Optimum, minimise

Floats = NDArray[np.float64]

# A diagonal element of T (in units in which columns of Z have unit mean square) below this counts
# as zero: lme4's tolerance for a singular fit.
SINGULAR = 1e-4
# Below this a pivot of G is rounding.
ZERO = 1e-12
# Iterations of the first attempt, after which a replicate is suspect, and of the others.
FIRST_ITER = 30
# With a grouping factor of so few levels the criterion has more than one minimum now and then (about 1 data
# set in 200 for crossed slopes and 5 levels; none seen in 2,400 from 8 levels on), so other starts are
# tried as well.
FEW_LEVELS = 8
MAX_ITER = 80


def optimise(system: System, start: Floats, reml: bool) -> Optimum:
    """Minimise the criterion for every replicate; those that fail are tried again.

    Where an early pivot of T vanishes and a later one does not, the columns of T may rotate without
    changing G, and Newton's method creeps along a curved valley; with the effects in the opposite order the
    pivots that vanish come last and it does not. Whatever is left is tried from other starts.
    """
    design = system.design
    natural = tuple(tuple(range(k)) for k in design.k)
    found = _run(system, start, reml, natural, FIRST_ITER)
    theta, best, converged = found.theta.copy(), found.f.copy(), found.converged.copy()
    identity = T_to_theta([np.eye(k)[:, :, None] for k in design.k])
    for attempt in ("reverse", 1.0, 0.2, 4.0, "reverse"):
        failed = np.flatnonzero(~converged)
        if not len(failed):
            break
        if attempt == "reverse":
            order = tuple(rows[::-1] for rows in natural)
            T = [part[::-1] for part in theta_to_T(theta[:, failed], design.k)]
            turned = T_to_theta([cholesky_psd(np.einsum("acr,bcr->abr", t, t)) for t in T])
            again = _run(system.take(failed), turned, reml, order, MAX_ITER)
            T = [part[::-1] for part in theta_to_T(again.theta, design.k)]
            again_theta = T_to_theta([cholesky_psd(np.einsum("acr,bcr->abr", t, t)) for t in T])
        else:
            at = np.repeat(float(attempt) * identity, len(failed), axis=1)
            again = _run(system.take(failed), at, reml, natural, MAX_ITER)
            again_theta = again.theta
        better = again.converged | (again.f < best[failed] - 1e-9)
        better &= again.f < best[failed] + 1e-7
        theta[:, failed[better]] = again_theta[:, better]
        best[failed[better]] = again.f[better]
        converged[failed[better]] = again.converged[better]
    if min(design.levels) <= FEW_LEVELS and design.n_theta > 1:
        for at in _other_starts(design):
            again = _run(system, np.repeat(at, theta.shape[1], axis=1), reml, natural, FIRST_ITER)
            better = again.converged & (again.f < best - 1e-8)
            theta[:, better], best[better] = again.theta[:, better], again.f[better]
            converged |= better
    return Optimum(theta, best, converged, found.iterations)


def _other_starts(design: Design) -> list[Floats]:
    """Make starts on several sides of the parameter space, (t, 1) each: small, middling, one term large."""
    out = []
    for small, large, tilt in ((1.0, 1.0, 0.3), (0.2, 0.2, -0.05), (0.2, 3.0, -0.1), (3.0, 0.2, 0.1)):
        factors = []
        for t, k in enumerate(design.k):
            T = np.tril(np.full((k, k), tilt), -1) + (small if t % 2 == 0 else large) * np.eye(k)
            factors.append(T[:, :, None])
        out.append(T_to_theta(factors))
    return out


def _run(system: System, start: Floats, reml: bool, order: Order, max_iter: int) -> Optimum:
    current: dict[str, Any] = {"which": np.arange(start.shape[1]), "system": system}

    def f(theta: Floats, which: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        if len(which) < len(current["which"]):
            keep = np.searchsorted(current["which"], which)
            current["system"], current["which"] = current["system"].take(keep), which
        value = evaluate(current["system"], theta, reml, order)
        return value.f, value.g, value.H

    return minimise(f, start, max_iter)


def canonical(theta: Floats, design: Design) -> Floats:
    """Theta with diagonals that are not negative, columns whose pivot is rounding set to zero."""
    factors = []
    for T in theta_to_T(theta, design.k):
        k = len(T)
        diagonal = T[range(k), range(k)]
        T = T * np.where(diagonal < 0, -1.0, 1.0)[None]
        weak = np.flatnonzero((np.abs(diagonal) < SINGULAR).any(0))
        if len(weak):
            G = np.einsum("acr,bcr->abr", T[..., weak], T[..., weak])
            T[..., weak] = cholesky_psd(G)
        factors.append(T)
    return T_to_theta(factors)


def cholesky_psd(G: Floats) -> Floats:
    """Cholesky factors of positive semidefinite matrices (k, k, R); a pivot of zero gives a zero column."""
    G = G.copy()
    k = len(G)
    L = np.zeros_like(G)
    for j in range(k):
        pivot = G[j, j] - (L[j, :j] ** 2).sum(0)
        good = pivot > ZERO
        root = np.sqrt(np.where(good, pivot, 1.0))
        L[j, j] = np.where(good, root, 0.0)
        for i in range(j + 1, k):
            L[i, j] = np.where(good, (G[i, j] - (L[i, :j] * L[j, :j]).sum(0)) / root, 0.0)
    return L
