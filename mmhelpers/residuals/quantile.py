"""Simulated quantile residuals: where each observation lies among responses simulated from the fitted model.

If the model is right, an observation and its simulations are draws from one distribution, so the rank of the
observation among them is uniform whatever that distribution is: counts, proportions, skewed responses, mixed
models all become residuals that are uniform on (0, 1). Ties, which discrete responses have by nature, are
broken at random (Dunn & Smyth 1996). The ranks are taken over the observation and its simulations together,
so that uniformity is exact for any number of simulations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..adapters import FitView, RandomTerm, is_fit, view
from .covariance import normalise
from .refits import refitted_fits

__all__ = ["QuantileResiduals", "quantile_residuals"]

Array = NDArray[np.float64]

#: Seed of the generator that is used where none is given: the same call gives the same residuals.
DEFAULT_SEED = 20240229


@dataclass(frozen=True, repr=False)
class QuantileResiduals:
    """Quantile residuals and the simulations they came from.

    Attributes
    ----------
    values : array, shape (n,)
        The residuals, in (0, 1); uniform if the model is right. ``numpy.asarray(r)`` gives them too.
    observed : array, shape (n,)
        Responses.
    simulated : array, shape (n, n_sim)
        Responses simulated from the fitted model.
    fitted : array, shape (n,)
        Fitted means.
    refitted : array, shape (n, n_sim), or None
        Fitted means of the model refitted to each simulated response.
    scale : array, shape (n, 1 + n_sim), or None
        Standard deviation that the fit, and the refit to each simulated response, give each response around its mean;
        with refits only. Residuals are then ranks of (response - fitted) / scale, each by its own fit.
    scores : array, shape (n, 1 + n_sim), or None
        With refits of counts and proportions, what the residuals are ranks of instead: each response as a normal
        quantile of the distribution that its own fit gives it, ties broken at random (Dunn & Smyth 1996).
    terms : tuple of RandomTerm
        Random effects that were drawn anew in the simulations, which rows of a group share; empty where none were.
    discrete : bool
        Whether ties were broken at random.
    expected_zeros : array, shape (1 + n_sim,), or None
        Number of zeros that the fit expects, and that the refit to each simulated response does; with refits only.
    rotated : array, shape (n, 1 + n_sim), or None
        Observed and simulated responses after `rotation`, which the residuals are the ranks of.
    conditional : bool or None
        Whether the random effects were kept at their modes in the simulations; None where not known.
    independent : bool or None
        Whether the model takes the responses as independent of each other as they were simulated (no random effects,
        or all kept, and no correlation of the errors); None where not known.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> made = mm.quantile_residuals(fit, n_sim=250, rng=1)
    >>> made.simulated.shape, made.discrete
    ((180, 250), False)
    >>> bool(((made.values > 0) & (made.values < 1)).all())
    True
    """

    values: Array
    observed: Array
    simulated: Array = field(repr=False)
    fitted: Array = field(repr=False)
    discrete: bool = True
    refitted: Array | None = field(default=None, repr=False)
    expected_zeros: Array | None = field(default=None, repr=False)
    rotated: Array | None = field(default=None, repr=False)
    conditional: bool | None = None
    scale: Array | None = field(default=None, repr=False)
    scores: Array | None = field(default=None, repr=False)
    terms: tuple[RandomTerm, ...] = field(default=(), repr=False)
    independent: bool | None = None
    seed: int = field(default=DEFAULT_SEED, repr=False)

    def __repr__(self) -> str:
        return (
            f"QuantileResiduals of {len(self)} observations from {self.n_sim} simulations: "
            f"{self.values.min():.3g} to {self.values.max():.3g}, mean {self.values.mean():.3g}"
        )

    @property
    def n_sim(self) -> int:
        """Number of simulations."""
        return int(self.simulated.shape[1])

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=True if copy is None else copy)

    @property
    def normal(self) -> Array:
        """Residuals as normal scores, shape (n,): standard normal if the model is right."""
        from scipy.special import ndtri

        return np.asarray(ndtri(self.values), dtype=float)

    @cached_property
    def columns(self) -> Array:
        """Residuals of the observations and of every simulation in its turn, shape (n, 1 + n_sim).

        Each column is what the residuals would be if that simulated response had been observed and the
        observation were one of the simulations. Under the model all columns have one law, dependence between
        rows included, so that any statistic of column 0 can be held against the same statistic of the others.
        """
        pool = self._pool()
        rng = np.random.default_rng(self.seed)
        ties = self.discrete and self.scores is None
        if ties:
            pool = _untie(pool, rng)
        order = np.argsort(pool, axis=1)
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(1, pool.shape[1] + 1)[None, :], axis=1)
        within = rng.random(pool.shape) if ties else 0.5
        table = (rank - within) / pool.shape[1]
        table[:, 0] = self.values
        return np.asarray(table, dtype=float)

    def by_group(self, group: ArrayLike, mean: bool = False) -> QuantileResiduals:
        """Quantile residuals of the sums (or means) of groups: one residual a group.

        What single observations hide in their noise, sums show: a group effect that is missing or of the
        wrong shape, or dispersion of 0/1 responses, which single ones cannot have.

        Parameters
        ----------
        group : array, shape (n,)
            Group of each observation. The residuals are in the order of the sorted groups.
        mean : bool
            Means instead of sums.

        Returns
        -------
        QuantileResiduals
            Of as many values as there are groups.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> r = quantile_residuals(rng.binomial(1, 0.3, 60), rng.binomial(1, 0.3, (60, 99)))
        >>> len(r.by_group(np.repeat(np.arange(6), 10)))
        6
        """
        import pandas as pd

        codes, levels = pd.factorize(np.asarray(group), sort=True)
        if codes.shape != (len(self),) or (codes < 0).any():
            raise ValueError(
                f"group needs one value, none of them missing, for each of the {len(self)} observations"
            )
        G = np.zeros((len(levels), len(self)))
        G[codes, np.arange(len(self))] = 1.0
        if mean:
            G /= G.sum(axis=1, keepdims=True)
        refitted = None if self.refitted is None else G @ self.refitted
        scale = None if self.scale is None else np.sqrt(G**2 @ self.scale**2)
        # sums of equal counts are equal whatever the order of adding
        pool = np.round(G @ self._pool(scaled=False), 10)
        if scale is not None:
            pool = pool / scale
        rng = np.random.default_rng(self.seed + 1)
        return QuantileResiduals(
            _ranks(pool[:, 0], pool[:, 1:], self.discrete, rng),
            np.round(G @ self.observed, 10),
            np.round(G @ self.simulated, 10),
            G @ self.fitted,
            discrete=self.discrete,
            refitted=refitted,
            conditional=self.conditional,
            scale=scale,
            independent=self.independent,
            seed=self.seed + 1,
        )

    @property
    def pool(self) -> Array:
        """What the residuals are ranks of, the observed column first, shape (n, 1 + n_sim).

        Responses; after a rotation the rotated ones; with refits `scores` or else Pearson residuals.
        """
        return self._pool()

    @property
    def pearson(self) -> Array:
        """(response - fitted) / scale, each by its own fit, the observed column first, shape (n, 1 + n_sim).

        Raises
        ------
        ValueError
            Without refits.
        """
        if self.refitted is None or self.scale is None:
            raise ValueError(
                "Pearson residuals of the simulations need refits: quantile_residuals(fit, refit=True)"
            )
        return self._pool(scaled=False) / self.scale

    def _pool(self, scaled: bool = True) -> Array:
        if self.rotated is not None:
            return self.rotated
        if self.scores is not None and scaled:
            return self.scores
        if self.refitted is None:
            return np.column_stack([self.observed, self.simulated])
        around = np.column_stack([self.observed - self.fitted, self.simulated - self.refitted])
        return around / self.scale if scaled and self.scale is not None else around


def quantile_residuals(
    observed: Any,
    simulated: ArrayLike | None = None,
    fitted: ArrayLike | None = None,
    discrete: bool | None = None,
    rng: np.random.Generator | int | None = None,
    *,
    n_sim: int = 250,
    conditional: bool = False,
    refit: bool = False,
    rotation: str | ArrayLike | None = None,
) -> QuantileResiduals:
    """Compute quantile residuals from arrays or from a fit.

    Parameters
    ----------
    observed : array of shape (n,), or a fit
        The responses; or a fitted model (anything that `view` knows), which then simulates.
    simulated : array, shape (n, n_sim)
        Responses simulated from the fitted model. Leave it out when a fit is given.
    fitted : array, shape (n,), optional
        Fitted means; the mean of the observation and its simulations where it is left out.
    discrete : bool, optional
        Whether to break ties at random: needed for counts and proportions, harmless elsewhere. By default
        True for arrays, and for a fit what its distribution says.
    rng : numpy.random.Generator or int, optional
        Source of the randomness of ties (and of the simulations of a fit), or its seed. Without it a fixed
        seed is used, so that the same call gives the same residuals.
    n_sim : int
        Number of simulations to draw from a fit.
    conditional : bool
        For a fit with random effects: keep them at their modes, or (the default) draw new ones. New ones
        check the whole model, the distribution of the random effects included, and are valid: the modes have
        been fitted to the very observations they are compared with, which hides part of what is wrong, and makes
        a sound model look underdispersed: at a level of 5% the two-sided dispersion test then rejects 11 to 14 in
        100 sound Poisson mixed models (the package's study of level; `mmhelpers.calibration`).
    refit : bool
        Refit the model to every simulated response, so that the comparison takes into account that the
        fit follows the observations: what is ranked are then the observed and simulated responses as their own fits
        see them, less the fitted mean and over the fitted standard deviation (Pearson residuals); counts and
        proportions as quantiles of the distribution that their own fit gives them, ties broken at random. Fast for fits
        of this package, and for
        Poisson and binomial models of lme4 and glmmTMB with one intercept for each group; elsewhere as slow as
        `n_sim` fits. Without it tests are conservative, the more so the more the fit can follow:
        of Poisson regressions with 4 coefficients on 30 or 150 counts, 3% are rejected for dispersion at a level
        of 5%, and fewer than 1% for uniformity.
    rotation : {"estimated", "model"} or array of shape (n, n), optional
        Take the correlation between observations out before the ranks are taken, so that residuals of correlated
        data can be read (and tested) as independent ones: observed and simulated responses, less the mean of the
        simulations, are multiplied by the inverse Cholesky factor of their covariance: the one of the simulations
        ("estimated": needs more simulations than observations), the one that a linear mixed model or gls states
        ("model"), or a given one. Right for responses that are about normal; counts and proportions lose their
        nature by it. New random effects are needed, so not with `conditional`, nor with `refit`.

    Returns
    -------
    QuantileResiduals

    Raises
    ------
    ValueError
        If shapes do not fit, values are missing, or there are fewer than 20 simulations.
    UnsupportedFitError
        If the fit cannot simulate (or not be refitted, if that is asked).

    References
    ----------
    Dunn & Smyth (1996), JCGS 5:236-244; Gelman & Hill (2006), chapter 24; Hartig, DHARMa (R package).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mean = np.full(100, 3.0)
    >>> r = quantile_residuals(rng.poisson(mean), rng.poisson(mean[:, None], (100, 250)))
    >>> r.values.shape, bool(0 < r.values.min() and r.values.max() < 1)
    ((100,), True)
    """
    seed, generator = _generator(rng)
    if simulated is None:
        if not is_fit(observed) and np.ndim(observed) > 0:
            raise ValueError(
                "simulated is missing: give the simulated responses, shape (n, n_sim), or a fit instead "
                "of observed"
            )
        if rotation is not None and (conditional or refit):
            raise ValueError(
                "rotation is for simulations with new random effects: leave conditional and refit out"
            )
        seen = view(observed)
        known = _from_fit(seen, discrete, generator, seed, n_sim, conditional, refit)
        return known if rotation is None else _rotated(known, rotation, seen)
    y, Y = _checked(observed, simulated)
    mean = _pooled_mean(y, Y) if fitted is None else _vector(fitted, len(y), "fitted")
    ties = True if discrete is None else bool(discrete)
    if rotation is not None:
        known = QuantileResiduals(np.full(len(y), 0.5), y, Y, mean, discrete=ties, seed=seed)
        return _rotated(known, rotation, None)
    values = _ranks(y, Y, ties, generator)
    return QuantileResiduals(values, y, Y, mean, discrete=ties, seed=seed)


def _generator(rng: np.random.Generator | int | None) -> tuple[int, np.random.Generator]:
    """Give a seed for what is computed later, and the generator for what is computed now."""
    if rng is None:
        rng = DEFAULT_SEED
    if isinstance(rng, int | np.integer):
        rng = np.random.default_rng(int(rng))
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**62)), rng
    raise TypeError(f"rng is a {type(rng).__name__}; give a numpy.random.Generator, a whole number or None")


def _from_fit(
    seen: FitView,
    discrete: bool | None,
    rng: np.random.Generator,
    seed: int,
    n_sim: int,
    conditional: bool,
    refit: bool,
) -> QuantileResiduals:
    if n_sim < 20:
        raise ValueError(f"n_sim is {n_sim}; fewer than 20 simulations say nothing of the tails")
    simulated = seen.simulate(n_sim, rng, conditional)
    ties = seen.family.discrete if discrete is None else bool(discrete)
    # around what the simulations are centred on: at b = 0 a nonlinear link would shift it
    fitted = seen.fitted(True) if conditional or not seen.terms else _mean(seen, simulated)
    refitted, scale, zeros, scores = None, None, None, None
    if refit:
        refitted, scale, zeros, scores = refitted_fits(seen, simulated, rng)
        fitted = seen.fitted(True)
        if scores is not None:
            values = _ranks(scores[:, 0], scores[:, 1:], False, rng)
        else:
            own = (seen.observed - fitted) / scale[:, 0]
            values = _ranks(own, (simulated - refitted) / scale[:, 1:], ties, rng)
    else:
        values = _ranks(seen.observed, simulated, ties, rng)
    return QuantileResiduals(
        values,
        seen.observed,
        simulated,
        fitted,
        discrete=ties,
        refitted=refitted,
        expected_zeros=zeros,
        conditional=conditional if seen.random else None,
        scale=scale,
        scores=scores,
        terms=() if conditional or refit else seen.random,
        independent=(conditional or not seen.random) and seen.correlation is None and not refit,
        seed=seed,
    )


def _mean(seen: FitView, simulated: Array) -> Array:
    return seen.fitted_marginal if seen.family.link == "identity" else _pooled_mean(seen.observed, simulated)


def _pooled_mean(observed: Array, simulated: Array) -> Array:
    """Mean of the observation and its simulations: a centre that treats them all alike.

    The mean of the simulations alone would lie nearer to each of them than to the observation, by a share of
    1 / n_sim of the variance: more than the scatter of that variance where rows are many and the responses 0 or 1.
    """
    return np.asarray((simulated.sum(axis=1) + observed) / (simulated.shape[1] + 1))


def _rotated(known: QuantileResiduals, rotation: str | ArrayLike, seen: FitView | None) -> QuantileResiduals:
    """Take the covariance of the responses out of them, and the ranks after that."""
    centre = known.simulated.mean(axis=1, keepdims=True)
    pool = np.column_stack([known.observed, known.simulated]) - centre
    rotated = _decorrelated(pool, rotation, seen)
    values = _ranks(rotated[:, 0], rotated[:, 1:], False, np.random.default_rng(known.seed))
    return replace(known, values=values, rotated=rotated, discrete=False)


def _decorrelated(pool: Array, rotation: str | ArrayLike, seen: FitView | None) -> Array:
    from scipy.linalg import solve_triangular

    n, m = pool.shape[0], pool.shape[1] - 1
    if isinstance(rotation, str):
        if rotation == "model":
            if seen is None or not seen.linear:
                raise ValueError(
                    'rotation="model" needs the fit of a linear model; give a matrix, or "estimated"'
                )
            return normalise(seen, pool, conditional=False)
        if rotation != "estimated":
            raise ValueError(
                f"rotation is {rotation!r}; it must be 'estimated', 'model' or a covariance matrix"
            )
        if m <= n + 1:
            raise ValueError(
                f"rotation='estimated' needs more simulations than observations ({m} and {n}): raise n_sim, or give "
                "the covariance matrix"
            )
        covariance = np.cov(pool[:, 1:])
    else:
        covariance = np.asarray(rotation, dtype=float)
    if covariance.shape != (n, n):
        raise ValueError(
            f"rotation has shape {covariance.shape}; a covariance matrix of {n} observations is ({n}, {n})"
        )
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError("rotation is no covariance matrix: it is not positive definite") from None
    return np.asarray(solve_triangular(root, pool, lower=True))


def _vector(values: ArrayLike, n: int, name: str) -> Array:
    array = np.asarray(values, dtype=float)
    if array.shape != (n,):
        raise ValueError(
            f"{name} has shape {array.shape}; it needs one value for each of the {n} observations"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {int((~np.isfinite(array)).sum())} missing or infinite values")
    return array


def _checked(observed: Any, simulated: ArrayLike) -> tuple[Array, Array]:
    y = np.asarray(observed, dtype=float)
    if y.ndim != 1:
        raise ValueError(f"observed has shape {y.shape}; it must be one-dimensional")
    y = _vector(y, len(y), "observed")
    Y = np.asarray(simulated, dtype=float)
    if Y.ndim != 2 or Y.shape[0] != len(y):
        hint = "; it seems to be transposed" if Y.ndim == 2 and Y.shape[1] == len(y) else ""
        raise ValueError(f"simulated has shape {Y.shape}; it must be ({len(y)}, n_sim){hint}")
    if not np.isfinite(Y).all():
        raise ValueError(f"simulated has {int((~np.isfinite(Y)).sum())} missing or infinite values")
    if Y.shape[1] < 20:
        raise ValueError(
            f"simulated has {Y.shape[1]} columns; fewer than 20 simulations say nothing of the tails"
        )
    return y, Y


def _ranks(y: Array, Y: Array, discrete: bool, rng: np.random.Generator) -> Array:
    """Give (rank of y among itself and its simulations, less a part of one) / (n_sim + 1)."""
    below = (y[:, None] > Y).sum(axis=1)
    ties = (y[:, None] == Y).sum(axis=1)
    # y itself is one of the ties + 1 that share a place
    within = rng.random(len(y)) if discrete else 0.5
    return np.asarray((below + within * (ties + 1)) / (Y.shape[1] + 1), dtype=float)


def _untie(pool: Array, rng: np.random.Generator) -> Array:
    """Break ties at random without changing the order of different values."""
    gaps = np.diff(np.unique(pool))
    if len(gaps) == 0:
        return rng.random(pool.shape)
    return pool + rng.random(pool.shape) * (0.5 * float(gaps.min()))
