"""The icon fonts, cut down to the icons that the site draws: 5 KB in the place of 300 KB on every page.

The theme ships Font Awesome whole. Which icons are used is read from the written pages, scripts and style sheets, so
that a new icon is in the font with the next build.
"""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

DEFINED = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
NAMED = re.compile(r"\bfa-([a-z0-9-]+)")
WRITTEN = re.compile(r"\\(f[0-9a-f]{3})\b")
SOURCES = re.compile(
    r'src:url\(([^)]*?)([\w-]+)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\) format\("truetype"\)'
)


def original_fonts() -> dict[str, Path]:
    """Return the fonts of the theme, by their names."""
    theme = importlib.util.find_spec("pydata_sphinx_theme")
    if theme is None or theme.origin is None:
        raise ExtensionError("pydata_sphinx_theme is not installed: run `make setup`")
    found = {path.stem: path for path in Path(theme.origin).parent.rglob("webfonts/*.ttf")}
    if not found:
        raise ExtensionError("the theme no longer ships its icon fonts as .ttf: see book/_ext/icons.py")
    return found


def used(out: Path, sheet: str) -> set[int]:
    """Return the code points that the site draws."""
    code = {name[4:-7]: int(hexa, 16) for names, hexa in DEFINED.findall(sheet) for name in names.split(",")}
    files = [*out.rglob("*.html"), *(out / "_static").rglob("*.js"), *(out / "_static").rglob("*.css")]
    points: set[int] = set()
    for path in files:
        if (
            "fontawesome" in path.parts
            or "mathjax" in path.parts
            or path.name.startswith(("bokeh", "pyodide"))
        ):
            continue
        text = path.read_text(encoding="utf8", errors="ignore")
        points |= {code[name] for name in NAMED.findall(text) if name in code}
        points |= {int(hexa, 16) for hexa in WRITTEN.findall(text)} if path.suffix == ".css" else set()
    return points


def shrink(app: Sphinx, exception: Exception | None) -> None:
    """Write the small fonts, and have the style sheet ask for them."""
    out = Path(app.outdir)
    sheets = list((out / "_static" / "vendor" / "fontawesome").glob("*/css/all.min.css"))
    if exception or app.builder.format != "html" or not sheets:
        return
    sheet = sheets[0].read_text(encoding="utf8")
    points = used(out, sheet)
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every step
    webfonts = sheets[0].parent.parent / "webfonts"
    for name, source in original_fonts().items():
        font = TTFont(source)
        options = subset.Options()
        options.drop_tables += ["GSUB", "GPOS"]
        small = subset.Subsetter(options)
        small.populate(unicodes=points & set(font.getBestCmap()))
        small.subset(font)
        font.save(webfonts / f"{name}.ttf")
        (webfonts / f"{name}.woff2").unlink(missing_ok=True)
    sheets[0].write_text(SOURCES.sub(r'src:url(\1\2.ttf) format("truetype")', sheet), encoding="utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it, after the pages are put right."""
    app.connect("build-finished", shrink, priority=800)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
