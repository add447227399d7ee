"""Exercises of chapter 2_zuur/06_space: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def flat():
    return mm.load("mudflat")


@pytest.fixture(scope="module")
def best(flat):
    return mm.fit_gls("chlorophyll ~ height + mud", flat, correlation="corExp(x, y)")


def test_1_correlation_of_two_plots(best):
    r = best.structure["range"]
    rho = np.exp(-10 / r)
    assert mm.check_answer("space-1", rho).ok
    assert mm.check_answer("space-1", round(rho, 2)).ok
    # From the matrix of the fit: the logarithm of the correlation is proportional to the distance.
    R = mm.view(best).correlation
    place = best.data[["x", "y"]].to_numpy()
    assert mm.check_answer("space-1", R[0, 1] ** (10 / np.hypot(*(place[0] - place[1])))).ok
    says("space-1", 1 - rho, "value of the variogram")
    says("space-1", np.exp(-((10 / r) ** 2)), "Gaussian")
    says("space-1", np.exp(-r / 10), "other way round")


def test_2_plots_that_count(flat, best):
    R = mm.view(best).correlation
    n = 100**2 / R.sum()
    assert mm.check_answer("space-2", n).ok
    assert mm.check_answer("space-2", round(n)).ok
    # By hand, from the distances and the printed range.
    place = flat[["x", "y"]].to_numpy()
    d = np.sqrt(((place[:, None] - place) ** 2).sum(axis=2))
    assert mm.check_answer("space-2", 1 / np.exp(-d / 11.24).mean()).ok
    says("space-2", 100**2 / (R.sum() - 100), "with itself")
    says("space-2", R.sum(), "sum over all pairs")
    says("space-2", np.linalg.inv(R).sum(), "weighted mean")
    says("space-2", 100, "number of plots")


def place(beta, wheat, among=True):
    """Place of BUCKSKIN from the top; `among`: ARAPAHOE counts, too."""
    gain = beta.drop("(Intercept)")
    return int((gain > gain["varietyBUCKSKIN"]).sum()) + 1 + (among and gain["varietyBUCKSKIN"] < 0)


def test_3_wheat_in_a_field():
    wheat = mm.load("Wheat2")
    blocks = mm.fit("yield ~ variety + (1 | Block)", wheat).beta
    field = mm.fit_gls("yield ~ variety", wheat, correlation="corExp(latitude, longitude)").beta
    right = [place(blocks, wheat), place(field, wheat)]
    assert mm.check_answer("space-3", right).ok
    # Blocks are complete, so that the differences are those of plain means; and the correlation through statsmodels.
    mean = wheat.groupby("variety", observed=True)["yield"].mean()
    import statsmodels.formula.api as smf

    spot = wheat[["latitude", "longitude"]].to_numpy()
    apart = np.hypot(*(spot[:, None] - spot).transpose(2, 0, 1))
    given = smf.gls("Q('yield') ~ 0 + variety", wheat, sigma=np.exp(-apart / 5.0906)).fit().params
    given.index = given.index.str.extract(r"\[(\w+)\]")[0]
    other = [int(s.rank(ascending=False)["BUCKSKIN"]) for s in (mean, given)]
    assert mm.check_answer("space-3", other).ok
    says("space-3", [place(blocks, wheat, among=False), place(field, wheat, among=False)], "ARAPAHOE")
    says("space-3", right[::-1], "other way round")
    says("space-3", [57 - p for p in right], "from the lowest")
    says("space-3", [right[0], right[0]], "get its correlation")
