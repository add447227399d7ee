"""Bad input in words, missing rows, new data and dimensions of model matrices."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmhelpers as mm
from mmhelpers.model.columns import independent_columns
from mmhelpers.model.contrasts import coding
from mmhelpers.model.parse import parse_formula

# orthonormal columns and differences of ~10 numbers of order 1
ATOL = 1e-12


def data(**extra):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "g": np.repeat(list("abcdef"), 6),
            "x": np.tile(np.arange(6.0), 6),
            "cond": np.tile(["u", "v", "w"], 12),
            "y": rng.normal(size=36),
        }
    )
    return frame.assign(**extra)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ X + (1 | g)", r"no column 'X'; did you mean 'x'"),
        ("y ~ log", "no column 'log'"),
        ("y ~ Sum + x", "no column 'Sum'"),
        ("y ~ conds + (1 | g)", r"no column 'conds'; did you mean 'cond'"),
        ("y ~ x + (1 | subject)", r"no column 'subject'; it has 'g', 'x', 'cond', 'y'"),
        ("Reaction ~ x", r"no column 'Reaction'"),
        ("y ~ x + ", "ends where a term should follow"),
        ("y ~ x + (1 | g", "parenthesis is opened and not closed"),
        ("y ~ `x", "backquote"),
        ("y ~ x + 1 | g", r"from '\|' on: put each random-effects term in parentheses"),
        ("y ~ x * (1 | g)", "must stand in parentheses of its own and be added"),
        ("y ~ x cond", "from 'cond' on: an operator is missing"),
        ("y ~ x + (0 | g)", "has no effects"),
        ("y ~ (1 | g + cond)", r"write two terms, \(1 \| a\) \+ \(1 \| b\)"),
        ("y ~ (offset(x) | g)", "an offset cannot have a random effect"),
        ("y ~ 2 + x", "of numbers, only 0 and 1"),
        ("y ~ x == 2", "from '==' on: wrap a computation in I"),
        ("y ~ x^cond", "positive whole number"),
        ("y = x", "with a tilde"),
        ("y ~ x ~ g", "more than one '~'"),
        ("y ~ x $ g", "unexpected character"),
        ("y ~ .", "no term can begin with '.'"),
        ("x + (1 | g)", "has no response: write one"),
        ("~ x + (1 | g)", "has no response: write one"),
        ("y ~ spline(x)", "calls 'spline', which is not known here"),
        ("y ~ poly(cond, 2)", r"poly\(cond, 2\) cannot be computed"),
        ("", "formula is empty"),
    ],
)
def test_formula_errors_say_what_to_change(formula, words):
    with pytest.raises(mm.FormulaError, match=words):
        mm.build_matrices(formula, data())


def test_formula_must_be_text_and_data_a_frame():
    with pytest.raises(TypeError, match="formula must be a string"):
        mm.build_matrices(3, data())
    with pytest.raises(TypeError, match="data must be a pandas DataFrame, not dict"):
        mm.build_matrices("y ~ x", {"y": [1], "x": [2]})


@pytest.mark.parametrize(
    ("formula", "frame", "words"),
    [
        ("y ~ x", data().iloc[:0], "data has no rows"),
        ("y ~ x", data(y=np.nan), "no complete row is left"),
        ("y ~ x", data(y=np.r_[np.inf, np.arange(35)]), "y is infinite or not a number in 1 of 36 rows"),
        ("log(y) ~ x", data(y=np.arange(36) - 2.0), r"log\(y\) is infinite or not a number in 3 of 36 rows"),
        ("y ~ log(x)", data(), r"log\(x\) is infinite or not a number in 6 of 36 rows \(the first is row 0"),
        ("y ~ x", data(y=1.0), "y is constant"),
        ("cond ~ x", data(), r"holds labels \(u, v, w\), not numbers"),
        ("poly(y, 2) ~ x", data(), "has 2 columns; it must have one"),
        ("y ~ x + one", data(one="a"), r"the factor one has one level \(a\)"),
        ("y ~ x + (one | g)", data(one="a"), r"the factor one has one level \(a\)"),
        ("y ~ when", data(when=pd.Timestamp("2024-01-01")), "holds dates"),
        ("y ~ offset(cond)", data(), "not one column of numbers"),
    ],
)
def test_data_errors_say_what_to_change(formula, frame, words):
    with pytest.raises(ValueError, match=words):
        mm.build_matrices(formula, frame, missing="drop")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ poly(x, 5) + (1 | row)", "row has 36 levels for 36 observations: with one observation a level"),
        ("y ~ 1 + (1 | one)", r"one has one level \(a\).*leave \(1 \| one\) out"),
        ("y ~ 1 + (poly(x, 5) | g)", r"has 36 random effects \(6 for each of 6 levels of g\) for 36"),
        ("y ~ 0 + row + (1 | g)", "36 fixed-effects coefficients for 36 observations"),
    ],
)
def test_what_cannot_be_identified_is_refused_and_can_be_asked_for(formula, words):
    frame = data(row=[f"r{i}" for i in range(36)], one="a")
    with pytest.raises(mm.UnidentifiableError, match=words):
        mm.build_matrices(formula, frame)
    assert mm.build_matrices(formula, frame, check=False).n == 36


def test_duplicate_columns_are_refused():
    doubled = pd.concat([data(), data()[["x"]]], axis=1)
    with pytest.raises(ValueError, match="more than one column called 'x'"):
        mm.build_matrices("y ~ x", doubled)


@pytest.mark.parametrize(
    ("contrasts", "words"),
    [
        ({"Cond": "sum"}, "'Cond' is not a factor of the formula .*; its factors are cond"),
        ({"x": "sum"}, "'x' is not a factor"),
        ({"cond": "summ"}, "'summ' for cond is not known"),
        ({"cond": ("treatment", "z")}, "no level 'z' to refer to; its levels are u, v, w"),
        ({"cond": np.ones((2, 2))}, r"shape \(2, 2\); it needs 3 rows"),
        ({"cond": [[1, 1], [1, 1], [0, 0]]}, "not independent"),
        ({"cond": [["a"], ["b"], ["c"]]}, "a name or a matrix of numbers"),
    ],
)
def test_wrong_contrasts_are_refused(contrasts, words):
    with pytest.raises(ValueError, match=words):
        mm.build_matrices("y ~ cond + x", data(), contrasts)


@pytest.mark.parametrize("l", range(2, 10))
def test_contrast_matrices_by_their_definitions(l):
    levels = [f"l{i}" for i in range(l)]
    poly = coding("poly", levels, "A").matrix
    np.testing.assert_allclose(poly.T @ poly, np.eye(l - 1), atol=ATOL)
    np.testing.assert_allclose(poly.sum(axis=0), 0, atol=ATOL)
    assert (poly[-1] > 0).all()  # leading coefficients are positive
    for j in range(l - 1):  # column j is a polynomial of degree j + 1 in the scores
        assert np.abs(np.diff(poly[:, j], n=j + 2)).max(initial=0) < 1e-10
    helmert = coding("contr.helmert", levels, "A").matrix
    np.testing.assert_array_equal(helmert.T @ helmert, np.diag([i * (i + 1) for i in range(1, l)]))
    assert (coding("sum", levels, "A").matrix.sum(axis=0) == 0).all()
    assert coding("sas", levels, "A").suffixes == tuple(levels[:-1])


def test_contrasts_within_the_formula():
    m = mm.build_matrices('y ~ C(cond, Sum) + C(cond, Treatment("w")):x', data())
    assert m.x_names[:3] == ("(Intercept)", "C(cond, Sum)1", "C(cond, Sum)2")
    assert m.x_names[-1] == 'C(cond, Treatment("w"))w:x'


def test_columns_with_unusual_names_go_in_backquotes():
    frame = data().rename(columns={"cond": "my cond", "x": "log"})
    frame[3] = 1.0
    m = mm.build_matrices("y ~ log + `my cond` + (`my cond` | g)", frame, {"my cond": "sum"})
    assert m.x_names == ("(Intercept)", "log", "`my cond`1", "`my cond`2")
    assert m.terms[0].columns == ("(Intercept)", "`my cond`1", "`my cond`2")
    with pytest.raises(mm.FormulaError, match="no column '3'"):
        mm.build_matrices("y ~ `3`", frame)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        (
            "y ~ x + (1 | g) + (x | g)",
            r"\(1 \| g\) and \(x \| g\) both have the random effect \(Intercept\) of g",
        ),
        ("y ~ x + (1 + x | g) + (0 + x | g)", "random effect x of g"),
        ("y ~ x + (1 | g) + (1 | g)", "tell the sum of the two variances"),
    ],
)
def test_an_effect_in_two_terms_is_warned_of(formula, says):
    with pytest.warns(mm.DoubledEffectWarning, match=says) as seen:
        mm.fit(formula, data())
    assert len(seen) == 1


def test_what_is_no_double_is_not_warned_of():
    frame = data()
    frame["h"] = np.roll(frame["g"].to_numpy(), 5)  # other levels' rows, the same names
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for formula in ("y ~ x + (x || g)", "y ~ x + (1 | g) + (x | h)", "y ~ x + (1 | g) + (0 + x | g)"):
            mm.build_matrices(formula, frame)
        mm.build_matrices("y ~ x + (1 | g) + (x | g)", frame, check=False)  # to simulate from it


def test_missing_rows_are_left_out_and_counted():
    frame = data()
    frame.loc[[2, 7], "y"] = np.nan
    frame.loc[9, "g"] = None
    frame["unused"] = np.nan
    with pytest.warns(
        mm.MissingRowsWarning, match="3 of 36 rows have a missing value in y, g and are left out"
    ):
        m = mm.build_matrices("y ~ x + (1 | g)", frame)
    assert m.n == len(m.rows) == 33
    assert m.n_data == 36
    assert set(range(36)) - set(m.rows.tolist()) == {2, 7, 9}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mm.build_matrices("y ~ x + (1 | g)", frame, missing="drop").n == 33
    with pytest.raises(ValueError, match="3 of 36 rows have a missing value in y, g: fill or drop them"):
        mm.build_matrices("y ~ x + (1 | g)", frame, missing="raise")
    with pytest.raises(ValueError, match="missing must be"):
        mm.build_matrices("y ~ x", frame, missing="pass")
    assert mm.build_matrices("y ~ x", frame, response=False).n == 36  # y's gaps do not matter then


def test_integers_booleans_and_nullable_columns():
    frame = data(n=pd.array([1, 2, 3] * 12, dtype="Int64"), b=np.tile([True, False], 18))
    m = mm.build_matrices("b ~ n + (1 | g)", frame)
    np.testing.assert_array_equal(m.y, np.tile([1.0, 0.0], 18))
    np.testing.assert_array_equal(m.X[:3, 1], [1, 2, 3])
    assert mm.build_matrices("y ~ b", frame).x_names == ("(Intercept)", "bTRUE")


def test_aliased_columns_keep_the_first():
    frame = data(twice=2 * np.tile(np.arange(6.0), 6), zero=0.0)
    m = mm.build_matrices("y ~ x + twice + zero + cond", frame)
    assert m.aliased == ("twice", "zero")
    assert m.x_names == ("(Intercept)", "x", "condv", "condw")
    assert m.assign == (0, 1, 4, 4)
    assert m.x_terms == ("x", "twice", "zero", "cond")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3))
def test_independent_columns_span_what_all_columns_span(seed, free, tied):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(12, free)) * 10.0 ** rng.integers(-6, 7, size=free)
    X = np.hstack([base, base @ rng.normal(size=(free, tied))])
    kept = independent_columns(X)
    assert kept.tolist() == list(range(free))  # the first stay, the ties go


def test_new_data_give_the_same_columns():
    frame = data()
    m = mm.build_matrices("y ~ poly(x, 2) * cond + scale(x) + (x | g) + (1 | g:cond)", frame)
    new = frame.iloc[[30, 4, 17]]
    np.testing.assert_allclose(mm.fixed_matrix(m, new), m.X[[30, 4, 17]], atol=ATOL)
    for (index, z), term in zip(mm.random_rows(m, new), m.terms, strict=True):
        np.testing.assert_array_equal(index, term.index[[30, 4, 17]])
        np.testing.assert_allclose(z, term.z[[30, 4, 17]], atol=ATOL)
    stranger = new.assign(g=["f", "zz", "a"])
    assert [index[1] for index, _ in mm.random_rows(m, stranger)] == [-1, -1]
    with pytest.raises(ValueError, match="cond has the level 'q', which the model has not seen"):
        mm.fixed_matrix(m, new.assign(cond="q"))
    with pytest.raises(ValueError, match="no column 'x'"):
        mm.fixed_matrix(m, new.drop(columns="x"))
    with pytest.raises(ValueError, match="'x' has missing values"):
        mm.fixed_matrix(m, new.assign(x=np.nan))


def test_dimensions_are_those_of_the_lme4_paper():
    m = mm.build_matrices("y ~ x + (x | g) + (1 | cond)", data())
    table = m.dimensions().set_index("symbol")["value"]
    expected = {"n": 36, "p": 2, "q": 15, "k": 2, "m": 4}
    expected |= {"p_1": 2, "l_1": 6, "q_1": 12, "m_1": 3, "p_2": 1, "l_2": 3, "q_2": 3, "m_2": 1}
    assert table.to_dict() == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_permutation_of_rows_permutes_the_matrices(seed):
    frame = data()
    order = np.random.default_rng(seed).permutation(len(frame))
    one = mm.build_matrices("y ~ x * cond + (x || g)", frame)
    two = mm.build_matrices("y ~ x * cond + (x || g)", frame.iloc[order])
    assert one.x_names == two.x_names
    np.testing.assert_array_equal(one.X[order], two.X)
    np.testing.assert_array_equal(one.Z().toarray()[order], two.Z().toarray())


@pytest.mark.parametrize(
    ("bar", "labels"),
    [
        ("(x || g)", ["1 | g", "0 + x | g"]),
        ("(0 + x || g)", ["0 + x | g"]),
        ("(x + z || a/b)", ["1 | b:a", "1 | a", "0 + x | b:a", "0 + x | a", "0 + z | b:a", "0 + z | a"]),
        ("(1 | a/b/c)", ["1 | c:(b:a)", "1 | b:a", "1 | a"]),
        ("(1 | a:b:c)", ["1 | a:b:c"]),
        ("((x | g))", ["x | g"]),
        ("(x | g) + z - 1 + (1 | h)", ["x | g", "1 | h"]),
    ],
)
def test_bars_expand_as_in_lme4(bar, labels):
    assert [b.label for b in parse_formula(f"y ~ {bar}").bars] == labels


def test_fits_add_up_the_effects_of_a_group():
    m = mm.build_matrices("y ~ x + (1 | g) + (0 + x | g) + (1 | cond)", data())
    zeros = np.zeros
    fits = mm.Fits(
        matrices=m,
        reml=True,
        theta=zeros((2, 3)),
        beta=zeros((2, 2)),
        sigma=zeros(2),
        criterion=zeros(2),
        vcov=np.stack([np.diag([4.0, 9.0])] * 2),
        singular=zeros(2, bool),
        converged=zeros(2, bool),
        modes=lambda: (np.ones((2, 6, 1)), np.full((2, 6, 1), 2.0), np.full((2, 3, 1), 3.0)),
    )
    assert fits.n_rep == 2
    np.testing.assert_array_equal(fits.se, [[2, 3], [2, 3]])
    assert {group: a.shape for group, a in fits.ranef.items()} == {"g": (2, 6, 2), "cond": (2, 3, 1)}
    np.testing.assert_array_equal(fits.ranef["g"][1, 4], [1, 2])


def test_theta_of_the_wrong_length_is_refused():
    m = mm.build_matrices("y ~ x + (x | g)", data())
    with pytest.raises(ValueError, match=r"theta has 2 elements, this model has 3: g\.\(Intercept\), "):
        m.Lambda([1.0, 2.0])


def test_a_grouping_factor_with_many_levels_costs_little_memory():
    """Its contrasts would have levels squared numbers; nobody asks for them."""
    import tracemalloc

    import pandas as pd

    levels = 6000
    data = pd.DataFrame({"g": np.repeat(np.arange(levels), 2).astype(str), "y": np.arange(2.0 * levels)})
    tracemalloc.start()
    matrices = mm.build_matrices("y ~ 1 + (1 | g)", data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matrices.q == levels
    assert peak < 40e6  # the contrasts alone would take 288 MB
