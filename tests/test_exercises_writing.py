"""Exercises of chapter 6_writing/01_writing: right answers by two routes, wrong ones by their mistakes; the checklist."""

from __future__ import annotations

import re

import numpy as np
import pytest
from checkers import says
from scipy import stats

import mmhelpers as mm
from tools import notebooks


def test_1_four_sentences():
    machines = mm.load("Machines")
    row = mm.report(mm.fit("score ~ Machine + (Machine | Worker)", machines)).to_frame().loc["MachineB"]
    # the numbers that stand in the sentences
    assert (round(row["estimate"]), round(row["lower"]), round(row["upper"])) == (8, 2, 14)
    assert (round(row["statistic"], 1), round(row["df"]), round(row["p"], 2)) == (3.3, 5, 0.02)
    assert mm.check_answer("writing-1", "C").ok
    for slip, words in (("a", "the design"), ("b", "which method"), ("d", "ever compared")):
        says("writing-1", slip, words)


@pytest.fixture(scope="module")
def faces():
    return mm.load("Orthodont")


def interval(fit, name, ddf="satterthwaite"):
    return mm.report(fit, ddf=ddf).to_frame().loc[name, ["estimate", "lower", "upper"]].to_numpy(float)


def test_2_growth(faces):
    fit = mm.fit("distance ~ age * Sex + (age | Subject)", faces)
    numbers = interval(fit, "age:SexFemale")
    assert mm.check_answer("writing-2", numbers).ok
    assert mm.check_answer("writing-2", np.round(numbers, 2)).ok
    # balanced: a t test of each child's own slope
    own = faces.groupby(["Subject", "Sex"], observed=True)[["age", "distance"]].apply(
        lambda d: np.polyfit(d["age"], d["distance"], 1)[0]
    )
    kinds = [own.xs(sex, level="Sex") for sex in ("Female", "Male")]
    test = stats.ttest_ind(*kinds)
    assert mm.check_answer("writing-2", [kinds[0].mean() - kinds[1].mean(), *test.confidence_interval()]).ok
    assert mm.check_answer("writing-2", -numbers[[0, 2, 1]]).ok
    alike = mm.fit("distance ~ age * Sex + (1 | Subject)", faces)
    says("writing-2", interval(alike, "age:SexFemale"), "grow alike")
    says("writing-2", interval(fit, "age:SexFemale", "wald"), "t for z")
    says("writing-2", interval(fit, "age"), "boys' growth")
    turned = faces.assign(Sex=faces["Sex"].cat.reorder_categories(["Female", "Male"]))
    girls = mm.fit("distance ~ age * Sex + (age | Subject)", turned)
    says("writing-2", interval(girls, "age"), "girls' growth")


def test_3_no_variance():
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff2"))
    assert fit.singular
    assert fit.converged
    assert mm.check_answer("writing-3", "b").ok
    for slip, words in (("a", "nothing"), ("c", "design"), ("d", "did converge")):
        says("writing-3", slip, words)


def test_4_standardised():
    sleep = mm.load("sleepstudy")
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    change, between = 9 * fit.beta["Days"], fit.variances["variance"].iloc[0]
    assert mm.check_answer("writing-4", change / np.sqrt(between + fit.sigma**2)).ok
    # by lme4's published numbers: Bates et al. (2015), table of fm1
    assert mm.check_answer("writing-4", 9 * 10.467 / np.sqrt(24.74**2 + 25.59**2)).ok
    assert mm.check_answer("writing-4", 2.6).ok
    says("writing-4", change / fit.sigma, "residual")
    says("writing-4", change / np.sqrt(between), "between subjects")
    says("writing-4", fit.beta["Days"] / np.sqrt(between + fit.sigma**2), "one day")
    says("writing-4", change / sleep["Reaction"].std(), "all data")
    says("writing-4", change / (between + fit.sigma**2), "root")
    says("writing-4", change, "milliseconds")


def test_the_checklist_has_twenty_items_and_the_chapter_has_the_same():
    text = (notebooks.BOOK / "_static" / "checklist.md").read_text(encoding="utf8")
    items = re.findall(r"^- \[ \] (\d+)\. (.+)$", text, re.MULTILINE)
    assert [int(number) for number, _ in items] == list(range(1, 21))
    import nbformat

    chapter = nbformat.read(notebooks.BOOK / "6_writing" / "01_writing.ipynb", 4)
    page = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    for number, item in items:
        assert f"{number}. {item}" in page
    assert "{download}" in page
    assert "http" not in text  # it works offline
