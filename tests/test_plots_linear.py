"""Pictures of least squares: the lines drawn are the sums of squares they claim to be, the triangle is to scale."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmhelpers as mm


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_contours_have_the_residual_sum_of_squares_they_are_labelled_with():
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(12), rng.normal(3, 1, 12)])
    y = X @ [2.0, 0.5] + rng.normal(size=12)
    best, lowest = np.linalg.lstsq(X, y)[:2]
    ax = mm.plot_bowl(X.T @ X, best, rises=[2, 8])
    for line, rise in zip(ax.lines[:2], [2, 8], strict=True):
        rss = [np.sum((y - X @ b) ** 2) for b in np.column_stack(line.get_data())]
        np.testing.assert_allclose(rss, lowest[0] + rise, rtol=1e-10)
    assert {"+2", "+8"} <= {text.get_text() for text in ax.texts}


def test_points_and_window():
    points = np.array([[0.0, 1.0], [2.0, 3.0]])
    ax = mm.plot_bowl(np.eye(2), [1, 1], [1], points=points, window=(5, 6), ylabel="b")
    np.testing.assert_allclose(np.column_stack(ax.lines[0].get_data()), points)
    assert ax.get_xlim() == (-4, 6)
    assert ax.get_ylim() == (-5, 7)


@pytest.mark.parametrize("matrix", [[[1, 1], [1, 1]], [[1, 0.5], [0.2, 1]], np.eye(3)])
def test_no_bowl_without_a_positive_definite_matrix(matrix):
    with pytest.raises(ValueError, match="xtx"):
        mm.plot_bowl(matrix, [0, 0], [1])


def test_triangle_is_to_scale():
    ax = mm.plot_projection(3.0, 4.0, "mm")
    ends = [(a.xyann, a.xy) for a in ax.texts if getattr(a, "arrow_patch", None) is not None]
    np.testing.assert_allclose([np.subtract(b, a) for a, b in ends], [[3, 0], [0, 4], [3, 4]])
    assert ax.get_aspect() == 1.0
    with pytest.raises(ValueError, match="positive"):
        mm.plot_projection(0.0, 1.0)
