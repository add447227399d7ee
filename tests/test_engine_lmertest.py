"""800 fits of lmerTest (200 responses, four models), singular ones included, none left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

HERE = Path(__file__).parent / "reference" / "lmertest200"
CRITERION = 1e-6  # the requirement: no worse than the better of the two
RELATIVE = 1e-6  # beta and SE; lmerTest's optimiser stops at about 1e-7
DF = 1e-4  # lmerTest differentiates numerically
P = 1e-6

MODELS = {
    "sleep_int": "y ~ Days + (1 | Subject)",
    "sleep_slope": "y ~ Days + (Days | Subject)",
    "crossed_int": "y ~ cond + (1 | subj) + (1 | item)",
    "crossed_max": "y ~ cond + (cond | subj) + (cond | item)",
}


@pytest.fixture(scope="module", params=list(MODELS))
def case(request):
    kind = request.param.split("_")[0]
    design = pd.read_csv(HERE / f"{kind}_design.csv")
    Y = np.load(HERE / f"{kind}_Y.npy")
    return (
        mm.fit_many(MODELS[request.param], design, Y),
        pd.read_csv(HERE / f"{request.param}.csv"),
        design,
        Y,
    )


def test_none_failed(case):
    fits, reference, _, _ = case
    assert fits.n_rep == len(reference) == 200
    assert fits.converged.all()
    assert set(fits.message) == {""}


def test_criterion(case):
    fits, reference, _, _ = case
    assert (fits.criterion - reference["remlcrit"].to_numpy()).max() < CRITERION


def test_estimates(case):
    fits, reference, _, _ = case
    assert fits.beta.to_numpy() == pytest.approx(reference[["beta0", "beta1"]].to_numpy(), rel=RELATIVE)
    assert fits.se.to_numpy() == pytest.approx(reference[["se0", "se1"]].to_numpy(), rel=RELATIVE)
    assert fits.sigma == pytest.approx(reference["sigma"].to_numpy(), rel=RELATIVE)
    theta = reference[[c for c in reference if c.startswith("theta")]].to_numpy()
    assert fits.theta == pytest.approx(theta, abs=1e-5)


def test_satterthwaite(case):
    fits, reference, _, _ = case
    table = fits.coefficients()
    assert table["rep"].tolist() == np.repeat(np.arange(200), 2).tolist()
    assert table["df"].to_numpy() == pytest.approx(reference[["df0", "df1"]].to_numpy().ravel(), rel=DF)
    slope = table[table["coefficient"] != "(Intercept)"]
    assert slope["p"].to_numpy() == pytest.approx(reference["p1"].to_numpy(), abs=P)


def test_singular(case):
    fits, reference, _, _ = case
    assert fits.singular.tolist() == reference["singular"].astype(bool).tolist()


def test_batch_equals_single(case):
    fits, _, design, Y = case
    for i in (0, 1, 150):
        one = mm.fit_many(fits.matrices.formula, design, Y[i])
        assert one.criterion[0] == pytest.approx(fits.criterion[i], abs=1e-9)
        assert one.theta[0] == pytest.approx(fits.theta[i], abs=1e-7)
        assert one.coefficients()["df"].to_numpy() == pytest.approx(
            fits.coefficients()["df"].to_numpy()[2 * i : 2 * i + 2], rel=1e-8
        )
