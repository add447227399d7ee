"""Interactive figures: a frame for every setting, equal to the table, written where the site or JupyterLab wants it."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.interactive.record import Control, Frame, Interactive
from tests.moving import FIGURES

GRIDS = {"type1-one-factor": "type1_grid", "type1-crossed": "type1_items_grid", "power": "power_grid"}


@pytest.fixture(scope="module")
def drawn():
    """Each figure, made once."""
    return functools.cache(lambda name: FIGURES[name]())


@pytest.fixture(params=FIGURES)
def figure(request, drawn):
    return drawn(request.param)


@pytest.mark.parametrize("name", GRIDS)
def test_every_number_of_the_table_is_in_a_frame(name, drawn):
    figure, table = drawn(name), mm.load(GRIDS[name])
    shown = sorted(
        rate
        for frame in figure.frames.values()
        for name, columns in frame.sources.items()
        if name != "exact"
        for rate in columns["rate"]
    )
    assert shown == sorted(table["rate"])


def test_the_page_gets_the_same_numbers(figure):
    parts = json.loads(figure.to_json())
    for key, frame in figure.frames.items():
        sources, text = parts["frames"][",".join(map(str, key))]
        assert text == frame.text
        assert sources == {
            name: {k: list(v) for k, v in columns.items()} for name, columns in frame.sources.items()
        }
    assert [c["label"] for c in parts["controls"]] == [c.label for c in figure.controls]


def test_a_setting_is_found_by_its_values():
    table = mm.load("type1_grid")
    frame = mm.explore_type1(table).frame(18, 20)
    rows = table.query("subjects == 18 and observations == 20 and model == 'slope-less'").sort_values(
        "slope_sd"
    )
    assert frame.sources["slope-less"]["rate"] == rows["rate"].tolist()
    assert frame.sources["exact"]["exact"] == rows["exact"].tolist()
    one = rows.loc[rows["slope_sd"] == 1, "rate"].iloc[0]
    assert f"{100 * one:.1f}% of the data sets" in frame.text


@pytest.mark.parametrize(
    ("values", "words"),
    [((18,), "give 2 values: subjects, observations"), ((17, 10), "subjects is 17; it can be 6, 10")],
)
def test_a_wrong_setting_is_named(values, words):
    with pytest.raises(ValueError, match=words):
        mm.explore_type1(mm.load("type1_grid")).frame(*values)


def test_a_table_without_a_column_is_refused():
    with pytest.raises(ValueError, match="lacks exact"):
        mm.explore_type1(mm.load("type1_grid").drop(columns="exact"))


def test_settings_without_frames_and_wrong_sources_are_refused():
    from bokeh.models import ColumnDataSource
    from bokeh.plotting import figure

    plot = figure()
    plot.line("x", "y", source=ColumnDataSource({"x": [], "y": []}, name="line"))
    frame = Frame({"line": {"x": [0.0], "y": [1.0]}}, "one")
    with pytest.raises(ValueError, match="1 settings have no frame"):
        Interactive("n", "alt", (Control("a", (1, 2)),), {(0,): frame}, plot)
    with pytest.raises(ValueError, match="the frames fill .'other'."):
        Interactive("n", "alt", (Control("a", (1,)),), {(0,): Frame({"other": {}}, "")}, plot)
    with pytest.raises(ValueError, match="start is 2"):
        Control("a", (1, 2), start=2)


def test_on_the_site_the_notebook_keeps_a_place(figure, tmp_path, monkeypatch):
    monkeypatch.setenv("MMHELPERS_INTERACTIVE", str(tmp_path))
    first = figure._repr_mimebundle_()
    assert first == figure._repr_mimebundle_(), "what nbval compares must not change"
    assert len(first["text/html"]) < 1500
    assert f'data-figure="{figure.name}"' in first["text/html"]
    script = (tmp_path / f"{figure.name}.js").read_text(encoding="utf8")
    assert script.startswith(f'(window.mmInteractive ??= {{}})["{figure.name}"] = {{')
    assert len(script) < 400_000


def test_in_jupyterlab_it_carries_all_it_needs(figure, monkeypatch):
    monkeypatch.delenv("MMHELPERS_INTERACTIVE", raising=False)
    shown = figure._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe ")
    page = figure.to_html()
    assert "Bokeh" in page
    # that it asks for nothing is seen in a browser: tests/browser/test_movable.py


# --- what the frames of each figure say, by another route ------------------------------------------------------


def test_shrinkage_is_that_of_a_fit(drawn):
    """With the estimated standard deviations the predictions are the fit's own."""
    dyestuff = mm.load("Dyestuff")
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", dyestuff)
    ratio = float(fit.theta[0])
    means = dyestuff.groupby("Batch", observed=True)["Yield"].mean()
    frame = mm.explore_shrinkage(means, ratios=(ratio,), sizes=(5,), start=(ratio, 5)).frame(ratio, 5)
    predicted = fit.beta["(Intercept)"] + fit.ranef["Batch"]["(Intercept)"]
    for name, value in predicted.items():
        assert frame.sources[str(name)]["y"][1] == pytest.approx(value, abs=1e-3)
    assert "group E" in drawn("shrinkage").frame(2, 5).text


