"""Likelihood ratio tests, ranova and the parametric bootstrap."""

from __future__ import annotations

from functools import cache

import inference_reference as ref
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm
from mmhelpers.inference.likelihood import criteria, reductions

# Log likelihoods and their differences: each side is at its own optimum (R stops at 1e-9 in theta).
CRITERION = 1e-5
# p: that difference times the density of chi-square, relative.
P = 1e-4

RANDOM = [name for name, case in ref.numbers("anova").items() if "ranova" in case]


@cache
def fit(name: str) -> mm.Fit:
    case = ref.numbers("anova")[name]
    return mm.fit(case["formula"], ref.complete(name), case["reml"], contrasts=case["contrasts"] or None)


# Without Product, lme4's bobyqa stops 0.8 of log likelihood below what the same lme4 finds with its other
# optimiser, nloptwrap (the number here); so the LRT of 17.908 in the lmerTest paper is too large.
STUCK_IN_R = ("carrots", "(1 | Product)", -1877.88524617)


@pytest.mark.parametrize("reduce_terms", [True, False])
@pytest.mark.parametrize("name", RANDOM)
def test_ranova(name, reduce_terms):
    want = pd.DataFrame(ref.numbers("anova")[name]["ranova" if reduce_terms else "ranova_whole"]).set_index(
        "row"
    )
    got = mm.ranova(fit(name), reduce_terms)
    assert list(got.index) == list(want.index)
    np.testing.assert_array_equal(got["n_par"], want["npar"])
    np.testing.assert_array_equal(got["df"][1:], want["Df"][1:])
    assert np.isnan(got["LRT"].iloc[0])
    if name == STUCK_IN_R[0]:
        assert got.loc[STUCK_IN_R[1], "log_lik"] == pytest.approx(STUCK_IN_R[2], abs=CRITERION)
        assert want.loc[STUCK_IN_R[1], "logLik"] < STUCK_IN_R[2] - 0.8
        got, want = (table.drop(index=STUCK_IN_R[1]) for table in (got, want))
    np.testing.assert_allclose(got["log_lik"], want["logLik"], atol=CRITERION)
    np.testing.assert_allclose(got["AIC"], want["AIC"], atol=CRITERION)
    np.testing.assert_allclose(got["LRT"][1:], want["LRT"][1:].astype(float), atol=CRITERION)
    np.testing.assert_allclose(got["p"][1:], want["Pr(>Chisq)"][1:].astype(float), rtol=P, atol=1e-12)


def test_where_r_is_stuck_the_oracle_agrees_with_us():
    """The criterion of the reference at our optimum, and at R's."""
    without = next(r for r in reductions(ref.matrices("carrots"), None) if r.label == STUCK_IN_R[1]).matrices
    ours = criteria(without, without.y[None], True)[0]
    theta = [0.44174649, -0.00252689, 0.00644587, 0.01473154, 0.05163445, 0.0]
    assert mm.profiled_criterion(without, theta).criterion == pytest.approx(ours, abs=1e-5)
    bobyqa = [0.4401795, -0.002345692, 0.006320634, 0.0, -0.03015169, 0.04072672]
    assert mm.profiled_criterion(without, bobyqa).criterion == pytest.approx(-2 * -1878.68564773, abs=1e-4)


def test_published_ranova_of_carrots():
    """Kuznetsova et al. (2017), appendix C (published.csv), but for the row in which R is stuck."""
    table = mm.ranova(fit("carrots"))
    np.testing.assert_allclose(table["LRT"][1:3], [1.82739066526, 9.54641147084], atol=1e-5)
    np.testing.assert_allclose(table["AIC"][1:3], [3757.29070419, 3765.00972499], atol=1e-5)
    assert table["LRT"].iloc[3] == pytest.approx(17.9079819289 - 2 * 0.80040156, abs=1e-4)
    assert table["df"].tolist() == [0, 3, 3, 1]


