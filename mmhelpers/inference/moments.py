"""Second derivatives of the criterion, and what the covariance matrix of beta does as (theta, sigma) moves.

Everything is for one data set and analytic.  Notation as in `mmhelpers.results`: V = sigma^2 H with
H = I + Z Lambda Lambda' Z', P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1.  No n x n matrix is formed: H^-1 is
applied by Woodbury's identity, H^-1 = I - Z Lambda M^-1 Lambda' Z' with M = I + Lambda' Z'Z Lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from mmhelpers.results import Matrices

Float = NDArray[np.float64]

# Up to this many random effects M is factorised as a dense matrix, which is faster; above, as a sparse one.
DENSE_Q = 1500


@dataclass(frozen=True, eq=False)
class Cross:
    """What does not change with theta: Z, and Z'Z as a dense array.

    Attributes
    ----------
    matrices : Matrices
        The design.
    """

    matrices: Matrices

    @cached_property
    def z(self) -> Any:
        """Z, sparse, shape (n, q)."""
        return sparse.csr_array(self.matrices.Z())

    @cached_property
    def zt(self) -> Any:
        """Z', sparse, shape (q, n)."""
        return self.z.T.tocsr()

    @cached_property
    def ztz(self) -> Float:
        """Z'Z, dense, shape (q, q)."""
        return np.asarray((self.zt @ self.z).toarray())


@dataclass(frozen=True, eq=False)
class Precision:
    """H^-1 at one theta, applied to the columns of an array.

    Attributes
    ----------
    cross : Cross
        The design.
    theta : ndarray of shape (n_theta,)
        Where H is taken.
    """

    cross: Cross
    theta: Float

    @property
    def matrices(self) -> Matrices:
        """The design."""
        return self.cross.matrices

    @cached_property
    def _blocks(self) -> list[tuple[slice, Float]]:
        """Columns of Z of each term, and its block of Lambda."""
        out, start = [], 0
        parts = self.matrices.split_theta(np.asarray(self.theta, dtype=float))
        for term, part in zip(self.matrices.terms, parts, strict=True):
            out.append((slice(start, start + term.q), term.block(part)))
            start += term.q
        return out

    def lam(self, a: Float, *, transpose: bool = False) -> Float:
        """Lambda a, or Lambda' a, for a of shape (q, c)."""
        out = np.empty(a.shape)
        for columns, block in self._blocks:
            out[columns] = _apply(block.T if transpose else block, a[columns])
        return out

    @cached_property
    def _factor(self) -> Any:
        """Factor of M, dense or sparse."""
        q = self.matrices.q
        if q <= DENSE_Q:
            half = self.lam(self.cross.ztz, transpose=True)
            return linalg.cho_factor(self.lam(half.T, transpose=True) + np.eye(q))
        z_lam = self.cross.z @ self.matrices.Lambda(np.asarray(self.theta, dtype=float))
        return splu(sparse.csc_array(z_lam.T @ z_lam + sparse.eye_array(q)))

    def core(self, a: Float) -> Float:
        """Lambda M^-1 Lambda' a, for a of shape (q, c)."""
        b = self.lam(a, transpose=True)
        factor = self._factor
        return self.lam(
            np.asarray(linalg.cho_solve(factor, b) if isinstance(factor, tuple) else factor.solve(b))
        )

    def __call__(self, a: Float) -> Float:
        """Return H^-1 a, shape of a, (n,) or (n, c)."""
        if not self.matrices.n_theta:
            return a
        columns = a.reshape(len(a), -1)
        out = columns - self.cross.z @ self.core(self.cross.zt @ columns)
        return np.asarray(out.reshape(a.shape))

    def shrink(self) -> Float:
        """D with H^-1 Z = Z D: D = I - Lambda M^-1 Lambda' Z'Z, shape (q, q)."""
        return np.asarray(np.eye(self.matrices.q) - self.core(self.cross.ztz))


