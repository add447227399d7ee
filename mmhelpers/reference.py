r"""The criterion that lme4 minimises, for one data set, in four steps.

Slow on purpose: this is what the formulas say, and what the engine is tested against.
Equation numbers are those of Bates, Mächler, Bolker & Walker (2015), *Fitting linear
mixed-effects models using lme4*, J. Stat. Softw. 67(1), doi:10.18637/jss.v067.i01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from mmhelpers.results import Matrices

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """The criterion at one theta, and what it takes to get there.

    Attributes
    ----------
    criterion : float
        Profiled deviance, or profiled REML criterion.
    beta : ndarray, shape (p,)
        Fixed effects, given theta.
    u, b : ndarray, shape (q,)
        Conditional modes of the spherical random effects, and ``b = Lambda u``.
    sigma : float
        Residual standard deviation, given theta.
    pwrss : float
        Penalised residual sum of squares, r^2(theta).
    vcov : ndarray, shape (p, p)
        Covariance matrix of beta.
    """

    criterion: float
    beta: Floats
    u: Floats
    b: Floats
    sigma: float
    pwrss: float
    vcov: Floats


def penalised_least_squares(X: Floats, Z: Floats, y: Floats, Lambda: Floats, reml: bool = True) -> Reference:
    """Evaluate the profiled deviance or the REML criterion by penalised least squares.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Fixed-effects model matrix of full column rank.
    Z : ndarray, shape (n, q)
        Random-effects model matrix.
    y : ndarray, shape (n,)
        Response.
    Lambda : ndarray, shape (q, q)
        Relative covariance factor: Var(b) = sigma^2 Lambda Lambda'.
    reml : bool
        REML criterion (True) or deviance.

    Returns
    -------
    Reference

    References
    ----------
    Bates et al. (2015), equations 11, 13, 14, 18, 34, 41 and 48 to 52.

    Examples
    --------
    >>> import numpy as np
    >>> X, Z = np.ones((4, 1)), np.kron(np.eye(2), np.ones((2, 1)))
    >>> fit = penalised_least_squares(X, Z, np.array([1.0, 2.0, 5.0, 6.0]), Lambda=2.0 * np.eye(2))
    >>> round(fit.criterion, 4), fit.beta, fit.b.round(4)
    (11.8663, array([3.5]), array([-1.7778,  1.7778]))
    """
    n, p = X.shape
    # Step I: the random-effects factor for this theta
    ZL = Z @ Lambda
    L = np.linalg.cholesky(ZL.T @ ZL + np.eye(Z.shape[1]))  # (18)
    # Step II: solve the normal equations, block by block
    cu = np.linalg.solve(L, ZL.T @ y)  # (48)
    RZX = np.linalg.solve(L, ZL.T @ X)  # (49)
    RX = np.linalg.cholesky(X.T @ X - RZX.T @ RZX).T  # (50)
    beta = np.linalg.solve(RX, np.linalg.solve(RX.T, X.T @ y - RZX.T @ cu))  # (51)
    u = np.linalg.solve(L.T, cu - RZX @ beta)  # (52)
    b = Lambda @ u  # (11)
    # Step III: fitted values and penalised residual sum of squares
    mu = X @ beta + Z @ b  # (13)
    pwrss = float(np.sum((y - mu) ** 2) + np.sum(u**2))  # (14)
    # Step IV: profile sigma out
    log_det = 2 * np.log(np.diag(L)).sum()
    df = n
    if reml:
        log_det, df = log_det + 2 * np.log(np.diag(RX)).sum(), n - p
    criterion = float(log_det + df * (1 + np.log(2 * np.pi * pwrss / df)))  # (34), REML: (41)
    RX_inv = np.linalg.inv(RX)
    return Reference(criterion, beta, u, b, (pwrss / df) ** 0.5, pwrss, pwrss / df * RX_inv @ RX_inv.T)


def profiled_criterion(
    matrices: Matrices, theta: ArrayLike, y: Floats | None = None, reml: bool = True
) -> Reference:
    """Evaluate the criterion at theta for the design that a formula made.

    Parameters
    ----------
    matrices : Matrices
        From `mmhelpers.build_matrices`.
    theta : array_like, shape (n_theta,)
        Covariance parameters, in the order of the formula's terms.
    y : ndarray, shape (n,), optional
        Response; the one in ``matrices`` by default.
    reml : bool
        REML criterion (True) or deviance.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        If there is no response, or theta has the wrong length.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=3, day=range(4)).data
    >>> matrices = mm.build_matrices("y ~ day + (1 | subject)", data, response=False)
    >>> fit = mm.profiled_criterion(matrices, [1.0], y=np.arange(12.0) % 5)
    >>> round(fit.criterion, 3)
    45.306
    """
    response = matrices.y if y is None else np.asarray(y, dtype=float)
    if response is None:
        raise ValueError("y is missing: these matrices were built without a response, so pass y")
    if matrices.offset is not None:
        response = response - matrices.offset
    Lambda = matrices.Lambda(np.asarray(theta, dtype=float)).toarray()
    return penalised_least_squares(matrices.X, matrices.Z().toarray(), response, Lambda, reml)


def minimise_criterion(
    matrices: Matrices, y: Floats | None = None, reml: bool = True, start: ArrayLike | None = None
) -> tuple[Floats, Reference]:
    """Minimise the criterion with a general optimiser: what the engine must never do worse than.

    Parameters
    ----------
    matrices : Matrices
        From `mmhelpers.build_matrices`.
    y : ndarray, shape (n,), optional
        Response; the one in ``matrices`` by default.
    reml : bool
        REML criterion (True) or deviance.
    start : array_like, shape (n_theta,), optional
        Start; lme4's by default (Lambda the identity).

    Returns
    -------
    theta : ndarray, shape (n_theta,)
    Reference
        At that theta.

    Notes
    -----
    L-BFGS-B with numerical derivatives, polished by Nelder-Mead: good to about 1e-8 in the
    criterion, which is why the engine has derivatives of its own.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=3, day=range(4)).data
    >>> matrices = mm.build_matrices("y ~ day + (1 | subject)", data, response=False)
    >>> theta, fit = mm.minimise_criterion(matrices, y=np.arange(12.0) % 5)
    >>> np.round(theta, 3).tolist(), round(fit.criterion, 3)
    ([0.0], 42.257)
    """
    from scipy.optimize import minimize

    lower = matrices.theta_lower
    x0 = np.where(lower == 0, 1.0, 0.0) if start is None else np.asarray(start, dtype=float)

    def f(theta: Floats) -> float:
        try:
            return profiled_criterion(matrices, theta, y, reml).criterion
        except np.linalg.LinAlgError:  # a line search that went too far: theta so large that digits run out
            return 1e300

    bounds = [(low, None) for low in lower]
    found = minimize(f, x0, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-8})
    polish = {"xatol": 1e-9, "fatol": 1e-11, "maxfev": 400 * len(x0)}
    best = minimize(f, found.x, method="Nelder-Mead", bounds=bounds, options=polish)
    theta = best.x if best.fun <= found.fun else found.x
    return theta, profiled_criterion(matrices, theta, y, reml)
