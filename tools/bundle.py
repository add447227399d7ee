"""What a reader takes along: the site as a zip, the notebooks as a zip, the whole book on one page to print.

`tools/site.py` makes them after the pages, into `_build/html/download/`. `make pdf` prints the one page with Chromium.
Zips hold fixed times, so that the same book gives the same bytes.
"""

from __future__ import annotations

import copy
import re
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urldefrag

import yaml
from bs4 import BeautifulSoup, Tag

from tools.site import ROOT, pages

SITE = "mixed-models-in-python"
EPOCH = (2026, 1, 1, 0, 0, 0)

RUN = """The notebooks of "Mixed models in Python", with everything they need.

With conda:   conda env create --file conda/environment.yml
              conda activate mixed-models
              jupyter lab book

Without:      python3.11 -m venv .venv
              .venv/bin/pip install --require-hashes -r requirements.txt
              .venv/bin/pip install --no-deps .
              .venv/bin/jupyter lab book

On Debian or Ubuntu `make lab` does all of this, and sets up R too.
R is optional: without it the cells that use lme4 show a stored result, or say in one line what is missing.
"""


# --- zips ------------------------------------------------------------------------------------------------------


def pack(target: Path, files: Iterable[tuple[str, Path | str]]) -> None:
    """Write a zip of (name inside, file or text), in the order of the names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name, what in sorted(files, key=lambda pair: pair[0]):
            info = zipfile.ZipInfo(f"{SITE}/{name}", EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            out.writestr(info, what if isinstance(what, str) else what.read_bytes())


def under(folder: str, *skip: str) -> list[tuple[str, Path | str]]:
    """Return the files below a folder of the repository, without caches."""
    never = ("__pycache__", ".ipynb_checkpoints", *skip)
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return [(path.relative_to(ROOT).as_posix(), path) for path in found if not set(never) & set(path.parts)]


def notebooks() -> list[tuple[str, Path | str]]:
    """Return what one needs to run the notebooks: they, the package, the data, the environment."""
    alone = [
        "pyproject.toml",
        "requirements.txt",
        "apt.txt",
        "Makefile",
        "README.md",
        "LICENSE",
        "LICENSE-content",
        "CITATION.cff",
    ]
    files: list[tuple[str, Path | str]] = [(name, ROOT / name) for name in alone]
    for folder in ("book", "mmhelpers", "data", "tools", "conda"):
        files += under(folder)
    return [*files, ("HOW-TO-RUN.txt", RUN)]


def offline(html: Path) -> list[tuple[str, Path | str]]:
    """Return the site, without what only a server needs and without the zips themselves."""
    found = (path for path in html.rglob("*") if path.is_file() and ".pytest_cache" not in path.parts)
    skip = re.compile(
        r"404\.html|sitemap\.xml|robots\.txt|objects\.inv|\.buildinfo|download/.*\.(zip|pdf)|_static/pyodide/.*"
    )
    names = [(path.relative_to(html).as_posix(), path) for path in found]
    return [(name, path) for name, path in names if not skip.fullmatch(name)]


# --- the whole book on one page --------------------------------------------------------------------------------


def slug(page: str) -> str:
    """Return the anchor of a page inside the whole book."""
    return page.removeprefix("book/").replace("/", "-")


def article(html: Path, page: str, inside: set[str]) -> Tag:
    """Return a page's text, its anchors made unique and its links turned inwards."""
    soup = BeautifulSoup((html / f"{page}.html").read_text(encoding="utf8"), "html.parser")
    text = soup.select_one("article.bd-article")
    if text is None:
        raise ValueError(f"{page}.html has no article.bd-article: has the theme changed?")
    folder = (html / page).parent
    for gone in text.select("details.cite-page, a.headerlink, script, button"):
        gone.decompose()
    for one in text.select("[id]"):
        one["id"] = f"{slug(page)}--{one['id']}"
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        for one in text.select(f"[{attribute}]"):
            one[attribute] = f"{slug(page)}--{one[attribute]}"
    for one in text.select("[src]"):
        if not re.match(r"[a-z]+:|/", str(one["src"])):
            one["src"] = "../" + (folder / str(one["src"])).resolve().relative_to(html.resolve()).as_posix()
    for link in text.select("a[href]"):
        address, anchor = urldefrag(str(link["href"]))
        if re.match(r"[a-z]+:", address):
            continue
        target = (
            (folder / address).resolve().relative_to(html.resolve()).as_posix() if address else f"{page}.html"
        )
        other = target.removesuffix(".html")
        if other in inside:
            link["href"] = f"#{slug(other)}" + (f"--{anchor}" if anchor else "")
        else:
            link["href"] = f"../{target}" + (f"#{anchor}" if anchor else "")
    for folded in text.select("details"):
        folded["open"] = ""
    text.name = "section"
    text["id"] = slug(page)
    text["class"] = [*text.get("class", []), "whole-book-page"]
    return text


def whole_book(html: Path) -> str:
    """Return one page with all chapters, in order, for paper."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    inside = [page for page in [toc["root"], *pages(toc)] if "/api" not in page]
    head = BeautifulSoup(
        (html / "book/1_random_effects/01_oysters.html").read_text(encoding="utf8"), "html.parser"
    ).head
    if head is None:
        raise ValueError("the chapter whose head the printed book takes has none")
    head = copy.copy(head)
    for gone in head.select(
        'meta[property], meta[name="description"], script[type="application/ld+json"], link[rel="next"], link[rel="prev"]'
    ):
        gone.decompose()
    for one in head.select("[href], [src]"):
        attribute = "href" if one.has_attr("href") else "src"
        one[attribute] = re.sub(r"^(\.\./)+", "../", str(one[attribute]))
    title = head.select_one("title")
    if title is not None:
        title.string = "Mixed models in Python: the whole book"
    body = "\n".join(str(article(html, page, set(inside))) for page in inside)
    return (
        '<!DOCTYPE html>\n<html lang="en" data-content_root="../" data-theme="light" data-mode="light">\n'
        f'{head}\n<body class="whole-book"><main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
        f'<div class="bd-article">{body}</div></div></div></main></body></html>\n'
    )


def make(html: Path) -> None:
    """Write the three."""
    folder = html / "download"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "whole-book.html").write_text(whole_book(html), encoding="utf8")
    pack(folder / "notebooks.zip", notebooks())
    pack(folder / "offline.zip", offline(html))


# --- on paper --------------------------------------------------------------------------------------------------


def pdf(html: Path) -> Path:
    """Print the whole book with Chromium, with bookmarks and page numbers; return where it is."""
    from playwright.sync_api import sync_playwright

    from mmhelpers import doctor

    source, target = html / "download" / "whole-book.html", html / "download" / "mixed-models-in-python.pdf"
    if not source.exists():
        sys.exit("the site is not built: run `make book` first")
    foot = '<div style="font-size:8px;width:100%;text-align:center"><span class="pageNumber"></span></div>'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=doctor.chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(source.resolve().as_uri())
        page.evaluate(READY)
        page.pdf(
            path=target, format="A4", outline=True, tagged=True, display_header_footer=True, header_template="<span></span>",
            footer_template=foot, margin={"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
        )  # fmt: skip
        browser.close()
    return target


READY = """async () => {
  for (const image of document.images) { image.loading = "eager"; await image.decode().catch(() => {}); }
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
}"""


if __name__ == "__main__":
    print(f"==> {pdf(ROOT / '_build' / 'html').relative_to(ROOT)}")
