"""Exercises of chapter 4_lmertest/03_politeness: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import stats

import mmhelpers as mm

SIMPLE = "pitch ~ attitude + gender + (1 | speaker) + (1 | situation)"
RICH = "pitch ~ attitude + gender + (attitude | speaker) + (attitude | situation)"


def crossed(formula):
    return formula.replace("attitude + gender", "attitude * gender")


def test_1_which_slopes():
    """Where a factor varies within the levels of another, a slope can be estimated there; where not, it cannot."""
    children = mm.cross(child=6).cross(rare=["no", "yes"]).nest(word=3, within="rare").data
    inside = {g: children.groupby(g, observed=True)["rare"].nunique().max() > 1 for g in ("child", "word")}
    assert inside == {"child": True, "word": False}
    assert mm.check_answer("politeness-1", "b").ok
    assert mm.check_answer("politeness-1", " B ").ok
    assert mm.check_answer("politeness-1", "(rare | child) + (1 | word)").ok
    says("politeness-1", "a", "react differently")
    says("politeness-1", "c", "Within which factor")
    says("politeness-1", "d", "no slope")


@pytest.fixture(scope="module")
def voices():
    return mm.load("voices")


def test_2_interaction(voices):
    small, large = mm.fit(RICH, voices), mm.fit(crossed(RICH), voices)
    assert mm.check_answer("politeness-2", mm.compare(small, large)["chi2"].iloc[1]).ok
    by_ml = [mm.fit(f, voices, reml=False).criterion for f in (RICH, crossed(RICH))]
    assert mm.check_answer("politeness-2", by_ml[0] - by_ml[1]).ok
    assert mm.check_answer("politeness-2", 2.7).ok
    says(
        "politeness-2",
        mm.compare(*(mm.fit(f, voices) for f in (SIMPLE, crossed(SIMPLE))))["chi2"].iloc[1],
        "intercepts only",
    )
    says("politeness-2", (by_ml[0] - by_ml[1]) / 2, "log likelihoods")
    says("politeness-2", mm.compare(small, large)["p"].iloc[1], "p-value")
    says("politeness-2", small.criterion - large.criterion, "REML")
    says("politeness-2", large.coefficients()["statistic"].iloc[-1], "t ratio")


def test_3_a_smaller_study(voices):
    chosen = ["F1", "F2", "F3", "M1", "M2", "M3"]
    first = list(dict.fromkeys(voices["situation"]))[:7]
    assert first[0] == "bus"
    assert first[-1] == "library"
    few = voices[voices["speaker"].isin(chosen) & voices["situation"].isin(first)]
    few = few.astype({"speaker": str, "situation": str})
    fit = mm.fit(RICH, few)
    assert fit.singular
    row = fit.coefficients().loc["attitudepolite"]
    assert mm.check_answer("politeness-3", row["p"]).ok
    assert mm.check_answer("politeness-3", 2 * stats.t.sf(abs(row["statistic"]), row["df"])).ok
    assert mm.check_answer("politeness-3", 0.14).ok
    says("politeness-3", mm.fit(SIMPLE, few).coefficients().loc["attitudepolite", "p"], "intercepts only")
    says("politeness-3", 2 * stats.norm.sf(abs(row["statistic"])), "t for z")
    says("politeness-3", mm.fit(RICH, voices).coefficients().loc["attitudepolite", "p"], "all of `voices`")


def nothing():
    return mm.Truth(
        RICH,
        beta={"(Intercept)": 250, "attitudepolite": 0, "genderman": -105},
        sd={
            "speaker": {"(Intercept)": 25, "attitudepolite": 12},
            "situation": {"(Intercept)": 12, "attitudepolite": 8},
        },
        corr={"speaker": -0.3},
        sigma=25,
    )


def alarms(speakers, formula, seed, n_rep=4000):
    design = mm.cross(gender=["woman", "man"]).nest(speaker=speakers // 2, within="gender")
    design = design.cross(situation=12, attitude=["casual", "polite"])
    Y = mm.simulate(design, nothing(), n_rep=n_rep, seed=seed)
    tests = mm.fit_many(formula, design.data, Y).coefficients()
    return (tests.query("coefficient == 'attitudepolite'")["p"] < 0.05).mean()


def test_4_more_speakers():
    assert mm.check_answer("politeness-4", alarms(24, SIMPLE, 11)).ok
    # the standard error that is needed, and the one that is used, without fitting anything
    sigma, n_s, n_t = 25, 24, 12
    true = 12**2 / n_s + 8**2 / n_t + 2 * sigma**2 / (n_s * n_t)
    # in the model without slopes they go into the residual: half a slope's square a recording
    used = 2 * (sigma**2 + (12**2 + 8**2) / 4) / (n_s * n_t)
    assert mm.check_answer("politeness-4", 2 * stats.norm.sf(1.96 * np.sqrt(used / true))).ok
    says("politeness-4", alarms(12, SIMPLE, 12), "twelve speakers")
    says("politeness-4", alarms(24, RICH, 13, 2000), "with slopes")
    says("politeness-4", 29, "between 0 and 1")


def test_5_hams():
    ham = mm.load("ham").rename(columns={"Informed.liking": "liking"})
    fit = mm.fit("liking ~ Product + Information + (Information | Consumer) + (1 | Consumer:Product)", ham)
    row = fit.anova().loc["Information"]
    assert mm.check_answer("politeness-5", row["p"]).ok
    # balanced: the paired t test of the consumers' means
    wide = ham.pivot_table("liking", "Consumer", "Information", observed=True)
    assert mm.check_answer("politeness-5", stats.ttest_rel(wide["1"], wide["2"]).pvalue).ok
    alike = mm.fit("liking ~ Product + Information + (1 | Consumer) + (1 | Consumer:Product)", ham)
    says("politeness-5", alike.anova().loc["Information", "p"], "same to all")
    says("politeness-5", 2 * stats.norm.sf(np.sqrt(row["F"])), "t for z")
