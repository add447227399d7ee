"""From the engine's units back to the user's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.criterion import Value
from mmhelpers.engine.design import Design, change_units, theta_to_T
from mmhelpers.engine.optimum import SINGULAR
from mmhelpers.engine.prepare import Prepared
from mmhelpers.engine.satterthwaite import invert_hessian

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
    R_inv = prepared.R_inv
    beta = (R_inv @ (prepared.coef + scale * value.beta).T[:, :, None])[:, :, 0]
    root = R_inv @ np.moveaxis(value.C[:p, :p], 2, 0)
    vcov = (sigma**2)[:, None, None] * (root @ np.swapaxes(root, 1, 2))
    A = np.moveaxis(value.dM[:, :p, :p], 3, 0)
    inner = root[:, None] @ A @ np.swapaxes(root, 1, 2)[:, None]
    # In the units of the engine sigma is 1 at its estimate: y is scaled by it.
    H = np.empty((len(sigma), t + 1, t + 1))
    H[:, :t, :t] = np.moveaxis(value.H_full, 2, 0)
    H[:, :t, t] = H[:, t, :t] = (-2 * m / value.s * value.dM[:, p, p]).T
    H[:, t, t] = 4 * m
    units = np.zeros((t + 1, t + 1))
    units[:t, :t] = change_units(np.eye(t), design.B)  # d theta / d theta~
    varpar = invert_hessian(H)
    back = np.zeros_like(units)
    back[:t, :t] = np.linalg.inv(units[:t, :t])
    forth = np.repeat(units[None], len(sigma), axis=0)
    forth[:, t, t] = sigma
    inverse = np.repeat(back[None], len(sigma), axis=0)
    with np.errstate(all="ignore"):
        inverse[:, t, t] = 1 / sigma
    jacobian = np.empty((len(sigma), t + 1, p, p))
    jacobian[:, :t] = -(sigma**2)[:, None, None, None] * np.einsum("ji,rjab->riab", back[:t, :t], inner)
    jacobian[:, t] = 2 * vcov / np.where(sigma > 0, sigma, np.nan)[:, None, None]
    diagonal = np.array([T[i, i] for T in theta_to_T(theta, design.k) for i in range(len(T))])
    return {
        "theta": change_units(theta, design.B).T,
        "beta": beta,
        "sigma": sigma,
        "criterion": criterion,
        "vcov": vcov,
        "singular": (np.abs(diagonal) < SINGULAR).any(0),
        "gradient_max": np.abs(value.g).max(0),
        "hessian": np.swapaxes(inverse, 1, 2) @ H @ inverse,
        "vcov_varpar": forth @ varpar @ np.swapaxes(forth, 1, 2),
        "vcov_jacobian": jacobian,
    }
