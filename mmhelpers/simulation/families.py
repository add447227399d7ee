"""Distributions of a response given its linear predictor, each with its moments.

A family turns the conditional mean ``mu = linkinv(X beta + Z b + offset)`` into draws. Counts have a log
link, proportions a logit link. Families made from these by changing their zeros are in `zeros`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def check_number(owner: str, name: str, value: Any, low: float, high: float, what: str) -> None:
    """Refuse what is not a number between two bounds."""
    ok = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and low < value < high
    if not ok:
        raise ValueError(f"{owner}: {name} must be {what}, not {value!r}")


@dataclass(frozen=True)
class Family:
    """What every family has; see `Poisson` for an example."""

    def linkinv(self, eta: Floats) -> Floats:
        """Return the mean that belongs to a linear predictor (log link)."""
        with np.errstate(over="ignore"):
            return np.exp(eta)

    def mean(self, mu: Floats) -> Floats:
        """Return the mean of the response."""
        return mu

    def variance(self, mu: Floats) -> Floats:
        """Return the variance of the response."""
        raise self._alone("variance")

    def zero(self, mu: Floats) -> Floats:
        """Return the probability of a zero."""
        raise self._alone("probability of a zero")

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw one response for each mean."""
        raise self._alone("draws")

    def positive(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw one response above zero for each mean."""
        raise ValueError(f"{type(self).__name__} cannot be truncated at zero")

    def _alone(self, what: str) -> ValueError:
        """Say why a family whose spread is in the Truth cannot answer by itself."""
        name = type(self).__name__
        return ValueError(
            f"{name} alone has no {what}: its residual variance is in the Truth; use mm.simulate"
        )

    def resolve(self, column: Callable[[str], Any], n: int) -> Self:
        """Replace names of columns by their values."""
        return self


@dataclass(frozen=True)
class Gaussian(Family):
    """Normal response, identity link; its residual variance is in the `Truth`.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.Truth("y ~ 1", beta={"(Intercept)": 3}, sigma=2).family
    Gaussian()
    """

    def linkinv(self, eta: Floats) -> Floats:
        """Return the linear predictor itself."""
        return eta


@dataclass(frozen=True)
class Poisson(Family):
    """Counts with variance equal to the mean, log link.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.Poisson().sample(np.random.default_rng(1), np.array([0.5, 5.0, 50.0]))
    array([ 0.,  6., 51.])
    """

    def variance(self, mu: Floats) -> Floats:
        """Return mu."""
        return mu

    def zero(self, mu: Floats) -> Floats:
        """Return exp(-mu)."""
        return np.exp(-mu)

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts."""
        return rng.poisson(mu).astype(float)

    def positive(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts above zero: the first event of a Poisson process in (0, mu), then the rest."""
        first = -np.log1p(rng.random(mu.shape) * np.expm1(-mu))
        return np.asarray(1.0 + rng.poisson(np.maximum(mu - first, 0.0)), dtype=float)


@dataclass(frozen=True)
class NegativeBinomial(Family):
    """Counts with variance mu + mu^2 / shape, log link (glmmTMB's ``nbinom2``).

    Attributes
    ----------
    shape : float
        Above zero; the smaller, the more overdispersed.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.NegativeBinomial(shape=2).variance(np.array([4.0]))
    array([12.])
    """

    shape: float

    def __post_init__(self) -> None:
        check_number("NegativeBinomial", "shape", self.shape, 0, np.inf, "a number above 0")

    def variance(self, mu: Floats) -> Floats:
        """Return mu + mu^2 / shape."""
        return mu + mu**2 / self.shape

    def zero(self, mu: Floats) -> Floats:
        """Return (1 + mu / shape)^-shape."""
        return np.asarray(np.exp(-self.shape * np.log1p(mu / self.shape)))

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts: a Poisson whose mean is gamma distributed."""
        return rng.poisson(rng.gamma(self.shape, mu / self.shape)).astype(float)

    def positive(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts above zero, as a Poisson number of clusters of logarithmic size.

        The clusters come at rate shape * log(1 + mu / shape) (Quenouille 1949); the first one is
        there, those after it are a negative binomial of smaller shape.
        """
        rate = self.shape * np.log1p(mu / self.shape)
        first = -np.log1p(rng.random(mu.shape) * np.expm1(-rate))
        left = self.shape * np.maximum(1.0 - first / np.maximum(rate, np.finfo(float).tiny), 0.0)
        rest = rng.poisson(rng.gamma(left, mu / self.shape))
        return (rng.logseries(mu / (mu + self.shape)) + rest).astype(float)


@dataclass(frozen=True)
class Binomial(Family):
    """Number of successes in a number of trials, logit link.

    Attributes
    ----------
    trials : int or str
        A number, or the column that has it.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.Binomial(trials=10).mean(np.array([0.25]))
    array([2.5])
    """

    trials: Any = 1

    def __post_init__(self) -> None:
        if not isinstance(self.trials, str):
            values = np.asarray(self.trials)
            if values.dtype.kind not in "iuf" or (values < 1).any() or (values != np.floor(values)).any():
                raise ValueError(
                    f"{type(self).__name__}: trials must be a whole number of at least 1 or the name of a "
                    f"column, not {self.trials!r}"
                )

    def linkinv(self, eta: Floats) -> Floats:
        """Return the probability of success."""
        return np.asarray(np.exp(-np.logaddexp(0.0, -eta)))

    def mean(self, mu: Floats) -> Floats:
        """Return trials times the probability."""
        return np.asarray(self.trials * mu)

    def variance(self, mu: Floats) -> Floats:
        """Return trials * mu * (1 - mu)."""
        return np.asarray(self.trials * mu * (1 - mu))

    def zero(self, mu: Floats) -> Floats:
        """Return (1 - mu)^trials."""
        return np.asarray((1 - mu) ** self.trials)

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw numbers of successes."""
        return rng.binomial(np.asarray(self.trials, dtype=np.int64), mu).astype(float)

    def positive(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw numbers of successes above zero: the trial of the first success, then the rest."""
        log_failure = np.log1p(-np.minimum(mu, 1 - 1e-16))
        u = rng.random(mu.shape)
        first = np.ceil(np.log1p(u * np.expm1(self.trials * log_failure)) / log_failure)
        first = np.clip(first, 1, self.trials)
        return np.asarray(
            1.0 + rng.binomial(np.asarray(self.trials - first, dtype=np.int64), mu), dtype=float
        )

    def resolve(self, column: Callable[[str], Any], n: int) -> Self:
        """Look up the number of trials of each row."""
        return replace(self, trials=np.asarray(column(self.trials))) if isinstance(self.trials, str) else self


@dataclass(frozen=True)
class BetaBinomial(Binomial):
    """Successes in trials whose probability is beta distributed (overdispersed), logit link.

    Attributes
    ----------
    trials : int or str
        A number, or the column that has it.
    phi : float
        Precision: the probability is Beta(mu phi, (1 - mu) phi); the larger, the closer to binomial.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.BetaBinomial(trials=10, phi=4).variance(np.array([0.5]))
    array([7.])
    """

    phi: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("BetaBinomial", "phi", self.phi, 0, np.inf, "a number above 0")

    def variance(self, mu: Floats) -> Floats:
        """Return trials mu (1 - mu) (phi + trials) / (phi + 1)."""
        return np.asarray(self.trials * mu * (1 - mu) * (self.phi + self.trials) / (self.phi + 1))

    def zero(self, mu: Floats) -> Floats:
        """Return B(mu phi, (1 - mu) phi + trials) / B(mu phi, (1 - mu) phi)."""
        from scipy.special import betaln

        a, b = mu * self.phi, (1 - mu) * self.phi
        return np.asarray(np.exp(betaln(a, b + self.trials) - betaln(a, b)))

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw numbers of successes."""
        tiny = np.finfo(float).tiny
        p = rng.beta(np.maximum(mu * self.phi, tiny), np.maximum((1 - mu) * self.phi, tiny))
        return rng.binomial(np.asarray(self.trials, dtype=np.int64), p).astype(float)

    def positive(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Refuse: not offered."""
        raise ValueError("BetaBinomial cannot be truncated at zero")
