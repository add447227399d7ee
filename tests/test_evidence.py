"""Bridge sampling, Savage-Dickey and the grid: against closed forms, brute force, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

import mmhelpers as mm

# nested adaptive quadrature to 1e-9 relative
BRUTE = 1e-5
# bridge sampling from 8,000 draws says its error is about 0.01 here; five of them
BRIDGE = 5.0

SMALL = mm.load("Dyestuff").groupby("Batch", observed=True).head(3)
PRIOR = mm.GridPrior({"(Intercept)": (1500, 200)}, group_sd=100, sigma=100)
GOBY = mm.GridPrior(
    {"(Intercept)": (150, 50), "waterwarm": (0, 20), "waterhypoxic": (0, 20)}, group_sd=20, sigma=40
)


@pytest.fixture(scope="module")
def gobies():
    return mm.grid_posterior("fanning ~ water + (1 | tank)", mm.load("gobies"), GOBY)


# --- the grid --------------------------------------------------------------------------------------------------


def brute_force(y, group, mean, sd, tau_scale, sigma_scale, top):
    """log p(y) of an intercept-only model with a multivariate normal density and adaptive quadrature."""
    Z = (group[:, None] == np.unique(group)).astype(float)

    def log_density(tau, sigma):
        V = sigma**2 * np.eye(len(y)) + tau**2 * Z @ Z.T + sd**2
        _, det = np.linalg.slogdet(V)
        r = y - mean
        prior = stats.halfnorm.logpdf(tau, scale=tau_scale) + stats.halfnorm.logpdf(sigma, scale=sigma_scale)
        return -0.5 * (len(y) * np.log(2 * np.pi) + det + r @ np.linalg.solve(V, r)) + prior

    shift = log_density(*top)
    found, _ = integrate.dblquad(
        lambda tau, sigma: np.exp(log_density(tau, sigma) - shift), 1, 500, 0, 500, epsabs=0, epsrel=1e-7
    )
    return np.log(found) + shift


def test_evidence_agrees_with_brute_force():
    post = mm.grid_posterior("Yield ~ 1 + (1 | Batch)", SMALL, PRIOR)
    by_force = brute_force(post.y, post.group, 1500, 200, 100, 100, (50, 50))
    assert post.log_evidence == pytest.approx(by_force, abs=BRUTE)


@pytest.mark.parametrize(
    ("name", "formula", "beta"),
    [
        ("Dyestuff2", "Yield ~ 1 + (1 | Batch)", {"(Intercept)": (5, 5)}),
        ("Dyestuff", "Yield ~ 1 + (1 | Batch)", {"(Intercept)": (1500, 200)}),
        ("sleepstudy", "Reaction ~ Days + (1 | Subject)", {"(Intercept)": (250, 100), "Days": (0, 20)}),
        ("gobies", "fanning ~ water + (1 | tank)", GOBY.beta),
    ],
)
@pytest.mark.parametrize("scale", [0.5, 20, 2000])
def test_finer_nodes_change_nothing(name, formula, beta, scale):
    post = mm.grid_posterior(formula, mm.load(name), mm.GridPrior(beta, group_sd=scale, sigma=500))
    y = post.y[:, None]
    finer = post._evidence(y, post._nodes(y, finer=3))[0]
    assert post.log_evidence == pytest.approx(finer, abs=1e-4)


def test_near_flat_priors_give_the_reml_fit(gobies):
    flat = dict.fromkeys(gobies.x_names, (0, 1e5))
    post = gobies.with_prior(beta=flat, group_sd=500, sigma=500)
    fit = mm.fit("fanning ~ water + (1 | tank)", mm.load("gobies"))
    assert post.table()["mean"][list(gobies.x_names)].to_numpy() == pytest.approx(fit.beta, abs=0.02)
    # a posterior standard deviation holds the uncertainty of tau and sigma: wider by a few percent
    ratio = post.table()["sd"][list(gobies.x_names)].to_numpy() / fit.se
    assert np.all((ratio > 1) & (ratio < 1.25))


def test_savage_dickey_is_the_ratio_of_evidences(gobies):
    for name in ("waterwarm", "waterhypoxic"):
        ratio = gobies.prior_density(name, 0) / gobies.density(name, 0)
        assert np.log(ratio) == pytest.approx(gobies.log_evidence - gobies.drop(name).log_evidence, abs=1e-6)


def test_density_integrates_to_one_with_the_tables_mean(gobies):
    x = np.linspace(-60, 80, 3000)
    p = gobies.density("waterhypoxic", x)
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(p * x, x) == pytest.approx(gobies.table().loc["waterhypoxic", "mean"], abs=1e-4)


def test_many_responses_at_once_are_each_alone(gobies):
    Y = np.vstack([gobies.y, gobies.y[::-1], gobies.y + np.random.default_rng(1).normal(0, 30, 90)])
    alone = []
    for y in Y:
        data = mm.load("gobies").assign(fanning=y)
        alone.append(mm.grid_posterior("fanning ~ water + (1 | tank)", data, GOBY).log_evidence)
    assert gobies.evidence_of(Y) == pytest.approx(
        np.array(alone), abs=1e-3
    )  # nodes for all three are spread wider


@pytest.mark.parametrize("unit", ["group", "row"])
def test_leaving_out_is_refitting(gobies, unit):
    found = gobies.leave_out(unit)
    key = "tank" if unit == "group" else "male"
    data = mm.load("gobies")
    for which in (0, 7):
        rest = data[data[key] != data[key].cat.categories[which]]
        refit = mm.grid_posterior("fanning ~ water + (1 | tank)", rest, GOBY)
        assert found["lpd"][which] == pytest.approx(gobies.log_evidence - refit.log_evidence, abs=1e-5)
    assert found["n"].sum() == 90


def test_leave_one_row_out_is_the_predictive_density(gobies):
    """Row 3 from draws of the posterior of all others, its tank's effect drawn from its conditional."""
    data = mm.load("gobies")
    rest = mm.grid_posterior("fanning ~ water + (1 | tank)", data.drop(index=3), GOBY)
    u = rest.draws(40_000, np.random.default_rng(3))
    tau2, s2 = np.exp(2 * u[:, 3]), np.exp(2 * u[:, 4])
    mates = np.flatnonzero((gobies.group == gobies.group[3]) & (np.arange(90) != 3))
    r = (gobies.y[mates] - u[:, :3] @ gobies.X[mates].T).sum(axis=1)
    shrunk = tau2 / (s2 + len(mates) * tau2)
    sd = np.sqrt(s2 + s2 * shrunk)
    lpd = stats.norm.logpdf(gobies.y[3], u[:, :3] @ gobies.X[3] + shrunk * r, sd)
    drawn = special.logsumexp(lpd) - np.log(len(lpd))
    assert gobies.leave_out("row")["lpd"][3] == pytest.approx(drawn, abs=0.02)


