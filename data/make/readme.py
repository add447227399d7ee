"""Write data/README.md from data/registry.toml; register a file that was changed on purpose.

python data/make/readme.py             write README.md
python data/make/readme.py --check     write nothing; exit 1 if README.md is not what would be written
python data/make/readme.py --rehash    first put sha256, rows and package versions of the files as they
                                       are now into registry.toml, and say which changed
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]

HEAD = """# Data

<!-- Made by data/make/readme.py from data/registry.toml: change that, not this. -->

Every table of the course, as a CSV file in UTF-8 whose first line names the columns; an empty field is a
missing value. `mmhelpers.load("{first}")` reads one by the name in the first column below (in any case),
after checking that the file's SHA-256 is the one printed here, and gives factors their levels in the right
order; `mmhelpers.describe` and `mmhelpers.list_datasets` show in Python what is on this page.

**How the files were made.** The examples were exported by [`make/export.R`](make/export.R) from {packages}
under R {r_version}, values, rows and columns unchanged. The simulated ones come from the scripts named with
them, which write the same bytes again, and the parameters behind them are in the `.truth.json` beside them.

**Licences.** These files are not under the licence of the code. Each example is passed on under the licence
of the R package it was taken from, named below as SPDX does; what the course made itself is under CC BY
4.0. Cite the original source of the data you use.
"""


def _bytes_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _versions(folder: Path) -> dict[str, str]:
    with (folder / "make" / "versions.csv").open(encoding="utf-8", newline="") as lines:
        return {row["package"]: row["version"] for row in csv.DictReader(lines)}


def _origin(spec: dict[str, Any]) -> str:
    return " ".join(spec["origin"].values())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _section(name: str, spec: dict[str, Any]) -> list[str]:
    lines = [f"## {name}", "", spec["description"], ""]
    if note := spec.get("note"):
        lines += [note, ""]
    rows = []
    for column, about in spec["columns"].items():
        levels = about.get("levels", [])
        if levels == "appearance" or len(levels) > 12 or not levels:
            shown = ""
        else:
            shown = (" < " if about["type"] == "ordered" else ", ").join(levels)
        rows.append([f"`{column}`", about["type"], about.get("unit", ""), about["meaning"], shown])
    lines += _table(["column", "type", "unit", "meaning", "levels"], rows)
    lines += ["", f"- Source: {spec['citation']}", f"- From: {_origin(spec)}; licence {spec['licence']}"]
    lines += [f"- File: [`{spec['file']}`]({spec['file']}), {spec['rows']} rows, SHA-256 `{spec['sha256']}`"]
    if truth := spec.get("truth"):
        lines += [f"- Truth: [`{truth['file']}`]({truth['file']}), SHA-256 `{truth['sha256']}`"]
    return [*lines, ""]


def render(folder: Path = FOLDER) -> str:
    """Give the text of README.md."""
    registry = tomllib.loads((folder / "registry.toml").read_text(encoding="utf-8"))
    versions = _versions(folder)
    packages = [f"{name} {version}" for name, version in versions.items() if name != "R"]
    head = HEAD.format(
        first=next(iter(registry)),
        packages=", ".join(packages[:-1]) + " and " + packages[-1],
        r_version=versions["R"],
    )
    rows = [
        [
            f"[{name}](#{name.lower()})",
            str(s["rows"]),
            str(len(s["columns"])),
            _origin(s),
            s["licence"],
            s["description"],
        ]
        for name, s in registry.items()
    ]
    lines = [head, *_table(["name", "rows", "columns", "from", "licence", "what it is"], rows), ""]
    for name, spec in registry.items():
        lines += _section(name, spec)
    return "\n".join(lines)


def rehash(folder: Path = FOLDER) -> list[str]:
    """Register the files as they are now; give one line for every entry that changed."""
    path = folder / "registry.toml"
    text = path.read_text(encoding="utf-8")
    versions = _versions(folder)
    changed = []
    for name, spec in tomllib.loads(text).items():
        with (folder / spec["file"]).open(encoding="utf-8", newline="") as lines:
            rows = sum(1 for _ in csv.reader(lines)) - 1
        pairs = [
            (f'sha256 = "{spec["sha256"]}"', f'sha256 = "{_bytes_hash(folder / spec["file"])}"'),
            (f"rows = {spec['rows']}\n", f"rows = {rows}\n"),
        ]
        if truth := spec.get("truth"):
            pairs.append(
                (f'sha256 = "{truth["sha256"]}"', f'sha256 = "{_bytes_hash(folder / truth["file"])}"')
            )
        if package := spec["origin"].get("package"):
            old = f'version = "{spec["origin"]["version"]}"'
            pairs.append((old, f'version = "{versions[package]}"'))
        head = re.search(rf"^\[{re.escape(name)}\]$", text, flags=re.MULTILINE)
        columns = text.index(f"[{name}.columns]")
        assert head is not None
        block = before = text[head.start() : columns]
        for old, new in pairs:
            block = block.replace(old, new)
        if block != before:
            text = text[: head.start()] + block + text[columns:]
            changed.append(f"{name}: {spec['file']} registered anew, {rows} rows")
    path.write_bytes(text.encode("utf-8"))
    return changed


def main() -> int:
    """Run from the command line."""
    readme = FOLDER / "README.md"
    if "--rehash" in sys.argv:
        print("\n".join(rehash()) or "registry.toml: nothing changed")
    text = render()
    if "--check" in sys.argv:
        current = readme.is_file() and readme.read_bytes() == text.encode("utf-8")
        print(
            "data/README.md is up to date"
            if current
            else "data/README.md is not: run python data/make/readme.py"
        )
        return 0 if current else 1
    readme.write_bytes(text.encode("utf-8"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
