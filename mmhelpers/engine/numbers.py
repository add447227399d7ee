"""From the engine's units back to the user's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.criterion import Value
from mmhelpers.engine.design import Design, change_units, theta_to_T
from mmhelpers.engine.optimum import SINGULAR
from mmhelpers.engine.prepare import Prepared
from mmhelpers.engine.satterthwaite import invert_last
from mmhelpers.engine.small import product

Floats = NDArray[np.float64]


def in_user_units(
    design: Design, prepared: Prepared, theta: Floats, value: Value, reml: bool
) -> dict[str, Any]:
    """Back to the user's units; arrays begin with the replicates."""
    n_obs, p, t = prepared.system.n_obs, design.p, design.n_theta
    m = n_obs - p if reml else n_obs
    scale = np.where(prepared.scale > 0, prepared.scale, 1.0)
    with np.errstate(all="ignore"):
        sigma = scale * np.sqrt(value.s / m)
        criterion = value.f + m * (1 + np.log(2 * np.pi * scale**2 / m))
    if reml:
        criterion = criterion + prepared.log_det_XX
    R_inv = np.moveaxis(prepared.R_inv, 0, 2)
    beta = product(R_inv, (prepared.coef + scale * value.beta)[:, None])[:, 0]
    root = product(R_inv, value.C[:p, :p])
    variance = sigma**2
    vcov = variance * product(root, root.transpose(1, 0, 2))
    # In the units of the engine sigma is 1 at its estimate: y is scaled by it.
    H = np.empty((t + 1, t + 1, len(sigma)))
    H[:t, :t] = value.H_full
    H[:t, t] = H[t, :t] = -2 * m / value.s * value.dM[:, p, p]
    H[t, t] = 4 * m
    units = change_units(np.eye(t), design.B)  # d theta / d theta~
    back = np.asarray(np.linalg.inv(units), dtype=float)
    jacobian = np.empty((t + 1, p, p, len(sigma)))
    turned = (back.T @ value.dM[:, :p, :p].reshape(t, p * p * len(sigma))).reshape(t, p, p, len(sigma))
    for i in range(t):
        np.multiply(-variance, product(product(root, turned[i]), root.transpose(1, 0, 2)), out=jacobian[i])
    np.multiply(vcov, 2 / np.where(sigma > 0, sigma, np.nan), out=jacobian[t])
    with np.errstate(all="ignore"):
        hessian = _change(H, back.T, 1 / sigma)
    diagonal = np.array([T[i, i] for T in theta_to_T(theta, design.k) for i in range(len(T))])
    return {
        "theta": change_units(theta, design.B).T,
        "beta": beta.T,
        "sigma": sigma,
        "criterion": criterion,
        "vcov": np.moveaxis(vcov, 2, 0),
        "singular": (np.abs(diagonal) < SINGULAR).any(0),
        "gradient_max": np.abs(value.g).max(0),
        "hessian": np.moveaxis(hessian, 2, 0),
        "vcov_varpar": np.moveaxis(_change(invert_last(H), units, sigma), 2, 0),
        "vcov_jacobian": np.moveaxis(jacobian, 3, 0),
    }


def _change(A: Floats, units: Floats, sigma: Floats) -> Floats:
    """``D A D'`` for symmetric A (t+1, t+1, R) and the block diagonal D of ``units`` (t, t) and sigma (R,)."""
    t = len(units)
    out = np.empty_like(A)
    half = (units @ A[:t, :t].reshape(t, -1)).reshape(t, t, -1).transpose(1, 0, 2)
    out[:t, :t] = (units @ half.reshape(t, -1)).reshape(t, t, -1)
    out[:t, t] = out[t, :t] = (units @ A[:t, t]) * sigma
    np.multiply(A[t, t], sigma * sigma, out=out[t, t])
    return out
