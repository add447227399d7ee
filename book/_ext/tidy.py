"""What the theme writes, put right: scripts that draw nothing, a wrong role, and figures without a size.

A figure that says its size does not push the text about when it arrives, and one that is far below is not fetched
until the reader comes near (`loading="lazy"`).
"""

from __future__ import annotations

import re
import shutil
import struct
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

REPLACE = (
    # The icon script (1.5 MB on every page) draws nothing that the style sheet beside it does not draw from a font.
    (re.compile(r'<script src="[^"]*/vendor/fontawesome/[^"]*/js/all\.min\.js[^"]*"></script>\n?'), ""),
    # The icon fonts are small (icons.py) and come with the style sheet.
    (re.compile(r'<link rel="preload" as="font"[^>]*/>\n?'), ""),
    # Exercises repeat these ids on a page; nothing points to them.
    (re.compile(r' id="(?:exercise|solution)-content"'), ""),
    # This role is deprecated, and a list may not hold it: https://www.w3.org/TR/dpub-aria-1.1/#doc-biblioentry
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
)
IMAGE = re.compile(r'<img (?![^>]*\bloading=)(?=[^>]*\bsrc="([^"]+\.png)")')
# Where a page has no mathematics, MathJax (2 MB) is not asked for.
MATHS = re.compile(r'class="[^"]*\bmath\b|\\\(|\\\[')
MATHJAX = re.compile(r'<script defer="defer" src="[^"]*/mathjax/tex-chtml-full\.js[^"]*"></script>\n?')


@cache
def size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a PNG file in pixels, or None where there is no such file."""
    try:
        head = path.read_bytes()[:24]
    except OSError:
        return None
    return struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" else None


def sized(html: str, folder: Path) -> str:
    """Give each PNG of a page its size, and have all but the first fetched when the reader comes near."""
    seen = 0

    def attributes(found: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        lazy = 'loading="lazy" ' if seen > 1 else ""
        known = size((folder / found[1].split("?")[0]).resolve())
        given = re.match(r"[^>]*\b(?:width|height)[=:]", html[found.end() : html.find(">", found.end())])
        shape = f'width="{known[0]}" height="{known[1]}" ' if known and not given else ""
        return f"<img {lazy}{shape}"

    return IMAGE.sub(attributes, html)


def tidy(app: Sphinx, exception: Exception | None) -> None:
    """Correct the written pages."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        before = after = page.read_text(encoding="utf8")
        for pattern, better in REPLACE:
            after = pattern.sub(better, after)
        if not MATHS.search(after):
            after = MATHJAX.sub("", after)
        after = sized(after, page.parent)
        if after != before:
            page.write_text(after, encoding="utf8")
    for script in (Path(app.outdir) / "_static" / "vendor" / "fontawesome").glob("*/js"):
        shutil.rmtree(script)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("build-finished", tidy)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
