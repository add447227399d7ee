"""Write `book/_ext/pyodide.toml`: which files of Pyodide the pages need, how large they are, and what they hash to.

`python -m tools.pyodide FOLDER` reads a folder with a whole Pyodide: the core as npm's package `pyodide` has it, and the
packages beside it. Each package is held against Pyodide's own list (`pyodide-lock.json`), and must be there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "book" / "_ext" / "pyodide.toml"
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
#: What the pages load, by archive of ours.
PACKAGES = {"laboratory": ("numpy", "scipy"), "exercises": ("numpy", "scipy", "pandas", "packaging")}

HEAD = """\
# Written by `python -m tools.pyodide FOLDER`. The core is that of npm's package, the same bytes wherever they come from;
# the packages are those of Pyodide's own list, whose hash is here, too.
version = "{version}"
core = "https://cdn.jsdelivr.net/npm/pyodide@{version}/"
packages = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
"""


def with_dependencies(lock: dict[str, dict[str, object]], names: tuple[str, ...]) -> list[str]:
    """Return the files of packages and of what they need, each once."""
    wanted, files = list(names), []
    for name in wanted:
        entry = lock[name]
        files.append(str(entry["file_name"]))
        wanted += [str(d) for d in entry["depends"] if d not in wanted]  # type: ignore[attr-defined]
    return files


def manifest(folder: Path) -> str:
    """Return the text of the manifest."""
    found = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf8"))
    lock = found["packages"]
    by_file = {entry["file_name"]: entry["sha256"] for entry in lock.values()}
    lines = [HEAD.format(version=found["info"]["version"]), "[needs]"]
    needed: dict[str, list[str]] = {key: with_dependencies(lock, names) for key, names in PACKAGES.items()}
    lines += [f"{key} = {json.dumps(list(PACKAGES[key]))}" for key in PACKAGES]
    lines += ["", "[load]", *[f"{key} = {json.dumps(files)}" for key, files in needed.items()]]
    for name in (*CORE, *sorted({f for files in needed.values() for f in files})):
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content)
        if name in by_file and by_file[name] != digest.hexdigest():
            raise SystemExit(f"{name} is not the file that pyodide-lock.json names")
        part = "core" if name in CORE else "packages"
        integrity = "sha256-" + base64.b64encode(digest.digest()).decode()
        lines += [
            "",
            f'[files."{name}"]',
            f'part = "{part}"',
            f"bytes = {len(content)}",
            f'integrity = "{integrity}"',
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(manifest(Path(sys.argv[1])), encoding="utf8")
    print(f"{TARGET.name} written")
