"""Coefficients, ANOVA of types I to III and contrasts against lmerTest (reference/anova.R)."""

from __future__ import annotations

import inference_reference as ref
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers.inference import Estimate, coefficients, f_test, hypotheses, t_test
from mmhelpers.inference.anova import anova
from mmhelpers.inference.moments import Cross, Precision, moments, vcov_jacobian
from mmhelpers.inference.satterthwaite import combine_df

# At R's theta: estimates and F follow from linear algebra.
LINEAR = 1e-9
# At R's theta: lmerTest's derivatives are numerical (Richardson's extrapolation); worst seen 5e-8.
DF = 1e-6
# lmerTest rounds the contrasts of type III to 7 digits of the largest, and with them its F; worst seen 1e-7.
TYPE3 = 1e-6
# p has the relative error of F and df times their effect on its logarithm, up to 30 here.
P = 1e-5
# At our own optimum: R's optimiser stops at 1e-9 in theta.
OWN_FIT = 1e-5

NAMES = list(ref.numbers("anova"))
WITH_TERMS = [name for name in NAMES if "type1" in ref.numbers("anova")[name]]


def estimate(name: str) -> Estimate:
    """The fit at R's theta, everything else computed here."""
    case, matrices = ref.numbers("anova")[name], ref.matrices(name)
    at = moments(matrices, ref.theta(name), reml=case["reml"])
    return Estimate(
        matrices,
        ref.theta(name),
        at.sigma,
        at.beta,
        at.vcov,
        case["criterion"],
        case["reml"],
        data=ref.data(name),
    )


@pytest.mark.parametrize("name", NAMES)
def test_coefficients(name):
    want, got = ref.numbers("anova")[name]["coefficients"], coefficients(estimate(name))
    assert list(got.columns) == ["estimate", "se", "df", "statistic", "p"]
    assert list(got.index) == want["row"]
    np.testing.assert_allclose(got["estimate"], want["Estimate"], rtol=LINEAR, atol=1e-9)
    np.testing.assert_allclose(got["se"], want["Std. Error"], rtol=LINEAR)
    np.testing.assert_allclose(got["df"], want["df"], rtol=DF)
    np.testing.assert_allclose(got["statistic"], want["t value"], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(got["p"], want["Pr(>|t|)"], rtol=P)


@pytest.mark.parametrize("type_", [1, 2, 3])
@pytest.mark.parametrize("name", WITH_TERMS)
def test_hypotheses(name, type_):
    want = ref.numbers("anova")[name][f"type{type_}"]
    got = hypotheses(estimate(name), type_)
    assert list(got) == want["row"]
    for term, L in got.items():
        rows = np.array(want["L"][term], dtype=float)
        np.testing.assert_allclose(L, rows, rtol=0, atol=2e-7 * np.abs(rows).max())


@pytest.mark.parametrize("type_", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "ddf"),
    [(name, "satterthwaite") for name in WITH_TERMS]
    + [(name, "kenward-roger") for name in WITH_TERMS if "type1_kr" in ref.numbers("anova")[name]],
)
def test_anova(name, type_, ddf):
    case = ref.numbers("anova")[name]
    want = case[f"type{type_}" + ("_kr" if ddf == "kenward-roger" else "")]
    got = anova(estimate(name), type_, ddf)
    assert list(got.index) == want["row"]
    np.testing.assert_array_equal(got["num_df"], want["NumDF"])
    np.testing.assert_allclose(got["F"], want["F value"], rtol=TYPE3 if type_ == 3 else 1e-8)
    np.testing.assert_allclose(got["den_df"], want["DenDF"], rtol=DF)
    np.testing.assert_allclose(got["p"], want["Pr(>F)"], rtol=P)


@pytest.mark.parametrize(
    "name", ["tvbo", "ham", "cake", "carrots", "crossed", "crossed_sum", "empty_cell", "singular"]
)
def test_anova_of_our_own_fits(name):
    case = ref.numbers("anova")[name]
    fit = mm.fit(case["formula"], ref.complete(name), contrasts=case["contrasts"] or None)
    for type_ in (1, 2, 3):
        got, want = fit.anova(type=type_), case[f"type{type_}"]
        assert list(got.columns) == ["F", "num_df", "den_df", "p"]
        np.testing.assert_allclose(got["F"], want["F value"], rtol=OWN_FIT)
        np.testing.assert_allclose(got["den_df"], want["DenDF"], rtol=1e-4)
        np.testing.assert_allclose(got["p"], want["Pr(>F)"], rtol=1e-3, atol=1e-6)


