"""Marginal means and pairwise comparisons against emmeans (reference/anova.R)."""

from __future__ import annotations

from functools import cache

import inference_reference as ref
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

# Each at its own optimum, where R's optimiser stops at 1e-9 in theta: estimates and SE, and df.
OWN_FIT, DF = 1e-5, 1e-4
# ptukey is good to about 1e-8, the rest comes from df and t.
P = 1e-4

CASES = ref.numbers("emmeans")


@cache
def fit(name: str) -> mm.Fit:
    case = ref.numbers("anova")[name]
    return mm.fit(case["formula"], ref.complete(name), contrasts=case["contrasts"] or None)


@cache
def means(name: str, over: str, by: str | None, ddf: str) -> mm.MarginalMeans:
    return mm.marginal_means(fit(name), over, by, ddf=ddf)


def ids(case: dict) -> str:
    return f"{case['case']} {case['over']} by {case['by'] or 'nothing'} {case['ddf']}"


def by(case: dict) -> str | None:
    return case["by"] or None


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_means(case):
    got = means(case["case"], case["over"], by(case), case["ddf"])
    want = pd.DataFrame(case["means"])
    table = got.to_frame()
    keys = [case["over"], *([by(case)] if by(case) else [])]
    assert table[keys].astype(str).to_numpy().tolist() == want[keys].astype(str).to_numpy().tolist()
    missing = want["SE"].isna().to_numpy()
    np.testing.assert_array_equal(~got.estimable, missing)
    assert table.loc[missing, "estimate"].isna().all()
    for ours, theirs, rtol in (
        ("estimate", "emmean", OWN_FIT),
        ("se", "SE", OWN_FIT),
        ("df", "df", DF),
        ("lower", "lower.CL", DF),
        ("upper", "upper.CL", DF),
    ):
        np.testing.assert_allclose(
            table[ours][~missing], want[theirs][~missing].astype(float), rtol=rtol, atol=1e-5
        )


@pytest.mark.parametrize("adjust", ["tukey", "holm", "bonferroni", "sidak", "none"])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_pairs(case, adjust):
    ours = means(case["case"], case["over"], by(case), case["ddf"])
    got, want = mm.pairwise(ours, adjust), pd.DataFrame(case["pairs"][adjust])
    known = want["SE"].notna().to_numpy()
    np.testing.assert_array_equal(got["estimate"].notna(), known)
    for ours, theirs, rtol in (("estimate", "estimate", OWN_FIT), ("se", "SE", OWN_FIT), ("df", "df", DF)):
        np.testing.assert_allclose(got[ours][known], want[theirs][known].astype(float), rtol=rtol, atol=1e-6)
    np.testing.assert_allclose(
        got["statistic"][known], want["t.ratio"][known].astype(float), rtol=OWN_FIT, atol=1e-6
    )
    np.testing.assert_allclose(got["p"][known], want["p.value"][known].astype(float), rtol=P, atol=1e-6)


def test_a_mean_is_the_average_of_predictions():
    data = ref.data("crossed")
    model = mm.fit("y ~ A * B + x + (1 | subj)", data)
    grid = pd.DataFrame(
        [(a, b, data["x"].mean()) for a in ("a1", "a2") for b in ("b1", "b2", "b3")], columns=["A", "B", "x"]
    )
    grid["y"] = model.predict(grid.assign(subj="new"), random=False)
    got = mm.marginal_means(model, "A").to_frame()
    np.testing.assert_allclose(got["estimate"], grid.groupby("A")["y"].mean())


def test_at_weights_and_confidence_level():
    data = ref.data("crossed")
    model = mm.fit("y ~ A * B + A:x + x + (1 | subj)", data)
    low, high = (mm.marginal_means(model, "A", at={"x": x}).estimate for x in (0.0, 2.0))
    both = mm.marginal_means(model, ["A", "x"], at={"x": [0.0, 2.0]}).to_frame()
    np.testing.assert_allclose(both["estimate"], np.column_stack([low, high]).ravel())
    slope = 2 * (model.beta["x"] + np.array([0, model.beta["Aa2:x"]]))
    np.testing.assert_allclose(high - low, slope)
    # averaged over the levels of B as often as they occur
    share = data["B"].value_counts(normalize=True)
    by_b = mm.marginal_means(model, "A", by="B").to_frame()
    want = by_b.groupby("A")[["A", "B", "estimate"]].apply(
        lambda d: (d["estimate"] * d["B"].map(share)).sum()
    )
    got = mm.marginal_means(model, "A", weights="proportional").to_frame()
    np.testing.assert_allclose(got["estimate"], want)
    narrow = mm.marginal_means(model, "A", level=0.5)
    wide = mm.marginal_means(model, "A", level=0.99)
    assert np.all(narrow.upper - narrow.lower < wide.upper - wide.lower)


def test_offset_is_part_of_the_mean():
    data = ref.data("crossed").assign(base=lambda d: d["x"] + 3)
    plain = mm.fit("y ~ A + (1 | subj)", data.assign(y=data["y"] - data["base"]))
    model = mm.fit("y ~ A + offset(base) + (1 | subj)", data)
    got, want = mm.marginal_means(model, "A"), mm.marginal_means(plain, "A")
    np.testing.assert_allclose(got.estimate, want.estimate + data["base"].mean(), rtol=1e-6)
    np.testing.assert_allclose(mm.pairwise(got)["statistic"], mm.pairwise(want)["statistic"], rtol=1e-5)


def test_wald_and_fdr():
    model = fit("crossed_helmert")
    wald = mm.marginal_means(model, "B", ddf="wald")
    assert np.isinf(wald.df).all()
    raw, fdr = mm.pairwise(wald, "none"), mm.pairwise(wald, "fdr")
    tukey = mm.pairwise(wald, "tukey")
    assert (fdr["p"] >= raw["p"]).all()
    assert (tukey["p"] >= raw["p"]).all()


def test_tukey_of_two_means_is_the_t_test():
    two = mm.marginal_means(fit("crossed_helmert"), "A")
    np.testing.assert_allclose(mm.pairwise(two, "tukey")["p"], mm.pairwise(two, "none")["p"], rtol=1e-6)


def test_bad_arguments():
    model = fit("crossed_helmert")
    with pytest.raises(ValueError, match="'C' is no variable of the fixed effects; they are A, x, B"):
        mm.marginal_means(model, "C")
    with pytest.raises(ValueError, match="at: 'z' is no variable"):
        mm.marginal_means(model, "A", at={"z": 1})
    with pytest.raises(ValueError, match="each of them once"):
        mm.marginal_means(model, "A", by="A")
    with pytest.raises(ValueError, match="weights must be"):
        mm.marginal_means(model, "A", weights="cells")
    with pytest.raises(ValueError, match="level must lie"):
        mm.marginal_means(model, "A", level=95)
    with pytest.raises(ValueError, match="adjust must be one of"):
        mm.pairwise(mm.marginal_means(model, "A"), "scheffe")
    with pytest.raises(ValueError, match="one mean only"):
        mm.pairwise(mm.marginal_means(model, "x"))
    with pytest.raises(TypeError, match="marginal_means"):
        mm.pairwise(model)
    with pytest.raises(ValueError, match="'a9', which the model has not seen"):
        mm.marginal_means(model, "A", at={"A": ["a9"]})
