"""Studies: rates against closed forms, rows against fits made alone, counts, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm
from mmhelpers.studies import binomial_interval, content_hash, outcome
from mmhelpers.studies.effect import bind_model
from mmhelpers.studies.plan import Plan, make_plan, plan_from
from mmhelpers.studies.rates import stopping_se

# Monte Carlo standard errors between a rate and its closed form (the seeds are fixed: it passes or not for good)
SIGMAS = 4.0
# p-values of a fit made alone and in a batch: the optimum is known to 1e-8 in theta or so
ALONE = 1e-6
COLUMNS = ["model", "test", "alpha", "rate", "se", "lower", "upper", "n", "failed", "singular"]

SLEEP = mm.cross(Subject=18, Days=range(10))
MODELS = {"slope-less": "y ~ Days + (1 | Subject)", "maximal": "y ~ Days + (Days | Subject)"}
SMALL = mm.cross(g=6, x=range(4))
PLAIN = mm.Truth("y ~ x + (1 | g)", beta=[1, 0], sd={"g": 1}, sigma=1)
ONE = {"intercepts": "y ~ x + (1 | g)"}


def slopes(sd: float, beta: float = 0.0) -> mm.Truth:
    return mm.Truth(
        "y ~ Days + (Days | Subject)", beta=[251, beta], sigma=25.6,
        sd={"Subject": {"(Intercept)": 24.7, "Days": sd}}, corr={"Subject": 0.07},
    )  # fmt: skip


# ---- rates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sd", [0.0, 3.0, 5.92])
def test_type1_meets_the_closed_forms(sd):
    table = mm.type1(SLEEP, slopes(sd), MODELS, effect="Days", n_rep=4000, seed=11)
    assert table.columns.tolist() == COLUMNS
    exact = {
        ("slope-less", test): float(mm.exact.type1_slopeless(18, 10, 82.5, sd**2, 25.6**2, test=kind))
        for test, kind in (("satterthwaite", "F"), ("wald", "z"), ("lrt", "LRT"))
    }
    if sd > 5:  # the closed form of the maximal model is for fits that are not singular
        exact |= {
            ("maximal", test): float(mm.exact.type1_maximal(18, test=kind))
            for test, kind in (("satterthwaite", "F"), ("wald", "z"), ("lrt", "LRT"))
        }
    for row in table.itertuples():
        assert row.n == 4000
        assert row.failed == 0
        assert row.lower < row.rate < row.upper
        if (row.model, row.test) in exact:
            expected = exact[row.model, row.test]
            assert abs(row.rate - expected) < SIGMAS * np.sqrt(expected * (1 - expected) / row.n)


def test_a_between_subject_effect_is_harmless_without_slopes():
    design = mm.cross(s=12).between("s", group=["a", "b"]).cross(day=range(4))
    truth = mm.Truth(
        "y ~ group + day + (day | s)", beta=[0, 0, 0.5], sd={"s": {"(Intercept)": 2, "day": 1}}, sigma=1
    )
    table = mm.type1(design, truth, {"intercepts": "y ~ group + day + (1 | s)"}, "group", n_rep=4000, seed=3)
    for row in table.itertuples():
        kind = {"satterthwaite": "F", "wald": "z", "lrt": "LRT"}[row.test]
        expected = float(mm.exact.type1_between(12, test=kind))
        assert abs(row.rate - expected) < SIGMAS * np.sqrt(expected * (1 - expected) / row.n)


def test_power_of_the_paired_t_test():
    design = mm.over(lambda n: mm.cross(s=n).within("s", cond=["a", "b"]), n=[8, 20])
    truth = mm.Truth("y ~ cond + (1 | s)", beta=[0, 0.8], sd={"s": 3}, sigma=1)
    table = mm.power(design, truth, {"intercepts": "y ~ cond + (1 | s)"}, "cond", n_rep=4000, seed=5)
    assert table.columns.tolist() == ["design", *COLUMNS, "wrong_sign", "exaggeration"]
    wide = mm.spread(table)
    for row in wide.itertuples():
        shown = table.loc[row.Index]
        n_subjects = int(str(shown["design"]).removeprefix("n="))
        ncp, df = 0.8 * np.sqrt(n_subjects / 2), n_subjects - 1
        crit = stats.t.ppf(0.975, df)
        expected = stats.nct.sf(crit, df, ncp) + stats.nct.cdf(-crit, df, ncp)
        assert abs(shown["rate"] - expected) < SIGMAS * np.sqrt(expected * (1 - expected) / shown["n"])
    # Gelman & Carlin: the less power, the more a significant estimate exaggerates
    assert wide.exaggeration.iloc[0] > wide.exaggeration.iloc[1] > 1
    assert wide.wrong_sign.max() < 0.01


def test_intervals_are_those_of_the_literature():
    low, high = binomial_interval([0, 3, 10], 10)  # Wilson (1927); Newcombe (1998) prints such values
    assert np.allclose(low, [0, 0.1078, 0.7225], atol=5e-5)
    assert np.allclose(high, [0.2775, 0.6032, 1], atol=5e-5)
    low, high = binomial_interval([0, 3, 10], 10, kind="clopper-pearson")
    for hits, one, two in zip([0, 3, 10], low, high, strict=True):
        exact = stats.binomtest(hits, 10).proportion_ci(method="exact")
        assert np.allclose([one, two], [exact.low, exact.high])
    assert np.isnan(binomial_interval(0, 0)[0])


def test_rates_name_their_denominator():
    # rare successes: many data sets have none at all, and no model can be fitted to a constant
    design = mm.cross(g=5, x=range(4))
    truth = mm.Truth("y ~ x + (1 | g)", beta=[-4, 0], sd={"g": 0.1}, family=mm.Binomial(1))
    table = mm.type1(design, truth, ONE, "x", tests=("satterthwaite", "wald"), n_rep=300, seed=2)
    rows = table.attrs["rows"]
    data = mm.simulate(design, truth, 300, seed=int(rows.seed[0]))
    constant = int((np.ptp(data, axis=1) == 0).sum())
    assert constant > 100
    assert table.failed.tolist() == [constant, constant]
    assert table.n.tolist() == [300 - constant] * 2
    failed = rows[~rows.converged]
    assert (failed.message != "").all()
    assert failed.p.isna().all()
    one = rows[rows.test == "wald"]
    hits, singular = (one.p < 0.05).sum(), (one.singular & one.converged).sum()
    assert table.rate[1] == hits / (300 - constant)
    assert table.singular[1] == singular
    assert table.se[1] == pytest.approx(np.sqrt(table.rate[1] * (1 - table.rate[1]) / table.n[1]))


def test_several_levels_make_several_rows():
    table = mm.type1(SMALL, PLAIN, ONE, "x", alpha=(0.01, 0.05, 0.1), tests="wald", n_rep=200, seed=1)
    assert table.alpha.tolist() == [0.01, 0.05, 0.1]
    assert table.rate.is_monotonic_increasing


# ---- rows -----------------------------------------------------------------------------------------

CASES = {
    "slopes left out": (SLEEP, slopes(5.92), {**MODELS}, "Days"),
    "autocorrelated": (
        mm.cross(g=5, time=range(8)),
        mm.Truth("y ~ time + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1,
                 correlation=mm.AR1(0.6, within="g", time="time")),
        {"independent": "y ~ time + (1 | g)"}, "time",
    ),
    "unequal variances": (
        mm.cross(g=8).between("g", arm=["a", "b"]).cross(i=range(3)),
        mm.Truth("y ~ arm + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1,
                 variance=mm.VarIdent("arm", {"a": 1, "b": 3})),
        {"equal": "y ~ arm + (1 | g)"}, "arm",
    ),
    "crossed": (
        mm.cross(s=6, i=6).latin_square("s", "i", cond=["a", "b"]),
        mm.Truth("y ~ cond + (cond | s) + (1 | i)", beta=[0, 0], sigma=1,
                 sd={"s": {"(Intercept)": 1, "condb": 0.5}, "i": 1}),
        {"intercepts": "y ~ cond + (1 | s) + (1 | i)", "no items": "y ~ cond + (1 | s)", "ls": "y ~ cond"},
        "cond",
    ),
    "three levels": (
        mm.cross(s=8, dose=["none", "low", "high"], r=2),
        mm.Truth("y ~ dose + (1 | s)", beta=[0, 0, 0], sd={"s": 1}, sigma=1),
        {"intercepts": "y ~ dose + (1 | s)", "maximal": "y ~ dose + (dose | s)"}, "dose",
    ),
}  # fmt: skip
TESTS = ("satterthwaite", "kenward-roger", "wald", "lrt")


@pytest.mark.parametrize("case", CASES)
def test_every_row_is_that_of_a_fit_made_alone(case):
    design, truth, models, effect = CASES[case]
    rows = mm.study(design, truth, models, effect, TESTS, n_rep=6, seed=8)
    assert len(rows) == 6 * len(models) * len(TESTS)
    assert rows.columns.tolist()[:6] == ["design", "truth", "rep", "seed", "model", "test"]
    assert rows.converged.all()
    Y = mm.simulate(design, truth, 6, seed=int(rows.seed[0]))
    for (rep, label), part in rows.groupby(["rep", "model"], observed=True):
        data = design.data.assign(y=Y[rep])
        fit = mm.fit(models[label], data)
        for row in part.itertuples():
            assert row.p == pytest.approx(alone(fit, models[label], data, effect, row.test), abs=ALONE)
            assert row.singular == fit.singular or row.test == "lrt"


def alone(fit: mm.Fit, formula: str, data: pd.DataFrame, effect: str, test: str) -> float:
    """The p-value by the package's functions for one fit."""
    columns = bind_model(formula, data, effect).columns
    if test == "lrt":
        rest = " + ".join(["1", *formula.split("~")[1].split(" + ")[1:]])
        table = mm.compare(mm.fit(f"y ~ {rest}", data), fit)
        return float(table.p.iloc[1])
    L = np.eye(fit.matrices.p)[columns]
    if len(columns) == 1:
        return float(mm.contrast(fit, L, ddf=test).p.iloc[0])
    return float(mm.contrast(fit, L, ddf=test, joint=True).p.iloc[0])


