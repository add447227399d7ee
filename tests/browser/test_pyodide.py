"""Python in the page: the laboratory and the exercises, driven by keyboard, with a Pyodide that is staged here.

The core comes from npm's package (an unpacked or packed one in the folder, or `npm pack` fetches it), the packages from
the folder that `MMHELPERS_PYODIDE` names, or from `../shared/pyodide` beside the project. Where they are not to be had
the tests are left out, as `tests/allowed_skips.toml` says. The site's own settings are used as they are: what the pages ask
of the public CDN is answered from the staged folder.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import nbformat
import pytest
from page_checks import PHONE, WIDE, axe, contrast, scrollers, served, visit

from conftest import HTML
from mmhelpers.browser.laboratory import Laboratory, Setting
from mmhelpers.exercises import check_answer
from tools.pyodide import CORE
from tools.site import ROOT

pytestmark = pytest.mark.browser
CHAPTER = "book/4_lmertest/04_type_one_error.html"
EXERCISES = "book/1_random_effects/01_oysters.html"
SETTINGS = HTML / "_static" / "python" / "settings.json"
LONG = 240_000  # ms, on a busy machine
NEEDED = "no Pyodide: put its packages into ../shared/pyodide, or name their folder in MMHELPERS_PYODIDE"


def packages() -> Path | None:
    """Return the folder of Pyodide's packages."""
    named = os.environ.get("MMHELPERS_PYODIDE")
    places = [Path(named)] if named else [up / "shared" / "pyodide" for up in ROOT.parents]
    return next((place for place in places if place.is_dir()), None)


@pytest.fixture(scope="session")
def staged(tmp_path_factory) -> Path:
    """Bring core and packages together in one folder."""
    source = packages()
    if source is None:
        pytest.skip(NEEDED)
    folder = tmp_path_factory.mktemp("pyodide")
    files = json.loads(SETTINGS.read_text(encoding="utf8"))["files"]
    for name, file in files.items():
        if file["part"] != "site" and (source / name).is_file():
            shutil.copy2(source / name, folder / name)
    if not all((folder / name).exists() for name in CORE):
        core(folder)
    missing = [n for n, f in files.items() if f["part"] != "site" and not (folder / n).exists()]
    if missing:
        pytest.skip(f"{NEEDED} ({', '.join(missing)} missing)")
    return folder


def core(folder: Path) -> None:
    """Unpack the core of npm's package."""
    version = json.loads(SETTINGS.read_text(encoding="utf8"))["version"]
    if shutil.which("npm") is None:
        return
    done = subprocess.run(["npm", "pack", f"pyodide@{version}"], cwd=folder, capture_output=True, timeout=300)
    for packed in folder.glob("*.tgz") if not done.returncode else ():
        with tarfile.open(packed) as archive:
            for name in CORE:
                member = archive.extractfile(f"package/{name}")
                if member is not None:
                    (folder / name).write_bytes(member.read())


