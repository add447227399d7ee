"""ANOVA and means of 40 random models against R (reference/random_models.R).

Unbalanced data, factors and covariates, crossed and nested terms, some cells empty, some fits singular.
"""

from __future__ import annotations

import inference_reference as ref
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

# Criterion: how far ours may lie above R's, and how far below it before R counts as stuck short of the optimum.
CRITERION = 1e-6
STUCK = 1e-5
# F: lmerTest rounds contrasts of type III to 7 digits of the largest, and x is in units of 0.01 to 50; worst seen 6e-5.
F = 2e-4
# df and means: each side at its own optimum; worst seen 2e-6 and 1e-6.
DF, MEANS = 1e-4, 1e-4

MODELS = ref.numbers("random_models")


def one(number: int) -> tuple[mm.Fit, dict]:
    model = MODELS[number]
    return mm.fit(model["formula"], pd.DataFrame(model["data"])), model


def stuck(fit: mm.Fit, model: dict) -> bool:
    """Whether R stopped at a point with a higher criterion than ours, which the oracle confirms."""
    assert fit.criterion < model["crit"] + CRITERION
    if fit.criterion > model["crit"] - STUCK:
        return False
    assert mm.profiled_criterion(fit.matrices, fit.theta).criterion == pytest.approx(fit.criterion, abs=1e-6)
    return True


def test_r_is_stuck_in_few_and_many_kinds_are_there():
    fits = [one(number) for number in range(len(MODELS))]
    assert sum(stuck(*pair) for pair in fits) <= 1
    assert sum(fit.singular for fit, _ in fits) >= 5
    assert sum(bool(fit.matrices.aliased) for fit, _ in fits) >= 3
    assert len({fit.formula for fit, _ in fits}) >= 20


@pytest.mark.parametrize("number", range(len(MODELS)), ids=lambda i: f"{i}: {MODELS[i]['formula']}")
def test_anova_and_means(number):
    fit, model = one(number)
    if stuck(fit, model):
        return  # R's numbers are of another point
    for type_ in (1, 2, 3):
        want = model[f"t{type_}"]
        for ddf, f, df in (("satterthwaite", "F", "df"), ("kenward-roger", "kF", "kdf")):
            got = fit.anova(type_, ddf)
            got = got[got["num_df"] > 0]
            assert list(got.index) == want["row"]
            np.testing.assert_array_equal(got["num_df"], want["num"])
            np.testing.assert_allclose(got["F"], want[f], rtol=F)
            np.testing.assert_allclose(got["den_df"], want[df], rtol=DF)
    if "em" in model:
        want, got = model["em"], mm.marginal_means(fit, model["em"]["over"], ddf="kenward-roger")
        for ours, theirs in ((got.estimate, "est"), (got.se, "se"), (got.df, "df")):
            expected = np.array(want[theirs], dtype=float)  # NaN where emmeans says nonEst
            np.testing.assert_allclose(ours, expected, rtol=MEANS, atol=1e-6)
