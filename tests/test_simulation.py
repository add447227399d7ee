"""Truths that are refused in words; gaussian responses against their closed-form moments; replay."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmhelpers as mm
from mmhelpers.simulation.streams import children

# Moments of simulated responses: at a fixed seed no element is further from its expectation than
# this many standard errors (the largest of ~10,000 standard normals is below 4.5 in 93 of 100 draws,
# and the seed is fixed).
N_SE = 4.8
RTOL = 1e-12

SLEEP = mm.cross(subject=6, day=range(5))
BETA = {"(Intercept)": 250.0, "day": 10.0}
SD = {"subject": {"(Intercept)": 24.0, "day": 6.0}}


def truth(**changes):
    arguments = {
        "formula": "reaction ~ day + (day | subject)",
        "beta": BETA,
        "sd": SD,
        "corr": {"subject": 0.3},
        "sigma": 25.0,
    } | changes
    return mm.Truth(**arguments)


# ---- moments -------------------------------------------------------------------------------------


def assert_moments(Y, mean, V):
    """Mean and covariance of the rows of Y agree with theory within Monte Carlo error."""
    n_rep = len(Y)
    d = np.sqrt(np.diag(V))
    assert np.all(np.abs(Y.mean(axis=0) - mean) < N_SE * d / np.sqrt(n_rep))
    S = (Y - mean).T @ (Y - mean) / n_rep
    se = np.sqrt((V**2 + np.outer(d, d) ** 2) / n_rep)  # of a covariance of normals (Isserlis 1918)
    assert np.all(np.abs(S - V) < N_SE * se)
    # all of it pooled, which sees an error of one per cent in a standard deviation
    n = len(V)
    distances = np.einsum("ri,ij,rj->r", Y - mean, np.linalg.inv(V), Y - mean, optimize=True)
    assert abs(distances.mean() - n) < N_SE * np.sqrt(2 * n / n_rep)


def dense_moments(design, formula, beta, covariances, R):
    """X beta and sum_t Z_t (I x Sigma_t) Z_t' + R, from Z alone."""
    m = mm.build_matrices(formula, design.data, response=False, check=False)
    V = np.array(R, dtype=float)
    for term, cov in zip(m.terms, covariances, strict=True):
        same = term.index[:, None] == term.index[None, :]
        V += same * (term.z @ np.asarray(cov, dtype=float) @ term.z.T)
    return m.X @ beta + (0 if m.offset is None else m.offset), V


CROSSED = mm.cross(subj=4, item=3).within("subj", cond=["a", "b"])
NESTED = mm.cross(site=2).nest(bag=[2, 1], within="site").nest(oyster=3, within="bag")
SERIES = mm.cross(subject=3, day=[5, 1, 2, 9]).missing(where="subject == 'subject2' and day == 2")

n_crossed, n_nested, n_series, n_sleep = len(CROSSED), len(NESTED), len(SERIES), len(SLEEP)
COV = np.array([[24.0**2, 0.3 * 24 * 6], [0.3 * 24 * 6, 36.0]])


def ar1(design, phi, time):
    d = design.data
    t = d[time].to_numpy(float)
    same = d.subject.to_numpy()[:, None] == d.subject.to_numpy()[None, :]
    return np.where(same, phi ** np.abs(t[:, None] - t[None, :]), 0.0)


