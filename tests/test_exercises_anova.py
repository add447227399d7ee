"""Exercises of chapter 4_lmertest/02_anova_tables: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import stats
from statsmodels.stats.multitest import multipletests

import mmhelpers as mm

PEOPLE = "(1 | Assessor) + (1 | Assessor:TVset) + (1 | Assessor:Picture)"


def test_1_which_type():
    """The question, as weights of the four cells, on a field of 10, 10, 10 and 4 plots."""
    soils = {"clay": (10, 10), "sand": (10, 4)}
    rows = [(f, s, k) for s, n in soils.items() for f, m in zip("AB", n, strict=True) for k in range(m)]
    data = mm.cross(a=1).data.loc[[0] * len(rows)].assign(
        fertiliser=[r[0] for r in rows], soil=[r[1] for r in rows], block=[str(r[2] % 5) for r in rows]
    )  # fmt: skip
    data["y"] = np.random.default_rng(1).normal(size=len(rows)) + data["block"].astype(int)
    fit = mm.fit("y ~ fertiliser * soil + (1 | block)", data.reset_index(drop=True))
    cells = mm.marginal_means(fit, ["fertiliser", "soil"])
    X = mm.fixed_matrix(fit.matrices, cells.levels)
    alike = []
    for kind in (1, 2, 3):
        w = np.linalg.solve(X.T, mm.hypotheses(fit, kind)["fertiliser"][0])
        alike.append(np.allclose(np.abs(w), np.abs(w).mean()))
    assert alike == [False, False, True]
    assert mm.check_answer("anova-1", 1 + alike.index(True)).ok
    says("anova-1", 2, "more weight")
    says("anova-1", 1, "order of the terms")


@pytest.fixture(scope="module")
def genders():
    carrots = mm.load("carrots").dropna(subset=["Preference"])

    def fit(fixed):
        return mm.fit(f"Preference ~ {fixed} + (1 | Consumer) + (1 | Product)", carrots)

    return fit


def test_2_households_again(genders):
    fit = genders("Gender * Homesize")
    assert mm.check_answer("anova-2", fit.anova(type=2).loc["Homesize", "p"]).ok
    assert mm.check_answer("anova-2", fit.anova(type=1).loc["Homesize", "p"]).ok
    says(
        "anova-2",
        genders("Gender + Homesize").coefficients().loc["Homesize3", "p"],
        "without the interaction",
    )
    says("anova-2", fit.anova(type=3).loc["Homesize", "p"], "type III")
    says("anova-2", fit.anova().loc["Gender:Homesize", "p"], "interaction")
    says("anova-2", genders("Homesize * Gender").anova(type=1).loc["Homesize", "p"], "Homesize first")


def test_3_halved():
    model = mm.fit(f"Sharpnessofmovement ~ TVset * Picture + {PEOPLE}", mm.load("TVbo"))
    row = mm.ranova(model).loc["(1 | Assessor:TVset)"]
    assert mm.check_answer("anova-3", row["p"] / 2).ok
    assert mm.check_answer("anova-3", stats.norm.sf(np.sqrt(row["LRT"]))).ok
    says("anova-3", row["p"], "as if the variance could be negative")
    says("anova-3", 2 * row["p"], "other way")
    says("anova-3", (row["p"] + stats.chi2.sf(row["LRT"], 2)) / 2, "two degrees of freedom")


def test_4_machines():
    means = mm.marginal_means(
        mm.fit("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", mm.load("Machines")), "Machine"
    )
    assert mm.check_answer("anova-4", int((mm.pairwise(means)["p"] < 0.05).sum())).ok
    letter = mm.letters(means)["letters"]
    assert mm.check_answer(
        "anova-4", sum(a != b for a, b in ((0, 1), (0, 2), (1, 2)) if letter[a] != letter[b])
    ).ok
    says("anova-4", int((mm.pairwise(means, "none")["p"] < 0.05).sum()), "without the adjustment")
    says("anova-4", 1, "Worker:Machine")


def test_5_fifteen_properties():
    data = mm.load("TVbo")
    p = np.array([
        mm.fit(f"{name} ~ TVset * Picture + {PEOPLE}", data).anova().loc["TVset", "p"] for name in data.columns[4:]
    ])  # fmt: skip
    assert mm.check_answer("anova-5", int((15 * p < 0.05).sum())).ok
    assert mm.check_answer("anova-5", int(multipletests(p, method="bonferroni")[0].sum())).ok
    says("anova-5", int((p < 0.05).sum()), "without the adjustment")
    says("anova-5", int(multipletests(p, method="holm")[0].sum()), "Holm")
    says("anova-5", int((15 * p >= 0.05).sum()), "not below")