def test_published_tvbo_and_carrots():
    """Kuznetsova et al. (2017), sec. 8.3 (published.csv): the df of the carrots model."""
    case = ref.numbers("anova")["carrots"]
    table = mm.fit(
        case["formula"], mm.load("carrots").dropna(subset=["Preference", "sens1", "sens2"])
    ).coefficients()
    np.testing.assert_allclose(table["df"], [20.7215270177, 9.1679094566, 10.944314501], rtol=1e-4)
    np.testing.assert_allclose(table["p"], [2.92154897539e-25, 0.489133725239, 0.00181212833054], rtol=1e-3)


# --------------------------------------------------------------------------------------- second derivations


@pytest.mark.parametrize("name", ["sleep_unbalanced", "crossed", "machines_maximal", "sleep_ml", "singular"])
def test_derivatives_numerically(name):
    """Hessian and Jacobian against central differences of the criterion and the covariance matrix."""
    case, matrices = ref.numbers("anova")[name], ref.matrices(name)
    theta = ref.theta(name) + 0.05  # away from the optimum, where the gradient's terms count
    reml, sigma = case["reml"], 1.1 * case["sigma"]
    n, p, y = matrices.n, matrices.p, matrices.y

    def criterion(par: np.ndarray) -> float:
        precision, s2 = Precision(Cross(matrices), par[:-1]), par[-1] ** 2
        hx, hy = precision(matrices.X), precision(y)
        xhx = matrices.X.T @ hx
        ZL = (matrices.Z() @ matrices.Lambda(par[:-1])).toarray()
        log_h = np.linalg.slogdet(np.eye(n) + ZL @ ZL.T)[1]
        beta = np.linalg.solve(xhx, hx.T @ y)
        quadratic = (y - matrices.X @ beta) @ (hy - hx @ beta)
        value = log_h + n * np.log(s2) + quadratic / s2
        return value + np.linalg.slogdet(xhx)[1] - p * np.log(s2) if reml else value

    def covariance(par: np.ndarray) -> np.ndarray:
        precision = Precision(Cross(matrices), par[:-1])
        return par[-1] ** 2 * np.linalg.inv(matrices.X.T @ precision(matrices.X))

    par = np.append(theta, sigma)
    step = 1e-3 * np.maximum(np.abs(par), 0.1)
    found = moments(matrices, theta, reml=reml, sigma=sigma)
    m = len(par)
    H = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            a, b = np.eye(m)[i] * step, np.eye(m)[j] * step
            H[i, j] = (
                criterion(par + a + b)
                - criterion(par + a - b)
                - criterion(par - a + b)
                + criterion(par - a - b)
            ) / (4 * step[i] * step[j])
        change = (covariance(par + np.eye(m)[i] * step) - covariance(par - np.eye(m)[i] * step)) / (
            2 * step[i]
        )
        scale = np.abs(found.jacobian[i]).max()
        np.testing.assert_allclose(found.jacobian[i], change, rtol=1e-4, atol=1e-4 * scale)
    np.testing.assert_allclose(found.hessian, H, rtol=1e-3, atol=1e-4 * np.abs(H).max())


@pytest.mark.parametrize("name", ["crossed", "carrots", "oats", "sleep_unbalanced", "singular"])
def test_two_derivations_of_the_df(name):
    """The engine's derivatives (batched) and those of moments (single) give the same df."""
    case = ref.numbers("anova")[name]
    fit = mm.fit(case["formula"], ref.complete(name), contrasts=case["contrasts"] or None)
    batched = Estimate.from_fits(fit.fits, data=fit.data)
    single = Estimate(
        fit.matrices, fit.theta, fit.sigma, batched.beta, batched.vcov, fit.criterion, fit.reml, data=fit.data
    )
    L = np.eye(fit.matrices.p)
    np.testing.assert_allclose(t_test(batched, L).df, t_test(single, L).df, rtol=1e-6)


