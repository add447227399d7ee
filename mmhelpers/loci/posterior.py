"""The posterior of one locus as a function, and the plainest sampler there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.given import generator, whole

__all__ = ["LocusPosterior", "metropolis"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LocusPosterior:
    """Log posterior density of a binomial mixed model at one locus, every unknown in one vector.

    The vector holds the p coefficients, the logarithms of the standard deviations of groups and of rows, and the
    standard normal effects of groups and rows. Called with it, the object returns the log density up to a constant.

    Attributes
    ----------
    y, n : (n_rows,) array
        Successes and trials.
    X : (n_rows, p) array
        Columns of the fixed effects.
    group : (n_rows,) array of int
        The group of each row, from 0 on.
    scale, df, sd_scale : float
        Priors, as `fit_loci` has them; ``scale=np.inf`` makes the prior of the coefficients flat.

    Examples
    --------
    >>> one = LocusPosterior(np.array([3, 5]), np.array([9, 9]), np.ones((2, 1)), np.array([0, 1]))
    >>> one.size, round(one(np.zeros(one.size)), 3)
    (7, -13.477)
    """

    y: Array
    n: Array
    X: Array
    group: NDArray[np.intp]
    scale: float = 2.5
    df: float = 7.0
    sd_scale: float = 1.0

    @property
    def size(self) -> int:
        """Length of the vector."""
        return int(self.X.shape[1]) + 2 + int(self.group.max()) + 1 + len(self.y)

    def __call__(self, x: Array) -> float:
        """Log density at x, up to a constant."""
        p, rows = self.X.shape[1], len(self.y)
        beta, log_sd, u, v = x[:p], x[p : p + 2], x[p + 2 : -rows], x[-rows:]
        sd = np.exp(log_sd)
        eta = self.X @ beta + sd[0] * u[self.group] + sd[1] * v
        likelihood = self.y @ eta - self.n @ np.logaddexp(0, eta)
        on_beta = -(self.df + 1) / 2 * np.log1p((beta / self.scale) ** 2 / self.df).sum()
        on_sd = log_sd.sum() - sd @ sd / (2 * self.sd_scale**2)
        return float(likelihood + on_beta + on_sd - (u @ u + v @ v) / 2)


def metropolis(
    log_density: Callable[[Array], float],
    start: ArrayLike,
    draws: int,
    warmup: int,
    rng: np.random.Generator,
    step: float = 0.1,
) -> tuple[Array, float]:
    """Random-walk Metropolis (Metropolis et al. 1953), its step tuned while it warms up.

    Parameters
    ----------
    log_density : callable
        Logarithm of the density to sample from, up to a constant.
    start : (d,) array_like
        Where to start.
    draws, warmup : int
        Steps that are kept, and steps before them that are thrown away.
    rng : numpy.random.Generator
    step : float
        Standard deviation of the proposals to begin with.

    Returns
    -------
    draws : (draws, d) array
    accepted : float
        Share of the kept steps on which the proposal was accepted; in many dimensions 0.23 is best.

    Examples
    --------
    >>> x, accepted = metropolis(lambda x: -x @ x / 2, [3.0], 20_000, 1000, np.random.default_rng(1))
    >>> bool(abs(x.mean()) < 0.1 and abs(x.std() - 1) < 0.1)
    True
    """
    generator("rng", rng)
    whole("draws", draws, 1)
    whole("warmup", warmup, 0)
    if not np.isfinite(log_density(np.asarray(start, dtype=float))):
        raise ValueError("start: log_density is no finite number there: begin where the density is above 0")
    if not step > 0:
        raise ValueError(f"step must be above 0, not {step!r}")
    # [random walk]
    here = np.asarray(start, dtype=float)
    height = log_density(here)
    kept, accepted = np.empty((draws, here.size)), 0
    for k in range(-warmup, draws):
        there = here + step * rng.normal(size=here.size)  # propose
        height_there = log_density(there)
        yes = np.log(rng.random()) < height_there - height
        if yes:  # always uphill, downhill with probability equal to the ratio of densities
            here, height = there, height_there
        if k < 0:  # warm-up: longer steps if accepted, shorter ones if not; 0.234 stands still
            step *= np.exp((yes - 0.234) / np.sqrt(k + warmup + 1))
        else:
            kept[k], accepted = here, accepted + yes
    # [end]
    return kept, accepted / draws
