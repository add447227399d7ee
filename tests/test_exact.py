"""Closed forms: against the published numbers, by a second derivation (numerical), and by simulation."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import mmhelpers as mm

# Two derivations of one number agree to the accuracy of the quadratures.
QUADRATURE = 1e-9
# Monte Carlo: this many standard errors (one test in 30,000 fails by chance; the seeds are fixed).
Z_MC = 4.0


def rows(dataset: str) -> list[dict[str, Any]]:
    table = mm.load("published")
    return table[table["dataset"] == dataset].to_dict("records")


def numbers(text: str) -> dict[str, float]:
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]*\d)", text)}


def cases(dataset: str) -> list[pytest.ParameterSet]:
    return [pytest.param(row, id=f"{row['model']} {row['quantity']}") for row in rows(dataset)]


# ---------------------------------------------------------------------------------------------- published


def test_published_rows_are_there():
    assert len(rows("simulated (balanced within-subject)")) == 48
    assert len(rows("simulated (between-subject, balanced)")) == 18
    assert len(rows("simulated (one-way)")) == 6


@pytest.mark.parametrize("row", cases("simulated (balanced within-subject)"))
def test_published_within(row):
    v = numbers(row["model"])
    if row["quantity"].startswith("typeI_RIonly"):
        test = row["quantity"].rsplit("_", 1)[1]
        got = mm.exact.type1_slopeless(v["n"], v["J"], v["Sxx"], v["tau11"], v["sigma2"], test=test)
    else:
        assert row["quantity"] == "typeI_RIS_z_(interior)"
        got = mm.exact.type1_maximal(v["n"], test="z")
    assert got == pytest.approx(float(row["value"]), abs=float(row["tolerance"]))
    assert got == pytest.approx(float(row["value"]), abs=2e-10)  # as far as the table prints


@pytest.mark.parametrize("row", cases("simulated (between-subject, balanced)"))
def test_published_between(row):
    n = numbers(row["model"])["n"]
    test = {"typeI_t-as-z_REML": "z", "typeI_LRT_ML": "LRT", "typeI_Satterthwaite_or_KR": "F"}
    got = mm.exact.type1_between(n, test=test[row["quantity"]])
    assert got == pytest.approx(float(row["value"]), abs=float(row["tolerance"]))


@pytest.mark.parametrize("row", cases("simulated (one-way)"))
def test_published_oneway(row):
    v = numbers(row["model"].replace("sb2=.1", "sb2=0.1"))
    args = (v["k"], v["n"], v["sb2"], v["s2"])
    if row["quantity"] == "E_var_between_ML":
        got = mm.exact.expected_tau2(*args, method="ML", truncated=False)
    else:
        got = mm.exact.prob_singular(*args, method=row["quantity"].rsplit("_", 1)[1])
    assert got == pytest.approx(float(row["value"]), abs=float(row["tolerance"]))


@pytest.mark.parametrize(("dataset", "method"), [("Dyestuff", "REML"), ("Dyestuff", "ML")])
def test_published_anova_estimators(dataset, method):
    # Dyestuff (Davies & Goldsmith 1972): 6 batches of 5
    y = """1545 1440 1440 1520 1580 1540 1555 1490 1560 1495 1595 1550 1605 1510 1560
           1445 1440 1595 1465 1545 1595 1630 1515 1635 1625 1520 1455 1450 1480 1445"""
    est = mm.exact.anova_estimators(np.array(y.split(), dtype=float).reshape(6, 5))
    assert est.mean == pytest.approx(1527.5)
    # lme4 paper, and published.csv: sd 42.001 and 49.510 by REML, 37.260 and 49.510 by ML
    want = {"REML": (42.00063, 49.51010), "ML": (37.26034, 49.51010)}[method]
    assert np.sqrt(est.tau2[method]) == pytest.approx(want[0], abs=1e-4)
    assert np.sqrt(est.sigma2[method]) == pytest.approx(want[1], abs=1e-4)


# ---------------------------------------------------------------------------------- second derivations


def imhof(weights: list[float], df: list[float]) -> float:
    """P(sum w chi2_df > 0) by inverting the characteristic function (Imhof 1961)."""
    w, h = np.array(weights), np.array(df, dtype=float)

    def integrand(u: float) -> float:
        angle = 0.5 * np.sum(h * np.arctan(w * u))
        return np.sin(angle) / u * np.exp(-0.25 * np.sum(h * np.log1p((w * u) ** 2)))

    scale = 1 / np.max(np.abs(w))
    first = integrate.quad(integrand, 0, scale, limit=500, epsabs=1e-12)[0]
    # tail in log u: the oscillation dies with the amplitude
    tail = integrate.quad(
        lambda v: integrand(np.exp(v)) * np.exp(v),
        np.log(scale),
        np.log(scale) + 25,
        limit=2000,
        epsabs=1e-12,
    )[0]
    return 0.5 + (first + tail) / np.pi


@pytest.mark.parametrize("args", [(10, 4, 1, 1, 1), (18, 10, 82.5, 35.07, 654.94), (5, 3, 2, 0.3, 1)])
@pytest.mark.parametrize("test", ["F", "z", "LRT"])
def test_slopeless_by_imhof(args, test):
    n, j, sxx, tau11, sigma2 = args
    lam, nu = 1 + tau11 * sxx / sigma2, n * (j - 1) - 1
    chi2 = stats.chi2.isf(0.05, 1)
    crit = {
        "F": stats.f.isf(0.05, 1, nu),
        "z": chi2,
        "LRT": nu * np.expm1(chi2 / (n * (j - 1))),
    }[test]
    want = imhof([lam, -crit / nu * lam, -crit / nu], [1, n - 1, n * (j - 2)])
    assert mm.exact.type1_slopeless(*args, test=test) == pytest.approx(want, abs=QUADRATURE)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 300),
    j=st.integers(2, 60),
    ratio=st.floats(0, 1e6),
    test=st.sampled_from(["F", "z", "LRT"]),
    alpha=st.floats(1e-4, 0.5),
)
def test_slopeless_limits(n, j, ratio, test, alpha):
    """Between its two limits: no slope variance, and slope variance without bound."""
    nu, m = n * (j - 1) - 1, n * (j - 1)
    chi2 = stats.chi2.isf(alpha, 1)
    crit = {"F": stats.f.isf(alpha, 1, nu), "z": chi2, "LRT": nu * np.expm1(chi2 / m)}[test]
    got = mm.exact.type1_slopeless(n, j, 1.0, ratio, 1.0, test=test, alpha=alpha)
    none = stats.f.sf(crit, 1, nu)
    all_ = stats.f.sf(crit * (n - 1) / nu, 1, n - 1)
    assert none - 1e-9 <= got <= all_ + 1e-9
    # Only sxx * tau11 / sigma2 matters.
    assert mm.exact.type1_slopeless(n, j, 7.0, ratio, 7.0, test=test, alpha=alpha) == pytest.approx(got)
    if j == 2:
        assert got == pytest.approx(none)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 400), j=st.integers(3, 60), ratio=st.floats(0, 1e8))
def test_slopeless_by_adaptive_quadrature(n, j, ratio):
    lam, nu, a, b = 1 + ratio, n * (j - 1) - 1, (n - 1) / 2, n * (j - 2) / 2
    crit = stats.f.isf(0.05, 1, nu)
    want = integrate.quad(
        lambda u: stats.f.sf(crit * (u + (1 - u) / lam), 1, nu) * stats.beta.pdf(u, a, b),
        0,
        1,
        points=sorted({a / (a + b), min(0.5, 1 / lam)}),
        limit=400,
        epsabs=1e-12,
    )[0]
    assert mm.exact.type1_slopeless(n, j, 1.0, ratio, 1.0) == pytest.approx(want, abs=1e-7)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_oneway_expectations_by_integration(method):
    k, n, tau2, sigma2 = 6, 5, 0.1, 1.0
    lam, a, b, d = sigma2 + n * tau2, k - 1, k * (n - 1), k if method == "ML" else k - 1
    pooled_df = k * n - (method == "REML")

    x, w = np.polynomial.legendre.leggauss(80)

    def nodes(low, high, df):  # nodes and weights for chi2_df between two bounds, in the root of the variable
        low, high = np.sqrt(low), np.sqrt(high)
        s = (low + high) / 2 + (high - low) / 2 * x
        return s**2, w * (high - low) / 2 * 2 * s * stats.chi2.pdf(s**2, df)

    def expect(g):
        total = 0.0
        for v, weight in zip(*nodes(0, stats.chi2.isf(1e-14, b), b), strict=True):
            edge = v * sigma2 / b * d / lam  # where SSB / d = MSE
            for bounds in ((0, edge), (edge, edge + stats.chi2.isf(1e-14, a))):
                u, inner = nodes(*bounds, a)
                total += weight * sum(g(lam * ui, sigma2 * v) * wi for ui, wi in zip(u, inner, strict=True))
        return total

    def tau(ssb: float, sse: float) -> float:
        return max(ssb / d - sse / b, 0) / n

    def sig(ssb: float, sse: float) -> float:
        return sse / b if ssb / d > sse / b else (ssb + sse) / pooled_df

    args = (k, n, tau2, sigma2, method)
    assert mm.exact.expected_tau2(*args) == pytest.approx(expect(tau), rel=1e-8)
    assert mm.exact.expected_sigma2(*args) == pytest.approx(expect(sig), rel=1e-8)


# --------------------------------------------------------------------------------------------- simulation


def check_rate(got: float, want: float, n: int) -> None:
    assert abs(got - want) < Z_MC * np.sqrt(want * (1 - want) / n)


@pytest.mark.parametrize("test", ["F", "z", "LRT"])
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_slopeless_simulated_where_intercept_variance_is_large(test, rho):
    draws = mm.exact.simulate_slopeless(
        12, 5, 10, 0.5, 1, tau00=20, rho=rho, n_rep=60_000, rng=np.random.default_rng(4)
    )
    assert draws.singular.mean() == 0
    check_rate(draws.rate(test), mm.exact.type1_slopeless(12, 5, 10, 0.5, 1, test=test), 60_000)


def test_slopeless_at_the_boundary_differs():
    """Where the intercept variance is often estimated at zero, the closed form is not the rate."""
    draws = mm.exact.simulate_slopeless(10, 4, 1, 1, 1, tau00=0, n_rep=100_000, rng=np.random.default_rng(5))
    want = mm.exact.type1_slopeless(10, 4, 1, 1, 1)
    assert draws.singular.mean() > 0.5
    assert abs(draws.rate("F") - want) > 5 * np.sqrt(want * (1 - want) / 100_000)
    inside = np.mean(draws.p_F[~draws.singular] <= 0.05)
    assert abs(inside - want) > 0.01  # nor is it the rate among the fits with a positive variance


def test_slopeless_simulation_equals_fits_of_raw_data():
    """The drawn sums of squares have the law of those of data made observation by observation."""
    n, j, tau11, sigma2, tau00, rho, m = 6, 4, 0.8, 1.0, 0.3, -0.5, 20_000
    rng = np.random.default_rng(6)
    x = np.arange(j) - (j - 1) / 2
    sxx = float(x @ x)
    cov = [[tau00, rho * np.sqrt(tau00 * tau11)], [rho * np.sqrt(tau00 * tau11), tau11]]
    u = rng.multivariate_normal([0, 0], cov, size=(m, n))
    y = u[..., :1] + u[..., 1:] * x + rng.normal(0, np.sqrt(sigma2), (m, n, j))
    slope, mean = y @ x / sxx, y.mean(axis=-1)
    ss_x = n * sxx * slope.mean(1) ** 2
    ss_b = j * ((mean - mean.mean(1, keepdims=True)) ** 2).sum(1)
    ss_w = ((y - mean[..., None]) ** 2).sum((1, 2)) - ss_x
    nu = n * (j - 1) - 1
    singular = ss_b / (n - 1) <= ss_w / nu
    f = ss_x / np.where(singular, (ss_b + ss_w) / (n * j - 2), ss_w / nu)
    draws = mm.exact.simulate_slopeless(
        n, j, sxx, tau11, sigma2, tau00, rho=rho, n_rep=m, rng=np.random.default_rng(7)
    )
    assert stats.ks_2samp(f, draws.statistic).pvalue > 1e-3
    p, q = singular.mean(), draws.singular.mean()
    assert abs(p - q) < Z_MC * np.sqrt(2 * p * (1 - p) / m)


@pytest.mark.parametrize("test", ["F", "z", "LRT"])
def test_maximal_and_between_by_simulation(test):
    """The tests on subjects' slopes and means, drawn and tested as paired and two-sample t tests."""
    rng, n, m = np.random.default_rng(8), 10, 100_000
    slopes = rng.normal(size=(m, n))
    t2 = n * slopes.mean(1) ** 2 / slopes.var(1, ddof=1)
    crit = {"F": stats.f.isf(0.05, 1, n - 1), "z": stats.chi2.isf(0.05, 1), "LRT": stats.chi2.isf(0.05, 1)}
    value = n * np.log1p(t2 / (n - 1)) if test == "LRT" else t2
    check_rate(np.mean(value > crit[test]), mm.exact.type1_maximal(n, test=test), m)

    groups = rng.normal(size=(m, 3, 4))  # 12 subjects' means in three groups
    f = stats.f_oneway(*np.moveaxis(groups, 1, 0), axis=1).statistic
    value = {"F": f, "z": 2 * f, "LRT": 12 * np.log1p(2 * f / 9)}[test]
    bound = stats.f.isf(0.05, 2, 9) if test == "F" else stats.chi2.isf(0.05, 2)
    check_rate(np.mean(value > bound), mm.exact.type1_between(12, test=test, n_groups=3), m)


