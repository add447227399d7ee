"""Test one fixed effect by maximum likelihood in many data sets: likelihood ratio, and t taken for z."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import fit_arrays
from mmhelpers.engine.design import Design, T_to_theta, change_units, make_design, theta_to_T
from mmhelpers.engine.optimum import optimise
from mmhelpers.engine.prepare import choose_plan, chunk_size, prepare_complete, prepare_missing
from mmhelpers.engine.start import positive_factor
from mmhelpers.results import Fits

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Terms = Sequence[tuple[ArrayLike, ArrayLike]]


@dataclass(frozen=True, eq=False)
class EffectTest:
    """Tests of one coefficient; one column a data set, one row a shift that was added to the truth.

    Attributes
    ----------
    estimate : ndarray, shape (n_shift, n_rep)
    se : ndarray, shape (n_rep,)
        From the fit by maximum likelihood.
    chi2 : ndarray, shape (n_shift, n_rep)
        Likelihood ratio statistic with 1 df; NaN where the model without the effect failed.
    p_chi, p_t : ndarray, shape (n_shift, n_rep)
        From ``chi2``, and from estimate / se taken for a standard normal.
    deviance : ndarray, shape (n_rep,)
        Of the model with the effect.
    singular, failed : ndarray of bool, shape (n_rep,)
        Of the model with the effect.
    failed_null : ndarray of bool, shape (n_shift, n_rep)
        Of the model without it.
    """

    estimate: Floats
    se: Floats
    chi2: Floats
    p_chi: Floats
    p_t: Floats
    deviance: Floats
    singular: Bools
    failed: Bools
    failed_null: Bools


#: Smallest variance of a random effect that the fit without the effect starts from, relative to the residual's
#: over the observations a level: a fit that starts at zero would stay there.
FLOOR = 0.03


def not_converged(fits: Fits) -> Bools:
    """Which fits count as failed by default: those whose optimum was not reached."""
    return ~fits.converged


def effect_tests(
    X: ArrayLike,
    terms: Terms,
    Y: ArrayLike,
    column: int = 1,
    shifts: Sequence[float] = (0.0,),
    fails: Callable[[Fits], Bools] = not_converged,
    fits: Fits | None = None,
) -> EffectTest:
    r"""Test one fixed effect in every data set, by maximum likelihood.

    Adding ``shift * X[:, column]`` to a response shifts the estimate and leaves everything else of the fit
    as it is, so that the power at another effect costs one fit (without the effect) instead of two.

    Parameters
    ----------
    X : array_like, shape (n, p)
        Fixed-effects model matrix.
    terms : sequence of (group, z)
        As in `mmhelpers.fit_arrays`.
    Y : array_like, shape (n_rep, n)
        One data set a row; NaN marks a missing cell.
    column : int
        The effect: a column of X.
    shifts : sequence of float
        What is added to the effect in the data.
    fails : callable
        Which fits of the model with the effect count as failed; those without it do where they did not converge.
    fits : Fits, optional
        The model with the effect, if it has been fitted to Y already (by maximum likelihood).

    Returns
    -------
    EffectTest

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> group, x = np.repeat(range(10), 4), np.tile([-0.5, -0.5, 0.5, 0.5], 10)
    >>> X = np.column_stack([np.ones(40), x])
    >>> tests = effect_tests(X, [(group, np.ones(40))], rng.normal(size=(50, 40)), shifts=(0.0, 1.0))
    >>> tests.p_chi.shape, bool(np.allclose(tests.estimate[1] - tests.estimate[0], 1.0))
    ((2, 50), True)
    """
    from scipy import special

    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    full = fit_arrays(X, terms, Y, reml=False, missing="drop") if fits is None else fits
    failed = fails(full)
    estimate = full.beta[:, column] + np.asarray(shifts, dtype=float)[:, None]
    se = full.se[:, column]
    chi2 = np.full(estimate.shape, np.nan)
    failed_null = np.zeros(estimate.shape, dtype=bool)
    for row, shift in enumerate(shifts):
        deviance, converged = null_deviance(full, Y + shift * X[:, column], column)
        failed_null[row] = ~converged
        chi2[row] = np.where(converged, deviance - full.criterion, np.nan)
    chi2[:, failed] = np.nan
    with np.errstate(all="ignore"):
        p_t = np.where(failed, np.nan, 2 * special.ndtr(-np.abs(estimate / se)))
        # rounding may leave a likelihood ratio of -1e-12
        p_chi = special.chdtrc(1.0, np.maximum(chi2, 0.0))
    p_chi = np.where(np.isnan(chi2), np.nan, p_chi)
    return EffectTest(
        estimate, se, chi2, p_chi, p_t, full.criterion, np.asarray(full.singular), failed, failed_null
    )


def null_deviance(full: Fits, Y: Floats, column: int) -> tuple[Floats, Bools]:
    """Deviance of the model without one fixed effect, each fit started where that with the effect ended.

    The two optima lie close together, so this takes two thirds of the time that a fit takes from scratch.

    Parameters
    ----------
    full : Fits
        Of the model with the effect, by maximum likelihood.
    Y : ndarray, shape (n_rep, n)
        Data of the same design; NaN where a cell is missing.
    column : int
        The effect: a column of ``full.matrices.X``.

    Returns
    -------
    deviance : ndarray, shape (n_rep,)
        NaN where the fit failed.
    converged : ndarray of bool, shape (n_rep,)
    """
    matrices = full.matrices
    design = make_design(
        np.delete(matrices.X, column, axis=1),
        [term.index for term in matrices.terms],
        [term.z for term in matrices.terms],
        [term.n_levels for term in matrices.terms],
    )
    holes = np.isnan(Y).any(1)
    plan = None if holes.all() else choose_plan(design)
    back = [np.asarray(np.linalg.inv(B), dtype=float) for B in design.B]
    start = change_units(np.where(np.isfinite(full.theta), full.theta, 1.0).T, back)
    start = _off_the_boundary(start, design)
    deviance, converged = np.full(len(Y), np.nan), np.zeros(len(Y), dtype=bool)
    for chosen, with_holes in ((~holes, False), (holes, True)):
        rows = np.flatnonzero(chosen)
        size = chunk_size(design, None if with_holes else plan)
        for first in range(0, len(rows), size):
            which = rows[first : first + size]
            prepared = (
                prepare_missing(design, Y[which]) if with_holes else prepare_complete(design, Y[which], plan)
            )
            n_obs = prepared.system.n_obs
            good = np.flatnonzero((prepared.scale > 0) & (n_obs > design.p))
            found = optimise(prepared.system.take(good), start[:, which[good]], False)
            m = n_obs[good]
            deviance[which[good]] = found.f + m * (1 + np.log(2 * np.pi * prepared.scale[good] ** 2 / m))
            converged[which[good]] = found.converged & np.isfinite(found.f)
    deviance[~converged] = np.nan
    return deviance, converged


def _off_the_boundary(theta: Floats, design: Design) -> Floats:
    """Theta with no variance below `FLOOR`."""
    factors = []
    for T, levels in zip(theta_to_T(theta, design.k), design.levels, strict=True):
        G = np.einsum("acr,bcr->abr", T, T)
        factors.append(positive_factor(G, FLOOR * levels / design.n))
    return T_to_theta(factors)
