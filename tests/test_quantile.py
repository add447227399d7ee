"""Quantile residuals and their tests: DHARMa's numbers, exact uniformity, level and power by simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

import mmhelpers as mm

HERE = Path(__file__).parent
PUBLISHED = pd.read_csv(HERE.parent / "data" / "published.csv").query("dataset == 'dharma_fixture_open'")
OBSERVED = pd.read_csv(HERE / "reference" / "residual_fixture_obs.csv")
SIMULATED = np.loadtxt(HERE / "reference" / "residual_fixture_sims.csv", delimiter=",")


@pytest.fixture(scope="module")
def r():
    return mm.quantile_residuals(OBSERVED.observedResponse, SIMULATED, fitted=OBSERVED.fitted)


def published(model: str, quantity: str) -> tuple[float, float]:
    rows = PUBLISHED[PUBLISHED.model.str.startswith(model) & (PUBLISHED.quantity == quantity)]
    assert len(rows) == 1, (model, quantity)
    return float(rows.value.iloc[0]), float(rows.tolerance.iloc[0])


def same(ours: float, model: str, quantity: str) -> None:
    value, tolerance = published(model, quantity)
    assert abs(ours - value) <= tolerance, (model, quantity, ours, value)


def test_uniformity_is_dharmas():
    scaled = OBSERVED.scaledResiduals
    both = mm.check_uniformity(scaled)
    same(both.statistic, "uniformity (KS", "D")
    same(both.p, "uniformity (KS", "p")
    less, greater = mm.check_uniformity(scaled, "less"), mm.check_uniformity(scaled, "greater")
    same(less.statistic, "uniformity one-sided", "D_minus")
    same(less.p, "uniformity one-sided", "p_less")
    same(greater.statistic, "uniformity one-sided", "D_plus")
    same(greater.p, "uniformity one-sided", "p_greater")


def test_dispersion_zeros_outliers_and_statistics_are_dharmas(r):
    same(mm.check_dispersion(r).statistic, "dispersion (var", "statistic")
    for side, name in (("two-sided", "two_sided"), ("greater", "greater"), ("less", "less")):
        same(mm.check_dispersion(r, side).p, "dispersion", f"p_{name}")
    same(mm.check_zeros(r).statistic, "zero inflation ratio", "statistic")
    same(mm.check_zeros(r).p, "zero inflation", "p_two_sided")
    same(mm.check_zeros(r, "less").p, "zero inflation", "p_less")
    for model, statistic in (
        ("generic count of ones", lambda y: (y == 1).sum()),
        ("generic mean", np.mean),
        ("generic sd", lambda y: np.std(y, ddof=1)),
    ):
        ours = mm.check_statistic(r, statistic)
        same(ours.statistic, model, "statistic")
        same(ours.p, model, "p")
    same(mm.check_outliers(r).statistic, "outliers at both margins", "count")


def test_autocorrelation_is_dharmas():
    scaled = OBSERVED.scaledResiduals
    spatial = mm.check_spatial(scaled, OBSERVED.x, OBSERVED.y)
    same(spatial.statistic, "Moran's I", "obs")
    same(spatial.details["expected"], "Moran's I", "exp")
    same(spatial.details["sd"], "Moran's I", "sd")
    same(spatial.p, "Moran's I", "p")
    temporal = mm.check_temporal(scaled, OBSERVED.time)
    same(temporal.statistic, "Durbin-Watson on scaled", "DW")
    same(temporal.p, "Durbin-Watson", "p_two_sided")
    same(mm.check_temporal(scaled, OBSERVED.time, "greater").p, "Durbin-Watson", "p_greater")


def test_every_published_row_is_used_or_named():
    """A published number that no test looks at would be forgotten: the Pearson rows need the GLM (below)."""
    used = 2 + 4 + 4 + 3 + 6 + 1 + 4 + 3 + 2
    assert len(PUBLISHED) == used


def test_pearson_dispersion_is_dharmas():
    fit = smf.glm("observedResponse ~ Environment1", OBSERVED, family=poisson()).fit()
    test = mm.check_dispersion(fit, method="pearson")
    same(test.statistic, "Pearson chi2/df", "statistic")
    same(test.p, "Pearson chi2/df", "p_two_sided")


def poisson():
    import statsmodels.api as sm

    return sm.families.Poisson()


# --- residuals ----------------------------------------------------------------------------------------------


def ks_distance(u: np.ndarray) -> float:
    u, n = np.sort(u), len(u)
    return float(max((np.arange(1, n + 1) / n - u).max(), (u - np.arange(n) / n).max()))


@pytest.mark.parametrize("n_sim", [20, 250])
@pytest.mark.parametrize("kind", ["poisson", "rare", "normal"])
def test_residuals_are_exactly_uniform(kind, n_sim):
    """For any number of simulations and of ties; KS distance below its 0.999 quantile, 1.95/sqrt(n)."""
    rng = np.random.default_rng(1)
    n = 4000
    draw = {
        "poisson": lambda size: rng.poisson(3.0, size),
        "rare": lambda size: rng.binomial(1, 0.03, size),
        "normal": lambda size: rng.normal(size=size),
    }[kind]
    u = mm.quantile_residuals(draw(n), draw((n, n_sim)), discrete=True, rng=rng).values
    assert ks_distance(u) < 1.95 / np.sqrt(n)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(20, 60), st.integers(0, 4), st.integers(0, 10**6))
def test_columns_are_permutations_of_the_places(n, n_sim, top, seed):
    """Without ties each row of `columns` holds every place once; with ties every place's interval once."""
    rng = np.random.default_rng(seed)
    y, Y = rng.integers(0, top + 1, n), rng.integers(0, top + 1, (n, n_sim))
    known = mm.quantile_residuals(y, Y, rng=seed)
    places = np.sort(np.floor(known.columns[:, 1:] * (n_sim + 1)), axis=1)
    # the simulations take all places but one
    assert ((np.diff(places, axis=1) >= 0) & (places[:, :-1] >= 0)).all()
    assert all(len(set(row)) == n_sim for row in places)
    assert ((known.values > 0) & (known.values < 1)).all()


