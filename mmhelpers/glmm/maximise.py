"""Newton's method for many data sets at a time, with the Hessian from differences of the gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["maximise"]

FloatArray = NDArray[np.float64]
#: value and gradient of some of the data sets at their parameters
Objective = Callable[[NDArray[np.intp], FloatArray], tuple[FloatArray, FloatArray]]
STEP = 1e-6
LONGEST = 1.5  # no step of Newton's is longer, in any parameter
TOLERANCE = 1e-6


def _hessian(
    objective: Objective, which: NDArray[np.intp], psi: FloatArray, gradient: FloatArray
) -> FloatArray:
    k = psi.shape[1]
    out = np.empty((len(which), k, k))
    for j in range(k):
        up = psi.copy()
        up[:, j] += STEP
        out[:, j] = (objective(which, up)[1] - gradient) / STEP
    return 0.5 * (out + out.transpose(0, 2, 1))


def maximise(
    objective: Objective, start: FloatArray, iterations: int = 60
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Climb from `start`, each data set by itself.

    Returns
    -------
    psi : array (n_rep, k)
    value : array (n_rep,)
    hessian : array (n_rep, k, k)
        At the last parameters.
    converged : array (n_rep,) of bool
        The next Newton step would gain less than about 1e-12.
    """
    psi = start.copy()
    n_rep, k = psi.shape
    value = np.full(n_rep, -np.inf)
    hessian = np.full((n_rep, k, k), np.nan)
    converged = np.zeros(n_rep, dtype=bool)
    live = np.arange(n_rep)
    value[:], gradient = objective(live, psi)
    for _ in range(iterations):
        if not len(live):
            break
        own = hessian[live] = _hessian(objective, live, psi[live], gradient[live])
        # uphill whatever the curvature: eigenvalues are made negative, and not too small
        roots, vectors = np.linalg.eigh(own)
        roots = -np.maximum(np.abs(roots), 1e-4)
        inner = np.einsum("rji,rj->ri", vectors, gradient[live])
        step = -np.einsum("rij,rj->ri", vectors, inner / roots)
        step *= np.minimum(1.0, LONGEST / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        gain = (step * gradient[live]).sum(axis=1)
        done = gain < TOLERANCE**2 * np.maximum(1.0, np.abs(value[live])) * 1e2
        converged[live[done]] = True
        live, step = live[~done], step[~done]
        open_ = np.arange(len(live))
        length = np.ones(len(live))
        while len(open_):
            at = live[open_]
            trial = psi[at] + length[open_, None] * step[open_]
            new, slope = objective(at, trial)
            good = (new >= value[at] - 1e-10) | (length[open_] < 1e-3)
            psi[at[good]], value[at[good]], gradient[at[good]] = trial[good], new[good], slope[good]
            length[open_] /= 2
            open_ = open_[~good]
    return psi, value, hessian, converged