@dataclass(frozen=True, eq=False)
class Moments:
    """What Satterthwaite's method needs of one fit.

    Attributes
    ----------
    beta : ndarray of shape (p,)
        Generalised least squares estimates at theta.
    sigma : float
        Residual standard deviation.
    vcov : ndarray of shape (p, p)
        Covariance matrix of beta.
    jacobian : ndarray of shape (n_theta + 1, p, p)
        Its derivatives in (theta, sigma).
    hessian : ndarray of shape (n_theta + 1, n_theta + 1)
        Second derivatives of the criterion (-2 log likelihood, or its REML form) in (theta, sigma).
    """

    beta: Float
    sigma: float
    vcov: Float
    jacobian: Float
    hessian: Float


def _covariance_steps(matrices: Matrices, theta: Float) -> list[tuple[int, slice, Float, list[Float]]]:
    """For each element of theta: its term, the term's columns of Z, d(TT')/d theta_i.

    With T the block of Lambda, d(TT') = E T' + T E' for E the matrix with a one where theta_i stands; the
    second derivatives, with those elements of the same term, are E_i E_j' + E_j E_i'.
    """
    out = []
    start = 0
    for number, (term, part) in enumerate(zip(matrices.terms, matrices.split_theta(theta), strict=True)):
        t = term.block(part)
        units = []
        for row, column in zip(*term.theta_positions, strict=True):
            unit = np.zeros((term.k, term.k))
            unit[row, column] = 1.0
            units.append(unit)
        for unit in units:
            first = unit @ t.T
            second = [unit @ other.T + other @ unit.T for other in units]
            out.append((number, slice(start, start + term.q), first + first.T, second))
        start += term.q
    return out


def _apply(block: Float, a: Float) -> Float:
    """Multiply each level's rows of `a`, shape (l k, c), by the k x k `block`."""
    k = block.shape[0]
    return np.asarray((block @ a.reshape(-1, k, a.shape[-1])).reshape(a.shape))


def orthonormal(X: Float) -> tuple[Float, Float]:
    """Return Q with orthonormal columns and R_inv with Q = X R_inv: X'X has only half of the digits of X."""
    size = np.linalg.norm(X, axis=0)
    Q, R = np.linalg.qr(X / size)
    return Q, linalg.solve_triangular(R, np.eye(len(R))) / size[:, None]


def vcov_jacobian(precision: Precision, sigma: float) -> tuple[Float, Float]:
    r"""Covariance matrix of beta, and its derivatives in (theta, sigma).

    :math:`C = \sigma^2 (X'H^{-1}X)^{-1}` gives :math:`\partial C/\partial\theta_i = C X'V^{-1} \partial_i V
    V^{-1} X C` and :math:`\partial C/\partial\sigma = 2C/\sigma`.

    Parameters
    ----------
    precision : Precision
        H^-1 at the estimated theta.
    sigma : float
        Residual standard deviation.

    Returns
    -------
    vcov : ndarray of shape (p, p)
    jacobian : ndarray of shape (n_theta + 1, p, p)
    """
    matrices = precision.matrices
    q, R_inv = orthonormal(matrices.X)
    hx = precision(q)
    c0 = R_inv @ _inverse(q.T @ hx)
    b = (precision.cross.zt @ hx) @ c0.T
    c0 = c0 @ R_inv.T
    jacobian = [
        sigma**2 * b[columns].T @ _apply(step, b[columns])
        for _, columns, step, _ in _covariance_steps(matrices, precision.theta)
    ]
    return sigma**2 * c0, np.array([*jacobian, 2 * sigma * c0])


