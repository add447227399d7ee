"""Random-intercept logistic models: gradient, closed forms, and R's glmer and glmmPQL."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from scipy.special import expit

import mmhelpers as mm
from mmhelpers.glmm.cells import add_up, cells
from mmhelpers.glmm.families import BINOMIAL, POISSON
from mmhelpers.glmm.maximise import maximise
from mmhelpers.glmm.quadrature import log_likelihood

#: lme4's bobyqa stops when the deviance stands still to about 1e-7, which leaves this in estimates
LME4 = 1e-4
#: lme4 optimises Laplace's criterion less sharply when it has many parameters
LME4_LAPLACE = 1e-3
#: glmmPQL's inner optimiser is nlm on logs
PQL = 1e-4


def answers(seed: int, sets: int = 1, clusters: int = 60, each: int = 4, sd: float = 2.0):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(clusters), each)
    x = np.column_stack([np.ones(len(who)), np.tile(np.repeat([0.0, 1.0], each // 2), clusters)])
    eta = x @ [-1, 1] + rng.normal(0, sd, (sets, clusters))[:, who]
    return rng.binomial(1, expit(eta)).astype(float), x, who


@pytest.mark.parametrize("family", [BINOMIAL, POISSON])
def test_a_familys_derivatives_are_those_of_its_cumulant_function(family):
    eta, h = np.linspace(-8, 8, 41), 1e-5
    mu = family.mean(eta)
    for of, slope in (
        (family.cumulant, mu),
        (family.mean, family.variance(mu)),
        (lambda at: family.variance(family.mean(at)), family.third(mu)),
    ):
        assert slope == pytest.approx((of(eta + h) - of(eta - h)) / (2 * h), rel=1e-6, abs=1e-9)


def test_far_counts_stay_numbers_and_less_is_better():
    b = POISSON.cumulant(np.array([30.0, 40.0, 400.0]))
    assert np.isfinite(b).all()
    assert (np.diff(b) > 0).all()


@pytest.mark.parametrize("points", [1, 2, 25])
def test_counts_have_the_gradient_and_the_integral_of_theirs(points):
    """Poisson counts with an offset: differences of the criterion, and (for many points) the integral itself."""
    rng = np.random.default_rng(30)
    who, offset = np.repeat(np.arange(8), 5), rng.normal(0, 0.3, 40)
    x = np.column_stack([np.ones(40), rng.normal(size=40)])
    y = rng.poisson(np.exp(x @ [0.3, 0.4] + offset + rng.normal(0, 0.7, (3, 8))[:, who])).astype(float)
    data, cell = add_up(POISSON, y, x, who, np.ones(40), offset)
    assert np.array_equal(data.x[cell], x)
    psi = np.tile([0.2, 0.5, 0.8], (3, 1))
    value, gradient, modes = log_likelihood(data, psi, points)
    for j, unit in enumerate(np.eye(3) * 1e-4):
        up, down = (log_likelihood(data, psi + s * unit, points, modes)[0] for s in (1, -1))
        assert gradient[:, j] == pytest.approx((up - down) / 2e-4, abs=1e-5)
    if points == 25:
        exact = 0.0
        for c in range(8):
            rows = who == c

            def given(b: float, rows: np.ndarray = rows) -> float:
                eta = x[rows] @ psi[0, :2] + offset[rows] + b
                return float(np.exp(np.sum(y[0, rows] * eta - np.exp(eta))) * stats.norm.pdf(b, scale=0.8))

            exact += np.log(integrate.quad(given, -8, 8, epsabs=1e-14, limit=200)[0])
        assert value[0] == pytest.approx(exact, abs=1e-6)


def test_no_start_is_too_far_for_counts():
    """Predictors of hundreds, where exp is no number: the climb comes down to the same maximum."""
    rng = np.random.default_rng(31)
    who = np.repeat(np.arange(20), 6)
    y = rng.poisson(np.exp(1.0 + rng.normal(0, 0.5, 20)[who])).astype(float)[None]
    data, _ = add_up(POISSON, y, np.ones((120, 1)), who, np.ones(120), np.zeros(120))
    near, far = (maximise(data, np.array([[start, 0.5]]), 1, iterations=200) for start in (1.0, 60.0))
    assert near.converged[0]
    assert far.converged[0]
    assert far.psi[0, 0] == pytest.approx(near.psi[0, 0], abs=1e-5)


def test_a_set_without_numbers_is_not_called_converged_and_harms_no_other():
    y, x, who = answers(32, sets=2)
    data, _ = add_up(
        BINOMIAL, np.where([[False], [True]], np.nan, y), x, who, np.ones(len(who)), np.zeros(len(who))
    )
    with np.errstate(invalid="ignore"):
        top = maximise(data, np.tile([0.0, 0.0, 1.0], (2, 1)), 1)
    assert top.converged.tolist() == [True, False]


@pytest.mark.parametrize("points", [1, 3, 25])
def test_gradient_is_that_of_the_criterion(points):
    y, x, who = answers(1, sets=5)
    data = cells(y, x, who, np.ones(len(who)))
    psi = np.array([-0.7, 0.9, 1.8]) + np.random.default_rng(2).normal(0, 0.3, (5, 3))
    gradient = log_likelihood(data, psi, points)[1]
    # modes are found to about 1e-10, so a smaller step would measure their noise
    for j, unit in enumerate(np.eye(3) * 1e-4):
        up, down = (log_likelihood(data, psi + s * unit, points)[0] for s in (1, -1))
        assert gradient[:, j] == pytest.approx((up - down) / 2e-4, abs=1e-6)


def test_likelihood_is_the_integral():
    y, x, who = answers(3, clusters=12)
    data = cells(y, x, who, np.ones(len(who)))
    b0, b1, sd = psi = np.array([-0.7, 0.9, 1.8])
    exact = 0.0
    for c in range(12):
        rows = who == c

        def given(b: float, rows: np.ndarray = rows) -> float:
            p = expit(b0 + b1 * x[rows, 1] + b)
            return float(np.prod(np.where(y[0, rows] == 1, p, 1 - p)) * stats.norm.pdf(b, scale=sd))

        exact += np.log(integrate.quad(given, -20, 20, epsabs=1e-13)[0])
    assert log_likelihood(data, psi[None], 40)[0][0] == pytest.approx(exact, abs=1e-7)


def test_counting_alike_clusters_changes_nothing():
    y, x, who = answers(4, sets=3)
    few = cells(y, x, who, np.ones(len(who)))
    assert len(few.first) <= 9 < 60  # three by three answers
    rng = np.random.default_rng(5)
    jittered = x.copy()
    jittered[:, 1] += 1e-9 * rng.standard_normal(len(who))  # no two clusters are alike any more
    many = cells(y, jittered, who, np.ones(len(who)))
    assert len(many.first) == 60
    psi = np.tile([-0.7, 0.9, 1.8], (3, 1))
    for one, other in zip(log_likelihood(few, psi, 9)[:2], log_likelihood(many, psi, 9)[:2], strict=True):
        assert one == pytest.approx(other, rel=1e-7)


@pytest.mark.parametrize("method", ["quadrature", "laplace", "pql"])
def test_many_are_as_one_by_one_and_rows_may_be_shuffled(method):
    y, x, who = answers(6, sets=4)
    together = mm.fit_logistic(y, x, who, method=method)
    order = np.random.default_rng(7).permutation(len(who))
    for i in range(4):
        alone = mm.fit_logistic(y[i, order], x[order], who[order], method=method)
        assert alone.beta[0] == pytest.approx(together.beta[i], abs=1e-5)
        assert alone.sigma[0] == pytest.approx(together.sigma[i], abs=1e-5)


def test_no_variance_gives_the_glm():
    import statsmodels.api as sm

    rng = np.random.default_rng(12)
    who = np.repeat(np.arange(30), 6)
    x = np.column_stack([np.ones(180), rng.normal(size=180)])
    for _ in range(50):
        y = rng.binomial(1, expit(x @ [0.3, 0.8])).astype(float)
        fit = mm.fit_logistic(y, x, who)
        if fit.singular[0]:
            break
    assert fit.singular[0]
    assert fit.converged[0]
    assert fit.sigma[0] == 0
    glm = sm.GLM(y, x, family=sm.families.Binomial()).fit()
    assert fit.beta[0] == pytest.approx(glm.params, abs=1e-5)
    assert fit.loglik[0] == pytest.approx(glm.llf, abs=1e-7)


def test_a_separated_set_is_reported():
    who = np.repeat(np.arange(10), 4)
    x = np.column_stack([np.ones(40), np.tile([0.0, 0, 1, 1], 10)])
    fit = mm.fit_logistic(x[:, 1], x, who)  # the predictor foretells every answer
    assert not fit.converged[0]


def test_spline_columns_make_the_smoothing_spline():
    """With a knot at every x and the same penalty, the fit is SciPy's cubic smoothing spline."""
    from scipy.interpolate import make_smoothing_spline

    rng = np.random.default_rng(20)
    x = np.sort(rng.uniform(0, 1, 40))
    x[0], x[-1] = 0, 1
    y = np.sin(6 * x) + rng.normal(0, 0.2, 40)
    smooth = make_smoothing_spline(x, y, lam=1e-3)(x)
    both = np.column_stack([np.ones(40), x, mm.spline_columns(x, x)])

    def distance(log_penalty: float) -> float:
        ridge = np.diag([0, 0, *np.full(38, np.exp(log_penalty))])
        return float(np.abs(both @ np.linalg.solve(both.T @ both + ridge, both.T @ y) - smooth).max())

    near = optimize.minimize_scalar(distance, bounds=(-20, 10), method="bounded")
    assert near.fun < 1e-4


