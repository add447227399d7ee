"""Pictures of Z and of other matrices, of a criterion's surface and of a profile: they show the numbers they are given."""

from __future__ import annotations

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


def coloured(ax) -> np.ndarray:
    """Which cells of the picture differ from the paper's colour."""
    image = ax.images[0].get_array()
    paper = np.array(matplotlib.colors.to_rgb("#FBFAF7"))
    return np.abs(image - paper).max(axis=-1) > 0.01


@pytest.fixture
def small():
    data = mm.load("sleepstudy")
    return data[data["Subject"].isin(["308", "309"]) & (data["Days"] < 4)]


def test_z_is_coloured_where_it_is_not_zero(small):
    formulas = ["(1 | Subject)", "(Days | Subject)", "(Days || Subject)"]
    models = {f: mm.build_matrices(f"Reaction ~ Days + {f}", small) for f in formulas}
    figure = mm.plot_z(models)
    for ax, model in zip(figure.axes, models.values(), strict=False):
        np.testing.assert_array_equal(coloured(ax), model.Z().toarray() != 0)
    assert [ax.get_title(loc="left") for ax in figure.axes[:3]] == formulas
    assert not figure.axes[3].axison  # a panel without a model is not drawn
    words = {text.get_text() for text in figure.axes[2].texts}
    assert {"1 | Subject", "0 + Days | Subject", "3"} <= words


def test_large_matrices_show_their_pattern_without_numbers():
    model = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    (ax,) = mm.plot_z({"all": model}, n_columns=1).axes
    assert [text.get_text() for text in ax.texts] == ["Days | Subject"]
    assert coloured(ax).sum() == (model.Z().toarray() != 0).sum()


def test_no_random_effects_no_z(small):
    with pytest.raises(ValueError, match="no random effects"):
        mm.plot_z({"OLS": mm.build_matrices("Reaction ~ Days", small)})


def test_matrix_signs_names_and_refusals():
    ax = mm.plot_matrix([[2.0, 0], [-1, 0.5]], rows=["a", "b"], columns=["c", "d"], spec=".1f")
    assert [t.get_text() for t in ax.texts] == ["2.0", "-1.0", "0.5"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    image = ax.images[0].get_array()
    assert image[1, 0, 0] > image[1, 0, 2]  # orange for a negative number
    assert image[0, 0, 2] > image[0, 0, 0]  # blue for a positive one
    with pytest.raises(ValueError, match="3 names for 2 rows"):
        mm.plot_matrix(np.eye(2), rows=["a", "b", "c"])
    with pytest.raises(ValueError, match="a matrix is wanted"):
        mm.plot_matrix([1.0, 2.0])


def test_a_small_number_is_still_seen():
    ax = mm.plot_matrix([[1000.0, 1.0]])
    assert coloured(ax).all()


def test_matrices_that_are_compared_share_their_colours():
    large, small = [[8.0, 2.0], [2.0, 8.0]], [[6.0, 2.0], [2.0, 6.0]]
    first = mm.plot_matrix(large, largest=8).images[0].get_array()
    second = mm.plot_matrix(small, largest=8).images[0].get_array()
    alone = mm.plot_matrix(small).images[0].get_array()
    np.testing.assert_allclose(first[0, 1], second[0, 1])  # 2 is as strong in both
    assert second[0, 0, 0] > first[0, 0, 0]  # 6 is paler than 8
    np.testing.assert_allclose(alone[0, 0], first[0, 0])  # each on a scale of its own: they look alike
    with pytest.raises(ValueError, match="largest is 5, but the matrix has 6"):
        mm.plot_matrix(small, largest=5)


def test_surface_draws_the_lines_it_labels():
    x, y = np.linspace(-3, 3, 61), np.linspace(-2, 2, 41)
    ax = mm.plot_surface(
        x, y, x[None, :] ** 2 + 4 * y[:, None] ** 2 + 7, rises=[1, 4], mark=(0, 0), xlabel="a"
    )
    lines = next(c for c in ax.collections if hasattr(c, "levels") and not c.filled)
    for path, rise in zip(lines.get_paths(), [1, 4], strict=True):
        at = path.vertices
        np.testing.assert_allclose(at[:, 0] ** 2 + 4 * at[:, 1] ** 2, rise, atol=0.02)
    with pytest.raises(ValueError, match="height has shape"):
        mm.plot_surface(x, y, np.zeros((61, 41)))


def test_zeta_plot_marks_the_interval():
    value = np.linspace(1, 4, 31)
    table = pd.DataFrame({"name": "sigma", "value": value, "zeta": 4 * np.log(value / 2)})
    (ax,) = mm.plot_zeta(table, n_columns=1).axes
    marked = ax.lines[-1].get_xdata()
    np.testing.assert_allclose(marked, 2 * np.exp(np.array([-1.959964, 1.959964]) / 4), rtol=2e-3)


def test_profile_passes_its_intervals():
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"))
    table = mm.profile(fit, n_points=31)
    intervals = fit.confint("profile")
    for name, own in table.groupby("name", sort=False):
        assert own["value"].is_monotonic_increasing
        assert own["zeta"].is_monotonic_increasing
        ends = np.interp([-1.959964, 1.959964], own["zeta"], own["value"])
        np.testing.assert_allclose(ends, intervals.loc[name, ["lower", "upper"]], rtol=0.02)
    assert (table["deviance"] >= fit.with_reml(False).criterion - 1e-6).all()


def test_bands_lie_inside_each_other_with_the_widest_at_the_back():
    rows = [("mean", d, 250 + d - w, 250 + d + w) for d in range(3) for w in (2,)]
    rows += [("person", d, 250 + d - 9, 250 + d + 9) for d in range(3)]
    bands = pd.DataFrame(rows, columns=["band", "day", "lower", "upper"])
    line = pd.DataFrame({"day": range(3), "ms": [250, 251, 252]})
    ax = mm.plot_bands(bands, "day", line=line, y="ms", points=line.iloc[:1])
    heights = [np.ptp(area.get_paths()[0].vertices[:, 1]) for area in ax.collections]
    assert heights[0] > heights[1]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["person", "mean"]
    with pytest.raises(ValueError, match="kind"):
        mm.plot_bands(bands, "day", by="kind")
