"""Residuals: closed forms, definitions, and covariances checked by simulation."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm
from mmhelpers.residuals.covariance import (
    covariance_block,
    residual_covariance,
    residual_variance,
    response_blocks,
)


@pytest.fixture(scope="module")
def sleep_fit():
    return smf.mixedlm("Reaction ~ Days", mm.load("sleepstudy"), groups="Subject", re_formula="~Days").fit()


@pytest.fixture(scope="module")
def crossed_fit():
    data = mm.load("penicillin")
    vc = {"plate": "0 + C(plate)", "sample": "0 + C(sample)"}
    return smf.mixedlm("diameter ~ 1", data, groups=np.ones(len(data)), vc_formula=vc).fit()


def test_linear_model_residuals_are_statsmodels():
    fit = smf.ols("Reaction ~ Days", mm.load("sleepstudy")).fit()
    influence = fit.get_influence()
    np.testing.assert_allclose(mm.resid(fit), fit.resid, atol=1e-10)
    np.testing.assert_allclose(mm.resid(fit, "pearson"), fit.resid_pearson, atol=1e-10)
    np.testing.assert_allclose(
        mm.resid(fit, "standardized"), influence.resid_studentized_internal, atol=1e-10
    )
    np.testing.assert_allclose(mm.resid(fit, "studentized"), influence.resid_studentized_external, atol=1e-10)


def dense_v(seen):
    V = np.empty((seen.nobs, seen.nobs))
    V[:] = covariance_block(seen, np.arange(seen.nobs))
    return V


@pytest.mark.parametrize("which", ["sleep_fit", "crossed_fit"])
def test_covariances_are_those_of_the_dense_formulae(which, request):
    """R P R and V - X (X'V^-1 X)^-1 X', written out with inverses; the modes are Psi Z'V^-1 (y - X beta)."""
    seen = mm.view(request.getfixturevalue(which))
    V, X = dense_v(seen), seen.X
    Vi = np.linalg.inv(V)
    bread = np.linalg.inv(X.T @ Vi @ X)
    P = Vi - Vi @ X @ bread @ X.T @ Vi
    R = seen.sigma**2 * np.eye(seen.nobs)
    conditional, marginal = R @ P @ R, V - X @ bread @ X.T
    np.testing.assert_allclose(bread, seen.vcov, rtol=2e-5)
    np.testing.assert_allclose(residual_covariance(seen, np.eye(seen.nobs)), conditional, atol=1e-7 * R[0, 0])
    np.testing.assert_allclose(
        residual_covariance(seen, np.eye(seen.nobs), conditional=False), marginal, atol=1e-7 * R[0, 0]
    )
    np.testing.assert_allclose(residual_variance(seen), np.diag(conditional), rtol=1e-7)
    np.testing.assert_allclose(residual_variance(seen, conditional=False), np.diag(marginal), rtol=1e-7)
    # the conditional residual R P y is what is left after the BLUPs
    np.testing.assert_allclose(R @ P @ seen.observed, mm.resid(seen), atol=2e-3 * seen.sigma)


def test_blocks_are_the_groups_and_crossing_makes_one(sleep_fit, crossed_fit):
    seen = mm.view(sleep_fit)
    blocks = response_blocks(seen)
    assert len(blocks) == 18
    assert sorted(np.concatenate(blocks)) == list(range(180))
    assert all(len(set(seen.groups["Subject"][rows])) == 1 for rows in blocks)
    assert len(response_blocks(mm.view(crossed_fit))) == 1
    assert len(response_blocks(mm.view(smf.ols("Reaction ~ Days", mm.load("sleepstudy")).fit()))) == 180


def test_normalised_residuals_are_white_under_the_model(sleep_fit):
    """Marginal residuals times L^-1, over simulated data: identity covariance (4 SE of each entry)."""
    seen = mm.view(sleep_fit)
    n_sim = 3000
    draws = seen.simulate(n_sim, np.random.default_rng(1))
    rows = response_blocks(seen)[0]
    L = np.linalg.cholesky(covariance_block(seen, rows))
    white = np.linalg.solve(L, draws[rows] - seen.fitted(False)[rows, None])
    assert np.abs(np.cov(white) - np.eye(len(rows))).max() < 4.5 * np.sqrt(2 / n_sim)
    ours = mm.resid(seen, "normalized", conditional=False)[rows]
    np.testing.assert_allclose(ours, np.linalg.solve(L, (seen.observed - seen.fitted(False))[rows]))


def test_gls_normalised_residuals_use_the_given_covariance():
    rng = np.random.default_rng(2)
    n = 40
    S = 0.6 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    data = pd.DataFrame({"x": rng.normal(size=n)})
    data["y"] = np.linalg.cholesky(S) @ rng.normal(size=n)
    fit = sm.GLS(data.y, sm.add_constant(data.x), sigma=S).fit()
    ours = mm.resid(fit, "normalized")
    np.testing.assert_allclose(ours, fit.wresid / np.sqrt(fit.scale), rtol=1e-8)


def test_an_observation_fitted_whatever_its_value_has_no_standardised_residual():
    data = pd.DataFrame({"y": [1.0, 2, 3, 7], "only": [0, 0, 0, 1]})
    values = mm.resid(smf.ols("y ~ only", data).fit(), "standardized")
    assert np.isnan(values[3])
    assert np.isfinite(values[:3]).all()


def test_refusals_in_words(sleep_fit):
    with pytest.raises(ValueError, match="kind is 'deviance'"):
        mm.resid(sleep_fit, "deviance")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="use kind='standardized' for a mixed model"):
        mm.resid(sleep_fit, "studentized")
