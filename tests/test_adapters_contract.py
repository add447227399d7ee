"""One contract for every adapter: shapes, groups, design, simulations; and the hard cases, handled or refused in words.

A library that is read by `mmhelpers.view` has a row in ``FITS``, and every row meets every promise. What a fit is not
made for it refuses: those are in ``CANNOT``.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import test_adapters as python_fits

import mmhelpers as mm

pytestmark = pytest.mark.filterwarnings("ignore")

N_SIM = 400
# Means of N_SIM draws, in standard errors: thousands of rows are looked at, and counts are skewed
MEANS = 6.0
# The variance of N_SIM draws over the model's, averaged over the rows: its own error is a few per cent for skewed counts
VARIANCE = 0.12
# bambi's simulations are posterior predictive: the parameters' own scatter comes on top
PREDICTIVE = 0.6


# --- fits -----------------------------------------------------------------------------------------------------------


def in_r(code: str) -> Callable[[], Any]:
    """Fit of R, held by rpy2."""

    def made() -> Any:
        from mmhelpers.r_link import require_r

        require_r("nlme", "glmmTMB", "lme4", "gamm4")
        robjects = importlib.import_module("rpy2.robjects")
        robjects.r("suppressMessages({library(nlme); library(glmmTMB); library(lme4)})")
        return robjects.r(f"suppressWarnings(suppressMessages({code}))")

    return made


def by_pymer4(kind: str, formula: str, data: Callable[[], pd.DataFrame], **options: Any) -> Callable[[], Any]:
    """Fit of pymer4."""

    def made() -> Any:
        from mmhelpers.r_link import require_r

        require_r("lme4", "lmerTest", "report")
        fit = getattr(importlib.import_module("pymer4.models"), kind)(
            formula, python_fits.polars(data()), **options
        )
        fit.fit()
        return fit

    return made


def by_bambi(name: str, *arguments: str) -> Callable[[], Any]:
    """Pair of bambi's model and draws made by hand, so that no chain has to run."""
    return lambda: getattr(importlib.import_module("test_adapters_bambi"), name)(*arguments)


def herds() -> pd.DataFrame:
    data = mm.load("cbpp")
    return data.assign(prop=data["incidence"] / data["size"])


class Mine:
    """A user's own fit: a mean for each of three places, and draws of its own."""

    def __init__(self, simulates: bool = True) -> None:
        self.simulates = simulates

    def __fitview__(self) -> mm.FitView:
        from mmhelpers.adapters.families import Family

        rng = np.random.default_rng(3)
        place = np.arange(60) % 3
        X = np.eye(3)[place]
        y = rng.laplace(X @ [1.0, 2.0, 4.0], 1.0)
        beta = np.array([np.median(y[place == j]) for j in range(3)])

        def simulator(n_sim: int, rng: np.random.Generator, conditional: bool) -> Any:
            if not self.simulates:
                raise mm.UnsupportedFitError("a fit by medians defines no distribution to simulate from")
            return rng.laplace((X @ beta)[:, None], 1.0, (60, n_sim))

        return mm.FitView(
            engine="Mine",
            response="y",
            observed=y,
            fitted_marginal=X @ beta,
            fitted_conditional=X @ beta,
            X=X,
            x_names=("a", "b", "c"),
            beta=beta,
            vcov=np.eye(3),
            terms=(),
            family=Family("laplace", "identity"),
            weights=np.ones(60),
            offset=np.zeros(60),
            variance=np.full(60, 2.0),
            simulator=simulator,
        )


def gls_fit() -> Any:
    data = mm.load("sleepstudy")
    same = data["Subject"].to_numpy()[:, None] == data["Subject"].to_numpy()
    lag = np.abs(data["Days"].to_numpy()[:, None] - data["Days"].to_numpy())
    return smf.gls("Reaction ~ Days", data, sigma=np.where(same, 0.6**lag, 0.0)).fit()


