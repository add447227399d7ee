"""Kenward-Roger against pbkrtest (reference/kenward_roger.R), in its units and in any other."""

from __future__ import annotations

import inference_reference as ref
import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.inference import Estimate
from mmhelpers.inference import kenward_roger as kr
from mmhelpers.inference.satterthwaite import rotate

# Both compute the same closed expressions at the same theta; the worst seen is 4e-13.
SAME_THETA = 1e-10
# At our own optimum theta differs from R's by its optimiser's tolerance (1e-9 in theta), and df amplify that.
OWN_FIT = 1e-5

NAMES = sorted(ref.numbers("kenward_roger"))


def adjusted(name: str) -> tuple[kr.KenwardRoger, dict, np.ndarray]:
    case = ref.numbers("kenward_roger")[name]
    matrices = ref.matrices(name, "kenward_roger")
    found = kr.kenward_roger(matrices, ref.theta(name, "kenward_roger"), case["sigma"])
    return found, case, np.array(case["beta"])


def test_the_cases_include_singular_unbalanced_and_crossed_designs():
    cases = ref.numbers("kenward_roger")
    assert {"oats", "machines_unbalanced", "crossed", "carrots", "empty_cell"} <= set(cases)
    assert sum(case["singular"] for case in cases.values()) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_adjusted_covariance(name):
    found, case, _ = adjusted(name)
    want = np.array(case["vcov_adj"], dtype=float).reshape(found.vcov.shape)
    np.testing.assert_allclose(
        found.vcov_adjusted, want, rtol=SAME_THETA, atol=SAME_THETA * np.abs(want).max()
    )


@pytest.mark.parametrize("name", NAMES)
def test_single_contrasts(name):
    found, case, beta = adjusted(name)
    eye = np.eye(len(beta))
    np.testing.assert_allclose(kr.contrast_df(eye, found), case["single"]["df"], rtol=SAME_THETA)
    for i, row in enumerate(eye):
        f, num_df, den_df, scaling = kr.f_test(row, beta, found)
        assert num_df == 1
        assert f == pytest.approx(case["single"]["F"][i], rel=SAME_THETA)
        assert den_df == pytest.approx(case["single"]["ddf"][i], rel=SAME_THETA)
        assert scaling == pytest.approx(1.0, rel=SAME_THETA)


@pytest.mark.parametrize("name", [n for n in NAMES if ref.numbers("kenward_roger")[n]["multiple"]])
def test_several_df(name):
    found, case, beta = adjusted(name)
    for test in case["multiple"].values():
        f, num_df, den_df, scaling = kr.f_test(test["L"], beta, found)
        assert num_df == test["ndf"]
        assert f == pytest.approx(test["F"], rel=SAME_THETA)
        assert den_df == pytest.approx(test["ddf"], rel=SAME_THETA)
        assert scaling == pytest.approx(test["scaling"], rel=SAME_THETA)


@pytest.mark.parametrize("name", ["oats", "machines_unbalanced", "machines_maximal", "crossed", "singular"])
def test_from_our_own_fit(name):
    case = ref.numbers("kenward_roger")[name]
    fit = mm.fit(case["formula"], ref.data(name, "kenward_roger"), contrasts=case["contrasts"] or None)
    table = fit.coefficients(ddf="kenward-roger")
    np.testing.assert_allclose(table["df"], case["single"]["df"], rtol=OWN_FIT)
    np.testing.assert_allclose(table["statistic"] ** 2, case["single"]["F"], rtol=OWN_FIT)
    np.testing.assert_allclose(table["p"], case["single"]["p"], rtol=1e-3, atol=1e-7)


def test_classical_split_plot():
    """Oats: equal to the F tests of Yates' (1935) analysis of variance in strata."""
    oats = mm.load("oats")

    def ss(*keys: str) -> float:  # of the cell means, uncorrected
        cells = oats.groupby(list(keys), observed=True)["yield"]
        return float((cells.mean() ** 2 * cells.size()).sum())

    total = len(oats) * oats["yield"].mean() ** 2
    variety, nitro, block = ss("Variety") - total, ss("nitro") - total, ss("Block") - total
    plots = ss("Block", "Variety") - total - block - variety
    both = ss("Variety", "nitro") - total - variety - nitro
    error = float((oats["yield"] ** 2).sum()) - total - block - variety - plots - nitro - both
    want = [variety / 2 / (plots / 10), nitro / 3 / (error / 45), both / 6 / (error / 45)]

    fit = mm.fit("yield ~ Variety * factor(nitro) + (1 | Block/Variety)", oats)
    for ddf, rtol in (("kenward-roger", 1e-7), ("satterthwaite", 1e-5)):
        table = fit.anova(ddf=ddf)
        np.testing.assert_allclose(table["F"], want, rtol=1e-7)
        np.testing.assert_allclose(table["den_df"], [10, 45, 45], rtol=rtol)
        # published.csv, as printed
        np.testing.assert_allclose(table["F"], [1.48534108928, 37.6857040758, 0.302823986508], atol=1e-3)


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e8])
@pytest.mark.parametrize("name", ["crossed", "machines_unbalanced", "singular"])
def test_units_of_y_do_not_matter(name, scale):
    """F and df are free of units (pbkrtest's test for a singular information matrix is not)."""
    one, case, beta = adjusted(name)
    matrices, theta = ref.matrices(name, "kenward_roger"), ref.theta(name, "kenward_roger")
    other = kr.kenward_roger(matrices, theta, case["sigma"] * scale)
    L = np.eye(len(beta))[1:]
    np.testing.assert_allclose(kr.f_test(L, beta * scale, other), kr.f_test(L, beta, one), rtol=1e-9)