def test_missing_cells_are_lost_at_random_and_left_out():
    rows = mm.study(
        SMALL, PLAIN, ONE, "x", ("satterthwaite", "kenward-roger"), n_rep=20, seed=4, missing=0.25
    )
    seen = set()
    for i in range(0, 40, 8):
        again = mm.replay(rows, i)
        assert len(again.data) == 18  # of 24
        seen.add(tuple(zip(again.data.g, again.data.x, strict=True)))
        mine = rows.iloc[i]
        assert mine.p == pytest.approx(
            again.fits["intercepts"].coefficients("satterthwaite").p["x"], abs=ALONE
        )
    assert len(seen) == 5


def test_random_covariates_are_drawn_anew():
    rng = np.random.default_rng(1)
    design = SMALL.covariate("g", age=("normal", 40, 10), rng=rng, fresh=True)
    truth = mm.Truth("y ~ age + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1)
    rows = mm.study(design, truth, {"m": "y ~ age + (1 | g)"}, "age", n_rep=5, seed=6)
    data = list(mm.replicates(design, truth, 5, seed=int(rows.seed[0])))
    for i in range(5):
        again = mm.replay(rows, i)
        assert again.data.equals(data[i])
        assert rows.p[i] == pytest.approx(
            mm.fit("y ~ age + (1 | g)", data[i]).coefficients().p["age"], abs=ALONE
        )
    assert len({d.age.iloc[0] for d in data}) == 5


def test_any_row_can_be_replayed_alone():
    truths = {str(sd): slopes(sd) for sd in (0.0, 5.92)}
    rows = mm.study(SLEEP, truths, MODELS, "Days", ("satterthwaite", "lrt"), n_rep=60, seed=9, block=25)
    for i in (0, 101, 239, 240, 333, 479):
        again = mm.replay(rows, i)
        row = rows.iloc[i]
        y = mm.simulate(SLEEP, truths[row.truth], 1, seed=int(row.seed), start=int(row.rep))[0]
        assert np.array_equal(again.data.y, y)  # bit by bit
        same = again.rows[(again.rows.model == row.model) & (again.rows.test == row.test)].iloc[0]
        for name in ("estimate", "se", "df", "statistic", "p"):
            assert same[name] == pytest.approx(row[name], rel=1e-5, abs=ALONE)
        assert set(again.fits) == set(MODELS)
    part = rows[rows.p < 0.01]  # a part of the rows knows where it comes from
    assert mm.replay(part, 0).rows.p.min() < 0.01
    with pytest.raises(IndexError):
        mm.replay(rows, len(rows))
    with pytest.raises(ValueError, match="do not say where"):
        mm.replay(pd.DataFrame({"p": [1.0]}), 0)


def test_cells_share_no_data_and_do_not_depend_on_each_other():
    two = mm.study(SMALL, {"a": PLAIN, "b": PLAIN}, ONE, "x", n_rep=30, seed=1)
    one = mm.study(SMALL, {"a": PLAIN}, ONE, "x", n_rep=30, seed=1)
    a, b = (two[two.truth == name].p.to_numpy() for name in "ab")
    assert np.array_equal(a, one.p)
    assert not np.isclose(a, b).any()


def test_more_data_sets_begin_with_the_same():
    few = mm.study(SMALL, PLAIN, ONE, "x", n_rep=100, seed=1, block=50)
    many = mm.study(SMALL, PLAIN, ONE, "x", n_rep=150, seed=1, block=50)
    assert content_hash(few) == content_hash(many.iloc[:100])
    other = mm.study(SMALL, PLAIN, ONE, "x", n_rep=100, seed=2, block=50)
    assert not np.isclose(few.p, other.p).any()


def test_tables_with_rows_behind_them_can_be_put_together():
    tables = [mm.type1(SMALL, PLAIN, ONE, "x", tests="wald", n_rep=50, seed=s) for s in (1, 2)]
    both = pd.concat(tables)
    assert len(both) == 2
    assert tables[0].round(2).attrs["rows"] is tables[0].attrs["rows"]


# ---- precision ------------------------------------------------------------------------------------


def test_a_cell_ends_when_its_rates_are_known_well_enough():
    wanted = 0.012
    truths = {"0": slopes(0.0), "5.92": slopes(5.92)}
    models = {"slope-less": MODELS["slope-less"]}
    rows = mm.study(SLEEP, truths, models, "Days", n_rep=5000, seed=1, block=100, precision=wanted)
    whole = mm.study(SLEEP, truths, models, "Days", n_rep=5000, seed=1, block=100)
    ends = {}
    for name in truths:
        p = whole[whole.truth == name].p.to_numpy()
        n = np.arange(100, 5001, 100)
        se = stopping_se([(p[:m] < 0.05).sum() for m in n], n)
        ends[name] = int(n[np.argmax(se <= wanted)])
        mine = rows[rows.truth == name].p.to_numpy()
        assert len(mine) == ends[name]
        assert np.array_equal(mine, p[: len(mine)])
    assert ends["0"] < ends["5.92"] < 5000  # the larger rate takes longer
    assert (mm.rates(rows).se <= wanted).all()


def test_the_first_block_to_satisfy_is_the_last_whatever_came_first():
    from mmhelpers.studies.run import Ledger

    plan = make_plan(SMALL, PLAIN, ONE, "x", n_rep=2000, seed=1, block=100, precision=0.02)
    frames = [plan.cells[0].rows(i, 100) for i in range(20)]
    ends = set()
    for seed in range(10):
        ledger = Ledger(plan)
        for i in np.random.default_rng(seed).permutation(20):
            ledger.enter(0, int(i), frames[i])
        ends.add(ledger.limit[0])
    assert len(ends) == 1
    assert 1 < ends.pop() < 20


# ---- other analyses -------------------------------------------------------------------------------


class SubjectMeans:
    """A t test on the slopes of the subjects: what a maximal model amounts to in a balanced design."""

    def analyse(self, frame, Y, effect, tests):
        x = frame[effect].to_numpy(dtype=float)
        codes = frame["Subject"].cat.codes.to_numpy()
        b = np.stack([Y[:, codes == k] @ (x[codes == k] - x.mean()) for k in range(18)], axis=1)
        t, p = stats.ttest_1samp(b, 0, axis=1)
        return [outcome("t", p, statistic=t, df=17.0)]


def test_an_analysis_of_ones_own_stands_beside_the_models():
    models = {"maximal": MODELS["maximal"], "slopes, t test": SubjectMeans()}
    rows = mm.study(SLEEP, slopes(5.92), models, "Days", n_rep=50, seed=1)
    mixed, own = (rows[rows.model == name].reset_index(drop=True) for name in models)
    regular = ~mixed.singular
    assert regular.sum() > 40
    assert np.allclose(mixed.p[regular], own.p[regular], atol=ALONE)
    assert set(own.test) == {"t"}


def test_outcomes_are_checked():
    with pytest.raises(ValueError, match="between 0 and 1"):
        outcome("F", [1.2])
    with pytest.raises(ValueError, match="messages"):
        outcome("F", [0.2, 0.3], message=["one"])


# ---- plans as plain data --------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_plan_comes_back_from_its_record(case):
    design, truth, models, effect = CASES[case]
    plan = make_plan(design, {"t": truth}, models, effect, n_rep=10, seed=1)
    again = plan_from(plan.record)
    assert isinstance(again, Plan)
    assert again.key == plan.key
    one, two = plan.cells[0].rows(0, 5), again.cells[0].rows(0, 5)
    assert content_hash(one) == content_hash(two)


# ---- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_rep": 0}, "n_rep"),
        ({"n_rep": 1.5}, "n_rep"),
        ({"seed": -1}, "seed"),
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": []}, "alpha"),
        ({"precision": 2}, "precision"),
        ({"tests": ("t",)}, "tests: there is no 't'"),
        ({"tests": ()}, "tests"),
        ({"effect": "z"}, "has no 'z'; it has x"),
        ({"effect": ""}, "effect"),
        ({"models": {}}, "models"),
        ({"models": "y ~ x + (1 | g)"}, "models"),
        ({"models": {"a": "y ~ w + (1 | g)"}}, "w"),
        ({"models": {"a": 3}}, "formula"),
        ({"designs": {}}, "designs"),
        ({"designs": 3}, "design must be"),
        ({"truths": None}, "truths"),
        ({"truths": 3}, "Truth"),
        ({"missing": 1.0}, "missing"),
        ({"executor": 0}, "executor"),
        ({"executor": "many"}, "executor"),
        ({"executor": 2.5}, "executor"),
        ({"generator": "barr2013"}, "leave designs"),
        ({"cells": {"a": {}}}, "cells"),
    ],
)
def test_arguments_are_checked_before_anything_runs(change, words):
    arguments = {
        "designs": SMALL, "truths": PLAIN, "models": ONE, "effect": "x", "n_rep": 10, "seed": 1
    } | change  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=words):
        mm.study(**arguments)


