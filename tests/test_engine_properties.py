"""What must hold on any design: engine equals reference, paths agree, invariances."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mmhelpers as mm
from mmhelpers.engine import fast, prepare
from mmhelpers.engine.blocks import find_structure
from mmhelpers.engine.criterion import evaluate
from mmhelpers.engine.design import change_units, make_design
from mmhelpers.engine.numbers import in_user_units
from mmhelpers.engine.schur_build import split_factors

sys.path.insert(0, str(Path(__file__).parent))
from designs import KINDS, random_design

EXACT = 1e-8  # the same criterion by two formulas, relative to its size of about 100
OPTIMUM = 1e-6  # how far below the engine a general optimiser may get
CHANGED = 1e-5  # estimates after a change of units: relative
QUICK = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 10_000)
kinds = st.sampled_from(KINDS)


def _design(matrices):
    return make_design(
        matrices.X,
        [t.index for t in matrices.terms],
        [t.z for t in matrices.terms],
        [t.n_levels for t in matrices.terms],
    )


def _close_fits(a, b, rel=CHANGED):
    """Two fits are the same; theta may differ where it is hardly determined, what it implies may not."""
    assert a.criterion == pytest.approx(b.criterion, abs=1e-6)
    scale = np.maximum(np.abs(b.beta), b.se)
    assert np.max(np.abs(a.beta - b.beta) / scale) < rel
    assert a.se.to_numpy() == pytest.approx(b.se.to_numpy(), rel=rel)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_equal_the_reference_anywhere(kind, reml):
    rng = np.random.default_rng(KINDS.index(kind))
    case = random_design(rng, kind)
    matrices = mm.build_matrices(case.formula, case.data)
    design = _design(matrices)
    Y = np.stack([case.y, case.y[::-1], rng.normal(size=len(case.y))])
    theta = rng.normal(size=(design.n_theta, 3)) * np.array([0.1, 1.0, 3.0])
    prepared = [prepare.prepare_complete(design, Y)]
    plan = prepare.choose_plan(design)
    if plan is not None:
        prepared.append(prepare.prepare_complete(design, Y, plan))
    user = change_units(theta, design.B).T
    expected = [mm.profiled_criterion(matrices, user[i], Y[i], reml) for i in range(3)]
    for one in prepared:
        value = evaluate(one.system, theta, reml)
        numbers = in_user_units(design, one, theta, value, reml)
        for i, oracle in enumerate(expected):
            assert numbers["criterion"][i] == pytest.approx(oracle.criterion, rel=EXACT)
            assert numbers["beta"][i] == pytest.approx(oracle.beta, rel=1e-6, abs=1e-8)
            assert numbers["sigma"][i] == pytest.approx(oracle.sigma, rel=1e-8)
            assert numbers["vcov"][i] == pytest.approx(oracle.vcov, rel=1e-6, abs=1e-10)


@pytest.mark.parametrize(
    ("kind", "pooled"),
    [
        ("slope_unbalanced", True),
        ("crossed_slope", True),
        ("factor_slope", True),
        ("nested_unbalanced", True),
        ("slope_unbalanced", False),
        ("crossed_slope", False),
        ("crossed_missing", False),
        ("three", False),
    ],
)
def test_derivatives_equal_differences(kind, pooled):
    rng = np.random.default_rng(7)
    case = random_design(rng, kind)
    design = _design(mm.build_matrices(case.formula, case.data))
    plan = prepare.choose_plan(design) if pooled else None
    assert (plan is not None) == pooled
    system = prepare.prepare_complete(design, case.y[None], plan).system
    for reml in (True, False):
        theta = rng.normal(size=(design.n_theta, 1))
        value = evaluate(system, theta, reml)
        for j in range(design.n_theta):
            step = np.zeros_like(theta)
            step[j] = 1e-5
            up, down = evaluate(system, theta + step, reml), evaluate(system, theta - step, reml)
            assert value.g[j, 0] == pytest.approx((up.f - down.f)[0] / 2e-5, abs=2e-5)
            assert value.H[:, j, 0] == pytest.approx((up.g - down.g)[:, 0] / 2e-5, abs=2e-4)


@QUICK
@given(seeds, kinds, st.booleans())
def test_optimum_is_not_above_a_general_optimisers(seed, kind, reml):
    case = random_design(np.random.default_rng(seed), kind)
    fit = mm.fit(case.formula, case.data, reml=reml)
    assert fit.converged
    matrices = fit.matrices
    assert mm.profiled_criterion(matrices, fit.theta, reml=reml).criterion == pytest.approx(
        fit.criterion, abs=1e-7
    )
    _, oracle = mm.minimise_criterion(matrices, reml=reml)
    assert fit.criterion < oracle.criterion + OPTIMUM


@QUICK
@given(seeds, kinds)
def test_batch_equals_single(seed, kind):
    rng = np.random.default_rng(seed)
    case = random_design(rng, kind)
    Y = np.stack([case.y, rng.normal(size=len(case.y)), case.y[::-1]])
    many = mm.fit_many(case.formula, case.data, Y)
    for i in range(3):
        single = mm.fit_many(case.formula, case.data, Y[i : i + 1])
        assert single.criterion[0] == pytest.approx(many.criterion[i], abs=1e-8)
        assert single.se.to_numpy()[0] == pytest.approx(many.se.to_numpy()[i], rel=1e-6)


@QUICK
@given(seeds, kinds)
def test_general_path_equals_pooled_path(seed, kind):
    case = random_design(np.random.default_rng(seed), kind)
    pooled = mm.fit_many(case.formula, case.data, case.y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "LARGEST_BLOCK", 0)
        general = mm.fit_many(case.formula, case.data, case.y)
    _close_fits(general, pooled)


@QUICK
@given(seeds, kinds)
def test_order_of_rows_and_names_of_levels_do_not_matter(seed, kind):
    rng = np.random.default_rng(seed)
    case = random_design(rng, kind)
    order = rng.permutation(len(case.data))
    changed = case.data.iloc[order].reset_index(drop=True)
    changed["g"] = changed["g"].map(
        {name: f"z{i}" for i, name in enumerate(rng.permutation(changed["g"].unique()))}
    )
    _close_fits(
        mm.fit_many(case.formula, changed, case.y[order]),
        mm.fit_many(case.formula, case.data, case.y),
        rel=1e-6,
    )


@QUICK
@given(seeds, kinds, st.sampled_from([1e-8, 1e8]), st.sampled_from([0.0, 1e5]))
def test_units_and_origin_of_y(seed, kind, scale, shift):
    case = random_design(np.random.default_rng(seed), kind)
    base = mm.fit_many(case.formula, case.data, case.y)
    changed = mm.fit_many(case.formula, case.data, scale * (case.y + shift))
    m = base.matrices.n - base.matrices.p
    assert changed.criterion[0] == pytest.approx(base.criterion[0] + 2 * m * np.log(scale), abs=1e-5)
    assert changed.sigma == pytest.approx(scale * base.sigma, rel=CHANGED)
    assert changed.se.to_numpy() == pytest.approx(scale * base.se.to_numpy(), rel=CHANGED)
    assert changed.singular.tolist() == base.singular.tolist()
    df, df0 = (fit.coefficients()["df"].to_numpy() for fit in (changed, base))
    assert df == pytest.approx(df0, rel=1e-3)


@QUICK
@given(seeds, st.sampled_from([k for k in KINDS if k != "factor_slope"]), st.sampled_from([1e-8, 1e8]))
def test_units_of_x(seed, kind, scale):
    case = random_design(np.random.default_rng(seed), kind)
    base = mm.fit_many(case.formula, case.data, case.y)
    changed = mm.fit_many(case.formula, case.data.assign(x=scale * case.data["x"]), case.y)
    columns = sum("x" in name for name in base.matrices.x_names)
    expected = base.criterion[0] + 2 * columns * np.log(scale)
    assert changed.criterion[0] == pytest.approx(expected, abs=1e-5)
    assert changed.sigma == pytest.approx(base.sigma, rel=CHANGED)
    t, t0 = (fit.coefficients()["statistic"].to_numpy() for fit in (changed, base))
    assert t == pytest.approx(t0, rel=CHANGED, abs=1e-6)


@QUICK
@given(
    seeds, st.sampled_from(["slope", "slope_unbalanced", "crossed_random"]), st.sampled_from([10.0, -2000.0])
)
def test_origin_of_a_random_slope(seed, kind, shift):
    """The model with correlated intercepts and slopes does not depend on where x is zero."""
    case = random_design(np.random.default_rng(seed), kind)
    base = mm.fit_many(case.formula, case.data, case.y)
    changed = mm.fit_many(case.formula, case.data.assign(x=case.data["x"] + shift), case.y)
    assert changed.criterion[0] == pytest.approx(base.criterion[0], abs=1e-5)
    assert changed.se["x"].to_numpy() == pytest.approx(base.se["x"].to_numpy(), rel=1e-4)
    assert changed.sigma == pytest.approx(base.sigma, rel=1e-4)


@QUICK
@given(seeds, kinds)
def test_missing_cells_equal_a_fit_without_them(seed, kind):
    rng = np.random.default_rng(seed)
    case = random_design(rng, kind)
    Y = np.stack([case.y, case.y, case.y])
    gone = rng.random(Y.shape) < 0.06
    gone[2] = False
    Y[gone] = np.nan
    many = mm.fit_many(case.formula, case.data, Y, missing="drop")
    for i in range(3):
        rows = ~gone[i]
        single = mm.fit_many(case.formula, case.data[rows], Y[i, rows])
        assert many.criterion[i] == pytest.approx(single.criterion[0], abs=1e-6)
        assert many.se.to_numpy()[i] == pytest.approx(single.se.to_numpy()[0], rel=CHANGED)


@QUICK
@given(seeds, kinds)
def test_conditional_modes_equal_the_references(seed, kind):
    case = random_design(np.random.default_rng(seed), kind)
    fit = mm.fit(case.formula, case.data)
    oracle = mm.profiled_criterion(fit.matrices, fit.theta)
    ours = np.concatenate([modes.ravel() for modes in fit._modes()])
    assert ours == pytest.approx(oracle.b, abs=1e-6 * max(1.0, np.abs(oracle.b).max()))


def test_rank_deficient_x_drops_columns_as_lme4_does():
    case = random_design(np.random.default_rng(1), "slope")
    data = case.data.assign(twice=2 * case.data["x"])
    fit = mm.fit("y ~ x + twice + (x | g)", data)
    assert fit.matrices.aliased == ("twice",)
    assert fit.criterion == pytest.approx(mm.fit(case.formula, case.data).criterion, abs=1e-8)


def test_structure_of_planned_designs():
    def blocks(formula, data):
        structure = find_structure(_design(mm.build_matrices(formula, data, response=False)))
        assert structure is not None
        return sorted((block.slots, block.copies, len(block.A)) for block in structure.blocks)

    crossed = mm.cross(subject=30, item=20).data
    assert blocks("y ~ 1 + (1 | subject) + (1 | item)", crossed) == [
        ((0,), 29, 1),
        ((0, 1), 1, 2),
        ((1,), 19, 1),
    ]
    assert blocks("y ~ 1 + (1 | subject)", crossed) == [((0,), 30, 1)]
    assert blocks("y ~ 1 + (1 | subject/item)", mm.cross(subject=5, item=3, r=2).data) == [
        ((0,), 10, 1),
        ((0, 1), 5, 2),
    ]


def test_schur_eliminates_the_largest_factor():
    data = mm.cross(subject=5, item=8).data
    design = _design(mm.build_matrices("y ~ 1 + (1 | subject) + (1 | item)", data, response=False))
    assert split_factors(design) == ((1,), (0,))


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize("reml", [True, False])
def test_many_unequal_groups(distinct, reml):
    """From 16 patterns on the pooled path takes other sums; groups of equal patterns occur several times."""
    rng = np.random.default_rng(4)
    sizes = 4 + np.arange(60) % 20
    data = pd.DataFrame({"g": np.repeat([f"g{i}" for i in range(60)], sizes)})
    data["x"] = (
        rng.normal(size=len(data)) if distinct else np.concatenate([np.arange(float(s)) for s in sizes])
    )
    codes = np.repeat(np.arange(60), sizes)
    Y = rng.normal(size=(5, len(data))) + rng.normal(size=(5, 60))[:, codes] * data["x"].to_numpy()
    pooled = mm.fit_many("y ~ x + (x | g)", data, Y, reml=reml)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "LARGEST_BLOCK", 0)
        general = mm.fit_many("y ~ x + (x | g)", data, Y, reml=reml)
    assert pooled.converged.all()
    assert pooled.criterion == pytest.approx(general.criterion, abs=1e-8)
    assert pooled.theta == pytest.approx(general.theta, abs=1e-6)
    df, df0 = (fits.coefficients()["df"].to_numpy() for fits in (pooled, general))
    assert df == pytest.approx(df0, rel=1e-6)
    for i in range(2):
        oracle = mm.profiled_criterion(pooled.matrices, pooled.theta[i], Y[i], reml)
        assert pooled.criterion[i] == pytest.approx(oracle.criterion, abs=1e-8)


def test_several_minima_of_a_small_crossed_design():
    """With five levels a factor, one start misses the best of several minima now and then."""
    data = mm.cross(s=5, i=5).data
    data["x"] = (np.arange(25) % 2) - 0.5
    rng = np.random.default_rng(2)
    Y = rng.normal(size=(150, 25)) + rng.normal(size=(150, 5))[:, np.arange(25) // 5] * data["x"].to_numpy()
    fits = mm.fit_many("y ~ x + (x | s) + (x | i)", data, Y)
    assert fits.converged.all()
    for i in range(0, 150, 50):
        start = [0.3, 0.0, 2.0, 2.0, 0.0, 0.3]
        _, oracle = mm.minimise_criterion(fits.matrices, Y[i], start=start)
        assert fits.criterion[i] < oracle.criterion + OPTIMUM


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "formula", ["y ~ x + (x | g)", "y ~ 0 + x + (x | g)", "y ~ 1 + (1 | g) + (0 + x | g)"]
)
def test_numba_changes_nothing(formula, reml):
    """The one switch: the same numbers to rounding, with it and without."""
    pytest.importorskip("numba")
    rng = np.random.default_rng(6)
    sizes = rng.integers(3, 12, 41)
    data = pd.DataFrame(
        {"g": np.repeat([f"g{i}" for i in range(41)], sizes), "x": rng.normal(size=sizes.sum())}
    )
    Y = rng.normal(size=(60, len(data))) + rng.normal(size=(60, 41))[:, np.repeat(np.arange(41), sizes)]
    plain = mm.fit_many(formula, data, Y, reml=reml)
    fast.use_numba(True)
    try:
        assert fast.numba_is_on()
        compiled = mm.fit_many(formula, data, Y, reml=reml)
    finally:
        fast.use_numba(False)
    assert compiled.converged.all()
    assert compiled.criterion == pytest.approx(plain.criterion, abs=1e-9)
    assert compiled.theta == pytest.approx(plain.theta, abs=1e-6)
    one, two = (fits.coefficients() for fits in (compiled, plain))
    assert one["df"].to_numpy() == pytest.approx(two["df"].to_numpy(), rel=1e-6)
    assert one["p"].to_numpy() == pytest.approx(two["p"].to_numpy(), abs=1e-9)
