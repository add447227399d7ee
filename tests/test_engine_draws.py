"""Sufficient statistics that are drawn: the same algebra as data, the same law as data."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm
from mmhelpers.engine import drawn as drawn_module
from mmhelpers.engine import fit_matrices, prepare_draws
from mmhelpers.engine.draws import Draw, draw, find_common

sys.path.insert(0, str(Path(__file__).parent))

SAME = 1e-6  # theta and SE of the same data by two routes, relative; criteria agree to 1e-8
KS = 1e-3  # smallest p-value of a Kolmogorov-Smirnov test among about 60 that are made, seeds fixed
MOMENT = 5.0  # a mean of draws may be off its expectation by so many standard errors


def _balanced() -> pd.DataFrame:
    data = mm.cross(g=12, x=[0.0, 1.0, 2.0, 4.0]).data
    return data.assign(between=(data["g"].astype("category").cat.codes % 3 == 0).astype(float))


def _few_patterns() -> pd.DataFrame:
    """Three kinds of groups."""
    kinds = [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0], [1.0, 5.0]]
    return pd.concat(
        [pd.DataFrame({"g": f"g{i}", "x": kinds[i % 3], "between": float(i > 5)}) for i in range(15)],
        ignore_index=True,
    ).sample(frac=1, random_state=1, ignore_index=True)


def _all_different() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    sizes = rng.integers(3, 9, 40)
    return pd.DataFrame(
        {
            "g": np.repeat([f"g{i}" for i in range(40)], sizes),
            "x": rng.normal(size=sizes.sum()),
            "between": 0.0,
        }
    )


DESIGNS = {"balanced": _balanced, "few patterns": _few_patterns, "all different": _all_different}
MODELS = [
    "y ~ x + (1 | g)",
    "y ~ x + (x | g)",
    "y ~ 1 + (x | g)",
    "y ~ x + (x || g)",
    "y ~ x + (0 + x | g)",
    "y ~ x",
]
TRUTH = mm.Truth(
    "y ~ x + (x | g)",
    beta={"(Intercept)": 100.0, "x": 0.5},
    sd={"g": {"(Intercept)": 1.0, "x": 0.7}},
    corr={"g": -0.4},
    sigma=1.5,
)


def _source(data, formulas=MODELS, truth=TRUTH):
    generating = mm.build_matrices(truth.formula, data, response=False)
    models = [mm.build_matrices(formula, data, response=False) for formula in formulas]
    return prepare_draws(models, generating, truth.bind(generating)), models, generating


def _statistics_of(common, generating, models, E):
    """What `draw` draws, from noise E (R, n) that is there."""
    terms = [term for matrices in (generating, *models) for term in matrices.terms]
    H = np.zeros((common.n, len(common.z_scale)))
    at = [c for columns in common.z_columns for c in columns]
    for column, z in zip(at, np.column_stack([term.z for term in terms]).T, strict=True):
        H[:, column] = z / common.z_scale[column]
    X = np.zeros((common.n, len(common.x_scale)))
    for columns, matrices in zip(common.x_columns, (generating, *models), strict=True):
        X[:, columns] = matrices.X / common.x_scale[columns]
    index = terms[0].index
    all_o, all_S, left = [], [], E.copy()
    beside = X.copy()
    for pattern in common.patterns:
        parts = []
        for group in pattern.groups:
            rows = np.flatnonzero(index == group)
            O = H[rows] @ np.linalg.pinv(pattern.T)
            parts.append(E[:, rows] @ O)
            left[:, rows] -= parts[-1] @ O.T
            beside[rows] -= O @ (O.T @ X[rows])
        whole = np.stack(parts)  # (m, R, r)
        o = np.einsum("mo,mRr->orR", pattern.V, whole)
        all_o.append(o)
        all_S.append(np.einsum("mRi,mRj->ijR", whole, whole) - np.einsum("oiR,ojR->ijR", o, o))
    v = np.linalg.pinv(common.W).T @ beside.T @ left.T
    rss = (left**2).sum(1) - (v**2).sum(0)
    return Draw(tuple(all_o), tuple(all_S), v, rss)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", DESIGNS)
def test_statistics_give_the_fits_of_the_data(name, reml):
    """The statistics of data that are there, handed over as if drawn, give the fits of these data."""
    data = DESIGNS[name]()
    formulas = [*MODELS, "y ~ x * between + (1 | g)"] if name != "all different" else MODELS
    source, models, generating = _source(data, formulas)
    rng = np.random.default_rng(5)
    Y = mm.simulate(data, TRUTH, 40, rng=rng)
    E = Y - generating.X @ TRUTH.bind(generating).beta
    given = _statistics_of(source.common, generating, models, E)
    for model, matrices in zip(source.models, models, strict=True):
        ours, data_fits = drawn_module._fit(model, source, given, reml), fit_matrices(matrices, Y, reml)
        assert ours.criterion == pytest.approx(data_fits.criterion, abs=1e-8)
        assert ours.beta == pytest.approx(data_fits.beta, rel=1e-7, abs=1e-7)
        assert ours.se == pytest.approx(data_fits.se, rel=SAME)
        assert ours.sigma == pytest.approx(data_fits.sigma, rel=SAME)
        assert ours.theta == pytest.approx(data_fits.theta, rel=1e-5, abs=1e-5)
        assert ours.singular.tolist() == data_fits.singular.tolist()


@pytest.mark.parametrize("name", DESIGNS)
def test_law_of_the_fits(name):
    data = DESIGNS[name]()
    source, models, _ = _source(data, MODELS[:2])
    n_rep = 4000
    ours = source.fit(n_rep, np.random.default_rng(11))
    Y = mm.simulate(data, TRUTH, n_rep, rng=np.random.default_rng(12))
    theirs = [fit_matrices(matrices, Y) for matrices in models]
    for a, b in zip(ours, theirs, strict=True):
        assert a.converged.all()
        pairs = [(a.sigma, b.sigma), (a.criterion, b.criterion)]
        pairs += list(zip(a.beta.T, b.beta.T, strict=True))
        pairs += list(zip(a.se.T, b.se.T, strict=True))
        pairs += list(zip(a.theta.T, b.theta.T, strict=True))
        for x, y in pairs:
            assert stats.ks_2samp(x, y).pvalue > KS
        spread = np.sqrt(b.singular.mean() * (1 - b.singular.mean()) * 2 / n_rep)
        assert abs(a.singular.mean() - b.singular.mean()) < MOMENT * spread + 1e-12
    # the models are fitted to the same data sets: their statistics go together as those of data do
    joint = [np.corrcoef(f[0].se[:, 1] / f[1].se[:, 1], f[1].theta[:, 2])[0, 1] for f in (ours, theirs)]
    assert joint[0] == pytest.approx(joint[1], abs=MOMENT / np.sqrt(n_rep))


@pytest.mark.parametrize("name", DESIGNS)
def test_moments_of_the_draws(name):
    """Exact expectations: Omega for each vector, df Omega for a Wishart matrix and its variance, chi-square."""
    source, _, _ = _source(DESIGNS[name]())
    n_rep = 20_000
    got = draw(source.common, source.covariance, source.sigma, n_rep, np.random.default_rng(21))
    used = len(source.common.W)
    for pattern, o, S in zip(source.common.patterns, got.o, got.S, strict=True):
        m, rho = pattern.V.shape
        r = len(pattern.T)
        used += m * r
        omega = source.sigma**2 * np.eye(r) + pattern.T @ source.covariance @ pattern.T.T
        for vector in o:
            error = np.sqrt((np.outer(np.diag(omega), np.diag(omega)) + omega**2) / n_rep)
            assert np.all(np.abs(vector @ vector.T / n_rep - omega) < MOMENT * error)
        if m > rho:
            variance = (m - rho) * (omega**2 + np.outer(np.diag(omega), np.diag(omega)))
            assert np.all(np.abs(S.mean(2) - (m - rho) * omega) < MOMENT * np.sqrt(variance / n_rep))
            assert np.var(S, axis=2) == pytest.approx(variance, rel=0.1)
    df = source.common.n - used
    assert got.rss.mean() == pytest.approx(df * source.sigma**2, rel=MOMENT * np.sqrt(2 / df / n_rep))
    assert got.v.var(axis=1) == pytest.approx(source.sigma**2, rel=0.1)


def test_slope_variance_that_the_model_leaves_out_has_its_effect():
    """The published closed form: the slope-less model's Type I error is far above its level."""
    data = mm.cross(g=18, x=range(10)).data
    truth = mm.Truth(
        "y ~ x + (x | g)", beta=[250.0, 0.0], sd={"g": {"(Intercept)": 25.0, "x": 6.0}}, sigma=25.0
    )
    source, _, _ = _source(data, ["y ~ x + (1 | g)"], truth)
    (fits,) = source.fit(20_000, np.random.default_rng(4))
    z = np.abs(fits.beta[:, 1] / fits.se[:, 1])
    rate = np.mean(z > stats.norm.ppf(0.975))
    sxx = float(((np.arange(10.0) - 4.5) ** 2).sum())
    exact = mm.exact.type1_slopeless(18, 10, sxx, 36.0, 625.0, test="z")
    assert rate == pytest.approx(exact, abs=MOMENT * np.sqrt(exact / 20_000))