def test_modes_are_found_where_newton_would_run_to_and_fro():
    """Many answers, half of them yes, and a large spread: a plain Newton step overshoots again and again."""
    who, x = np.zeros(40, dtype=int), np.ones((40, 1))
    data = cells(np.tile([0.0, 1.0], 20)[None], x, who, np.ones(40))
    value = log_likelihood(data, np.array([[-9.0, 6.0]]), 40)[0][0]

    def given(b: float) -> float:
        p = expit(-9 + b)
        return float(np.exp(20 * np.log(p) + 20 * np.log1p(-p)) * stats.norm.pdf(b, scale=6))

    exact = integrate.quad(given, -20, 40, points=[9], epsabs=0, epsrel=1e-10, limit=200)[0]
    assert value == pytest.approx(np.log(exact), abs=1e-6)


@pytest.mark.parametrize("knots", [[1, 2], [1, 1, 2], [1, 2, np.nan]])
def test_bad_knots(knots):
    with pytest.raises(ValueError, match="three different"):
        mm.spline_columns([1.0, 2.0], knots)


def test_pql_does_not_run_between_two_valleys():
    """Pairs with a large spread: PQL's working likelihood can have two optima."""
    rng = np.random.default_rng([7, 2, 30])
    who = np.repeat(np.arange(100), 2)
    x = np.column_stack([np.ones(200), np.tile([0.0, 1.0], 100)])
    b = rng.normal(0, 3, (200, 100))
    y = rng.binomial(1, expit(x @ [-1, 1] + b[:, who])).astype(float)
    assert mm.fit_logistic(y, x, who, method="pql").converged.mean() > 0.98


