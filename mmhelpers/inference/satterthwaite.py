r"""Satterthwaite's degrees of freedom, for t and for F tests.

For one contrast :math:`\ell'\beta` with estimated variance :math:`v = \ell' C \ell`, the method matches v
with a multiple of a chi-square: df = 2 v^2 / Var(v), where Var(v) = g'Ag by the delta method, with g the
gradient of v in the variance parameters (theta, sigma) and A twice the inverse Hessian of the criterion in
them (Satterthwaite 1946; Giesbrecht & Burns 1985; Kuznetsova, Brockhoff & Christensen 2017, J. Stat. Softw.
82(13), eq. 7).  An F test of several df takes the eigenvectors of L C L' as independent contrasts and gives F
the denominator df whose mean it has (Fai & Cornelius 1996).

The df of single contrasts are the engine's, `mmhelpers.engine.contrast_df`, for one data set as for
thousands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

# lmerTest's tolerances, kept so that the same directions count: of the eigenvalues of L C L' (relative: the
# root of the machine's epsilon), and for df that are all the same.
TOLERANCE_RANK = float(np.sqrt(np.finfo(float).eps))
TOLERANCE_DF = 1e-8


def combine_df(nu: ArrayLike, tol: float = TOLERANCE_DF) -> Float:
    r"""Denominator df of an F test from those of its independent t tests.

    Parameters
    ----------
    nu : array_like of shape (..., q)
        Degrees of freedom of the q tests.
    tol : float
        Where neighbours differ by less, the df are taken as equal and their mean is returned.

    Returns
    -------
    ndarray of shape (...)
        :math:`2E/(E-q)` with :math:`E = \sum \nu_m/(\nu_m-2)`, the df whose F has the mean E/q of the average
        of the squared t; 2 where one of the df is not above 2, as that mean is infinite (Fai & Cornelius
        1996).

    Examples
    --------
    >>> [float(combine_df(nu).round(4)) for nu in ([10.0, 20.0], [17.0, 17.0], [1.5, 9.0])]
    [13.0769, 17.0, 2.0]
    """
    nu = np.asarray(nu, dtype=float)
    q = nu.shape[-1]
    if q == 1:
        return np.asarray(nu[..., 0])
    with np.errstate(invalid="ignore", divide="ignore"):
        same = np.all((np.abs(np.diff(nu, axis=-1)) < tol) | (nu[..., 1:] == nu[..., :-1]), axis=-1)
        e = np.sum(np.where(np.isinf(nu), 1.0, nu / (nu - 2)), axis=-1)
        combined = np.where(np.any(nu <= 2, axis=-1), 2.0, 2 * e / (e - q))
        return np.asarray(np.where(same, nu.mean(axis=-1), combined))


def rotate(L: ArrayLike, vcov: Float, tol: float = TOLERANCE_RANK) -> tuple[Float, Float]:
    """Turn the rows of L into uncorrelated contrasts: eigenvectors of L C L'.

    Parameters
    ----------
    L : array_like of shape (c, p)
        Contrasts, which may depend on each other.
    vcov : ndarray of shape (p, p)
        Covariance matrix of beta.
    tol : float
        Eigenvalues up to this multiple of the largest are left out, so q is the rank of L.

    Returns
    -------
    contrasts : ndarray of shape (q, p)
    variances : ndarray of shape (q,)
        In falling order.
    """
    L = np.atleast_2d(np.asarray(L, dtype=float))
    values, vectors = np.linalg.eigh(L @ vcov @ L.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    keep = values > max(tol * values[0], 0.0) if values.size else np.zeros(0, dtype=bool)
    return vectors[:, keep].T @ L, values[keep]