@pytest.mark.parametrize(
    ("formula", "labels", "columns"),
    [
        ("y ~ A + (A * x | subj)", ["A:x in (A * x | subj)"], [("(Intercept)", "Aa2", "x")]),
        ("y ~ A + (0 + x | subj)", ["x in (0 + x | subj)"], [("(Intercept)",)]),
        ("y ~ A + (1 | item) + (0 + x | item)", ["(1 | item)", "x in (0 + x | item)"],
         [("x",), ("(Intercept)",)]),
        ("y ~ A + (x + B | subj)", ["x in (x + B | subj)", "B in (x + B | subj)"],
         [("(Intercept)", "Bb2", "Bb3"), ("(Intercept)", "x")]),
        ("y ~ 1 + (1 | subj)", ["(1 | subj)"], [()]),
        ("y ~ 1 + (0 + odd | subj)", ["odd in (0 + odd | subj)"], [("(Intercept)",)]),
        ("y ~ 1 + (odd + x | subj)", ["odd in (odd + x | subj)", "x in (odd + x | subj)"],
         [("(Intercept)", "x"), ("(Intercept)", "oddx:2")]),
    ],
)  # fmt: skip
def test_reductions(formula, labels, columns):
    data = ref.data("crossed").assign(
        odd=lambda d: d["A"].map({"a1": "x:1", "a2": "x:2"})
    )  # a name like an interaction
    matrices = mm.build_matrices(formula, data, check=False)
    found = reductions(matrices, data)
    assert [reduction.label for reduction in found] == labels
    assert [tuple(c for t in reduction.matrices.terms for c in t.columns) for reduction in found] == columns


def test_criterion_without_random_effects_is_that_of_least_squares():
    data = ref.data("crossed")
    matrices = mm.build_matrices("y ~ A + x + (1 | subj)", data)
    none = reductions(matrices, data)[0].matrices
    assert none.terms == ()
    y = matrices.y
    resid = y - none.X @ np.linalg.lstsq(none.X, y, rcond=None)[0]
    sd = np.sqrt(np.mean(resid**2))
    assert criteria(none, y[None], False)[0] == pytest.approx(-2 * stats.norm.logpdf(resid, scale=sd).sum())
    # and the limit of the mixed model's REML criterion for a variance of zero
    limit = mm.profiled_criterion(matrices, [0.0]).criterion
    assert criteria(none, y[None], True)[0] == pytest.approx(limit)


# ------------------------------------------------------------------------------------------------ compare


@pytest.mark.parametrize("pair", ref.numbers("likelihood_ratio"), ids=lambda p: f"{p['case']} {p['refit']}")
def test_compare(pair):
    data = ref.complete(pair["case"])
    large = mm.fit(ref.numbers("anova")[pair["case"]]["formula"], data)
    small = mm.fit(pair["smaller"], data)
    got, want = mm.compare(large, small, refit=pair["refit"]), pair["table"]
    np.testing.assert_array_equal(got["n_par"], want["npar"])
    for ours, theirs in (("AIC", "AIC"), ("BIC", "BIC"), ("deviance", "deviance")):
        np.testing.assert_allclose(got[ours], want[theirs], atol=CRITERION)
    assert got["chi2"].iloc[1] == pytest.approx(want["Chisq"][1], abs=CRITERION)
    assert got["df"].iloc[1] == want["Df"][1]
    assert got["p"].iloc[1] == pytest.approx(want["Pr(>Chisq)"][1], rel=P)


def test_compare_refits_where_fixed_effects_differ():
    sleep = mm.load("sleepstudy")
    slope, none = (mm.fit(f"Reaction ~ {x} + (Days | Subject)", sleep) for x in ("Days", "1"))
    simple = mm.fit("Reaction ~ Days + (1 | Subject)", sleep)
    assert mm.compare(none, slope)["deviance"].iloc[1] == pytest.approx(slope.with_reml(False).criterion)
    assert mm.compare(simple, slope)["deviance"].iloc[1] == pytest.approx(slope.criterion)
    ml = mm.compare(none.with_reml(False), slope.with_reml(False))
    np.testing.assert_allclose(ml["chi2"].iloc[1], mm.compare(none, slope)["chi2"].iloc[1], atol=1e-8)
    with pytest.raises(ValueError, match="refit=True"):
        mm.compare(none, slope, refit=False)


def test_compare_refuses_what_cannot_be_compared():
    sleep = mm.load("sleepstudy")
    slope = mm.fit("Reaction ~ Days + (1 | Subject)", sleep)
    with pytest.raises(ValueError, match="different responses"):
        mm.compare(slope, mm.fit("Reaction ~ 1 + (1 | Subject)", sleep[:-1]))
    with pytest.raises(ValueError, match="different responses"):
        mm.compare(slope, mm.fit("log(Reaction) ~ 1 + (1 | Subject)", sleep))
    with pytest.raises(ValueError, match="two fits"):
        mm.compare(slope)
    other = mm.fit("Reaction ~ I(Days > 4) + (Days | Subject)", sleep)
    with pytest.raises(ValueError, match="not nested"):
        mm.compare(slope, other)
    with pytest.raises(ValueError, match="1 labels for 2 fits"):
        mm.compare(slope, slope, names=["a"])