def test_sparse_and_dense_solves_agree(monkeypatch):
    matrices, theta = ref.matrices("crossed"), ref.theta("crossed")
    dense = vcov_jacobian(Precision(Cross(matrices), theta), 1.0)
    monkeypatch.setattr("mmhelpers.inference.moments.DENSE_Q", 0)
    sparse = vcov_jacobian(Precision(Cross(matrices), theta), 1.0)
    for a, b in zip(dense, sparse, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_type3_by_sum_contrasts():
    """Without empty cells, type III is the test of the coefficients under sum-to-zero contrasts."""
    data, formula = ref.data("crossed"), "y ~ A * B + (1 | subj) + (1 | item)"
    table = mm.fit(formula, data).anova(3, ddf="wald")
    fit = mm.fit(formula, data, contrasts={"A": "sum", "B": "sum"})
    est = Estimate.from_fits(fit.fits, data=fit.data)
    for number, term in enumerate(fit.matrices.x_terms, start=1):
        rows = np.eye(fit.matrices.p)[np.array(fit.matrices.assign) == number]
        assert pytest.approx(table.loc[term, "F"], rel=1e-7) == f_test(est, rows, ddf="wald").F


@pytest.mark.parametrize("type_", [2, 3])
def test_nested_factor_does_not_depend_on_the_order_of_levels(type_):
    """A/B: lmerTest's test of A is at the first level of B, ours (as in SAS) is over all of them."""
    data = ref.data("crossed")
    one = mm.fit("y ~ A / B + (1 | subj)", data).anova(type_)
    other = mm.fit("y ~ A / B + (1 | subj)", data, contrasts={"B": ("treatment", "b3")}).anova(type_)
    np.testing.assert_allclose(one["F"], other["F"], rtol=1e-6)
    np.testing.assert_allclose(one.loc["A"], other.loc["A"], rtol=1e-6)  # (of several df, den_df has a basis)
    means = mm.marginal_means(mm.fit("y ~ A / B + (1 | subj)", data), "A")
    if type_ == 3:
        assert one.loc["A", "F"] == pytest.approx(mm.pairwise(means)["statistic"].item() ** 2, rel=1e-7)


@pytest.mark.parametrize(
    "formula", ["y ~ 0 + A + x", "y ~ 0 + A * B", "y ~ A:B", "y ~ A + A:x", "y ~ 0 + x", "y ~ x * A + x * B"]
)
def test_formulas_without_intercept_or_margins(formula):
    """As in lmerTest, whose numbers these are."""
    want = ref.numbers("formulas")[formula]
    fit = mm.fit(f"{formula} + (1 | subj)", ref.data("crossed"))
    for type_ in (1, 2, 3):
        got, theirs = fit.anova(type_), want[f"type{type_}"]
        assert list(got.index) == theirs["row"]
        np.testing.assert_allclose(got["F"], theirs["F value"], rtol=OWN_FIT)
        np.testing.assert_allclose(got["den_df"], theirs["DenDF"], rtol=1e-4)


def test_model_with_an_intercept_only_has_no_terms():
    table = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2")).anova()
    assert table.empty
    assert list(table.columns) == ["F", "num_df", "den_df", "p"]


@pytest.mark.parametrize("name", ["oats", "tvbo", "cake"])
def test_in_balanced_data_all_types_agree(name):
    tables = [anova(estimate(name), type_) for type_ in (1, 2, 3)]
    for other in tables[1:]:
        np.testing.assert_allclose(other.to_numpy(), tables[0].to_numpy(), rtol=1e-7)


def test_units_of_a_covariate_do_not_matter():
    """With x in millionths, contrasts of type III keep what lmerTest's rounding would lose."""
    data = ref.data("ham_age")
    formula = "Liking ~ Product * Information + Gender * Age + (1 | Consumer)"
    data = data.rename(columns={"Informed.liking": "Liking"})
    one = mm.fit(formula, data).anova(3)
    other = mm.fit(formula, data.assign(Age=data["Age"] * 1e6)).anova(3)
    np.testing.assert_allclose(other.to_numpy(), one.to_numpy(), rtol=1e-5)


def test_term_that_is_aliased_is_listed_with_no_df():
    data = ref.data("crossed").assign(A2=lambda d: np.where(d["A"] == "a2", "yes", "no"))
    table = mm.fit("y ~ A + A2 + x + (1 | subj)", data).anova(1)
    assert table.loc["A2", "num_df"] == 0
    assert np.isnan(table.loc["A2", "F"])
    assert table.loc["x", "num_df"] == 1


def test_combined_df():
    # equal df stay; F(2, v) with the mean of the average of two squared t: E = q * mean
    assert combine_df([12.0, 12.0, 12.0]) == 12
    nu = np.array([10.0, 30.0])
    v = combine_df(nu)
    assert v / (v - 2) == pytest.approx(np.mean(nu / (nu - 2)))
    assert combine_df([1.9, 50.0]) == 2
    assert combine_df([np.inf, np.inf]) == np.inf
    np.testing.assert_allclose(combine_df([[10.0, 20.0], [5.0, 5.0]]), [combine_df([10.0, 20.0]), 5.0])


# ---------------------------------------------------------------------------------------------- contrasts


@pytest.fixture(scope="module")
def sleep():
    return mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


def test_contrast_in_all_its_forms(sleep):
    rows = mm.contrast(sleep, [[1, 9], [0, 1]])
    named = mm.contrast(sleep, {"day 9": {"(Intercept)": 1, "Days": 9}, "slope": [0, 1]})
    frame = mm.contrast(sleep, pd.DataFrame({"(Intercept)": [1, 0], "Days": [9, 1]}, index=["a", "b"]))
    np.testing.assert_allclose(rows, named)
    np.testing.assert_allclose(rows, frame)
    assert list(named.index) == ["day 9", "slope"]
    assert list(frame.index) == ["a", "b"]
    single = mm.contrast(sleep, {"Days": 1})
    np.testing.assert_allclose(single.iloc[0], rows.iloc[1])
    np.testing.assert_allclose(single.iloc[0][:5], sleep.coefficients().loc["Days"])


def test_contrast_against_a_value(sleep):
    at10 = mm.contrast(sleep, {"Days": 1}, rhs=10)
    assert at10["statistic"].item() == pytest.approx((sleep.beta["Days"] - 10) / sleep.se["Days"])
    lower = mm.contrast(sleep, {"Days": 1}, rhs=mm.contrast(sleep, {"Days": 1})["lower"].item())
    assert lower["p"].item() == pytest.approx(0.05)
    joint = mm.contrast(sleep, [[0, 1], [0, 2]], rhs=[10, 20], joint=True)
    assert joint["num_df"].item() == 1
    assert joint["F"].item() == pytest.approx(at10["statistic"].item() ** 2)
    with pytest.raises(ValueError, match="rhs contradicts L"):
        mm.contrast(sleep, [[0, 1], [0, 2]], rhs=[10, 10], joint=True)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "wald"])
