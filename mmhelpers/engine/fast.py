"""The one switch for numba, and the loops that it compiles.

They do what ``distinct`` does with NumPy, for groups that all differ and two effects a group (an intercept and a
slope), where most of the time goes into small sums over groups. Elsewhere numba was tried and brought nothing.
The switch is off unless it is turned on, as the first call in a process costs a second or more: by the environment
variable ``MMHELPERS_NUMBA=1`` (which reaches the workers of a study), or by `use_numba`.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_switch: dict[str, bool] = {"on": os.environ.get("MMHELPERS_NUMBA", "0") == "1"}


def use_numba(on: bool = True) -> None:
    """Turn numba on or off for the engine.

    Parameters
    ----------
    on : bool

    Raises
    ------
    ImportError
        If it is not installed.

    Examples
    --------
    >>> use_numba(False)
    """
    if on and importlib.util.find_spec("numba") is None:
        raise ImportError('numba is not installed: pip install "mmhelpers[fast]"')
    _switch["on"] = bool(on)


def numba_is_on() -> bool:
    """Whether the engine uses numba."""
    return _switch["on"] and importlib.util.find_spec("numba") is not None


@functools.cache
def kernels() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile (or load) the loops of the first and the second pass."""
    import numba

    # sums may be taken in another order, which is what lets them run in parallel lanes; NaN is respected
    compile_ = numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"})
    return compile_(_first), compile_(_second)


def _first(A_inv: Floats, gx: Floats, g: Floats, G: Floats, log_det: Floats, M: Floats) -> None:
    """Sum over groups: log|K| into log_det (R,), [gx, g]'K^{-1}[gx, g] into M (R, p+1, p+1)."""
    p, _, B = gx.shape
    a00, a01, a11 = A_inv[0, 0].copy(), A_inv[0, 1].copy(), A_inv[1, 1].copy()
    det, e0, e1 = np.empty(B), np.empty(B), np.empty(B)
    q00, q01, q11 = np.empty(B), np.empty(B), np.empty(B)
    for r in range(g.shape[0]):
        G00, G01, G11 = G[0, 0, r], G[0, 1, r], G[1, 1, r]
        for b in range(B):
            k00, k01, k11 = a00[b] + G00, a01[b] + G01, a11[b] + G11
            d = k00 * k11 - k01 * k01
            one = 1.0 / d
            det[b] = d
            q00[b] = k11 * one
            q01[b] = -k01 * one
            q11[b] = k00 * one
        total = 0.0
        for b in range(0, B - 3, 4):  # one logarithm for four
            total += np.log(det[b] * det[b + 1] * det[b + 2] * det[b + 3])
        for b in range(B - B % 4, B):
            total += np.log(det[b])
        log_det[r] = total if det.min() > 0.0 else np.nan
        for u in range(p + 1):
            x0 = gx[u, 0] if u < p else g[r, 0]
            x1 = gx[u, 1] if u < p else g[r, 1]
            for b in range(B):
                e0[b] = q00[b] * x0[b] + q01[b] * x1[b]
                e1[b] = q01[b] * x0[b] + q11[b] * x1[b]
            for v in range(u + 1):
                y0 = gx[v, 0] if v < p else g[r, 0]
                y1 = gx[v, 1] if v < p else g[r, 1]
                value = 0.0
                for b in range(B):
                    value += e0[b] * y0[b] + e1[b] * y1[b]
                M[r, u, v] = M[r, v, u] = value


def _second(
    A_inv: Floats,
    gx: Floats,
    g: Floats,
    G: Floats,
    root: Floats,
    trace: Floats,
    sums: Floats,
    gram: Floats,
) -> None:
    """Sum over groups for the derivatives: see `Distinct.second`, which has the shapes."""
    p, _, B = gx.shape
    u = p + 1
    a00, a01, a11 = A_inv[0, 0].copy(), A_inv[0, 1].copy(), A_inv[1, 1].copy()
    e = np.empty((2 * u, B))
    P, W = np.empty((3, B)), np.empty((3, B))
    E0, E1 = np.empty(B), np.empty(B)
    for r in range(g.shape[0]):
        G00, G01, G11 = G[0, 0, r], G[0, 1, r], G[1, 1, r]
        P0, P1, P2 = P[0], P[1], P[2]
        W0, W1, W2 = W[0], W[1], W[2]
        for b in range(B):
            k00, k01, k11 = a00[b] + G00, a01[b] + G01, a11[b] + G11
            one = 1.0 / (k00 * k11 - k01 * k01)
            P0[b] = k11 * one
            P1[b] = -k01 * one
            P2[b] = k00 * one
        for i in range(u):
            x0 = gx[i, 0] if i < p else g[r, 0]
            x1 = gx[i, 1] if i < p else g[r, 1]
            f0, f1 = e[2 * i], e[2 * i + 1]
            for b in range(B):
                f0[b] = P0[b] * x0[b] + P1[b] * x1[b]
                f1[b] = P1[b] * x0[b] + P2[b] * x1[b]
        for i in range(2 * u):
            left = e[i]
            for j in range(i + 1):
                right = e[j]
                value = 0.0
                for b in range(B):
                    value += left[b] * right[b]
                gram[r, i, j] = gram[r, j, i] = value
        W[:] = 0.0
        for v in range(u):
            E0[:] = 0.0
            E1[:] = 0.0
            for i in range(u):
                c = root[r, v, i]
                if c != 0.0:
                    f0, f1 = e[2 * i], e[2 * i + 1]
                    for b in range(B):
                        E0[b] += c * f0[b]
                        E1[b] += c * f1[b]
            for b in range(B):
                W0[b] += E0[b] * E0[b]
                W1[b] += E1[b] * E0[b]
                W2[b] += E1[b] * E1[b]
        for i in range(3):
            left, right = P[i], W[i]
            value = 0.0
            for b in range(B):
                value += left[b] - right[b]
            trace[r, i] = value
            for b in range(B):
                right[b] = 2.0 * right[b] - left[b]
        for i in range(3):
            left = P[i]
            for j in range(3):
                right = W[j]
                value = 0.0
                for b in range(B):
                    value += left[b] * right[b]
                sums[r, i, j] = value
