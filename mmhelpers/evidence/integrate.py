r"""A gaussian random-intercept model, integrated over its coefficients in closed form and over tau and sigma by nodes.

    y_ij = x_ij' beta + b_i + e_ij,    b_i ~ N(0, tau^2),    e_ij ~ N(0, sigma^2)

Given tau and sigma the coefficients have a normal posterior and the data a normal marginal density, both in closed
form.  What is left, two standard deviations, is integrated by Gauss-Legendre quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mmhelpers.evidence.prior import GridPrior

Float = NDArray[np.float64]

# Nodes of log sigma, of tau, and of log tau further out; three times as many move no log evidence of the tests by 1e-4.
N_SIGMA, N_TAU, N_TAU_FAR = 24, 36, 12
FAR = 6.0  # scales of a half-normal prior beyond which lies 2e-9 of it
WIDE = 7.0  # standard deviations of log sigma to each side


@dataclass(frozen=True)
class Nodes:
    """Nodes (G,) of sigma and tau, and log of quadrature weight times prior density."""

    sigma: Float
    tau: Float
    log_weight: Float


@dataclass(frozen=True)
class Sums:
    """Cross products that the likelihood needs; R responses, less X times the prior mean."""

    n: int
    n_group: Float  # (J,)
    xtx: Float  # (p, p)
    x_group: Float  # (J, p)
    xtr: Float  # (p, R)
    r_group: Float  # (J, R)
    rtr: Float  # (R,)


@dataclass(frozen=True)
class Inside:
    """Of each node and response: log p(y | tau, sigma), and the coefficients' posterior given both."""

    log_marginal: Float  # (G, R)
    mean: Float  # (G, p, R), less the prior mean
    cov: Float  # (G, p, p)


