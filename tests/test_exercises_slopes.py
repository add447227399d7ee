"""Exercises of 1_random_effects/03_slopes_too: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from checkers import says

import mmhelpers as mm
from tools import notebooks


@pytest.fixture(scope="module")
def sleep():
    return mm.load("sleepstudy")


@pytest.fixture(scope="module")
def published(sleep):
    """Variances of intercepts, slopes and residuals, and the covariance."""
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    level, slope, _, rest = fit.variances["sd"]
    return level**2, slope**2, rest**2, fit.variances["correlation"][2] * level * slope


@pytest.fixture(scope="module")
def coffee():
    """Make the coffee diaries by the cells of the chapter that make them."""
    book = nbformat.read(notebooks.BOOK / "1_random_effects" / "03_slopes_too.ipynb", as_version=4)
    code = [cell.source for cell in book.cells if cell.cell_type == "code"]
    makers = ("rng = np.random.default_rng(5)", "effects = {", 'by_person = coffee.groupby("person"')
    cells = [source for source in code if source.startswith(makers)]
    assert len(cells) == len(makers)
    room = {"np": np, "mm": mm}
    for source in cells:
        exec(source, room)
    return room["coffee"]


def correlation(published, c):
    level, slope, _, cov = published
    return (cov + c * slope) / np.sqrt((level + 2 * c * cov + c**2 * slope) * slope)


def test_1_what_can_have_a_slope_of_its_own():
    pairs = [
        ("BodyWeight", "Time", "Rat"),
        ("BodyWeight", "Diet", "Rat"),
        ("Orthodont", "Sex", "Subject"),
        ("Machines", "Machine", "Worker"),
    ]
    counted, by_rank = [], []
    for name, variable, factor in pairs:
        data = mm.load(name)
        values = data.groupby(factor, observed=True)[variable].nunique()
        assert values.nunique() == 1  # the same in every group
        counted.append("yes" if values.iloc[0] > 1 else "no")
        # the other route: a variable that is constant within groups adds nothing to a column for each group
        groups = pd.get_dummies(data[factor]).to_numpy(float)
        columns = pd.get_dummies(data[[variable]].astype({variable: "category"})).to_numpy(float)
        both = np.linalg.matrix_rank(np.hstack([groups, columns]))
        by_rank.append("yes" if both > groups.shape[1] else "no")
    assert counted == by_rank
    assert mm.check_answer("slopes-1", counted).ok
    assert mm.check_answer("slopes-1", ("Yes", "no", " no", "YES")).ok
    says("slopes-1", ["yes", "yes", "no", "yes"], "one diet")
    says("slopes-1", ["yes", "no", "yes", "yes"], "one sex")
    says("slopes-1", ["yes"] * 4, "nor sex")
    says("slopes-1", ["yes", "no", "no", "no"], "a factor, too")
    says("slopes-1", ["no", "yes", "yes", "no"], "other way round")


def test_2_zero_on_day_5(published, sleep):
    assert mm.check_answer("slopes-2", correlation(published, 5)).ok
    moved = mm.fit("Reaction ~ Day + (Day | Subject)", sleep.assign(Day=sleep["Days"] - 5))
    assert mm.check_answer("slopes-2", moved.variances["correlation"][2]).ok
    printed = (24.74**2, 5.922**2, 25.59**2, 0.07 * 24.74 * 5.922)  # as the page prints them
    assert mm.check_answer("slopes-2", correlation(printed, 5)).ok
    level, slope, _, cov = published
    says("slopes-2", correlation(published, 0), "on day 0")
    says("slopes-2", correlation(published, -5), "sign of c")
    says("slopes-2", correlation(published, 4.5), "in the middle")
    says("slopes-2", (cov + 5 * slope) / np.sqrt(level * slope), "above one")
    says("slopes-2", (cov + 5 * slope) / np.sqrt((level + 25 * slope) * slope), "middle term")
    says("slopes-2", cov + 5 * slope, "That is the covariance")


def test_3_more_people_or_more_days(published):
    _, slope, rest, _ = published
    assert mm.check_answer("slopes-3", np.sqrt((slope + rest / 10) / 36)).ok
    assert mm.check_answer("slopes-3", np.sqrt((5.9**2 + 25.6**2 / 10) / 36)).ok  # as the page prints them
    X = np.column_stack([np.ones(5), np.arange(5)])
    level, _, _, cov = published
    V = X @ np.array([[level, cov], [cov, slope]]) @ X.T + rest * np.eye(5)
    by_gls = np.sqrt(np.linalg.inv(36 * X.T @ np.linalg.solve(V, X))[1, 1])
    assert mm.check_answer("slopes-3", by_gls).ok
    says("slopes-3", np.sqrt((slope + rest / 10) / 18), "There would be 36")
    says("slopes-3", np.sqrt((slope + rest / 82.5) / 36), "spread of ten days")
    says("slopes-3", np.sqrt(rest / 10 / 36), "slopes differ")
    says("slopes-3", (slope + rest / 10) / 36, "That is the variance")
    says(
        "slopes-3", np.sqrt((np.sqrt(slope) + np.sqrt(rest) / 10) / 36), "standard deviations where variances"
    )
    says("slopes-3", np.sqrt((slope + rest / 30) / 36), "around the mean of the days")
    says("slopes-3", np.sqrt((slope + rest / 82.5) / 18), "the published study")


def test_4_who_drinks_more(coffee):
    mundlak = mm.fit("rt ~ cups + usual + (1 | person)", coffee)
    assert mm.check_answer("slopes-4", mundlak.beta["cups"] + mundlak.beta["usual"]).ok
    means = coffee.groupby("person", observed=True)[["rt", "cups"]].mean()
    between = smf.ols("rt ~ cups", means).fit().params["cups"]
    assert mm.check_answer("slopes-4", between).ok
    says("slopes-4", mundlak.beta["usual"], "difference of the slopes")
    says("slopes-4", mundlak.beta["cups"], "within a person")
    says("slopes-4", -between, "Mind the sign")
    says("slopes-4", mm.fit("rt ~ cups + (1 | person)", coffee).beta["cups"], "the mixture")


def test_5_three_machines():
    data = mm.load("Machines")
    varies = mm.fit("score ~ Machine + (Machine | Worker)", data)
    assert mm.check_answer("slopes-5", varies.se["MachineB"]).ok
    cells = data.groupby(["Worker", "Machine"], observed=True)["score"].mean().unstack()
    assert mm.check_answer("slopes-5", (cells["B"] - cells["A"]).std() / np.sqrt(6)).ok
    says(
        "slopes-5", mm.fit("score ~ Machine + (1 | Worker)", data).se["MachineB"], "the same for every worker"
    )
    says("slopes-5", varies.se["MachineC"], "for C and A")
    nested = mm.fit("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", data)
    says("slopes-5", nested.se["MachineB"], "same variance for all machines")
    by_ml = mm.fit("score ~ Machine + (Machine | Worker)", data, reml=False)
    says("slopes-5", by_ml.se["MachineB"], "maximum likelihood")
    says("slopes-5", varies.variances["sd"][1], "standard deviation of the workers'")
    says("slopes-5", varies.beta["MachineB"], "the difference itself")
