"""Families made from another by changing its zeros: inflated, truncated, hurdle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from mmhelpers.simulation.families import (
    BetaBinomial,
    Binomial,
    Family,
    Floats,
    NegativeBinomial,
    Poisson,
    check_number,
)


@dataclass(frozen=True)
class Zeros(Family):
    """A family made from another one by changing its zeros."""

    base: Family

    def __post_init__(self) -> None:
        if not isinstance(self.base, (Poisson, NegativeBinomial, Binomial)):
            raise ValueError(
                f"{type(self).__name__}: give a family of counts, such as Poisson(), not {self.base!r}"
            )

    def linkinv(self, eta: Floats) -> Floats:
        """Return the mean of the family before its zeros are changed."""
        return self.base.linkinv(eta)

    def resolve(self, column: Callable[[str], Any], n: int) -> Self:
        """Replace names of columns by their values."""
        return replace(self, base=self.base.resolve(column, n))


@dataclass(frozen=True)
class ZeroInflated(Zeros):
    """Zero with probability p, otherwise a draw from the base family (which may be zero too).

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.ZeroInflated(mm.Poisson(), p=0.25).mean(np.array([4.0]))
    array([3.])
    """

    p: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("ZeroInflated", "p", self.p, -1e-300, 1, "a probability from 0 to below 1")

    def mean(self, mu: Floats) -> Floats:
        """Return (1 - p) times the base's mean."""
        return (1 - self.p) * self.base.mean(mu)

    def variance(self, mu: Floats) -> Floats:
        """Return the variance of the mixture."""
        m = self.base.mean(mu)
        return (1 - self.p) * (self.base.variance(mu) + self.p * m**2)

    def zero(self, mu: Floats) -> Floats:
        """Return p + (1 - p) times the base's probability of zero."""
        return self.p + (1 - self.p) * self.base.zero(mu)

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts."""
        return np.where(rng.random(mu.shape) < self.p, 0.0, self.base.sample(rng, mu))


@dataclass(frozen=True)
class Truncated(Zeros):
    """The base family given that it is not zero.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.Truncated(mm.Poisson()).mean(np.array([1.0])).round(3)
    array([1.582])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.base, BetaBinomial):
            raise ValueError(f"{type(self).__name__}: BetaBinomial cannot be truncated at zero")

    def mean(self, mu: Floats) -> Floats:
        """Return the base's mean over its probability of not being zero."""
        return self.base.mean(mu) / (1 - self.base.zero(mu))

    def variance(self, mu: Floats) -> Floats:
        """Return the variance given that there is no zero."""
        second = (self.base.variance(mu) + self.base.mean(mu) ** 2) / (1 - self.base.zero(mu))
        return second - self.mean(mu) ** 2

    def zero(self, mu: Floats) -> Floats:
        """Return 0."""
        return np.zeros_like(mu)

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts above zero."""
        return self.base.positive(rng, mu)


@dataclass(frozen=True)
class Hurdle(Truncated):
    """Zero with probability p, otherwise a draw from the base family truncated at zero.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> mm.Hurdle(mm.Poisson(), p=0.3).zero(np.array([4.0]))
    array([0.3])
    """

    p: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("Hurdle", "p", self.p, -1e-300, 1, "a probability from 0 to below 1")

    def mean(self, mu: Floats) -> Floats:
        """Return (1 - p) times the truncated mean."""
        return (1 - self.p) * super().mean(mu)

    def variance(self, mu: Floats) -> Floats:
        """Return the variance of the mixture of zero and the truncated family."""
        positive = Truncated(self.base)
        return (1 - self.p) * (positive.variance(mu) + self.p * positive.mean(mu) ** 2)

    def zero(self, mu: Floats) -> Floats:
        """Return p."""
        return np.full_like(mu, self.p)

    def sample(self, rng: np.random.Generator, mu: Floats) -> Floats:
        """Draw counts."""
        return np.where(rng.random(mu.shape) < self.p, 0.0, super().sample(rng, mu))