def test_type1_and_power_know_which_is_which():
    found = mm.Truth("y ~ x + (1 | g)", beta=[0, 0.5], sd={"g": 1}, sigma=1)
    with pytest.raises(ValueError, match=r"x is 0.5 there"):
        mm.type1(SMALL, found, ONE, "x", n_rep=10, seed=1)
    with pytest.raises(ValueError, match=r"mm.type1"):
        mm.power(SMALL, PLAIN, ONE, "x", n_rep=10, seed=1)
    without = mm.Truth("y ~ 1 + (1 | g)", beta=[0], sd={"g": 1}, sigma=1)  # an effect that is not there is 0
    assert len(mm.type1(SMALL, without, ONE, "x", n_rep=10, seed=1)) == 3


def test_names_of_a_grid_become_columns():
    with pytest.raises(ValueError, match="key=value"):
        mm.spread(pd.DataFrame({"design": ["a"]}))
    with pytest.raises(ValueError, match="no column"):
        mm.spread(pd.DataFrame({"rate": [1]}))
    with pytest.raises(ValueError, match="sequence"):
        mm.over(lambda n: n, n=[])


# ---- statistics instead of data -------------------------------------------------------------------

UNEQUAL = (
    mm.cross(g=9, x=range(5)).missing(n=6, rng=np.random.default_rng(3)).covariate("g", z=list(range(9)))
)
LAWS = {
    "balanced": (SLEEP, slopes(4.0), MODELS, "Days"),
    "unbalanced": (
        UNEQUAL,
        mm.Truth("y ~ x + z + (x | g)", beta=[0, 0, 0], sd={"g": {"(Intercept)": 1, "x": 0.4}}, sigma=1),
        {"slope-less": "y ~ x + z + (1 | g)", "maximal": "y ~ x + z + (x | g)", "ls": "y ~ x + z"}, "x",
    ),
    "three levels": CASES["three levels"],
}  # fmt: skip
# two-sample Kolmogorov-Smirnov, one of some 30 comparisons with fixed seeds
KS_P = 1e-3


