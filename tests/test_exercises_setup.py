"""Exercises of chapter 0_start/01_setup: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def sleep():
    return mm.load("sleepstudy")


@pytest.fixture(scope="module")
def first(sleep):
    return mm.fit("Reaction ~ Days + (Days | Subject)", sleep)


def test_0_the_demonstration(sleep):
    assert mm.check_answer("setup-0", sleep["Subject"].nunique()).ok
    assert mm.check_answer("setup-0", len(sleep) / sleep["Days"].nunique()).ok
    says("setup-0", len(sleep), "number of rows")
    says("setup-0", sleep["Days"].nunique(), "number of days")


def test_1_count_the_numbers():
    machines = mm.load("Machines")
    fit = mm.fit("score ~ Machine + (1 | Worker)", machines)
    fixed, workers = machines["Machine"].nunique(), machines["Worker"].nunique()
    assert mm.check_answer("setup-1", fit.n_par).ok
    assert mm.check_answer("setup-1", fixed + len(fit.variances)).ok
    says("setup-1", fixed, "fixed part")
    says("setup-1", fixed + 1, "residual standard deviation")
    says("setup-1", fixed + workers + 1, "not estimated one by one")
    says("setup-1", fixed + workers + 2, "not estimated one by one")
    says("setup-1", 1 + fixed + 2, "One too many")


def test_2_the_slope_of_one_person(sleep, first):
    own = first.ranef["Subject"].loc["335", "Days"]
    average = first.beta["Days"]
    assert mm.check_answer("setup-2", average + own).ok
    predicted = first.predict(sleep[sleep["Subject"] == "335"])
    assert mm.check_answer("setup-2", (predicted[-1] - predicted[0]) / 9).ok
    in_statsmodels = smf.mixedlm("Reaction ~ Days", sleep, groups="Subject", re_formula="~Days").fit()
    assert mm.check_answer(
        "setup-2", in_statsmodels.fe_params["Days"] + in_statsmodels.random_effects["335"]["Days"]
    ).ok
    says("setup-2", own, "on top of the average")
    says("setup-2", average, "average person")
    alone = sleep[sleep["Subject"] == "335"]
    says("setup-2", np.polyfit(alone["Days"], alone["Reaction"], 1)[0], "points alone")
    says("setup-2", average - own, "negative already")


def test_3_two_kinds_of_groups():
    data = mm.load("Penicillin")
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    sd = mm.fit(formula, data).variances.set_index("group")["sd"]
    assert mm.check_answer("setup-3", sd["sample"]).ok
    # balanced and crossed, one observation a cell: from the mean squares
    table = data.pivot(index="plate", columns="sample", values="diameter").to_numpy()
    left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    error = np.sum(left**2) / (23 * 5)
    by_hand = np.sqrt(table.mean(axis=0).var(ddof=1) - error / 24)
    assert mm.check_answer("setup-3", by_hand).ok
    says("setup-3", sd["plate"], "plates")
    says("setup-3", sd["Residual"], "residual")
    says("setup-3", sd["sample"] ** 2, "variance")
    ml = mm.fit(formula, data, reml=False).variances.set_index("group")["sd"]
    says("setup-3", ml["sample"], "maximum likelihood")


def test_4_a_table_from_a_file():
    rats = mm.load("BodyWeight").astype({"Diet": int, "Rat": int})
    labelled = mm.fit("weight ~ Diet + (1 | Rat)", rats.astype({"Diet": "category"})).beta
    means = rats.groupby("Diet")["weight"].mean()
    assert mm.check_answer("setup-4", labelled["Diet3"]).ok
    assert mm.check_answer("setup-4", means[3] - means[1]).ok
    slope = mm.fit("weight ~ Diet + (1 | Rat)", rats).beta["Diet"]
    says("setup-4", slope, "slope along")
    says("setup-4", 2 * slope, "twice the slope")
    says("setup-4", labelled["Diet2"], "diet 2 against diet 1")
    says("setup-4", means[3], "exceed diet 1")
    says("setup-4", labelled["Diet3"] - labelled["Diet2"], "against diet 2")
