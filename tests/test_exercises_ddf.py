"""Exercises of chapter 4_lmertest/01_degrees_of_freedom: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import itertools

import numpy as np
from checkers import says
from scipy import stats

import mmhelpers as mm


def test_1_count():
    assert mm.check_answer("ddf-1", (8 - 1) * (4 - 1)).ok
    rng = np.random.default_rng(3)
    design = mm.cross(Block=8, Variety=["A", "B", "C", "D"], N=["0", "1", "2"])
    y = np.repeat(rng.normal(size=8) * 5, 12) + np.repeat(rng.normal(size=32) * 5, 3) + rng.normal(size=96)
    fit = mm.fit("y ~ Variety * N + (1 | Block) + (1 | Block:Variety)", design.data.assign(y=y))
    table = fit.anova()
    assert mm.check_answer("ddf-1", table.loc["Variety", "den_df"]).ok
    says("ddf-1", 32 - 4, "leaves the blocks out")
    says("ddf-1", 32 - 8, "three differences between varieties")
    says("ddf-1", 32 - 8 - 4, "one of the four means")
    says("ddf-1", 32 - 1, "all plots less one")
    says("ddf-1", table.loc["N", "den_df"], "for nitrogen")
    says("ddf-1", table.loc["Variety", "num_df"], "numerator")
    says("ddf-1", 96 - 12, "counts subplots")


def satterthwaite(weights, squares=(120, 40), df=(5, 30)):
    v = np.dot(weights, squares)
    return 2 * v**2 / sum(2 * (w * m) ** 2 / d for w, m, d in zip(weights, squares, df, strict=True))


def test_2_two_mean_squares():
    assert mm.check_answer("ddf-2", satterthwaite([1 / 6, 2 / 6])).ok
    assert mm.check_answer("ddf-2", 200**2 / (120**2 / 5 + 80**2 / 30)).ok
    says("ddf-2", 5 + 30, "sum of the two df")
    says("ddf-2", 200**2 / (120**2 / 5 + 2 * 40**2 / 30 - 40**2 / 30), "four times in the variance")
    says("ddf-2", satterthwaite([1, 1]), "left the 2 out")
    says("ddf-2", (5 + 30) / 2, "average of the two df")
    says("ddf-2", 2 * satterthwaite([1, 2]), "cancels")
    says("ddf-2", satterthwaite([1, 2]) / 2, "cancels")


def test_3_cake():
    cake = mm.load("cake")
    table = mm.fit("angle ~ recipe + temp + (1 | recipe:replicate)", cake).anova()
    assert mm.check_answer("ddf-3", table.loc["recipe", "den_df"]).ok
    mixes = cake.groupby(["recipe", "replicate"], observed=True).ngroups
    assert mm.check_answer("ddf-3", mixes - cake["recipe"].nunique()).ok
    reused = mm.fit("angle ~ recipe + temp + (1 | replicate)", cake).anova()
    says("ddf-3", reused.loc["recipe", "den_df"], "counts cakes")
    both = mm.fit("angle ~ recipe + temp + (1 | replicate) + (1 | recipe:replicate)", cake).anova()
    says("ddf-3", both.loc["recipe", "den_df"], "meant something across recipes")
    says("ddf-3", table.loc["temp", "den_df"], "row of `temp`")
    says("ddf-3", table.loc["recipe", "num_df"], "num_df")


def test_4_what_z_costs():
    assert mm.check_answer("ddf-4", mm.exact.type1_between(8, "z")).ok
    draws = np.random.default_rng(1).normal(size=(2, 100_000, 4))
    t = stats.ttest_ind(draws[0], draws[1], axis=1).statistic
    assert mm.check_answer("ddf-4", (np.abs(t) > 1.96).mean()).ok
    assert mm.check_answer("ddf-4", 0.1).ok  # two digits, as the exercise asks for
    says("ddf-4", 0.05, "if the standard error were known")
    says("ddf-4", stats.t.sf(1.96, 6), "one tail")
    says("ddf-4", 2 * stats.t.sf(1.96, 7), "Seven")
    says("ddf-4", 2 * stats.t.sf(1.96, 8), "Eight")
    says("ddf-4", 2 * stats.t.sf(1.96, 3), "one group alone")
    says("ddf-4", 200 * stats.t.sf(1.96, 6), "between 0 and 1")


def test_the_wrong_turn_is_the_only_choice_of_four_blocks_that_tips():
    """The chapter says so of blocks I, II, III and VI."""
    oats = mm.load("Oats")
    oats["N"] = oats["nitro"].astype(str).astype("category")
    tipped = []
    for blocks in itertools.combinations(["I", "II", "III", "IV", "V", "VI"], 4):
        chosen = oats[oats["Block"].isin(blocks)].assign(Block=lambda d: d["Block"].astype(str))
        fit = mm.fit("yield ~ Variety + N + (1 | Block) + (1 | Block:Variety)", chosen)
        row = mm.contrast(fit, {"VarietyMarvellous": 1, "VarietyVictory": -1}).iloc[0]
        if 2 * stats.norm.sf(abs(row["statistic"])) < 0.05 <= row["p"]:
            tipped.append(blocks)
    assert tipped == [("I", "II", "III", "VI")]