def test_draws_are_of_the_posterior(gobies):
    u = gobies.draws(40_000, np.random.default_rng(4))
    table = gobies.table()
    found = np.column_stack([u[:, :3], np.exp(u[:, 3:])])
    z = (found.mean(axis=0) - table["mean"]) / (table["sd"] / np.sqrt(len(u)))
    assert np.abs(z).max() < 4.5
    assert found.std(axis=0) == pytest.approx(table["sd"].to_numpy(), rel=0.02)


def test_log_density_integrates_to_the_evidence(gobies):
    """Importance sampling with a t proposal in place of quadrature."""
    u = gobies.draws(4000, np.random.default_rng(5))
    t = stats.multivariate_t(u.mean(axis=0), 1.3 * np.cov(u.T), df=4)
    v = t.rvs(40_000, random_state=np.random.default_rng(6))
    log_w = gobies.log_density(v) - t.logpdf(v)
    assert special.logsumexp(log_w) - np.log(len(v)) == pytest.approx(gobies.log_evidence, abs=0.03)


def test_rows_given_effects_and_groups_without_them_agree(gobies):
    """Integrating the rows' likelihood over a tank's effect gives the group's."""
    u = gobies.draws(1, np.random.default_rng(7))
    b, w = np.polynomial.hermite_e.hermegauss(80)
    effects = np.exp(u[0, 3]) * b
    rows = gobies.row_log_lik(np.repeat(u, 80, axis=0), np.repeat(effects[:, None], 18, axis=1))
    of_first = rows[:, gobies.group == 0].sum(axis=1)
    integral = special.logsumexp(of_first + np.log(w / np.sqrt(2 * np.pi)))
    assert gobies.group_log_lik(u)[0, 0] == pytest.approx(integral, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: mm.grid_posterior("fanning ~ water + (water | tank)", d, GOBY), "one random intercept"),
        (lambda d: mm.grid_posterior("fanning ~ water", d, GOBY), "one random intercept"),
        (lambda d: mm.grid_posterior("fanning ~ 1 + (1 | tank)", d, GOBY), "no such coefficient"),
        (lambda d: mm.grid_posterior("fanning ~ water + door + (1 | tank)", d, GOBY), "missing: door"),
        (lambda d: mm.grid_posterior("fanning ~ water + (1 | tank)", d, GOBY).drop("cold"), "no coefficient"),
        (lambda d: mm.grid_posterior("fanning ~ water + (1 | tank)", d, GOBY).leave_out("tank"), "unit must"),
        (lambda d: mm.grid_posterior("fanning ~ water + (1 | tank)", d, GOBY).evidence_of([[1, 2]]), "Y must"),
        (lambda d: mm.grid_posterior("fanning ~ water + (1 | tank)", d, GOBY).log_density([[1, 2]]), "u must"),
        (lambda d: mm.grid_posterior("fanning ~ water + (1 | tank)", d, GOBY).row_log_lik([[0] * 5], [[1]]), "effects"),
        (lambda d: mm.GridPrior({"x": (0, np.inf)}, 1, 1), "flat prior"),
        (lambda d: mm.GridPrior({"x": 3}, 1, 1), "a pair"),
        (lambda d: mm.GridPrior({}, 0, 1), "group_sd"),
    ],
)  # fmt: skip
def test_grid_refuses_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call(mm.load("gobies"))


