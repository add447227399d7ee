"""Newton's method for many data sets at a time, with the Hessian from differences of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cells import Cells
from .quadrature import log_likelihood

__all__ = ["Maximum", "hessian", "maximise"]

FloatArray = NDArray[np.float64]
#: numbers that one piece of work may hold at a time, so that memory stays small
PIECE = 2_000_000
STEP = 1e-6  # of the differences
LONGEST = 1.5  # no step of Newton's is longer, in any parameter
GAIN = (
    1e-12  # what a next step would win, relative to the log-likelihood, where the iteration has come to rest
)
STUCK = 1e-7  # the same, for a data set that rounding keeps from climbing on


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood of each data set is highest.

    Attributes
    ----------
    psi : array (n_rep, p + 1)
        Coefficients, then the standard deviation of the clusters, with either sign.
    value : array (n_rep,)
        Log-likelihood, without the constants of the response.
    gradient : array (n_rep, p + 1)
    modes : array (n_rep, g)
        Of the clusters, in units of the standard deviation.
    converged : array (n_rep,) of bool
        Another step of Newton's would gain next to nothing.
    """

    psi: FloatArray
    value: FloatArray
    gradient: FloatArray
    modes: FloatArray
    converged: NDArray[np.bool_]


def pieces(data: Cells, points: int) -> list[NDArray[np.intp]]:
    """Cut the numbers of the data sets into pieces that memory holds."""
    size = max(1, PIECE // (data.x.shape[0] * (data.x.shape[1] + points)))
    return [np.arange(i, min(i + size, data.n_rep)) for i in range(0, data.n_rep, size)]


def maximise(
    data: Cells, start: FloatArray, points: int, modes: FloatArray | None = None, iterations: int = 60
) -> Maximum:
    """Climb from `start`, each data set by itself.

    Parameters
    ----------
    data : Cells
    start : array (n_rep, p + 1)
        Not with a standard deviation of zero, which is a saddle that no gradient leads away from.
    points : int
        Points of the quadrature.
    modes : array (n_rep, g), optional
        Of the clusters, near the start.
    iterations : int
        Steps of Newton's, at most.
    """
    if modes is None:
        modes = np.zeros((data.n_rep, len(data.first)))
    parts = [
        _climb(data.take(part), start[part], points, modes[part], iterations) for part in pieces(data, points)
    ]
    return Maximum(*(np.concatenate(found) for found in zip(*parts, strict=True)))


def hessian(data: Cells, at: Maximum, points: int) -> FloatArray:
    """Second derivatives of the log-likelihood at the maximum, shape (n_rep, p + 1, p + 1)."""
    return np.concatenate(
        [
            _hessian(data.take(part), at.psi[part], at.gradient[part], at.modes[part], points)
            for part in pieces(data, points)
        ]
    )


def _hessian(
    data: Cells, psi: FloatArray, gradient: FloatArray, modes: FloatArray, points: int
) -> FloatArray:
    n_rep, k = psi.shape
    out = np.empty((n_rep, k, k))
    for j in range(k):
        up = psi.copy()
        up[:, j] += STEP
        out[:, j] = (log_likelihood(data, up, points, modes)[1] - gradient) / STEP
    return 0.5 * (out + out.transpose(0, 2, 1))


def _climb(
    data: Cells, start: FloatArray, points: int, modes: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Give what a `Maximum` holds, for data sets that memory holds at a time."""
    psi = start.copy()
    value, gradient, u = log_likelihood(data, psi, points, modes)
    n_rep, k = psi.shape
    roots, vectors = np.full((n_rep, k), np.nan), np.full((n_rep, k, k), np.nan)
    converged = np.zeros(n_rep, dtype=bool)

    def ahead(which: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Newton's step from the last Hessian, and what it would gain."""
        inner = np.einsum("rji,rj->ri", vectors[which], gradient[which])
        step = -np.einsum("rij,rj->ri", vectors[which], inner / roots[which])
        step *= np.minimum(1.0, LONGEST / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        return step, (step * gradient[which]).sum(axis=1)

    live = np.flatnonzero(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
    for _ in range(iterations):
        # the curvature hardly changes in the last steps, so that the Hessian before them can say that they are the last
        done = ahead(live)[1] < GAIN * np.maximum(1.0, np.abs(value[live]))
        converged[live[done]] = True
        live = live[~done]
        if not len(live):
            break
        own = data.take(live)
        curvature = _hessian(own, psi[live], gradient[live], u[live], points)
        # uphill whatever the curvature: eigenvalues are made negative, and not too small
        roots[live], vectors[live] = np.linalg.eigh(curvature)
        roots[live] = -np.maximum(np.abs(roots[live]), 1e-4)
        step, gain = ahead(live)
        open_, length = np.arange(len(live)), 1.0
        while len(open_) and length > 1e-4:  # halve the step of those that it makes worse
            at = live[open_]
            trial = psi[at] + length * step[open_]
            new, slope, moved = log_likelihood(own.take(open_), trial, points, u[at])
            good = (new >= value[at] - 1e-10) & np.isfinite(slope).all(axis=1)
            here = at[good]
            psi[here], value[here], gradient[here], u[here] = trial[good], new[good], slope[good], moved[good]
            open_, length = open_[~good], length / 2
        # no way up from there: as good as rounding lets it be, or hopeless
        converged[live[open_]] = gain[open_] < STUCK * np.maximum(1.0, np.abs(value[live[open_]]))
        live = np.delete(live, open_)
    return psi, value, gradient, u, converged