@pytest.mark.parametrize("law", LAWS)
def test_statistics_have_the_law_of_the_data(law):
    design, truth, models, effect = LAWS[law]
    tests = ("satterthwaite", "wald", "lrt")
    n_rep = 3000 if law == "balanced" else 1200
    data = mm.study(design, truth, models, effect, tests, n_rep=n_rep, seed=21)
    drawn = mm.study(design, truth, models, effect, tests, n_rep=n_rep, seed=22, statistics=True)
    assert drawn.columns.tolist() == data.columns.tolist()
    for key, one in data.groupby(["model", "test"], observed=True):
        two = drawn[(drawn.model == key[0]) & (drawn.test == key[1])]
        for name in ("p", "statistic", *(["estimate", "se"] if effect != "dose" else [])):
            assert stats.ks_2samp(one[name], two[name]).pvalue > KS_P, (key, name)
        a, b = one.singular.mean(), two.singular.mean()
        assert abs(a - b) <= SIGMAS * np.sqrt((a * (1 - a) + b * (1 - b)) / n_rep) + 1e-9
    # tests of one data set belong together, whether they are from data or from statistics
    wide = [
        rows.pivot(index="rep", columns=["model", "test"], values="p").corr("spearman")
        for rows in (data, drawn)
    ]
    assert np.abs(wide[0] - wide[1]).to_numpy().max() < 6 * np.sqrt(2 / n_rep)


