"""The model without random effects: ordinary least squares, in the records of a mixed model.

It is what a study compares with when it asks what leaving the random effects out does. theta is empty; the
covariance of the estimates depends on sigma alone, for which Satterthwaite's degrees of freedom are exactly n - p.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Fits, Matrices

Floats = NDArray[np.float64]


def fit_ordinary(matrices: Matrices, Y: Floats, reml: bool) -> Fits:
    """Fit a linear model without random effects to many responses.

    Parameters
    ----------
    matrices : Matrices
        Without random-effects terms; X of shape (n, p).
    Y : ndarray, shape (n_rep, n)
        Responses less the offset; NaN where a replicate lacks an observation.
    reml : bool
        Divide the residual sum of squares by n - p (True) or by n.

    Returns
    -------
    Fits
        With theta of shape (n_rep, 0). A replicate without residual variation has not converged.
    """
    X, (n_rep, _), p = matrices.X, Y.shape, matrices.p
    beta, vcov = np.full((n_rep, p), np.nan), np.full((n_rep, p, p), np.nan)
    sigma, criterion = np.full(n_rep, np.nan), np.full(n_rep, np.nan)
    present = ~np.isnan(Y)
    # Replicates that lack the same cells share one decomposition; usually all of them do.
    patterns, which = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == number)
        part, n = X[pattern], int(pattern.sum())
        if n <= p or np.linalg.matrix_rank(part) < p:
            continue
        Q, R = np.linalg.qr(part)
        y = Y[np.ix_(rows, np.flatnonzero(pattern))]
        # A large mean costs digits: where the model has a constant, take the mean off and give it back below.
        ones = Q.T @ np.ones(n)
        constant = np.allclose(Q @ ones, 1.0, atol=1e-9)
        center = y.mean(axis=1, keepdims=True) if constant else np.zeros((len(y), 1))
        coef = (y - center) @ Q
        residual = (y - center) - coef @ Q.T
        rss = np.einsum("rn,rn->r", residual, residual)
        good = rss > 1e-26 * np.einsum("rn,rn->r", y, y)
        R_inv = np.linalg.inv(R)
        m = n - p if reml else n
        s2 = np.where(good, rss, np.nan) / m
        beta[rows] = np.where(good[:, None], coef @ R_inv.T + center * (R_inv @ ones), np.nan)
        sigma[rows] = np.sqrt(s2)
        vcov[rows] = s2[:, None, None] * (R_inv @ R_inv.T)
        log_det = 2 * np.log(np.abs(np.diagonal(R))).sum() if reml else 0.0
        criterion[rows] = m * (1 + np.log(2 * np.pi * s2)) + log_det
    degrees = (present.sum(axis=1) - (p if reml else 0)).astype(float)
    return _fits(matrices, reml, beta, vcov, sigma, criterion, degrees, None if present.all() else present)


def fit_sums(matrices: Matrices, coef: Floats, rss: Floats, reml: bool) -> Fits:
    """Ordinary least squares from its sufficient statistics.

    Parameters
    ----------
    matrices : Matrices
        Without terms.
    coef : ndarray, shape (n_rep, p)
        Coefficients of the columns of X.
    rss : ndarray, shape (n_rep,)
        Residual sums of squares.
    reml : bool

    Returns
    -------
    Fits
    """
    n, p = matrices.X.shape
    R_inv = np.linalg.inv(np.linalg.qr(matrices.X, mode="r"))
    m = n - p if reml else n
    s2 = rss / m
    criterion = m * (1 + np.log(2 * np.pi * s2))
    if reml:
        criterion = criterion - 2 * np.log(np.abs(np.diagonal(R_inv))).sum()
    vcov = s2[:, None, None] * (R_inv @ R_inv.T)
    return _fits(matrices, reml, coef, vcov, np.sqrt(s2), criterion, np.full(len(rss), float(m)), None)


def _fits(
    matrices: Matrices,
    reml: bool,
    beta: Floats,
    vcov: Floats,
    sigma: Floats,
    criterion: Floats,
    degrees: Floats,
    present: NDArray[np.bool_] | None,
) -> Fits:
    n_rep = len(sigma)
    converged = np.isfinite(sigma)
    said = "no residual variation: the fixed effects fit the response exactly or cannot be estimated"
    with np.errstate(divide="ignore", invalid="ignore"):
        hessian = (4 * degrees / sigma**2)[:, None, None]
        varpar = (sigma**2 / (2 * degrees))[:, None, None]
        jacobian = (2 * vcov / sigma[:, None, None])[:, None]
    return Fits(
        matrices=matrices,
        reml=reml,
        theta=np.empty((n_rep, 0)),
        beta=beta,
        sigma=sigma,
        criterion=criterion,
        vcov=vcov,
        singular=np.zeros(n_rep, dtype=bool),
        converged=converged,
        message=tuple("" if ok else said for ok in converged),
        gradient_max=np.where(converged, 0.0, np.nan),
        hessian=hessian,
        vcov_varpar=varpar,
        vcov_jacobian=jacobian,
        present=present,
        modes=lambda: (),
    )
