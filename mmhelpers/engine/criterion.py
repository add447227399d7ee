r"""The profiled criterion with its gradient and Hessian, for many replicates at once.

With ``W = I + Z G Z'`` (G is block diagonal, ``G = T T'`` a level) and ``U = [Q, r]``,

    f(theta) = log|W| + [REML] log|M_xx| + m log s,    M = U'W^{-1}U,
    s = M_rr - M_rx M_xx^{-1} M_xr,                     m = n - p or n,

so that all that a design has to provide is ``log|W|`` and M with their derivatives. These are
linear or quadratic in two quantities (dW is linear in G):

    P = Z'W^{-1}Z,      E = Z'W^{-1}U,
    d log|W| = tr(P dG),                  dM = -E' dG E,
    d2 log|W| = -tr(P dG1 P dG2),         d2M = E'(dG1 P dG2 + dG2 P dG1)E.

A `System` (``schur``, ``pooled``) computes them in the way that suits the structure of a design.
The derivatives are chained to theta last, through ``dG = dT T' + T dT'``. Theta is not bounded:
f depends on G only, so it is even in each column of T, and a singular fit is an interior
stationary point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.design import Design, theta_to_T
from mmhelpers.engine.small import spd_inverse

Floats = NDArray[np.float64]
Order = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class First:
    """What the value of the criterion needs: log|W| (R,), M (p+1, p+1, R), and work kept for later."""

    log_det: Floats
    M: Floats
    work: Any


@dataclass(frozen=True, eq=False)
class Second:
    """What the derivatives need, in vec(G) coordinates (V of them, k^2 a term).

    Attributes
    ----------
    F : ndarray, shape (V, R)
        Derivative of f with respect to G.
    H : ndarray, shape (V, V, R)
        ``-tr(P E_i P E_j) + 2 tr(E_i P E_j N)``.
    dM : ndarray, shape (V, p+1, p+1, R)
        ``C' dM C`` for the C that was handed over.
    """

    F: Floats
    H: Floats
    dM: Floats


class System(Protocol):
    """One design with the data of some replicates, ready to be evaluated."""

    @property
    def design(self) -> Design:
        """The design."""
        ...

    @property
    def n_obs(self) -> Floats:
        """Observations of each replicate, shape (R,)."""
        ...

    def first(self, G: list[Floats]) -> First:
        """Evaluate log|W| and M at G, (k, k, R) a term."""
        ...

    def second(self, G: list[Floats], first: First, C: Floats, weight: Floats) -> Second:
        """Evaluate the derivatives; ``N = sum_v weight_v (E C)_v (E C)_v'`` with weight (p+1, R)."""
        ...

    def take(self, keep: NDArray[np.intp]) -> System:
        """Return the system of some of the replicates."""
        ...


@dataclass(frozen=True, eq=False)
class Value:
    """The criterion at theta; arrays end in the replicates.

    Attributes
    ----------
    f : ndarray, shape (R,)
        The criterion of the scaled residuals, without its constants.
    s : ndarray, shape (R,)
        Penalised residual sum of squares of the scaled residuals.
    beta : ndarray, shape (p, R)
        Change of the coefficients of Q from ordinary least squares, scaled.
    C : ndarray, shape (p+1, p+1, R)
        ``[[chol(M_xx^{-1}), -beta], [0, 1]]``: turns U into whitened fixed effects and the residual.
    g, H : ndarray, shape (t, R), (t, t, R)
        Gradient and Hessian in theta.
    H_full : ndarray, shape (t, t, R)
        The Hessian at fixed sigma, which Satterthwaite's method needs.
    dM : ndarray, shape (t, p+1, p+1, R)
        ``C' (dM / d theta_i) C``.
    """

    f: Floats
    s: Floats
    beta: Floats
    C: Floats
    g: Floats
    H: Floats
    H_full: Floats
    dM: Floats

    def take(self, keep: Any) -> Value:
        """Return the value for some of the replicates."""
        return Value(*(getattr(self, name)[..., keep] for name in self.__dataclass_fields__))


