r"""Newton's method with a trust region, for many replicates at once.

Each replicate has its own point and its own radius; those that have converged leave the batch.
The Hessian is exact, so that a singular fit (a column of T at zero) is told from a saddle: a zero
column is stationary whether or not it is optimal, and where it is not, the Hessian has a negative
eigenvalue there, along which the step leaves. After the decrement has fallen below its tolerance
one more full step is taken, which squares the error that is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.small import solve_spd

Floats = NDArray[np.float64]
Evaluate = Callable[[Floats, NDArray[np.intp]], tuple[Floats, Floats, Floats]]

DECREMENT = 1e-11
MAX_ITER = 80
# An eigenvalue of the Hessian below this share of the largest counts as zero (T that differ by a
# rotation within G of less than full rank give such directions).
NULL = 1e-9


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the minimiser stopped.

    Attributes
    ----------
    theta : ndarray, shape (t, R)
    f : ndarray, shape (R,)
    converged : ndarray of bool, shape (R,)
    iterations : ndarray of int, shape (R,)
    """

    theta: Floats
    f: Floats
    converged: NDArray[np.bool_]
    iterations: NDArray[np.intp]


def minimise(evaluate: Evaluate, start: Floats, max_iter: int = MAX_ITER) -> Optimum:
    """Minimise one smooth function a replicate.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(theta, which)`` with theta (t, r) and the numbers (r,) of the replicates;
        returns f (r,), gradient (t, r) and Hessian (t, t, r). Values may be NaN where the
        function is not defined.
    start : ndarray, shape (t, R)
    max_iter : int

    Returns
    -------
    Optimum

    Examples
    --------
    >>> import numpy as np
    >>> def bowl(x, which):
    ...     e = x[0] ** 2 - 1.0 - which
    ...     return e**2, 4 * x * e, (12 * x**2 - 4 - 4 * which)[None]
    >>> found = minimise(bowl, np.full((1, 3), 0.5))
    >>> (found.theta**2).round(6).tolist(), bool(found.converged.all())
    ([[1.0, 2.0, 3.0]], True)
    """
    R = start.shape[1]
    best = start.copy()
    f_best = np.full(R, np.inf)
    converged = np.zeros(R, dtype=bool)
    iterations = np.zeros(R, dtype=np.intp)
    which = np.arange(R)
    x = start.copy()
    f, g, H = evaluate(x, which)
    radius = np.full(R, 1.0)
    for _ in range(max_iter):
        step, decrement, definite = _newton_step(g, H)
        done = definite & (decrement < DECREMENT)
        if done.any():
            finished = which[done]
            size = np.sqrt(np.einsum("tr,tr->r", step[:, done], step[:, done]))
            last = np.where(size <= 1.0, 1.0, 0.0)
            best[:, finished] = x[:, done] + last * step[:, done]
            f_best[finished] = f[done]
            converged[finished] = True
            live = ~done
            if not live.any():
                return Optimum(best, f_best, converged, iterations)
            which, x, f, g, H = which[live], x[:, live], f[live], g[:, live], H[..., live]
            radius, step = radius[live], step[:, live]
        iterations[which] += 1
        size = np.sqrt(np.einsum("tr,tr->r", step, step))
        limit = radius * (1.0 + np.sqrt(np.einsum("tr,tr->r", x, x)))
        shrink = np.minimum(1.0, limit / np.maximum(size, 1e-300))
        step = step * shrink
        x_new = x + step
        f_new, g_new, H_new = evaluate(x_new, which)
        predicted = -np.einsum("tr,tr->r", g, step) - 0.5 * np.einsum(
            "tr,tr->r", step, np.einsum("tur,ur->tr", H, step)
        )
        actual = f - f_new
        noise = 1e-11 * (1.0 + np.abs(f))
        # at a saddle the first step goes along negative curvature: predicted is positive there too
        with np.errstate(all="ignore"):
            ratio = np.where(predicted > noise, actual / predicted, np.where(actual > -noise, 1.0, 0.0))
        ratio = np.where(np.isfinite(f_new), ratio, -1.0)
        ratio = np.where(np.isfinite(f), ratio, np.where(np.isfinite(f_new), 1.0, -1.0))
        radius = np.where(ratio < 0.25, 0.25 * shrink * size / np.maximum(limit / radius, 1e-300), radius)
        radius = np.where((ratio > 0.75) & (shrink < 1.0), 2.0 * radius, radius)
        accept = ratio > 1e-4
        x = np.where(accept, x_new, x)
        f = np.where(accept, f_new, f)
        g = np.where(accept, g_new, g)
        H = np.where(accept, H_new, H)
    best[:, which] = x
    f_best[which] = f
    return Optimum(best, f_best, converged, iterations)


def _newton_step(g: Floats, H: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Newton step, decrement g'H^{-1}g / 2 and whether H is (semi)definite, replicate by replicate."""
    x, pivot = solve_spd(H, g)
    step = -x
    decrement = 0.5 * np.einsum("tr,tr->r", g, x)
    definite = pivot > 1e-8
    odd = np.flatnonzero(~definite)
    if len(odd):
        usable = np.isfinite(H[..., odd]).all((0, 1)) & np.isfinite(g[:, odd]).all(0)
        step[:, odd] = 0.0
        decrement[odd] = np.inf
        odd = odd[usable]
        if len(odd):
            value, vector = np.linalg.eigh(np.moveaxis(H[..., odd], 2, 0))
            top = np.maximum(np.abs(value).max(1, keepdims=True), 1e-300)
            along = np.einsum("rij,ir->rj", vector, g[:, odd])
            null = np.abs(value) <= NULL * top
            move = -along / np.where(null, top, np.abs(value))
            # a saddle: the gradient says nothing along negative curvature, so push
            push = (value < -1e-7 * top) & (np.abs(move) < 1e-3)
            move = np.where(push, np.where(move < 0, -0.1, 0.1), move)
            step[:, odd] = np.einsum("rij,rj->ir", vector, move)
            decrement[odd] = 0.5 * (along**2 / np.where(null, top, np.abs(value))).sum(1)
            definite[odd] = (value >= -1e-7 * top).all(1)
    return step, decrement, definite
