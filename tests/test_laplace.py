"""Many generalised mixed models at once: against glmer and glmmTMB, against the likelihood written out, by hand."""

from typing import Any

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.adapters.laplace import InterceptModel

# glmer stops within 1e-5 or so of the deviance's minimum, which leaves estimates this far from it
GLMER = 2e-3

MODELS = {
    "poisson": "glmer(count ~ mined + (1 | site), glmmTMB::Salamanders, poisson)",
    "offset": (
        "glmer(SiblingNegotiation ~ FoodTreatment + ArrivalTime + offset(logBroodSize) + (1 | Nest), "
        "glmmTMB::Owls, poisson)"
    ),
    "binomial": "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), lme4::cbpp, binomial)",
    "zero or one": "glmer(ifelse(count > 0, 1, 0) ~ mined + (1 | site), glmmTMB::Salamanders, binomial)",
    "glmmTMB": "glmmTMB::glmmTMB(count ~ mined + (1 | site), glmmTMB::Salamanders, family = poisson)",
}


def model_of(seen: mm.FitView) -> InterceptModel:
    return InterceptModel(seen.family.name, seen.X, seen.terms[0].index, seen.offset, seen.weights)


def small(family: str) -> tuple[InterceptModel, np.ndarray]:
    """Rows whose groups are mixed, with offsets and (for the binomial) trials."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 7)
    rng.shuffle(g)
    n = len(g)
    X = np.column_stack([np.ones(n), rng.uniform(-1, 1, n)])
    weights = rng.integers(1, 9, n).astype(float) if family == "binomial" else np.ones(n)
    model = InterceptModel(family, X, g, rng.normal(0, 0.3, n), weights)
    eta = X @ [0.4, 0.7] + model.offset + rng.normal(0, 0.8, (40, 12))[:, g]
    if family == "poisson":
        return model, rng.poisson(np.exp(eta)).astype(float)
    return model, rng.binomial(weights.astype(int), 1 / (1 + np.exp(-eta))) / weights


def by_hand(model: InterceptModel, y: np.ndarray, beta: np.ndarray, theta: float) -> float:
    """Laplace's deviance group by group, its inner maximum by a general optimiser."""
    from scipy.optimize import minimize_scalar

    total = 0.0
    for j in np.unique(model.index):
        rows = model.index == j
        fixed, w = model.X[rows] @ beta + model.offset[rows], model.weights[rows]

        def h(u: float, rows: Any = rows, fixed: Any = fixed, w: Any = w) -> float:
            eta = fixed + theta * u
            b = np.exp(eta) if model.family == "poisson" else np.log1p(np.exp(eta))
            return float(-2 * (w * (y[rows] * eta - b)).sum() + u**2)

        best = minimize_scalar(h, bracket=(-1, 1), options={"xtol": 1e-12})
        mu = np.exp(fixed + theta * best.x)
        W = w * (mu if model.family == "poisson" else mu / (1 + mu) ** 2)
        total += best.fun + np.log1p(theta**2 * W.sum())
    return total


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_the_minimum_is_one_of_the_likelihood_written_out(family):
    model, Y = small(family)
    fits = model.fit(Y, np.zeros(2), 1.0)
    assert fits.converged.all()
    rng = np.random.default_rng(1)
    for k in range(0, len(Y), 8):
        d = by_hand(model, Y[k], fits.beta[k], fits.theta[k])
        assert fits.deviance[k] == pytest.approx(d, abs=1e-6)
        for _ in range(4):  # and no neighbour is better
            step = 0.03 * rng.normal(size=3)
            assert by_hand(model, Y[k], fits.beta[k] + step[:2], fits.theta[k] + step[2]) > d - 1e-6


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_start_order_and_company_do_not_matter(family):
    model, Y = small(family)
    fits = model.fit(Y, np.zeros(2), 1.0)
    alone = model.fit(Y[7:8], np.array([1.0, -1.0]), 0.2)
    np.testing.assert_allclose(alone.beta[0], fits.beta[7], atol=1e-4)
    np.testing.assert_allclose(alone.theta[0], fits.theta[7], atol=1e-4)
    back = np.arange(len(model.index))[::-1]
    turned = InterceptModel(
        family, model.X[back], model.index[back], model.offset[back], model.weights[back]
    ).fit(Y[:, back], np.zeros(2), 1.0)
    np.testing.assert_allclose(turned.means[:, back], fits.means, atol=1e-4)


