"""Counts seen and expected, and the variance along the mean: tables against closed forms, pictures against tables."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def poisson() -> mm.QuantileResiduals:
    rng = np.random.default_rng(1)
    mu = np.repeat([1.0, 6.0], 400)
    return mm.quantile_residuals(rng.poisson(mu), rng.poisson(mu[:, None], (800, 400)), fitted=mu)


def test_expected_counts_are_those_of_the_distribution(poisson):
    table = mm.count_table({"Poisson": poisson}, most=10)
    k = np.arange(10)
    exact = 400 * (stats.poisson.pmf(k, 1) + stats.poisson.pmf(k, 6))
    # the mean of 400 simulated data sets: five standard errors of a binomial count
    np.testing.assert_allclose(table["expected"][:10], exact, atol=5 * np.sqrt(exact.max() / 400))
    assert table["observed"].sum() == 800
    assert table["expected"].sum() == pytest.approx(800)
    assert (table["lower"] <= table["expected"]).all()
    assert table.attrs["most"] == 10


def test_variance_follows_the_mean(poisson):
    table = mm.mean_variance(poisson, pieces=2)
    np.testing.assert_allclose(table["mean"], [1, 6])
    np.testing.assert_allclose(table["expected"], [1, 6], rtol=0.03)
    assert table["variance"].between(table["lower"], table["upper"]).all()


def test_overdispersion_leaves_the_band():
    rng = np.random.default_rng(2)
    mu = np.repeat([2.0, 20.0], 150)
    y = rng.negative_binomial(2, 2 / (2 + mu))
    table = mm.mean_variance(mm.quantile_residuals(y, rng.poisson(mu[:, None], (300, 200)), fitted=mu))
    assert (table["variance"] > table["upper"]).all()
    ax = mm.plot_mean_variance(table)
    assert [line.get_marker() for line in ax.lines] == ["D"]


def test_pictures_show_the_tables(poisson):
    table = mm.count_table({"a": poisson, "b": poisson})
    ax = mm.plot_counts(table)
    own = table[table["model"] == "a"]
    assert [bar.get_height() for bar in ax.patches] == own["observed"].tolist()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), own["expected"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b", "observed"]
    assert ax.get_xticklabels()[-1].get_text().endswith("+")
    laws = pd.DataFrame({"mean": [1.0, 6.0], "variance": [1.0, 6.0], "law": "Poisson"})
    ax = mm.plot_mean_variance(mm.mean_variance(poisson), laws, log=False)
    assert "Poisson" in [t.get_text() for t in ax.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("fits", "words"),
    [
        ({}, "at least one"),
        ({"a": mm.quantile_residuals([0.5] * 30, np.ones((30, 20)))}, "no counts"),
        (
            {
                "a": mm.quantile_residuals([1] * 30, np.ones((30, 20))),
                "b": mm.quantile_residuals([2] * 30, np.ones((30, 20))),
            },
            "different responses",
        ),
    ],
)
def test_count_table_answers_in_words(fits, words):
    with pytest.raises(ValueError, match=words):
        mm.count_table(fits)


def test_one_piece_is_refused(poisson):
    with pytest.raises(ValueError, match="at least 2"):
        mm.mean_variance(poisson, pieces=1)


def test_responses_of_several_kinds():
    ponds = mm.load("ponds")
    figure = mm.plot_responses(ponds, "distance", {"newts": "newts", "fish": "fish", "condition": "grade"})
    newts, fish, grade = figure.axes
    np.testing.assert_allclose(np.round(newts.lines[0].get_ydata()), ponds["newts"])
    assert list(fish.get_yticks()) == [0, 1]
    assert [t.get_text() for t in grade.get_yticklabels()] == ["poor", "fair", "good"]
    with pytest.raises(ValueError, match="no column"):
        mm.plot_responses(ponds, "distance", {"frogs": "frogs"})