def moments(
    matrices: Matrices, theta: Float, y: Float | None = None, *, reml: bool = True, sigma: float | None = None
) -> Moments:
    r"""Estimates, covariance matrix and derivatives at theta, for one data set.

    Parameters
    ----------
    matrices : Matrices
        The design, and the response unless `y` is given.
    theta : ndarray of shape (n_theta,)
        Covariance parameters, at the optimum as a rule.
    y : ndarray of shape (n,), optional
        Response.
    reml : bool
        Which criterion is differentiated.
    sigma : float, optional
        Residual standard deviation; the profiled estimate at theta by default.

    Returns
    -------
    Moments

    Notes
    -----
    The criterion is (lme4 paper, eq. 39 and 28, before sigma is profiled out; constants left out)

    .. math:: f(\theta,\sigma) = \log|H| + \log|X'H^{-1}X| + (n-p)\log\sigma^2 + y'Py/\sigma^2

    for REML; for ML without the second term and with n for n - p.  Its derivatives follow from
    :math:`\partial P = -P\,\partial H\,P`.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> from mmhelpers.inference.moments import moments
    >>> sleep = mm.build_matrices("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
    >>> result = moments(sleep, [1.198])
    >>> result.beta.round(3), result.hessian.shape
    (array([251.405,  10.467]), (2, 2))
    """
    response = matrices.y if y is None else np.asarray(y, dtype=float)
    if response is None:
        raise ValueError("these matrices have no response; give y, an array of shape (n,)")
    if response.shape != (matrices.n,):
        raise ValueError(f"y has shape {response.shape}; the design has n = {matrices.n} rows")
    if matrices.offset is not None:
        response = response - matrices.offset
    theta = np.asarray(theta, dtype=float)
    precision = Precision(Cross(matrices), theta)
    x, R_inv = orthonormal(matrices.X)
    hx = precision(x)
    c0 = _inverse(x.T @ hx)
    # OLS residuals first: X is in P's null space, and y'y would cost digits.
    ols = x.T @ response
    resid = response - x @ ols
    hr = precision(resid)
    gls = c0 @ (x.T @ hr)
    py = hr - hx @ gls
    beta = R_inv @ (ols + gls)
    n_eff = matrices.n - (matrices.p if reml else 0)
    quadratic = float(resid @ py)
    sigma = float(np.sqrt(quadratic / n_eff)) if sigma is None else float(sigma)

    vcov, jacobian = vcov_jacobian(precision, sigma)
    m = matrices.n_theta
    hessian = np.zeros((m + 1, m + 1))
    hessian[m, m] = -2 * n_eff / sigma**2 + 6 * quadratic / sigma**4
    if m:
        s_h = precision.cross.ztz @ precision.shrink()  # Z'H^-1 Z
        b = precision.cross.zt @ hx
        s_p = s_h - b @ c0 @ b.T  # Z'PZ
        s_trace = s_p if reml else s_h
        u = (precision.cross.zt @ py)[:, None]
        steps = _covariance_steps(matrices, theta)
        moved = [_apply(step, s_trace[columns]) for _, columns, step, _ in steps]
        moved_u = [_apply(step, u[columns]) for _, columns, step, _ in steps]
        for i, (term_i, columns_i, step_i, second) in enumerate(steps):
            hessian[i, m] = hessian[m, i] = 2 * float(u[columns_i, 0] @ moved_u[i][:, 0]) / sigma**3
            first = next(j for j, step in enumerate(steps) if step[0] == term_i)
            for j in range(i, m):
                term_j, columns_j, _, _ = steps[j]
                value = -np.sum(moved[i][:, columns_j] * moved[j][:, columns_i].T)
                value += 2 * (moved_u[i].T @ s_p[columns_i, columns_j] @ moved_u[j]).item() / sigma**2
                if term_i == term_j:  # the second derivative of H
                    d2 = second[j - first]
                    k = step_i.shape[0]
                    blocks = _diagonal_blocks(s_trace[columns_i, columns_i], k)
                    u_levels = u[columns_i, 0].reshape(-1, k)
                    value += np.sum(blocks * d2) - np.sum((u_levels @ d2) * u_levels) / sigma**2
                hessian[i, j] = hessian[j, i] = value
    return Moments(beta=beta, sigma=sigma, vcov=vcov, jacobian=jacobian, hessian=hessian)


def _diagonal_blocks(a: Float, k: int) -> Float:
    """Sum of the k x k blocks on the diagonal of a."""
    levels = np.arange(a.shape[0] // k)
    return np.asarray(a.reshape(len(levels), k, len(levels), k)[levels, :, levels, :].sum(axis=0))


def _inverse(a: Float) -> Float:
    """Inverse of a symmetric positive definite matrix."""
    return np.asarray(linalg.cho_solve(linalg.cho_factor(a), np.eye(a.shape[0])))