GAUSSIAN = {
    "slope": (SLEEP, truth(), [250, 10], [COV], 625 * np.eye(n_sleep)),
    "slope, by variances": (
        SLEEP,
        truth(sd=None, var={"subject": {"(Intercept)": 576, "day": 36}}, sigma=None, sigma2=625),
        [250, 10],
        [COV],
        625 * np.eye(n_sleep),
    ),
    "slope, by covariance": (
        SLEEP,
        truth(sd=None, corr=None, cov={"subject": COV}),
        [250, 10],
        [COV],
        625 * np.eye(n_sleep),
    ),
    "slope, by theta": (
        SLEEP,
        truth(sd=None, corr=None, theta=np.linalg.cholesky(COV / 625)[np.tril_indices(2)]),
        [250, 10],
        [COV],
        625 * np.eye(n_sleep),
    ),
    "uncorrelated": (
        SLEEP,
        truth(formula="reaction ~ day + (day || subject)", corr=None),
        [250, 10],
        [[[576]], [[36]]],
        625 * np.eye(n_sleep),
    ),
    "singular": (
        SLEEP,
        truth(corr={"subject": -1}),
        [250, 10],
        [[[576, -144], [-144, 36]]],
        625 * np.eye(n_sleep),
    ),
    "crossed, with an offset": (
        CROSSED,
        mm.Truth(
            "y ~ cond + offset(2 * (cond == 'b')) + (cond | subj) + (1 | item)".replace(
                "2 * (cond == 'b')", "shift"
            ),
            beta=[1, -1],
            sd={"subj": {"(Intercept)": 1, "condb": 2}, "item": 0.5},
            corr={"subj": {("condb", "(Intercept)"): -0.5}},
            sigma=1.5,
        ),
        [1, -1],
        [[[1, -1], [-1, 4]], [[0.25]]],
        2.25 * np.eye(n_crossed),
    ),
    "nested": (
        NESTED,
        mm.Truth("y ~ 1 + (1 | site/bag)", beta=[3], sd={"bag:site": 1, "site": 2}, sigma=1),
        [3],
        [[[1]], [[4]]],
        np.eye(n_nested),
    ),
    "variance by group": (
        CROSSED,
        mm.Truth(
            "y ~ cond",
            beta={"(Intercept)": 1, "condb": 1},
            sigma=2,
            variance=mm.VarIdent("cond", {"a": 1, "b": 3}),
        ),
        [1, 1],
        [],
        np.diag(np.where(CROSSED.data.cond == "b", 36.0, 4.0)),
    ),
    "variance by power": (
        SERIES,
        mm.Truth("y ~ 1", beta=[0], sigma=2, variance=mm.VarPower("day", 0.7)),
        [0],
        [],
        np.diag(4 * SERIES.data.day.to_numpy() ** 1.4),
    ),
    "autoregressive, by time": (
        SERIES,
        mm.Truth(
            "y ~ 1 + (1 | subject)",
            beta=[0],
            sd={"subject": 1},
            sigma=2,
            correlation=mm.AR1(-0.8, within="subject", time="day"),
        ),
        [0],
        [[[1]]],
        4 * ar1(SERIES, -0.8, "day"),
    ),
    "autoregressive and unequal": (
        SLEEP,
        truth(
            formula="reaction ~ day",
            sd=None,
            corr=None,
            variance=mm.VarPower("hours", 0.5),
            correlation=mm.AR1(0.6, within="subject"),
        ),
        [250, 10],
        [],
        625 * ar1(SLEEP, 0.6, "day") * np.sqrt(np.outer(SLEEP.data.day + 1, SLEEP.data.day + 1)),
    ),
}


@pytest.mark.parametrize("name", GAUSSIAN)
def test_moments_are_those_of_the_model(name):
    design, true, beta, covariances, R = GAUSSIAN[name]
    design = design.assign(
        hours=lambda d: d.get("day", 0) + 1, shift=lambda d: 2.0 * (d.get("cond", "a") == "b")
    )
    mean, V = dense_moments(design, true.formula, beta, covariances, R)
    closed_mean, closed_V = mm.marginal_moments(design, true)
    np.testing.assert_allclose(closed_mean, mean, rtol=RTOL)
    np.testing.assert_allclose(closed_V, V, rtol=RTOL, atol=RTOL * V.max())
    assert_moments(mm.simulate(design, true, 20_000, rng=np.random.default_rng(11)), mean, V)
    assert_moments(mm.simulate(design, true, 4_000, seed=12), mean, V)


def test_the_check_of_moments_can_fail():
    mean, V = mm.marginal_moments(SLEEP, truth())
    Y = mm.simulate(SLEEP, truth(), 20_000, rng=np.random.default_rng(11))
    with pytest.raises(AssertionError):
        assert_moments(Y, mean + 0.05 * np.sqrt(np.diag(V)), V)
    with pytest.raises(AssertionError):
        assert_moments(Y, mean, 1.02 * V)


def test_the_effects_are_those_in_the_response():
    quiet = truth(sigma=1e-9)
    Y, effects = mm.simulate(SLEEP, quiet, 3, seed=1, effects=True)
    b = effects["day | subject"]
    assert b.shape == (3, 6, 2)
    day = SLEEP.data.day.to_numpy()
    subject = SLEEP.data.subject.cat.codes.to_numpy()
    np.testing.assert_allclose(Y, 250 + 10 * day + b[:, subject, 0] + b[:, subject, 1] * day, atol=1e-6)


# ---- replay --------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63), st.integers(0, 10**6), st.integers(1, 40))
def test_any_replicate_can_be_drawn_alone(seed, start, n_rep):
    many = mm.simulate(SLEEP, truth(), n_rep, seed=seed, start=start)
    i = n_rep // 2
    np.testing.assert_array_equal(mm.simulate(SLEEP, truth(), seed=seed, start=start + i)[0], many[i])


