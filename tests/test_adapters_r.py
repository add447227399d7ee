"""R's nlme and glmmTMB through the bridge; refits in R."""

import importlib
import os
from typing import Any

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.residuals.covariance import linear_residuals, whiten

pytestmark = pytest.mark.r

SETUP = """
suppressMessages({library(nlme); library(glmmTMB); library(lme4)})
ov <- as.data.frame(nlme::Ovary)
set.seed(1)
ov <- ov[sample(nrow(ov)), ]
ov <- ov[order(ov$Time), ] # in order within each mare, mares mixed
ov$Mare <- factor(as.character(ov$Mare))
"""
LINEAR = {
    "gls": "gls(follicles ~ sin(2 * pi * Time), ov)",
    "gls AR(1)": "gls(follicles ~ sin(2 * pi * Time), ov, correlation = corAR1(form = ~ 1 | Mare))",
    "gls varIdent": "gls(follicles ~ sin(2 * pi * Time), ov, weights = varIdent(form = ~ 1 | Mare))",
    "gls AR(1) varPower": (
        "gls(follicles ~ sin(2 * pi * Time), ov, correlation = corAR1(form = ~ 1 | Mare), weights = "
        "varPower())"
    ),
    "lme AR(1)": (
        "lme(follicles ~ sin(2 * pi * Time), ov, ~ 1 | Mare, correlation = corAR1(form = ~ 1 | Mare))"
    ),
    "lme nested": "lme(strength ~ 1, lme4::Pastes, ~ 1 | batch/cask)",
    "lme slopes": "lme(Reaction ~ Days, lme4::sleepstudy, ~ Days | Subject)",
    "glmmTMB": "glmmTMB(Reaction ~ Days + (Days | Subject), lme4::sleepstudy, REML = TRUE)",
}
GENERAL = {
    "nbinom2 with zeros": (
        "glmmTMB(SiblingNegotiation ~ FoodTreatment + offset(logBroodSize) + (1 | Nest), Owls, ziformula "
        "= ~ 1, family = nbinom2)"
    ),
    "binomial": "glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial)",
    "poisson": "glmmTMB(count ~ mined + (1 | site), Salamanders, family = poisson)",
}


@pytest.fixture(scope="module")
def r() -> Any:
    """R itself, or a skip that says what is missing."""
    try:
        link: Any = importlib.import_module("mmhelpers.r_link")
    except ImportError:
        link = None
    try:
        if link is not None:
            link.require_r("nlme", "glmmTMB", "lme4", "gamm4")
        robjects = importlib.import_module("rpy2.robjects")
        robjects.r(SETUP)
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs R: {error}")
    return robjects.r


def values(r: Any, code: str) -> np.ndarray:
    return np.asarray(r(f"as.numeric({code})"))


@pytest.mark.parametrize("name", LINEAR)
def test_linear_fits_are_read_whole(r, name):
    """The covariance read from R gives back R's own estimates, BLUPs and residuals."""
    r(f"m <- {LINEAR[name]}")
    seen = mm.view(r("m"))
    np.testing.assert_allclose(seen.fitted(), values(r, "fitted(m)"), rtol=1e-8)
    if not name.startswith("glmmTMB"):
        np.testing.assert_allclose(
            mm.resid(seen, "pearson"), values(r, "residuals(m, type = 'pearson')"), atol=1e-8
        )
    white = whiten(seen)
    beta = np.linalg.lstsq(white.X, white.y, rcond=None)[0]
    np.testing.assert_allclose(beta, seen.beta, rtol=1e-5)
    if seen.terms:
        ours = linear_residuals(seen, seen.observed[:, None])[:, 0]
        np.testing.assert_allclose(ours, mm.resid(seen), atol=1e-4 * seen.sigma)
    draws = seen.simulate(200, np.random.default_rng(1))
    assert draws.shape == (seen.nobs, 200)
    assert np.var(draws) == pytest.approx(np.var(seen.observed), rel=0.35)


def test_normalised_residuals_do_not_depend_on_the_order_of_the_rows(r):
    """nlme's own do (3.1-162): it multiplies by the factor of the sorted data without sorting first."""
    r("so <- ov[order(ov$Mare), ]")
    order = values(r, "order(ov$Mare)").astype(int) - 1
    r("mu <- gls(follicles ~ sin(2 * pi * Time), ov, correlation = corAR1(form = ~ 1 | Mare))")
    r("ms <- gls(follicles ~ sin(2 * pi * Time), so, correlation = corAR1(form = ~ 1 | Mare))")
    mixed, ordered = (mm.resid(mm.view(r(m)), "normalized") for m in ("mu", "ms"))
    np.testing.assert_allclose(ordered, values(r, "residuals(ms, type = 'normalized')"), atol=1e-8)
    np.testing.assert_allclose(mixed[order], ordered, atol=1e-8)


@pytest.mark.parametrize("name", GENERAL)
def test_generalised_fits_of_glmmtmb(r, name):
    r(f"m <- {GENERAL[name]}")
    seen = mm.view(r("m"))
    np.testing.assert_allclose(seen.fitted(), values(r, "predict(m, type = 'response')"), rtol=1e-6)
    draws = seen.simulate(2000, np.random.default_rng(1), conditional=True)
    se = draws.std(axis=1) / np.sqrt(2000)
    # counts this skewed leave the normal approximation: 6 standard errors over hundreds of rows
    assert (np.abs(draws.mean(axis=1) - seen.fitted()) < 6 * se + 1e-9).all()
    assert mm.check(seen, n_sim=99).verdicts[0].verdict == "fine"


