"""Test one fixed effect by maximum likelihood in many data sets: likelihood ratio, and t taken for z."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import fit_arrays
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
        Which fits count as failed.
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
    without = np.delete(X, column, axis=1)
    for row, shift in enumerate(shifts):
        null = fit_arrays(without, terms, Y + shift * X[:, column], reml=False, missing="drop")
        failed_null[row] = fails(null)
        chi2[row] = np.where(failed_null[row], np.nan, null.criterion - full.criterion)
    chi2[:, failed] = np.nan
    with np.errstate(all="ignore"):
        p_t = np.where(failed, np.nan, 2 * special.ndtr(-np.abs(estimate / se)))
        # rounding may leave a likelihood ratio of -1e-12
        p_chi = special.chdtrc(1.0, np.maximum(chi2, 0.0))
    p_chi = np.where(np.isnan(chi2), np.nan, p_chi)
    return EffectTest(
        estimate, se, chi2, p_chi, p_t, full.criterion, np.asarray(full.singular), failed, failed_null
    )