def test_oneway_by_simulation():
    rng, (k, n, tau2, sigma2), m = np.random.default_rng(9), (6, 5, 0.1, 1.0), 40_000
    y = rng.normal(0, np.sqrt(tau2), (m, k, 1)) + rng.normal(0, np.sqrt(sigma2), (m, k, n))
    est = mm.exact.anova_estimators(y)
    for method in ("ANOVA", "REML", "ML"):
        args = (k, n, tau2, sigma2, method)
        check_rate(est.singular[method].mean(), mm.exact.prob_singular(*args), m)
        for got, want in (
            (est.tau2[method], mm.exact.expected_tau2(*args)),
            (est.sigma2[method], mm.exact.expected_sigma2(*args)),
        ):
            assert abs(got.mean() - want) < Z_MC * got.std() / np.sqrt(m)
    assert mm.exact.ml_bias(k, n, tau2, sigma2) == pytest.approx(
        mm.exact.expected_tau2(k, n, tau2, sigma2, "ML", truncated=False) - tau2
    )


@pytest.fixture(scope="module")
def slopes():
    """Data of a balanced design whose intercept variance is small, so that many fits are on the boundary."""
    n, j, m = 7, 4, 400
    rng = np.random.default_rng(10)
    x = np.arange(j) - (j - 1) / 2
    y = rng.normal(0, 0.3, (m, n, 1)) + rng.normal(0, 0.6, (m, n, 1)) * x + rng.normal(0, 1, (m, n, j))
    data = mm.cross(subject=n, x=x.tolist()).data
    return data, y, x