REFITS = {
    "lmer": "lmer(Reaction ~ Days + (Days | Subject), sleepstudy)",
    "lmer of a transformed response": "lmer(log(Reaction) ~ Days + (1 | Subject), sleepstudy, REML = FALSE)",
    "glmer binomial": "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial)",
    "gls": LINEAR["gls AR(1) varPower"],
    "lme": LINEAR["lme AR(1)"],
    "lme nested": LINEAR["lme nested"],
    "glmmTMB zero-inflated": GENERAL["nbinom2 with zeros"].replace("nbinom2", "poisson"),
    "glmmTMB binomial": GENERAL["binomial"],
    "glm binomial": "glm(cbind(incidence, size - incidence) ~ period, binomial, cbpp)",
    "lm": "lm(Reaction ~ Days, lme4::sleepstudy)",
    "gamm4": "gamm4::gamm4(Reaction ~ s(Days, k = 5), data = lme4::sleepstudy, random = ~ (1 | Subject))",
    "gamm4 counts": (
        "gamm4::gamm4(incidence ~ s(size, k = 4) + offset(log(size)), family = poisson, data = cbpp, random = ~ "
        "(1 | herd))"
    ),
}


@pytest.mark.parametrize("name", REFITS)
def test_refits_repeat_the_fit_and_follow_the_response(r, name):
    r(f"m <- {REFITS[name]}")
    seen = mm.view(r("m"))
    assert seen.refit is not None
    again = seen.refit(seen.observed)
    np.testing.assert_allclose(again.beta, seen.beta, rtol=1e-3, atol=1e-4 * np.abs(seen.beta).max())
    np.testing.assert_allclose(again.fitted(), seen.fitted(), rtol=5e-3)
    assert again.loglik == pytest.approx(seen.loglik, abs=1e-3)
    assert again.x_names == seen.x_names
    other = seen.refit(seen.simulate(1, np.random.default_rng(1))[:, 0])
    assert np.abs(other.beta - seen.beta).max() > 1e-4


CURVES = {
    "gaussian": "gamm4::gamm4(ly ~ s(x0) + s(x1, k = 6), data = gs, random = ~ (x2 | fac))",
    "by factor": "gamm4::gamm4(ly ~ s(x0, by = fac, k = 5), data = gs, random = ~ (1 | fac))",
    "no random effects": "gamm4::gamm4(ly ~ s(x0), data = gs)",
    "poisson": "gamm4::gamm4(y ~ s(x0) + x2, family = poisson, data = gs, random = ~ (1 | fac))",
}


@pytest.fixture(scope="module")
def curved(r):
    r("set.seed(1); capture.output(gs <- mgcv::gamSim(6, n = 160, scale = .5, dist = 'poisson'))")
    r("gs$ly <- log(gs$y + 1)")
    return r


@pytest.mark.parametrize("name", CURVES)
def test_gamm4s_curves_are_kept_and_its_groups_are_drawn(curved, name):
    curved(f"m <- {CURVES[name]}")
    seen = mm.view(curved("m"))
    assert seen.engine == "R gamm4"
    # gamm4's own gam of a GLMM is off by 1e-6 from its mer
    marginal = values(curved, "predict(m$gam, type = 'response')")
    np.testing.assert_allclose(seen.fitted(False), marginal, rtol=1e-4)
    np.testing.assert_allclose(seen.fitted(True), values(curved, "fitted(m$mer)"), rtol=1e-8)
    assert {t.group for t in seen.random} == (set() if name == "no random effects" else {"fac"})
    assert len(seen.terms) > len(seen.random)
    draws = seen.simulate(3000, np.random.default_rng(1))
    if seen.linear:
        variance = np.full(seen.nobs, seen.sigma**2)
        for term in seen.random:
            variance = variance + np.einsum("nk,kl,nl->n", term.z, term.cov, term.z)
        assert np.abs(draws.mean(axis=1) - marginal).max() < 5 * np.sqrt(variance / 3000).max()
        np.testing.assert_allclose(draws.var(axis=1), variance, rtol=6 * np.sqrt(2 / 3000))
        # R P y with the curves in V gives back the fit's own residuals, conditional and marginal
        for around in (True, False):
            ours = linear_residuals(seen, seen.observed[:, None], around)[:, 0]
            np.testing.assert_allclose(ours, seen.observed - seen.fitted(around), atol=1e-3 * seen.sigma)
    assert mm.check(seen, n_sim=50).verdicts[0].verdict == "fine"


def test_marginal_residuals_beside_curves_have_the_covariance_we_say(curved):
    """M P M with M = V less the curves, by simulation from the model with the curves drawn too."""
    from dataclasses import replace

    from mmhelpers.residuals.covariance import residual_variance

    curved(f"m <- {CURVES['gaussian']}")
    seen = mm.view(curved("m"))
    drawn = replace(seen, terms=tuple(replace(term, smooth=False) for term in seen.terms))
    e = linear_residuals(seen, drawn.simulate(4000, np.random.default_rng(2)), False)
    np.testing.assert_allclose(e.var(axis=1), residual_variance(seen, False), rtol=6 * np.sqrt(2 / 4000))


def test_zero_inflated_pearson_residuals_are_rs(r):
    r(f"m <- {GENERAL['nbinom2 with zeros']}")
    seen = mm.view(r("m"))
    r("mu <- predict(m, type = 'conditional'); p <- predict(m, type = 'zprob')")
    r("v <- (1 - p) * (mu + mu^2 / sigma(m)) + p * (1 - p) * mu^2")
    theirs = values(r, "(Owls$SiblingNegotiation - (1 - p) * mu) / sqrt(v)")
    np.testing.assert_allclose(mm.resid(seen, "pearson"), theirs, rtol=1e-6)
