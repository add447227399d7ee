"""Models fitted in R from Python: against R's own printed numbers, against closed forms, and in words when it fails."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.discrete.truncated_model import TruncatedLFPoisson

import mmhelpers as mm
from mmhelpers.adapters.families import Family

pytestmark = pytest.mark.r


@pytest.fixture(scope="module", autouse=True)
def link():
    try:
        mm.require_r("glmmTMB", "lme4", "MASS", "mgcv")
    except mm.RMissing as error:
        pytest.skip(f"needs R: {error}")


@pytest.fixture(scope="module")
def salamanders() -> pd.DataFrame:
    return mm.load("Salamanders")


def test_published_zero_inflated_fit(salamanders):
    fit = mm.fit_in_r(
        "glmmTMB::glmmTMB", "count ~ mined + (1 | site)", salamanders, family="poisson", ziformula="~ mined"
    )
    assert fit.loglik == pytest.approx(-949.234760264, abs=1e-3)
    assert fit.aic == pytest.approx(1908.46952053, abs=2e-3)
    assert list(fit.coefficients("zero").index) == ["(Intercept)", "minedno"]
    assert "AIC 1908.5" in str(fit)


def test_same_as_statsmodels(salamanders):
    """R's glm and statsmodels' GLM minimise the same deviance."""
    here = smf.glm("count ~ mined + cover", salamanders, family=sm.families.Poisson())
    there = mm.fit_in_r("stats::glm", "count ~ mined + cover", salamanders, family="poisson")
    ours = here.fit()
    assert there.loglik == pytest.approx(ours.llf, rel=1e-9)
    assert there.deviance == pytest.approx(ours.deviance, rel=1e-9)
    table = mm.agreement({"R": there, "Python": ours})
    assert table["relative"].max() < 1e-4  # R's standard errors are those of the last step but one


def test_columns_and_formulas_as_arguments():
    cbpp = mm.load("cbpp").assign(share=lambda d: d["incidence"] / d["size"])
    fit = mm.fit_in_r("lme4::glmer", "share ~ period + (1 | herd)", cbpp, family="binomial", weights="size")
    assert fit.coefficients()["estimate"].iloc[0] == pytest.approx(-1.39834, abs=1e-3)
    assert fit.variances["value"].iloc[0] == pytest.approx(0.64207, abs=1e-3)


def test_what_r_says_is_kept():
    data = pd.DataFrame({"x": np.arange(8.0), "y": [0, 0, 0, 0, 1, 1, 1, 1]})
    fit = mm.fit_in_r("stats::glm", "y ~ x", data, family="binomial")
    assert any("0 or 1 occurred" in line for line in fit.said)


def test_bad_requests_are_answered_in_words(salamanders):
    with pytest.raises(ValueError, match="name the package"):
        mm.fit_in_r("glm", "count ~ mined", salamanders)
    fit = mm.fit_in_r("stats::glm", "count ~ mined", salamanders, family="poisson")
    with pytest.raises(ValueError, match="this model has 'mean'"):
        fit.coefficients("zero")
    with pytest.raises(mm.RMissing, match="nosuchpackage"):
        mm.fit_in_r("nosuchpackage::fit", "count ~ mined", salamanders)


@pytest.mark.parametrize(
    ("family", "response"),
    [("truncated_poisson", "count"), ("truncated_nbinom2", "count"), ("nbinom1", "count")],
)
def test_simulations_follow_the_fitted_mean(salamanders, family, response):
    data = salamanders[salamanders["count"] > 0] if family.startswith("trunc") else salamanders
    fit = mm.fit_in_r("glmmTMB::glmmTMB", f"{response} ~ mined", data, family=family)
    seen = mm.view(fit)
    drawn = seen.simulate(3000, np.random.default_rng(1))
    if family.startswith("trunc"):
        assert drawn.min() >= 1
    error = np.sqrt(drawn.var(axis=1) / drawn.shape[1])
    assert np.abs((drawn.mean(axis=1) - seen.fitted_marginal) / error).max() < 5
    # the fitted mean of a saturated truncated Poisson is the mean of its group
    if family == "truncated_poisson":
        own = data["mined"].to_numpy() == "yes"
        assert seen.fitted_marginal[own].mean() == pytest.approx(data["count"][own].mean(), rel=1e-5)


def test_hurdle_is_two_models(salamanders):
    """A hurdle fit in one is the binomial for zero or not, and the truncated counts of the rest."""
    fit = mm.fit_in_r(
        "glmmTMB::glmmTMB", "count ~ mined", salamanders, family="truncated_poisson", ziformula="~ mined"
    )
    seen = mm.view(fit)
    for level in ("yes", "no"):
        own = salamanders["mined"].to_numpy() == level
        assert seen.fitted_marginal[own].mean() == pytest.approx(salamanders["count"][own].mean(), rel=1e-4)
    drawn = seen.simulate(400, np.random.default_rng(2))
    assert (drawn == 0).mean() == pytest.approx((salamanders["count"] == 0).mean(), abs=0.01)


def test_beta_binomial_variance():
    mu, trials, phi = np.full(1, 0.3), np.array([12.0]), 4.0
    family = Family("beta-binomial", "logit", size=phi)
    drawn = family.draw(np.full((200_000, 1), 0.3), trials, np.random.default_rng(3))
    assert drawn.var() == pytest.approx(float(family.variance(mu, trials)[0]), rel=0.02)
    assert mm.BetaBinomial(trials=12, phi=phi).variance(mu) / 144 == pytest.approx(
        family.variance(mu, trials)
    )


def test_truncated_counts_of_statsmodels(salamanders):
    """statsmodels' truncated Poisson and glmmTMB's maximise one likelihood, and simulate from it alike."""
    seen = salamanders[salamanders["count"] > 0]
    here = TruncatedLFPoisson.from_formula("count ~ mined", seen).fit(disp=0)
    there = mm.fit_in_r("glmmTMB::glmmTMB", "count ~ mined", seen, family="truncated_poisson")
    table = mm.agreement({"statsmodels": here, "glmmTMB": there})
    assert table["relative"].max() < 1e-3
    ours, theirs = mm.view(here), mm.view(there)
    np.testing.assert_allclose(ours.fitted_marginal, theirs.fitted_marginal, rtol=1e-3)
    drawn = ours.simulate(2000, np.random.default_rng(1))
    assert drawn.min() == 1
    assert drawn.mean() == pytest.approx(ours.fitted_marginal.mean(), rel=0.02)