def test_patterns_and_chunks():
    assert len(_source(_balanced())[0].common.patterns) == 1
    assert len(_source(_few_patterns(), MODELS[:1])[0].common.patterns) == 3
    source, _, _ = _source(_balanced(), MODELS[:1])
    many = source.fit(drawn_module.CHUNK + 10, np.random.default_rng(1))[0]
    assert many.n_rep == drawn_module.CHUNK + 10
    assert len(many.message) == many.n_rep
    again = source.fit(drawn_module.CHUNK, np.random.default_rng(1))[0]
    assert many.beta[: again.n_rep].tolist() == again.beta.tolist()


def test_what_cannot_be_drawn_is_refused():
    data = mm.cross(s=6, i=5).data
    crossed = mm.Truth("y ~ 1 + (1 | s) + (1 | i)", beta=[0.0], sd={"s": 1.0, "i": 1.0}, sigma=1.0)
    matrices = mm.build_matrices(crossed.formula, data, response=False)
    with pytest.raises(ValueError, match="one grouping factor"):
        prepare_draws([matrices], matrices, crossed.bind(matrices))
    counts = mm.Truth("y ~ 1 + (1 | s)", beta=[0.0], sd={"s": 1.0}, family=mm.Poisson())
    matrices = mm.build_matrices(counts.formula, data, response=False)
    with pytest.raises(ValueError, match="normal response"):
        prepare_draws([matrices], matrices, counts.bind(matrices))
    matrices = mm.build_matrices("y ~ 1", data, response=False)
    with pytest.raises(ValueError, match="no model has a random effect"):
        find_common([matrices])
    one = mm.Truth("y ~ 1 + (1 | s)", beta=[0.0], sd={"s": 1.0}, sigma=1.0)
    generating = mm.build_matrices(one.formula, data, response=False)
    fewer = mm.build_matrices(one.formula, data.iloc[:-1], response=False)
    with pytest.raises(ValueError, match="same rows"):
        prepare_draws([fewer], generating, one.bind(generating))
    source = prepare_draws([generating], generating, one.bind(generating))
    with pytest.raises(ValueError, match="n_rep"):
        source.fit(0, np.random.default_rng(1))
