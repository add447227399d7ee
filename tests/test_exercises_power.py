"""Exercises of chapter 4_lmertest/05_power_and_design: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
from checkers import says
from scipy import stats

import mmhelpers as mm


def t_power(shift, df, sides=2):
    edge = stats.t.ppf(1 - 0.05 / sides, df)
    return stats.nct.sf(edge, df, shift) + (sides == 2) * stats.nct.cdf(-edge, df, shift)


def test_1_how_many_simulations():
    assert mm.check_answer("power-1", round(0.8 * 0.2 / 0.005**2)).ok
    enough = next(n for n in range(6300, 6500) if stats.binom.std(n, 0.8) / n <= 0.005 + 1e-12)
    assert mm.check_answer("power-1", enough).ok
    says("power-1", round(0.25 / 0.005**2), "one half")
    says("power-1", round(0.16 / 0.005), "square")
    says("power-1", round(0.16 / 0.01**2), "four times")
    says("power-1", round(0.16 * 1.96**2 / 0.005**2), "interval")
    says("power-1", round(0.16 / 0.05**2), "0.05")


def test_2_the_ceiling():
    assert mm.check_answer("power-2", t_power(np.sqrt(6), 5)).ok
    drawn = np.random.default_rng(3).normal(8, 8, (100_000, 6))
    assert mm.check_answer("power-2", (stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05).mean()).ok
    says("power-2", stats.norm.sf(1.96 - np.sqrt(6)), "known")
    says("power-2", 1.0, "same six situations")
    says("power-2", t_power(np.sqrt(6), 5, sides=1), "one-sided")
    says("power-2", 100 * t_power(np.sqrt(6), 5), "between 0 and 1")


def test_3_what_a_trial_is_worth():
    def best(effect, trial, person, minute):
        k = np.arange(1, 5000)
        return k[((effect + trial / k) * (person + minute * k)).argmin()]

    assert mm.check_answer("power-3", best(12**2, 2 * 60**2, 30, 1)).ok
    assert mm.check_answer("power-3", np.sqrt(2 * 60**2 * 30 / 12**2)).ok
    says("power-3", np.sqrt(60**2 * 30 / 12**2), "difference of two trials")
    says("power-3", np.sqrt(2 * 60**2 * 30 / 12**2 / 0.5), "30 + k")
    says("power-3", 60 / 12, "what a person costs")
    says("power-3", 2 * 60**2 * 30 / 12**2, "root")


def sleep_power(people, loss, known=False):
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    se = np.sqrt((fit.variances["sd"][1] ** 2 + fit.sigma**2 / 82.5) / people)
    return stats.norm.sf(1.96 - loss / se) if known else t_power(loss / se, people - 1)


def test_4_sleep_again():
    assert mm.check_answer("power-4", sleep_power(8, 5)).ok
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    truth = mm.Truth("y ~ Days + (Days | Subject)", beta=[250, 5], theta=fit.theta, sigma=fit.sigma)
    design = mm.cross(Subject=8, Days=range(10))
    found = mm.power(design, truth, {"slopes": truth.formula}, "Days", n_rep=2000, seed=21)
    assert mm.check_answer("power-4", found["rate"].iloc[0]).ok
    says("power-4", sleep_power(8, 5, known=True), "seven degrees of freedom")
    says("power-4", sleep_power(18, 5), "eighteen")
    says("power-4", sleep_power(8, 10.467), "10 ms")
