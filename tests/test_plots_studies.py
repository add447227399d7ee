"""Pictures of studies: what is drawn is what the tables say."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm

MODELS = {"slope-less": "y ~ x + (1 | g)", "maximal": "y ~ x + (x | g)"}


def truth(sd: float) -> mm.Truth:
    return mm.Truth("y ~ x + (x | g)", beta=[1, 0], sd={"g": {"(Intercept)": 1, "x": sd}}, sigma=1)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table():
    design = mm.cross(g=10, x=range(4))
    truths = mm.over(truth, sd=[0.0, 0.3, 0.6])
    return mm.spread(mm.type1(design, truths, MODELS, "x", tests="satterthwaite", n_rep=200, seed=1), "truth")


def test_rates_with_their_intervals_and_the_exact_curve(table):
    sd = np.linspace(0, 0.6, 7)
    exact = mm.exact.type1_slopeless(10, 4, 5.0, sd**2, 1.0)
    curves = pd.DataFrame({"sd": sd, "model": "slope-less", "rate": exact})
    ax = mm.plot_rates(table, "sd", curves=curves, xlabel="SD of the slopes")
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 7]
    np.testing.assert_allclose(drawn[0].get_ydata(), exact)
    for container, model in zip(ax.containers, MODELS, strict=True):
        own = table[table.model == model]
        np.testing.assert_allclose(np.asarray(container[0].get_ydata(), dtype=float), own.rate)
        ends = np.array([segment[:, 1] for segment in container[2][0].get_segments()])
        np.testing.assert_allclose(ends, own[["lower", "upper"]])
    bands = [
        patch for patch in ax.collections if hasattr(patch, "get_facecolor") and patch.get_alpha() == 0.2
    ]
    assert len(bands) == 1  # a band joins the dots only where no exact curve does
    assert ax.get_xlabel() == "SD of the slopes"
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == list(MODELS)
    plt.gcf().canvas.draw()
    assert all(label.get_text().endswith("%") for label in ax.get_yticklabels())


def test_lines_of_equal_power_are_where_the_power_is():
    n, trials = np.meshgrid([4.0, 8, 16], [2.0, 4, 8])
    grid = pd.DataFrame({"n": n.ravel(), "t": trials.ravel(), "rate": (n / 20).ravel()})
    ax = mm.plot_power(grid.sample(frac=1, random_state=1), "n", "t", levels=(0.3, 0.7, 0.95))
    lines = next(c for c in ax.collections if hasattr(c, "levels"))
    assert list(lines.levels) == [0.3, 0.7]  # 95% is not reached
    for path, level in zip(lines.get_paths(), lines.levels, strict=True):
        np.testing.assert_allclose(path.vertices[:, 0] / 20, level)
    assert {text.get_text() for text in ax.texts} == {"30%", "70%"}
    with pytest.raises(ValueError, match="complete"):
        mm.plot_power(grid.iloc[1:], "n", "t")
    with pytest.raises(ValueError, match="several rows"):
        mm.plot_power(pd.concat([grid, grid]), "n", "t")


def test_a_data_set_under_the_microscope(table):
    rows = table.attrs["rows"]
    i = int(np.flatnonzero((rows.p < 0.05) & (rows.model == "slope-less"))[0])
    again = mm.replay(rows, i)
    axes = mm.plot_microscope(again.data, again.lines(), again.rows, "x", "y", "g", ylabel="response")
    assert len(axes) == 2
    for panel, model in zip(axes, MODELS, strict=True):
        p = again.rows.p[again.rows.model == model].item()
        assert panel.get_title(loc="left") == f"{model}: " + (f"p = {p:.3f}" if p >= 0.001 else "p < 0.001")
        assert len(panel.lines) == 1 + 10 + 1
        mean = again.fits[model].predict(
            pd.DataFrame({"x": range(4), "g": again.data.g.iloc[0]}), random=False
        )
        np.testing.assert_allclose(panel.lines[-1].get_ydata(), mean)
        own = again.fits[model].predict()[(again.data.g == again.data.g.iloc[0]).to_numpy()]
        np.testing.assert_allclose(panel.lines[1].get_ydata(), own)


def test_quantiles_of_p_values(table):
    rows = table.attrs["rows"]
    rows = rows[rows.truth == "sd=0.6"]
    quantiles = mm.pvalue_quantiles(rows, points=50)
    for model in MODELS:
        own, p = quantiles[quantiles.model == model], np.sort(rows.p[rows.model == model])
        assert own.expected.iloc[0] == 1 / 201
        np.testing.assert_allclose(own.observed, p[np.round(own.expected * 201).astype(int) - 1])
        assert ((own.lower < own.expected) & (own.expected < own.upper)).all()
    low = stats.beta.ppf(0.025, 1, 200)
    assert quantiles.lower.iloc[0] == pytest.approx(low)
    ax = mm.plot_pvalue_quantiles(quantiles)
    np.testing.assert_allclose(ax.lines[2].get_ydata(), quantiles[quantiles.model == "slope-less"].observed)
    assert ax.get_yscale() == "log"
    with pytest.raises(ValueError, match="no p-value"):
        mm.pvalue_quantiles(rows.assign(p=np.nan))


def test_what_cannot_be_drawn_is_said(table):
    with pytest.raises(ValueError, match="no column"):
        mm.plot_rates(table, "slope")
    with pytest.raises(ValueError, match="no column"):
        mm.plot_microscope(pd.DataFrame({"x": [1]}), table, table, "x", "y", "g")
