"""What is checked on every page of the site. Each check returns its complaints; `test_checks_fail.py` shows that each can.

A page is loaded once (`visit`), everything that happened meanwhile is kept, and the checks read it or ask the page.
"""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from axe_playwright_python.sync_playwright import Axe

# Quiet and alone: a browser that finds nobody but this machine. (Routing requests would do that too, without a cache.)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE = 90_000  # ms: a busy machine is no fault of a page


# --- a server, and a visit -------------------------------------------------------------------------------------


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Site:
    """A folder of pages, and the address under which it is served."""

    root: Path
    base: str


@contextmanager
def served(root: Path) -> Iterator[Site]:
    """Serve a folder on this machine, at a free port."""
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(root, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()


@dataclass
class Visit:
    """One loaded page and what happened while it loaded."""

    site: Site
    page: Any
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def is_local(site: Site, url: str) -> bool:
    """Say whether an address belongs to the site (or to no site at all)."""
    return url.startswith((site.base, "data:", "blob:", "about:"))


def window(browser: Any) -> Any:
    """Open the window in which pages are visited: one a worker, so that what pages share is loaded once."""
    return browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")


@contextmanager
def visit(context: Any, site: Site, path: str) -> Iterator[Visit]:
    """Open a page, wait until its mathematics stands, and keep what it said and asked for."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Visit(site, page)
    page.on(
        "console",
        lambda m: seen.console.append(f"{m.type}: {m.text}") if m.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda e: seen.console.append(f"uncaught: {e}"))
    page.on("request", lambda q: None if is_local(site, q.url) else seen.foreign.append(q.url))
    page.on("requestfailed", lambda q: seen.failed.append(f"{q.url}: {q.failure}"))
    page.on("response", lambda r: seen.failed.append(f"{r.url}: {r.status}") if r.status >= 400 else None)
    try:
        page.goto(site.base + path, wait_until="load")
        page.evaluate("async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }")
        yield seen
    finally:
        page.evaluate("localStorage.clear()")
        page.close()


# --- the checks ------------------------------------------------------------------------------------------------


def console(seen: Visit) -> list[str]:
    """Nothing was reported in the console, nothing was thrown."""
    return list(seen.console)


def requests(seen: Visit) -> list[str]:
    """Everything that the page asked for came."""
    return list(seen.failed)


def third_parties(seen: Visit) -> list[str]:
    """The page asked nobody but its own site."""
    return list(seen.foreign)


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids |= {
            value for name, value in attrs if value and (name == "id" or (tag == "a" and name == "name"))
        }


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a page."""
    parser = _Ids()
    parser.feed(path.read_text(encoding="utf8"))
    return frozenset(parser.ids)


# A link of a drawing (SVG) keeps its address in an object.
LINKS = "links => links.map(a => new URL(a.href.baseVal ?? a.href, location.href).href)"


def links(seen: Visit) -> list[str]:
    """Each link into the site leads to a file that is there, and to an anchor that is there."""
    complaints = []
    for url in dict.fromkeys(seen.page.eval_on_selector_all("a[href]", LINKS)):
        if not url.startswith(seen.site.base):
            continue
        address, anchor = urldefrag(url)
        target = seen.site.root / unquote(urlsplit(address).path).lstrip("/")
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            complaints.append(f"dead link: {url.removeprefix(seen.site.base)}")
        elif anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target):
            complaints.append(f"dead anchor: {url.removeprefix(seen.site.base)}")
    return complaints


IMAGES = """async () => {
  const wrong = [];
  for (const image of document.images) {
    image.loading = "eager";
    try { await image.decode(); } catch { /* the next line says it */ }
    const name = image.getAttribute("src").slice(0, 80);
    if (!image.naturalWidth) wrong.push(`image not loaded: ${name}`);
    const alt = image.getAttribute("alt");
    if (alt === null) wrong.push(`image without alt: ${name}`);
    else if (image.closest("article") && alt.trim().length < 20) wrong.push(`alt text says too little: ${name} "${alt}"`);
  }
  return wrong;
}"""


def images(seen: Visit) -> list[str]:
    """Each image is there and has an alternative text; in an article one that says something."""
    return list(seen.page.evaluate(IMAGES))


MATHS = r"""() => {
  const wrong = [];
  for (const place of document.querySelectorAll(".math"))
    if (!place.querySelector("mjx-container")) wrong.push(`mathematics not drawn: ${place.textContent.slice(0, 60)}`);
  for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]"))
    wrong.push(`MathJax: ${error.getAttribute("data-mjx-error") || error.textContent}`);
  const raw = /\\\(|\\\[|\$\$|\\(?:begin|frac|sigma|theta|beta|lambda|mathcal|mathbf|hat|sum|text)\b/i;
  const texts = document.createTreeWalker(document.querySelector("article") || document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement;
    if (raw.test(texts.currentNode.data) && !parent.closest("pre, code, script, style, textarea, mjx-container, .MathJax"))
      wrong.push(`raw TeX: ${texts.currentNode.data.trim().slice(0, 60)}`);
  }
  return wrong;
}"""


def maths(seen: Visit) -> list[str]:
    """All mathematics was drawn; no TeX is left in the text."""
    return list(seen.page.evaluate(MATHS))


