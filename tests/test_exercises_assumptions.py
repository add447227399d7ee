"""Exercises of chapter 2_zuur/01_assumptions: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm


@pytest.fixture(scope="module")
def cockles():
    cockles = mm.load("cockles")
    return cockles.assign(log_mass=np.log(cockles["mass"]), log_length=np.log(cockles["length"]))


def test_1_below_nothing(cockles):
    line = smf.ols("mass ~ length + shore", cockles).fit()
    b0, high, slope = line.params
    assert mm.check_answer("assumptions-1", b0 + 12 * slope).ok
    new = pd.DataFrame({"length": [12], "shore": ["low"]})
    assert mm.check_answer("assumptions-1", mm.fit("mass ~ length + shore", cockles).predict(new)).ok
    assert mm.check_answer("assumptions-1", -497.2 + 12 * 35.8).ok
    says("assumptions-1", b0 + high + 12 * slope, "high on the shore")
    says("assumptions-1", 12 * slope, "intercept out")
    says("assumptions-1", -(b0 + 12 * slope), "sign")
    says("assumptions-1", -b0 + 12 * slope, "as if it were positive")


def test_2_percent(cockles):
    b = smf.ols("log_mass ~ log_length + shore", cockles).fit().params["shore[T.high]"]
    assert mm.check_answer("assumptions-2", 100 * (1 - np.exp(b))).ok
    pair = pd.DataFrame({"log_length": [3.0, 3.0], "shore": ["low", "high"]})
    low, high = np.exp(mm.fit("log_mass ~ log_length + shore", cockles).predict(pair))
    assert mm.check_answer("assumptions-2", 100 * (low - high) / low).ok
    says("assumptions-2", -100 * b, "100 times the coefficient")
    says("assumptions-2", 100 * (np.exp(b) - 1), "lighter")
    says("assumptions-2", 100 * (np.exp(-b) - 1), "other way round")
    says("assumptions-2", 100 * np.exp(b), "what remains")
    says("assumptions-2", 100 * (1 - 10**b), "natural ones")


def test_3_six_voices():
    voices = pd.DataFrame({"sex": ["female"] * 3 + ["male"] * 3, "pitch": [233, 204, 242, 130, 112, 142]})
    fit = smf.ols("pitch ~ sex", voices).fit()
    sd = np.sqrt(fit.scale)
    assert mm.check_answer("assumptions-3", sd).ok
    assert mm.check_answer("assumptions-3", np.sqrt(voices.groupby("sex")["pitch"].var().mean())).ok
    says("assumptions-3", sd**2, "variance")
    says("assumptions-3", fit.bse.iloc[1], "the difference")
    says("assumptions-3", fit.bse.iloc[0], "the intercept")
    says("assumptions-3", fit.resid.std(), "n - 1 = 5")
    says("assumptions-3", voices["pitch"].std(), "all six voices")


def test_4_four_readings():
    true, error = 24**2 / 12, 2.5**2
    assert mm.check_answer("assumptions-4", true / (true + error / 4)).ok
    one = true / (true + error)
    assert mm.check_answer("assumptions-4", 4 * one / (1 + 3 * one)).ok  # Spearman and Brown
    assert mm.check_answer("assumptions-4", 0.97).ok
    says("assumptions-4", one, "one reading")
    says("assumptions-4", true / (true + error / 2), "quartered")
    says("assumptions-4", true / (true + 2.5 / 4), "standard deviation where a variance")
    says("assumptions-4", true / (true + 2.5 / 2), "squared first")
    says("assumptions-4", true / (true + (2.5 / 4) ** 2), "divided the standard deviation by four")