def test_replay_of_counts_and_of_data_frames():
    counts = mm.Truth(
        "y ~ day + (1 | subject)", beta=[1, 0.1], sd={"subject": 1}, family=mm.NegativeBinomial(2)
    )
    Y = mm.simulate(SLEEP, counts, 30, seed=4)
    np.testing.assert_array_equal(mm.simulate(SLEEP, counts, seed=4, start=17)[0], Y[17])
    frames = list(mm.replicates(SLEEP, counts, 3, seed=4, start=16))
    np.testing.assert_array_equal(frames[1].y, Y[17])
    np.testing.assert_array_equal(mm.simulate_data(SLEEP, counts, seed=4).y, Y[0])


def test_a_longer_run_begins_as_the_shorter_did():
    # 600 replicates are drawn in several chunks
    long = mm.simulate(mm.cross(g=50, rep=20), G, 600, rng=np.random.default_rng(5))
    short = mm.simulate(mm.cross(g=50, rep=20), G, 7, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(long[:7], short)
    assert len(np.unique(long[:, 0])) == 600


G = mm.Truth("y ~ 1 + (1 | g)", beta=[0], sd={"g": 1}, sigma=1)


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    mm.simulate(SLEEP, truth(), 2, seed=1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_matrices_and_frames_give_the_same_as_the_design():
    matrices = mm.build_matrices(truth().formula, SLEEP.data, response=False)
    expected = mm.simulate(SLEEP, truth(), 5, seed=3)
    np.testing.assert_array_equal(mm.simulate(matrices, truth(), 5, seed=3), expected)
    np.testing.assert_array_equal(mm.simulate(SLEEP.data, truth(), 5, seed=3), expected)


def test_fresh_covariates_need_replicates():
    design = mm.cross(subject=30).covariate(
        "subject", x=("normal", 5, 2), rng=np.random.default_rng(1), fresh=True
    )
    line = mm.Truth("y ~ x", beta=[0, 1], sigma=1e-9)
    with pytest.raises(ValueError, match=r"x is to be drawn anew .* mm.replicates"):
        mm.simulate(design, line, 2, seed=1)
    frames = list(mm.replicates(design, line, 40, seed=1))
    for frame in frames:
        np.testing.assert_allclose(frame.y, frame.x, atol=1e-7)
    xs = np.array([frame.x for frame in frames])
    assert len(np.unique(xs)) == 1200
    assert abs(xs.mean() - 5) < N_SE * 2 / np.sqrt(1200)
    again = next(mm.replicates(design, line, 1, seed=1, start=23))
    pd.testing.assert_frame_equal(again, frames[23])


# ---- refusals ------------------------------------------------------------------------------------

THREE = "y ~ x + (x + z | g)"
THREE_SD = {"g": {"(Intercept)": 1, "x": 1, "z": 1}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sigma": 0}, "sigma must be a number above 0, not 0"),
        ({"sigma": -1}, "above 0"),
        ({"sigma": np.nan}, "above 0"),
        ({"sigma": "2"}, "above 0"),
        ({"sigma": None}, "give the residual standard deviation"),
        ({"sigma2": 4}, "sigma, or the residual variance"),
        ({"var": {"subject": 1}}, "given twice, by sd and var"),
        ({"sd": None, "cov": {"subject": COV}}, "cov has the correlations in it"),
        ({"family": mm.Poisson()}, "Poisson has no residual variance"),
        ({"family": "poisson"}, "family must be a family such as Poisson"),
        ({"formula": "y ~ day +"}, "ends where a term should follow"),
    ],
)
def test_a_truth_that_cannot_be_is_refused_at_once(changes, words):
    with pytest.raises(ValueError, match=words):
        truth(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beta": {"(Intercept)": 1}}, r"also has day \(0 if it is to have no effect\)"),
        ({"beta": {"(Intercept)": 1, "Day": 1}}, r"has no Day and also has day.*are \(Intercept\), day"),
        ({"beta": [1]}, r"beta needs 2 numbers: \(Intercept\), day"),
        ({"beta": [1, np.inf]}, "infinite"),
        ({"beta": ["a", 1]}, "must hold numbers"),
        ({"sd": {"subj": 1}}, "no random effects of 'subj'; its grouping factors are subject"),
        (
            {"sd": {"subject": 1}, "corr": None},
            r"needs a number for each of its effects: \{'\(Intercept\)': ..., 'day",
        ),
        ({"sd": {"subject": {"(Intercept)": 1}}}, "nothing is given for day"),
        ({"sd": {"subject": {"(Intercept)": 1, "Day": 1}}}, r"no effect 'Day'; it has \(Intercept\), day"),
        ({"sd": {"subject": {"(Intercept)": 1, "day": -1}}}, "must be a number, 0 or above, not -1"),
        ({"sd": None, "corr": None}, r"give their standard deviations, sd=\{'subject'"),
        ({"sd": [1, 2]}, "must be a dict"),
        ({"sd": {}}, r"nothing is given for subject, which has \(day \| subject\)"),
        ({"corr": {"subject": 1.2}}, "not between -1 and 1"),
        ({"corr": {"item": 0.2}}, "corr: the model has no random effects of 'item'"),
        ({"corr": {"subject": {("day", "x"): 0.2}}}, "no pair of effects"),
        ({"corr": {"subject": np.eye(3)}}, "symmetric 2 x 2 matrix"),
        ({"corr": {"subject": 2 * np.eye(2)}}, "ones on its diagonal"),
        ({"sd": None, "corr": None, "cov": {"subject": [[1, 2], [2, 1]]}}, "not positive definite"),
        ({"sd": None, "corr": None, "cov": {"subject": [[1, 2], [0, 1]]}}, "symmetric 2 x 2 matrix"),
        ({"sd": None, "corr": None, "cov": {"subject": [[-1, 0], [0, 1]]}}, "a variance .* is negative"),
        ({"sd": None, "corr": None, "theta": [1, 2]}, "theta has 2 elements, this model has 3"),
        ({"sd": None, "corr": None, "theta": [-1, 0, 1]}, "those on the diagonal not negative"),
        ({"formula": "y ~ day", "sd": SD, "corr": None}, "it has none at all"),
        ({"formula": "y ~ day", "sd": None, "corr": {"subject": 1}}, "corr: the model has no random effects"),
        ({"formula": "y ~ day + (1 | subject)", "sd": {"subject": 1}}, "correlates with nothing"),
        (
            {"formula": THREE.replace("g)", "subject)"), "sd": {"subject": THREE_SD["g"]}, "beta": [0, 0]},
            "one correlation is too few",
        ),
        ({"formula": "y ~ day + (1 | group)"}, "data has no column 'group'"),
        (
            {"variance": mm.VarIdent("subject", {"subject1": 1})},
            "no ratio is given for level subject2, subject3",
        ),
        (
            {"variance": mm.VarIdent("sex", {"f": 1})},
            "needs the column 'sex'; the data have subject, day, x, z",
        ),
        ({"variance": mm.VarPower("day", -1)}, "day is zero or not finite somewhere"),
        ({"correlation": mm.AR1(0.5, within="subject", time="z")}, "z must be a whole number, each once"),
    ],
)
def test_a_truth_that_does_not_fit_the_design_is_refused(changes, words):
    design = SLEEP.assign(x=lambda d: d.day**2, z=1.5)
    with pytest.raises(ValueError, match=words):
        mm.simulate(design, truth(**changes), seed=1)