@dataclass(frozen=True)
class GridModel:
    """Data, priors, and the integral; `GridPosterior` is what one asks."""

    y: Float
    X: Float
    x_names: tuple[str, ...]
    group: NDArray[np.intp]
    levels: tuple[str, ...]
    prior: GridPrior

    # --- the model ---------------------------------------------------------------------------------------------

    def drop(self, *names: str) -> Self:
        """Return the posterior of the model without some coefficients, that is with them at 0."""
        for name in names:
            self._column(name)
        keep = [j for j, name in enumerate(self.x_names) if name not in names]
        return replace(self, X=self.X[:, keep], x_names=tuple(self.x_names[j] for j in keep))

    def with_prior(self, **changed: Any) -> Self:
        """Return the posterior under another prior: ``beta`` (the changed ones), ``group_sd``, ``sigma``."""
        beta = {**self.prior.beta, **changed.pop("beta", {})}
        return replace(self, prior=replace(self.prior, beta=beta, **changed))

    def _column(self, name: str) -> int:
        if name not in self.x_names:
            raise ValueError(f"no coefficient is named {name!r}; there are {', '.join(self.x_names)}")
        return self.x_names.index(name)

    @cached_property
    def _mean_sd(self) -> tuple[Float, Float]:
        pairs = np.array([self.prior.beta[name] for name in self.x_names], float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    # --- integration -------------------------------------------------------------------------------------------

    def _sums(self, Y: Float, rows: Any = slice(None)) -> Sums:
        X, R = self.X[rows], (Y - (self.X @ self._mean_sd[0])[:, None])[rows]
        levels, index = np.unique(self.group[rows], return_inverse=True)
        Z = np.zeros((len(X), len(levels)))
        Z[np.arange(len(X)), index] = 1
        return Sums(len(X), Z.sum(axis=0), X.T @ X, Z.T @ X, X.T @ R, Z.T @ R, (R**2).sum(axis=0))

    def _nodes(self, Y: Float, finer: int = 1) -> Nodes:
        """Put nodes where the posteriors of all responses are: log sigma, and tau near and far."""
        J, n, p = len(self.levels), len(self.y), self.X.shape[1]
        Z = np.zeros((n, J))
        Z[np.arange(n), self.group] = 1
        both = np.hstack([Z, self.X])
        rest = Y - both @ np.linalg.lstsq(both, Y, rcond=None)[0]
        df = max(n - np.linalg.matrix_rank(both), 1)
        s = np.sqrt((rest**2).sum(axis=0) / df)
        half = WIDE / np.sqrt(2 * df)
        # with tau near 0, sigma holds what differs between groups, too; below, the likelihood falls as exp(-1 / sigma^2)
        left = Y - self.X @ np.linalg.lstsq(self.X, Y, rcond=None)[0]
        total = np.sqrt((left**2).sum(axis=0).max() / max(n - p, 1))
        low = np.log(max(s.min(), 1e-12)) - half
        high = max(np.log(s.max()) + half, np.log(total) + WIDE / np.sqrt(2 * max(n - p, 1)))
        high = min(high, np.log(FAR * self.prior.sigma))
        low = min(low, high - 1)
        means = (Z.T @ left) / Z.sum(axis=0)[:, None]
        near = min(4 * float(means.std(axis=0).max() + 1e-12), FAR * self.prior.group_sd)
        u, du = np.polynomial.legendre.leggauss(N_SIGMA * finer)
        log_s, w_s = low + (u + 1) * (high - low) / 2, du * (high - low) / 2
        v, dv = np.polynomial.legendre.leggauss(N_TAU * finer)
        tau_near, w_near = (v + 1) * near / 2, dv * near / 2
        v, dv = np.polynomial.legendre.leggauss(N_TAU_FAR * finer)
        ratio = max(
            np.log(FAR * self.prior.group_sd / near), 1e-9
        )  # further out, in the logarithm: a power of tau
        tau_far = near * np.exp((v + 1) * ratio / 2)
        t, wt = np.concatenate([tau_near, tau_far]), np.concatenate([w_near, dv * ratio / 2 * tau_far])
        sigma, taus = (grid.ravel() for grid in np.meshgrid(np.exp(log_s), t, indexing="ij"))
        weight = np.log(w_s)[:, None] + log_s[:, None] + np.log(wt)
        return Nodes(sigma, taus, weight.ravel() + self._log_prior_sd(taus, sigma))

    def _log_prior_sd(self, tau: Float, sigma: Float) -> Float:
        both = np.zeros(np.broadcast(tau, sigma).shape)
        for value, scale in ((tau, self.prior.group_sd), (sigma, self.prior.sigma)):
            both = both + 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (value / scale) ** 2
        return both

    def _inside(self, sums: Sums, tau: Float, sigma: Float) -> Inside:
        s2, t2 = sigma**2, tau**2
        sd = self._mean_sd[1]
        p = len(sd)
        w = t2[:, None] / (s2[:, None] + np.outer(t2, sums.n_group))  # (G, J)
        cross = np.einsum("gj,jp,jq->gpq", w, sums.x_group, sums.x_group, optimize=True)
        A = (sums.xtx - cross) / s2[:, None, None]
        A[:, np.arange(p), np.arange(p)] += 1 / sd**2
        c = sums.xtr - np.einsum("gj,jp,jr->gpr", w, sums.x_group, sums.r_group, optimize=True)
        c /= s2[:, None, None]
        mean = np.linalg.solve(A, c)
        quadratic = (sums.rtr - w @ sums.r_group**2) / s2[:, None] - (c * mean).sum(axis=1)
        log_det = (sums.n - len(sums.n_group)) * np.log(s2) + np.log(
            s2[:, None] + np.outer(t2, sums.n_group)
        ).sum(axis=1)
        log_det = log_det + np.linalg.slogdet(A)[1] + 2 * np.log(sd).sum()
        constant = sums.n * np.log(2 * np.pi)
        return Inside(-0.5 * (constant + log_det[:, None] + quadratic), mean, np.linalg.inv(A))

    def _evidence(self, Y: Float, nodes: Nodes, rows: Any = slice(None)) -> Float:
        inside = self._inside(self._sums(Y, rows), nodes.tau, nodes.sigma)
        return np.asarray(special.logsumexp(nodes.log_weight[:, None] + inside.log_marginal, axis=0))