def test_the_same_call_gives_the_same_residuals_and_rng_decides():
    y, Y = OBSERVED.observedResponse, SIMULATED
    a, b = mm.quantile_residuals(y, Y), mm.quantile_residuals(y, Y)
    np.testing.assert_array_equal(a.values, b.values)
    c, d = mm.quantile_residuals(y, Y, rng=7), mm.quantile_residuals(y, Y, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(c.values, d.values)
    assert (a.values != c.values).any()
    np.testing.assert_array_equal(np.asarray(a), a.values)


@pytest.mark.parametrize(
    ("observed", "simulated", "words"),
    [
        (np.zeros(5), np.zeros((30, 5)), "transposed"),
        (np.zeros((5, 1)), np.zeros((5, 30)), "one-dimensional"),
        (np.array([0, np.nan]), np.zeros((2, 30)), "1 missing"),
        (np.zeros(2), np.full((2, 30), np.inf), "60 missing or infinite"),
        (np.zeros(2), np.zeros((2, 3)), "fewer than 20"),
        (np.zeros(2), None, "simulated is missing"),
    ],
)
def test_bad_arrays_are_refused_in_words(observed, simulated, words):
    with pytest.raises(ValueError, match=words):
        mm.quantile_residuals(observed, simulated)


def test_bad_questions_are_refused_in_words(r):
    with pytest.raises(ValueError, match="two-sided"):
        mm.check_dispersion(r, "more")
    with pytest.raises(ValueError, match="no longer have"):
        mm.check_zeros(r.values)
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        mm.check_uniformity(np.array([-1.0, 2.0]))
    with pytest.raises(ValueError, match="equal values within a series"):
        mm.check_temporal(r, np.repeat(np.arange(100), 2))
    with pytest.raises(ValueError, match="at one place"):
        mm.check_spatial(r, np.zeros(200), np.zeros(200))
    with pytest.raises(ValueError, match="one value for each of the 200"):
        mm.check_temporal(r, [1, 2])
    with pytest.raises(ValueError, match="margin is"):
        mm.check_outliers(r, margin="left")
    with pytest.raises(TypeError, match="rng is a str"):
        mm.quantile_residuals(np.zeros(3), np.zeros((3, 30)), rng="1")  # type: ignore[arg-type]


def test_series_are_kept_apart():
    """Differences between the ends of two series do not count: swapping the series changes nothing."""
    rng = np.random.default_rng(2)
    u, time = rng.random(60), np.tile(np.arange(30), 2)
    one = mm.check_temporal(u, time, group=np.repeat(["a", "b"], 30))
    other = mm.check_temporal(u, time, group=np.repeat(["b", "a"], 30))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-12)
    assert one.p == pytest.approx(other.p, abs=0.03)