def gee_fit() -> Any:
    return smf.gee("y ~ x", "g", python_fits.counts(), family=sm.families.Poisson()).fit()


def with_missing() -> pd.DataFrame:
    data = mm.load("sleepstudy")
    data.loc[[3, 50], "Reaction"] = np.nan
    return data


SLEEP = "Reaction ~ Days + (Days | Subject)"
IN_PYTHON: dict[str, Callable[[], Any]] = {
    "mmhelpers slopes": lambda: mm.fit(SLEEP, mm.load("sleepstudy")),
    "mmhelpers crossed": lambda: mm.fit("diameter ~ 1 + (1 | plate) + (1 | sample)", mm.load("penicillin")),
    "mmhelpers missing": lambda: mm.fit(SLEEP, with_missing()),
    "mmhelpers singular": lambda: mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2")),
    **{f"statsmodels {name}": made for name, made in python_fits.FITS.items()},
    "statsmodels GLS": gls_fit,
    "statsmodels zero-inflated Poisson": lambda: python_fits.zero_inflated(False),
    "statsmodels zero-inflated NB": lambda: python_fits.zero_inflated(True),
    "bambi gaussian": by_bambi("sleep"),
    "bambi binomial": by_bambi("herds"),
    "bambi zero-inflated": by_bambi("owls", "zero_inflated_poisson"),
    "a user's own": Mine,
}
IN_R: dict[str, Callable[[], Any]] = {
    "pymer4 lm": by_pymer4("lm", "Reaction~Days", lambda: mm.load("sleepstudy")),
    "pymer4 lmer missing": by_pymer4("lmer", "Reaction~Days+(Days|Subject)", with_missing),
    "pymer4 glmer weights": by_pymer4("glmer", "prop~period+(1|herd)", herds, family="binomial", weights="size"),
    "R lm weights": in_r("lm(Reaction ~ Days, lme4::sleepstudy, weights = Days + 1)"),
    "R glm offset": in_r("glm(count ~ mined + offset(rep(.3, 644)), poisson, glmmTMB::Salamanders)"),
    "lme4 lmer weights": in_r("lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy, weights = Days + 1)"),
    "lme4 lmer singular": in_r("lmer(Yield ~ 1 + (1 | Batch), lme4::Dyestuff2)"),
    "lme4 glmer offset": in_r("glmer(incidence ~ period + offset(log(size)) + (1 | herd), lme4::cbpp, poisson)"),
    "nlme gls": in_r("gls(follicles ~ sin(2 * pi * Time), nlme::Ovary, correlation = corAR1(form = ~ 1 | Mare))"),
    "nlme lme missing": in_r(
        "lme(Reaction ~ Days, {d <- lme4::sleepstudy; d[3, 1] <- NA; d}, ~ Days | Subject, na.action = na.omit)"
    ),
    "nlme lme variances": in_r(
        "lme(Reaction ~ Days, lme4::sleepstudy, ~ 1 | Subject, weights = varPower(form = ~ Days + 1))"
    ),
    "glmmTMB gaussian": in_r("glmmTMB(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)"),
    "glmmTMB zero-inflated offset": in_r(
        "glmmTMB(SiblingNegotiation ~ FoodTreatment + offset(logBroodSize) + (1 | Nest), glmmTMB::Owls, "
        "ziformula = ~ 1, family = poisson)"
    ),
    "gamm4": in_r("gamm4::gamm4(Reaction ~ s(Days, k = 5), data = lme4::sleepstudy, random = ~ (1 | Subject))"),
}  # fmt: skip
FITS = [
    *(pytest.param(name, id=name) for name in IN_PYTHON),
    *(pytest.param(name, id=name, marks=pytest.mark.r) for name in IN_R),
]
#: name -> (the fit, words of its refusal to simulate)
CANNOT: dict[str, tuple[Callable[[], Any], str]] = {
    "GEE": (gee_fit, "working correlation"),
    "quasi-likelihood": (
        lambda: smf.glm("y ~ x", python_fits.counts(), family=sm.families.Poisson()).fit(scale="X2"),
        "quasi-likelihood",
    ),
    "a user's own": (lambda: Mine(simulates=False), "no distribution to simulate from"),
}


