"""Exact levels: ties at random, refits of counts by their own distribution, groups taken out before DW and Moran's I."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import block_diag

import mmhelpers as mm
from mmhelpers.adapters import RandomTerm
from mmhelpers.adapters.families import Family
from mmhelpers.diagnostics.autocorrelation import _durbin_watson
from mmhelpers.diagnostics.chance import blaker_p, simulation_p
from mmhelpers.diagnostics.whitening import whitened

# Tolerances. Shares and means of p: 4 Monte Carlo SE (a test in 16,000 fails by chance; seeds are fixed).
SE_UNIFORM = 1 / np.sqrt(12)  # of one p that is uniform


# --- ties ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_ties_at_random_give_the_level_whatever_the_ties(alternative):
    """A number of events with many ties: the plain p never rejects too often, the random one exactly often enough."""
    rng, n = np.random.default_rng(5), 4000
    draws = rng.binomial(12, 0.1, (n, 40)).astype(float)
    plain = np.array([simulation_p(x[0], x[1:], alternative, exact=True) for x in draws])
    random = np.array([simulation_p(x[0], x[1:], alternative, ties="random", rng=rng) for x in draws])
    for level in (0.05, 0.2, 0.5):
        se = np.sqrt(level * (1 - level) / n)
        assert (plain <= level).mean() < level + 4 * se
        assert abs((random <= level).mean() - level) < 4 * se
    assert (plain <= 0.05).mean() < 0.05 - 4 * np.sqrt(0.05 * 0.95 / n)  # why it is needed
    assert stats.kstest(random, "uniform").pvalue > 1e-4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 4), st.integers(0, 2**31))
def test_random_p_lies_below_the_plain_one_and_between_its_neighbours(others, seen, seed):
    null = np.array(others, dtype=float)
    m, above = len(null), int((null > seen).sum())
    p = simulation_p(float(seen), null, "greater", ties="random", rng=seed)
    assert above / (m + 1) <= p <= simulation_p(float(seen), null, "greater", exact=True) + 1e-12
    assert p == simulation_p(float(seen), null, "greater", ties="random", rng=seed)
    less = simulation_p(float(seen), null, "less", ties="random", rng=seed)
    assert less == pytest.approx(1 - p, abs=1e-12)


def test_ties_at_random_need_a_seed_of_ones_own():
    r = mm.quantile_residuals(np.arange(30) % 3, np.tile(np.arange(30) % 3, (40, 1)).T)
    for check in (mm.check_outliers, mm.check_dispersion, mm.check_zeros):
        with pytest.raises(ValueError, match="needs rng"):
            check(r, ties="random")
        with pytest.raises(ValueError, match="'conservative' or 'random'"):
            check(r, ties="mid", rng=1)
        assert check(r, ties="random", rng=1).p == check(r, ties="random", rng=1).p
        assert check(r).p == check(r, ties="conservative").p
    with pytest.raises(ValueError, match="needs rng"):
        mm.check_statistic(r, np.max, ties="random")
    with pytest.raises(ValueError, match="needs rng"):
        mm.check_temporal(r, np.arange(30), ties="random")


# --- refits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "law", "top"),
    [
        (Family("poisson", "log"), lambda mu: stats.poisson(mu), 40),
        (Family("binomial", "logit"), lambda mu: stats.binom(7, mu), 7),
        (Family("negative binomial", "log", size=1.7), lambda mu: stats.nbinom(1.7, 1.7 / (1.7 + mu)), 60),
    ],
)
def test_tails_are_those_of_the_distribution(family, law, top):
    k = np.arange(top + 1.0)
    trials = 7.0 if family.name == "binomial" else 1.0
    for mu in (0.02, 0.4, 0.9) if family.name == "binomial" else (0.05, 1.0, 9.0):
        (below, up_to), (from_here, above) = family.tails(k / trials, np.full(len(k), mu), trials)
        known = law(mu)
        np.testing.assert_allclose(up_to, known.cdf(k), rtol=1e-9, atol=1e-300)
        np.testing.assert_allclose(below, known.cdf(k - 1), rtol=1e-9, atol=1e-300)
        np.testing.assert_allclose(above, known.sf(k), rtol=1e-7, atol=1e-300)
        np.testing.assert_allclose(from_here, known.sf(k - 1), rtol=1e-7, atol=1e-300)
    assert Family("gamma", "log").tails(k, k + 1) is None


def refitted(trials: int, seed: int, n_sim: int = 39) -> tuple[mm.QuantileResiduals, np.random.Generator]:
    """A logistic regression on 40 rows, each simulation refitted by Newton's method."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(40), np.linspace(-1, 1, 40)])
    family = Family("binomial", "logit")

    def fit(Y: np.ndarray) -> np.ndarray:
        beta = np.zeros((Y.shape[1], 2))
        for _ in range(30):
            mu = family.inverse_link(beta @ X.T)
            H = np.einsum("ni,mn,nj->mij", X, mu * (1 - mu), X) + 1e-9 * np.eye(2)
            beta += np.clip(np.linalg.solve(H, ((Y.T - mu) @ X)[:, :, None])[:, :, 0], -2, 2)
        return family.inverse_link(beta @ X.T).T

    y = rng.binomial(trials, family.inverse_link(0.3 + 0.8 * X[:, 1])) / trials
    mean = fit(y[:, None])[:, 0]
    seen = replace(
        mm.view(mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"))),
        observed=y,
        fitted_marginal=mean,
        fitted_conditional=mean,
        X=X,
        terms=(),
        family=family,
        weights=np.full(40, float(trials)),
        offset=np.zeros(40),
        refit=lambda y: None,
        refit_many=lambda Y: (fit(Y), np.ones(Y.shape[1])),
    )
    return mm.quantile_residuals(seen, n_sim=n_sim, refit=True, rng=rng), rng


@pytest.mark.parametrize("trials", [1, 8])
def test_with_refits_the_tests_of_proportions_have_their_level(trials):
    """Of Pearson residuals of 0/1 responses no test of uniformity ever rejected: p was near 1 always."""
    p: dict[str, list[float]] = {"uniformity": [], "outliers": [], "quantiles": []}
    n = 150
    for seed in range(n):
        r, rng = refitted(trials, seed)
        p["uniformity"].append(mm.check_uniformity(r, ties="random", rng=rng).p)
        p["outliers"].append(mm.check_outliers(r, ties="random", rng=rng).p)
        p["quantiles"].append(mm.check_quantiles(r, np.arange(40))["all"].p)
    for name, values in p.items():
        assert abs(np.mean(values) - 0.5) < 4 * SE_UNIFORM / np.sqrt(n) + 0.5 / 40, name
        share = np.mean(np.array(values) <= 0.2)
        assert abs(share - 0.2) < 4 * np.sqrt(0.16 / n), name


def test_refits_of_counts_are_ranked_by_their_own_distribution():
    r, _ = refitted(8, 1)
    assert r.scores is not None
    assert r.scores.shape == (40, 40)
    np.testing.assert_array_equal(r.pool, r.scores)
    np.testing.assert_allclose(r.pearson[:, 0], (r.observed - r.fitted) / r.scale[:, 0])
    np.testing.assert_allclose(r.columns[:, 0], r.values)
    assert r.by_group(np.arange(40) // 8).scores is None  # sums have no such formula
    with pytest.raises(ValueError, match="need refits"):
        _ = mm.quantile_residuals(r.observed, r.simulated).pearson


def test_dispersion_of_single_responses_is_refused_with_refits():
    r, _ = refitted(1, 1)
    with pytest.raises(ValueError, match="no dispersion of their own"):
        mm.check_dispersion(r)
    assert 0 <= mm.check_dispersion(r.by_group(np.arange(40) // 8)).p <= 1


# --- groups taken out ------------------------------------------------------------------------------------------


def grouped(rng: np.random.Generator, groups: int = 12, rows: int = 6, sd: float = 1.5, noise=None):
    """Normal responses with an effect of each group, 60 columns, as quantile residuals that know their groups."""
    index = np.repeat(np.arange(groups), rows)
    n = len(index)
    Y = rng.normal(0, sd, (groups, 61))[index] + rng.normal(size=(n, 61))
    if noise is not None:
        Y[:, 0] += noise
    made = mm.quantile_residuals(Y[:, 0], Y[:, 1:], discrete=False)
    term = RandomTerm(
        "g",
        tuple(map(str, range(groups))),
        index,
        ("1",),
        np.ones((n, 1)),
        np.ones((1, 1)),
        np.zeros((groups, 1)),
    )
    return replace(made, terms=(term,), conditional=False, independent=False), index


def test_whitening_solves_with_the_correlation_within_groups():
    known, index = grouped(np.random.default_rng(1), groups=40)
    white = whitened(known)
    z = known.__class__.normal.fget(replace(known, values=known.columns))
    same = (index[:, None] == index) & ~np.eye(len(index), dtype=bool)
    rho = float(
        (z @ z.T)[same].mean() / (z**2).sum() * len(index)
    )  # mean product within groups over the variance
    assert rho == pytest.approx(1.5**2 / (1.5**2 + 1), abs=0.05)
    V = block_diag(*[np.full((6, 6), rho) + (1 - rho) * np.eye(6)] * 40)
    np.testing.assert_allclose(white, np.linalg.solve(V, z), rtol=1e-8, atol=1e-10)


def test_slopes_and_a_second_factor_are_taken_out_too():
    """Sums within groups, against which V weighs, shrink; rows of a slope by the product of their covariate."""
    rng = np.random.default_rng(2)
    table = mm.load("sleepstudy")
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", table)
    known = mm.quantile_residuals(fit, n_sim=99, rng=rng)
    white = whitened(known)
    assert white.shape == (180, 100)
    subject = np.eye(18)[mm.view(fit).terms[0].index]
    z = known.__class__.normal.fget(replace(known, values=known.columns))
    share = ((subject.T @ z) ** 2).sum() / (z**2).sum()
    left = ((subject.T @ white) ** 2).sum() / (white**2).sum()
    assert left < 0.2 * share


def test_statistics_do_not_depend_on_order_or_names():
    rng = np.random.default_rng(3)
    known, index = grouped(rng)
    n = len(index)
    time, x, y = rng.permutation(n).astype(float), rng.random(n), rng.random(n)
    order = rng.permutation(n)
    term = known.terms[0]
    names = rng.permutation(12)
    other = replace(
        known,
        values=known.values[order],
        observed=known.observed[order],
        simulated=known.simulated[order],
        fitted=known.fitted[order],
        terms=(replace(term, index=names[term.index][order]),),
    )
    one, two = mm.check_temporal(known, time), mm.check_temporal(other, time[order])
    assert one.statistic == pytest.approx(two.statistic, rel=1e-9)
    assert one.p == two.p
    one, two = mm.check_spatial(known, x, y), mm.check_spatial(other, x[order], y[order])
    assert one.statistic == pytest.approx(two.statistic, rel=1e-9)
    assert one.p == two.p


def test_without_groups_the_statistic_is_durbin_and_watsons():
    rng = np.random.default_rng(4)
    known, _ = grouped(rng)
    time = rng.permutation(len(known)).astype(float)
    plain = replace(known, terms=())
    assert whitened(plain) is None
    own = _durbin_watson(known.values[np.argsort(time)][:, None], np.ones(len(known) - 1, bool))[0]
    assert mm.check_temporal(plain, time).statistic == pytest.approx(own, rel=1e-12)
    assert mm.check_temporal(known.values, time).statistic == pytest.approx(own, rel=1e-12)
    assert mm.check_temporal(known, time).statistic != own


def test_taking_groups_out_shows_more_and_keeps_the_level():
    """Neighbours in time alike, across groups of large effects; 100 data sets, the same for both."""
    rng, n = np.random.default_rng(6), 100
    p = {"taken out": [], "as they are": [], "sound": []}
    time = np.random.default_rng(7).permutation(72).astype(float)
    for _ in range(n):
        e = rng.normal(size=73)
        known, _ = grouped(rng, noise=(0.8 * (e[1:] + e[:-1]))[time.astype(int)])
        p["taken out"].append(mm.check_temporal(known, time).p)
        p["as they are"].append(mm.check_temporal(replace(known, terms=()), time).p)
        sound, _ = grouped(rng)
        p["sound"].append(mm.check_temporal(sound, time, ties="random", rng=rng).p)
    found = {name: np.mean(np.array(values) <= 0.05) for name, values in p.items()}
    assert found["taken out"] > found["as they are"] + 0.15, found
    assert abs(np.mean(p["sound"]) - 0.5) < 4 * SE_UNIFORM / np.sqrt(n)
    assert found["sound"] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / n)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=5, max_size=60), st.integers(0, 8), st.booleans())
def test_blakers_p_is_never_above_the_doubled_tail_nor_below_the_smaller_one(simulated, observed, exact):
    """And it is the share of values whose smaller tail is no larger (Blaker 2000), counted here one by one."""
    number = np.array(simulated, dtype=float)
    p = blaker_p(observed, number, exact)
    pool = np.append(number, observed) if exact else number
    least = [min((pool >= v).sum(), (pool <= v).sum()) for v in (*pool, observed)]
    assert p == pytest.approx(np.mean([tail <= least[-1] for tail in least[:-1]]))
    one_sided = [simulation_p(observed, number, way, exact) for way in ("greater", "less")]
    assert p >= min(one_sided) - 1e-12
    assert p <= simulation_p(observed, number, "two-sided", exact) + 1e-12
