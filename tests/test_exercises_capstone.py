"""Exercises of chapter 6_writing/02_capstone: every defensible route passes, every wrong one fails by its mistake."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from checkers import says
from scipy import stats

import mmhelpers as mm

FORMULA = "width ~ period * thinned + (period | stand) + (1 | stand:tree) + (1 | year)"
LEVELS = "(1 | stand) + (1 | stand:tree) + (1 | year)"


def passes(exercise, answer, words=""):
    verdict = mm.check_answer(exercise, answer)
    assert verdict.ok, verdict.message
    assert words in verdict.message


@pytest.fixture(scope="module")
def rings():
    return mm.load("rings").dropna().reset_index(drop=True)


@pytest.fixture(scope="module")
def stands(rings):
    means = rings.pivot_table("width", ["stand", "thinned", "elevation"], "period", observed=True)
    return means.reset_index().assign(change=lambda d: d["after"] - d["before"])


def triple(fit, ddf=None):
    table = mm.report(fit, ddf=ddf).to_frame()
    row = table[table.index.str.contains("thinned")].iloc[-1]
    return [row["estimate"], row["lower"], row["upper"]], row["df"]


def test_1_and_2_units_and_counts(rings):
    whole = mm.load("rings")
    # what was thinned: no stand holds trees of both kinds, and no larger piece of the design is all of one kind
    assert (whole.groupby("stand", observed=True)["thinned"].nunique() == 1).all()
    assert (whole.groupby("year", observed=True)["thinned"].nunique() == 2).all()
    passes("capstone-1", "stand")
    for slip, words in (("tree", "two trees"), ("ring", "forester"), ("year", "forester")):
        says("capstone-1", slip, words)
    passes("capstone-2", len(rings))
    passes("capstone-2", mm.truth("rings")["rings"])
    says("capstone-2", len(whole), "number of rows")
    says("capstone-2", whole["width"].isna().sum(), "are missing")
    says("capstone-2", whole.groupby(["stand", "tree"], observed=True).ngroups, "trees")


def test_3_which_comparison(stands):
    """Stands differed before, beyond chance, so the years after alone do not tell of thinning."""
    kinds = [stands.loc[stands["thinned"] == kind, "before"] for kind in ("yes", "no")]
    assert stats.ttest_ind(*kinds).statistic > 2
    passes("capstone-3", "c", "own control")
    passes("capstone-3", "D", "defended")
    says("capstone-3", "a", "before")
    says("capstone-3", "b", "weather")


@pytest.mark.parametrize(
    "formula",
    [
        FORMULA,
        "width ~ period*thinned + (1|stand/period) + (1|stand:tree) + (1|year)",
        "width ~ thinned*period + (1 + period || stand) + (1 | tree:stand) + factor(year)",
        "width ~ elevation + period:thinned + period + thinned + (period|stand) + (1|stand:tree)",
        "width ~ period * thinned + (period | stand) + (period | stand:tree) + (1 | year)",
        "width ~ period * thinned + (1 | stand) + (0 + period | stand) + (1 | stand_tree)",
        "log(width) ~ period * thinned + (period | stand) + (1 | stand:tree)",
    ],
)
def test_4_every_model_with_the_design_in_it_passes(formula):
    passes("capstone-4", formula)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (f"width ~ period * thinned + {LEVELS}", "✗ the stands' own changes"),
        ("width ~ period + thinned + (period | stand) + (1 | stand:tree)", "✗ the comparison"),
        ("width ~ period * thinned + (period | stand) + (1 | tree)", "✗ a tree in fourteen stands"),
        ("width ~ period * thinned + (period | stand) + (1 | year)", "✗ the trees"),
        ("width ~ period * thinned + (1 | stand:tree)", "✗ the stands' own levels"),
        ("width ~ stand + period * thinned + (period | stand) + (1 | stand:tree)", "✗ stand twice"),
        ("rings ~ period * thinned + (period | stand) + (1 | stand:tree)", "✗ response"),
        ("width ~ thinned * year + (period | stand) + (1 | stand:tree)", "✗ year as a number"),
        ("width ~ thinned * year + (period | stand) + (1 | stand:tree)", "✗ the comparison"),
        ("width ~ period * thinned + (thinned | stand) + (1 | stand:tree)", "✗ a slope of thinned"),
        ("width ~ period * thinned + (1 | stand/period/tree)", "for two"),
        ("lmer(width ~ period * thinned + (period | stand), data=rings)", "✗ a call"),
        ("width ~ period * thinned + (period | stand", "formula"),
        ("", "Think again"),
        (" ", "Think again"),
    ],
)
def test_4_and_without_it_none(formula, words):
    says("capstone-4", formula, words)


def test_4_remarks_do_not_decide():
    verdict = mm.check_answer(
        "capstone-4", "width ~ elevation + period*thinned + (1|stand/period) + (1|stand:tree)"
    )
    assert verdict.ok
    assert "elevation explains" in verdict.message
    assert "crossed" in mm.check_answer("capstone-4", FORMULA).message


@pytest.fixture(scope="module")
def best(rings):
    return mm.fit(FORMULA, rings)


def test_5_and_6_the_spread(rings, best):
    two = pd.Series(best.residuals).groupby(rings["reader"].to_numpy()).std()
    passes("capstone-5", "reader")
    for column in ("thinned", "period", "stand", "elevation"):
        assert not mm.check_answer("capstone-5", column).ok
    # every other factor of two levels splits them by less than a fifth
    for column in ("thinned", "period"):
        spread = pd.Series(best.residuals).groupby(rings[column].to_numpy()).std()
        assert spread.max() / spread.min() < 1.2
    passes("capstone-6", two["lens"] / two["scanner"])
    # around each tree's and each year's mean, without a model
    cells = ["stand", "tree", "period"]
    own = rings["width"] - rings.groupby(cells, observed=True)["width"].transform("mean")
    own -= own.groupby(rings["year"]).transform("mean")
    free = own.groupby(rings["reader"], observed=True).std()
    passes("capstone-6", free["lens"] / free["scanner"])
    says("capstone-6", two["scanner"] / two["lens"], "other way round")
    says("capstone-6", (two["lens"] / two["scanner"]) ** 2, "variances")
    raw = rings.groupby("reader", observed=True)["width"].std()
    says("capstone-6", raw["lens"] / raw["scanner"], "residuals")


def test_7_and_8_every_defensible_route_passes(rings, stands, best):
    kinds = [stands.loc[stands["thinned"] == kind, "change"] for kind in ("yes", "no")]
    student, welch = stats.ttest_ind(*kinds), stats.ttest_ind(*kinds, equal_var=False)
    routes = {
        "model": triple(best),
        "Kenward-Roger": triple(best, "kenward-roger"),
        "stand:period": triple(mm.fit(f"width ~ period * thinned + (1 | stand:period) + {LEVELS}", rings)),
        "with elevation": triple(mm.fit(FORMULA.replace("~ ", "~ elevation + "), rings)),
        "no years": triple(mm.fit(FORMULA.replace(" + (1 | year)", ""), rings)),
        "uncorrelated": triple(mm.fit(FORMULA.replace("(period | stand)", "(period || stand)"), rings)),
        "trees change": triple(mm.fit(FORMULA.replace("(1 | stand:tree)", "(period | stand:tree)"), rings)),
        "years fixed": triple(
            mm.fit(FORMULA.replace("(1 | year)", "year"), rings.assign(year=rings["year"].astype(str)))
        ),
        "maximum likelihood": triple(best.with_reml(False)),
        "t test": triple(smf.ols("change ~ thinned", stands).fit()),
        "level before": triple(smf.ols("after ~ before + thinned", stands).fit()),
        "elevation": triple(
            mm.fit(
                f"width ~ elevation + thinned + {LEVELS}",
                rings.query("period == 'after'").reset_index(drop=True),
            )
        ),
        "Student": ([kinds[0].mean() - kinds[1].mean(), *student.confidence_interval()], student.df),
        "Welch": ([kinds[0].mean() - kinds[1].mean(), *welch.confidence_interval()], welch.df),
    }
    for name, (numbers, df) in routes.items():
        assert mm.check_answer("capstone-8", numbers).ok, (name, numbers)
        assert mm.check_answer("capstone-8", np.round(numbers, 2)).ok, (name, numbers)
        if (
            name != "maximum likelihood"
        ):  # its degrees of freedom are too many, and that is no route to a test
            assert mm.check_answer("capstone-7", df).ok, (name, df)
    # the balanced case by hand: mean changes of stands, and their standard error
    se = np.sqrt(sum(k.var() for k in kinds) / 7)
    half = stats.t.ppf(0.975, 12) * se
    gain = kinds[0].mean() - kinds[1].mean()
    assert routes["t test"][0] == pytest.approx([gain, gain - half, gain + half])


@pytest.mark.r
def test_8_by_nlme_with_two_spreads(rings):
    fit = mm.nlme(
        "width ~ period * thinned", rings, random="list(stand = ~ period, tree = ~ 1)",
        weights="varIdent(form = ~ 1 | reader)",
    )  # fmt: skip
    row = fit.coefficients.iloc[-1]
    half = stats.t.ppf(0.975, 12) * row["se"]
    passes("capstone-8", [row["estimate"], row["estimate"] - half, row["estimate"] + half])


def test_7_and_8_the_slips(rings, stands):
    after = rings.query("period == 'after'").reset_index(drop=True)
    thinned = rings.query("thinned == 'yes'").reset_index(drop=True)
    alike, df_alike = triple(mm.fit(f"width ~ period * thinned + {LEVELS}", rings))
    says("capstone-8", alike, "three times too narrow")
    says("capstone-7", df_alike, "all stands change alike")
    trees = "(1 | stand) + (1 | tree) + (1 | year)"
    mixed_up, df_mixed = triple(mm.fit(f"width ~ period * thinned + {trees}", rings))
    says("capstone-8", mixed_up, "too narrow")
    says("capstone-7", df_mixed, "pass for one")
    ols, df_ols = triple(smf.ols("width ~ period * thinned", rings).fit())
    says("capstone-8", ols, "least squares")
    says("capstone-7", df_ols, "rings")
    says("capstone-8", triple(mm.fit(f"width ~ thinned + {LEVELS}", after))[0], "before")
    own = mm.report(mm.fit(FORMULA.replace("period * thinned", "period"), thinned)).to_frame().iloc[-1]
    says("capstone-8", own[["estimate", "lower", "upper"]], "compare")
    says("capstone-7", len(stands) - 1, "two mean changes")
    says("capstone-7", rings.groupby(["stand", "tree"], observed=True).ngroups - 2, "trees")
    cells = stands.melt(["stand", "thinned"], ["before", "after"], "period", "width")
    says("capstone-7", smf.ols("width ~ period * thinned", cells).fit().df_resid, "one number")
    split = triple(mm.fit("width ~ period * thinned + (1 | stand/period/tree)", rings))
    says("capstone-7", split[1], "one tree")
    slopes = rings.assign(year=rings["year"] - 2012)
    lines = mm.fit("width ~ year * thinned + (year | stand) + (1 | stand:tree)", slopes)
    says("capstone-8", triple(lines)[0], "two slopes")


def test_8_an_interval_that_takes_few_stands_for_many(rings, stands, best):
    no_years = mm.fit(FORMULA.replace(" + (1 | year)", ""), rings)
    by_hand = smf.ols("change ~ thinned", stands).fit()
    for fit in (best, no_years, by_hand):
        row = mm.report(fit).to_frame()
        row = row[row.index.str.contains("thinned")].iloc[-1]
        numbers = [row["estimate"] + k * stats.norm.ppf(0.975) * row["se"] for k in (0, -1, 1)]
        says("capstone-8", numbers, "for many")
        says("capstone-8", np.round(numbers, 2), "for many")
    says("capstone-8", np.multiply(triple(best)[0], -1)[[0, 2, 1]], "positive")


GOOD = "Rings widened by 0.38 mm a year more in 7 thinned stands than in 7 others (95% CI 0.20 to 0.57 mm)."


@pytest.mark.parametrize(
    "sentence",
    [
        GOOD,
        GOOD.replace(" mm).", " mm; p = 0.0007, t test with Satterthwaite's df)."),
        "In fourteen stands, thinning added 0.37 millimetres a year compared with unthinned stands (95% confidence "
        "interval 0.18–0.56; t test of the stands' changes, p = 0.001).",
        "The 7 thinned stands gained 0.40 mm a year relative to controls (95% credible interval 0.17 to 0.63).",
    ],
)
def test_9_sentences_that_pass(sentence):
    passes("capstone-9", sentence)


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("0.38 mm", "some mm", "the estimate"),
        ("0.20 to", "up to", "the lower end"),
        ("0.57 mm", "more mm", "the upper end"),
        (" mm", "", "the unit"),
        ("95% CI", "range", "the kind of interval"),
        ("than in 7 others", "in the end", "the comparison"),
        ("7 ", "", "the number of stands"),
        ("mm).", "mm; p = 0.0007).", "the method behind p"),
        ("mm).", "mm; t test, p = 0.000).", "p is zero"),
        ("Rings", "This proves that rings", "proof"),
        ("0.57 mm", "0.45 mm", "the upper end"),
    ],
)
def test_9_each_part_is_marked(old, new, missing):
    says("capstone-9", GOOD.replace(old, new), f"✗ {missing}")


def test_9_remarks_do_not_decide():
    passes("capstone-9", GOOD.replace("Rings widened", "Thinning caused rings to widen"), "supposes")
    passes(
        "capstone-9", GOOD.replace("Rings widened", "Rings widened significantly"), "interval does not say"
    )


def test_9_needs_a_sentence():
    says("capstone-9", "a sentence", "✗ the estimate")
    says("capstone-9", 0.38, "a word is wanted")


def test_10_oats():
    oats = mm.load("Oats")
    split = mm.fit("yield ~ nitro + Variety + (1 | Block/Variety)", oats)
    passes("capstone-10", split.anova().loc["Variety", "den_df"])
    plots = oats.groupby(["Block", "Variety"], observed=True).ngroups
    passes("capstone-10", plots - oats["Block"].nunique() - 2)
    flat = mm.fit("yield ~ nitro + Variety + (1 | Block)", oats).anova().loc["Variety"]
    says("capstone-10", flat["den_df"], "parts of plots")
    says("capstone-10", flat["num_df"], "numerator")
    says(
        "capstone-10",
        smf.ols("yield_ ~ nitro + Variety", oats.rename(columns={"yield": "yield_"})).fit().df_resid,
        "without blocks",
    )
