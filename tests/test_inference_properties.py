"""Invariances of the tests on random designs: unbalanced, crossed or nested, with factors and a covariate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import mmhelpers as mm

# Two fits of the same model in another order, unit or coding: each at its own optimum, df amplify theta's error.
SAME = {"rtol": 1e-4, "atol": 1e-7}

FAST = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@st.composite
def designs(draw) -> pd.DataFrame:
    """Subjects by cells of A x B with some observations lost, a covariate, and a response with random effects."""
    n, levels = draw(st.integers(5, 9)), draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    data = mm.cross(subject=n, A=["a1", "a2"], B=[f"b{i}" for i in range(levels)], k=2).data
    data = data.drop(columns=["k"])[rng.random(len(data)) > draw(st.floats(0, 0.35))].reset_index(drop=True)
    cells = pd.crosstab(data["A"], data["B"])
    assume(len(data) > 20 and cells.shape == (2, levels) and (cells > 1).all(axis=None))
    assume(data["subject"].nunique() == n)
    data["x"] = rng.normal(size=len(data))
    effects = rng.normal(0, 1.5, n)[pd.factorize(data["subject"])[0]]
    data["y"] = (
        effects + data["x"] * 0.3 + (data["A"] == "a2") * (data["B"] == "b1") + rng.normal(size=len(data))
    )
    return data


FORMULA = "y ~ A * B + x + (1 | subject)"


def tables(data: pd.DataFrame, formula: str = FORMULA, **kwargs) -> list[np.ndarray]:
    fit = mm.fit(formula, data, **kwargs)
    return [
        fit.anova(type_, ddf).to_numpy()
        for type_ in (1, 2, 3)
        for ddf in ("wald", "satterthwaite", "kenward-roger")
    ]


@FAST
@given(designs(), st.integers(0, 2**31))
def test_order_of_rows_names_of_levels_and_units(data, seed):
    one = tables(data)
    shuffled = data.sample(frac=1, random_state=seed % 1000).reset_index(drop=True)
    renamed = data.assign(subject=data["subject"].map(lambda name: f"z{name[::-1]}"))
    scaled = data.assign(y=1e6 * data["y"] + 3e6, x=1e-5 * data["x"] + 1)
    for other in (shuffled, renamed, scaled):
        for a, b in zip(one, tables(other), strict=True):
            np.testing.assert_allclose(b, a, **SAME)


@FAST
@given(designs(), st.sampled_from(["sum", "helmert", ("treatment", "b1")]))
def test_coding_does_not_matter_for_what_is_tested(data, coding):
    """F of types II and III are of hypotheses, not of columns; so are marginal means."""
    one, other = mm.fit(FORMULA, data), mm.fit(FORMULA, data, contrasts={"B": coding})
    for type_ in (2, 3):
        for ddf in ("wald", "kenward-roger"):
            a, b = (fit.anova(type_, ddf).to_numpy() for fit in (one, other))
            np.testing.assert_allclose(b, a, **SAME)
    a, b = (mm.marginal_means(fit, "A", by="B").to_frame() for fit in (one, other))
    np.testing.assert_allclose(b.iloc[:, 2:].to_numpy(), a.iloc[:, 2:].to_numpy(), **SAME)


@FAST
@given(designs())
def test_type_three_of_a_factor_is_the_comparison_of_its_marginal_means(data):
    """Without empty cells: F of type III for A (1 df) is t squared of a1 - a2, by every method."""
    fit = mm.fit(FORMULA, data)
    for ddf in ("wald", "satterthwaite", "kenward-roger"):
        pair = mm.pairwise(mm.marginal_means(fit, "A", ddf=ddf), "none").iloc[0]
        row = fit.anova(3, ddf).loc["A"]
        assert row["F"] == pytest.approx(pair["statistic"] ** 2, rel=1e-6)
        assert row["p"] == pytest.approx(pair["p"], rel=1e-6, abs=1e-12)


@FAST
@given(designs())
def test_type_one_and_two_of_the_last_term_agree(data):
    fit = mm.fit("y ~ x + A + B + (1 | subject)", data)
    one, two = fit.anova(1, "kenward-roger"), fit.anova(2, "kenward-roger")
    np.testing.assert_allclose(one.loc["B"], two.loc["B"], rtol=1e-7)
    # main effects only: type III is type II
    np.testing.assert_allclose(fit.anova(3, "kenward-roger").to_numpy(), two.to_numpy(), rtol=1e-7)


@FAST
@given(designs())
def test_nested_models_give_likelihood_ratios_that_are_not_negative(data):
    large = mm.fit("y ~ A * B + x + (A | subject)", data)
    small = mm.fit("y ~ A * B + x + (1 | subject)", data)
    table = mm.compare(small, large)
    assert table["chi2"].iloc[1] > -1e-6
    assert mm.ranova(large)["LRT"].iloc[1] == pytest.approx(table["chi2"].iloc[1], abs=1e-5)
    fixed = mm.compare(mm.fit("y ~ x + (1 | subject)", data), small)
    assert fixed["chi2"].iloc[1] > -1e-6