@pytest.mark.parametrize("reml", [True, False])
def test_the_boundary_rules_are_those_of_the_fits(slopes, reml):
    """What `simulate_slopeless` does with sums of squares, the engine does with data, fit by fit."""
    data, y, x = slopes
    m, n, j = y.shape
    fits = mm.fit_many("y ~ x + (1 | subject)", data, y.reshape(m, -1), reml=reml)
    slope, mean = y @ x / (x @ x), y.mean(axis=-1)
    ss_x = n * (x @ x) * slope.mean(1) ** 2
    ss_b = j * ((mean - mean.mean(1, keepdims=True)) ** 2).sum(1)
    ss_w = ((y - mean[..., None]) ** 2).sum((1, 2)) - ss_x
    nu = n * (j - 1) - 1
    if reml:
        pooled = ss_b / (n - 1) <= ss_w / nu
        f = ss_x / np.where(pooled, (ss_b + ss_w) / (n * j - 2), ss_w / nu)
        table = fits.coefficients()
        table = table[table["coefficient"] == "x"]
        np.testing.assert_allclose(table["statistic"] ** 2, f, rtol=1e-6)
        np.testing.assert_allclose(table["df"], np.where(pooled, n * j - 2, nu), rtol=1e-4)
    else:
        pooled = ss_b / n <= ss_w / (n * (j - 1))
    assert 0.1 < pooled.mean() < 0.9
    np.testing.assert_array_equal(fits.singular, pooled)