def test_groups_that_do_not_differ_give_a_variance_of_zero():
    y = np.tile([1.0, 2.0, 3.0, 2.0], 10)
    model = InterceptModel(
        "poisson", np.ones((40, 1)), np.repeat(np.arange(10), 4), np.zeros(40), np.ones(40)
    )
    fits = model.fit(y[None], np.zeros(1), 0.5)
    assert fits.converged[0]
    assert fits.theta[0] < 1e-3
    np.testing.assert_allclose(fits.means[0], 2.0, atol=1e-4)


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_rows_that_are_alike_are_added_up_and_nothing_else_changes(family):
    model, Y = small(family)
    ones, zero = np.ones(len(model.index)), np.zeros(len(model.index))
    Y = np.round(Y * model.weights) if family == "poisson" else (Y > 0.5).astype(float)
    two = np.column_stack([ones, model.X[:, 1] > 0])
    nearly = two + 1e-9 * np.random.default_rng(6).normal(size=two.shape)  # no two rows are alike
    fits, apart = (
        InterceptModel(family, X, model.index, zero, ones).fit(Y, np.zeros(2), 1.0) for X in (two, nearly)
    )
    assert fits.converged.all()
    np.testing.assert_allclose(fits.means, apart.means, atol=1e-4)
    np.testing.assert_allclose(fits.deviance, apart.deviance, atol=1e-6)


def test_another_family_is_refused():
    model, Y = small("poisson")
    with pytest.raises(ValueError, match="family is 'gamma'"):
        InterceptModel("gamma", model.X, model.index, model.offset, model.weights).fit(Y, np.zeros(2), 1.0)


def test_separation_is_not_called_converged():
    x = np.repeat([0.0, 1.0], 20)
    model = InterceptModel(
        "binomial", np.column_stack([np.ones(40), x]), np.arange(40) % 8, np.zeros(40), np.ones(40)
    )
    fits = model.fit(x[None], np.zeros(2), 0.5)
    # the slope runs on until the gradient is as small as rounding: either it is said, or the means are 0 and 1
    assert not fits.converged[0] or np.abs(fits.means[0] - x).max() < 1e-3


@pytest.mark.r
@pytest.mark.parametrize("name", MODELS)
def test_refits_are_rs(name):
    """Its own response, and 3 simulated ones; our deviance is never the larger one."""
    from rpy2 import robjects

    mm.r_link.require_r("lme4", "glmmTMB")
    robjects.r("library(lme4)")
    seen = mm.view(robjects.r(f"suppressMessages({MODELS[name]})"))
    assert seen.refit_many is not None
    assert seen.refit is not None
    Y = np.column_stack([seen.observed, seen.simulate(3, np.random.default_rng(1))])
    fits = model_of(seen).fit(Y.T, seen.beta, 1.0)
    assert fits.converged.all()
    means, _ = seen.refit_many(Y)
    np.testing.assert_allclose(means.T, fits.means, rtol=1e-3, atol=1e-6)
    for k in range(4):
        theirs = seen.refit(Y[:, k])
        sd = np.sqrt(theirs.terms[0].cov[0, 0])
        np.testing.assert_allclose(fits.beta[k], theirs.beta, atol=GLMER)
        np.testing.assert_allclose(fits.theta[k], sd, atol=GLMER)
        np.testing.assert_allclose(fits.means[k], theirs.fitted(), rtol=2 * GLMER, atol=1e-6)
        model, y = model_of(seen), Y[:, k]
        assert fits.deviance[k] <= by_hand(model, y, theirs.beta, float(sd)) + 1e-6


@pytest.mark.r
def test_only_what_the_approximation_covers_takes_the_fast_way():
    from rpy2 import robjects

    mm.r_link.require_r("lme4", "glmmTMB")
    robjects.r("library(lme4); s <- glmmTMB::Salamanders")
    slow = (
        "glmer(count ~ mined + (1 | site), s, poisson, nAGQ = 5)",
        "glmer(count ~ mined + (mined | site), s, poisson)",
        "glmer(count ~ mined + (1 | site) + (1 | spp), s, poisson)",
        "glmer(count > 0 ~ mined + (1 | site), s, binomial('probit'))",
        "lmer(count ~ mined + (1 | site), s)",
        "glmmTMB::glmmTMB(count ~ mined + (1 | site), s, family = poisson, ziformula = ~ 1)",
    )
    for code in slow:
        seen = mm.view(robjects.r(f"suppressWarnings(suppressMessages({code}))"))
        assert seen.refit_many is None, code
