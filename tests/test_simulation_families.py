"""Families of counts and proportions against their exact probabilities."""

import numpy as np
import pytest
from scipy import stats

import mmhelpers as mm

# Chi-square against exact probabilities: at a fixed seed none of some 40 tests is below this
P_MIN = 1e-3
N_SE = 4.5  # largest allowed distance of a mean, in standard errors
RTOL = 1e-9  # moments summed over the probabilities
N = 100_000

MUS = [0.02, 0.7, 3.0, 25.0]
PS = [0.01, 0.35, 0.9]
TOP = 2_000


def pmf(family, mu):
    """Return the probabilities of 0, 1, ... from scipy's distributions."""
    x = np.arange(TOP)
    if isinstance(family, mm.Hurdle):
        p = pmf(mm.Truncated(family.base), mu) * (1 - family.p)
        p[0] = family.p
        return p
    if isinstance(family, mm.Truncated):
        p = pmf(family.base, mu)
        p[0] = 0
        return p / p.sum()
    if isinstance(family, mm.ZeroInflated):
        p = (1 - family.p) * pmf(family.base, mu)
        p[0] += family.p
        return p
    if isinstance(family, mm.BetaBinomial):
        return stats.betabinom.pmf(x, family.trials, mu * family.phi, (1 - mu) * family.phi)
    if isinstance(family, mm.Binomial):
        return stats.binom.pmf(x, family.trials, mu)
    if isinstance(family, mm.NegativeBinomial):
        return stats.nbinom.pmf(x, family.shape, family.shape / (family.shape + mu))
    return stats.poisson.pmf(x, mu)


COUNTS = [
    mm.Poisson(),
    mm.NegativeBinomial(0.4),
    mm.NegativeBinomial(5),
    mm.ZeroInflated(mm.Poisson(), 0.3),
    mm.ZeroInflated(mm.NegativeBinomial(2), 0.3),
    mm.Truncated(mm.Poisson()),
    mm.Truncated(mm.NegativeBinomial(0.4)),
    mm.Truncated(mm.NegativeBinomial(5)),
    mm.Hurdle(mm.Poisson(), 0.6),
    mm.Hurdle(mm.NegativeBinomial(2), 0.2),
]
PROPORTIONS = [
    mm.Binomial(1),
    mm.Binomial(12),
    mm.BetaBinomial(12, phi=3),
    mm.ZeroInflated(mm.Binomial(12), 0.2),
    mm.Truncated(mm.Binomial(12)),
    mm.Hurdle(mm.Binomial(12), 0.4),
]
CASES = [(f, mu) for f in COUNTS for mu in MUS] + [(f, p) for f in PROPORTIONS for p in PS]


@pytest.mark.parametrize(("family", "mu"), CASES, ids=str)
def test_draws_follow_the_distribution(family, mu):
    draws = family.sample(np.random.default_rng(8), np.full(N, mu)).astype(int)
    p = pmf(family, mu)
    # cells with an expectation of at least 5; the rest, and what lies beyond the table, are one
    cells = np.flatnonzero(N * p >= 5)
    observed = np.array([(draws == c).sum() for c in cells] + [(~np.isin(draws, cells)).sum()])
    expected = np.append(N * p[cells], N * max(0.0, 1 - p[cells].sum()))
    if expected[-1] < 5:  # too few to be a cell of its own
        assert observed[-1] <= 30
        observed, expected = observed[:-1], expected[:-1]
    if len(observed) > 1:
        statistic = ((observed - expected) ** 2 / expected).sum()
        assert stats.chi2.sf(statistic, len(observed) - 1) > P_MIN
    assert (draws[p[np.minimum(draws, TOP - 1)] == 0]).size == 0  # nothing impossible