#: engines whose fits have no other response to be fitted to here
CANNOT_REFIT = {"bambi", "Mine"}


@functools.cache
def seen_of(name: str) -> mm.FitView:
    return mm.view((IN_PYTHON | IN_R)[name]())


# --- promises -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FITS)
def test_observed_fitted_and_design_have_their_shapes(name):
    seen = seen_of(name)
    n, p = seen.nobs, len(seen.beta)
    assert seen.X.shape == (n, p)
    assert len(set(seen.x_names)) == p
    assert seen.vcov.shape == (p, p)
    for values in (seen.observed, seen.fitted(True), seen.fitted(False), seen.weights, seen.offset):
        assert values.shape == (n,)
        assert np.isfinite(values).all()
    assert list(seen.fixed.columns) == ["name", "estimate", "se"]
    assert list(seen.fixed["name"]) == list(seen.x_names)
    assert mm.view(seen) is seen
    if seen.frame is not None:
        assert len(seen.frame) == n
        if seen.response in seen.frame and seen.family.name != "binomial":
            np.testing.assert_allclose(np.asarray(seen.frame[seen.response], float), seen.observed)


@pytest.mark.parametrize("name", FITS)
def test_fitted_values_are_those_of_design_and_effects(name):
    """The inverse link of X beta + offset + Z b; times the share of true counts where zeros are inflated."""
    seen = seen_of(name)
    curves = sum((t.contribution(t.modes) for t in seen.terms if t.smooth), np.zeros(seen.nobs))
    eta = seen.X @ seen.beta + seen.offset + curves
    effects = sum((t.contribution(t.modes) for t in seen.random), np.zeros(seen.nobs))
    marginal, conditional = seen.family.inverse_link(eta), seen.family.inverse_link(eta + effects)
    inside = seen.fitted(True) / conditional if "zero-inflated" in name else np.ones(seen.nobs)
    # a posterior mean of a product is not that of its factors
    np.testing.assert_allclose(inside, inside[0], rtol=0.1 if seen.engine == "bambi" else 1e-5)
    assert 0.3 < inside[0] <= 1
    # gamm4's own pair of fits differs by 1e-6; a mixture's share is found by dividing
    close = 1e-4 if "zero-inflated" in name or "gamm4" in name else 1e-6
    np.testing.assert_allclose(
        inside * marginal, seen.fitted(False), rtol=close / 100 if close < 1e-4 else close
    )
    np.testing.assert_allclose(inside * conditional, seen.fitted(True), rtol=close)


@pytest.mark.parametrize("name", FITS)
def test_groups_and_random_effects_belong_together(name):
    seen = seen_of(name)
    assert set(seen.groups) == {term.group for term in seen.random}
    for term in seen.terms:
        l, k = len(term.levels), len(term.columns)
        assert term.index.shape == (seen.nobs,)
        assert term.z.shape == (seen.nobs, k)
        assert set(term.index) <= set(range(l))
        assert term.modes.shape == (l, k)
        assert term.cov.shape == (k, k)
        assert np.linalg.eigvalsh(term.cov).min() > -1e-8 * (1 + np.abs(term.cov).max())
    for term in seen.random:
        assert len(term.labels) == seen.nobs
        assert set(seen.random_effects[term.group].index) == set(term.levels)
    assert (seen.variance_components.query("kind == 'sd'")["value"] >= 0).all()


