"""Exercises of chapter 5_bayes/03_hypotheses: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says
from scipy import integrate, stats

import mmhelpers as mm


def test_1_by_hand():
    assert mm.check_answer("hypotheses-1", mm.exact.bayes_factor_normal(6, 3, 3)).ok
    top, _ = integrate.quad(lambda b: stats.norm.pdf(6, b, 3) * stats.norm.pdf(b, 0, 3), -40, 40)
    right = top / stats.norm.pdf(6, 0, 3)
    assert mm.check_answer("hypotheses-1", round(right, 2)).ok
    says("hypotheses-1", 1 / right, "inverse")
    says("hypotheses-1", np.exp(2**2 / 2 / 2), "root")
    says("hypotheses-1", np.sqrt(0.5) * np.exp(2**2 / 2), "one half")


def test_2_the_most_that_five_percent_can_be_worth():
    right = np.exp(3 / 2) / 2
    assert mm.check_answer("hypotheses-2", right).ok
    assert mm.check_answer(
        "hypotheses-2", mm.exact.bayes_factor_normal(6, 3, np.linspace(1, 50, 500)).max()
    ).ok
    says("hypotheses-2", 3 * np.sqrt(3), "standard deviation at which")
    says("hypotheses-2", np.exp(2), "estimate itself")
    says("hypotheses-2", mm.exact.bayes_factor_normal(6, 3, 3), "first exercise")
    says("hypotheses-2", 1 / right, "inverse")


@pytest.fixture(scope="module")
def effects():
    prior = {"(Intercept)": (150, 50), "waterwarm": (0, 20), "waterhypoxic": (0, 20)}
    post = mm.grid_posterior(
        "fanning ~ water + (1 | tank)", mm.load("gobies"), mm.GridPrior(prior, group_sd=20, sigma=40)
    )
    u = post.draws(200_000, np.random.default_rng(1))
    return {"warm": u[:, 1], "hypoxic": u[:, 2], "u": u, "post": post}


def test_3_ask_the_draws_again(effects):
    difference = effects["hypoxic"] - effects["warm"]
    right = (difference > 10).mean()
    assert mm.check_answer("hypotheses-3", right).ok
    # the second route: a t approximation with the posterior's mean and spread
    by_t = stats.t.sf((10 - difference.mean()) / difference.std() * np.sqrt(15 / 13), 15)
    assert mm.check_answer("hypotheses-3", by_t).ok
    says("hypotheses-3", (difference > 0).mean(), "above 0")
    says("hypotheses-3", 1 - right, "less than 10")
    says("hypotheses-3", (effects["hypoxic"] > 10).mean(), "against normal")
    says("hypotheses-3", (-difference > 10).mean(), "other way round")
    says("hypotheses-3", 100 * right, "between 0 and 1")


def test_4_boys_and_girls():
    prior = {"(Intercept)": (17, 10), "age": (0, 2), "SexFemale": (0, 5)}
    data = mm.load("Orthodont")
    full = mm.grid_posterior(
        "distance ~ age + Sex + (1 | Subject)", data, mm.GridPrior(prior, group_sd=5, sigma=5)
    )
    null = full.drop("SexFemale")
    each = full.leave_out("group")["lpd"] - null.leave_out("group")["lpd"]
    assert mm.check_answer("hypotheses-4", each.sum()).ok
    # the second route: groups refitted one by one
    refit = []
    for child in full.levels:
        rest = data[data["Subject"] != child]
        parts = [mm.grid_posterior("distance ~ age + Sex + (1 | Subject)", rest, full.prior)]
        parts.append(parts[0].drop("SexFemale"))
        refit.append(parts[0].log_evidence - parts[1].log_evidence)
    whole = full.log_evidence - null.log_evidence
    assert mm.check_answer("hypotheses-4", (whole - np.array(refit)).sum()).ok
    rows = (full.leave_out("row")["lpd"] - null.leave_out("row")["lpd"]).sum()
    says("hypotheses-4", rows, "a row left out at a time")
    says("hypotheses-4", -each.sum(), "sign")
    says("hypotheses-4", each.std() * np.sqrt(27), "standard error")
    says("hypotheses-4", whole, "log evidence")
    says("hypotheses-4", full.leave_out("group")["lpd"].sum(), "Subtract")
