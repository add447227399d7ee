"""Interactive figures: a frame for every setting, equal to the table, written where the site or JupyterLab wants it."""

from __future__ import annotations

import json

import pytest

import mmhelpers as mm
from mmhelpers.interactive.record import Control, Frame, Interactive

FIGURES = {
    "type1-one-factor": (mm.explore_type1, "type1_grid"),
    "type1-crossed": (mm.explore_items, "type1_items_grid"),
    "power": (mm.explore_power, "power_grid"),
}


@pytest.fixture(params=FIGURES)
def made(request):
    draw, grid = FIGURES[request.param]
    table = mm.load(grid)
    return draw(table), table


def test_every_number_of_the_table_is_in_a_frame(made):
    figure, table = made
    shown = sorted(
        rate
        for frame in figure.frames.values()
        for name, columns in frame.sources.items()
        if name != "exact"
        for rate in columns["rate"]
    )
    assert shown == sorted(table["rate"])


def test_the_page_gets_the_same_numbers(made):
    figure, _ = made
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


def test_on_the_site_the_notebook_keeps_a_place(made, tmp_path, monkeypatch):
    figure, _ = made
    monkeypatch.setenv("MMHELPERS_INTERACTIVE", str(tmp_path))
    first = figure._repr_mimebundle_()
    assert first == figure._repr_mimebundle_(), "what nbval compares must not change"
    assert len(first["text/html"]) < 1500
    assert f'data-figure="{figure.name}"' in first["text/html"]
    script = (tmp_path / f"{figure.name}.js").read_text(encoding="utf8")
    assert script.startswith(f'(window.mmInteractive ??= {{}})["{figure.name}"] = {{')
    assert len(script) < 400_000


def test_in_jupyterlab_it_carries_all_it_needs(made, monkeypatch):
    figure, _ = made
    monkeypatch.delenv("MMHELPERS_INTERACTIVE", raising=False)
    shown = figure._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe ")
    page = figure.to_html()
    assert "Bokeh" in page
    # that it asks for nothing is seen in a browser: tests/browser/test_movable.py
