"""Interactive figures on the site: one copy of Bokeh, and each figure's data in a script of its own.

A notebook that shows an `mmhelpers.Interactive` keeps only its place (`<div class="mm-interactive" ...>`); the figure
itself was written to `_build/interactive/` while the notebook ran. Both are put under `_static/interactive/`, where
the script that draws them looks when such a place comes near the window.
"""

from __future__ import annotations

import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / "_build" / "interactive"
OWN = ("interactive.js", "interactive.css")
PLACE = re.compile(r'class="mm-interactive" data-figure="([\w-]+)"')


def copy_parts(app: Sphinx) -> None:
    """Put our script and style, Bokeh and the figures under `_static`."""
    if app.builder.format != "html":
        return
    import bokeh

    target = Path(app.outdir) / "_static" / "interactive"
    target.mkdir(parents=True, exist_ok=True)
    for name in OWN:
        text = resources.files("mmhelpers.interactive").joinpath(name).read_text(encoding="utf8")
        (target / name).write_text(text, encoding="utf8")
    shutil.copy2(Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js", target)
    for figure in MADE.glob("*.js"):
        shutil.copy2(figure, target)


def need_figures(app: Sphinx, docname: str, source: list[str]) -> None:
    """Refuse a page whose figure was not written (its notebook came from a cache that is older than the figures)."""
    for name in PLACE.findall(source[0].replace('\\"', '"')):
        if not (MADE / f"{name}.js").exists():
            raise ExtensionError(f"{docname}: the interactive figure {name!r} is missing: `make clean book`")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", copy_parts)
    app.connect("source-read", need_figures, priority=900)
    app.add_css_file("interactive/interactive.css")
    app.add_js_file("interactive/interactive.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
