"""Exercises of 4_lmertest/04_type_one_error: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import stats

import mmhelpers as mm

# Monte Carlo: 4 standard errors of a rate near .2 from 4,000 data sets.
LIMIT = 4 * np.sqrt(0.2 * 0.8 / 4000)


def person(slope):
    sd = {"person": {"(Intercept)": 3, "x": slope}}
    return mm.Truth("y ~ x + (x | person)", beta=[0, 0], sd=sd, sigma=1)


def rate(design, truth, model, effect="x"):
    found = mm.type1(design, truth, {"m": model}, effect, tests=("satterthwaite",), n_rep=4000, seed=9)
    return found["rate"][0]


def slopeless(n, j, sxx, tau, sigma):
    return mm.exact.type1_slopeless(n, j, sxx, tau**2, sigma**2)


def test_1_reading_study():
    exact = slopeless(30, 40, 10, 40, 100)
    assert mm.check_answer("type_one-1", exact).ok
    assert mm.check_answer("type_one-1", round(exact, 2)).ok
    design = mm.cross(person=30, x=[-0.5, 0.5], text=20)
    simulated = rate(design, person(0.4), "y ~ x + (1 | person)")
    assert abs(simulated - exact) < LIMIT
    says("type_one-1", 2 * stats.norm.sf(1.96 / np.sqrt(1 + 1600 * 10 / 100**2)), "normal distribution")
    says("type_one-1", slopeless(30, 20, 5, 40, 100), "20 texts a person")
    says("type_one-1", slopeless(30, 40, 20, 40, 100), "half a unit from the mean")
    says("type_one-1", slopeless(30, 40, 40, 40, 100), "coded -1 and 1")
    says("type_one-1", mm.exact.type1_slopeless(30, 40, 10, 40, 100), "not standard deviations")
    says("type_one-1", slopeless(30, 20, 10, 40, 100), "is 40")
    says("type_one-1", slopeless(30, 40, 10, 0, 100), "nominal")


def test_2_teeth():
    teeth = mm.load("Orthodont")
    sd = mm.fit("distance ~ age + (age | Subject)", teeth).variances["sd"]
    exact = slopeless(27, 4, 20, sd[1], sd[3])
    assert mm.check_answer("type_one-2", exact).ok
    assert mm.check_answer("type_one-2", slopeless(27, 4, 20, 0.23, 1.31)).ok
    truth = mm.Truth(
        "y ~ age + (age | child)", beta=[17, 0], sigma=sd[3],
        sd={"child": {"(Intercept)": sd[0], "age": sd[1]}}, corr={"child": -0.61},
    )  # fmt: skip
    simulated = rate(mm.cross(child=27, age=[8, 10, 12, 14]), truth, "y ~ age + (1 | child)", "age")
    assert mm.check_answer("type_one-2", simulated).ok or abs(simulated - exact) < LIMIT / 1.4
    says("type_one-2", slopeless(27, 4, 5, sd[1], sd[3]), "not the variance, 5")
    says("type_one-2", mm.exact.type1_slopeless(27, 4, 20, sd[1], sd[3]), "not standard deviations")
    says("type_one-2", 0.05, "nominal")
    says("type_one-2", mm.fit("distance ~ age + (age | Subject)", teeth).se["age"], "standard error")


def test_3_harmless():
    model = "y ~ x + (1 | person)"
    pair = mm.cross(person=40, x=[-0.5, 0.5])
    days = mm.cross(person=40, day=range(5)).between("person", sex=["man", "woman"])
    of_days = mm.Truth(
        "y ~ sex + day + (day | person)", beta=[0, 0, 0], sigma=1,
        sd={"person": {"(Intercept)": 3, "day": 1}},
    )  # fmt: skip
    means = mm.Truth("y ~ x + (x | person)", beta=[0, 0], sigma=3**-0.5, sd=person(1).sd)
    rates = {
        "a": rate(pair, person(1), model),
        "b": rate(pair, means, model),
        "c": rate(pair.cross(trial=3), person(1), model),
        "d": rate(days, of_days, "y ~ sex + day + (1 | person)", "sex"),
        "e": rate(pair.cross(time=[-0.5, 0.5]), person(1), "y ~ x + time + (1 | person)"),
    }
    harmless = [letter for letter, r in rates.items() if abs(r - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4000)]
    assert harmless == ["a", "b", "d"]
    assert mm.check_answer("type_one-3", harmless).ok
    assert mm.check_answer("type_one-3", ["D", "a", "b"]).ok
    says("type_one-3", ["a", "d"], "Look at b")
    says("type_one-3", ["a", "b"], "One is missing")
    says("type_one-3", ["b", "d"], "One is missing")
    says("type_one-3", ["a", "b", "c", "d"], "In c")
    says("type_one-3", ["a", "b", "d", "e"], "In e")
    says("type_one-3", list("abcde"), "Not all")


@pytest.fixture(scope="module")
def grid():
    table = mm.load_study("matuschek2017").query("alpha == 0.05")
    return table.set_index(["cell", "quantity", "analysis"])["rate"]


def test_4_price(grid):
    def answer(design, against="rio", model="max"):
        loss = grid[f"{design}sd0", "power", against] - grid[f"{design}sd0", "power", model]
        return [100 * loss, 100 * grid[f"{design}sd60", "type1", "rio"]]

    right = answer("50x20")
    assert mm.check_answer("type_one-4", right).ok
    assert mm.check_answer("type_one-4", np.round(right)).ok
    design = mm.cross(person=50, item=20, x=[-0.5, 0.5])
    both = {"(Intercept)": 100, "x": 60}
    truth = mm.Truth(
        "y ~ x + (x | person) + (x | item)", beta=[2000, 0], sigma=300,
        sd={"person": both, "item": both}, corr={"person": 0.6, "item": 0.6},
    )  # fmt: skip
    found = mm.type1(
        design, truth, {"m": "y ~ x + (1 | person) + (1 | item)"}, "x", tests=("lrt",), n_rep=2000, seed=1
    )
    assert abs(100 * found["rate"][0] - right[1]) < 100 * 4 * np.sqrt(0.2 * 0.8 * (1 / 2000 + 1 / 10000))
    says("type_one-4", right[::-1], "other way round")
    says("type_one-4", [x / 100 for x in right], "percentage points")
    says("type_one-4", answer("50x20", "LRT"), "backward selection")
    says("type_one-4", answer("30x10"), "30 people")
