"""Exercises of 1_random_effects/03_slopes_too: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import nbformat
import numpy as np
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


def test_1_zero_on_day_5(published, sleep):
    assert mm.check_answer("slopes-1", correlation(published, 5)).ok
    moved = mm.fit("Reaction ~ Day + (Day | Subject)", sleep.assign(Day=sleep["Days"] - 5))
    assert mm.check_answer("slopes-1", moved.variances["correlation"][2]).ok
    printed = (24.74**2, 5.922**2, 25.59**2, 0.07 * 24.74 * 5.922)  # as the page prints them
    assert mm.check_answer("slopes-1", correlation(printed, 5)).ok
    level, slope, _, cov = published
    says("slopes-1", correlation(published, 0), "on day 0")
    says("slopes-1", correlation(published, -5), "sign of c")
    says("slopes-1", correlation(published, 4.5), "in the middle")
    says("slopes-1", (cov + 5 * slope) / np.sqrt(level * slope), "above one")
    says("slopes-1", (cov + 5 * slope) / np.sqrt((level + 25 * slope) * slope), "middle term")
    says("slopes-1", cov + 5 * slope, "That is the covariance")


def test_2_more_people_or_more_days(published):
    _, slope, rest, _ = published
    assert mm.check_answer("slopes-2", np.sqrt((slope + rest / 10) / 36)).ok
    assert mm.check_answer("slopes-2", np.sqrt((5.9**2 + 25.6**2 / 10) / 36)).ok  # as the page prints them
    X = np.column_stack([np.ones(5), np.arange(5)])
    level, _, _, cov = published
    V = X @ np.array([[level, cov], [cov, slope]]) @ X.T + rest * np.eye(5)
    by_gls = np.sqrt(np.linalg.inv(36 * X.T @ np.linalg.solve(V, X))[1, 1])
    assert mm.check_answer("slopes-2", by_gls).ok
    says("slopes-2", np.sqrt((slope + rest / 10) / 18), "There would be 36")
    says("slopes-2", np.sqrt((slope + rest / 82.5) / 36), "spread of ten days")
    says("slopes-2", np.sqrt(rest / 10 / 36), "slopes differ")
    says("slopes-2", (slope + rest / 10) / 36, "That is the variance")
    says(
        "slopes-2", np.sqrt((np.sqrt(slope) + np.sqrt(rest) / 10) / 36), "standard deviations where variances"
    )
    says("slopes-2", np.sqrt((slope + rest / 30) / 36), "around the mean of the days")
    says("slopes-2", np.sqrt((slope + rest / 82.5) / 18), "the published study")


def test_3_who_drinks_more(coffee):
    mundlak = mm.fit("rt ~ cups + usual + (1 | person)", coffee)
    assert mm.check_answer("slopes-3", mundlak.beta["cups"] + mundlak.beta["usual"]).ok
    means = coffee.groupby("person", observed=True)[["rt", "cups"]].mean()
    between = smf.ols("rt ~ cups", means).fit().params["cups"]
    assert mm.check_answer("slopes-3", between).ok
    says("slopes-3", mundlak.beta["usual"], "difference of the slopes")
    says("slopes-3", mundlak.beta["cups"], "within a person")
    says("slopes-3", -between, "Mind the sign")
    says("slopes-3", mm.fit("rt ~ cups + (1 | person)", coffee).beta["cups"], "the mixture")


def test_4_three_machines():
    data = mm.load("Machines")
    varies = mm.fit("score ~ Machine + (Machine | Worker)", data)
    assert mm.check_answer("slopes-4", varies.se["MachineB"]).ok
    cells = data.groupby(["Worker", "Machine"], observed=True)["score"].mean().unstack()
    assert mm.check_answer("slopes-4", (cells["B"] - cells["A"]).std() / np.sqrt(6)).ok
    says(
        "slopes-4", mm.fit("score ~ Machine + (1 | Worker)", data).se["MachineB"], "the same for every worker"
    )
    says("slopes-4", varies.se["MachineC"], "for C and A")
    nested = mm.fit("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", data)
    says("slopes-4", nested.se["MachineB"], "same variance for all machines")
    by_ml = mm.fit("score ~ Machine + (Machine | Worker)", data, reml=False)
    says("slopes-4", by_ml.se["MachineB"], "maximum likelihood")
    says("slopes-4", varies.variances["sd"][1], "standard deviation of the workers'")
    says("slopes-4", varies.beta["MachineB"], "the difference itself")
