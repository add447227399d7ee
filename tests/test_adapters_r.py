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
            link.require_r("nlme", "glmmTMB", "lme4")
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


@pytest.mark.parametrize(
    "code",
    [
        "lmer(Reaction ~ Days + (Days | Subject), sleepstudy)",
        "lmer(log(Reaction) ~ Days + (1 | Subject), sleepstudy, REML = FALSE)",
        "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial)",
    ],
)
def test_refit_in_r_repeats_the_fit_on_its_own_response(r, code):
    r(f"m <- {code}")
    seen = mm.view(r("m"))
    assert seen.refit is not None
    again = seen.refit(seen.observed)
    np.testing.assert_allclose(again.beta, seen.beta, rtol=1e-4)
    assert again.loglik == pytest.approx(seen.loglik, abs=1e-4)
    assert seen.refit(seen.simulate(1, np.random.default_rng(1))[:, 0]).beta[0] != seen.beta[0]


def test_unknown_r_objects_are_refused_in_words(r):
    with pytest.raises(mm.UnsupportedFitError, match="class 'loess'"):
        mm.view(r("loess(Reaction ~ Days, lme4::sleepstudy)"))
