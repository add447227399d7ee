"""Two samplers small enough to read, on a normal distribution: a random walk, and Hamiltonian trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Walk", "hamiltonian", "random_walk"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Walk:
    """Where a sampler went.

    Attributes
    ----------
    draws : ndarray, shape (n + 1, d)
        The start and the n draws; a refused proposal repeats the draw before it.
    paths : tuple of ndarray, each of shape (m, d)
        What was looked at on the way to each draw, from the draw before it to the proposal.
    accepted : ndarray of bool, shape (n,)
        Which proposals were taken.
    evaluations : int
        How often the density (random walk) or its gradient (Hamiltonian) was computed.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> import numpy as np
    >>> walk = mm.random_walk(np.eye(2), [0, 0], n=100, step=1.0, seed=1)
    >>> walk.draws.shape, len(walk.paths), walk.accepted.shape
    ((101, 2), 100, (100,))
    """

    draws: Array
    paths: tuple[Array, ...]
    accepted: NDArray[np.bool_]
    evaluations: int


def _checked(covariance: ArrayLike, start: Sequence[float], n: int, step: float) -> tuple[Array, Array]:
    cov = np.atleast_2d(np.asarray(covariance, float))
    at = np.asarray(start, float)
    if cov.shape != (at.size, at.size) or not np.allclose(cov, cov.T) or np.linalg.eigvalsh(cov)[0] <= 0:
        raise ValueError(
            f"covariance must be a positive definite {at.size} x {at.size} matrix, as start has {at.size} numbers"
        )
    if n < 1 or not step > 0:
        raise ValueError(f"n={n}, step={step}: n must be at least 1, and step above 0")
    return np.linalg.inv(cov), at


def random_walk(covariance: ArrayLike, start: Sequence[float], n: int, step: float, seed: int) -> Walk:
    """Draw from a normal distribution with mean zero by the Metropolis algorithm.

    Each proposal is a normal step from where the walk stands; it is taken with probability min(1, ratio of the
    densities), else the walk stays (Metropolis, Rosenbluth, Rosenbluth, Teller & Teller 1953).

    Parameters
    ----------
    covariance : array_like, shape (d, d)
        Covariance matrix of the distribution.
    start : sequence of float, length d
        Where to begin.
    n : int
        Number of draws.
    step : float
        Standard deviation of a step, in each direction.
    seed : int
        Seed of the generator.

    Returns
    -------
    Walk

    Examples
    --------
    >>> import mmhelpers as mm
    >>> walk = mm.random_walk([[1, 0.9], [0.9, 1]], [0, 0], 2000, 0.5, seed=1)
    >>> bool(abs(walk.draws.mean(axis=0)).max() < 0.5), walk.evaluations
    (True, 2000)
    """
    precision, at = _checked(covariance, start, n, step)
    rng = np.random.default_rng(seed)
    draws, paths, accepted = [at], [], []
    for _ in range(n):
        proposal = at + step * rng.standard_normal(at.size)
        log_ratio = (at @ precision @ at - proposal @ precision @ proposal) / 2
        taken = bool(np.log(rng.uniform()) < log_ratio)
        paths.append(np.array([at, proposal]))
        at = proposal if taken else at
        draws.append(at)
        accepted.append(taken)
    return Walk(np.array(draws), tuple(paths), np.array(accepted), n)


def hamiltonian(
    covariance: ArrayLike, start: Sequence[float], n: int, step: float, leaps: int, seed: int
) -> Walk:
    """Draw from a normal distribution with mean zero by Hamiltonian Monte Carlo.

    A ball is pushed with a random momentum and rolls over the surface -log density, without friction, for a number of
    leapfrog steps; where it ends is the proposal. The energy it gained or lost by the discrete steps decides whether it
    is taken (Duane, Kennedy, Pendleton & Roweth 1987). The number of steps is drawn anew for each trajectory, between
    half of `leaps` and `leaps`, so that no trajectory comes back to its start every time. The No-U-Turn Sampler
    chooses it by itself.

    Parameters
    ----------
    covariance : array_like, shape (d, d)
        Covariance matrix of the distribution.
    start : sequence of float, length d
        Where to begin.
    n : int
        Number of draws (trajectories).
    step : float
        Step size of the leapfrog.
    leaps : int
        Most leapfrog steps of a trajectory.
    seed : int
        Seed of the generator.

    Returns
    -------
    Walk

    Examples
    --------
    >>> import mmhelpers as mm
    >>> walk = mm.hamiltonian([[1, 0.9], [0.9, 1]], [0, 0], 200, 0.3, 12, seed=1)
    >>> bool(abs(walk.draws.mean(axis=0)).max() < 0.3), bool(walk.accepted.mean() > 0.8)
    (True, True)
    """
    precision, at = _checked(covariance, start, n, step)
    if leaps < 1:
        raise ValueError(f"leaps={leaps}: a trajectory has at least one leapfrog step")
    rng = np.random.default_rng(seed)
    draws, paths, accepted, evaluations = [at], [], [], 0
    for _ in range(n):
        x, p = at, rng.standard_normal(at.size)
        before = (x @ precision @ x + p @ p) / 2
        path = [x]
        for _ in range(int(rng.integers((leaps + 1) // 2, leaps + 1))):
            p = p - step / 2 * precision @ x
            x = x + step * p
            p = p - step / 2 * precision @ x
            path.append(x)
        evaluations += len(path) - 1  # the gradient at the end of a step is that at the start of the next
        after = (x @ precision @ x + p @ p) / 2
        taken = bool(np.log(rng.uniform()) < before - after)
        at = x if taken else at
        paths.append(np.array(path))
        draws.append(at)
        accepted.append(taken)
    return Walk(np.array(draws), tuple(paths), np.array(accepted), evaluations)
