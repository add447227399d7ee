"""Many fits of a Poisson or binomial model with one intercept for each group, at once.

The likelihood is Laplace's approximation, as glmer's with ``nAGQ = 1`` and glmmTMB's: with eta = X beta + offset +
theta u_g and u_g ~ N(0, 1),

    d(beta, theta) = min over u of { -2 log f(y | u) + u'u } + sum over groups of log(1 + theta^2 sum of W),

W the weights of the canonical link (Bates, Maechler, Bolker & Walker 2015; Breslow & Clayton 1993, equation 5). Groups
are independent given beta and theta, so that every u_g has a Newton iteration of its own, and all responses go through
the same NumPy calls. d is minimised by Newton's method with the exact gradient, whose differences give the Hessian.
d is even in theta: its sign is of no account, and zero is no boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["InterceptModel", "LaplaceFits"]

Array = NDArray[np.float64]

GRADIENT = 1e-5  # of the deviance; at the minimum it is known to about 1e-7
STEP = 1e-4  # of the differences for the Hessian
LONGEST = 2.0  # largest change of a parameter in one iteration
FAR = 30.0  # linear predictors are cut here, where exp still is a number


@dataclass(frozen=True)
class LaplaceFits:
    """Fits to m responses.

    Attributes
    ----------
    beta : array, shape (m, p)
        Fixed effects.
    theta : array, shape (m,)
        Standard deviation of the groups' intercepts.
    deviance : array, shape (m,)
        d at its minimum, up to a constant of the response (without the logs of factorials and binomials).
    means : array, shape (m, n)
        Fitted means (proportions) with the groups' effects at their modes.
    modes : array, shape (m, groups)
        Conditional modes of the groups' effects, on the scale of the linear predictor.
    converged : array of bool, shape (m,)
        Whether the gradient vanished.
    """

    beta: Array
    theta: Array
    deviance: Array
    means: Array
    modes: Array
    converged: NDArray[np.bool_]


@dataclass(frozen=True)
class InterceptModel:
    """y ~ Poisson(exp(eta)), or trials * y ~ Binomial(trials, expit(eta)), with an intercept for each group.

    Attributes
    ----------
    family : str
        "poisson" or "binomial", with its canonical link.
    X : array, shape (n, p)
        Design matrix.
    index : array of int, shape (n,)
        Group of each row, from 0.
    offset, weights : array, shape (n,)
        Offset of eta; prior weights, for a binomial the numbers of trials.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> g = np.repeat(np.arange(30), 8)
    >>> X = np.column_stack([np.ones(240), rng.uniform(-1, 1, 240)])
    >>> model = InterceptModel("poisson", X, g, np.zeros(240), np.ones(240))
    >>> eta = X @ [1.0, 0.5] + rng.normal(0, 0.6, (200, 30))[:, g]
    >>> fits = model.fit(rng.poisson(np.exp(eta)), beta=np.zeros(2), theta=1.0)  # 200 data sets
    >>> bool(fits.converged.all()), fits.beta.mean(axis=0).round(1).tolist(), round(float(fits.theta.mean()), 1)
    (True, [1.0, 0.5], 0.6)
    """

    family: str
    X: Array
    index: NDArray[np.intp]
    offset: Array
    weights: Array

    def fit(self, Y: Array, beta: Array, theta: float, iterations: int = 60) -> LaplaceFits:
        """Fit the model to every row of Y, shape (m, n), from one start."""
        order = np.argsort(self.index, kind="stable")
        rows = replace(
            self,
            X=self.X[order],
            index=self.index[order],
            offset=self.offset[order],
            weights=self.weights[order],
        )
        fits = rows._fit(np.asarray(Y, dtype=float)[:, order], beta, theta, iterations)
        means = np.empty_like(fits.means)
        means[:, order] = fits.means
        return replace(fits, means=means)

    def _fit(self, Y: Array, beta: Array, theta: float, iterations: int) -> LaplaceFits:
        """Fit with rows in the order of the groups."""
        m, p = len(Y), self.X.shape[1]
        _, starts, codes = np.unique(self.index, return_index=True, return_inverse=True)
        phi = np.tile(np.append(beta, theta if theta > 0.05 else 0.3), (m, 1))
        u = np.zeros((m, len(starts)))
        d, gradient, u = self._deviance(phi, u, Y, starts, codes)
        todo, converged = np.arange(m), np.zeros(m, dtype=bool)
        for _ in range(iterations):
            small = np.abs(gradient[todo]).max(axis=1) < GRADIENT * (1 + 0.01 * np.abs(d[todo]))
            converged[todo[small]] = True
            todo = todo[~small]
            if not len(todo):
                break
            step = self._newton(phi[todo], gradient[todo], u[todo], Y[todo], starts, codes)
            waiting, length = todo, 1.0
            while len(waiting) and length > 1e-4:  # halve the step of those that it makes worse
                tried = phi[waiting] + length * step
                found = self._deviance(tried, u[waiting], Y[waiting], starts, codes)
                good = found[0] <= d[waiting] + 1e-9 * (1 + np.abs(d[waiting]))
                here = waiting[good]
                phi[here], d[here], gradient[here], u[here] = tried[good], *(part[good] for part in found)
                waiting, step, length = waiting[~good], step[~good], length / 2
            todo = np.setdiff1d(todo, waiting)  # no way down from there: as good as it gets, or hopeless
        eta = self._eta(phi, u, codes)
        small = np.abs(gradient).max(axis=1) < 100 * GRADIENT * (1 + 0.01 * np.abs(d))
        return LaplaceFits(
            beta=phi[:, :p],
            theta=np.abs(phi[:, p]),
            deviance=d,
            means=self._mean(eta),
            modes=phi[:, p:] * u,
            converged=converged | (small & np.isfinite(d)),
        )

    def _newton(
        self,
        phi: Array,
        gradient: Array,
        u: Array,
        Y: Array,
        starts: NDArray[np.intp],
        codes: NDArray[np.intp],
    ) -> Array:
        """Newton's step with the curvatures made positive, shape (m, p + 1)."""
        m, k = phi.shape
        H = np.empty((m, k, k))
        for j in range(k):
            moved = phi.copy()
            moved[:, j] += STEP
            H[:, j] = (self._deviance(moved, u, Y, starts, codes)[1] - gradient) / STEP
        values, vectors = np.linalg.eigh((H + H.transpose(0, 2, 1)) / 2)
        values = np.maximum(np.abs(values), 1e-3 * np.abs(values).max(axis=1, keepdims=True) + 1e-8)
        along = np.einsum("mkj,mk->mj", vectors, gradient) / values
        step = -np.einsum("mkj,mj->mk", vectors, along)
        return np.asarray(step * np.minimum(1.0, LONGEST / np.abs(step).max(axis=1, keepdims=True)))

    def _eta(self, phi: Array, u: Array, codes: NDArray[np.intp]) -> Array:
        eta = phi[:, :-1] @ self.X.T + self.offset + phi[:, -1:] * u[:, codes]
        return np.clip(eta, -FAR, FAR)

    def _mean(self, eta: Array) -> Array:
        if self.family == "poisson":
            return np.exp(eta)
        from scipy.special import expit

        return np.asarray(expit(eta))

    def _deviance(
        self, phi: Array, u: Array, Y: Array, starts: NDArray[np.intp], codes: NDArray[np.intp]
    ) -> tuple[Array, Array, Array]:
        """d, its gradient in (beta, theta), and the modes, shapes (m,), (m, p + 1), (m, groups)."""
        theta = phi[:, -1:]

        def add(values: Array) -> Array:
            return np.add.reduceat(values, starts, axis=1)

        fixed = phi[:, :-1] @ self.X.T + self.offset
        for _ in range(50):  # each u_g maximises its own concave penalised likelihood
            mu = self._mean(np.clip(fixed + theta * u[:, codes], -FAR, FAR))
            W = self.weights * (mu if self.family == "poisson" else mu * (1 - mu))
            score = theta * add(self.weights * (Y - mu)) - u
            curvature = 1 + theta**2 * add(W)
            step = score / curvature
            u = u + np.clip(step, -3.0, 3.0)
            if np.abs(step).max() < 1e-9:
                break
        eta = np.clip(fixed + theta * u[:, codes], -FAR, FAR)
        mu = self._mean(eta)
        if self.family == "poisson":
            W = self.weights * mu
            dW = W
            loglik = (self.weights * (Y * eta - mu)).sum(axis=1)
        else:
            W = self.weights * mu * (1 - mu)
            dW = W * (1 - 2 * mu)
            loglik = (self.weights * (Y * eta - np.logaddexp(0, eta))).sum(axis=1)
        S = add(W)
        curvature = 1 + theta**2 * S
        d = -2 * loglik + (u**2).sum(axis=1) + np.log(curvature).sum(axis=1)
        e = self.weights * (Y - mu)
        # derivatives of u by the implicit function, and with them those of the determinant
        share = theta**2 / curvature  # of d log(1 + theta^2 S) by S
        T = add(dW)
        gradient = np.empty_like(phi)
        for j, x in enumerate(self.X.T):
            du = -theta * add(W * x) / curvature
            gradient[:, j] = -2 * e @ x + (share * (add(dW * x) + theta * T * du)).sum(axis=1)
        du = (add(e) - theta * u * S) / curvature
        inner = -2 * (add(e) * u).sum(axis=1)
        outer = (share * T * (u + theta * du) + 2 * theta * S / curvature).sum(axis=1)
        gradient[:, -1] = inner + outer
        return d, gradient, u