def test_likelihood_ratio_is_that_of_the_fits(slopes):
    data, y, x = slopes
    m, n, j = y.shape
    flat = y.reshape(m, -1)
    dev1, dev0 = (
        mm.fit_many(f"y ~ {f} + (1 | subject)", data, flat, reml=False).criterion for f in ("x", "1")
    )
    slope, mean = y @ x / (x @ x), y.mean(axis=-1)
    ss_x = n * (x @ x) * slope.mean(1) ** 2
    ss_b = j * ((mean - mean.mean(1, keepdims=True)) ** 2).sum(1)
    ss_w = ((y - mean[..., None]) ** 2).sum((1, 2)) - ss_x

    def deviance(e):
        inside = n * np.log(ss_b / n) + n * (j - 1) * np.log(e / (n * (j - 1)))
        return np.where(ss_b / n <= e / (n * (j - 1)), n * j * np.log((ss_b + e) / (n * j)), inside)

    np.testing.assert_allclose(dev0 - dev1, deviance(ss_w + ss_x) - deviance(ss_w), atol=1e-7)


def test_maximal_model_is_a_paired_t_test(slopes):
    data, y, x = slopes
    m = len(y)
    fits = mm.fit_many("y ~ x + (x | subject)", data, y.reshape(m, -1))
    inside = ~fits.singular & fits.converged
    assert inside.mean() > 0.2
    table = fits.coefficients()
    table = table[table["coefficient"] == "x"][inside]
    t = stats.ttest_1samp((y @ x / (x @ x))[inside], 0, axis=1)
    np.testing.assert_allclose(table["statistic"], t.statistic, rtol=1e-6)
    np.testing.assert_allclose(table["df"], y.shape[1] - 1, rtol=1e-4)
    np.testing.assert_allclose(table["p"], t.pvalue, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_anova_estimators_are_those_of_the_fits(method):
    rng = np.random.default_rng(21)
    y = rng.normal(0, 0.4, (300, 6, 1)) + rng.normal(0, 1, (300, 6, 4))
    data = mm.cross(group=6, obs=4).data
    fits = mm.fit_many("y ~ 1 + (1 | group)", data, y.reshape(300, -1), reml=method == "REML")
    est = mm.exact.anova_estimators(y)
    np.testing.assert_array_equal(fits.singular, est.singular[method])
    np.testing.assert_allclose((fits.theta[:, 0] * fits.sigma) ** 2, est.tau2[method], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fits.sigma**2, est.sigma2[method], rtol=1e-7)
    np.testing.assert_allclose(fits.beta["(Intercept)"], est.mean, rtol=1e-9, atol=1e-12)


def test_arguments_broadcast():
    n, tau = np.array([[5], [10]]), np.array([0.0, 0.5, 1.0])
    got = mm.exact.type1_slopeless(n, 4, 1.0, tau, 1.0)
    assert got.shape == (2, 3)
    assert got[1, 2] == mm.exact.type1_slopeless(10, 4, 1.0, 1.0, 1.0)
    assert isinstance(mm.exact.type1_maximal(5), float)
    assert mm.exact.prob_singular(n, 4, tau, 1.0).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mm.exact.type1_slopeless(1, 4, 1, 1, 1), "n_subjects must be .*at least 2"),
        (lambda: mm.exact.type1_slopeless(5.5, 4, 1, 1, 1), "whole number"),
        (lambda: mm.exact.type1_slopeless(5, 1, 1, 1, 1), "n_obs"),
        (lambda: mm.exact.type1_slopeless(5, 4, 0, 1, 1), "sxx must be .*greater than 0"),
        (lambda: mm.exact.type1_slopeless(5, 4, 1, -1, 1), "tau11"),
        (lambda: mm.exact.type1_slopeless(5, 4, 1, 1, np.nan), "sigma2 must be finite"),
        (lambda: mm.exact.type1_slopeless(5, 4, 1, 1, 1, test="t"), "test must be one of 'F', 'z', 'LRT'"),
        (lambda: mm.exact.type1_slopeless(5, 4, 1, 1, 1, alpha=1.2), "alpha must lie between 0 and 1"),
        (lambda: mm.exact.type1_between(4, n_groups=4), "n_subjects must be greater"),
        (lambda: mm.exact.prob_singular(6, 5, 1, 1, method="MINQUE"), "method must be one of"),
        (lambda: mm.exact.anova_estimators([1.0, 2.0]), "2 groups"),
        (lambda: mm.exact.anova_estimators([[1.0, np.nan], [1, 2]]), "finite"),
        (
            lambda: mm.exact.simulate_slopeless(5, 4, 1, 1, 1, 1, rho=2, rng=np.random.default_rng()),
            "rho must lie",
        ),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_text_is_no_number():
    with pytest.raises(TypeError, match="tau11 must be a number"):
        mm.exact.type1_slopeless(5, 4, 1, "a", 1)
