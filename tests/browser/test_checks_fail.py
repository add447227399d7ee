"""The checks of page_checks.py can fail: a page with everything wrong makes each complain, a sound page makes none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from page_checks import CHECKS, pages, served, visit

pytestmark = pytest.mark.browser

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)
SOUND = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sound</title><link rel="icon" href="dot.png">
<meta name="viewport" content="width=device-width">
<style>@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } a { color: #9cf } }
@media print { nav { display: none } body { background: #fff !important; color: #000 !important } a { color: #000 } }</style>
<script>const dark = matchMedia("(prefers-color-scheme: dark)"), set = () => document.documentElement.dataset.theme =
dark.matches ? "dark" : "light"; set(); dark.onchange = set</script></head>
<body><nav><a href="#there">There</a></nav><main><article><h1 id="there">Sound</h1><p>All is well.</p>
<img src="dot.png" alt="A single dot, which means nothing at all"></article></main></body></html>"""

WRONG = {
    "links": '<a href="nowhere.html">to a page</a>, <a href="sound.html#nowhere">to an anchor</a>',
    "images": '<img src="missing.png" alt="A picture that is not there at all"><img src="dot.png">',
    "maths": '<span class="math">\\(\\sigma\\)</span>',
    "phone": '<div style="width: 900px">wide</div>',
    "scrollers": '<div style="width: 200px; height: 50px; overflow: auto"><p style="width: 900px">wide</p></div>',
    "axe": "<button></button>",
    "contrast": '<p style="color: #bbb; background: #fff">pale</p>',
    "dark": '<p style="color: #222">dark on dark</p>',
    "paper": '<nav style="display: block !important">still here</nav>',
    "console": "<script>console.error('broken'); undefinedFunction()</script>",
    "requests": '<img src="missing.png" alt="A picture that is not there at all">',
    "third_parties": '<img src="https://example.org/x.png" alt="A picture from somebody else">',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dot.png").write_bytes(DOT)
    (tmp_path / "sound.html").write_text(SOUND, encoding="utf8")
    return tmp_path


@pytest.mark.parametrize("name", CHECKS)
def test_check_complains_about_a_wrong_page_only(chrome, folder, name):
    (folder / "wrong.html").write_text(SOUND.replace("All is well.", WRONG[name]), encoding="utf8")
    assert pages(folder) == ["sound.html", "wrong.html"]
    with served(folder) as site:
        with visit(chrome, site, "sound.html") as seen:
            assert CHECKS[name](seen) == []
        with visit(chrome, site, "wrong.html") as seen:
            complaints = CHECKS[name](seen)
    assert complaints, f"{name} saw nothing wrong"


def test_all_is_said(chrome, folder):
    (folder / "wrong.html").write_text(
        SOUND.replace("All is well.", "".join(WRONG.values())), encoding="utf8"
    )
    with served(folder) as site, visit(chrome, site, "wrong.html") as seen:
        said = "\n".join(text for check in CHECKS.values() for text in check(seen))
    for expected in (
        "dead link: nowhere.html", "dead anchor: sound.html#nowhere", "image not loaded: missing.png",
        "image without alt: dot.png", "mathematics not drawn", "raw TeX", "wide on a screen of 390", "scrolls sideways",
        "button-name", "contrast 1.9", "rgb(34, 34, 34) on rgb(17, 17, 17)", "printed: nav", "error: broken",
        "undefinedFunction", "missing.png: 404", "https://example.org/x.png",
    ):  # fmt: skip
        assert expected in said, f"{expected!r} is not in:\n{said}"
