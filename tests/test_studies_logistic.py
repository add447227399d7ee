"""A logistic model in a study gives what fit_logistic gives, data set by data set."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import mmhelpers as mm

FORMULA = "ok ~ arm + (1 | clinic)"
DESIGN = mm.cross(clinic=20).between("clinic", arm=["old", "new"]).nest(patient=8, within="clinic")


def truth(effect, trials=1):
    return mm.Truth(FORMULA, beta=[0, effect], sd={"clinic": 0.5}, family=mm.Binomial(trials))


@pytest.mark.parametrize("trials", [1, 5])
def test_same_as_the_fit_itself(trials):
    rows = mm.study(
        DESIGN, truth(0.8, trials), {"l": mm.Logistic(FORMULA, trials)}, "armnew", n_rep=20, seed=1
    )
    Y = mm.simulate(DESIGN, truth(0.8, trials), 20, seed=int(rows["seed"].iloc[0]))
    x = np.column_stack([np.ones(len(DESIGN)), DESIGN.data["arm"] == "new"])
    fits = mm.fit_logistic(Y, x, DESIGN.data["clinic"], trials=np.full(len(DESIGN), trials), points=15)
    assert np.allclose(rows["estimate"], fits.beta[:, 1])
    assert np.allclose(rows["p"], 2 * stats.norm.sf(np.abs(fits.beta[:, 1] / fits.se[:, 1])))
    assert rows["converged"].tolist() == fits.converged.tolist()


def test_lost_cells_are_left_out_of_their_data_set():
    model = mm.Logistic(FORMULA)
    Y = mm.simulate(DESIGN, truth(0.8), 3, seed=1)
    Y[1, ::7] = np.nan
    found = model.analyse(DESIGN.data, Y, "armnew", ())[0]
    kept = ~np.isnan(Y[1])
    alone = model.analyse(DESIGN.data[kept], Y[1:2, kept], "armnew", ())[0]
    assert found.estimate[1] == pytest.approx(alone.estimate[0], rel=1e-6)
    whole = model.analyse(DESIGN.data, Y[[0, 2]], "armnew", ())[0]
    assert np.allclose(found.estimate[[0, 2]], whole.estimate, rtol=1e-6)


def test_a_data_set_that_cannot_be_fitted_is_a_row_that_says_so():
    Y = mm.simulate(DESIGN, truth(0.8), 2, seed=1)
    Y[0] = (DESIGN.data["arm"] == "new").astype(float)  # separated
    Y[1, 8:] = np.nan  # one clinic left
    found = mm.Logistic(FORMULA).analyse(DESIGN.data, Y, "armnew", ())[0]
    assert not found.converged.any()
    assert np.isnan(found.p).all()
    assert all(found.message)


def test_no_more_alarms_than_asked_for():
    rows = mm.study(DESIGN, truth(0), {"l": mm.Logistic(FORMULA)}, "armnew", n_rep=400, seed=2)
    assert 0.02 < mm.rates(rows)["rate"].iloc[0] < 0.11  # Wald's z with 20 clinics: somewhat liberal


def test_linear_models_of_answers_are_not_held_against_the_scale_of_the_link():
    models = {"logistic": mm.Logistic(FORMULA), "linear": FORMULA}
    table = mm.power(DESIGN, truth(1.2), models, "armnew", n_rep=60, seed=1).set_index("model")
    assert np.isnan(table.loc["linear", "exaggeration"])
    assert 0.8 < table.loc["logistic", "exaggeration"] < 1.8


def test_a_study_of_it_is_read_back(tmp_path):
    out = tmp_path / "study.parquet"
    rows = mm.study(DESIGN, truth(0.8), {"l": mm.Logistic(FORMULA)}, "armnew", n_rep=3, seed=1, out=out)
    again = mm.read_study(out)
    assert mm.replay(again, 1).rows["p"].iloc[0] == pytest.approx(rows["p"].iloc[1])
