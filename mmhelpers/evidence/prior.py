"""Priors of a gaussian random-intercept model, all of them proper: without that there is no marginal likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GridPrior:
    """Independent priors: normal for coefficients, half-normal for the two standard deviations.

    Attributes
    ----------
    beta : mapping of str to (float, float)
        For each coefficient, named as in the fit (``"(Intercept)"``, ``"treatmentwarm"``), the mean and the standard
        deviation of its normal prior.
    group_sd, sigma : float
        Scales of the half-normal priors of the groups' and of the residual standard deviation, in the response's unit.

    Raises
    ------
    ValueError
        If a standard deviation or a scale is not finite and above zero.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> prior = mm.GridPrior({"(Intercept)": (250, 100), "Days": (0, 20)}, group_sd=50, sigma=50)
    >>> prior.beta["Days"]
    (0, 20)
    """

    beta: Mapping[str, tuple[float, float]]
    group_sd: float
    sigma: float

    def __post_init__(self) -> None:
        scales = {"group_sd": self.group_sd, "sigma": self.sigma}
        for name, pair in self.beta.items():
            if np.shape(pair) != (2,) or not np.isfinite(pair[0]):
                raise ValueError(
                    f"beta[{name!r}] must be a pair, mean and standard deviation; it is {pair!r}"
                )
            scales[f"the standard deviation of beta[{name!r}]"] = pair[1]
        for name, value in scales.items():
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"{name} must be finite and above 0, not {value!r}: a flat prior has no marginal likelihood"
                )
