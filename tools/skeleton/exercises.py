"""Exercises of PAGE: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


def test_1_nine_days():
    sleep = mm.load("sleepstudy")
    slope = mm.fit("Reaction ~ Days + (1 | Subject)", sleep).beta["Days"]
    assert mm.check_answer("TOPIC-1", 9 * slope).ok
    assert mm.check_answer("TOPIC-1", 9 * smf.ols("Reaction ~ Days", sleep).fit().params["Days"]).ok
    says("TOPIC-1", 10 * slope, "ten days")


def test_2_people():
    sleep = mm.load("sleepstudy")
    assert mm.check_answer("TOPIC-2", len(sleep["Subject"].cat.categories)).ok
    assert mm.check_answer(
        "TOPIC-2", len(mm.fit("Reaction ~ Days + (1 | Subject)", sleep).ranef["Subject"])
    ).ok
    says("TOPIC-2", len(sleep), "observations")


def test_3_machine_a():
    machines = mm.load("Machines")
    means = machines.groupby("Machine", observed=True)["score"].mean()
    assert mm.check_answer("TOPIC-3", means["A"]).ok
    assert mm.check_answer("TOPIC-3", smf.ols("score ~ Machine", machines).fit().params["Intercept"]).ok
    says("TOPIC-3", machines["score"].mean(), "three machines")
