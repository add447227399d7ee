"""The site away from its server: from the file system, on paper, at a wrong address; and what it keeps of a reader."""

from __future__ import annotations

import gzip
import json
import re
import zipfile

import pytest
from page_checks import PATIENCE, is_local, visit

from tools.bundle import READY, SITE
from tools.site import ROOT

pytestmark = pytest.mark.browser
HOME = "book/index.html"
CHAPTER = "book/1_random_effects/01_oysters.html"
START = "book/0_start/index.html"


@pytest.fixture(scope="module")
def unpacked(site, tmp_path_factory):
    """Return the offline zip, unpacked."""
    folder = tmp_path_factory.mktemp("offline")
    with zipfile.ZipFile(site.root / "download" / "offline.zip") as packed:
        packed.extractall(folder)
    return folder / SITE


def test_offline_zip_reads_from_the_file_system(chrome, unpacked):
    page = chrome.new_page()
    page.set_default_timeout(PATIENCE)
    said, asked = [], []
    page.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda q: asked.append(q.url))
    try:
        for path in (HOME, CHAPTER, "book/4_lmertest/04_type_one_error.html"):
            page.goto((unpacked / path).as_uri())
            page.evaluate(READY)
            assert page.evaluate("[...document.images].every((i) => i.naturalWidth)"), path
            assert page.evaluate(
                "document.querySelectorAll('.math').length === document.querySelectorAll('.math mjx-container').length"
            )
        place = page.locator(".mm-interactive").first
        place.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('.mm-interactive').dataset.ready === 'yes'")
        page.goto((unpacked / HOME).as_uri())
        page.locator('a[href="0_start/index.html"]').last.click()
        page.wait_for_url("**/0_start/index.html")
        assert not said, said
        assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    finally:
        page.close()


def test_search_works_from_the_file_system(chrome, unpacked):
    page = chrome.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        page.goto((unpacked / "search.html").as_uri() + "?q=shrinkage")
        page.locator("#search-results ul.search a").first.wait_for()
        titles = page.locator("#search-results ul.search a").all_inner_texts()
        assert any("Fixed or random" in title for title in titles), titles
    finally:
        page.close()


def test_whole_book_holds_every_chapter_and_its_links_stay_inside(chrome, site):
    """Without its mathematics, which takes a minute to draw and is checked page by page elsewhere."""
    page = chrome.new_page()
    page.set_default_timeout(PATIENCE)
    page.route("**/mathjax/**", lambda route: route.abort())
    try:
        page.goto(site.base + "download/whole-book.html")
        there = page.eval_on_selector_all(".whole-book-page", "pages => pages.map(p => p.id)")
        chapters = (
            p.relative_to(ROOT / "book").with_suffix("") for p in (ROOT / "book").glob("[0-9]_*/*.ipynb")
        )
        assert {p.as_posix().replace("/", "-") for p in chapters} <= set(there)
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert sorted(ids) == sorted(set(ids))
        asked = page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.getAttribute('href').slice(1)))"
        )
        assert not [one for one in asked if one and one not in set(ids)]
        page.emulate_media(media="print")
        hidden = "[...document.querySelectorAll('.whole-book-page h1')].filter(h => !h.checkVisibility()).map(h => h.textContent)"
        assert not page.evaluate(hidden)
    finally:
        page.close()


def test_a_wrong_address_gets_help_at_any_depth(chrome, site):
    """A server shows 404.html under the address that was asked for; here that address is put in by hand."""
    html = (site.root / "404.html").read_text(encoding="utf8")
    page = chrome.new_page()
    page.set_default_timeout(PATIENCE)
    wrong = site.base + "book/2_zuur/overdispersion/index.html"
    page.route(wrong, lambda route: route.fulfill(status=404, content_type="text/html", body=html))
    failed: list[str] = []
    page.on("response", lambda r: failed.append(r.url) if r.status >= 400 and r.url != wrong else None)
    try:
        page.goto(wrong)
        assert page.get_by_role("heading", name="This page is not here").is_visible()
        near = page.locator("#near-misses a").first
        assert near.get_attribute("href") == "/book/2_zuur/08_overdispersion.html"
        near.click()
        page.wait_for_url("**/08_overdispersion.html")
        assert not failed, failed
    finally:
        page.close()


def test_what_was_read_is_kept_in_this_browser(chrome, site):
    with visit(chrome, site, CHAPTER) as seen:
        button = seen.page.locator("button.mark-read")
        assert button.get_attribute("aria-pressed") == "false"
        button.focus()
        seen.page.keyboard.press("Enter")
        assert button.get_attribute("aria-pressed") == "true"
        assert seen.page.locator("nav.bd-links a.is-read").count() == 1
        seen.page.goto(site.base + START)
        marked = seen.page.locator("svg.course-map a.is-read")
        assert marked.count() == 1
        assert marked.get_attribute("data-page") == CHAPTER.removesuffix(".html")
        seen.page.goto(site.base + CHAPTER)
        seen.page.locator("button.mark-read").click()
        assert seen.page.evaluate("localStorage.getItem('course-read')") == "[]"


def test_the_map_shows_the_whole_way_to_a_chapter(chrome, site):
    with visit(chrome, site, START) as seen:
        seen.page.locator('svg.course-map a[data-page$="12_glmm_gamm"]').focus()
        on = seen.page.eval_on_selector_all(
            "svg.course-map a.on", "links => links.map(a => a.dataset.page.split('/').pop())"
        )
        assert {
            "12_glmm_gamm",
            "11_gee",
            "10_zeros",
            "09_proportions",
            "08_overdispersion",
            "07_distributions",
        } <= set(on)
        assert "05_time" not in on
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url("**/12_glmm_gamm.html")


def test_every_page_can_be_cited_and_says_what_it_is_to_a_machine(site):
    for path in site.root.glob("book/[0-9]_*/*.html"):
        html = path.read_text(encoding="utf8")
        assert html.count('class="cite-page"') == 1, path.name
        data = json.loads(re.search(r'<script type="application/ld\+json">(.+?)</script>', html)[1])
        assert data["@type"] == "LearningResource"
        assert (
            data["name"] in re.search(r"<title>(.+?)</title>", html)[1].replace("&#39;", "’")
            or "&" in html.split("</title>")[0]
        )


def test_figures_have_a_size_and_wait_until_they_are_near(site):
    html = (site.root / CHAPTER).read_text(encoding="utf8")
    figures = re.findall(r"<img [^>]*_images/[^>]*>", html)
    assert len(figures) >= 3
    assert all('width="' in figure and 'height="' in figure for figure in figures)
    assert all('loading="lazy"' in figure for figure in figures[1:])


def test_home_page_is_light(chrome, site):
    """Everything the home page asks for, as a server would compress it: under 300 KB."""
    page = chrome.new_page()
    page.set_default_timeout(PATIENCE)
    asked: set[str] = set()
    page.on("request", lambda q: asked.add(q.url.split("?")[0]) if is_local(site, q.url) else None)
    try:
        page.goto(site.base + HOME, wait_until="networkidle")
    finally:
        page.close()
    files = [site.root / url.removeprefix(site.base) for url in asked if url.startswith(site.base)]
    weights = {
        f.name: len(f.read_bytes() if f.suffix in {".woff2", ".png"} else gzip.compress(f.read_bytes(), 6))
        for f in files
    }
    assert not any("mathjax" in url for url in asked)
    assert sum(weights.values()) < 300_000, dict(sorted(weights.items(), key=lambda kv: -kv[1]))