def test_a_matrix_of_correlations_that_no_data_can_have():
    design = mm.cross(g=3, x=[0, 1], z=[0, 1])
    impossible = {("(Intercept)", "x"): 0.9, ("(Intercept)", "z"): 0.9, ("x", "z"): -0.9}
    three = mm.Truth(THREE, beta=[0, 0], sd=THREE_SD, corr={"g": impossible}, sigma=1)
    with pytest.raises(mm.TruthError, match="not positive definite .* nearer to zero"):
        mm.simulate(design, three, seed=1)


def test_terms_of_one_group_are_told_apart_by_their_labels():
    two = "y ~ 1 + (1 | subject) + (day | subject)"
    with pytest.raises(
        mm.TruthError, match=r"is in several terms; give them apart, by '1 \| subject', 'day \| subject'"
    ):
        mm.simulate(SLEEP, mm.Truth(two, beta=[0], sd=SD, sigma=1), seed=1)
    apart = {"1 | subject": 1, "day | subject": {"(Intercept)": 2, "day": 3}}
    _, V = dense_moments(SLEEP, two, [0], [[[1]], [[4, 3], [3, 9]]], np.eye(n_sleep))
    true = mm.Truth(two, beta=[0], sd=apart, corr={"day | subject": 0.5}, sigma=1)
    np.testing.assert_allclose(mm.marginal_moments(SLEEP, true)[1], V, rtol=RTOL)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "give either rng"),
        ({"rng": np.random.default_rng(1), "seed": 1}, ValueError, "give either rng"),
        ({"rng": 7}, TypeError, r"np.random.default_rng\(7\)"),
        ({"seed": -1}, ValueError, "seed must be a whole number"),
        ({"seed": 1, "start": 0.5}, ValueError, "start must be a whole number"),
        ({"rng": np.random.default_rng(1), "start": 2}, ValueError, "start goes with seed"),
        ({"seed": 1, "n_rep": 0}, ValueError, "n_rep must be a whole number of at least 1"),
        ({"seed": 1, "n_rep": 2.0}, ValueError, "n_rep must be a whole number of at least 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        mm.simulate(SLEEP, truth(), **arguments)


def test_wrong_objects_are_refused():
    with pytest.raises(TypeError, match="truth must be a Truth, not dict"):
        mm.simulate(SLEEP, {"sigma": 1}, seed=1)
    with pytest.raises(TypeError, match="design must be a Design, a DataFrame or Matrices, not list"):
        mm.simulate([1], truth(), seed=1)
    with pytest.raises(ValueError, match="1 of 30 rows have a missing value in day"):
        mm.simulate(SLEEP.data.assign(day=SLEEP.data.day.where(SLEEP.data.index > 0)), truth(), seed=1)
    matrices = mm.build_matrices("y ~ day", SLEEP.data, response=False)
    with pytest.raises(mm.TruthError, match="the truth is of .* the matrices are of 'y ~ day'"):
        mm.simulate(matrices, truth(), seed=1)
    unequal = mm.Truth("y ~ day", beta=[0, 0], sigma=1, variance=mm.VarPower("day", 1))
    with pytest.raises(
        mm.TruthError, match="simulate from the design or the data frame, not from its matrices"
    ):
        mm.simulate(matrices, unequal, seed=1)
    with pytest.raises(mm.TruthError, match="must be a plain name"):
        mm.simulate_data(SLEEP, mm.Truth("log(y) ~ day", beta=[0, 0], sigma=1), seed=1)
    with pytest.raises(TypeError, match="matrices have no columns"):
        mm.simulate_data(matrices, mm.Truth("y ~ day", beta=[0, 0], sigma=1), seed=1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mm.AR1(1, within="g"), "phi must lie between -1 and 1"),
        (lambda: mm.VarIdent("g", {"a": 0}), "ratio of level 'a' must be above 0"),
        (lambda: mm.NegativeBinomial(0), "shape must be a number above 0"),
        (lambda: mm.BetaBinomial(5, phi=-1), "phi must be a number above 0"),
        (lambda: mm.Binomial(0), "trials must be a whole number of at least 1"),
        (lambda: mm.Binomial(2.5), "trials must be a whole number of at least 1"),
        (lambda: mm.ZeroInflated(mm.Poisson(), 1), "p must be a probability"),
        (lambda: mm.Hurdle(mm.Poisson(), -0.1), "p must be a probability"),
        (lambda: mm.ZeroInflated(mm.Gaussian(), 0.1), "give a family of counts"),
        (lambda: mm.Truncated(mm.BetaBinomial(5, phi=1)), "cannot be truncated"),
    ],
)
def test_impossible_families_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_mean_beyond_counting_is_refused():
    with pytest.raises(mm.TruthError, match="too large for the link"):
        mm.simulate(SLEEP, mm.Truth("y ~ day", beta=[100, 10], family=mm.Poisson()), seed=1)


