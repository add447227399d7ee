"""R2 and ICC of counts and proportions: performance's numbers at R's own fits, and the formulas written out."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

# The same formula at the same fit in another run of R; optimisers repeat themselves to about 1e-6
SAME = 1e-4

TABLE = pd.read_csv(Path(__file__).parent / "reference" / "variance_shares.csv", dtype=str)
CALLS = "SiblingNegotiation ~ FoodTreatment + ArrivalTime + offset(logBroodSize) + (1 | Nest)"
SEIZURES = "count ~ zAge + zBase * Trt + (1 | patient)"
SICK = "cbind(incidence, size - incidence) ~ period + (1 | herd)"
#: name in the table -> function of R, formula, data, family
FITS = {
    "salamanders poisson": ("lme4::glmer", "count ~ mined + (1 | site)", "salamanders", "poisson"),
    "salamanders nbinom2": ("glmmTMB::glmmTMB", "count ~ mined + (1 | site)", "salamanders", "nbinom2"),
    "owls poisson": ("lme4::glmer", CALLS, "owls", "poisson"),
    "owls nbinom2": ("glmmTMB::glmmTMB", CALLS, "owls", "nbinom2"),
    "epilepsy poisson": ("lme4::glmer", SEIZURES, "epilepsy", "poisson"),
    "epilepsy row effects": ("lme4::glmer", SEIZURES + " + (1 | obs)", "epilepsy", "poisson"),
    "cbpp logit": ("lme4::glmer", SICK, "cbpp", "binomial"),
    "cbpp probit": ("lme4::glmer", SICK, "cbpp", 'binomial("probit")'),
    "cbpp cloglog": ("lme4::glmer", SICK, "cbpp", 'binomial("cloglog")'),
}


def reference(model: str) -> dict[str, float]:
    rows = TABLE[TABLE["model"] == model]
    return {q: float(v) for q, v in zip(rows["quantity"], rows["value"], strict=True)}


def check_shares(fit: Any, model: str, rel: float) -> None:
    """Compare R2, marginal and conditional, and the ICC of all groups together with performance's."""
    theirs = reference(model)
    mean = None if model.startswith("cbpp") else float(np.exp(theirs["intercept"]))
    ours = mm.r2(fit, mean=mean)
    assert ours["marginal"] == pytest.approx(theirs["marginal"], rel=rel)
    assert ours["conditional"] == pytest.approx(theirs["conditional"], rel=rel)
    assert mm.icc(fit, mean=mean)["icc"].iloc[-1] == pytest.approx(theirs["icc"], rel=rel)


@pytest.mark.r
@pytest.mark.parametrize("model", FITS)
def test_shares_are_performances(model):
    function, formula, data, family = FITS[model]
    link: Any = importlib.import_module("rpy2.robjects").r(family) if "(" in family else family
    fit = mm.fit_in_r(function, formula, mm.load(data), family=link).r
    check_shares(fit, model, SAME)


def test_every_model_of_the_table_is_compared():
    assert set(FITS) == set(TABLE["model"]) - {"version"}


def view_of(family: str, size: float = np.nan) -> mm.FitView:
    """Four rows in two groups, b ~ N(0, 0.5), without an engine."""
    from mmhelpers.adapters import RandomTerm
    from mmhelpers.adapters.families import Family

    X = np.column_stack([np.ones(4), [0.0, 1, 0, 1]])
    beta = np.array([1.0, 0.4])
    term = RandomTerm(
        "g",
        ("a", "b"),
        np.array([0, 0, 1, 1]),
        ("(Intercept)",),
        np.ones((4, 1)),
        np.array([[0.5]]),
        np.zeros((2, 1)),
    )
    mu = np.exp(X @ beta)
    return mm.FitView(
        "by hand", "y", np.ones(4), mu, mu, X, ("(Intercept)", "x"), beta, np.eye(2), (term,),
        Family(family, "log", size=size), np.ones(4), np.zeros(4),
    )  # fmt: skip


@pytest.mark.parametrize(("family", "size"), [("poisson", np.nan), ("negative binomial", 2.0)])
def test_counts_by_the_formula(family, size):
    """Nakagawa, Johnson & Schielzeth (2017), table 1: log(1 + 1 / mean + 1 / size)."""
    seen = view_of(family, size)
    extra = 1 / size if np.isfinite(size) else 0.0
    fixed = np.var(seen.X @ seen.beta, ddof=1)
    for mean in (3.0, None):
        at = mean or np.exp(seen.X @ seen.beta + 0.25).mean()
        error = np.log1p(1 / at + extra)
        total = fixed + 0.5 + error
        np.testing.assert_allclose(mm.r2(seen, mean=mean), [fixed / total, (fixed + 0.5) / total])
        assert mm.icc(seen, mean=mean)["icc"].iloc[0] == pytest.approx(0.5 / (0.5 + error))


def test_a_mean_that_no_count_has_is_refused():
    for share in (mm.r2, mm.icc):
        with pytest.raises(ValueError, match="mean is -1"):
            share(view_of("poisson"), mean=-1)  # type: ignore[operator]


def test_an_effect_for_each_row_is_scatter_and_no_group():
    from dataclasses import replace

    from mmhelpers.adapters import RandomTerm

    seen = view_of("poisson")
    row = RandomTerm(
        "row",
        tuple("abcd"),
        np.arange(4),
        ("(Intercept)",),
        np.ones((4, 1)),
        np.array([[0.3]]),
        np.zeros((4, 1)),
    )
    fixed, error = np.var(seen.X @ seen.beta, ddof=1), np.log1p(1 / 3) + 0.3
    both = replace(seen, terms=(*seen.terms, row))
    np.testing.assert_allclose(
        mm.r2(both, mean=3), [fixed / (fixed + 0.5 + error), (fixed + 0.5) / (fixed + 0.5 + error)]
    )
    table = mm.icc(both, mean=3)
    assert list(table.index) == ["g"]
    assert table["icc"].iloc[0] == pytest.approx(0.5 / (0.5 + error))
    with pytest.raises(ValueError, match="one level for each row"):
        mm.icc(replace(seen, terms=(row,)))