@pytest.fixture
def window(chrome, staged):
    """A window in which the CDN's addresses are answered from the staged folder; `asked` keeps what was asked for."""
    asked: list[str] = []
    changed: dict[str, bytes] = {}

    def answer(route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        asked.append(name)
        headers = {"Access-Control-Allow-Origin": "*"}
        if name in changed:
            route.fulfill(body=changed[name], headers=headers)
        else:
            route.fulfill(path=staged / name, headers=headers)

    settings = json.loads(SETTINGS.read_text(encoding="utf8"))
    patterns = [f"{settings[part]}**" for part in ("core", "packages")]
    for pattern in patterns:
        chrome.route(pattern, answer)
    chrome.asked, chrome.changed = asked, changed
    yield chrome
    for pattern in patterns:
        chrome.unroute(pattern)


def press(page, place, name) -> None:
    """Reach a button with Tab alone, and press it."""
    button = place.get_by_role("button", name=name, exact=True)
    handle = button.element_handle()
    for _ in range(40):
        if handle.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Tab")
    assert handle.evaluate("e => e === document.activeElement"), f"{name} was not reached with Tab"
    page.keyboard.press("Enter")


def begin(page, selector, name):
    """Scroll to a place and start it."""
    place = page.locator(selector).first
    place.scroll_into_view_if_needed()
    place.get_by_role("button", name=name).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{selector}[data-ready]", timeout=LONG)
    assert place.get_attribute("data-ready") == "yes", place.locator(".mm-python-state").inner_text()
    return place


def accessible(seen, selector: str) -> None:
    """No serious violation with the place open, in both themes, wide and on a phone."""
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.wait_for_function(f"document.documentElement.dataset.theme === {scheme!r}")
        assert axe(seen) == contrast(seen) == []
    seen.page.emulate_media(color_scheme="light")
    seen.page.set_viewport_size(PHONE)
    assert seen.page.evaluate(
        "document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth"
    )
    assert scrollers(seen) == []
    seen.page.set_viewport_size(WIDE)


def test_the_laboratory_gives_the_rates_of_the_engine(window, site, tmp_path):
    with visit(window, site, CHAPTER) as seen:
        page = seen.page
        promised = page.locator(".mm-laboratory .mm-python-note").inner_text()
        assert "cdn.jsdelivr.net" in promised
        assert "Nothing is asked of it before" in promised
        assert window.asked == [] == seen.foreign, "asked before the click"
        place = begin(page, ".mm-laboratory", "Start the laboratory")
        for name, value in {
            "groups": 12,
            "observations": 8,
            "slope_sd": 1.5,
            "data_sets": 3000,
            "seed": 4,
        }.items():
            place.locator(f"#laboratory-{name}").focus()
            page.keyboard.press("Control+a")
            page.keyboard.type(str(value))
        press(page, place, "Simulate")
        page.wait_for_selector(".mm-laboratory[data-result]", timeout=LONG)
        found = json.loads(place.get_attribute("data-result"))
        run = Laboratory(Setting(groups=12, observations=8, slope_sd=1.5, data_sets=3000, seed=4))
        for _ in run.blocks():
            pass
        expected = run.rates()
        for mine, theirs in zip(found["rates"], expected, strict=True):
            error = (theirs["rate"] * (1 - theirs["rate"]) / 3000) ** 0.5
            assert abs(mine["rate"] - theirs["rate"]) < 0.5 * error, "the same data sets give the same rate"
            assert (mine["n"], mine["failed"]) == (theirs["n"], theirs["failed"])
            assert mine["lower"] < mine["rate"] < mine["upper"]
        row = place.locator('tr[data-model="maximal"]').inner_text()
        assert f"{100 * found['rates'][1]['rate']:.1f}%" in row
        assert "3,000 data sets" in place.locator(".mm-python-state").inner_text()
        with page.expect_download() as taken:
            press(page, place, "Download the rows (CSV)")
        taken.value.save_as(tmp_path / "rows.csv")
        with (tmp_path / "rows.csv").open(encoding="utf8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 6000
        alarms = sum(float(r["p"]) < 0.05 for r in rows if r["model"] == "maximal")
        assert alarms / 3000 == pytest.approx(found["rates"][1]["rate"])
        with page.expect_download() as taken:
            press(page, place, "Download as Python")
        taken.value.save_as(tmp_path / "same.py")
        assert (tmp_path / "same.py").read_text(encoding="utf8") == run.setting.code()
        accessible(seen, ".mm-laboratory")
        assert seen.console == []


def test_a_long_run_can_be_stopped_and_a_wrong_field_is_refused(window, site):
    with visit(window, site, CHAPTER) as seen:
        page = seen.page
        place = begin(page, ".mm-laboratory", "Start the laboratory")
        place.locator("#laboratory-groups").fill("2")
        place.get_by_role("button", name="Simulate").click()
        assert not place.locator("#laboratory-groups").evaluate("e => e.validity.valid")
        place.locator("#laboratory-groups").fill("60")
        place.locator("#laboratory-data_sets").fill("20000")
        place.get_by_role("button", name="Simulate").click()
        page.wait_for_function("document.querySelector('.mm-laboratory progress').value > 0", timeout=LONG)
        place.get_by_role("button", name="Stop").click()
        page.wait_for_selector(".mm-laboratory[data-result]", timeout=LONG)
        said = place.locator(".mm-python-state").inner_text()
        assert "(stopped)" in said
        done = json.loads(place.get_attribute("data-result"))["rates"][0]["n"]
        assert 0 < done < 20_000


def test_a_file_with_other_bytes_is_not_used(window, site, staged):
    window.changed["pyodide.asm.js"] = (staged / "pyodide.asm.js").read_bytes() + b"\n"
    with visit(window, site, CHAPTER) as seen:
        place = seen.page.locator(".mm-laboratory")
        place.get_by_role("button", name="Start the laboratory").click()
        seen.page.wait_for_selector('.mm-laboratory[data-ready="failed"]', timeout=LONG)
        assert "pyodide.asm.js could not be loaded" in place.locator(".mm-python-state").inner_text()
        assert "pyodide.asm.wasm" not in window.asked
        assert place.get_by_role("button", name="Start the laboratory").is_enabled()


def test_without_a_network_the_page_says_so(chrome, site):
    with visit(chrome, site, CHAPTER) as seen:
        place = seen.page.locator(".mm-laboratory")
        place.get_by_role("button", name="Start the laboratory").click()
        seen.page.wait_for_selector('.mm-laboratory[data-ready="failed"]', timeout=LONG)
        said = place.locator(".mm-python-state").inner_text()
        assert said.startswith(
            "Python could not be started: pyodide.js could not be loaded from cdn.jsdelivr.net"
        )


def test_a_site_with_its_own_copy_asks_nobody_else(chrome, site, staged):
    settings = json.loads(SETTINGS.read_text(encoding="utf8"))
    with served(staged) as own:
        # as `copy_folder` would lay it out, but on another port, so that the built site stays as it is
        body = json.dumps({**settings, "core": own.base, "packages": own.base})

        def relay(route) -> None:
            name = route.request.url.rsplit("/", 1)[1]
            route.fulfill(path=staged / name, headers={"Access-Control-Allow-Origin": "*"})

        chrome.route(
            "**/settings.json", lambda route: route.fulfill(body=body, content_type="application/json")
        )
        chrome.route(f"{own.base}**", relay)
        try:
            with visit(chrome, site, CHAPTER) as seen:
                foreign = []
                seen.page.on("request", lambda q: foreign.append(q.url) if "127.0.0.1" not in q.url else None)
                begin(seen.page, ".mm-laboratory", "Start the laboratory")
                assert [url for url in foreign if not url.startswith(("blob:", "data:"))] == []
        finally:
            chrome.unroute("**/settings.json")
            chrome.unroute(f"{own.base}**")


def test_an_exercise_is_answered_wrongly_and_rightly(window, site):
    with visit(window, site, EXERCISES) as seen:
        page = seen.page
        assert window.asked == []
        selector = '.mm-exercise[data-exercise="oysters-1"]'
        place = begin(page, selector, "Try it in this page")
        assert place.locator("textarea").input_value() == 'mm.check_answer("oysters-1", ...)'

        def checked(code: str) -> tuple[str, str]:
            editor = place.locator("textarea")
            editor.focus()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(code)
            page.keyboard.press("Control+Enter")
            page.wait_for_selector(f"{selector}[data-right]", timeout=LONG)
            return place.get_attribute("data-right"), place.locator("pre").inner_text()

        assert checked('mm.check_answer("oysters-1", ...)') == ("false", str(check_answer("oysters-1", ...)))
        wrong = checked('mm.check_answer("oysters-1", "oyster")')
        assert wrong == ("false", str(check_answer("oysters-1", "oyster")))
        right = checked('mm.check_answer("oysters-1", "tank")')
        assert right == ("true", str(check_answer("oysters-1", "tank")))
        error = checked("1 / 0")
        assert error == ("error", "ZeroDivisionError: division by zero")
        press(page, place, "Start over")
        assert place.locator("textarea").input_value() == 'mm.check_answer("oysters-1", ...)'
        # with names of the page: the mixed model is fitted here, and nothing else of the page is run
        by_page = 'worth = 8 / (1 + (8 - 1) * bag_share)\nmm.check_answer("oysters-2", worth)'
        assert checked(by_page)[0] == "true"
        assert "statsmodels" in checked("by_oyster.params")[1]
        accessible(seen, selector)
        assert seen.console == []


def test_the_right_pages_have_it_and_no_other(site):
    """Exercises of Part 1 and the laboratory's chapter load the scripts; the rest of the site does not."""
    having = {
        path.relative_to(site.root).as_posix()
        for path in (site.root / "book").rglob("*.html")
        if "_static/python/python.js" in path.read_text(encoding="utf8")
    }
    notebooks = [p for p in sorted((ROOT / "book").rglob("*.ipynb")) if "_checkpoints" not in str(p)]
    part = {
        p.relative_to(ROOT).with_suffix(".html").as_posix()
        for p in notebooks
        if p.parent.name == "1_random_effects"
    }
    assert having == part | {CHAPTER}
    for path in part:
        cells = nbformat.read((ROOT / path).with_suffix(".ipynb"), 4).cells
        names = [
            c.source.split('"')[1]
            for c in cells
            if c.source.startswith("mm.check_answer(") and "..." in c.source
        ]
        known = json.loads((SETTINGS.parent / "cells" / path).with_suffix(".json").read_text(encoding="utf8"))
        assert list(known["exercises"]) == names
