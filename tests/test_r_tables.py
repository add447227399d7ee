"""`mm.lmertest`: R's tables arrive whole, with R's names; wrong calls are answered in words."""

from __future__ import annotations

import numpy as np
import pytest

import mmhelpers as mm

FORMULA = "Reaction ~ Days + (Days | Subject)"
# Where R's optimiser stops, relative to the optimum, seen in standard errors and df.
R_OPTIMUM = 1e-4


@pytest.fixture(scope="module")
def fit():
    return mm.lmer(FORMULA, mm.load("sleepstudy"), optimizer="bobyqa")


@pytest.mark.r
def test_tables_are_ours_under_the_names_of_r(fit):
    ours = mm.fit(FORMULA, mm.load("sleepstudy"))
    table = mm.lmertest(fit, "coefficients")
    assert list(table.columns) == ["Estimate", "Std. Error", "df", "t value", "Pr(>|t|)"]
    np.testing.assert_allclose(
        table.loc["Days"].iloc[:4], ours.coefficients().loc["Days"].iloc[:4], rtol=R_OPTIMUM
    )
    anova = mm.lmertest(fit, "anova", ddf="Kenward-Roger", type=2)
    assert anova.loc["Days", "DenDF"] == pytest.approx(17, rel=R_OPTIMUM)
    ranova = mm.lmertest(fit, "ranova")
    np.testing.assert_allclose(ranova["LRT"].iloc[1], mm.ranova(ours)["LRT"].iloc[1], rtol=R_OPTIMUM)
    whole = mm.lmertest(fit, "ranova", reduce_terms=False)
    assert whole.index[1] == "(Days | Subject)"


@pytest.mark.r
def test_the_optimizer_is_the_one_that_was_asked_for(fit):
    from rpy2.robjects import r

    assert r("function(m) m@optinfo$optimizer")(fit.r_model)[0] == "bobyqa"


@pytest.mark.parametrize(
    ("fit", "table", "error", "says"),
    [(None, "aov", ValueError, "'ranova'"), (None, "anova", TypeError, "must come from mm.lmer")],
)
def test_wrong_calls_are_answered_in_words(fit, table, error, says):
    with pytest.raises(error, match=says):
        mm.lmertest(fit, table)
