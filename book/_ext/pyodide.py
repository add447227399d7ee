"""Python in the page: which pages have it, where it comes from, and what of `mmhelpers` goes with it.

One setting, `pyodide_from` in `_config.yml`, says where Pyodide comes from: `cdn` (the public one; nothing is asked of
it before a reader clicks, and the click says so), a folder with a whole Pyodide (its files are copied into the site, so
that no page asks anybody else), or nothing, and then no page has it. Every file has its hash in `pyodide.toml`
(`tools/pyodide.py` writes it), and a worker takes no other (`_static/python/worker.js`).

Beside it the site gets two archives: the modules that the laboratory imports, and the package with the data that the
exercises load; and for each page with exercises its cells, from which an exercise takes the names it needs.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(__file__).with_suffix(".toml")
LABORATORY = 'class="mm-python mm-laboratory'
CHECK = re.compile(r'^mm\.check_answer\("([\w-]+)", \.\.\.\)', re.MULTILINE)
LOADED = re.compile(r'mm\.(?:load|truth)\("(\w+)"\)')
EPOCH = (2026, 1, 1, 0, 0, 0)  # of every file in an archive: the same sources give the same bytes


@cache
def pyodide() -> dict[str, Any]:
    """Read the manifest of Pyodide's files."""
    return tomllib.loads(MANIFEST.read_text(encoding="utf8"))


def exercises_of(path: Path) -> dict[str, Any]:
    """Return the cells of a notebook, and how many stand before each exercise.

    Worked solutions of earlier exercises are among them, since later ones may build on them. Cells that need R are left
    out; what they make is missing in a browser.
    """
    cells: list[str] = []
    found: dict[str, Any] = {}
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code":
            check = CHECK.search(cell.source)
            if check:
                found[check[1]] = {"cell": cell.source, "before": len(cells)}
            elif "needs-r" not in cell.metadata.get("tags", []):
                cells.append(cell.source)
    return {"cells": cells, "exercises": found}


def notebooks(prefixes: list[str]) -> list[Path]:
    """Return the notebooks whose exercises can be done in the page."""
    return [path for prefix in prefixes for path in sorted((ROOT / prefix).glob("[0-9]*.ipynb"))]


def modules_of_laboratory() -> list[Path]:
    """Return the files of the package that the laboratory imports, found by a small run."""
    code = (
        "import sys\n"
        "from mmhelpers.browser.laboratory import Laboratory, Setting\n"
        "run = Laboratory(Setting(data_sets=100))\n"
        "list(run.blocks())\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'mmhelpers'), sep='\\n')\n"
        "print(*(n for n in ('pandas', 'formulae') if n in sys.modules), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    names = done.stdout.split()
    heavy = [name for name in names if not name.endswith(".py")]
    if heavy:
        raise ExtensionError(
            f"the laboratory imports {', '.join(heavy)}, which a page would have to load first"
        )
    return [Path(name) for name in names]


def archive(files: dict[str, bytes]) -> bytes:
    """Pack files; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name, EPOCH), files[name], zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def laboratory_archive() -> bytes:
    """Pack what the laboratory imports."""
    return archive({path.relative_to(ROOT).as_posix(): path.read_bytes() for path in modules_of_laboratory()})


def exercises_archive(prefixes: list[str]) -> bytes:
    """Pack the package, formulae, and the data sets that the pages' cells and texts name."""
    package = ROOT / "mmhelpers"
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for pattern in ("**/*.py", "answers/*.toml")
        for path in package.glob(pattern)
        if "_data" not in path.parts
    }
    registry = ROOT / "data" / "registry.toml"
    files["data/registry.toml"] = registry.read_bytes()
    known = {
        name.lower(): entry for name, entry in tomllib.loads(registry.read_text(encoding="utf8")).items()
    }
    for path in notebooks(prefixes):
        for name in LOADED.findall(path.read_text(encoding="utf8").replace('\\"', '"')):
            entry = known[name.lower()]
            for record in (entry, entry.get("truth", {})):
                if "file" in record:
                    files[f"data/{record['file']}"] = (ROOT / "data" / record["file"]).read_bytes()
    formulae = metadata.distribution("formulae")
    for file in formulae.files or []:
        if file.suffix == ".py" or file.name in {"METADATA", "LICENSE"}:
            files[file.as_posix()] = Path(str(formulae.locate_file(file))).read_bytes()
    return archive(files)