def test_joint_test_of_one_row_is_its_t_test(sleep, ddf):
    t = mm.contrast(sleep, {"Days": 1}, ddf=ddf)
    f = mm.contrast(sleep, {"Days": 1}, ddf=ddf, joint=True)
    assert f["F"].item() == pytest.approx(t["statistic"].item() ** 2)
    assert f["p"].item() == pytest.approx(t["p"].item())
    assert f["den_df"].item() == pytest.approx(t["df"].item())


@pytest.mark.parametrize(
    ("L", "words"),
    [
        ({"a": {"Dys": 1}}, "'Dys', which is no coefficient; they are \\(Intercept\\), Days"),
        ([1, 2, 3], "2 finite numbers a row"),
        ([np.nan, 1], "finite"),
        ([["a", "b"]], "2 numbers a row"),
    ],
)
def test_bad_contrasts(sleep, L, words):
    with pytest.raises(ValueError, match=words):
        mm.contrast(sleep, L)


def test_bad_arguments(sleep):
    with pytest.raises(ValueError, match="type must be 1, 2 or 3"):
        sleep.anova(type=4)
    with pytest.raises(ValueError, match="level must lie"):
        mm.contrast(sleep, [0, 1], level=95)
    with pytest.raises(TypeError, match="fit must be a fitted model"):
        mm.contrast("sleep", [0, 1])
    y = sleep.matrices.y
    two = sleep.refit(np.array([y, y + 1]))
    with pytest.raises(TypeError, match="holds 2 fits"):
        mm.contrast(two, [0, 1])
