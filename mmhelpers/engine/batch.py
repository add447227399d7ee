"""From a design and many responses to `Fits`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import closed_form, pooled
from mmhelpers.engine.criterion import evaluate
from mmhelpers.engine.design import Design, change_units, design_of, theta_to_T
from mmhelpers.engine.newton import Optimum
from mmhelpers.engine.numbers import in_user_units
from mmhelpers.engine.optimum import canonical, optimise
from mmhelpers.engine.ordinary import fit_ordinary
from mmhelpers.engine.prepare import (
    CHUNK,
    Prepared,
    choose_plan,
    chunk_size,
    prepare_complete,
    prepare_missing,
)
from mmhelpers.engine.start import Start, make_start
from mmhelpers.results import Fits, Matrices

Floats = NDArray[np.float64]


def fit_matrices(matrices: Matrices, Y: ArrayLike, reml: bool = True, missing: str = "raise") -> Fits:
    """Fit one design to many responses.

    Parameters
    ----------
    matrices : Matrices
        From `mmhelpers.build_matrices`.
    Y : array_like, shape (n_rep, n) or (n,)
        One response a row.
    reml : bool
        REML (True) or maximum likelihood.
    missing : {"raise", "drop"}
        What to do with NaN in Y: refuse, or leave the cell out of its replicate.

    Returns
    -------
    Fits
        Without random effects, those of ordinary least squares.

    Raises
    ------
    ValueError
        If Y has the wrong shape or is not finite.
    """
    if not isinstance(reml, (bool, np.bool_, int)):
        raise TypeError(f"reml must be True (REML) or False (maximum likelihood), not {reml!r}")
    Y = _check_responses(Y, matrices, missing)
    if matrices.offset is not None:
        Y = Y - matrices.offset
    if not matrices.terms:
        return fit_ordinary(matrices, Y, reml)
    design = design_of(matrices)
    holes = np.isnan(Y).any(1) if missing == "drop" else np.zeros(len(Y), dtype=bool)
    parts = [np.flatnonzero(~holes), np.flatnonzero(holes)]
    plan = choose_plan(design) if len(parts[0]) else None
    start = make_start(design)
    out: dict[str, Any] = {}
    for rows, prepare, size in (
        (parts[0], partial(prepare_complete, plan=plan, start=start), chunk_size(design, plan)),
        (parts[1], partial(prepare_missing, start=start), chunk_size(design)),
    ):
        for first in range(0, len(rows), size):
            last = min(first + size, len(rows))
            which: Any = slice(first, last) if len(rows) == len(Y) else rows[first:last]
            piece = _fit_chunk(start, prepare(design, Y[which]), reml)
            for name, array in piece.items():
                if name not in out:
                    out[name] = np.empty((len(Y), *array.shape[1:]), dtype=array.dtype)
                out[name][which] = array
    message = tuple(out.pop("message").tolist())
    theta = out["theta"]
    return Fits(
        matrices=matrices,
        reml=reml,
        message=message,
        present=~np.isnan(Y) if holes.any() else None,
        modes=lambda: conditional_modes(design, Y, theta, reml),
        **out,
    )


def fit_prepared(matrices: Matrices, start: Start, prepared: Prepared, reml: bool) -> Fits:
    """Fits to statistics that are there already."""
    out = _fit_chunk(start, prepared, reml)
    message = tuple(out.pop("message").tolist())
    return Fits(matrices=matrices, reml=reml, message=message, **out)


def _check_responses(Y: ArrayLike, matrices: Matrices, missing: str) -> Floats:
    if missing not in {"raise", "drop"}:
        raise ValueError(f"missing must be 'raise' or 'drop', not {missing!r}")
    try:
        out = np.asarray(Y, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"Y must be an array of numbers, shape (n_rep, {matrices.n})") from error
    if out.ndim == 1:
        out = out[None]
    if out.ndim != 2 or out.shape[1] != matrices.n or not len(out):
        raise ValueError(
            f"Y must have shape (n_rep, {matrices.n}), one response a row, not {np.shape(Y)}: "
            f"the design has {matrices.n} rows"
        )
    size = max(CHUNK // matrices.n, 1)  # no mask as long as Y
    count = 0
    for piece in (out[first : first + size] for first in range(0, len(out), size)):
        if not np.isfinite(piece).all():
            if np.isinf(piece).any():
                raise ValueError("Y has infinite values: a model cannot be fitted to them")
            count += int(np.isnan(piece).sum())
    if missing == "raise" and count:
        raise ValueError(
            f"Y has {count} missing values (NaN): fill them, or pass missing='drop' to leave each "
            "out of its replicate"
        )
    return out


def _fit_chunk(start: Start, prepared: Prepared, reml: bool) -> dict[str, Any]:
    design = start.design
    system, n_obs = prepared.system, prepared.system.n_obs
    R = len(n_obs)
    usable = (prepared.scale > 0) & (n_obs > design.p)
    message = np.full(R, "", dtype=object)
    message[~usable] = (
        "no residual variation: the fixed effects fit the response exactly or cannot be estimated"
    )
    live = np.flatnonzero(usable)
    theta = np.full((design.n_theta, R), np.nan)
    converged = np.zeros(R, dtype=bool)
    if len(live):
        active: Any = system.take(live) if len(live) < R else system
        if isinstance(active, pooled.Pooled) and closed_form.applies(active.plan):
            solved = closed_form.solve(active, reml)
            everywhere = np.ones(len(live), dtype=bool)
            found = Optimum(solved, np.zeros(len(live)), everywhere, np.zeros(len(live), dtype=np.intp))
        else:
            moments = np.asarray(prepared.moments)
            found = optimise(active, start.theta(moments[:, live] if len(live) < R else moments), reml)
        theta[:, live] = canonical(found.theta, design)
        converged[live] = found.converged
    filled = np.where(np.isfinite(theta), theta, 1.0)
    value = evaluate(system, filled, reml)
    out = in_user_units(design, prepared, filled, value, reml)
    gone = ~usable | ~np.isfinite(value.f)
    for name, array in out.items():
        if name not in {"singular"}:
            array[gone] = np.nan
    out["singular"] &= ~gone
    message[converged & gone] = "the criterion is not finite at the optimum"
    converged &= ~gone
    message[usable & ~converged & ~gone] = "the optimiser did not converge"
    return out | {"converged": converged, "message": message}


def conditional_modes(design: Design, Y: Floats, theta: Floats, reml: bool) -> tuple[Floats, ...]:
    """Conditional modes of the random effects at theta: (R, levels, k) a term, in units of y.

    Parameters
    ----------
    design : Design
    Y : ndarray, shape (R, n)
        Responses less the offset; NaN where a replicate lacks an observation.
    theta : ndarray, shape (R, t)
        In the user's units.
    reml : bool
        Of no consequence here.

    Returns
    -------
    tuple of ndarray
    """
    out = [np.full((len(Y), levels, k), np.nan) for levels, k in zip(design.levels, design.k, strict=True)]
    holes = np.isnan(Y).any(1)
    inner = change_units(theta.T, [np.asarray(np.linalg.inv(B), dtype=float) for B in design.B])
    size = chunk_size(design)
    for chosen, prepare in ((~holes, prepare_complete), (holes, prepare_missing)):
        rows = np.flatnonzero(chosen & np.isfinite(theta).all(1))
        for start in range(0, len(rows), size):
            which = rows[start : start + size]
            prepared = prepare(design, Y[which])
            system: Any = prepared.system
            value = evaluate(system, inner[:, which], reml)
            G = [np.einsum("acr,bcr->abr", T, T) for T in theta_to_T(inner[:, which], design.k)]
            for t, modes in enumerate(system.modes(G, system.first(G), value.C)):
                out[t][which] = prepared.scale[:, None, None] * (modes @ design.B[t].T)
    return tuple(out)
