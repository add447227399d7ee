r"""Satterthwaite's degrees of freedom of single contrasts, for many replicates at once.

For a contrast ``L'beta`` with variance ``v(theta, sigma) = L' Var(beta) L``,

    df = 2 v^2 / (g' A g),      g = dv / d(theta, sigma),      A = Var(theta, sigma),

with A twice the inverse of the Hessian of the deviance or REML criterion. These are the formulas
of Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2.2 and appendix;
the derivatives here are analytic, where lmerTest takes numerical ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.small import spd_inverse

if TYPE_CHECKING:
    from mmhelpers.results import Fits

Floats = NDArray[np.float64]

# Eigenvalues of the Hessian up to this one are null directions, as in lmerTest; the Hessian is
# taken in units in which y and the columns of Z have unit mean square.
NULL = 1e-8


def contrast_df(vcov: Floats, jacobian: Floats, varpar: Floats, L: Floats) -> tuple[Floats, Floats]:
    """Variance and degrees of freedom of contrasts.

    Parameters
    ----------
    vcov : ndarray, shape (R, p, p)
        Covariance matrix of beta.
    jacobian : ndarray, shape (R, t+1, p, p)
        Its derivatives with respect to (theta, sigma).
    varpar : ndarray, shape (R, t+1, t+1)
        Covariance matrix of (theta, sigma).
    L : ndarray, shape (c, p) or (p,)
        One contrast a row.

    Returns
    -------
    variance, df : ndarray, shape (R, c)

    Examples
    --------
    One variance, known to have come from 10 degrees of freedom, ``Var(sigma) = sigma^2 / 20``:

    >>> import numpy as np
    >>> vcov, jacobian = np.full((1, 1, 1), 4.0), np.full((1, 1, 1, 1), 4.0)
    >>> contrast_df(vcov, jacobian, np.full((1, 1, 1), 4.0 / 20), np.ones(1))
    (array([[4.]]), array([[10.]]))
    """
    L = np.atleast_2d(np.asarray(L, dtype=float))
    if np.array_equal(L, np.eye(L.shape[1])):
        variance = np.diagonal(vcov, axis1=1, axis2=2)
        gradient = np.ascontiguousarray(np.diagonal(jacobian, axis1=2, axis2=3).transpose(0, 2, 1))
    else:
        variance = np.einsum("ca,rab,cb->rc", L, vcov, L, optimize=True)
        gradient = np.einsum("ca,riab,cb->rci", L, jacobian, L, optimize=True)
    spread = np.einsum("rci,rci->rc", gradient @ varpar, gradient)
    with np.errstate(all="ignore"):
        return variance, 2 * variance**2 / spread


def satterthwaite(fits: Fits, L: Floats) -> Floats:
    """Satterthwaite's degrees of freedom of contrasts of the fixed effects.

    Parameters
    ----------
    fits : Fits
    L : ndarray, shape (c, p) or (p,)
        One contrast a row.

    Returns
    -------
    ndarray, shape (n_rep, c)

    Raises
    ------
    ValueError
        If the fits carry no derivatives, or L has the wrong number of columns.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> fits = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy")).fits
    >>> df = mm.satterthwaite(fits, np.array([0.0, 1.0]))
    >>> round(float(df[0, 0]), 2)
    17.0
    """
    if fits.vcov_jacobian is None or fits.vcov_varpar is None:
        raise ValueError(
            "these fits carry no derivatives of the criterion: refit with the engine that gives them"
        )
    L = np.atleast_2d(np.asarray(L, dtype=float))
    if L.shape[1] != fits.matrices.p:
        raise ValueError(
            f"L has {L.shape[1]} columns for {fits.matrices.p} coefficients ({fits.matrices.x_names})"
        )
    return contrast_df(fits.vcov, fits.vcov_jacobian, fits.vcov_varpar, L)[1]


def invert_hessian(H: Floats) -> Floats:
    """Twice the inverse of Hessians (R, d, d), null and negative directions left out.

    Examples
    --------
    >>> import numpy as np
    >>> invert_hessian(np.diag([4.0, 1e-12])[None]).tolist()
    [[[0.5, 0.0], [0.0, 0.0]]]
    """
    return np.moveaxis(invert_last(np.moveaxis(H, 0, 2)), 2, 0)


def invert_last(H: Floats) -> Floats:
    """Twice the inverse of Hessians (d, d, R), as `invert_hessian`."""
    usable = np.isfinite(H).all((0, 1))
    with np.errstate(all="ignore"):
        inverse, log_det = spd_inverse(H)
        out = np.where(usable, 2 * inverse, np.nan)
        # the norm of the inverse bounds the smallest eigenvalue from below
        suspect = usable & ~(np.abs(out).sum(1).max(0) < 1e-2 / NULL)
        suspect |= usable & ~np.isfinite(log_det)
    if suspect.any():
        value, vector = np.linalg.eigh(np.moveaxis(H[..., suspect], 2, 0))
        good = value > NULL
        inverse = np.where(good, 2.0 / np.where(good, value, 1.0), 0.0)
        out[..., suspect] = np.moveaxis((vector * inverse[:, None, :]) @ np.swapaxes(vector, 1, 2), 0, 2)
    return out
