r"""Kenward & Roger's F test for small samples.

The covariance matrix Phi of beta is too small, because it ignores that the variances in it are estimated: the
method adjusts it, and scales the Wald statistic and chooses its denominator df so that the F test is exact in
balanced cases (Kenward & Roger 1997, Biometrics 53, 983-997; in the form of Halekoh & Højsgaard 2014, J.
Stat. Softw. 59(9), sec. 6, whose package pbkrtest gives the same numbers).

The covariance of y is taken as linear in its parameters, V = sum_r gamma_r G_r: for each term the elements
of the covariance matrix of its effects, and the residual variance with G = I.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.inference.moments import Cross, Precision, _inverse, orthonormal
from mmhelpers.results import Matrices

Float = NDArray[np.float64]

# Relative to the largest, an eigenvalue of the (scaled) information about the variances that counts as zero.
TOLERANCE_INFORMATION = 1e-10


@dataclass(frozen=True, eq=False)
class KenwardRoger:
    """Adjusted covariance matrix, and what the degrees of freedom are made of.

    Attributes
    ----------
    R_inv : ndarray of shape (p, p)
        X R_inv has orthonormal columns; the matrices below are for that basis, because X'X may have few digits.
    phi, phi_adjusted : ndarray of shape (p, p)
        Covariance matrix of the estimates as fitted, and adjusted for the estimation of the variances; in units
        where sigma = 1.
    P : ndarray of shape (r, p, p)
        P_i = -X'V^-1 G_i V^-1 X, same units.
    W : ndarray of shape (r, r)
        Covariance matrix of the variance parameters (twice the inverse expected information), same units.
    sigma : float
        Residual standard deviation.
    """

    R_inv: Float
    phi: Float
    phi_adjusted: Float
    P: Float
    W: Float
    sigma: float

    @property
    def vcov(self) -> Float:
        """Covariance matrix of beta as fitted, shape (p, p)."""
        return np.asarray(self.sigma**2 * self.R_inv @ self.phi @ self.R_inv.T)

    @property
    def vcov_adjusted(self) -> Float:
        """Covariance matrix of beta adjusted for the estimation of the variances, shape (p, p)."""
        return np.asarray(self.sigma**2 * self.R_inv @ self.phi_adjusted @ self.R_inv.T)


def kenward_roger(
    matrices: Matrices, theta: ArrayLike, sigma: float, cross: Cross | None = None
) -> KenwardRoger:
    r"""Adjust the covariance matrix of beta after Kenward & Roger.

    Parameters
    ----------
    matrices : Matrices
        The design.
    theta : array_like of shape (n_theta,)
        REML estimates of the covariance parameters.
    sigma : float
        REML estimate of the residual standard deviation.
    cross : Cross, optional
        Z and Z'Z, where they are known from another fit of the same design.

    Returns
    -------
    KenwardRoger

    Notes
    -----
    With :math:`Q_{ij} = X'V^{-1}G_iV^{-1}G_jV^{-1}X`, the expected REML information about the variances is
    half of :math:`\mathrm{tr}(V^{-1}G_iV^{-1}G_j) - 2\,\mathrm{tr}(\Phi Q_{ij}) + \mathrm{tr}(\Phi P_i\Phi
    P_j)`, W its inverse, and :math:`\Phi_A = \Phi + 2\Phi\{\sum_{ij} W_{ij}(Q_{ij} - P_i\Phi P_j)\}\Phi`.
    The n x n matrices :math:`G_i = Z E_i Z'` are never formed; all is done with q x q cross-products.
    Directions in which the data hold no information about the variances are left out (Moore-Penrose inverse),
    judged on a scale free of the units of y.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> from mmhelpers.inference.kenward_roger import kenward_roger
    >>> sleep = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> kr = kenward_roger(sleep, [0.9667, 0.0152, 0.2309], 25.592)
    >>> bool(np.allclose(kr.vcov, kr.vcov_adjusted))  # balanced: nothing to adjust
    True
    """
    theta = np.asarray(theta, dtype=float)
    precision = Precision(cross or Cross(matrices), theta)
    x, R_inv = orthonormal(matrices.X)
    hx = precision(x)
    h2x = precision(hx)
    phi = _inverse(x.T @ hx)
    w, d = precision.cross.ztz, precision.shrink()
    s1, s2 = w @ d, d.T @ w @ d  # Z'H^-1 Z, Z'H^-2 Z
    b1, b2 = precision.cross.zt @ hx, precision.cross.zt @ h2x  # Z'H^-1 X, Z'H^-2 X
    a = np.eye(len(w)) - d
    trace_h2 = matrices.n - 2 * np.trace(a) + np.sum(a * a.T)  # tr H^-2

    elements = _elements(matrices)
    r = len(elements) + 1
    p = matrices.p
    # E_i S, E_i B and E_i B2: the rows of one term, its effects exchanged
    es = [_exchange(element, s1) for element in elements]
    eb = [_exchange(element, b1) for element in elements]
    P = np.empty((r, p, p))
    Q = np.empty((r, r, p, p))
    trace = np.empty((r, r))
    for i, element in enumerate(elements):
        rows_i = element[0]
        P[i] = -b1[rows_i].T @ eb[i]
        Q[i, -1] = eb[i].T @ b2[rows_i]
        Q[-1, i] = Q[i, -1].T
        trace[i, -1] = trace[-1, i] = np.sum(_exchange(element, s2)[:, rows_i].diagonal())
        for j in range(i, len(elements)):
            rows_j = elements[j][0]
            Q[i, j] = eb[i].T @ s1[rows_i, rows_j] @ eb[j]
            Q[j, i] = Q[i, j].T
            trace[i, j] = trace[j, i] = np.sum(es[i][:, rows_j] * es[j][:, rows_i].T)
    P[-1], Q[-1, -1], trace[-1, -1] = -hx.T @ hx, hx.T @ h2x, trace_h2

    phi_p = phi @ P
    information = trace - 2 * np.einsum("ab,ijba->ij", phi, Q) + np.einsum("iab,jba->ij", phi_p, phi_p)
    W = 2 * _scaled_inverse(information)
    middle = np.einsum("ij,ijab->ab", W, Q) - np.einsum("ij,iab,jbc->ac", W, P, phi_p)
    adjustment = 2 * phi @ ((middle + middle.T) / 2) @ phi
    return KenwardRoger(R_inv, phi, phi + adjustment, P, W, float(sigma))


def f_test(
    L: ArrayLike, beta: Float, kr: KenwardRoger, rhs: ArrayLike = 0.0
) -> tuple[float, int, float, float]:
    r"""F test of L beta = rhs after Kenward & Roger.

    Parameters
    ----------
    L : array_like of shape (c, p)
        Contrasts of full row rank (see `mmhelpers.inference.satterthwaite.rotate`).
    beta : ndarray of shape (p,)
        Fixed effects.
    kr : KenwardRoger
        From `kenward_roger`.
    rhs : array_like of shape (c,)
        Hypothesised values.

    Returns
    -------
    F : float
        The scaled statistic.
    num_df : int
    den_df : float
    scaling : float
        The factor :math:`\lambda^*` in F; 1 for a single df.

    Notes
    -----
    Halekoh & Højsgaard (2014, eq. 8-19): :math:`A_1 = \sum_{ij} W_{ij}\mathrm{tr}(\Theta\Phi P_i\Phi)
    \mathrm{tr}(\Theta\Phi P_j\Phi)` and :math:`A_2 = \sum_{ij} W_{ij}\mathrm{tr}(\Theta\Phi
    P_i\Phi\,\Theta\Phi P_j\Phi)` with :math:`\Theta = L'(L\Phi L')^{-1}L`; the mean and variance of the
    statistic to first order, corrected so that the known exact cases come out, give df and scaling.
    """
    L = np.atleast_2d(np.asarray(L, dtype=float))
    q = L.shape[0]
    den_df, a2 = _degrees_of_freedom(L, kr)
    scaling = 1.0 if abs(den_df - 2) < 0.01 else den_df * (1 - a2 / q) / (den_df - 2)
    difference = L @ beta - np.broadcast_to(np.asarray(rhs, dtype=float), (q,))
    lr = L @ kr.R_inv
    wald = float(difference @ np.linalg.solve(lr @ kr.phi_adjusted @ lr.T, difference)) / kr.sigma**2
    return scaling * wald / q, q, den_df, scaling


def contrast_df(L: ArrayLike, kr: KenwardRoger) -> Float:
    """Denominator df of single contrasts, shape (c,) for L of shape (c, p)."""
    L = np.atleast_2d(np.asarray(L, dtype=float))
    return np.array([_degrees_of_freedom(row[None], kr)[0] for row in L])


def _degrees_of_freedom(L: Float, kr: KenwardRoger) -> tuple[float, float]:
    """Return denominator df and A2 (Kenward & Roger 1997, sec. 3; Halekoh & Højsgaard 2014, sec. 6.2)."""
    q = L.shape[0]
    L = L @ kr.R_inv
    lp = L @ kr.phi
    # Theta Phi P Phi has the trace of (L Phi L')^-1 L Phi P Phi L': q x q matrices are enough
    u = np.linalg.solve(lp @ L.T, np.einsum("ab,ibc,dc->iad", lp, kr.P, lp))
    traces = np.einsum("iaa->i", u)
    a1 = float(traces @ kr.W @ traces)
    a2 = float(np.einsum("ij,iab,jba->", kr.W, u, u))
    if a2 <= 0:  # no variance matters to this contrast
        return np.inf, 0.0
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    denominator = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / denominator, (q - g) / denominator, (q + 2 - g) / denominator
    v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    v0 = 0.0 if abs(v0) < 1e-10 else v0
    top = 1 - a2 / q
    ratio = 1.0 if abs(top) < 1e-14 and abs(v1) < 1e-14 else top / v1
    rho = ratio**2 * v0 / v2 / q
    return 4 + (q + 2) / (q * rho - 1), a2


def _elements(matrices: Matrices) -> list[tuple[slice, int, int, int]]:
    """List the columns of Z, number of effects, row and column of each element of the terms' covariances."""
    out, start = [], 0
    for term in matrices.terms:
        rows = slice(start, start + term.q)
        out += [(rows, term.k, int(a), int(b)) for a, b in zip(*term.theta_positions, strict=True)]
        start += term.q
    return out


def _exchange(element: tuple[slice, int, int, int], matrix: Float) -> Float:
    """E_i applied to a term's rows: row b of a level goes to row a, and row a to row b."""
    rows, k, a, b = element
    levels = matrix[rows].reshape(-1, k, matrix.shape[1])
    out = np.zeros_like(levels)
    out[:, a] = levels[:, b]
    out[:, b] = levels[:, a]
    return out.reshape(-1, matrix.shape[1])


def _scaled_inverse(a: Float) -> Float:
    """Inverse, or Moore-Penrose inverse, judged after scaling a to a unit diagonal."""
    scale = np.sqrt(np.where(a.diagonal() > 0, a.diagonal(), 1.0))
    values, vectors = np.linalg.eigh(a / np.outer(scale, scale))
    keep = values > TOLERANCE_INFORMATION * values[-1]
    inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    return np.asarray(inverse / np.outer(scale, scale))