def test_covariance_is_that_of_the_simulator(drawn):
    truth = mm.Truth(
        "y ~ time + (time | g)",
        beta=[0, 0],
        sd={"g": {"(Intercept)": 2, "time": 0.5}},
        corr={"g": 0.4},
        sigma=1,
    )
    _, V = mm.marginal_moments(mm.cross(g=1, time=[0, 1, 2, 3]), truth)
    shown = drawn("covariance").frame(0.5, 0.4).sources["cells"]["value"]
    np.testing.assert_allclose([float(v) for v in shown], V.ravel(), atol=0.0501)  # one decimal is shown


def test_ml_and_reml_are_those_of_simulated_samples(drawn):
    rng = np.random.default_rng(1)
    n, p = 10, 4
    X = rng.normal(size=(n, p))
    Y = rng.normal(size=(4000, n))
    rss = ((Y - Y @ X @ np.linalg.solve(X.T @ X, X.T)) ** 2).sum(1)
    frame = drawn("reml").frame(n, p)
    assert "ML finds 60%" in frame.text
    for name, divisor in (("ML", n), ("REML", n - p)):
        x, y = (np.array(frame.sources[name][k]) for k in "xy")
        share = float((y * (x <= 1)).sum() / y.sum())
        assert share == pytest.approx((rss / divisor <= 1).mean(), abs=0.04)
        assert frame.sources[f"mean {name}"]["x"][0] == pytest.approx((rss / divisor).mean(), abs=0.03)


@pytest.mark.parametrize("criterion", ["ML", "REML"])
def test_deviance_has_its_lowest_point_at_the_fit(drawn, criterion):
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"), reml=criterion == "REML")
    line = drawn("deviance").frame(0.5, criterion).sources["sum"]
    assert line["x"][int(np.argmin(line["y"]))] == pytest.approx(float(fit.theta[0]), abs=0.05)
    with pytest.raises(ValueError, match="one theta"):
        mm.explore_deviance(mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy")))


def test_counts_have_the_variance_they_say(drawn):
    frame = drawn("overdispersion").frame(5, 3)
    x, share = (np.array(frame.sources["counts"][k]) for k in "xy")
    mean = (x * share).sum()
    assert mean == pytest.approx(5, abs=0.02)
    assert ((x - mean) ** 2 * share).sum() == pytest.approx(15, abs=0.3)
    assert "multiplied by 1.73" in frame.text
    assert "about 74%" in frame.text  # 2 Phi(1.96 / 1.73) - 1


def test_posterior_is_that_of_a_finer_sum(drawn):
    """The median with a prior of SD 2.5, by sampling from the prior and weighing."""
    rng = np.random.default_rng(1)
    delta, alpha = rng.normal(0, 2.5, 400_000), rng.uniform(-6, 6, 400_000)
    log = 11 * alpha - 19 * np.logaddexp(0, alpha) - 7 * np.logaddexp(0, alpha + delta)
    order = np.argsort(delta)
    share = np.cumsum(np.exp(log[order] - log.max()))
    median = delta[order][np.searchsorted(share, share[-1] / 2)]
    said = float(drawn("prior").frame(0, 2.5).text.split("median is ")[1].split(",")[0].replace("−", "-"))
    assert said == pytest.approx(median, abs=0.1)
    with pytest.raises(ValueError, match="reference"):
        mm.explore_prior(7, (0, 19))
