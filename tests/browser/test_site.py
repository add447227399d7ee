"""The site as a whole: the way in, search, the keyboard, and links that lead to the repository's own files."""

from __future__ import annotations

import re

import pytest
from page_checks import PHONE, axe, contrast, visit

from tools.site import ROOT

pytestmark = pytest.mark.browser
HOME = "book/index.html"


def test_first_address_leads_home(chrome, site):
    with visit(chrome, site, HOME) as seen:
        seen.page.goto(site.base)
        seen.page.wait_for_url(f"**/{HOME}")
        assert "Mixed models" in seen.page.title()


def test_search_finds_a_word(chrome, site):
    with visit(chrome, site, HOME) as seen:
        seen.page.keyboard.press("Control+k")
        seen.page.keyboard.type("ledger")
        seen.page.keyboard.press("Enter")
        hit = seen.page.locator("#search-results ul.search a").first
        hit.wait_for(timeout=10_000)
        found = seen.page.locator("#search-results ul.search li").all_inner_texts()
        assert any("Ledger of published numbers" in text for text in found), found
        hit.click()
        seen.page.wait_for_url("**/book/**")
        assert not seen.failed, seen.failed
        assert not seen.foreign, seen.foreign


def test_skip_link_is_first_and_leads_to_the_text(chrome, site):
    with visit(chrome, site, HOME) as seen:
        seen.page.keyboard.press("Tab")
        focused = seen.page.evaluate(
            "[document.activeElement.textContent.trim(), document.activeElement.getAttribute('href')]"
        )
        assert focused == ["Skip to main content", "#main-content"]
        assert seen.page.evaluate("document.activeElement.getBoundingClientRect().top >= 0"), (
            "the skip link stays out of sight"
        )
        seen.page.keyboard.press("Enter")
        seen.page.keyboard.press("Tab")
        inside = "document.getElementById('main-content').contains(document.activeElement)"
        assert seen.page.evaluate(inside), seen.page.evaluate("document.activeElement.outerHTML")


def test_search_and_theme_are_reached_with_tab_and_show_where_they_are(chrome, site):
    with visit(chrome, site, HOME) as seen:
        reached = {}
        for _ in range(60):
            seen.page.keyboard.press("Tab")
            name, outline = seen.page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [e.className, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; })()"
            )
            reached[str(name)] = outline
        for part in ("search-button", "theme-switch"):
            hits = [name for name in reached if part in name]
            assert hits, f"{part} was not reached with Tab; reached: {sorted(reached)}"
            assert all(reached[name] for name in hits), f"{part} has the focus and does not show it"


def test_theme_can_be_switched_and_stays(chrome, site):
    with visit(chrome, site, HOME) as seen:
        theme = "document.documentElement.dataset.theme"
        before = seen.page.evaluate(theme)
        for _ in range(3):  # it goes round: automatic, light, dark
            seen.page.locator("button.theme-switch-button:visible").first.click()
            if seen.page.evaluate(theme) != before:
                break
        chosen = seen.page.evaluate(theme)
        assert chosen != before
        seen.page.reload()
        assert seen.page.evaluate(theme) == chosen


def test_menu_opens_on_a_phone(chrome, site):
    with visit(chrome, site, HOME) as seen:
        seen.page.set_viewport_size(PHONE)
        menu = seen.page.locator("nav.bd-links").first
        assert not menu.is_visible() or menu.bounding_box()["x"] < 0
        seen.page.locator("button.primary-toggle:visible").first.click()
        seen.page.wait_for_function(
            "document.querySelector('nav.bd-links').getBoundingClientRect().left >= 0"
        )
        assert menu.is_visible()


def test_edit_download_and_binder_links_name_files_of_the_repository(chrome, site):
    notebooks = sorted(
        p.relative_to(ROOT).with_suffix("")
        for p in (ROOT / "book").rglob("*.ipynb")
        if "_checkpoints" not in str(p)
    )
    with visit(chrome, site, f"{notebooks[0].as_posix()}.html") as seen:
        hrefs = seen.page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)")
    edit = [m[1] for h in hrefs if (m := re.search(r"/edit/[^/]+/(.+)$", h))]
    binder = [m[1] for h in hrefs if (m := re.search(r"urlpath=lab/tree/(.+)$", h))]
    download = [h for h in hrefs if h.endswith(".ipynb") and "/_sources/" in h]
    for what, paths in (("edit", edit), ("Binder", binder)):
        assert paths, f"no {what} link"
        assert all((ROOT / path).is_file() for path in paths), paths
    assert len(download) == 1
    stored = (site.root / download[0].removeprefix(site.base)).read_bytes()
    assert stored == (ROOT / notebooks[0]).with_suffix(".ipynb").read_bytes(), (
        "the download is not the clean notebook"
    )


@pytest.mark.parametrize("path", [HOME, "book/reference/references.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_agrees_about_contrast(chrome, site, path, scheme):
    """On two pages, since it is slow: the check of page_checks.py and axe's own find nothing."""
    with visit(chrome, site, path) as seen:
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.wait_for_function(f"document.documentElement.dataset.theme === {scheme!r}")
        assert axe(seen, ("color-contrast",)) == contrast(seen) == []


def test_every_page_says_what_it_is(site):
    for path in site.root.glob("book/**/*.html"):
        head = path.read_text(encoding="utf8").split("</head>")[0]
        for needed in ("<title>", 'property="og:title"', 'rel="icon"', 'name="viewport"'):
            assert needed in head, f"{path.name}: no {needed}"
