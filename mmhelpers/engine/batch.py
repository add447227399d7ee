"""From a design and responses to `Fits`: choose the path, minimise, collect the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import schur
from mmhelpers.engine.criterion import System, Value, evaluate
from mmhelpers.engine.design import (
    Design,
    T_to_theta,
    change_units,
    make_design,
    residualise,
    theta_to_T,
)
from mmhelpers.engine.newton import Optimum, minimise
from mmhelpers.engine.ordinary import fit_ordinary
from mmhelpers.engine.satterthwaite import invert_hessian
from mmhelpers.results import Fits, Matrices, Term

Floats = NDArray[np.float64]

# A diagonal element of T (in units in which columns of Z have unit mean square) below this counts
# as zero: lme4's tolerance for a singular fit.
SINGULAR = 1e-4
# Below this a pivot of G is rounding.
ZERO = 1e-12
# Numbers that a chunk of replicates may hold in its largest array.
CHUNK = 400_000


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
    """

    system: System
    coef: Floats
    scale: Floats
    R_inv: Floats
    log_det_XX: Floats


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
    Y = _check_responses(Y, matrices, missing)
    if matrices.offset is not None:
        Y = Y - matrices.offset
    if not matrices.terms:
        return fit_ordinary(matrices, Y, reml)
    design = make_design(
        matrices.X,
        [term.index for term in matrices.terms],
        [term.z for term in matrices.terms],
        [term.n_levels for term in matrices.terms],
    )
    holes = np.isnan(Y).any(1) if missing == "drop" else np.zeros(len(Y), dtype=bool)
    parts = [np.flatnonzero(~holes), np.flatnonzero(holes)]
    size = chunk_size(design)
    pieces: list[tuple[NDArray[np.intp], dict[str, Any]]] = []
    for rows, prepare in zip(parts, (prepare_complete, prepare_missing), strict=True):
        for start in range(0, len(rows), size):
            which = rows[start : start + size]
            pieces.append((which, _fit_chunk(design, prepare, Y[which], reml)))
    return _collect(matrices, design, Y, reml, pieces)