def test_simulated_sets_follow_the_model():
    y, x, who = answers(8, clusters=200)
    fit = mm.fit_logistic(y, x, who)
    new = fit.simulate(400, rng=np.random.default_rng(9))
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    for arm in (0, 1):
        share = expit(fit.beta[0] @ [1, arm] + fit.sigma[0] * points) @ weights / weights.sum()
        assert new[:, x[:, 1] == arm].mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "reml"}, "method is 'reml'"),
        ({"points": 0}, "points is 0"),
        ({"y": [0, 1, 2, 0]}, "between 0 and trials"),
        ({"y": [0, 1, np.nan, 0]}, "missing"),
        ({"y": [0, 1]}, "y has 2 values"),
        ({"x": np.ones(4)}, "x has 1 dimensions"),
        ({"x": np.ones((4, 2))}, "linearly dependent"),
        ({"cluster": [1, 2]}, "cluster has 2 values"),
    ],
)
def test_bad_input(change, says):
    good = {"y": [0, 1, 1, 0], "x": np.column_stack([np.ones(4), [0, 1, 2, 3]]), "cluster": [1, 1, 2, 2]}
    with pytest.raises(ValueError, match=says):
        mm.fit_logistic(**{**good, **change})


@pytest.mark.r
@pytest.mark.parametrize(("seed", "sd", "each"), [(10, 2.0, 4), (11, 1.0, 8), (13, 3.0, 6)])
def test_as_glmer_and_glmmpql(seed, sd, each):
    import pandas as pd

    y, x, who = answers(seed, sd=sd, each=each)
    table = pd.DataFrame({"y": y[0], "drug": x[:, 1], "who": who.astype(str)})
    for points, method, near in ((1, "laplace", LME4_LAPLACE), (25, "quadrature", LME4)):
        r = mm.fit_in_r("lme4::glmer", "y ~ drug + (1 | who)", table, family="binomial", nAGQ=points)
        fit = mm.fit_logistic(y, x, who, method=method)
        assert fit.beta[0] == pytest.approx(r.table["estimate"], abs=near)
        if points > 1:  # lme4's Hessian of Laplace's criterion is by differences, and poor at times
            assert fit.se[0] == pytest.approx(r.table["se"], rel=1e-3)
        assert fit.sigma[0] == pytest.approx(r.variances["value"].iloc[0], abs=near)
        # lme4's inner iteration stops early at times; glmmTMB's (below) does not
        assert r.loglik - 1e-6 < fit.loglik[0] < r.loglik + 2e-3
        if points == 1:
            r = mm.fit_in_r("glmmTMB::glmmTMB", "y ~ drug + (1 | who)", table, family="binomial")
            assert fit.loglik[0] == pytest.approx(r.loglik, abs=1e-5)
    r = mm.fit_in_r(
        "MASS::glmmPQL", "y ~ drug", table, random="~ 1 | who", family="binomial", verbose=False, niter=200
    )
    fit = mm.fit_logistic(y, x, who, method="pql")
    assert fit.beta[0] == pytest.approx(r.table["estimate"], abs=PQL)
    assert fit.se[0] == pytest.approx(r.table["se"], abs=PQL)


