"""How the site is found, cited, and found again: sitemap, structured data, a citation on every page, a 404 page.

The place where the site is published is one setting, `html: baseurl:` in `_config.yml` (the environment variable
BASEURL overrides it for one build, as a deployment does). What needs an absolute address is left out without it.
"""

from __future__ import annotations

import json
import os
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).resolve().parents[2]
MISSING = "404"


def take_base(app: Sphinx, config: Config) -> None:
    """Let BASEURL override the setting."""
    config.html_baseurl = os.environ.get("BASEURL", config.html_baseurl)


def address(app: Sphinx, pagename: str) -> str:
    """Return the published address of a page, or "" where none is set."""
    base = app.config.html_baseurl.rstrip("/")
    return f"{base}/{pagename}.html" if base else ""


# --- structured data -------------------------------------------------------------------------------------------


def structured(app: Sphinx, pagename: str, title: str, year: str) -> dict[str, Any]:
    """Return what a page says of itself to a search engine (https://schema.org/LearningResource)."""
    course = {
        "@type": "Course",
        "name": app.config.html_title,
        "description": "A course on linear mixed-effects models in Python, every chapter an executed notebook.",
        "provider": {"@type": "Organization", "name": app.config.author},
    }
    home = address(app, "book/index")
    if home:
        course["url"] = home
    if pagename == "book/index":
        return {
            "@context": "https://schema.org",
            **course,
            "inLanguage": "en",
            "isAccessibleForFree": True,
            "license": "https://creativecommons.org/licenses/by/4.0/",
            "hasCourseInstance": {"@type": "CourseInstance", "courseMode": "online", "courseWorkload": "P4W"},
        }
    page: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "LearningResource",
        "name": title,
        "inLanguage": "en",
        "isAccessibleForFree": True,
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "copyrightYear": year,
        "isPartOf": course,
    }
    if address(app, pagename):
        page["url"] = address(app, pagename)
    return page


# --- a citation on every page ----------------------------------------------------------------------------------


def citation(app: Sphinx, pagename: str, title: str, year: str) -> str:
    """Return a box with the page's citation, as a line and as BibTeX."""
    where = address(app, pagename) or app.config.html_theme_options.get("repository_url", "")
    key = re.sub(r"\W+", "-", pagename.removeprefix("book/")).strip("-")
    book, author = app.config.html_title, app.config.author
    line = f"{author} ({year}). {title}. In <i>{escape(book)}</i>. {escape(where)}"
    bibtex = "\n".join(
        [
            f"@incollection{{{key},",
            f"  author    = {{{{{author}}}}},",
            f"  title     = {{{title}}},",
            f"  booktitle = {{{book}}},",
            f"  year      = {{{year}}},",
            f"  url       = {{{where}}},",
            "}",
        ]
    )
    return (
        f'<details class="cite-page"><summary>Cite this page</summary><p>{line}</p>'
        f'<div class="highlight"><pre>{escape(bibtex)}</pre></div></details>'
    )


def add_to_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add both to a page of the book."""
    if pagename not in app.env.titles or doctree is None:
        return
    title, year = app.env.titles[pagename].astext(), str(app.config.copyright)[:4]
    data = json.dumps(structured(app, pagename, title, year), ensure_ascii=False).replace("<", "\\u003c")
    context["metatags"] = (
        context.get("metatags", "") + f'\n    <script type="application/ld+json">{data}</script>\n'
    )
    context["body"] = context["body"] + citation(app, pagename, title, year)


# --- sitemap and robots.txt ------------------------------------------------------------------------------------


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List the pages for search engines (https://www.sitemaps.org/protocol.html); addresses must be absolute."""
    base = app.config.html_baseurl.rstrip("/")
    if exception or app.builder.format != "html" or not base:
        return
    lines = [f"  <url><loc>{escape(address(app, name))}</loc></url>" for name in sorted(app.env.found_docs)]
    out = Path(app.outdir)
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(lines)
        + "\n</urlset>\n",
        encoding="utf8",
    )
    (out / "robots.txt").write_text(
        f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n", encoding="utf8"
    )


# --- the page for an address that is not there -----------------------------------------------------------------

HELP = """<section id="not-here">
<h1>This page is not here</h1>
<p>The address may have a slip in it, or the page may have moved. What may help:</p>
<ul class="simple" id="near-misses"></ul>
<ul class="simple">
<li><a href="book/0_start/index.html">the map of all chapters</a>, with three routes through them</li>
<li><a href="book/reference/faq.html">questions often asked</a></li>
<li><a href="search.html">search</a> (or press Ctrl and K)</li>
<li><a href="book/index.html">the home page</a></li>
</ul>
</section>
<script>
{
  // Pages whose name shares a word with the address that was asked for, the closest first.
  const words = (text) => (text.toLowerCase().match(/[a-z]{3,}/g) ?? []).filter((w) => w !== "book" && w !== "html");
  const asked = new Set(words(location.pathname));
  const pages = PAGES;
  const shared = ([name]) => words(name).filter((w) => asked.has(w)).length;
  const near = pages.map((page) => [shared(page), page]).filter(([n]) => n > 0).sort((a, b) => b[0] - a[0]).slice(0, 4);
  for (const [, [name, title]] of near) {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = "PREFIX" + name + ".html";
    link.textContent = title;
    item.append("did you mean ", link, "?");
    document.getElementById("near-misses").append(item);
  }
  if (!near.length) document.getElementById("near-misses").remove();
}
</script>"""


def prefix(app: Sphinx) -> str:
    """Return the path under which the site is published, with a slash at both ends."""
    path = urlsplit(app.config.html_baseurl).path.strip("/")
    return f"/{path}/" if path else "/"


def missing_page(app: Sphinx) -> list[tuple[str, dict[str, Any], str]]:
    """Make the page that a server shows for a wrong address."""
    pages = [[name, title.astext()] for name, title in sorted(app.env.titles.items())]
    listed = json.dumps(pages, ensure_ascii=False).replace("<", "\\u003c")
    body = HELP.replace("PAGES", listed).replace("PREFIX", prefix(app))
    return [(MISSING, {"title": "This page is not here", "body": body, "display_toc": False}, "page.html")]


def make_absolute(app: Sphinx, exception: Exception | None) -> None:
    """Write absolute addresses into it: a server shows it for an address at any depth."""
    page = Path(app.outdir) / f"{MISSING}.html"
    if exception or app.builder.format != "html" or not page.exists():
        return
    html = page.read_text(encoding="utf8")
    html = re.sub(r'\b(href|src|action)="(?!#|/|[a-z]+:)(?:\./)?', rf'\1="{prefix(app)}', html)
    html = html.replace('data-content_root="./"', f'data-content_root="{prefix(app)}"')
    page.write_text(html, encoding="utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("config-inited", take_base)
    app.connect("html-page-context", add_to_page)
    app.connect("html-collect-pages", missing_page)
    app.connect("build-finished", write_sitemap)
    app.connect("build-finished", make_absolute, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
