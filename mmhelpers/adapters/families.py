"""Response distributions as the diagnostics need them: inverse link, variance, and random draws.

The mean-variance relations are those of McCullagh & Nelder (1989), Table 2.1; the negative binomial is
parametrised as glm.nb, nbinom2 and statsmodels' NB2: Var(y) = mu + mu^2 / size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..simulation import NegativeBinomial, Poisson

__all__ = ["Family"]

Array = NDArray[np.float64]


def _expit(eta: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(eta), dtype=float)


def _probit(eta: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(eta), dtype=float)


_INVERSE_LINK: dict[str, Callable[[Array], Array]] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": _expit,
    "probit": _probit,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "inverse": lambda eta: 1.0 / eta,
    "inverse_squared": lambda eta: 1.0 / np.sqrt(eta),
    "sqrt": np.square,
}


@dataclass(frozen=True)
class Family:
    """A response distribution with its link.

    Attributes
    ----------
    name : str
        "gaussian", "binomial", "poisson", "negative binomial", "gamma" or "beta"; "negative binomial 1" (variance
        proportional to the mean), "beta-binomial"; "truncated poisson" and "truncated negative binomial" (no zeros);
        others (a zero-inflated one) are named, and their variances and draws come from the engine.
    link : str
        "identity", "log", "logit", "probit", "cloglog", "inverse", "inverse_squared" or "sqrt".
    dispersion : float
        sigma^2 of a gaussian, the squared coefficient of variation of a gamma, phi of a quasi family;
        1 for the others.
    size : float
        Size (the reciprocal of alpha) of a negative binomial, precision of a beta or beta-binomial; phi of a
        negative binomial 1, whose variance is mu (1 + phi); NaN for the others.

    Examples
    --------
    >>> Family("poisson", "log").inverse_link(np.array([0.0]))
    array([1.])
    """

    name: str
    link: str
    dispersion: float = 1.0
    size: float = float("nan")

    @property
    def discrete(self) -> bool:
        """Whether responses have ties by nature, so that quantile residuals must be randomised."""
        return "binomial" in self.name or "poisson" in self.name or self.name == "bernoulli"

    @property
    def truncated(self) -> bool:
        """Whether zeros were cut off: `mean` is then above the mean before the cut."""
        return self.name.startswith("truncated ")

    def mean(self, mu: Array) -> Array:
        """Mean of the response where the linear predictor gives `mu`: `mu` itself, unless zeros were cut off."""
        if not self.truncated:
            return mu
        if self.name == "truncated poisson":
            return np.asarray(mu / -np.expm1(-mu), dtype=float)
        return np.asarray(mu / -np.expm1(-self.size * np.log1p(mu / self.size)), dtype=float)

    def inverse_link(self, eta: Array) -> Array:
        """Mean for a linear predictor `eta` of any shape."""
        if self.link not in _INVERSE_LINK:
            known = ", ".join(sorted(_INVERSE_LINK))
            raise ValueError(f"link is {self.link!r}, which is not one of those known here: {known}")
        return np.asarray(_INVERSE_LINK[self.link](np.asarray(eta, dtype=float)), dtype=float)

    def variance(self, mu: Array, weights: Array | float = 1.0) -> Array:
        """Variance of the response around its mean `mu`.

        Parameters
        ----------
        mu : array
            Means; for a binomial, expected proportions.
        weights : array or float
            Prior weights: the numbers of trials for a binomial, precision weights elsewhere.
        """
        mu = np.asarray(mu, dtype=float)
        unit: dict[str, Any] = {
            "gaussian": lambda: np.ones_like(mu),
            "binomial": lambda: mu * (1 - mu),
            "poisson": lambda: mu,
            "negative binomial": lambda: mu + mu**2 / self.size,
            "negative binomial 1": lambda: mu * (1 + self.size),
            "beta-binomial": lambda: mu * (1 - mu) * (self.size + weights) / (self.size + 1),
            "gamma": lambda: mu**2,
            "beta": lambda: mu * (1 - mu) / (1 + self.size),
        }
        if self.name not in unit:
            raise ValueError(f"family is {self.name!r}; a variance function is known for {', '.join(unit)}")
        return np.asarray(self.dispersion * unit[self.name]() / weights, dtype=float)

    def zero_probability(self, mu: Array, weights: Array | float = 1.0) -> Array:
        """Probability of a zero where the mean is `mu` (a proportion for a binomial, of `weights` trials)."""
        mu = np.asarray(mu, dtype=float)
        if self.name == "poisson":
            return np.asarray(np.exp(-mu))
        if self.name == "negative binomial":
            return np.asarray((self.size / (self.size + mu)) ** self.size)
        if self.name == "binomial":
            return np.asarray((1 - mu) ** np.asarray(weights, dtype=float))
        return np.zeros_like(mu)

    def tails(
        self, y: Array, mu: Array, weights: Array | float = 1.0
    ) -> tuple[tuple[Array, Array], tuple[Array, Array]] | None:
        """Probabilities around a response of a discrete distribution: (P(Y < y), P(Y <= y)), (P(Y >= y), P(Y > y)).

        Parameters
        ----------
        y, mu : array, shape (n,)
            Responses and their means; proportions for a binomial.
        weights : array or float
            Numbers of trials of a binomial.

        Returns
        -------
        pair of pairs of arrays, or None
            None for distributions other than the Poisson, the binomial and the negative binomial.
        """
        from scipy.special import betainc, gammainc, gammaincc

        if self.name not in {"poisson", "binomial", "negative binomial"}:
            return None
        mu = np.asarray(mu, dtype=float)
        trials = np.broadcast_to(np.rint(weights), mu.shape) if self.name == "binomial" else np.inf
        counts = np.rint(y * trials) if self.name == "binomial" else np.asarray(y, dtype=float)

        def up_to(k: Array) -> tuple[Array, Array]:
            """P(Y <= k) and P(Y > k)."""
            inside = (k >= 0) & (k < trials)
            at = np.where(inside, k, 0.0)
            if self.name == "poisson":
                lower, upper = gammaincc(at + 1, mu), gammainc(at + 1, mu)
            elif self.name == "binomial":
                rest = np.where(inside, trials - at, 1.0)
                lower, upper = betainc(rest, at + 1, 1 - mu), betainc(at + 1, rest, mu)
            else:
                share = self.size / (self.size + mu)
                lower, upper = betainc(self.size, at + 1, share), betainc(at + 1, self.size, 1 - share)
            all_of_it = (k >= 0).astype(float)
            return np.where(inside, lower, all_of_it), np.where(inside, upper, 1 - all_of_it)

        (below, from_here), (here, above) = up_to(counts - 1), up_to(counts)
        return (below, here), (from_here, above)

    def draw(self, mu: Array, weights: Array, rng: np.random.Generator) -> Array:
        """Draw responses with mean `mu`.

        Parameters
        ----------
        mu : array, shape (..., n)
            Means; proportions for a binomial.
        weights : array, shape (n,)
            Prior weights; for a binomial the numbers of trials.
        rng : numpy.random.Generator
            Source of the randomness.

        Returns
        -------
        array, shape of `mu`
            Responses; proportions for a binomial.
        """
        if self.name == "gaussian":
            return mu + rng.standard_normal(mu.shape) * np.sqrt(self.dispersion / weights)
        if self.name == "binomial":
            trials = np.broadcast_to(weights, mu.shape)
            return np.asarray(rng.binomial(np.rint(trials).astype(np.int64), mu) / trials, dtype=float)
        if self.name == "poisson":
            return rng.poisson(mu).astype(float)
        if self.name == "negative binomial":
            return rng.negative_binomial(self.size, self.size / (self.size + mu)).astype(float)
        if self.name == "negative binomial 1":
            return rng.negative_binomial(mu / self.size, 1 / (1 + self.size)).astype(float)
        if self.name == "beta-binomial":
            trials = np.broadcast_to(weights, mu.shape)
            share = rng.beta(mu * self.size, (1 - mu) * self.size)
            return np.asarray(rng.binomial(np.rint(trials).astype(np.int64), share) / trials, dtype=float)
        if self.truncated:
            cut = Poisson() if self.name == "truncated poisson" else NegativeBinomial(self.size)
            return cut.positive(rng, mu)
        if self.name == "gamma":
            shape = weights / self.dispersion
            return np.asarray(rng.gamma(np.broadcast_to(shape, mu.shape), mu / shape), dtype=float)
        if self.name == "beta":
            return np.asarray(rng.beta(mu * self.size, (1 - mu) * self.size), dtype=float)
        raise ValueError(
            f"responses of family {self.name!r} cannot be drawn here; pass simulated responses as an array"
        )
