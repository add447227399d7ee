"""Designs: balance as asked for, refusals in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmhelpers as mm


def counts(design, *names):
    return design.data.groupby(list(names), observed=True).size()


def test_sleepstudy_is_one_sentence():
    design = mm.cross(subject=18, day=range(10))
    assert len(design) == 180
    assert design.units == ("subject",)
    assert list(design.data.subject.cat.categories[:2]) == ["subject01", "subject02"]
    assert design.data.day.tolist() == list(range(10)) * 18
    assert counts(design, "subject", "day").eq(1).all()


def test_levels_keep_the_order_given():
    design = mm.cross(dose=["none", "low", "high"], g=2)
    assert list(design.data.dose.cat.categories) == ["none", "low", "high"]
    assert not design.data.dose.cat.ordered
    matrices = mm.build_matrices("y ~ dose", design.data, response=False)
    assert matrices.x_names == ("(Intercept)", "doselow", "dosehigh")


def test_within_and_cross_repeat_between_does_not():
    design = mm.cross(subject=6, item=4).within("subject", cond=["a", "b"]).between("subject", age=["y", "o"])
    assert len(design) == 48
    assert counts(design, "subject", "item", "cond").eq(1).all()
    assert design.data.groupby("subject", observed=True).age.nunique().eq(1).all()
    assert design.data.drop_duplicates("subject").age.value_counts().to_dict() == {"y": 3, "o": 3}
    table = design.variables().set_index("variable")
    assert table.loc["cond", "varies"] == "within subject, within item"
    assert table.loc["age", "varies"] == "between subject, within item"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_between_is_balanced_over_combinations(per_cell, a, b, seed):
    n = per_cell * a * b
    factors = {"a": [f"a{i}" for i in range(a)], "b": [10 * i for i in range(b)]}
    for rng in (None, np.random.default_rng(seed)):
        design = mm.cross(subject=n, day=range(2)).between("subject", rng=rng, **factors)
        assert counts(design, "a", "b").eq(2 * per_cell).all()
        assert len(counts(design, "a", "b")) == a * b


def test_nesting_numbers_through_or_anew():
    design = mm.cross(site=3).nest(bag=3, within="site").nest(oyster=10, within="bag")
    assert len(design) == 90
    assert design.data.bag.nunique() == 9
    assert design.data.groupby("bag", observed=True).site.nunique().eq(1).all()
    anew = mm.cross(site=3).nest(bag=3, within="site", labels="repeated")
    assert anew.data.bag.nunique() == 3
    # the same model, whichever way the bags are labelled
    one = mm.build_matrices("y ~ 1 + (1 | site/bag)", design.data, response=False)
    two = mm.build_matrices(
        "y ~ 1 + (1 | site/bag)", anew.nest(oyster=10, within=("site", "bag")).data, response=False
    )
    assert [t.n_levels for t in one.terms] == [t.n_levels for t in two.terms] == [9, 3]
    assert (
        len(set(zip(one.terms[0].index, two.terms[0].index, strict=True))) == 9
    )  # the same partition of rows


def test_nesting_in_a_crossed_design_keeps_the_bags():
    design = mm.cross(site=2, day=range(3)).nest(bag=2, within="site")
    assert len(design) == 12
    assert counts(design, "bag", "day").eq(1).all()
    assert counts(design, "bag").eq(3).all()


def test_unbalanced_nesting():
    design = mm.cross(site=3).nest(bag=[1, 2, 4], within="site")
    assert counts(design, "site").tolist() == [1, 2, 4]
    assert design.data.bag.nunique() == 7


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(1, 3), st.integers(1, 3))
def test_latin_square_balances_both_margins(k, subjects, items):
    levels = [f"c{i}" for i in range(k)]
    design = mm.cross(subject=k * subjects, item=k * items).latin_square("subject", "item", cond=levels)
    assert len(design) == k * k * subjects * items
    assert counts(design, "subject", "cond").eq(items).all()
    assert counts(design, "item", "cond").eq(subjects).all()
    assert len(counts(design, "subject", "cond")) == k * k * subjects


def test_covariates_belong_to_their_unit():
    rng = np.random.default_rng(2)
    design = mm.cross(subject=40, day=range(3)).covariate("subject", age=("normal", 40, 10), rng=rng)
    design = design.covariate(noise=lambda rng, n: rng.uniform(size=n), rng=rng)
    design = design.covariate("day", hours=[8, 6, 3])
    assert design.data.groupby("subject", observed=True).age.nunique().eq(1).all()
    assert design.data.noise.nunique() == 120
    assert design.data.hours.tolist()[:3] == [8, 6, 3]
    assert design.fresh == ()
    again = mm.cross(subject=40, day=range(3)).covariate(
        "subject", age=("normal", 40, 10), rng=np.random.default_rng(2)
    )
    np.testing.assert_array_equal(again.data.age, design.data.age)


def test_fresh_covariates_are_drawn_anew():
    rng = np.random.default_rng(2)
    design = mm.cross(subject=4, day=range(3)).covariate("subject", x=("uniform",), rng=rng, fresh=True)
    redrawn = design.redraw(rng)
    assert not np.any(redrawn.data.x == design.data.x)
    assert redrawn.data.groupby("subject", observed=True).x.nunique().eq(1).all()


def test_missing_rows_go():
    design = mm.cross(subject=10, day=range(10))
    rng = np.random.default_rng(0)
    assert len(design.missing(0.13, rng=rng)) == 87
    assert len(design.missing(n=3, rng=rng)) == 97
    dropouts = design.missing(where="day > 5 and subject == 'subject03'")
    assert counts(dropouts, "subject")["subject03"] == 6
    gone = design.missing(where="subject == 'subject01'")
    assert gone.data.subject.cat.categories.tolist()[0] == "subject02"
    assert len(design) == 100  # a verb changes nothing that is there


def test_assign_adds_columns():
    design = mm.cross(subject=2, cond=["a", "b"]).assign(x=lambda d: (d.cond == "b") - 0.5)
    assert isinstance(design.data, pd.DataFrame)
    assert design.data.x.tolist() == [-0.5, 0.5, -0.5, 0.5]


CROSSED = mm.cross(subject=6, item=4)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mm.cross(), "name a factor and its levels"),
        (lambda: mm.cross(subject=0), "give at least one level"),
        (lambda: mm.cross(subject=True), "a number of levels, a range or a list"),
        (lambda: mm.cross(subject=2.5), "a number of levels, a range or a list"),
        (lambda: mm.cross(cond="ab"), "a number of levels, a range or a list"),
        (lambda: mm.cross(cond=[]), "cond has no levels"),
        (lambda: mm.cross(cond=["a", "a"]), "cond has a level twice"),
        (lambda: mm.cross(x=[0, np.nan]), "infinite or not a number"),
        (lambda: CROSSED.cross(item=3), "has a 'item' already"),
        (lambda: CROSSED.within("subjects", cond=["a"]), "no 'subjects'; did you mean 'subject'"),
        (lambda: CROSSED.between("bag", cond=["a"]), "no 'bag'; it has subject, item"),
        (lambda: CROSSED.between("subject"), "name a factor"),
        (
            lambda: CROSSED.between("item", age=["y", "m", "o"]),
            "4 levels of item cannot be shared out equally",
        ),
        (lambda: CROSSED.between("item", age=["y", "m", "o"]), "take 3 or 6, or allow it with unequal=True"),
        (
            lambda: CROSSED.between("item", age=list("abcde")),
            "cannot take 5 levels of age: some would have none",
        ),
        (lambda: CROSSED.between("subject", a=["1", "2"], b=["1", "2"]), "4 levels of a x b"),
        (
            lambda: CROSSED.latin_square("subject", "item", cond=["a", "b", "c"]),
            "4 levels of item cannot be shared",
        ),
        (
            lambda: CROSSED.latin_square("subject", "item", cond=list("abcd")),
            "6 levels of subject cannot be shared",
        ),
        (lambda: CROSSED.latin_square("subject", "item"), "takes one factor"),
        (
            lambda: mm.cross(site=2).nest(bag=2, within="site").latin_square("site", "bag", t=["a", "b"]),
            "every site to meet every bag; here 4 of 8 pairs occur",
        ),
        (lambda: CROSSED.nest(bag=0, within="item"), "a whole number of at least 1"),
        (lambda: CROSSED.nest(bag=[1, 2], within="item"), "2 numbers for 4 levels of item"),
        (lambda: CROSSED.nest(bag=1, box=2, within="item"), "one new unit at a time"),
        (lambda: CROSSED.nest(bag=1, within="item", labels="no"), "labels must be"),
        (lambda: CROSSED.covariate("subject", age=("normal", 40, 10)), "age is drawn at random: give rng"),
        (lambda: CROSSED.covariate("subject", age=("gauss", 40), rng=RNG), "no distribution 'gauss'"),
        (lambda: CROSSED.covariate("subject", age=[1, 2]), r"shape \(2,\) for 6 levels of subject"),
        (lambda: CROSSED.covariate(age=["old"]), "give numbers, a distribution"),
        (lambda: CROSSED.missing(), "needs one of"),
        (lambda: CROSSED.missing(0.1), "need rng="),
        (lambda: CROSSED.missing(1.0, rng=RNG), "from 0 to below 1"),
        (lambda: CROSSED.missing(n=24, rng=RNG), "24 of 24 rows cannot be missing"),
        (lambda: CROSSED.missing(where="days > 3"), "cannot be evaluated on the columns"),
        (lambda: CROSSED.missing(where="item == item"), "all rows would be missing"),
    ],
)
def test_the_impossible_is_refused_in_words(make, words):
    with pytest.raises(mm.DesignError, match=words):
        make()
