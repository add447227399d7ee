r"""What does not change with theta or y, computed once for a design.

Fixed effects are replaced by an orthonormal basis, ``X = Q R``, and the columns of each
random-effects term by ``z B``, whose second moments are the identity. With ``b = B b~`` the
relative covariance factor becomes ``T = B T~``; B is lower triangular, so T~ is too. The
criterion is the same function, but units of x and y, and the origin of a random slope, no longer
matter to the optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Design:
    """Arrays of one design, in the coordinates that the engine computes in.

    Attributes
    ----------
    Q : ndarray, shape (n, p)
        Orthonormal basis of the columns of X.
    R_inv : ndarray, shape (p, p)
        ``beta = R_inv @ beta~``.
    log_det_XX : float
        ``log |X'X|``.
    index : tuple of ndarray of int, shape (n,)
        Level of each row, a term.
    z : tuple of ndarray, shape (n, k)
        Whitened random-effects columns, a term.
    B : tuple of ndarray, shape (k, k)
        Lower triangular, ``T = B T~``.
    levels : tuple of int
        Number of levels, a term.
    """

    Q: Floats
    R_inv: Floats
    log_det_XX: float
    index: tuple[Ints, ...]
    z: tuple[Floats, ...]
    B: tuple[Floats, ...]
    levels: tuple[int, ...]

    @property
    def n(self) -> int:
        """Number of observations."""
        return int(self.Q.shape[0])

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return int(self.Q.shape[1])

    @property
    def k(self) -> tuple[int, ...]:
        """Number of effects a level, a term."""
        return tuple(z.shape[1] for z in self.z)

    @property
    def n_theta(self) -> int:
        """Length of theta."""
        return sum(k * (k + 1) // 2 for k in self.k)

    @property
    def n_vec(self) -> int:
        """Length of the stacked vec(G), k^2 a term."""
        return sum(k * k for k in self.k)


def make_design(X: Floats, index: Sequence[Ints], z: Sequence[Floats], levels: Sequence[int]) -> Design:
    """Compute what is fixed for a design.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Full column rank.
    index, z, levels : sequences
        For each term the level of each row (n,), its columns (n, k), and the number of levels.

    Returns
    -------
    Design

    Examples
    --------
    >>> import numpy as np
    >>> z = np.column_stack([np.ones(6), 2000.0 + np.arange(6)])
    >>> design = make_design(np.ones((6, 1)), [np.repeat([0, 1], 3)], [z], [2])
    >>> bool(np.allclose(design.z[0].T @ design.z[0] / 6, np.eye(2)))
    True
    """
    scale = np.sqrt((X * X).sum(0))
    scale[scale == 0] = 1.0
    Q, R = np.linalg.qr(X / scale)
    R = R * scale
    whitened = [_whiten(np.asarray(part, dtype=float)) for part in z]
    return Design(
        Q=Q,
        R_inv=np.linalg.inv(R) if R.size else R,
        log_det_XX=float(2 * np.log(np.abs(np.diag(R))).sum()),
        index=tuple(np.asarray(i, dtype=np.intp) for i in index),
        z=tuple(w[0] for w in whitened),
        B=tuple(w[1] for w in whitened),
        levels=tuple(levels),
    )


def design_of(matrices: Matrices) -> Design:
    """Design of a model with random effects."""
    return make_design(
        matrices.X,
        [term.index for term in matrices.terms],
        [term.z for term in matrices.terms],
        [term.n_levels for term in matrices.terms],
    )


def _whiten(z: Floats) -> tuple[Floats, Floats]:
    """Return z B and B, lower triangular, with (z B)'(z B) = n I where z allows it."""
    scale = np.sqrt((z * z).mean(0))
    scale[scale == 0] = 1.0
    # QR of the columns in reverse order gives the triangle that keeps T lower triangular
    R = np.asarray(np.linalg.qr((z / scale)[:, ::-1], mode="r"))[::-1, ::-1] / np.sqrt(len(z))
    if np.abs(np.diag(R)).min() < 1e-7:
        return z / scale, np.diag(1 / scale)
    B = np.linalg.inv(R)
    B = np.tril(B * np.sign(np.diag(B))) / scale[:, None]
    # the product a second time: columns far from zero lose digits in the first pass
    zw = z @ B
    R2 = np.asarray(np.linalg.qr(zw[:, ::-1], mode="r"))[::-1, ::-1] / np.sqrt(len(z))
    B2 = np.linalg.inv(R2)
    B2 = np.tril(B2 * np.sign(np.diag(B2)))
    return zw @ B2, B @ B2


def theta_to_T(theta: Floats, k: Sequence[int]) -> list[Floats]:
    """Lower triangular factors from theta (n_theta, R), as (k, k, R) a term."""
    out, at = [], 0
    for size in k:
        T = np.zeros((size, size, theta.shape[1]))
        for column in range(size):
            for row in range(column, size):
                T[row, column] = theta[at]
                at += 1
        out.append(T)
    return out


def T_to_theta(factors: Sequence[Floats]) -> Floats:
    """Theta (n_theta, R) from lower triangular factors (k, k, R)."""
    rows = [T[i, j] for T in factors for j in range(T.shape[0]) for i in range(j, T.shape[0])]
    return np.array(rows)


def change_units(theta: Floats, B: Sequence[Floats]) -> Floats:
    """Theta of ``B T`` from theta (n_theta, R) of T: to the user's units, or back with the inverse of B."""
    factors = theta_to_T(theta, [len(b) for b in B])
    return T_to_theta([np.einsum("ij,jkr->ikr", b, T) for b, T in zip(B, factors, strict=True)])


def residualise(Q: Floats, Y: Floats) -> tuple[Floats, Floats, Floats]:
    """Ordinary least squares.

    Parameters
    ----------
    Q : ndarray, shape (n, p)
    Y : ndarray, shape (R, n)

    Returns
    -------
    r : ndarray, shape (n, R)
        Residuals, in units of y. Working on these, not on y, saves the digits that a large mean
        would take.
    coef : ndarray, shape (p, R)
        Coefficients of Q, in units of y.
    scale : ndarray, shape (R,)
        Root mean square of the residuals; 0 where y lies in the span of X.
    """
    Yt = Y.T
    coef = Q.T @ Yt
    r = Q @ coef
    np.subtract(Yt, r, out=r)
    with np.errstate(over="ignore"):
        scale = np.sqrt(np.einsum("nr,nr->r", r, r) / len(r))
        size = np.sqrt(np.einsum("pr,pr->r", coef, coef) / len(r))
    if np.any(size > 1e3 * scale):
        again = Q.T @ r
        r -= Q @ again
        coef += again
        scale = np.sqrt(np.einsum("nr,nr->r", r, r) / len(r))
    scale[scale <= 1e-13 * size] = 0.0
    return r, coef, scale