# --- level and power ----------------------------------------------------------------------------------------

N_DATA, N_SIM = 500, 99
CHECKS = {
    "uniformity": lambda r, place: mm.check_uniformity(r),
    "dispersion": lambda r, place: mm.check_dispersion(r, exact=True),
    "zeros": lambda r, place: mm.check_zeros(r, exact=True),
    "outliers": lambda r, place: mm.check_outliers(r, exact=True),
    "temporal": lambda r, place: mm.check_temporal(r, place[0]),
    "spatial": lambda r, place: mm.check_spatial(r, place[0], place[1]),
}


def rejections(draw, n: int, checks: list[str], n_data: int = N_DATA, seed: int = 3) -> dict[str, float]:
    """Share of p <= 0.05 for data and simulations from ``draw(rng, size) -> (observed, simulated)``."""
    rng = np.random.default_rng(seed)
    count = dict.fromkeys(checks, 0)
    for _ in range(n_data):
        y, Y = draw(rng)
        r = mm.quantile_residuals(y, Y, rng=rng)
        place = (rng.random(n), rng.random(n))
        for name in checks:
            count[name] += CHECKS[name](r, place).p <= 0.05
    return {name: k / n_data for name, k in count.items()}


def poisson_groups(n_groups: int, size: int):
    """Counts that share an effect by group: dependent observations, new effects in every simulation."""
    g = np.repeat(np.arange(n_groups), size)

    def draw(rng):
        b = rng.normal(0, 0.7, (n_groups, N_SIM + 1))[g]
        Y = rng.poisson(np.exp(0.5 + b)).astype(float)
        return Y[:, 0], Y[:, 1:]

    return draw, len(g)


@pytest.mark.parametrize(("n_groups", "size"), [(4, 5), (10, 10)])
def test_levels_under_the_true_model_with_dependent_counts(n_groups, size):
    """Simulations from the true model: every test has its level, dependence within groups or not."""
    draw, n = poisson_groups(n_groups, size)
    for name, share in rejections(draw, n, list(CHECKS)).items():
        # discrete statistics reject less often; none more often than 5% + 4 Monte Carlo SE
        assert share < 0.05 + 4 * np.sqrt(0.05 * 0.95 / N_DATA), name
        if name not in {"zeros", "outliers"}:
            assert share > 0.05 - 4 * np.sqrt(0.05 * 0.95 / N_DATA), name


def test_independence_wrongly_assumed_rejects_far_too_often():
    """Why uniformity is calibrated by simulation: Kolmogorov's p-value on the same data is no p-value."""
    draw, _ = poisson_groups(6, 30)
    rng = np.random.default_rng(4)
    hits = np.zeros(2)
    for _ in range(200):
        y, Y = draw(rng)
        r = mm.quantile_residuals(y, Y, rng=rng)
        hits += [mm.check_uniformity(r, method=m).p <= 0.05 for m in ("independent", "simulation")]
    assert hits[0] / 200 > 0.3
    assert hits[1] / 200 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def shares(fault: float, name: str) -> float:
    """Power of a check against the fault that it is named for, of a given size; n = 60 Poisson counts."""
    n = 60

    def draw(rng):
        Y = rng.poisson(2.0, (n, N_SIM)).astype(float)
        y = rng.poisson(2.0, n).astype(float)
        if name == "dispersion":
            y = rng.poisson(2.0 * rng.gamma(1 / fault, fault, n)).astype(float) if fault else y
        elif name == "zeros":
            y *= rng.random(n) >= fault
        elif name == "outliers":
            y[: round(10 * fault)] = 30
        else:
            y = rng.poisson(2.0 + 2 * fault, n).astype(float)
        return y, Y

    return rejections(draw, n, [name], n_data=150)[name]


