"""Exercises of chapter 2_zuur/03_nested_data: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm


def covariance(formula, children):
    seen = mm.view(mm.fit(formula, children))
    Z = np.column_stack([np.ones(4), [-3, -1, 1, 3]])[:, : seen.terms[0].cov.shape[0]]
    return Z @ seen.terms[0].cov @ Z.T + seen.sigma**2 * np.eye(4), seen


@pytest.fixture(scope="module")
def children():
    children = mm.load("Orthodont")
    return children.assign(age11=children["age"] - 11)


def test_1_a_correlation(children):
    V, seen = covariance("distance ~ age11 + (age11 | Subject)", children)
    right = V[0, 3] / np.sqrt(V[0, 0] * V[3, 3])
    assert mm.check_answer("nested_data-1", right).ok
    assert mm.check_answer("nested_data-1", round(right, 2)).ok
    # The other way: simulate children.
    truth = mm.Truth(
        "y ~ age11 + (age11 | Subject)", beta=[0, 0], cov={"Subject": seen.terms[0].cov}, sigma=seen.sigma
    )
    plan = mm.cross(Subject=20, age11=[-3, -1, 1, 3])
    y = mm.simulate(plan, truth, n_rep=5000, seed=1).reshape(-1, 4)
    assert mm.check_answer("nested_data-1", np.corrcoef(y.T)[0, 3]).ok
    assert mm.check_answer("nested_data-1", 4.1 / np.sqrt(5.3 * 8.2)).ok
    wide = children.pivot(index="Subject", columns="age", values="distance")
    says("nested_data-1", wide.corr().loc[8, 14], "in the data")
    says("nested_data-1", V[0, 3], "covariance")
    says("nested_data-1", V[0, 3] / (V[0, 0] * V[3, 3]), "product of the variances")
    level, _ = covariance("distance ~ age11 + (1 | Subject)", children)
    says("nested_data-1", level[0, 3] / level[0, 0], "random intercept alone")
    D = seen.terms[0].cov
    says("nested_data-1", D[0, 1] / np.sqrt(D[0, 0] * D[1, 1]), "intercepts and slopes")
    W, _ = covariance("distance ~ age11 * Sex + (age11 | Subject)", children)
    says("nested_data-1", W[0, 3] / np.sqrt(W[0, 0] * W[3, 3]), "one_stage")


def test_2_workers_and_machines():
    machines = mm.load("Machines")
    fit = mm.fit("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", machines)
    worker, both, error = fit.variances["variance"]
    assert mm.check_answer("nested_data-2", worker / (worker + both + error)).ok
    # Balanced: from the mean squares of the classical table.
    cells = machines.groupby(["Worker", "Machine"], observed=True)["score"]
    means = cells.mean().unstack()
    centred = means - means.mean()
    ms_worker = 9 * (centred.mean(axis=1) ** 2).sum() / 5
    ms_both = 3 * (centred.sub(centred.mean(axis=1), axis=0) ** 2).to_numpy().sum() / 10
    ms_error = cells.var().mean()
    shared = (ms_worker - ms_both) / 9
    assert mm.check_answer("nested_data-2", shared / (shared + (ms_both - ms_error) / 3 + ms_error)).ok
    says("nested_data-2", (worker + both) / (worker + both + error), "same machine")
    sd = np.sqrt([worker, both, error])
    says("nested_data-2", sd[0] / sd.sum(), "standard deviations")
    says("nested_data-2", worker / (worker + both), "part of a score's variance")
    says("nested_data-2", both / (worker + both + error), "share of workers on machines")
    alone = mm.fit("score ~ Machine + (1 | Worker)", machines).variances["variance"]
    says("nested_data-2", alone.iloc[0] / alone.sum(), "without workers on machines")


def test_3_columns_of_z():
    oats = mm.load("Oats")
    assert mm.check_answer("nested_data-3", 6 + 18).ok
    fit = mm.fit("yield ~ Variety * nitro + (1 | Block) + (1 | Block:Variety)", oats)
    assert mm.check_answer("nested_data-3", fit.matrices.q).ok
    says("nested_data-3", oats.groupby(["Block", "Variety"], observed=True).ngroups, "the plots")
    says("nested_data-3", oats["Block"].nunique(), "the blocks")
    says("nested_data-3", 6 + 3, "three varieties")
    says("nested_data-3", fit.matrices.k, "the terms")
    says("nested_data-3", len(oats), "the rows")
    says("nested_data-3", 24 + 12, "X and Z together")


def test_4_less_alike_than_strangers():
    dye = mm.load("Dyestuff2")
    fit = mm.fit_gls("Yield ~ 1", dye, correlation="corCompSymm(1 | Batch)")
    assert mm.check_answer("nested_data-4", fit.structure["Rho"]).ok
    batches = dye.groupby("Batch", observed=True)["Yield"]
    between, within = 5 * batches.mean().var(), batches.var().mean()
    rho = (between - within) / (between + 4 * within)
    assert mm.check_answer("nested_data-4", rho).ok
    assert mm.check_answer("nested_data-4", -0.10).ok
    says(
        "nested_data-4",
        mm.fit("Yield ~ 1 + (1 | Batch)", dye).variances["variance"].iloc[0],
        "cannot be negative",
    )
    says("nested_data-4", -rho, "more alike")
    by_ml = mm.fit_gls("Yield ~ 1", dye, correlation="corCompSymm(1 | Batch)", reml=False)
    says("nested_data-4", by_ml.structure["Rho"], "maximum likelihood")
