"""Exercises of chapter 3_lme4/01_formulas: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm


def test_1_count_before_you_fit():
    machines = mm.load("Machines")
    fit = mm.fit("score ~ Machine + (Machine | Worker)", machines)
    m = fit.matrices
    assert mm.check_answer("formulas-1", fit.n_par).ok
    assert mm.check_answer("formulas-1", 3 + 3 * 4 // 2 + 1).ok
    says("formulas-1", m.p + m.n_theta, "residual standard deviation")
    says("formulas-1", mm.fit("score ~ Machine + (1 | Worker)", machines).n_par, "(1 | Worker)")
    says("formulas-1", m.n_theta, "theta alone")
    says("formulas-1", m.n_theta + 1, "correlations")
    says("formulas-1", m.p + 3 + 1, "correlations")
    says("formulas-1", m.p + m.q + 1, "18 random effects")
    says("formulas-1", m.q, "not parameters")
    says("formulas-1", fit.n_par + m.q, "with the parameters")


def test_2_whose_column():
    sleep = mm.load("sleepstudy")
    m = mm.build_matrices("Reaction ~ Days + (Days | Subject)", sleep)
    rows = (sleep["Subject"] == "331").to_numpy()
    used = np.flatnonzero(np.abs(m.Z().toarray()[rows]).sum(axis=0))
    assert mm.check_answer("formulas-2", used[1] + 1).ok
    assert mm.check_answer("formulas-2", 2 * 5).ok
    says("formulas-2", used[1], "count from 0")
    says("formulas-2", used[0] + 1, "level")
    apart = mm.build_matrices("Reaction ~ Days + (Days || Subject)", sleep).Z().toarray()[rows]
    says("formulas-2", np.flatnonzero(np.abs(apart).sum(axis=0))[1] + 1, "all levels come first")
    says("formulas-2", np.flatnonzero(np.abs(apart).sum(axis=0))[1], "side by side")
    says("formulas-2", 5, "two columns")


@pytest.fixture(scope="module")
def oats():
    return mm.load("Oats")


def sds(formula, data, reml=True):
    return mm.fit(formula, data, reml=reml).variances.set_index("group")["sd"]


def test_3_plots_within_blocks(oats):
    found = sds("yield ~ nitro + (1 | Block/Variety)", oats)
    assert mm.check_answer("formulas-3", found.iloc[0]).ok
    # By hand, from the mean squares of this balanced trial (nitro takes the same from every plot and block)
    plots = oats.groupby(["Block", "Variety"], observed=True)["yield"].mean().unstack()
    within = oats["yield"] - oats.groupby(["Block", "Variety"], observed=True)["yield"].transform("mean")
    x = oats["nitro"] - oats["nitro"].mean()
    residual = (within**2).sum() - (x * within).sum() ** 2 / (x**2).sum()
    ms_plots = 4 * plots.var(axis=1, ddof=1).mean()
    assert mm.check_answer("formulas-3", np.sqrt((ms_plots - residual / 53) / 4)).ok
    says("formulas-3", found["Block"], "of blocks")
    says("formulas-3", found["Residual"], "pieces within a plot")
    says("formulas-3", found.iloc[0] ** 2, "the variance")
    says("formulas-3", sds("yield ~ nitro + (1 | Block) + (1 | Variety)", oats)["Variety"], "in a block")
    fixed = sds(
        "yield ~ Variety * factor + (1 | Block/Variety)", oats.assign(factor=oats["nitro"].astype(str))
    )
    says("formulas-3", fixed.iloc[0], "only fixed effect")
    says(
        "formulas-3",
        sds("yield ~ nitro + (1 | Block/Variety)", oats, reml=False).iloc[0],
        "maximum likelihood",
    )
    factor = oats.assign(fn=oats["nitro"].astype(str))
    says("formulas-3", sds("yield ~ fn + (1 | Block/Variety)", factor).iloc[0], "nitro a factor")


def test_4_two_bars_before_a_factor():
    m = mm.build_matrices("score ~ Machine + (Machine || Worker)", mm.load("Machines"))
    assert mm.check_answer("formulas-4", m.n_theta).ok
    assert mm.check_answer("formulas-4", 1 + 3 * 4 // 2).ok
    says("formulas-4", 3, "seems to promise")
    says("formulas-4", 6, "another term")
    says("formulas-4", m.k, "number of terms")
    says("formulas-4", 1 + 3, "keep their correlations")


@pytest.mark.r
def test_4_lme4_counts_the_same():
    code = "length(lme4::getME(lme4::lmer(score ~ Machine + (Machine || Worker), d), 'theta'))"
    assert mm.check_answer("formulas-4", float(mm.in_r(code, d=mm.load("Machines")).numbers[0])).ok