# --- bridge sampling -------------------------------------------------------------------------------------------


def conjugate(seed, n=30, p=3):
    """Return a conjugate linear model: draws of its posterior, its log density, its evidence."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    y = X @ rng.normal(size=p) + rng.normal(size=n)
    P, m, a, b = 0.5 * np.eye(p), np.zeros(p), 2.0, 2.0
    Pn = P + X.T @ X
    mn = np.linalg.solve(Pn, X.T @ y)
    an, bn = a + n / 2, b + (y @ y - mn @ Pn @ mn) / 2
    q = rng.gamma(an, 1 / bn, 8000)
    beta = mn + rng.normal(size=(8000, p)) @ np.linalg.inv(np.linalg.cholesky(Pn)) / np.sqrt(q)[:, None]

    def log_density(u):
        beta, log_q = u[:, :p], u[:, p]
        like = 0.5 * n * (log_q - np.log(2 * np.pi)) - 0.5 * np.exp(log_q) * ((y - beta @ X.T) ** 2).sum(
            axis=1
        )
        prior = 0.5 * p * (log_q - np.log(2 * np.pi)) + 0.5 * np.linalg.slogdet(P)[1]
        prior -= 0.5 * np.exp(log_q) * np.einsum("sp,pq,sq->s", beta, P, beta)
        return like + prior + stats.gamma.logpdf(np.exp(log_q), a, scale=1 / b) + log_q

    return (
        np.column_stack([beta, np.log(q)]),
        log_density,
        mm.exact.log_evidence_linear(y, X, mean=m, precision=P, shape=a, rate=b),
    )


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_bridge_sampling_agrees_with_the_conjugate_model(seed):
    draws, log_density, exact = conjugate(seed)
    found = mm.bridge_sampling(draws, log_density, rng=np.random.default_rng(seed))
    assert found.error < 0.01
    assert abs(found.log_evidence - exact) < BRIDGE * found.error


def test_the_error_of_bridge_sampling_is_its_spread(gobies):
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found.append(mm.bridge_sampling(gobies.draws(1000, rng), gobies.log_density, rng=rng))
    values = np.array([f.log_evidence for f in found])
    # the standard deviation of 40 values is known to about 11%
    assert values.std() == pytest.approx(np.mean([f.error for f in found]), rel=0.45)
    assert abs(values.mean() - gobies.log_evidence) < 4.5 * values.std() / np.sqrt(40) + 0.002


def test_correlated_draws_have_a_larger_error(gobies):
    rng = np.random.default_rng(8)
    u = gobies.draws(500, rng)
    sticky = np.repeat(u, 8, axis=0)
    loose = gobies.draws(4000, rng)
    sure = mm.bridge_sampling(loose, gobies.log_density, rng=np.random.default_rng(1)).error
    unsure = mm.bridge_sampling(sticky, gobies.log_density, rng=np.random.default_rng(1)).error
    assert 1.3 * sure < unsure < 2.8 * sure  # part of the variance is the proposal's, and stays


def test_bridge_sampling_refuses_in_words(gobies):
    rng = np.random.default_rng(9)
    u = gobies.draws(200, rng)
    with pytest.raises(ValueError, match="20 draws a parameter"):
        mm.bridge_sampling(u[:50], gobies.log_density, rng=rng)
    with pytest.raises(ValueError, match="constant"):
        mm.bridge_sampling(np.column_stack([u[:, :2], np.ones(200)]), lambda v: v[:, 0], rng=rng)
    with pytest.raises(ValueError, match="100 numbers"):
        mm.bridge_sampling(u, lambda v: v, rng=rng)


# --- draws of one effect ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["kernel", "normal"])
def test_savage_dickey_from_draws_agrees_with_the_closed_form(method):
    estimate, se, w = 6.0, 3.0, 10.0
    share = w**2 / (se**2 + w**2)
    draws = np.random.default_rng(10).normal(share * estimate, np.sqrt(share) * se, 40_000)
    bf, error = mm.savage_dickey(draws, stats.norm.pdf(0, 0, w), method=method)
    exact = mm.exact.bayes_factor_normal(estimate, se, w)
    # a kernel rounds a density off; 40,000 draws leave about one percent of it
    assert abs(np.log(bf / exact)) < 4.5 * error + 0.02


def test_the_error_of_savage_dickey_is_its_spread():
    rng = np.random.default_rng(11)
    found = [mm.savage_dickey(rng.normal(2, 1, 2000), 0.1) for _ in range(200)]
    spread = np.std([np.log(bf) for bf, _ in found])
    assert np.mean([error for _, error in found]) == pytest.approx(spread, rel=0.25)


def test_a_kernel_says_where_it_knows_nothing():
    with pytest.raises(ValueError, match="no draw lies beyond"):
        mm.savage_dickey(np.random.default_rng(12).normal(20, 1, 1000), 0.1)


def test_summary_of_draws():
    x = np.random.default_rng(13).normal(1, 1, (4, 2500))
    row = mm.summarise_draws({"a": x, "b": -x}, rope=(-0.5, 0.5), level=0.9)
    assert row.loc["a", "direction"] == row.loc["b", "direction"] == (x > 0).mean()
    assert row.loc["a", "in rope"] == ((x > -0.5) & (x < 0.5)).mean()
    assert row.loc["a", ["lower", "upper"]].tolist() == pytest.approx(np.quantile(x, [0.05, 0.95]))
    assert "in rope" not in mm.summarise_draws({"a": x})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mm.summarise_draws({"a": [1, 2]}), "at least 100"),
        (lambda: mm.summarise_draws({"a": np.arange(200)}, rope=(1, -1)), "rope"),
        (lambda: mm.summarise_draws({"a": np.arange(200)}, level=95), "level"),
        (lambda: mm.savage_dickey(np.arange(200.0), 0.0), "prior_density"),
        (lambda: mm.savage_dickey(np.arange(200.0), 0.1, method="spline"), "method"),
    ],
)
def test_draws_refuse_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