@pytest.mark.parametrize("name", ["dispersion", "zeros", "outliers", "uniformity"])
def test_power_grows_with_the_fault(name):
    power = [shares(fault, name) for fault in (0.0, 0.2, 0.6)]
    assert power[0] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)
    assert power[0] < power[1] <= power[2]
    assert power[2] > 0.8


@pytest.mark.parametrize("n", [20, 120])
def test_temporal_level_and_power(n):
    rng = np.random.default_rng(5)
    time = rng.permutation(n)
    order = np.argsort(time)
    rates = []
    for rho in (0.0, 0.3, 0.7):
        e = rng.normal(size=(n, 400))
        for i in range(1, n):
            e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * e[i]
        z = np.empty_like(e)
        z[order] = e
        from scipy.special import ndtr

        rates.append(np.mean([mm.check_temporal(u, time).p <= 0.05 for u in ndtr(z).T]))
    assert abs(rates[0] - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 400)
    assert rates[0] < rates[1] < rates[2]


def test_spatial_level_and_power():
    rng = np.random.default_rng(6)
    n = 60
    rates = []
    from scipy.special import ndtr

    for share in (0.0, 0.5, 0.9):
        hits = []
        for _ in range(300):
            x, y = rng.random(n), rng.random(n)
            d = np.hypot(x[:, None] - x, y[:, None] - y)
            S = share * np.exp(-d / 0.5) + (1 - share) * np.eye(n)
            z = np.linalg.cholesky(S + 1e-9 * np.eye(n)) @ rng.normal(size=n)
            hits.append(mm.check_spatial(ndtr(z), x, y).p <= 0.05)
        rates.append(np.mean(hits))
    assert abs(rates[0] - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 300)
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] > 0.6


def test_sums_by_group_show_what_single_binary_responses_cannot():
    """0/1 responses cannot be overdispersed one by one; sums are when a group effect is missing."""
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(30), 12)
    p = 1 / (1 + np.exp(-1.2 * rng.normal(size=30)))[group]
    y, Y = rng.binomial(1, p), rng.binomial(1, p.mean(), (len(p), 250))
    r = mm.quantile_residuals(y, Y)
    assert mm.check_dispersion(r).p > 0.05
    grouped = r.by_group(group)
    assert len(grouped) == 30
    np.testing.assert_array_equal(grouped.observed, np.bincount(group, y))
    assert mm.check_dispersion(grouped, "greater").p < 0.01
    with pytest.raises(ValueError, match="one value"):
        r.by_group(group[:5])


def test_with_refits_the_tests_keep_their_level_and_gain_power():
    """Plug-in tests are conservative, since the fit follows the data; refits give the lost power back."""
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    n, n_data = 30, 60

    def shares(over: float, refit: bool) -> np.ndarray:
        hits = np.zeros(2)
        for _ in range(n_data):
            X = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
            mu = np.exp(0.7 + 0.4 * X[:, 1]) * (rng.gamma(1 / over, over, n) if over else 1.0)
            fit = sm.GLM(rng.poisson(mu), X, family=sm.families.Poisson()).fit()
            r = mm.quantile_residuals(fit, n_sim=39, refit=refit, rng=rng)
            hits += [mm.check_dispersion(r, exact=True).p <= 0.05, mm.check_uniformity(r).p <= 0.05]
        return hits / n_data

    level = 0.05 + 4 * np.sqrt(0.05 * 0.95 / n_data)
    assert (shares(0.0, True) < level).all()
    assert (shares(0.0, False) < level).all()
    with_refits, plug_in = shares(0.8, True), shares(0.8, False)
    assert with_refits[1] > plug_in[1] + 0.1
    assert with_refits[0] > 0.3


