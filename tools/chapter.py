"""Start a chapter: `make chapter NAME=2_zuur/13_topic TITLE="What it is about"`.

Copies `tools/skeleton/` to a notebook, its answers and the test of its exercises: a small chapter that runs and
obeys every rule, with each part that a chapter has and a word on what belongs there. Write over it.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode

from tools.notebooks import ROOT

SKELETON = ROOT / "tools" / "skeleton"
NAME = re.compile(r"\d_[a-z0-9_]+/\d\d_([a-z0-9_]+)")


def notebook(text: str) -> NotebookNode:
    """Return the notebook that a skeleton in MyST Markdown stands for."""
    made = read_myst_markdown_notebook(text)
    cells = []
    for number, cell in enumerate(c for c in made.cells if c.source.strip()):
        cell.id = f"cell-{number}"
        cell.metadata.pop("source_map", None)
        cells.append(cell)
    made.cells = cells
    return made


def start(name: str, title: str, root: Path = ROOT) -> list[Path]:
    """Write the three files of a new chapter under `root`; refuse to write over anything."""
    found = NAME.fullmatch(name)
    if not found:
        sys.exit(
            f"NAME={name}: a chapter is called like 2_zuur/05_time: a part, two digits, small letters and _"
        )
    topic = found[1]
    files = {
        root / "book" / f"{name}.ipynb": "chapter.md",
        root / "mmhelpers" / "answers" / f"{topic}.toml": "answers.toml",
        root / "tests" / f"test_exercises_{topic}.py": "exercises.py",
    }
    there = [str(path.relative_to(root)) for path in files if path.exists()]
    if there:
        sys.exit(f"there already: {', '.join(there)}; choose another NAME")
    for path, skeleton in files.items():
        text = (SKELETON / skeleton).read_text(encoding="utf8")
        text = text.replace("TOPIC", topic).replace("TITLE", title).replace("PAGE", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            nbformat.write(notebook(text), path)
        else:
            path.write_text(text, encoding="utf8")
    return list(files)


def main() -> None:
    """Start a chapter from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="part and file, such as 2_zuur/13_topic")
    parser.add_argument("title", nargs="?", default="What this chapter asks")
    options = parser.parse_args()
    for path in start(options.name, options.title):
        print(f"  {path.relative_to(ROOT)}")
    print(
        f"Put `- file: book/{options.name}` into _toc.yml, write, then `make notebooks ONLY={options.name}`\n"
        f"and `make preview ONLY={options.name}`. CONTRIBUTING.md says what a chapter must have."
    )


if __name__ == "__main__":
    main()