@pytest.mark.parametrize("name", FITS)
def test_simulations_are_decided_by_the_generator_alone(name):
    seen = seen_of(name)
    for conditional in (True, False):
        first, again, other = (
            seen.simulate(3, np.random.default_rng(seed), conditional) for seed in (1, 1, 2)
        )
        assert first.shape == (seen.nobs, 3)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        if seen.family.name == "binomial":
            successes = first * seen.weights[:, None]
            np.testing.assert_allclose(successes, np.rint(successes), atol=1e-8)
    with pytest.raises(TypeError, match="numpy Generator"):
        seen.simulate(3, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        seen.simulate(0, np.random.default_rng(1))


def expected_variance(seen: mm.FitView) -> Any:
    """Variance around the fitted values, random effects kept."""
    if seen.variance is not None:
        return seen.variance
    if seen.correlation is not None:
        return seen.sigma**2 * np.diag(seen.correlation)
    return seen.family.variance(seen.fitted(True), seen.weights)


@pytest.mark.parametrize("name", FITS)
def test_simulations_have_the_models_mean_and_variance(name):
    seen = seen_of(name)
    variance = expected_variance(seen)
    draws = seen.simulate(N_SIM, np.random.default_rng(1), True)
    predictive = seen.engine == "bambi"
    spread = np.maximum(variance, draws.var(axis=1))
    # the parameters of 200 posterior draws are used over again: their own error of Monte Carlo comes on top
    z = (draws.mean(axis=1) - seen.fitted(True)) / np.sqrt(spread * (1 / N_SIM + predictive / 50))
    assert np.abs(z).max() < MEANS
    ratio = float((draws.var(axis=1, ddof=1) / variance)[variance > 1e-6 * variance.max()].mean())
    assert 1 - VARIANCE < ratio < 1 + (PREDICTIVE if predictive else VARIANCE)
    if predictive:
        return
    if not seen.terms:
        new = seen.simulate(N_SIM, np.random.default_rng(2), False)
        spread = np.maximum(variance, new.var(axis=1))
        assert np.abs((new.mean(axis=1) - seen.fitted(False)) / np.sqrt(spread / N_SIM)).max() < MEANS
    if not seen.linear:
        return
    v = (draws.var(axis=1, ddof=1) / variance - 1) / np.sqrt(2 / (N_SIM - 1))
    assert np.abs(v).max() < MEANS
    for term in seen.random:
        variance = variance + np.einsum("nk,kl,nl->n", term.z, term.cov, term.z)
    draws = seen.simulate(N_SIM, np.random.default_rng(2), False)
    z = (draws.mean(axis=1) - seen.fitted(False)) / np.sqrt(variance / N_SIM)
    assert np.abs(z).max() < MEANS
    v = (draws.var(axis=1, ddof=1) / variance - 1) / np.sqrt(2 / (N_SIM - 1))
    assert np.abs(v).max() < MEANS


@pytest.mark.parametrize("name", FITS)
def test_a_refit_is_the_fit_on_its_own_response_and_another_on_another(name):
    seen = seen_of(name)
    if seen.refit is None:
        assert seen.engine in CANNOT_REFIT
        with pytest.raises(mm.UnsupportedFitError, match="cannot be refitted"):
            mm.quantile_residuals(seen, n_sim=20, refit=True)
        return
    again = seen.refit(seen.observed)
    # optimisers that start elsewhere, and likelihoods that are flat at their top
    np.testing.assert_allclose(again.beta, seen.beta, rtol=1e-3, atol=1e-4 * np.abs(seen.beta).max())
    assert again.loglik == pytest.approx(seen.loglik, abs=1e-3)
    assert again.x_names == seen.x_names
    assert [t.columns for t in again.terms] == [t.columns for t in seen.terms]
    other = seen.refit(seen.simulate(1, np.random.default_rng(1))[:, 0])
    assert np.abs(other.beta - seen.beta).max() > 1e-4 * np.abs(seen.beta).max()


@pytest.mark.parametrize("name", FITS)
def test_every_fit_has_quantile_residuals(name):
    seen = seen_of(name)
    r = mm.quantile_residuals(seen, n_sim=39, rng=1)
    assert r.values.shape == (seen.nobs,)
    assert 0 < r.values.min() <= r.values.max() < 1
    np.testing.assert_array_equal(r.values, mm.quantile_residuals(seen, n_sim=39, rng=1).values)


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_simulate_is_read_and_says_so(name):
    made, words = CANNOT[name]
    seen = mm.view(made())
    assert seen.observed.shape == seen.fitted().shape
    for ask in (mm.quantile_residuals, mm.check, lambda fit: fit.simulate(5, np.random.default_rng(1))):
        with pytest.raises(mm.UnsupportedFitError, match=words):
            ask(seen)


# --- hard cases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [p for p in FITS if "missing" in str(p.id)])
def test_rows_that_were_dropped_are_gone_everywhere(name):
    seen = seen_of(name)
    assert 170 < seen.nobs < 180
    assert seen.frame is not None
    np.testing.assert_allclose(np.asarray(seen.frame["Days"], float), seen.X[:, 1])
    assert len(next(iter(seen.groups.values()))) == seen.nobs
    assert mm.check(seen, n_sim=39).verdicts[0].verdict == "fine"


@pytest.mark.parametrize("name", [p for p in FITS if "weights" in str(p.id) or "WLS" in str(p.id)])
def test_weights_are_in_the_variance_of_what_is_drawn(name):
    seen = seen_of(name)
    assert np.ptp(seen.weights) > 0
    draws = seen.simulate(N_SIM, np.random.default_rng(4), True)
    mean = seen.fitted(True)
    unit = mean * (1 - mean) if seen.family.name == "binomial" else seen.sigma**2
    heavy = seen.weights >= np.median(seen.weights)
    for rows in (heavy, ~heavy):
        ratio = (draws.var(axis=1, ddof=1) * seen.weights / unit)[rows].mean()
        assert ratio == pytest.approx(1, abs=VARIANCE)


@pytest.mark.parametrize("name", [p for p in FITS if "offset" in str(p.id) or p.id == "statsmodels Poisson"])
def test_offsets_are_in_the_means(name):
    seen = seen_of(name)
    assert np.abs(seen.offset).max() > 0
    moved = seen.family.inverse_link(seen.X @ seen.beta)
    assert not np.allclose(moved, seen.family.inverse_link(seen.X @ seen.beta + seen.offset))


@pytest.mark.parametrize("name", [p for p in FITS if "singular" in str(p.id)])
def test_a_singular_fit_is_named_and_every_group_is_alike(name):
    seen = seen_of(name)
    found = mm.check(seen, n_sim=39).to_frame().set_index("diagnosis")
    assert found.loc["singular fit", "verdict"] == "look"
    np.testing.assert_allclose(seen.fitted(True), seen.fitted(False), rtol=1e-6)


@pytest.mark.r
def test_what_is_not_read_is_refused_in_words():
    gamm = in_r(
        "mgcv::gamm(Reaction ~ s(Days, k = 4), random = list(Subject = ~ 1), data = lme4::sleepstudy)"
    )
    for made, words in (
        (gamm, r"what mgcv::gamm gives.*gamm4::gamm4"),
        (in_r("loess(Reaction ~ Days, lme4::sleepstudy)"), "class 'loess'"),
    ):
        with pytest.raises(mm.UnsupportedFitError, match=re.compile(words, re.DOTALL)):
            mm.view(made())


def test_nothing_is_read_that_was_not_fitted():
    unfitted = smf.ols("Reaction ~ Days", mm.load("sleepstudy"))
    for what, words in (
        (unfitted, r"call its \.fit"),
        (object(), "no adapter knows"),
        (3, "no adapter knows"),
    ):
        with pytest.raises(mm.UnsupportedFitError, match=words):
            mm.view(what)
