"""Bridge sampling: the marginal likelihood of a model from draws of its posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mmhelpers.given import generator

Float = NDArray[np.float64]

MAX_STEPS = 1000
PROPOSALS = 4  # draws of the proposal for each draw of the posterior: they cost little
TOLERANCE = 1e-10  # of the logarithm, between two steps


@dataclass(frozen=True)
class Evidence:
    """A marginal likelihood found by bridge sampling.

    Attributes
    ----------
    log_evidence : float
        log p(y), natural logarithm.
    error : float
        Its Monte Carlo standard error, about (see `bridge_sampling`).
    steps : int
        Steps of the iteration.

    Examples
    --------
    >>> Evidence(-10.0, 0.01, 5).log_evidence
    -10.0
    """

    log_evidence: float
    error: float
    steps: int


def bridge_sampling(
    draws: ArrayLike, log_density: Callable[[Float], Float], *, rng: np.random.Generator
) -> Evidence:
    r"""Estimate the marginal likelihood from draws of the posterior.

    Parameters
    ----------
    draws : array_like of shape (S, d)
        Posterior draws, every parameter on the whole real line (a standard deviation as its logarithm); where
        they come from chains, chain after chain.
    log_density : callable
        Takes an array of shape (m, d), gives m values of log p(y | u) + log p(u), with all constants and with
        the Jacobian of the change of variables.
    rng : numpy.random.Generator
        For the draws of the proposal.

    Returns
    -------
    Evidence

    Raises
    ------
    ValueError
        If there are fewer than 20 d draws, values that are not finite, or parameters without spread.

    Notes
    -----
    A normal proposal g is fitted to every other draw; the remaining N1 posterior draws and N2 = 4 N1 draws of g
    give (Meng & Wong 1996, with their optimal bridge function)

    .. math:: r_{t+1} = \frac{\frac1{N_2}\sum_j \frac{l_{2j}}{s_1 l_{2j} + s_2 r_t}}
                             {\frac1{N_1}\sum_i \frac{1}{s_1 l_{1i} + s_2 r_t}},\qquad l = \frac{p(y|u)p(u)}{g(u)},

    until r no longer changes.  The error is that of Frühwirth-Schnatter (2004), with the posterior draws'
    autocorrelation in it; it is a large-sample approximation that assumes that the draws are of the posterior.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> normal = lambda u: -0.5 * (u**2).sum(axis=1)  # integrates to 2 pi
    >>> found = bridge_sampling(rng.normal(size=(4000, 2)), normal, rng=rng)
    >>> bool(abs(found.log_evidence - np.log(2 * np.pi)) < 0.02), found.error < 0.02
    (True, True)
    """
    generator("rng", rng)
    u = np.asarray(draws, dtype=float)
    if u.ndim != 2 or len(u) < 20 * u.shape[1] or not np.isfinite(u).all():
        raise ValueError(
            f"draws must be finite, of shape (draws, parameters), with 20 draws a parameter or more; got {u.shape}"
        )
    centre, cov = u[1::2].mean(axis=0), np.atleast_2d(np.cov(u[1::2], rowvar=False))
    try:
        factor = np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        raise ValueError(
            "draws must vary in every direction: a parameter is constant, or one follows from others"
        ) from None

    def log_ratio(v: Float) -> Float:
        """Log of p(y | v) p(v) over the proposal's density."""
        z = np.linalg.solve(factor, (v - centre).T)
        log_g = -0.5 * (z**2).sum(axis=0) - np.log(factor.diagonal()).sum() - 0.5 * len(z) * np.log(2 * np.pi)
        value = np.asarray(log_density(v), dtype=float)
        if value.shape != (len(v),) or np.isnan(value).any():
            raise ValueError(f"log_density must give {len(v)} numbers for an array of shape {v.shape}")
        return np.asarray(value - log_g)

    posterior = u[::2]
    proposal = centre + rng.standard_normal((PROPOSALS * len(posterior), u.shape[1])) @ factor.T
    l1, l2 = log_ratio(posterior), log_ratio(proposal)
    shift = float(np.median(l1))  # keeps the exponentials in range
    n1, n2 = len(l1), len(l2)
    s1, s2 = np.log(n1 / (n1 + n2)), np.log(n2 / (n1 + n2))
    log_r = 0.0
    steps = 0
    while steps < MAX_STEPS:
        steps += 1
        top = special.logsumexp(l2 - shift - np.logaddexp(s1 + l2 - shift, s2 + log_r)) - np.log(n2)
        below = special.logsumexp(-np.logaddexp(s1 + l1 - shift, s2 + log_r)) - np.log(n1)
        change, log_r = float(top - below) - log_r, float(top - below)
        if abs(change) < TOLERANCE:
            break
    else:
        raise ValueError(f"bridge sampling did not settle in {MAX_STEPS} steps; draw more")
    # f1 of Frühwirth-Schnatter (2004, eq. 16): posterior over the mixture, at proposals; f2: proposal, at draws
    f1 = np.exp(l2 - shift - log_r - np.logaddexp(s1 + l2 - shift - log_r, s2))
    f2 = np.exp(-np.logaddexp(s1 + l1 - shift - log_r, s2))
    relative = f1.var() / f1.mean() ** 2 / n2 + _autocorrelation_time(f2) * f2.var() / f2.mean() ** 2 / n1
    return Evidence(log_r + shift, float(np.sqrt(relative)), steps)


def _autocorrelation_time(x: Float) -> float:
    """1 + 2 times the sum of autocorrelations, up to the first pair that sums to below zero (Geyer 1992)."""
    centred = x - x.mean()
    if not centred.any():
        return 1.0
    size = 1 << (2 * len(x) - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    rho = np.fft.irfft(power, size)[: len(x)]
    rho /= rho[0]
    pairs = rho[: len(x) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs < 0)
    return float(max(1.0, 2 * pairs[: ends[0] if len(ends) else None].sum() - 1))
