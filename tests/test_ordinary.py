"""The model without random effects equals ordinary least squares of statsmodels, replicate by replicate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmhelpers as mm

RTOL = 1e-9  # two decompositions of the same well-conditioned matrix
FORMULA = "y ~ x + g"


def made(n_rep: int = 5, shift: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(20)
    data = pd.DataFrame({"x": rng.normal(size=30), "g": list("abc") * 10, "y": 0.0})
    return data, shift + rng.normal(size=(n_rep, 30))


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_equals_statsmodels(shift):
    data, Y = made()
    fits = mm.fit_many(FORMULA, data, Y + shift)
    table = fits.coefficients()
    for rep, y in enumerate(Y):
        ols = smf.ols(FORMULA, data.assign(y=y)).fit()
        mine = table[table["rep"] == rep]
        theirs = ols.params.rename(
            lambda name: name.replace("Intercept", "(Intercept)").replace("[T.", "").replace("]", "")
        )
        wanted = theirs[list(mine["coefficient"])] + shift * (mine["coefficient"] == "(Intercept)").to_numpy()
        np.testing.assert_allclose(mine["estimate"], wanted, rtol=1e-8, atol=1e-9)  # adding 1e6 costs y 1e-10
        slopes = mine[mine["coefficient"] != "(Intercept)"]  # the intercept's p depends on where zero is
        np.testing.assert_allclose(np.sort(slopes["p"]), np.sort(ols.pvalues.drop("Intercept")), rtol=1e-7)
        np.testing.assert_allclose(mine["df"], 26, rtol=RTOL)
        assert fits.sigma[rep] ** 2 == pytest.approx(ols.scale, rel=1e-8)


def test_ml_criterion_is_the_likelihood():
    data, Y = made(1)
    ols = smf.ols(FORMULA, data.assign(y=Y[0])).fit()
    assert mm.fit_many(FORMULA, data, Y, reml=False).criterion[0] == pytest.approx(-2 * ols.llf, rel=RTOL)


def test_missing_cells_are_left_out_of_their_replicate():
    data, Y = made(3)
    Y[1, [0, 7]] = np.nan
    fits = mm.fit_many(FORMULA, data, Y, missing="drop")
    ols = smf.ols(FORMULA, data.assign(y=Y[1]).dropna()).fit()
    assert fits.sigma[1] ** 2 == pytest.approx(ols.scale, rel=RTOL)
    assert fits.coefficients()["df"].tolist() == pytest.approx([26] * 4 + [24] * 4 + [26] * 4)


def test_a_response_without_residuals_is_reported_not_fitted():
    data, Y = made(2)
    Y[0] = data["x"]
    fits = mm.fit_many(FORMULA, data, Y)
    assert fits.converged.tolist() == [False, True]
    assert "no residual variation" in fits.message[0]
    assert np.isnan(fits.coefficients()["p"][:4]).all()


def test_one_data_set_reads_well():
    data, Y = made(1)
    fit = mm.fit(FORMULA, data.assign(y=Y[0]))
    assert "Residual" in str(fit)
    assert fit.theta.size == 0