def where(app: Sphinx) -> dict[str, str]:
    """Return the addresses of Pyodide's core and packages, as a page's script reads them."""
    source = app.config.pyodide_from
    if source == "cdn":
        return {"core": pyodide()["core"], "packages": pyodide()["packages"]}
    return {"core": "pyodide/", "packages": "pyodide/"}


def write(app: Sphinx) -> None:
    """Put archives, cells and settings under `_static/python`, and Pyodide beside them if it comes from a folder."""
    if app.builder.format != "html" or not app.config.pyodide_from:
        return
    home = Path(app.outdir) / "_static" / "python"
    home.mkdir(parents=True, exist_ok=True)
    if app.config.pyodide_from != "cdn":
        copy_folder(ROOT / app.config.pyodide_from, home / "pyodide")
    prefixes = app.config.pyodide_exercises
    files = dict(pyodide()["files"])
    archives = {}
    for need, content in (("laboratory", laboratory_archive()), ("exercises", exercises_archive(prefixes))):
        name = f"{need}.zip"
        (home / name).write_bytes(content)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        files[name] = {"part": "site", "bytes": len(content), "integrity": f"sha256-{digest}"}
        archives[need] = {"archive": name, "packages": pyodide()["needs"][need]}
    settings = {
        "version": pyodide()["version"],
        **where(app),
        "site": "./",
        "archives": archives,
        "files": files,
    }
    (home / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf8")
    for path in notebooks(prefixes):
        target = home / "cells" / path.relative_to(ROOT).with_suffix(".json")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(exercises_of(path)), encoding="utf8")
    app.pyodide_files = files  # type: ignore[attr-defined]


def copy_folder(source: Path, target: Path) -> None:
    """Copy Pyodide's files into the site; one that is missing or another ends the build."""
    target.mkdir(parents=True, exist_ok=True)
    for name, file in pyodide()["files"].items():
        if not (source / name).is_file():
            raise ExtensionError(f"pyodide_from: {name} is not in {source}")
        digest = base64.b64encode(hashlib.sha256((source / name).read_bytes()).digest()).decode()
        if file["integrity"] != f"sha256-{digest}":
            raise ExtensionError(
                f"pyodide_from: {source / name} is not the file of Pyodide {pyodide()['version']}"
            )
        shutil.copy2(source / name, target / name)


def offer(app: Sphinx) -> str:
    """Say for each archive whom a click asks, and how much it loads, as the page's script reads it."""
    files = app.pyodide_files  # type: ignore[attr-defined]
    third = app.config.pyodide_from == "cdn"
    core = sum(file["bytes"] for file in files.values() if file["part"] == "core")
    return json.dumps(
        {
            need: {
                "third": third,
                "host": urlsplit(pyodide()["core"]).netloc if third else "",
                "bytes": core + sum(files[name]["bytes"] for name in (*load, f"{need}.zip")),
            }
            for need, load in pyodide()["load"].items()
        }
    )


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give a page the scripts that it needs, and no other page any."""
    if not app.config.pyodide_from or app.builder.format != "html":
        return
    laboratory = LABORATORY in context.get("body", "")
    exercises = any(ROOT / f"{pagename}.ipynb" == path for path in notebooks(app.config.pyodide_exercises))
    if laboratory or exercises:
        app.add_css_file("python/python.css")
        app.add_js_file("python/python.js", loading_method="defer", **{"data-offer": offer(app)})
    if laboratory:
        app.add_js_file("python/laboratory.js", loading_method="defer")
    if exercises:
        app.add_js_file(
            "python/exercises.js", loading_method="defer", **{"data-page": f"cells/{pagename}.json"}
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the setting and the pages' parts."""
    app.add_config_value("pyodide_from", "cdn", "html")
    app.add_config_value("pyodide_exercises", [], "html")
    app.connect("builder-inited", write)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