def test_many_statistics_meet_the_closed_form():
    rows = mm.study(
        SLEEP, slopes(5.92), {"m": MODELS["slope-less"]}, "Days", n_rep=60_000, seed=1, statistics=True
    )
    expected = float(mm.exact.type1_slopeless(18, 10, 82.5, 5.92**2, 25.6**2))
    found = mm.rates(rows).iloc[0]
    assert abs(found.rate - expected) < SIGMAS * found.se
    assert found.se < 0.002


def test_rows_from_statistics_are_replayed_by_their_block():
    rows = mm.study(SLEEP, slopes(5.92), MODELS, "Days", n_rep=150, seed=1, statistics=True, block=100)
    again = mm.replay(rows, 250)
    assert again.data is None
    assert again.rows.p.tolist() == rows[rows.rep == rows.rep[250]].p.tolist()


@pytest.mark.parametrize("case", ["crossed", "autocorrelated", "unequal variances"])
def test_statistics_are_refused_where_they_are_not_enough(case):
    design, truth, models, effect = CASES[case]
    with pytest.raises(ValueError, match="statistics: .*draw data"):
        mm.study(design, truth, models, effect, n_rep=10, seed=1, statistics=True)


def test_statistics_need_the_same_design_and_mixed_models():
    for more in ({"missing": 0.1}, {"models": {"t": SubjectMeans()}}):
        arguments = {"models": MODELS} | more
        with pytest.raises(ValueError, match="statistics: .*draw data"):
            mm.study(SLEEP, slopes(1.0), effect="Days", n_rep=10, seed=1, statistics=True, **arguments)
