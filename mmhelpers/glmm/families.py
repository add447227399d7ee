"""Families with their canonical links, as the likelihood of a group needs them.

The logarithm of a density is ``y eta - weight b(eta)`` up to a constant: a binomial has ``y`` successes of ``weight``
trials and b = log(1 + e^eta); a Poisson count is a sum over ``weight`` rows and has b = e^eta (McCullagh & Nelder 1989,
Table 2.1). The derivatives of b are mean, variance and third cumulant of one trial or row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["BINOMIAL", "LARGEST", "POISSON", "Canonical", "canonical"]

FloatArray = NDArray[np.float64]
#: linear predictors of counts are cut here, where the mean still is a number, and so are its products
LARGEST = 36.0


@dataclass(frozen=True)
class Canonical:
    """One of the two families.

    Attributes
    ----------
    name : str
        "binomial" or "poisson".
    """

    name: str

    def cumulant(self, eta: FloatArray) -> FloatArray:
        """Return b(eta), any shape."""
        if self.name == "binomial":
            return np.asarray(np.logaddexp(0.0, eta))
        b = self.mean(eta)
        if eta.max(initial=0.0) > LARGEST:  # a straight line goes on from there, so that less still is better
            b *= 1.0 + np.maximum(eta - LARGEST, 0.0)
        return b

    def mean(self, eta: FloatArray) -> FloatArray:
        """Return b'(eta): a probability, or a mean count."""
        return np.asarray(expit(eta) if self.name == "binomial" else np.exp(np.minimum(eta, LARGEST)))

    def variance(self, mu: FloatArray) -> FloatArray:
        """Return b'' where the mean is `mu`."""
        return mu * (1.0 - mu) if self.name == "binomial" else mu

    def third(self, mu: FloatArray) -> FloatArray:
        """Return b''' where the mean is `mu`."""
        return mu * (1.0 - mu) * (1.0 - 2.0 * mu) if self.name == "binomial" else mu


BINOMIAL, POISSON = Canonical("binomial"), Canonical("poisson")


def canonical(name: str) -> Canonical:
    """Return the family of that name.

    Raises
    ------
    ValueError
        If it is none of the two.
    """
    if name not in ("binomial", "poisson"):
        raise ValueError(f"family is {name!r}; it must be 'binomial' or 'poisson'")
    return Canonical(name)
