"""No figure without words: each image needs an alternative text that says what it shows, or the build fails."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
SHORTEST = 20
FILE_NAME = re.compile(r"\S+\.(?:png|svg|jpe?g|gif|webp|avif|pdf)", re.IGNORECASE)
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
HTML_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
LINES_A_CELL = 10_000  # myst-nb numbers lines of a notebook as cell * 10000 + line


def complaint(alt: str) -> str | None:
    """Say what is wrong with an alternative text, or None.

    >>> complaint("Residuals of growth by bag; their medians differ by up to 8 mm.")
    >>> complaint("figure.png")
    "its alt text is a file name: 'figure.png'"
    """
    alt = " ".join(alt.split())
    if not alt:
        return "it has no alt text"
    if FILE_NAME.fullmatch(alt):
        return f"its alt text is a file name: {alt!r}"
    if len(alt) < SHORTEST:
        return f"its alt text says too little ({len(alt)} characters, at least {SHORTEST}): {alt!r}"
    return None


def place(node: nodes.Node, notebook: bool) -> str:
    """Say where an image stands: a notebook's cell as JupyterLab counts them, or a line."""
    line = node.line or next((n.line for n in _ancestors(node) if n.line), None)
    if line is None:
        return "an image"
    if notebook:
        return f"the figure of cell {line // LINES_A_CELL} (cells counted from 1, text cells too)"
    return f"the image in line {line}"


def _ancestors(node: nodes.Node) -> list[nodes.Node]:
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def check_alt_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Warn about each image without a proper alternative text; `make book` fails on any warning."""
    docname = app.env.docname
    notebook = app.env.doc2path(docname).endswith(".ipynb")
    cure = (
        'add {"mystnb": {"image": {"alt": "..."}}} to the cell\'s metadata'
        if notebook
        else "say what it shows"
    )
    wrong: dict[str, None] = {}  # a figure may be there in several formats: one complaint each
    for image in doctree.findall(nodes.image):
        if what := complaint(image.get("alt", "")):
            wrong[f"{place(image, notebook)}: {what}; {cure}"] = None
    for raw in doctree.findall(nodes.raw):
        for tag in HTML_IMAGE.findall(raw.astext()):
            alt = HTML_ALT.search(tag)
            if what := complaint((alt[1] or alt[2] or "") if alt else ""):
                wrong[f"{place(raw, notebook)} (HTML): {what}; say what it shows"] = None
    for message in wrong:
        LOGGER.warning(message, location=docname, type="course", subtype="alt")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the check."""
    app.connect("doctree-read", check_alt_texts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
