"""Exercises of 2_zuur/05_time: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm

RATS = "weight ~ Time * Diet"


@pytest.fixture(scope="module")
def mares():
    mares = mm.load("Ovary")
    angle = 2 * np.pi * mares["Time"]
    day = mares.groupby("Mare", observed=True).cumcount() + 1
    return mares.assign(day=day, sine=np.sin(angle), cosine=np.cos(angle))


def test_1_three_days_apart(mares):
    formula = "follicles ~ sine + cosine"
    phi = mm.fit_gls(formula, mares, correlation="corAR1(day | Mare)").structure["Phi"]
    assert mm.check_answer("time-1", phi**3).ok
    reach = mm.fit_gls(formula, mares, correlation="corExp(day | Mare)").structure.iloc[0]
    assert mm.check_answer("time-1", np.exp(-3 / reach)).ok
    assert mm.check_answer("time-1", 0.75**3).ok  # from the text's two decimals
    says("time-1", phi, "one day")
    says("time-1", phi**2, "two days")
    says("time-1", phi**4, "four days")
    says("time-1", phi / 3, "multiply")
    symmetric = mm.fit_gls(formula, mares, correlation="corCompSymm(1 | Mare)")
    says("time-1", symmetric.structure["Rho"], "compound symmetry")
    alone = mm.acf(mm.fit_gls(formula, mares), time=mares["day"], group=mares["Mare"])
    says("time-1", alone["acf"][3], "the residuals")


def test_2_thirty_years():
    phi, n = 0.6, 30
    lag = np.arange(1, n)
    variance = (1 + 2 * ((1 - lag / n) * phi**lag).sum()) / n
    assert mm.check_answer("time-2", 1 / variance).ok
    years = mm.cross(series=1, year=range(n))
    ar1 = mm.AR1(phi, within="series", time="year")
    _, V = mm.marginal_moments(years, mm.Truth("y ~ 1", beta=[0], sigma=1, correlation=ar1))
    assert mm.check_answer("time-2", n**2 / V.sum()).ok
    says("time-2", n * (1 - phi) / (1 + phi), "long series")
    says("time-2", n * (1 - phi), "too simple")
    says("time-2", n, "independent")
    says("time-2", variance, "variance of the mean")
    says("time-2", n * variance, "variance grows")


def test_3_rats():
    rats = mm.load("BodyWeight")
    daily = mm.fit_gls(f"{RATS} + (Time | Rat)", rats, correlation="corCAR1(Time | Rat)").structure["Phi"]
    assert mm.check_answer("time-3", daily**7).ok
    twin = mm.fit_gls(f"{RATS} + (Time | Rat)", rats, correlation="corExp(Time | Rat)")
    assert mm.check_answer("time-3", np.exp(-7 / twin.structure.iloc[0])).ok
    assert mm.check_answer("time-3", 0.76**7).ok
    says("time-3", daily, "a day apart")
    for random, words in (("", "random effects out"), (" + (1 | Rat)", "intercept only")):
        other = mm.fit_gls(RATS + random, rats, correlation="corCAR1(Time | Rat)")
        says("time-3", other.structure["Phi"] ** 7, words)
    position = mm.fit_gls(f"{RATS} + (Time | Rat)", rats, correlation="corAR1(1 | Rat)")
    says("time-3", position.structure["Phi"], "by position")