# ---- codebook ------------------------------------------------------------------------------------


def test_the_codebook_lists_everything():
    book = truth(variance=mm.VarPower("hours", 0.5)).codebook(SLEEP.assign(hours=lambda d: d.day + 1))
    value = book.set_index(["part", "name"]).value
    assert value["fixed effect", "day"] == 10
    assert value["SD of subject", "day"] == pytest.approx(6)
    assert value["correlation of subject", "(Intercept), day"] == pytest.approx(0.3)
    assert value["residual", "standard deviation"] == 25
    assert ("residual", "VarPower(of='hours', power=0.5)") in value.index
    assert value["variable", "day"] == "numeric: 0 to 4"
    assert ("design", "cross(subject=6, day=range(0, 5))") in value.index
    counts = mm.Truth("y ~ 1", beta=[0], family=mm.Hurdle(mm.NegativeBinomial(2), p=0.1)).codebook(SLEEP)
    assert "Hurdle(base=NegativeBinomial(shape=2), p=0.1)" in set(counts.name)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, 2**63 - 1, 2**127 + 3, 2**130 + 1])
@pytest.mark.parametrize("start", [0, 7, 2**32 - 5, 2**33])
def test_the_streams_of_replicates_are_numpys(seed, start):
    for i, stream in enumerate(children(seed, start, 3)):
        own = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(start + i,))))
        assert np.array_equal(stream.standard_normal(5), own.standard_normal(5))
        assert stream.integers(1000, dtype=np.uint32) == own.integers(1000, dtype=np.uint32)
