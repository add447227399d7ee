"""Dispersion, zeros, outliers and any statistic: the observed value against its simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..adapters import is_fit
from ..residuals.quantile import QuantileResiduals, quantile_residuals
from ..testtable import TestRow, TestTable
from .chance import Ties, blaker_p, need_simulations, side, simulation_p

__all__ = ["check_dispersion", "check_outliers", "check_statistic", "check_zeros"]

Array = NDArray[np.float64]
Rng = np.random.Generator | int | None


def check_statistic(
    r: Any,
    statistic: Callable[[Array], float],
    alternative: str = "two-sided",
    exact: bool = False,
    name: str = "statistic",
    ties: Ties = "conservative",
    rng: Rng = None,
) -> TestTable:
    """Compare any statistic of the responses with its values under the model.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Observed and simulated responses.
    statistic : callable
        Takes responses, shape (n,), gives a number.
    alternative : {"two-sided", "greater", "less"}
        Whether the observed value is too large or too small, too large, or too small.
    exact : bool
        See `mmhelpers.diagnostics.chance.simulation_p`: k / n_sim as in DHARMa, or (k + 1) / (n_sim + 1).
    name : str
        What the statistic is called in the table.
    ties : {"conservative", "random"}
        Simulated values that equal the observed one count as extreme, or are passed at random: see there.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is the ratio of the observed value to the mean of the simulated ones (DHARMa's
        "ratioObsSim"); details: observed, expected. ``extras["simulated"]`` has the simulated values.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> r = quantile_residuals(rng.poisson(3.0, 100), rng.poisson(3.0, (100, 250)))
    >>> check_statistic(r, np.max, name="largest count").p > 0.05
    True
    """
    known = need_simulations(r, "check_statistic")
    observed = float(statistic(known.observed))
    simulated = np.array([float(statistic(column)) for column in known.simulated.T])
    return _against(
        observed,
        simulated,
        alternative,
        exact,
        name,
        "simulation from the fitted model",
        len(known),
        ties,
        rng,
    )


def _against(
    observed: float,
    simulated: Array,
    alternative: str,
    exact: bool,
    name: str,
    method: str,
    n: int,
    ties: str = "conservative",
    rng: Rng = None,
) -> TestTable:
    expected = float(np.mean(simulated))
    ratio = observed / expected if expected != 0 else (1.0 if observed == 0 else np.inf)
    row = TestRow(
        name=name,
        statistic=ratio,
        p=simulation_p(observed, simulated, side(alternative), exact, ties, rng),
        n=len(simulated),
        statistic_name="observed / expected",
        method=f"{method}, {side(alternative)}, {len(simulated)} simulations of {n} observations",
        details={"observed": observed, "expected": expected},
        smallest_p=_smallest(len(simulated), alternative, exact),
    )
    return TestTable((row,), extras={"simulated": simulated, "observed": observed})


def check_dispersion(
    r: Any,
    alternative: str = "two-sided",
    exact: bool = False,
    method: str = "simulation",
    ties: Ties = "conservative",
    rng: Rng = None,
) -> TestTable:
    """Test whether responses scatter around their fitted means more, or less, than the model says.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Observed and simulated responses.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for overdispersion, "less" for underdispersion.
    exact : bool
        See `mmhelpers.diagnostics.chance.simulation_p`.
    method : {"simulation", "pearson"}
        simulation: as above, for any model. pearson: the sum of squared Pearson residuals over the residual
        degrees of freedom, against chi-square; needs a fit, and is right for models without random effects
        and responses that are not too rare (expected counts of 1 and more).
    ties : {"conservative", "random"}
        Simulated values that equal the observed one count as extreme, or are passed at random: see `exact`.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is the variance of observed less fitted, over the mean of the same variance in the
        simulations: 1 where the dispersion is right. Of a mixed model's fit (of counts or proportions)
        overdispersion is looked for around the random effects as fitted, where it shows, and underdispersion with
        new ones, where the test has its level; quantile residuals are tested as they were made.
        With refits it is the sum of squared Pearson residuals, each simulation's by its own fit,
        and the test has its level; without them it is conservative.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> y = rng.negative_binomial(2, 2 / (2 + 3.0), 200)  # variance 7.5, not 3
    >>> r = quantile_residuals(y, rng.poisson(3.0, (200, 250)))
    >>> check_dispersion(r, "greater").p
    0.0
    """
    if method == "pearson":
        return _pearson_dispersion(r, alternative)
    if method != "simulation":
        raise ValueError(f"method is {method!r}; it must be 'simulation' or 'pearson'")
    if is_fit(r):
        from ..adapters import view

        seen = view(r)
        if (
            seen.random
            and seen.family.discrete
            and not (seen.family.name == "binomial" and (seen.weights == 1).all())
        ):
            kept = quantile_residuals(seen, conditional=True)
            return two_ways(kept, quantile_residuals(seen), alternative, exact, ties, rng)
    known = need_simulations(r, "check_dispersion")
    if known.conditional and known.refitted is None and _binary(known):
        raise ValueError(
            "0/1 responses have no dispersion of their own, and around effects fitted to them they always seem "
            "underdispersed: leave conditional out, or take sums by group first, r.by_group(g)"
        )
    if known.refitted is not None:
        if not known.discrete:
            raise ValueError(
                "every refit estimates the dispersion of a continuous response anew, so there is nothing left to test: "
                "leave refit out, or ask check_homogeneity whether the variance is the same everywhere"
            )
        if _binary(known):
            raise ValueError(
                "0/1 responses have no dispersion of their own: refits follow them and leave nothing to test. Take sums "
                "by group first, r.by_group(g)"
            )
        squares = (known.pearson**2).sum(axis=0)
        words = "sum of squared Pearson residuals, each of its own refit"
        return _against(
            float(squares[0]), squares[1:], alternative, exact, "dispersion", words, len(known), ties, rng
        )
    simulated = np.var(known.simulated - known.fitted[:, None], axis=0, ddof=1)
    observed = float(np.var(known.observed - known.fitted, ddof=1))
    method = "variance around the fitted means"
    return _against(observed, simulated, alternative, exact, "dispersion", method, len(known), ties, rng)


def two_ways(
    kept: QuantileResiduals,
    new: QuantileResiduals,
    alternative: str,
    exact: bool,
    ties: Ties = "conservative",
    rng: Rng = None,
) -> TestTable:
    """Overdispersion around the groups' effects as fitted, underdispersion with new ones.

    Around effects that were fitted to the responses these scatter too little: a test for too much is conservative
    there, and has power since the noise between groups is out of the way; a test for too little would reject sound
    models. With new effects it has its level.
    """
    over = check_dispersion(kept, "greater", exact, ties=ties, rng=rng)
    if side(alternative) == "greater":
        return over
    under = check_dispersion(new, "less", exact, ties=ties, rng=rng)
    if side(alternative) == "less":
        return under
    row = replace(
        over.rows[0],
        p=min(1.0, 2 * min(over.p, under.p)),
        method=f"too much around the random effects as fitted, too little with new ones; {kept.n_sim} simulations each",
        smallest_p=_smallest(kept.n_sim, alternative, exact),
    )
    return TestTable((row,), extras=over.extras)


def _binary(known: QuantileResiduals) -> bool:
    """Whether every response, observed or simulated, is 0 or 1."""
    return bool(np.isin(known.observed, (0.0, 1.0)).all() and np.isin(known.simulated, (0.0, 1.0)).all())


def _pearson_dispersion(fit: Any, alternative: str) -> TestTable:
    """Sum of squared Pearson residuals, against chi-square (McCullagh & Nelder 1989, section 4.5)."""
    from scipy.stats import chi2

    from ..adapters import view
    from ..residuals import resid

    if isinstance(fit, QuantileResiduals):
        raise ValueError("method='pearson' needs the fit itself: pass it instead of its quantile residuals")
    seen = view(fit)
    if seen.family.name not in {"binomial", "poisson", "negative binomial"}:
        raise ValueError(
            f"the {seen.family.name} model estimates its dispersion, so there is no other to hold it against"
        )
    total = float((resid(seen, "pearson") ** 2).sum())
    variances = sum(len(term.columns) * (len(term.columns) + 1) // 2 for term in seen.terms)
    df = seen.nobs - np.linalg.matrix_rank(seen.X) - variances
    upper = float(chi2.sf(total, df))
    p = {"greater": upper, "less": 1 - upper, "two-sided": min(1.0, 2 * min(upper, 1 - upper))}[
        side(alternative)
    ]
    words = "Pearson chi-square / df" + (", approximate for random effects" if seen.terms else "")
    row = TestRow("dispersion", total / df, p, df=df, n=seen.nobs, statistic_name="ratio", method=words)
    return TestTable((row,))


def check_zeros(
    r: Any,
    alternative: str = "two-sided",
    exact: bool = False,
    ties: Ties = "conservative",
    rng: Rng = None,
) -> TestTable:
    """Test whether there are more zeros, or fewer, than the model says.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Observed and simulated responses.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for zero inflation.
    exact : bool
        See `mmhelpers.diagnostics.chance.simulation_p`.
    ties : {"conservative", "random"}
        Simulated values that equal the observed one count as extreme, or are passed at random: see there.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is the number of zeros over its mean in the simulations; with refits, over the number that the
        fit expects, and each simulation is held against what its own refit expects.

    Notes
    -----
    Many zeros are not zero inflation (Warton 2005, Environmetrics 16:275-289): a low mean gives them too, and
    so does overdispersion; look at `check_dispersion` beside this.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> y = rng.poisson(3.0, 200) * (rng.random(200) > 0.2)
    >>> check_zeros(quantile_residuals(y, rng.poisson(3.0, (200, 250)))).statistic > 2
    True
    """
    known = need_simulations(r, "check_zeros")
    simulated = (known.simulated == 0).sum(axis=0).astype(float)
    observed = float((known.observed == 0).sum())
    if known.expected_zeros is None:
        return _against(
            observed, simulated, alternative, exact, "zeros", "number of zeros", len(known), ties, rng
        )
    own, others = known.expected_zeros[0], known.expected_zeros[1:]
    row = TestRow(
        name="zeros",
        statistic=observed / own if own > 0 else (1.0 if observed == 0 else np.inf),
        p=simulation_p(observed - own, simulated - others, side(alternative), exact, ties, rng),
        n=known.n_sim,
        statistic_name="observed / expected",
        method=f"zeros less those each refit expects, {side(alternative)}, {known.n_sim} refits of {len(known)} rows",
        details={"observed": observed, "expected": float(own)},
        smallest_p=_smallest(known.n_sim, alternative, exact),
    )
    return TestTable((row,), extras={"simulated": simulated - others + own, "observed": observed})


def check_outliers(
    r: Any,
    alternative: str = "two-sided",
    margin: str = "both",
    exact: bool = False,
    method: str = "simulation",
    ties: Ties = "conservative",
    rng: Rng = None,
) -> TestTable:
    """Test whether too many observations lie outside everything that was simulated for them.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Observed and simulated responses.
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for too many outliers. Two-sided p-values are Blaker's (2000), not twice the smaller tail: fewer
        than no outliers cannot be.
    margin : {"both", "upper", "lower"}
        Which outliers count.
    exact : bool
        See `mmhelpers.diagnostics.chance.simulation_p`.
    method : {"simulation", "binomial"}
        simulation: the number is held against the number of outliers of each simulated response among the
        others and the observed one, which is right for discrete and for dependent responses. binomial:
        against Binomial(n, 2 / (n_sim + 1)), which is right for continuous independent responses only.
    ties : {"conservative", "random"}
        Simulated numbers that equal the observed one count as extreme, or are passed at random: see `exact`. A number of
        outliers is small and whole, so that it has many ties, and the plain test rejects fewer sound models than its
        level says.
    rng : numpy.random.Generator or int
        Source of that randomness; needed for ties="random".

    Returns
    -------
    TestTable
        `statistic` is the number of outliers; details: expected.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> y = rng.normal(size=100)
    >>> y[:5] = 8
    >>> check_outliers(quantile_residuals(y, rng.normal(size=(100, 250)), discrete=False)).statistic >= 5
    True
    """
    if margin not in {"both", "upper", "lower"}:
        raise ValueError(f"margin is {margin!r}; it must be 'both', 'upper' or 'lower'")
    known = need_simulations(r, "check_outliers")
    counts = _outliers(known.pool, margin)
    observed, others = float(counts[0]), counts[1:]
    n, share = len(known), (2 if margin == "both" else 1) / (known.n_sim + 1)
    if method == "binomial":
        from scipy import stats

        p = float(stats.binomtest(int(observed), n, share, alternative=side(alternative)).pvalue)
        expected, words = n * share, "exact binomial test, for continuous independent responses"
    elif method == "simulation":
        if side(alternative) == "two-sided" and ties == "conservative":
            p = blaker_p(observed, others, exact)
        else:
            p = simulation_p(observed, others, side(alternative), exact, ties, rng)
        expected, words = float(others.mean()), "every simulation in its turn among the others"
    else:
        raise ValueError(f"method is {method!r}; it must be 'simulation' or 'binomial'")
    row = TestRow(
        name="outliers" if margin == "both" else f"outliers, {margin}",
        statistic=observed,
        p=p,
        n=n,
        statistic_name="number",
        method=f"{words}, {side(alternative)}, {known.n_sim} simulations of {n} observations",
        details={"expected": expected},
        smallest_p=0.0 if method == "binomial" else _smallest(known.n_sim, "greater", exact),
    )
    return TestTable((row,), extras={"simulated": others, "observed": observed})


def _outliers(pool: Array, margin: str) -> Array:
    """For each column, the number of rows in which it alone is the largest or the smallest; shape (m,)."""
    n, m = pool.shape
    counts = np.zeros(m)
    for sign, wanted in ((1.0, {"both", "upper"}), (-1.0, {"both", "lower"})):
        if margin not in wanted:
            continue
        values = sign * pool
        top = values.argmax(axis=1)
        alone = (values == values[np.arange(n), top][:, None]).sum(axis=1) == 1
        counts += np.bincount(top[alone], minlength=m)
    return counts


def _smallest(n_sim: int, alternative: str, exact: bool) -> float:
    """Smallest p above 0 that counting simulations can give; 0 where the data count among them, so that p is never 0."""
    if exact:
        return 0.0
    return (2 if side(alternative) == "two-sided" else 1) / n_sim
