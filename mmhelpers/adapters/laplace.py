"""Many refits of a Poisson or binomial model with one intercept for each group, at once.

The likelihood is Laplace's approximation, as glmer's with ``nAGQ = 1`` and glmmTMB's; `mmhelpers.glmm` has it and
maximises it. Here the rows of a fitted model go in, and fitted means and modes come out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..glmm.cells import add_up
from ..glmm.families import canonical
from ..glmm.maximise import maximise

__all__ = ["InterceptModel", "LaplaceFits"]

Array = NDArray[np.float64]


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
        -2 log-likelihood at its maximum, up to a constant of the response (without the logs of factorials and binomials).
    means : array, shape (m, n)
        Fitted means (proportions) with the groups' effects at their modes.
    modes : array, shape (m, groups)
        Conditional modes of the groups' effects, on the scale of the linear predictor.
    converged : array of bool, shape (m,)
        Whether the iteration came to rest.
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
        """Fit the model to every row of Y, shape (m, n), from one start.

        Parameters
        ----------
        Y : array, shape (m, n)
            Counts, or proportions of the trials.
        beta : array, shape (p,)
        theta : float
            Where to begin; a standard deviation near zero is replaced by one that can be left.
        iterations : int
            Steps of Newton's, at most.

        Raises
        ------
        ValueError
            If the family is neither of the two.
        """
        family = canonical(self.family)
        Y = self.weights * np.asarray(Y, dtype=float)
        group = np.unique(self.index, return_inverse=True)[1].ravel()
        data, cell = add_up(family, Y, self.X, group, self.weights, self.offset)
        start = np.tile(np.append(beta, theta if theta > 0.05 else 0.3), (len(Y), 1))
        top = maximise(data, start, 1, iterations=iterations)
        modes = top.psi[:, -1:] * top.modes
        eta = top.psi[:, :-1] @ data.x.T + data.offset + data.spread(modes)
        return LaplaceFits(
            beta=top.psi[:, :-1],
            theta=np.abs(top.psi[:, -1]),
            deviance=-2 * top.value,
            means=family.mean(eta)[:, cell],
            modes=modes,
            converged=top.converged,
        )