@pytest.mark.parametrize(("family", "mu"), CASES, ids=str)
def test_moments_are_those_of_the_probabilities(family, mu):
    p, x = pmf(family, mu), np.arange(TOP)
    mean = p @ x
    np.testing.assert_allclose(family.mean(np.array([mu])), mean, rtol=RTOL)
    np.testing.assert_allclose(family.variance(np.array([mu])), p @ (x - mean) ** 2, rtol=RTOL, atol=1e-12)
    np.testing.assert_allclose(family.zero(np.array([mu])), p[0], rtol=RTOL, atol=1e-12)


def test_the_check_of_draws_can_fail():
    draws = mm.Poisson().sample(np.random.default_rng(8), np.full(N, 3.1)).astype(int)
    cells = np.arange(10)
    expected = N * stats.poisson.pmf(cells, 3.0)
    observed = np.array([(draws == c).sum() for c in cells])
    assert stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), 9) < P_MIN


def test_truncation_at_the_extremes():
    rng = np.random.default_rng(0)
    for family in (mm.Poisson(), mm.NegativeBinomial(0.5), mm.NegativeBinomial(1e6)):
        tiny = mm.Truncated(family).sample(rng, np.full(1000, 1e-12))
        assert (tiny == 1).all()
        large = mm.Truncated(family).sample(rng, np.full(1000, 1e6))
        assert (large >= 1).all()
        assert np.isfinite(large).all()
    binomial = mm.Truncated(mm.Binomial(8))
    assert (binomial.sample(rng, np.full(1000, 1e-12)) == 1).all()
    assert (binomial.sample(rng, np.full(1000, 1.0)) == 8).all()


def test_counts_with_random_effects_have_their_marginal_mean():
    # E exp(b0 + N(0, s^2)) = exp(b0 + s^2/2); one observation a group, so that rows are independent
    design = mm.cross(g=2000)
    counts = mm.Truth("y ~ 1 + (1 | g)", beta=[0.5], sd={"g": 0.8}, family=mm.Poisson())
    Y = mm.simulate(design, counts, 50, rng=np.random.default_rng(2))
    mean = np.exp(0.5 + 0.8**2 / 2)
    variance = mean + (np.exp(0.8**2) - 1) * mean**2
    assert abs(Y.mean() - mean) < N_SE * np.sqrt(variance / Y.size)


def test_trials_come_from_a_column():
    design = mm.cross(g=4, k=[1, 5, 20]).cross(rep=range(50))
    true = mm.Truth("y ~ 1", beta=[0.4], family=mm.Binomial("k"))
    Y = mm.simulate(design, true, 200, seed=1)
    k = design.data.k.to_numpy()
    assert (k >= Y).all()
    p = 1 / (1 + np.exp(-0.4))
    for size in (1, 5, 20):
        y = Y[:, k == size]
        assert abs(y.mean() - size * p) < N_SE * np.sqrt(size * p * (1 - p) / y.size)
    with pytest.raises(mm.TruthError, match="needs the column 'm'"):
        mm.simulate(design, mm.Truth("y ~ 1", beta=[0], family=mm.Binomial("m")), seed=1)


def test_an_offset_is_on_the_scale_of_the_link():
    design = mm.cross(exposure=[1.0, 10.0], rep=range(500))
    true = mm.Truth("y ~ offset(log(exposure))", beta=[0.3], family=mm.Poisson())
    Y = mm.simulate(design, true, 100, seed=1)
    for exposure in (1.0, 10.0):
        y = Y[:, design.data.exposure == exposure]
        mean = exposure * np.exp(0.3)
        assert abs(y.mean() - mean) < N_SE * np.sqrt(mean / y.size)


@pytest.mark.parametrize("ask", ["variance", "zero", "sample"])
def test_a_gaussian_alone_says_where_its_spread_is(ask):
    """Its residual variance belongs to the Truth, so the family by itself can only refer to it, in words."""
    mu = np.zeros(3)
    arguments = (np.random.default_rng(1), mu) if ask == "sample" else (mu,)
    with pytest.raises(ValueError, match="Gaussian alone has no .* in the Truth; use mm.simulate"):
        getattr(mm.Gaussian(), ask)(*arguments)