def fit_arrays(
    X: ArrayLike,
    terms: Sequence[tuple[ArrayLike, ArrayLike]],
    Y: ArrayLike,
    reml: bool = True,
    missing: str = "raise",
) -> Fits:
    """Fit a mixed model given as plain arrays; needs NumPy and SciPy alone.

    Parameters
    ----------
    X : array_like, shape (n, p)
        Fixed-effects model matrix.
    terms : sequence of (group, z)
        For each random-effects term the group of each row, shape (n,), of any type that sorts,
        and the columns that vary between groups, shape (n, k) or (n,): ``(subject, np.ones(n))``
        is ``(1 | subject)``.
    Y : array_like, shape (n_rep, n) or (n,)
        One response a row.
    reml : bool
        REML (True) or maximum likelihood.
    missing : {"raise", "drop"}
        What to do with NaN in Y: refuse, or leave the cell out of its replicate.

    Returns
    -------
    Fits

    Raises
    ------
    ValueError
        If shapes do not agree, X is not of full rank, or the data cannot carry the model.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> group = np.repeat(["a", "b", "c"], 4)
    >>> fits = mm.fit_arrays(np.ones((12, 1)), [(group, np.ones(12))], np.arange(12.0))
    >>> fits.beta.round(6).tolist(), fits.sigma.round(6).tolist()
    ([[5.5]], [1.290994])
    """
    from mmhelpers.model.checks import UnidentifiableError, check_identifiable

    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or not X.shape[0]:
        raise ValueError(f"X must have shape (n, p) with n at least 1, not {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError("X has values that are not finite: leave those rows out")
    n = len(X)
    scale = np.sqrt((X * X).sum(0))
    if X.shape[1] and (np.linalg.matrix_rank(X / np.where(scale > 0, scale, 1.0)) < X.shape[1]):
        raise UnidentifiableError(
            "the columns of X are linearly dependent: leave out those that others determine"
        )
    made = []
    for number, (group, columns) in enumerate(terms, start=1):
        z = np.asarray(columns, dtype=float)
        z = z[:, None] if z.ndim == 1 else z
        labels = np.asarray(group)
        if labels.shape != (n,) or z.ndim != 2 or len(z) != n:
            raise ValueError(
                f"term {number}: group and z must have the {n} rows of X, not shapes {labels.shape} and {z.shape}"
            )
        if not np.isfinite(z).all():
            raise ValueError(f"term {number}: z has values that are not finite: leave those rows out")
        levels, index = np.unique(labels, return_inverse=True)
        names = tuple(f"z{j}" for j in range(1, z.shape[1] + 1))
        made.append(
            Term(
                f"{' + '.join(names)} | g{number}",
                f"g{number}",
                tuple(str(level) for level in levels),
                np.asarray(index, dtype=np.intp).ravel(),
                names,
                z,
            )
        )
    p = X.shape[1]
    matrices = Matrices(
        formula="arrays",
        response="y",
        y=None,
        X=X,
        x_names=tuple(f"x{j}" for j in range(1, p + 1)),
        x_terms=tuple(f"x{j}" for j in range(1, p + 1)),
        assign=tuple(range(1, p + 1)),
        terms=tuple(made),
        offset=None,
        aliased=(),
        rows=np.arange(n),
        n_data=n,
    )
    check_identifiable(matrices)
    return fit_matrices(matrices, Y, reml, missing)


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
    if np.isinf(out).any():
        raise ValueError("Y has infinite values: a model cannot be fitted to them")
    if missing == "raise" and np.isnan(out).any():
        count = int(np.isnan(out).sum())
        raise ValueError(
            f"Y has {count} missing values (NaN): fill them, or pass missing='drop' to leave each out of its replicate"
        )
    return out


def chunk_size(design: Design) -> int:
    """Replicates that are fitted together, so that the largest array stays within `CHUNK` numbers."""
    q = sum(k * levels for k, levels in zip(design.k, design.levels, strict=True))
    one, two = schur.split_factors(design)
    q1 = sum(design.k[t] * design.levels[t] for t in one)
    width = q1 * (q if two else max(design.k)) + q * (design.p + 1) + design.n
    return int(np.clip(CHUNK // width, 1, 4096))


def prepare_complete(design: Design, Y: Floats) -> Prepared:
    """Reduce responses (R, n) that have every observation."""
    r, coef, scale = residualise(design.Q, Y)
    return Prepared(schur.build(design, r), coef, scale, design.R_inv[None], np.array([design.log_det_XX]))


def prepare_missing(design: Design, Y: Floats) -> Prepared:
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
    return Prepared(schur.build(design, r, present, QU), coef, scale, R_inv, log_det)


def _fit_chunk(
    design: Design, prepare: Callable[[Design, Floats], Prepared], Y: Floats, reml: bool
) -> dict[str, Any]:
    prepared = prepare(design, Y)
    system, n_obs = prepared.system, prepared.system.n_obs
    R = len(Y)
    usable = (prepared.scale > 0) & (n_obs > design.p)
    message = np.full(R, "", dtype=object)
    message[~usable] = (
        "no residual variation: the fixed effects fit the response exactly or cannot be estimated"
    )
    live = np.flatnonzero(usable)
    theta = np.full((design.n_theta, R), np.nan)
    converged = np.zeros(R, dtype=bool)
    if len(live):
        found = optimise(system.take(live) if len(live) < R else system, reml)
        theta[:, live] = canonical(found.theta, design)
        converged[live] = found.converged
    filled = np.where(np.isfinite(theta), theta, 1.0)
    value = evaluate(system, filled, reml)
    out = _numbers(design, prepared, filled, value, reml)
    gone = ~usable | ~np.isfinite(value.f)
    for name, array in out.items():
        if name not in {"singular"}:
            array[gone] = np.nan
    out["singular"] &= ~gone
    message[converged & gone] = "the criterion is not finite at the optimum"
    converged &= ~gone
    message[usable & ~converged & ~gone] = "the optimiser did not converge"
    return out | {"converged": converged, "message": message}


def optimise(system: System, reml: bool) -> Optimum:
    """Minimise the criterion for every replicate; those that fail are tried from other starts."""
    design = system.design
    R = len(system.n_obs)
    identity = T_to_theta([np.eye(k)[:, :, None] for k in design.k])

    def run(active: System, start: Floats) -> Optimum:
        current = {"which": np.arange(start.shape[1]), "system": active}

        def f(theta: Floats, which: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
            if len(which) < len(current["which"]):
                keep = np.searchsorted(current["which"], which)
                current["system"], current["which"] = current["system"].take(keep), which
            value = evaluate(current["system"], theta, reml)
            return value.f, value.g, value.H

        return minimise(f, start)

    found = run(system, np.repeat(identity, R, axis=1))
    theta, best, converged = found.theta.copy(), found.f.copy(), found.converged.copy()
    for factor in (0.2, 4.0):
        failed = np.flatnonzero(~converged)
        if not len(failed):
            break
        again = run(system.take(failed), np.repeat(factor * identity, len(failed), axis=1))
        better = (again.converged & ~converged[failed]) | (again.f < best[failed] - 1e-9)
        theta[:, failed[better]] = again.theta[:, better]
        best[failed[better]] = again.f[better]
        converged[failed[better]] = again.converged[better]
    return Optimum(theta, best, converged, found.iterations)


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


def _numbers(design: Design, prepared: Prepared, theta: Floats, value: Value, reml: bool) -> dict[str, Any]:
    """Back to the user's units; arrays begin with the replicates."""
    n_obs, p, t = prepared.system.n_obs, design.p, design.n_theta
    m = n_obs - p if reml else n_obs
    scale = np.where(prepared.scale > 0, prepared.scale, 1.0)
    with np.errstate(all="ignore"):
        sigma = scale * np.sqrt(value.s / m)
        criterion = value.f + m * (1 + np.log(2 * np.pi * scale**2 / m))
    if reml:
        criterion = criterion + prepared.log_det_XX
    R_inv = prepared.R_inv
    beta = (R_inv @ (prepared.coef + scale * value.beta).T[:, :, None])[:, :, 0]
    root = R_inv @ np.moveaxis(value.C[:p, :p], 2, 0)
    vcov = (sigma**2)[:, None, None] * (root @ np.swapaxes(root, 1, 2))
    A = np.moveaxis(value.dM[:, :p, :p], 3, 0)
    inner = root[:, None] @ A @ np.swapaxes(root, 1, 2)[:, None]
    # In the units of the engine sigma is 1 at its estimate: y is scaled by it.
    H = np.empty((len(sigma), t + 1, t + 1))
    H[:, :t, :t] = np.moveaxis(value.H_full, 2, 0)
    H[:, :t, t] = H[:, t, :t] = (-2 * m / value.s * value.dM[:, p, p]).T
    H[:, t, t] = 4 * m
    units = np.zeros((t + 1, t + 1))
    units[:t, :t] = change_units(np.eye(t), design.B)  # d theta / d theta~
    varpar = invert_hessian(H)
    back = np.zeros_like(units)
    back[:t, :t] = np.linalg.inv(units[:t, :t])
    forth = np.repeat(units[None], len(sigma), axis=0)
    forth[:, t, t] = sigma
    inverse = np.repeat(back[None], len(sigma), axis=0)
    with np.errstate(all="ignore"):
        inverse[:, t, t] = 1 / sigma
    jacobian = np.empty((len(sigma), t + 1, p, p))
    jacobian[:, :t] = -(sigma**2)[:, None, None, None] * np.einsum("ji,rjab->riab", back[:t, :t], inner)
    jacobian[:, t] = 2 * vcov / np.where(sigma > 0, sigma, np.nan)[:, None, None]
    diagonal = np.array([T[i, i] for T in theta_to_T(theta, design.k) for i in range(len(T))])
    return {
        "theta": change_units(theta, design.B).T,
        "beta": beta,
        "sigma": sigma,
        "criterion": criterion,
        "vcov": vcov,
        "singular": (np.abs(diagonal) < SINGULAR).any(0),
        "gradient_max": np.abs(value.g).max(0),
        "hessian": np.swapaxes(inverse, 1, 2) @ H @ inverse,
        "vcov_varpar": forth @ varpar @ np.swapaxes(forth, 1, 2),
        "vcov_jacobian": jacobian,
    }


def _collect(
    matrices: Matrices,
    design: Design,
    Y: Floats,
    reml: bool,
    pieces: list[tuple[NDArray[np.intp], dict[str, Any]]],
) -> Fits:
    if len(pieces) == 1:
        out = pieces[0][1]
    else:
        out = {}
        for name, example in pieces[0][1].items():
            whole = np.empty((len(Y), *example.shape[1:]), dtype=example.dtype)
            for which, piece in pieces:
                whole[which] = piece[name]
            out[name] = whole
    message = tuple(out.pop("message").tolist())
    theta = out["theta"]
    return Fits(
        matrices=matrices,
        reml=reml,
        message=message,
        modes=lambda: conditional_modes(design, Y, theta, reml),
        **out,
    )


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
    inner = change_units(theta.T, [np.linalg.inv(B) for B in design.B])
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
