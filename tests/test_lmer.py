"""`mm.lmer`: REML and ML reach lme4 (pymer4 0.9.2 alone drops the choice), factors keep their order."""

from __future__ import annotations

import pytest

import mmhelpers as mm

pytestmark = pytest.mark.r
FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.mark.parametrize(
    ("reml", "model", "quantity"),
    [
        (True, "fm1: Reaction~Days+(Days|Subject) REML", "REML_criterion"),
        (False, "fm1 ML", "minus2logLik_ML"),
    ],
)
def test_the_criterion_is_the_one_that_was_asked_for(reml, model, quantity):
    seen = mm.view(mm.lmer(FORMULA, mm.load("sleepstudy"), reml=reml))
    assert seen.reml is reml
    mm.published("sleepstudy", model, quantity, -2 * seen.loglik, engine="lme4")


def test_factors_keep_the_order_of_their_categories():
    data = mm.load("oysters")
    data["population"] = data["population"].cat.reorder_categories(["Marsh", "Fjord", "Dune", "Cape"])
    seen = mm.view(mm.lmer("growth ~ population + (1 | bag)", data))
    assert seen.x_names == ("(Intercept)", "populationFjord", "populationDune", "populationCape")
