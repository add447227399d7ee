"""Penalised maximum likelihood of a binomial mixed model, for many responses on one design at once.

The likelihood of locus l integrates the group effects u and the row effects v out of

    y_i ~ Binomial(n_i, p_i),   logit p_i = x_i' beta + sd_group u_g(i) + sd_row v_i,   u, v ~ N(0, 1),

by Laplace's approximation (as lme4's ``glmer`` does), and weak priors are added to its logarithm: Student's t on
each coefficient, half-normal on each standard deviation. The maximum is taken over (beta, log sd), with the Jacobian
of the logarithm, so that a standard deviation is never estimated as zero (Chung et al. 2013 use the same device).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LociFits", "fit_loci"]

Array = NDArray[np.float64]
STEP = 2e-3  # of the finite differences
CHUNK = 500  # loci at a time: what fits into a processor's cache


@dataclass(frozen=True)
class LociFits:
    """Penalised fits of one model at many loci.

    Attributes
    ----------
    beta : (n_loci, p) array
        Coefficients.
    vcov : (n_loci, p, p) array
        Their covariance: the inverse of the curvature at the maximum, the standard deviations' uncertainty included.
    sd_group, sd_row : (n_loci,) array
        Standard deviations of groups and of rows (NaN if the model has no row effect).
    converged : (n_loci,) bool array
        Whether the gradient vanished at a proper maximum; the covariances of the others are NaN.

    Examples
    --------
    >>> fits = fit_loci([[1, 2, 8, 9]], [[10, 10, 10, 10]], np.array([[1, 0], [1, 0], [1, 1], [1, 1]]), list("abcd"))
    >>> fits.contrast([0, 1]).columns.tolist()
    ['estimate', 'se', 'lower', 'upper']
    """

    beta: Array
    vcov: Array
    sd_group: Array
    sd_row: Array
    converged: NDArray[np.bool_]

    def contrast(self, weights: Sequence[float], level: float = 0.95) -> pd.DataFrame:
        """Estimate, standard error and Wald interval of a weighted sum of the coefficients, a row a locus."""
        import pandas as pd
        from scipy.stats import norm

        w = np.asarray(weights, dtype=float)
        if w.shape != self.beta.shape[1:]:
            raise ValueError(f"weights must be {self.beta.shape[1]} numbers, one a coefficient, not {w.size}")
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {level}")
        estimate, z = self.beta @ w, norm.ppf((1 + level) / 2)
        se = np.sqrt(np.einsum("i,lij,j->l", w, self.vcov, w))
        return pd.DataFrame(
            {"estimate": estimate, "se": se, "lower": estimate - z * se, "upper": estimate + z * se}
        )


def fit_loci(
    y: ArrayLike,
    n: ArrayLike,
    X: ArrayLike,
    group: ArrayLike,
    row_effect: bool = True,
    scale: float = 2.5,
    df: float = 7.0,
    sd_scale: float = 1.0,
) -> LociFits:
    """Fit a binomial mixed model with weak priors at many loci at once.

    Parameters
    ----------
    y, n : (n_loci, n_rows) array_like of int
        Successes and trials (methylated reads, and reads).
    X : (n_rows, p) array_like
        Columns of the fixed effects.
    group : (n_rows,) array_like
        The group of each row (its tank).
    row_effect : bool
        Whether each row (oyster) has an effect of its own beside that of its group.
    scale, df : float
        Scale and degrees of freedom of the t prior of each coefficient; ``scale=np.inf`` leaves it out.
    sd_scale : float
        Scale of the half-normal prior of the standard deviations.

    Returns
    -------
    LociFits

    Raises
    ------
    ValueError
        If the arrays do not fit together or have missing values, a count is negative or larger than its number of
        trials, or a scale is not above zero.

    Examples
    --------
    Twelve rows in four groups; at the second locus the treated rows have no success at all.

    >>> y = [[3, 5, 2, 4, 6, 3, 8, 7, 6, 9, 7, 8], [3, 5, 2, 4, 6, 3, 0, 0, 0, 0, 0, 0]]
    >>> X = np.column_stack([np.ones(12), np.repeat([0, 1], 6)])
    >>> fits = fit_loci(y, np.full((2, 12), 10), X, np.repeat(["a", "b", "c", "d"], 3))
    >>> fits.converged.all(), bool(np.isfinite(fits.contrast([0, 1])["se"]).all())
    (np.True_, True)
    """
    counts, trials, columns, member = _checked(y, n, X, group)
    for name, value in (("scale", scale), ("df", df), ("sd_scale", sd_scale)):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value!r}")
    parts = [
        _Laplace(
            counts[k : k + CHUNK], trials[k : k + CHUNK], columns, member, row_effect, scale, df, sd_scale
        )
        for k in range(0, len(counts), CHUNK)
    ]
    found = [part.maximise() for part in parts]
    psi, curvature, converged = (np.concatenate([f[k] for f in found]) for k in range(3))
    p = columns.shape[1]
    safe = np.where(converged[:, None, None], curvature, np.eye(curvature.shape[1]))
    vcov = np.where(converged[:, None, None], np.linalg.inv(safe), np.nan)[:, :p, :p]
    sd_row = np.exp(psi[:, p + 1]) if row_effect else np.full(len(psi), np.nan)
    return LociFits(psi[:, :p], vcov, np.exp(psi[:, p]), sd_row, converged)


def _checked(y: ArrayLike, n: ArrayLike, X: ArrayLike, group: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """Arrays of the right shapes, and the 0/1 matrix of groups."""
    try:
        counts, trials = np.atleast_2d(np.asarray(y, float)), np.atleast_2d(np.asarray(n, float))
        columns = np.asarray(X, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y, n and X must hold numbers ({error})") from None
    if counts.shape != trials.shape:
        raise ValueError(f"y is {counts.shape} and n is {trials.shape}: give them the same loci and rows")
    if columns.ndim != 2 or len(columns) != counts.shape[1] or len(np.asarray(group)) != counts.shape[1]:
        raise ValueError(f"X and group must have a row for each of the {counts.shape[1]} columns of y")
    if not (np.isfinite(counts).all() and np.isfinite(trials).all()):
        raise ValueError("y and n must not have missing values: drop the rows, or set both to 0")
    if not np.isfinite(columns).all():
        raise ValueError("X must not have missing values: drop the rows")
    if (counts < 0).any() or (counts > trials).any():
        raise ValueError("y must be between 0 and n: successes among trials")
    names, index = np.unique(np.asarray(group), return_inverse=True)
    return counts, trials, columns, np.eye(len(names))[index]


class _Laplace:
    """Log posterior of (beta, log sd) with the effects integrated out by Laplace, for some loci at once."""

    def __init__(
        self, y: Array, n: Array, X: Array, G: Array, rows: bool, scale: float, df: float, sd: float
    ):
        self.y, self.n, self.X, self.G, self.rows = y, n, X, G, rows
        self.scale, self.df, self.sd = scale, df, sd
        self.u, self.v = np.zeros((len(y), G.shape[1])), np.zeros(y.shape)

    def value(self, psi: Array, which: Any = slice(None), keep: bool = False) -> Array:
        """Log posterior at psi (a row a locus of `which`), starting from the last modes of the effects."""
        p, y, n, G = self.X.shape[1], self.y[which], self.n[which], self.G
        su = np.exp(psi[:, p])[:, None]
        sv = np.exp(psi[:, p + 1])[:, None] if self.rows else np.zeros_like(su)
        fixed, u, v = psi[:, :p] @ self.X.T, self.u[which], self.v[which]
        for _ in range(50):  # Newton; the matrix is diagonal in v, and what is left diagonal in u
            q = 1 / (1 + np.exp(-(fixed + su * (u @ G.T) + sv * v)))
            W = n * q * (1 - q)
            D = 1 + sv**2 * W
            S = 1 + su**2 * ((W / D) @ G)
            gv, gu = sv * (y - n * q) - v, su * ((y - n * q) @ G) - u
            du = (gu - su * sv * ((W * gv / D) @ G)) / S
            dv = (gv - su * sv * W * (du @ G.T)) / D
            largest = np.maximum(np.abs(du).max(1), np.abs(dv).max(1))
            short = np.minimum(1, 2 / np.maximum(largest, 1e-300))[:, None]
            u, v = u + short * du, v + short * dv
            if largest.max() < 1e-7:
                break
        eta = fixed + su * (u @ G.T) + sv * v
        q = 1 / (1 + np.exp(-eta))
        W = n * q * (1 - q)
        D = 1 + sv**2 * W
        S = 1 + su**2 * ((W / D) @ G)
        if keep:
            self.u[which], self.v[which] = u, v
        log_lik = (y * eta - n * np.logaddexp(0, eta)).sum(1) - (u**2).sum(1) / 2 - (v**2).sum(1) / 2
        out: Array = log_lik - np.log(D).sum(1) / 2 - np.log(S).sum(1) / 2 + self.prior(psi)
        return out

    def prior(self, psi: Array) -> Array:
        """Log density of the priors of beta and of log sd, up to a constant."""
        beta, log_sd = psi[:, : self.X.shape[1]], psi[:, self.X.shape[1] :]
        on_sd = log_sd - np.exp(2 * log_sd) / (2 * self.sd**2)
        on_beta = -(self.df + 1) / 2 * np.log1p((beta / self.scale) ** 2 / self.df)
        total: Array = on_sd.sum(1) + on_beta.sum(1)
        return total

    def derivatives(self, psi: Array, which: Any) -> tuple[Array, Array, Array]:
        """Value, gradient and curvature (minus the second derivatives), by central differences."""
        k = psi.shape[1]
        f0 = self.value(psi, which, keep=True)
        step = STEP * np.eye(k)
        plus = [self.value(psi + s, which) for s in step]
        minus = [self.value(psi - s, which) for s in step]
        gradient = np.stack([(a - b) / (2 * STEP) for a, b in zip(plus, minus, strict=True)], axis=1)
        H = np.empty((len(psi), k, k))
        for i in range(k):
            H[:, i, i] = plus[i] - 2 * f0 + minus[i]
            for j in range(i):
                both = self.value(psi + step[i] + step[j], which) + self.value(psi - step[i] - step[j], which)
                H[:, i, j] = H[:, j, i] = (both - plus[i] - minus[i] - plus[j] - minus[j] + 2 * f0) / 2
        return f0, gradient, -H / STEP**2

    def maximise(self, most: int = 60) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Newton's method with the curvature made positive and the step halved where needed."""
        p = self.X.shape[1]
        logits = np.log((self.y + 0.5) / (self.n - self.y + 0.5))
        start = np.linalg.lstsq(self.X, logits.T, rcond=None)[0].T
        psi = np.column_stack([start, np.full((len(start), 1 + self.rows), np.log(0.5))])
        curvature = np.tile(np.eye(psi.shape[1]), (len(psi), 1, 1))
        active, converged = np.ones(len(psi), bool), np.zeros(len(psi), bool)
        for _ in range(most):
            which = np.flatnonzero(active)
            f0, gradient, H = self.derivatives(psi[which], which)
            values, vectors = np.linalg.eigh(H)
            projected = np.einsum("lji,lj->li", vectors, gradient)
            step = np.einsum("lij,lj->li", vectors, projected / np.maximum(np.abs(values), 0.05))
            curvature[which] = H
            done = (np.abs(gradient).max(1) < 1e-4) & (values.min(1) > 1e-6)
            converged[which], active[which] = done, ~done
            which, f0, step = which[~done], f0[~done], step[~done]
            if not len(which):
                break
            step *= np.minimum(1, 1.5 / np.linalg.norm(step, axis=1))[:, None]
            psi[which] = self._halved(psi[which], step, f0, which)
        psi[:, p:] = np.clip(psi[:, p:], -30, 30)
        return psi, curvature, converged

    def _halved(self, psi: Array, step: Array, f0: Array, which: NDArray[np.intp]) -> Array:
        """Go as far along the step as the log posterior grows."""
        length = np.ones(len(psi))
        for _ in range(8):
            worse = ~(self.value(psi + length[:, None] * step, which) > f0 - 1e-9)
            if not worse.any():
                break
            length[worse] /= 2
        new: Array = psi + length[:, None] * step
        return new
