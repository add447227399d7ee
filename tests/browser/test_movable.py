"""Interactive figures in a browser: what is drawn and said at each setting is what Python put there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import HTML
from tests.moving import FIGURES

pytestmark = pytest.mark.browser

DRAWN = """name => Bokeh.documents.map(d => d.get_model_by_name(name)).find(Boolean)?.data"""


def moved(page, name, figure):
    """Walk through some settings with the keyboard, and compare what is drawn and said with the frames."""
    place = page.locator(f'[data-figure="{name}"]')
    place.scroll_into_view_if_needed()
    page.wait_for_selector(f'[data-figure="{name}"][data-ready="yes"]', timeout=30_000)
    sliders = place.locator("input[type=range]")
    assert sliders.count() == len(figure.controls)
    at = [control.start for control in figure.controls]
    for i, control in enumerate(figure.controls):
        slider = sliders.nth(i)
        slider.focus()
        for key, target in (
            ("Home", 0),
            ("End", len(control.values) - 1),
            ("ArrowLeft", len(control.values) - 2),
        ):
            page.keyboard.press(key)
            at[i] = target
            frame = figure.frames[tuple(at)]
            assert place.get_attribute("data-setting") == ",".join(map(str, at))
            assert place.locator(".mm-said").inner_text() == frame.text
            shown = f"{control.values[target]} {control.unit}".strip()
            assert place.locator("output").nth(i).inner_text() == shown
            assert slider.get_attribute("aria-valuetext") == shown
            for source, columns in frame.sources.items():
                drawn = page.evaluate(DRAWN, source)
                for column, values in columns.items():
                    assert list(
                        drawn[column].values() if isinstance(drawn[column], dict) else drawn[column]
                    ) == list(values)


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_of_its_own_moves(chrome, tmp_path, name):
    figure = FIGURES[name]()
    (tmp_path / "page.html").write_text(figure.to_html(), encoding="utf8")
    page = chrome.new_page()
    problems = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("request", lambda r: problems.append(r.url) if r.url.startswith("http") else None)
    page.goto((tmp_path / "page.html").as_uri())
    moved(page, name, figure)
    page.close()
    assert problems == []


def placed() -> list[tuple[str, str]]:
    """Figures on the built pages: (page, name)."""
    found = []
    for path in sorted(HTML.glob("book/**/*.html")):  # not the whole book on one page, which repeats them
        names = re.findall(r'class="mm-interactive" data-figure="([\w-]+)"', path.read_text(encoding="utf8"))
        found += [(path.relative_to(HTML).as_posix(), name) for name in names]
    return found


def test_every_figure_on_the_site_moves(chrome, site):
    pages = placed()
    for path, name in pages:
        page = chrome.new_page()
        page.goto(f"{site.base}{path}")
        moved(page, name, FIGURES[name]())
        page.close()
    assert sorted(name for _, name in pages) == sorted(FIGURES), "each figure stands on one page"


def test_a_page_without_a_figure_loads_no_bokeh(chrome, site):
    page = chrome.new_page()
    asked = []
    page.on("request", lambda r: asked.append(Path(r.url).name))
    page.goto(f"{site.base}book/index.html")
    page.wait_for_load_state("networkidle")
    page.close()
    assert "bokeh.min.js" not in asked