@pytest.mark.r
def test_cattle_as_in_r():
    cattle = mm.load("cbpp")
    period = cattle["period"].astype(str).to_numpy()
    x = np.column_stack([np.ones(len(cattle))] + [(period == k).astype(float) for k in "234"])
    formula = "cbind(incidence, size - incidence) ~ period"
    fit = mm.fit_logistic(cattle["incidence"], x, cattle["herd"], trials=cattle["size"])
    r = mm.fit_in_r("lme4::glmer", formula + " + (1 | herd)", cattle, family="binomial", nAGQ=25)
    assert fit.beta[0] == pytest.approx(r.table["estimate"], abs=LME4)
    fit = mm.fit_logistic(cattle["incidence"], x, cattle["herd"], trials=cattle["size"], method="pql")
    r = mm.fit_in_r(
        "MASS::glmmPQL", formula, cattle, random="~ 1 | herd", family="binomial", verbose=False, niter=200
    )
    assert fit.beta[0] == pytest.approx(r.table["estimate"], abs=PQL)


def test_first_rows_of_the_cached_study_from_the_seed():
    """One small cell of data/logistic_bias.csv, made again with fewer sets, agrees within chance."""
    table = mm.load("logistic_bias")
    cell = table[(table["answers"] == 4) & (table["sd"] == 2) & (table["quantity"] == "b1")].set_index(
        "method"
    )
    y, x, who = answers(14, sets=300, clusters=100)
    for method in ("pql", "laplace", "quadrature"):
        own = mm.fit_logistic(y, x, who, method=method, points=9).beta[:, 1]
        error = np.hypot(own.std() / np.sqrt(300), cell.loc[method, "error"])
        assert abs(own.mean() - cell.loc[method, "mean"]) < 4 * error