# ---------------------------------------------------------------------------------------------- bootstrap


@pytest.fixture(scope="module")
def null_pair():
    """A small balanced design without an effect: 8 subjects in two groups, 4 observations each."""
    data = mm.cross(subject=8, time=4).data
    data["group"] = np.where(np.isin(data["subject"], sorted(set(data["subject"]))[:4]), "a", "b")
    return data


def test_bootstrap_finds_the_null_distribution_that_is_known(null_pair):
    """Balanced between-subject effect: LRT = n log(1 + F / (n - 2)), F(1, n - 2), where tau2 is inside."""
    rng = np.random.default_rng(11)
    y = rng.normal(0, 3, 8).repeat(4) + rng.normal(0, 1, 32)
    data = null_pair.assign(y=y)
    small, large = (mm.fit(f"y ~ {x} + (1 | subject)", data) for x in ("1", "group"))
    test = mm.bootstrap_test(small, large, n_rep=4000, rng=np.random.default_rng(12))
    assert test.n_failed == 0
    F = 6 * np.expm1(test.statistic / 8)
    exact = stats.f.sf(F, 1, 6)
    assert test.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    known = 8 * np.log1p(stats.f.rvs(1, 6, size=4000, random_state=13) / 6)
    assert stats.ks_2samp(test.simulated, known).pvalue > 1e-3
    # the chi-square is too small in the tail: that is what the bootstrap is for
    assert np.mean(test.simulated > stats.chi2.isf(0.05, 1)) == pytest.approx(
        mm.exact.type1_between(8, test="LRT"), abs=4 * np.sqrt(0.1 * 0.9 / 4000)
    )


def test_bootstrap_on_the_boundary(null_pair):
    """A random effect that is not there: half the statistics are zero or so, chi-square is conservative."""
    y = np.random.default_rng(14).normal(size=32)
    data = null_pair.assign(y=y)
    small = mm.fit("y ~ 1 + (1 | subject)", data)
    large = mm.fit("y ~ 1 + (1 | subject) + (1 | time)", data)
    test = mm.bootstrap_test(small, large, n_rep=1000, rng=np.random.default_rng(15), chunk=300)
    assert test.df == 1
    assert np.mean(test.simulated < 1e-6) > 0.4
    assert np.mean(test.simulated > stats.chi2.isf(0.05, 1)) < 0.05
    assert test.p == 1.0 or test.p <= test.p_chi2 + 0.05
    frame = test.to_frame()
    assert list(frame.columns) == ["statistic", "df", "p", "mc_se", "p_chi2", "n_rep", "n_failed"]
    assert frame["n_rep"].item() == 1000


def test_bootstrap_does_not_depend_on_chunks(null_pair):
    data = null_pair.assign(y=np.random.default_rng(16).normal(size=32))
    small, large = (mm.fit(f"y ~ {x} + (1 | subject)", data) for x in ("1", "group"))
    one = mm.bootstrap_test(small, large, n_rep=50, rng=np.random.default_rng(1), chunk=50)
    again = mm.bootstrap_test(small, large, n_rep=50, rng=np.random.default_rng(1), chunk=50)
    np.testing.assert_array_equal(one.simulated, again.simulated)


def test_bootstrap_refuses(null_pair):
    data = null_pair.assign(y=np.random.default_rng(17).normal(size=32))
    small, large = (mm.fit(f"y ~ {x} + (1 | subject)", data) for x in ("1", "group"))
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="nested in large"):
        mm.bootstrap_test(large, small, rng=rng)
    with pytest.raises(TypeError, match="rng must be"):
        mm.bootstrap_test(small, large, rng=1)
    with pytest.raises(ValueError, match="different responses"):
        mm.bootstrap_test(small, mm.fit("y ~ group + (1 | subject)", data.assign(y=data["y"] + 1)), rng=rng)
    with pytest.raises(ValueError, match="1 or more"):
        mm.bootstrap_test(small, large, n_rep=0, rng=rng)
