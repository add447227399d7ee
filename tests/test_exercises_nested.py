"""Exercises of chapter 3_lme4/03_nested_crossed: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from checkers import says

import mmhelpers as mm


def test_1_schools_and_classes():
    data = mm.cross(school=10, label=4, pupil=25).data
    q = {
        f: mm.build_matrices(f"y ~ 1 + {f}", data, response=False).q
        for f in ("(1 | school/label)", "(1 | school) + (1 | label)")
    }
    assert mm.check_answer("nested-1", q["(1 | school/label)"]).ok
    assert mm.check_answer("nested-1", 10 + 10 * 4).ok
    says("nested-1", q["(1 | school) + (1 | label)"], "each *label*")
    says("nested-1", 10 * 4, "classes")
    says("nested-1", 10 + 40 + 1000, "measured once")
    says("nested-1", 4, "four classes of its own")
    says("nested-1", 10, "schools")


def test_2_the_same_sixty_assays():
    fit = mm.fit("strength ~ 1 + (1 | batch/cask)", mm.load("Pastes"))
    cask, batch, assay = fit.variances["variance"]
    assert mm.check_answer("nested-2", np.sqrt(batch / 10 + cask / 60 + assay / 60)).ok
    truth = mm.Truth(
        "y ~ 1 + (1 | batch) + (1 | cask)", beta=[60], sigma=np.sqrt(assay),
        sd={"batch": np.sqrt(batch), "cask": np.sqrt(cask)},
    )  # fmt: skip
    plan = mm.cross(batch=10).nest(cask=6, within="batch")
    means = mm.simulate(plan, truth, n_rep=100_000, seed=1).mean(axis=1)
    assert mm.check_answer("nested-2", means.std()).ok
    says("nested-2", fit.se.iloc[0], "as it was")
    says("nested-2", batch / 10 + (cask + assay) / 60, "variance")
    says("nested-2", np.sqrt((batch + cask + assay) / 60), "independent")
    says("nested-2", np.sqrt(batch / 10 + cask / 10 + assay / 60), "other way round")
    says("nested-2", np.sqrt((cask + assay) / 60), "leaves out the batches")
    says("nested-2", np.sqrt(batch / 10 + cask / 6 + assay / 60), "not six")
    says("nested-2", (np.sqrt(fit.variances["variance"]) / np.sqrt([60, 10, 60])).sum(), "do not add")


def test_3_cakes():
    cake = mm.load("cake")
    fixed = "angle ~ recipe + temp + "
    fit = mm.fit(fixed + "(1 | recipe:replicate)", cake)
    assert fit.matrices.q == 45
    assert mm.check_answer("nested-3", fit.variances["sd"][0]).ok
    # By hand: the mean squares of this balanced trial.
    batches = cake.groupby(["recipe", "replicate"], observed=True)["angle"]
    within = cake["angle"] - batches.transform("mean")
    x = cake["temp"] - cake["temp"].mean()
    residual = ((within**2).sum() - (x * within).sum() ** 2 / (x**2).sum()) / (270 - 45 - 1)
    between = 6 * batches.mean().unstack("recipe").var(ddof=1).mean()
    assert mm.check_answer("nested-3", np.sqrt((between - residual) / 6)).ok
    says("nested-3", mm.fit(fixed + "(1 | replicate)", cake).variances["sd"][0], "15 batches")
    says("nested-3", fit.with_reml(False).variances["sd"][0], "maximum likelihood")
    says("nested-3", fit.sigma, "cakes of one batch")
    says("nested-3", fit.variances["variance"][0], "variance")
    both = mm.fit(fixed + "(1 | replicate) + (1 | recipe:replicate)", cake).variances.set_index("group")["sd"]
    says("nested-3", both["replicate"], "only random effect")
    says("nested-3", both["recipe:replicate"], "as well")


@pytest.mark.r
def test_3_by_lme4():
    code = (
        "as.data.frame(lme4::VarCorr(lme4::lmer(angle ~ recipe + temp + (1 | recipe:replicate), d)))$sdcor[1]"
    )
    assert mm.check_answer("nested-3", float(mm.in_r(code, d=mm.load("cake")).numbers[0])).ok
