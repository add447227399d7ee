"""What a page says about itself to a search engine or a chat window: description and social card.

Addresses in such tags must be absolute, so those that need one are left out unless `html: baseurl:` is set in
`_config.yml` (the card itself is book/_static/card.png, drawn by tools/card.py).
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

CARD = "_static/card.png"
CARD_ALT = "Mixed models in Python: regression lines of single groups around the line of the population"
LONGEST = 200


def description(doctree: nodes.document) -> str:
    """Return the first paragraph of running text, cut at a word."""
    boxed = (nodes.Admonition, nodes.footnote, nodes.table, nodes.list_item)
    for paragraph in doctree.findall(nodes.paragraph):
        node: nodes.Node = paragraph
        while node.parent is not None and not isinstance(node, boxed):
            node = node.parent
        text = " ".join(paragraph.astext().split())
        if not isinstance(node, boxed) and len(text) > 40:
            return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
    return ""


def add_tags(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the tags to a page's head."""
    title = app.env.titles[pagename].astext() if pagename in app.env.titles else app.config.html_title
    tags = {
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "twitter:card": "summary",
    }
    text = description(doctree) if doctree is not None else ""
    if text:
        tags |= {"description": text, "og:description": text}
    base = app.config.html_baseurl.rstrip("/")
    if base:
        tags |= {
            "og:url": f"{base}/{pagename}.html",
            "og:image": f"{base}/{CARD}",
            "og:image:width": "1200",
            "og:image:height": "630",
            "og:image:alt": CARD_ALT,
            "twitter:card": "summary_large_image",
        }
    lines = [
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{escape(value)}" />'
        for name, value in tags.items()
    ]
    context["metatags"] = context.get("metatags", "") + "\n    " + "\n    ".join(lines) + "\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the tags."""
    app.connect("html-page-context", add_tags)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
