"""Figures for shrinkage, panels, and curves with dots: what is drawn is what was given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def drawn(ax, label):
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_panels_hold_each_group_in_its_order_on_one_scale():
    data = pd.DataFrame({"g": list("aabbcc"), "x": [0, 1] * 3, "y": [1.0, 2, 3, 5, 0, 9]})
    lines = {"own": data.assign(y=data["y"] + 0.5), "all": pd.DataFrame({"x": [0, 1], "y": [2.0, 4]})}
    axes = mm.plot_panels(data, "x", "y", "g", lines=lines, order=["c", "a", "b"], n_columns=2)
    assert [ax.get_title(loc="left") for ax in axes] == ["c", "a", "b"]
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), [0, 9])
    np.testing.assert_array_equal(drawn(axes[2], "own")[:, 1], [3.5, 5.5])
    np.testing.assert_array_equal(drawn(axes[0], "all"), drawn(axes[1], "all"))
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert sum(ax.get_visible() for ax in axes[0].figure.axes) == 3
    with pytest.raises(ValueError, match="'z', which is no level of 'g'"):
        mm.plot_panels(data, "x", "y", "g", order=["z"])


def test_shrinkage_draws_raw_and_pooled_means_row_by_row():
    table = pd.DataFrame({"batch": ["A", "B"], "own": [10.0, 20.0], "pooled": [12.0, 18.0]})
    ax = mm.plot_shrinkage(table, "batch", "own", "pooled", centre=15.0)
    np.testing.assert_array_equal(drawn(ax, "no pooling"), [[10, 0], [20, 1]])
    np.testing.assert_array_equal(drawn(ax, "partial pooling"), [[12, 0], [18, 1]])
    assert len(ax.texts) == 2  # an arrow each
    assert [t.get_text() for t in ax.get_yticklabels()] == ["A", "B"]


def test_shrinkage_plane_matches_groups_by_name():
    raw = pd.DataFrame({"i": [1.0, 2], "s": [3.0, 4]}, index=["a", "b"])
    pooled = pd.DataFrame({"i": [20.0, 10], "s": [40.0, 30]}, index=["b", "a"])
    ax = mm.plot_shrinkage_plane(raw, pooled, "i", "s", raw.mean(), names=["b"])
    np.testing.assert_array_equal(drawn(ax, "mixed model"), [[10, 30], [20, 40]])
    np.testing.assert_array_equal(drawn(ax, "average"), [[1.5, 3.5]])
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["b"]


def test_by_size_marks_the_chosen_on_one_scale():
    table = pd.DataFrame({"n": [2, 20, 40], "own": [9.0, 12, 11], "pooled": [10.5, 11.5, 11]})
    axes = mm.plot_by_size(table, "n", ["own", "pooled"], table[["own", "pooled"]] < 10)
    np.testing.assert_array_equal(drawn(axes[0], "top or bottom"), [[2, 9]])
    assert drawn(axes[1], "top or bottom").size == 0
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_curves_and_dots_share_colour_and_name():
    curve = pd.DataFrame({"n": [2, 10, 2, 10], "error": [1.0, 0.8, 2, 3], "how": ["a", "a", "b", "b"]})
    ax = mm.plot_curves(curve, "n", "error", by="how", dots=curve.iloc[[1, 3]], reference=1.0, logx=True)
    np.testing.assert_array_equal(drawn(ax, "b"), [[2, 2], [10, 3]])
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_ydata().tolist() for line in dots] == [[0.8], [3.0]]
    lines = {line.get_label(): line.get_color() for line in ax.lines}
    assert [line.get_color() for line in dots] == [lines["a"], lines["b"]]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10"]


def test_unknown_columns_are_refused_in_words():
    table = pd.DataFrame({"a": [1.0]})
    for draw in (
        lambda: mm.plot_curves(table, "a", "b"),
        lambda: mm.plot_shrinkage(table, "a", "a", "b", 0.0),
        lambda: mm.plot_by_size(table, "a", ["b"], table),
        lambda: mm.plot_panels(table, "a", "a", "b"),
    ):
        with pytest.raises(ValueError, match="'b', which is no column"):
            draw()


def test_group_lines_draw_one_line_a_group_and_those_across():
    data = pd.DataFrame({"g": list("aabb"), "x": [1, 0, 0, 1], "y": [1.0, 2, 3, 5]})
    ax = mm.plot_group_lines(data, "x", "y", "g", data, "own", overall={"mean": data.iloc[:2]})
    np.testing.assert_array_equal(drawn(ax, "own"), [[0, 2], [1, 1]])
    np.testing.assert_array_equal(drawn(ax, "mean"), [[1, 1], [0, 2]])
    assert len(ax.lines) == 1 + 2 + 1


def test_bundles_have_a_panel_each_on_one_scale():
    rows = [
        (m, who, x, a + b * x) for m, a, b in (("one", 0, 1), ("two", 5, 2)) for who in "ab" for x in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["model", "who", "x", "y"])
    axes = mm.plot_bundles(table, "x", "y", line="who", panel="model", ylabel="ms")
    assert [ax.get_title(loc="left") for ax in axes] == ["one", "two"]
    assert [len(ax.lines) for ax in axes] == [2, 2]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), [5, 7])
    with pytest.raises(ValueError, match="panel"):
        mm.plot_bundles(table, "x", "y", line="who", panel="formula")


@pytest.mark.parametrize(
    ("kinds", "columns"),
    [
        (["ML", "REML"], 2),
        (["a", "b", "c", "d"], 3),
        (["sandwich, normal", "corrected, normal", "corrected, t"], 2),
        (["only"], 1),
    ],
)
def test_a_legend_is_no_wider_than_its_axes(kinds, columns):
    """A wider one would squeeze the axes until it fits: they keep most of the figure's width."""
    curves = pd.DataFrame({"x": [0, 1] * len(kinds), "y": [0.0, 1] * len(kinds), "by": np.repeat(kinds, 2)})
    ax = mm.plot_curves(curves, "x", "y", by="by")
    assert ax.get_legend()._ncols == columns
    ax.figure.canvas.draw()
    assert ax.get_position().width > 0.75
