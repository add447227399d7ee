"""Exercises of chapter 3_lme4/05_when_it_fails: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm


def test_1_which_kind():
    assert mm.check_answer("fails-1", "too much asked").ok
    assert mm.check_answer("fails-1", "Too much").ok
    says("fails-1", "an edge", "refuses")
    says("fails-1", "not arrived", "not even begun")
    says("fails-1", "units", "how many random effects")


@pytest.mark.r
def test_1_lme4_says_so():
    code = """
    d$trial <- ave(seq_len(54), d$Worker, d$Machine, FUN = seq_along)
    lme4::lmer(score ~ 1 + (Machine:factor(trial) | Worker), d)
    """
    said = mm.in_r(code, errors="show", d=mm.load("Machines")).said
    assert any("number of observations (=54) <= number of random effects" in line for line in said)


def test_2_hours():
    sleep = mm.load("sleepstudy")
    days = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    hours = mm.fit("Reaction ~ h + (h | Subject)", sleep.assign(h=24 * sleep["Days"]))
    assert mm.check_answer("fails-2", hours.variances["sd"][1]).ok
    assert mm.check_answer("fails-2", days.variances["sd"][1] / 24).ok
    says("fails-2", days.variances["sd"][1], "per day")
    says("fails-2", 24 * days.variances["sd"][1], "multiplied by 24")
    says("fails-2", hours.variances["variance"][1], "variance")
    says("fails-2", hours.se["h"], "standard error")


def test_3_oats_with_slopes():
    oats = mm.load("Oats")
    formula = "yield ~ nitro + (nitro | Block) + (1 | Block:Variety)"
    fit = mm.fit(formula, oats)
    assert fit.singular
    assert mm.check_answer("fails-3", fit.se["nitro"]).ok
    _, reference = mm.minimise_criterion(mm.build_matrices(formula, oats))
    assert mm.check_answer("fails-3", np.sqrt(reference.vcov[1, 1])).ok
    says("fails-3", mm.fit("yield ~ nitro + (1 | Block/Variety)", oats).se["nitro"], "without random slopes")
    says("fails-3", mm.fit("yield ~ nitro + (nitro | Block/Variety)", oats).se["nitro"], "for plots")
    says("fails-3", fit.beta["nitro"], "estimate")