def evaluate(system: System, theta: Floats, reml: bool, order: Order | None = None) -> Value:
    """Evaluate the criterion and its derivatives.

    Parameters
    ----------
    system : System
    theta : ndarray, shape (t, R)
        In the engine's units.
    reml : bool
    order : tuple of tuple of int, optional
        For each term the order of its effects in which T is triangular, that of the term by default.

    Returns
    -------
    Value
        NaN in ``f`` where a matrix was not positive definite.
    """
    design = system.design
    p = design.p
    m = system.n_obs - p if reml else system.n_obs
    order = order or tuple(tuple(range(k)) for k in design.k)
    T = [part[np.argsort(o)] for part, o in zip(theta_to_T(theta, design.k), order, strict=True)]
    G = [np.einsum("acr,bcr->abr", t, t) for t in T]
    first = system.first(G)
    M_inv, log_det_M = spd_inverse(first.M[:p, :p])
    beta = np.einsum("abr,br->ar", M_inv, first.M[:p, p])
    s = first.M[p, p] - np.einsum("ar,ar->r", first.M[:p, p], beta)
    with np.errstate(all="ignore"):
        f = first.log_det + m * np.log(np.where(s > 0, s, np.nan))
        if reml:
            f = f + log_det_M
        ratio = m / s
    C = np.zeros((p + 1, p + 1, theta.shape[1]))
    C[:p, :p] = cholesky(M_inv)
    C[:p, p] = -beta
    C[p, p] = 1.0
    weight = np.full((p + 1, theta.shape[1]), float(reml))
    weight[p] = ratio
    second = system.second(G, first, C, weight)
    D = _dG_dtheta(T, order)
    g = np.einsum("vtr,vr->tr", D, second.F)
    dM = np.einsum("vtr,vabr->tabr", D, second.dM)
    H = np.einsum("vtr,vwr->twr", D, second.H)
    H = np.einsum("twr,wur->tur", H, D) + _curvature_of_G(second.F, order)
    if reml:
        H -= np.einsum("tabr,uabr->tur", dM[:, :p, :p], dM[:, :p, :p])
    v = dM[:, :p, p]
    H -= 2 * ratio * np.einsum("tar,uar->tur", v, v)
    H = 0.5 * (H + H.transpose(1, 0, 2))
    ds = dM[:, p, p]
    return Value(f, s, beta, C, g, H - (ratio / s) * ds[:, None] * ds[None], H, dM)


def cholesky(A: Floats) -> Floats:
    """Lower Cholesky factors of positive definite matrices (d, d, R); rounding below zero counts as zero."""
    d = A.shape[0]
    L = np.zeros_like(A)
    with np.errstate(all="ignore"):
        for j in range(d):
            rest = A[j, j] - np.einsum("kr,kr->r", L[j, :j], L[j, :j])
            L[j, j] = np.sqrt(np.maximum(rest, 0.0))
            for i in range(j + 1, d):
                value = (A[i, j] - np.einsum("kr,kr->r", L[i, :j], L[j, :j])) / L[j, j]
                L[i, j] = np.where(L[j, j] > 0, value, 0.0)
    return L


def _dG_dtheta(T: list[Floats], order: Order) -> Floats:
    """Jacobian (V, t, R) of vec(G) with respect to theta: dG = e_row t_col' + t_col e_row'."""
    replicates = T[0].shape[2] if T else 0
    V = sum(len(part) ** 2 for part in T)
    t = sum(len(part) * (len(part) + 1) // 2 for part in T)
    D = np.zeros((V, t, replicates))
    v = i = 0
    for part, rows in zip(T, order, strict=True):
        k = len(part)
        block = D[v : v + k * k].reshape(k, k, t, replicates)
        for column in range(k):
            for row in rows[column:]:
                block[row, :, i] += part[:, column]
                block[:, row, i] += part[:, column]
                i += 1
        v += k * k
    return D


def _curvature_of_G(F: Floats, order: Order) -> Floats:
    """Sum over G of F times the second derivatives of G: 2 F[row, row'] within a column of T."""
    t = sum(len(rows) * (len(rows) + 1) // 2 for rows in order)
    out = np.zeros((t, t, F.shape[1]))
    v = i = 0
    for rows in order:
        k = len(rows)
        part = F[v : v + k * k].reshape(k, k, -1)[np.ix_(rows, rows)]
        for column in range(k):
            width = k - column
            out[i : i + width, i : i + width] = part[column:, column:] + part[column:, column:].transpose(
                1, 0, 2
            )
            i += width
        v += k * k
    return out