# --- rotation -----------------------------------------------------------------------------------------------


def correlated(rng: np.random.Generator, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    S = 0.8 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return S, np.linalg.cholesky(S)


def test_rotation_takes_the_correlation_out():
    """Given or estimated covariance: independent uniform residuals, which a test for independent ones may take."""
    rng = np.random.default_rng(11)
    S, L = correlated(rng)
    mean = np.linspace(0, 3, len(S))
    rates = {"none": 0.0, "given": 0.0, "estimated": 0.0}
    for _ in range(150):
        Y = mean[:, None] + L @ rng.normal(size=(len(S), 251))
        for name, rotation in (("none", None), ("given", S), ("estimated", "estimated")):
            r = mm.quantile_residuals(Y[:, 0], Y[:, 1:], discrete=False, rotation=rotation, rng=rng)
            p = mm.check_temporal(r.values, np.arange(len(S))).p
            rates[name] += (p <= 0.05) / 150
    assert rates["none"] > 0.95
    assert rates["given"] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)
    assert rates["estimated"] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)


def test_rotation_by_the_model_makes_rows_of_a_group_independent():
    fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
    plain = mm.quantile_residuals(fit, n_sim=99)
    turned = mm.quantile_residuals(fit, n_sim=99, rotation="model")
    assert turned.rotated is not None
    within = [np.corrcoef(x.columns[[0, 1], 1:])[0, 1] for x in (plain, turned)]
    assert within[0] > 0.4
    assert abs(within[1]) < 0.35
    assert np.corrcoef(plain.values, turned.values)[0, 1] > 0.3
    # statistics of the responses themselves do not change
    assert mm.check_dispersion(plain).p == mm.check_dispersion(turned).p


def test_rotations_that_cannot_be_are_refused_in_words():
    y, Y = np.zeros(5), np.random.default_rng(1).normal(size=(5, 30))
    with pytest.raises(ValueError, match="more simulations than observations"):
        mm.quantile_residuals(
            np.zeros(40), np.random.default_rng(1).normal(size=(40, 30)), rotation="estimated"
        )
    with pytest.raises(ValueError, match="not positive definite"):
        mm.quantile_residuals(y, Y, rotation=-np.eye(5))
    with pytest.raises(ValueError, match="needs the fit of a linear model"):
        mm.quantile_residuals(y, Y, rotation="model")
    with pytest.raises(ValueError, match="has shape"):
        mm.quantile_residuals(y, Y, rotation=np.eye(4))
    fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
    with pytest.raises(ValueError, match="leave conditional and refit out"):
        mm.quantile_residuals(fit, rotation="model", conditional=True)


def test_zeros_with_refits_are_held_against_what_each_refit_expects():
    import statsmodels.api as sm

    rng = np.random.default_rng(12)
    x = rng.normal(size=80)
    y = rng.poisson(np.exp(0.5 + 0.5 * x))
    fit = sm.GLM(y, sm.add_constant(x), family=sm.families.Poisson()).fit()
    r = mm.quantile_residuals(fit, n_sim=49, refit=True)
    assert r.expected_zeros is not None
    assert r.expected_zeros[0] == pytest.approx(np.exp(-fit.fittedvalues).sum())
    again = sm.GLM(r.simulated[:, 6], sm.add_constant(x), family=sm.families.Poisson()).fit()
    assert r.expected_zeros[7] == pytest.approx(np.exp(-again.fittedvalues).sum(), rel=1e-6)
    test = mm.check_zeros(r, exact=True)
    assert test.statistic == pytest.approx((y == 0).sum() / r.expected_zeros[0])
    extra = sm.GLM(y * (rng.random(80) > 0.35), sm.add_constant(x), family=sm.families.Poisson()).fit()
    assert mm.check_zeros(mm.quantile_residuals(extra, n_sim=99, refit=True), exact=True).p < 0.05
