"""Letters of means: who shares one is exactly who is not told apart; the figure says what the table says."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmhelpers as mm
from mmhelpers.inference.letters import _cliques

SHARPNESS = (
    "Sharpnessofmovement ~ TVset * Picture + (1 | Assessor) + (1 | Assessor:TVset) + (1 | Assessor:Picture)"
)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def means():
    return mm.marginal_means(mm.fit(SHARPNESS, mm.load("TVbo")), "TVset", by="Picture")


@given(st.integers(2, 7), st.integers(0, 2**21 - 1))
@settings(max_examples=200, deadline=None)
def test_two_share_a_set_if_and_only_if_they_are_not_apart(n, bits):
    apart = np.zeros((n, n), dtype=bool)
    for k, (i, j) in enumerate(zip(*np.triu_indices(n, 1), strict=True)):
        apart[i, j] = apart[j, i] = bits >> k & 1
    sets = [set(s) for s in _cliques(apart, list(range(n)))]
    for i, j in zip(*np.triu_indices(n, 1), strict=True):
        assert any({i, j} <= s for s in sets) != apart[i, j]
    assert all(any(i in s for s in sets) for i in range(n))
    assert not any(a < b for a in sets for b in sets)


def test_letters_follow_the_comparisons_of_each_family(means):
    table = mm.letters(means)
    pairs = mm.pairwise(means)
    for picture, rows in table.groupby("Picture", observed=True):
        letter = dict(zip(rows["TVset"], rows["letters"], strict=True))
        for _, pair in pairs[pairs["Picture"] == picture].iterrows():
            one, other = pair["contrast"].split(" - ")
            assert bool(set(letter[one]) & set(letter[other])) == (pair["p"] >= 0.05)
        lowest = rows.sort_values("estimate").iloc[0]
        assert lowest["letters"].startswith("a")


def test_a_stricter_level_never_needs_more_letters(means):
    loose, strict = (mm.letters(means, alpha)["letters"].map(set).map(max).max() for alpha in (0.2, 1e-6))
    assert strict == "a" <= loose
    with pytest.raises(ValueError, match="alpha"):
        mm.letters(means, 0)


def test_figure_shows_each_mean_with_its_letters(means):
    table = mm.letters(means).sort_values(["Picture", "TVset"])
    ax = mm.plot_means(table, "TVset", by="Picture", ylabel="score")
    assert [t.get_text() for t in ax.texts] == table["letters"].tolist()
    drawn = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn, table["estimate"])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "3", "4"]
    one = mm.plot_means(table.query("Picture == '1'").drop(columns="letters"), "TVset")
    assert not one.texts
    assert one.get_xlabel() == "TVset"
    with pytest.raises(ValueError, match="no column"):
        mm.plot_means(table, "Set")