WIDER = """() => {
  const root = document.scrollingElement, width = root.clientWidth;
  window.scrollTo(10000, 0);
  const moved = window.scrollX;
  window.scrollTo(0, 0);
  if (root.scrollWidth <= width && !moved) return [];
  const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  const names = out.slice(0, 4).map((e) => e.tagName.toLowerCase() + (e.className ? "." + String(e.className).slice(0, 40) : ""));
  return [`the page is ${root.scrollWidth} wide on a screen of ${width}: ${names.join(", ")}`];
}"""


def phone(seen: Visit) -> list[str]:
    """On a phone nothing but a box of its own scrolls sideways."""
    seen.page.set_viewport_size(PHONE)
    try:
        seen.page.wait_for_timeout(50)
        return list(seen.page.evaluate(WIDER))
    finally:
        seen.page.set_viewport_size(WIDE)


def axe(seen: Visit, rules: tuple[str, ...] = ()) -> list[str]:
    """No serious or critical violation that axe finds (all its rules but that of `contrast`, or only some)."""
    chosen: dict[str, Any] = (
        {"runOnly": list(rules)} if rules else {"rules": {"color-contrast": {"enabled": False}}}
    )
    # without `preload` axe would ask for the style sheets once more, by addresses relative to the wrong place
    options = {"resultTypes": ["violations"], "preload": False} | chosen
    found = Axe().run(seen.page, options=options).response["violations"]
    serious = [v for v in found if v["impact"] in {"serious", "critical"}]
    return [
        f"axe, {v['impact']}, {v['id']}: {v['help']}: {n['html'][:160]}"
        for v in serious
        for n in v["nodes"][:4]
    ]


CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf8")


def contrast(seen: Visit) -> list[str]:
    """Every text stands out from its background."""
    return list(seen.page.evaluate(CONTRAST))


# The page hears of the change with its next frame.
THEME_SOON = """async () => {
  for (let frame = 0; frame < 20 && document.documentElement.dataset.theme !== "dark"; frame++)
    await new Promise(requestAnimationFrame);
  return document.documentElement.dataset.theme;
}"""


def dark(seen: Visit) -> list[str]:
    """In dark mode the page is dark, and its texts stand out there too."""
    seen.page.emulate_media(color_scheme="dark")
    try:
        theme = seen.page.evaluate(THEME_SOON)
        complaints = [] if theme == "dark" else [f"the theme is {theme!r} where dark was asked for"]
        return complaints + contrast(seen) + axe(seen, ("link-in-text-block",))
    finally:
        seen.page.emulate_media(color_scheme="light")


PRINTED = """() => [".bd-header", ".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer",
    "#pst-back-to-top", "nav"]
  .flatMap((s) => [...document.querySelectorAll(s)])
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0)
  .map((e) => `printed: ${e.tagName.toLowerCase()} ${e.className}`)
  .concat(document.querySelector("main")?.checkVisibility() ? [] : ["the text is not printed"])"""


def paper(seen: Visit) -> list[str]:
    """On paper there is the text, dark on white whatever the screen was, and no navigation."""
    seen.page.emulate_media(media="print", color_scheme="dark")
    try:
        seen.page.evaluate(THEME_SOON)
        return list(seen.page.evaluate(PRINTED)) + [f"on paper, {text}" for text in contrast(seen)]
    finally:
        seen.page.emulate_media(media="screen", color_scheme="light")


# Chromium lets the keyboard into any box that scrolls, so axe has nothing to say; other browsers do not.
SCROLLERS = """() => [...document.querySelectorAll("main *")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.checkVisibility())
  .filter((e) => e.tabIndex < 0 && !e.querySelector("a[href], button, input, summary, [tabindex='0']"))
  .map((e) => `scrolls sideways, and not by keyboard: ${e.tagName.toLowerCase()}.${e.className}`)"""


def scrollers(seen: Visit) -> list[str]:
    """What scrolls sideways on a phone can be reached with the keyboard."""
    seen.page.set_viewport_size(PHONE)
    try:
        seen.page.wait_for_timeout(50)
        return list(seen.page.evaluate(SCROLLERS))
    finally:
        seen.page.set_viewport_size(WIDE)


#: By name, in the order in which they run. The first three read what happened, so they come last.
CHECKS: dict[str, Callable[[Visit], list[str]]] = {
    "links": links,
    "images": images,
    "maths": maths,
    "phone": phone,
    "scrollers": scrollers,
    "axe": axe,
    "contrast": contrast,
    "dark": dark,
    "paper": paper,
    "console": console,
    "requests": requests,
    "third_parties": third_parties,
}


def pages(root: Path) -> list[str]:
    """Return the pages of the site: every HTML file that a reader can reach, without the theme's own pieces."""
    found = (p.relative_to(root).as_posix() for p in root.rglob("*.html"))
    # (the whole book on one page, in download/, has tests of its own: all its pages are checked one by one)
    return sorted(
        p for p in found if not re.match(r"_static/|_sources/|download/", p) and not is_redirect(root / p)
    )


def is_redirect(path: Path) -> bool:
    """Say whether a page only sends the reader on (Jupyter Book makes the first page so)."""
    return path.stat().st_size < 1000 and "http-equiv" in path.read_text(encoding="utf8").lower()


def complaints(context: Any, site: Site, path: str) -> list[str]:
    """Return what all checks have to say about a page, each line beginning with the page and the check."""
    with visit(context, site, path) as seen:
        return [f"{path}: {name}: {text}" for name, check in CHECKS.items() for text in check(seen)]
