r"""One grouping factor, balanced: REML and ML estimates in closed form.

Where every group has the same ``Z_i'Z_i = F F'`` and the fixed effects split into a part within groups,
orthogonal to Z, and a part ``B (x) I_k`` between them (an intercept and a slope that are random and fixed;
with or without all their interactions with factors between groups), least squares is generalised least
squares for all theta, and the criterion depends on ``Gamma = I + F'GF`` alone:

    f = (m - b) log|Gamma| + N log(RSS_W + tr(Gamma^{-1} S)) + constant         (b = 0 under ML)

with m groups, b columns of B, S (k x k) the sum of squares and products between groups and RSS_W that within.
Gamma has the eigenvectors of S, and its eigenvalues are ``d_j / ((m - b) sigma^2)`` where these exceed 1; the
others are 1 and their d_j are pooled with RSS_W, the smallest first. For k = 1 these are the ANOVA
estimators with their truncation at zero (Searle, Casella & McCulloch 1992, section 4.5); for k > 1 see
Amemiya (1985), Am. Stat. 39, 112-117.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.design import T_to_theta
from mmhelpers.engine.pooled import Plan, Pooled

Floats = NDArray[np.float64]


def applies(plan: Plan) -> bool:
    """Whether the design has a closed form."""
    if len(plan.design.k) != 1 or len(plan.stacks) != 1:
        return False
    stack = plan.stacks[0]
    d, r, B = stack.F.shape
    if B != 1 or d != r or len(stack.slots) != 1 or not stack.rest:
        return False
    rho = stack.gx.shape[1]
    between = stack.gx[:, :, 0].reshape(r * rho, plan.design.p)
    p = plan.design.p
    ranks = [np.linalg.matrix_rank(part, tol=1e-9) if part.size else 0 for part in (between, plan.Mxx)]
    within = plan.design.n - p - r * (int(stack.copies[0]) - rho)
    return ranks == [r * rho, p - r * rho] and within > 0


def solve(system: Pooled, reml: bool) -> Floats:
    """Theta (t, R) at the optimum, in the engine's units.

    Parameters
    ----------
    system : Pooled
        Of a design for which `applies` is true.
    reml : bool

    Returns
    -------
    ndarray, shape (t, R)
    """
    stack = system.plan.stacks[0]
    k, rho = stack.F.shape[0], stack.gx.shape[1]
    S, rss = system.S[0][:, :, 0], system.M[-1]
    m = stack.copies[0] - rho if reml else stack.copies[0]
    N = system.n_obs - system.design.p if reml else system.n_obs
    F_inv = stack.gathers[0].F_inv
    value, vector = _eigen(S)  # ascending
    sigma2 = rss / (N - k * m)
    pooled = rss.copy()
    interior = np.ones((k, S.shape[2]), dtype=bool)
    for j in range(k):
        drop = value[j] <= m * sigma2
        if j:
            drop &= ~interior[j - 1]
        interior[j] = ~drop
        pooled = pooled + np.where(drop, value[j], 0.0)
        sigma2 = np.where(drop, pooled / (N - (k - 1 - j) * m), sigma2)
    excess = np.where(interior, value / (m * sigma2) - 1.0, 0.0)
    if k == 1:
        return np.asarray(np.sqrt(np.maximum(excess, 0.0)) * abs(F_inv[0, 0]))
    root = np.einsum("ji,jlR->ilR", F_inv, vector) * np.sqrt(np.maximum(excess, 0.0))
    return T_to_theta([_triangle(root)])


def _eigen(S: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (k, R), ascending, and eigenvectors (k, k, R) of symmetric matrices."""
    k = len(S)
    if k == 1:
        return S[0], np.ones_like(S)
    if k == 2:
        half = 0.5 * (S[0, 0] - S[1, 1])
        mean = 0.5 * (S[0, 0] + S[1, 1])
        spread = np.hypot(half, S[0, 1])
        # the eigenvector of the larger value from the half angle, without cancellation
        angle = 0.5 * np.arctan2(S[0, 1], half)
        c, s = np.cos(angle), np.sin(angle)
        high = mean + spread
        det = S[0, 0] * S[1, 1] - S[0, 1] ** 2
        low = np.where(high > 0, np.minimum(det / np.where(high > 0, high, 1.0), high), 0.0)
        return np.stack([low, high]), np.stack([np.stack([-s, c]), np.stack([c, s])])
    value, vector = np.linalg.eigh(np.moveaxis(S, 2, 0))
    return np.ascontiguousarray(value.T), np.ascontiguousarray(np.moveaxis(vector, 0, 2))


def _triangle(root: Floats) -> Floats:
    """Lower triangular T (k, k, R) with T T' = root root', by Givens rotations of the columns of root.

    Working on the root, not on the product, keeps the digits of small singular values.
    """
    T = root.copy()
    k = len(T)
    for i in range(k):
        for j in range(i + 1, k):
            a, b = T[i, i].copy(), T[i, j].copy()
            h = np.hypot(a, b)
            zero = h == 0
            c = np.where(zero, 1.0, a / np.where(zero, 1.0, h))
            s = np.where(zero, 0.0, b / np.where(zero, 1.0, h))
            left, right = T[:, i].copy(), T[:, j].copy()
            T[:, i] = c * left + s * right
            T[:, j] = c * right - s * left
            T[i, j] = 0.0
    return T