@pytest.mark.parametrize("name", ["crossed", "empty_cell", "machines_maximal"])
def test_f_does_not_depend_on_the_basis(name):
    found, _, beta = adjusted(name)
    rng = np.random.default_rng(3)
    L = rng.normal(size=(2, len(beta)))
    mixed = rng.normal(size=(2, 2)) @ L
    redundant, _ = rotate(np.vstack([L, mixed]), found.vcov)
    want = kr.f_test(L, beta, found)
    np.testing.assert_allclose(kr.f_test(mixed, beta, found), want, rtol=1e-9)
    np.testing.assert_allclose(kr.f_test(redundant, beta, found), want, rtol=1e-6)


def test_dense_formulas_by_definition():
    """The q x q algebra against the n x n matrices of the definition (Halekoh & Højsgaard 2014, sec. 6)."""
    name = "crossed"
    found, case, _ = adjusted(name)
    m, theta, s2 = ref.matrices(name, "kenward_roger"), ref.theta(name, "kenward_roger"), case["sigma"] ** 2
    G = []
    for term in m.terms:
        Z = term.Z().toarray().reshape(m.n, term.n_levels, term.k)
        for a, b in zip(*term.theta_positions, strict=True):
            one = Z[:, :, a] @ Z[:, :, b].T
            G.append(one if a == b else one + one.T)
    G.append(np.eye(m.n))
    ZL = (m.Z() @ m.Lambda(theta)).toarray()
    Vi = np.linalg.inv(s2 * (np.eye(m.n) + ZL @ ZL.T))
    phi = np.linalg.inv(m.X.T @ Vi @ m.X)
    P = [-m.X.T @ Vi @ g @ Vi @ m.X for g in G]
    Q = [[m.X.T @ Vi @ g @ Vi @ h @ Vi @ m.X for h in G] for g in G]
    r = range(len(G))
    info = np.array(
        [
            [
                np.trace(Vi @ G[i] @ Vi @ G[j])
                - 2 * np.trace(phi @ Q[i][j])
                + np.trace(phi @ P[i] @ phi @ P[j])
                for j in r
            ]
            for i in r
        ]
    )
    W = 2 * np.linalg.inv(info)
    middle = sum(W[i, j] * (Q[i][j] - P[i] @ phi @ P[j]) for i in r for j in r)
    np.testing.assert_allclose(found.vcov_adjusted, phi + 2 * phi @ middle @ phi, rtol=1e-8)


def test_a_batch_is_many_single_fits():
    data = ref.data("machines_unbalanced", "kenward_roger")
    rng = np.random.default_rng(1)
    Y = data["score"].to_numpy() + rng.normal(0, 3, (3, len(data)))
    formula = "score ~ Machine + (1 | Worker/Machine)"
    many = mm.fit_many(formula, data, Y).coefficients(ddf="kenward-roger")
    assert list(many.columns) == ["rep", "coefficient", "estimate", "se", "df", "statistic", "p"]
    for rep in range(3):
        one = mm.fit(formula, data.assign(score=Y[rep])).coefficients(ddf="kenward-roger")
        part = many[many["rep"] == rep]
        assert list(part["coefficient"]) == list(one.index)
        np.testing.assert_allclose(part[list(one.columns)].to_numpy(), one.to_numpy(), rtol=1e-6)


def test_replicates_that_lack_their_own_cells():
    """With missing="drop" each replicate has a design of its own, and so its own adjustment."""
    data = ref.data("crossed", "kenward_roger")
    rng = np.random.default_rng(2)
    Y = data["y"].to_numpy() + rng.normal(0, 1, (3, len(data)))
    Y[0, :9], Y[2, 40:44] = np.nan, np.nan
    formula = "y ~ A + x + (1 | subj) + (1 | item)"
    many = mm.fit_many(formula, data, Y, missing="drop").coefficients(ddf="kenward-roger")
    for rep in range(3):
        rows = ~np.isnan(Y[rep])
        one = mm.fit(formula, data[rows].assign(y=Y[rep][rows])).coefficients(ddf="kenward-roger")
        part = many.loc[many["rep"] == rep, list(one.columns)]
        np.testing.assert_allclose(part.to_numpy(), one.to_numpy(), rtol=1e-5)


def test_without_random_effects_it_is_the_t_test_of_least_squares():
    fit = mm.fit("y ~ A * B + x", ref.data("crossed", "kenward_roger"))
    ols, kr_ = fit.coefficients("satterthwaite"), fit.coefficients("kenward-roger")
    np.testing.assert_allclose(kr_.to_numpy(), ols.to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(kr_["df"], fit.matrices.n - fit.matrices.p, rtol=1e-9)
    np.testing.assert_allclose(fit.anova(2, "kenward-roger").to_numpy(), fit.anova(2).to_numpy(), rtol=1e-8)


def test_a_fit_that_failed_says_so():
    data = ref.data("machines_unbalanced", "kenward_roger")
    flat = mm.fit_many("score ~ Machine + (1 | Worker)", data, np.vstack([data["score"], np.ones(len(data))]))
    table = flat.coefficients(ddf="kenward-roger")
    assert table.loc[table["rep"] == 0, "p"].notna().all()
    assert table.loc[table["rep"] == 1, "df"].isna().all() == (not flat.converged[1])
    if not np.isfinite(flat.sigma[1]):
        with pytest.raises(ValueError, match="this fit failed"):
            Estimate.from_fits(flat.fits, 1)


def test_ml_fits_are_refused():
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"), reml=False)
    with pytest.raises(ValueError, match="reml=True"):
        fit.anova(ddf="kenward-roger")
    with pytest.raises(ValueError, match="ddf must be"):
        fit.anova(ddf="kr")
    assert isinstance(Estimate.from_fits(fit.fits), Estimate)
