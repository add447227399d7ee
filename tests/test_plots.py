"""Figures: what is drawn is what was given, in colours that everybody can tell apart."""

import itertools

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers.plots import COLOURS, INK, PAPER

DARK_PAGE = "#121212"  # the dark theme's background
# Simulated sight without one kind of cone, linear RGB (Machado, Oliveira & Fernandes 2009, severity 1)
SIGHT = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def linear(colour: str) -> np.ndarray:
    c = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_can_be_seen_on_paper_and_on_a_dark_page(colour):
    # WCAG 2.1, 1.4.11: graphical objects need 3:1
    assert contrast(colour, PAPER) >= 3
    assert contrast(colour, DARK_PAGE) >= 3


def test_text_has_the_contrast_of_text():
    assert contrast(INK, PAPER) >= 7  # WCAG AAA
    with plt.style.context("mmhelpers.book"):
        assert contrast(plt.rcParams["xtick.labelcolor"], PAPER) >= 7


@pytest.mark.parametrize("sight", SIGHT)
def test_the_first_five_colours_can_be_told_apart(sight):
    """CIE76 distance of any two of them is over 10 (just noticeable is about 2.3)."""
    seen = [lab(np.asarray(SIGHT[sight]) @ linear(c)) for c in COLOURS[:5]]
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) > 10


def test_style_and_palette_are_one():
    with plt.style.context("mmhelpers.book"):
        cycle = [
            f"#{c}" if not c.startswith("#") else c for c in plt.rcParams["axes.prop_cycle"].by_key()["color"]
        ]
        assert tuple(c.upper() for c in cycle) == tuple(c.upper() for c in COLOURS)
        assert matplotlib.colors.to_hex(plt.rcParams["figure.facecolor"]).upper() == PAPER


def test_drawing_leaves_the_style_around_it_alone():
    before = dict(matplotlib.rcParams)
    mm.plot_fit(pd.DataFrame({"x": [0, 1], "y": [1.0, 2]}), "x", "y")
    assert dict(matplotlib.rcParams) == before


def group_test(levels: int, effect: float) -> mm.TestTable:
    rng = np.random.default_rng(1)
    code = np.repeat(np.arange(levels), 6)
    r = rng.normal(size=len(code)) + effect * (code == 0)
    return mm.check_group_means(r, [f"b{i:02d}" for i in code])


def test_residuals_by_shows_means_and_marks_those_outside():
    test = group_test(6, 6.0)
    ax = mm.plot_residuals_by(test, xlabel="bag", ylabel="residual (mm)")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("bag", "residual (mm)")
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    means = test.extras["means"]
    out = (means["mean"] > means["upper"]) | (means["mean"] < means["lower"])
    assert out.any()
    np.testing.assert_allclose(drawn["mean outside the band"], means["mean"][out])
    np.testing.assert_allclose(drawn["mean"], means["mean"][~out])
    assert [t.get_text() for t in ax.get_xticklabels()] == list(means.iloc[:, 0])


def test_residuals_by_sorts_by_hue_and_leaves_out_names_it_has_no_room_for():
    test = group_test(30, 0.0)
    levels = test.extras["means"].iloc[:, 0]
    hue = {level: "even" if int(level[1:]) % 2 == 0 else "odd" for level in levels}
    ax = mm.plot_residuals_by(test, hue=hue, xlabel="bag")
    assert ax.get_xlabel() == "bag (30)"
    assert not ax.get_xticklabels()
    assert {"even", "odd"} <= {t.get_text() for t in ax.texts}
    order = ax.lines[-1].get_ydata() if len(ax.lines[-1].get_ydata()) == 30 else None
    means = test.extras["means"].set_index(levels)["mean"]
    expected = [means[level] for level in sorted(levels, key=lambda v: (hue[v], v))]
    drawn = next(line.get_ydata() for line in ax.lines if line.get_label() == "mean")
    np.testing.assert_allclose(drawn, expected)
    assert order is None or np.allclose(order, expected)


def test_refusals_in_words():
    with pytest.raises(ValueError, match="pass what check_group_means gives"):
        mm.plot_residuals_by(mm.TestTable((mm.TestRow("a", 1.0, 0.5),)))
    with pytest.raises(ValueError, match="one for each of the 36"):
        mm.plot_residuals_by(group_test(6, 0.0), hue=["a"])
    frame = pd.DataFrame({"x": [1.0], "y": [2.0]})
    with pytest.raises(ValueError, match="no column of the table"):
        mm.plot_fit(frame, "x", "z")
    double = pd.DataFrame({"bag": ["a", "a"], "site": ["s", "t"], "y": [1.0, 2]})
    with pytest.raises(ValueError, match="has several"):
        mm.plot_by_group(double, "y", "bag", hue="site")


def test_by_group_draws_every_observation_and_the_means():
    data = pd.DataFrame({"bag": list("aabbb"), "y": [1.0, 2, 5, 6, 7]})
    means = data.groupby("bag", as_index=False)["y"].mean()
    ax = mm.plot_by_group(data, "y", "bag", means=means, ylabel="growth (mm)")
    points = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
    assert sorted(points) == sorted(data.y)
    bars = [line.get_ydata()[0] for line in ax.lines if line.get_marker() != "o"]
    assert bars == list(means.y)


def test_fit_draws_a_line_a_group_or_one_for_all():
    data = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0.0, 1, 2, 3], "g": list("aabb")})
    each = mm.plot_fit(data, "x", "y", data.assign(lower=data.y - 1, upper=data.y + 1), group="g")
    assert sum(line.get_marker() == "None" for line in each.lines) == 2
    assert len(each.collections) == 2
    one = mm.plot_fit(data, "x", "y", pd.DataFrame({"x": [0, 1], "y": [1.0, 2]}), group="g")
    assert sum(line.get_marker() == "None" for line in one.lines) == 1
    for ax in (each, one):  # every level has its name, above the axes and on top of no point
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
        ax.figure.canvas.draw()
        assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_estimates_and_agreement_draw_the_table():
    table = pd.DataFrame(
        {"name": ["a", "b"] * 2, "e": [1.0, 2, 1.1, 2.1], "lo": 0.0, "hi": 3.0, "engine": list("xxyy")}
    )
    ax = mm.plot_estimates(
        table, estimate="e", lower="lo", upper="hi", group="engine", reference=1.5, xlabel="mm"
    )
    drawn = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    assert sorted(drawn) == sorted(table.e)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    far = pd.DataFrame({"relative": [1e-9, 0.1, np.nan]}, index=["a", "b", "c"])
    ax = mm.plot_agreement(far)
    marked = [line.get_xdata() for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(marked[0], [0.1])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
