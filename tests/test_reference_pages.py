"""The page of data sets follows registry and chapters; the index of messages quotes what was really said."""

from __future__ import annotations

import re
import sys

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import mmhelpers as mm
from tools.notebooks import BOOK, ROOT
from tools.site import pages

sys.path.insert(0, str(BOOK / "_ext"))
import datasets

NEW = ("r_python", "capabilities", "troubleshooting", "datasets", "glossary")


def test_pages_are_in_the_contents_and_on_the_map():
    toc = pages(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8")))
    start = (BOOK / "0_start" / "index.md").read_text(encoding="utf8")
    for name in NEW:
        assert f"book/reference/{name}" in toc
        assert f"](../reference/{name}." in start


# --- data sets -----------------------------------------------------------------------------------------------------


def test_every_data_set_has_a_row():
    text = "\n".join(datasets.lines(datasets.registry(), {}))
    for name in mm.list_datasets()["name"]:
        row = next(line for line in text.splitlines() if f'`mm.load("{name}")`' in line)
        known = mm.describe(name)
        for value in (known.rows, len(known.columns), known.licence, known.sha256[:10]):
            assert f" {value} " in row.replace("`", " "), (name, value)


def test_users_are_read_from_code_only(tmp_path):
    book = new_notebook(
        cells=[
            new_markdown_cell("# A chapter\n`mm.load('Oats')`"),
            new_code_cell('d = mm.load("SleepStudy")'),
        ]
    )
    nbformat.write(book, tmp_path / "a.ipynb")
    assert datasets.users([tmp_path / "a.ipynb"]) == {"sleepstudy": [("A chapter", "a.ipynb")]}


def test_chapters_are_linked():
    used = datasets.users(datasets.notebooks())
    assert "book/1_random_effects/01_oysters.ipynb" in [document for _, document in used["oysters"]]
    rows = datasets.lines(datasets.registry(), used)
    row = next(line for line in rows if line.startswith("- **oysters**"))
    assert "](/book/1_random_effects/01_oysters.ipynb)" in row


# --- troubleshooting -----------------------------------------------------------------------------------------------


def said(notebook) -> str:
    """Give all text that the cells of a notebook printed, on one line."""
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    text = " ".join(str(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in outputs)
    return " ".join(text.split())


def index(notebook) -> list[tuple[str, str]]:
    """Give the rows of the index: what is seen, and the place it leads to."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    rows = re.findall(r"^\| (.+?) \| \[.+?\]\((symptom-[\w-]+)\) \|$", text, re.MULTILINE)
    return [(seen.replace("\\|", "|"), place) for seen, place in rows]


def test_messages_of_the_index_were_said():
    notebook = nbformat.read(BOOK / "reference" / "troubleshooting.ipynb", 4)
    words = said(notebook)
    rows = index(notebook)
    assert len({place for _, place in rows}) >= 12
    for seen, _ in rows:
        if seen.startswith("`"):
            assert seen.strip("` ") in words, f"the index quotes what no cell said: {seen}"


def test_each_symptom_has_a_cause_and_a_cure():
    notebook = nbformat.read(BOOK / "reference" / "troubleshooting.ipynb", 4)
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    places = re.split(r"^\((symptom-[\w-]+)\)=$", text, flags=re.MULTILINE)
    found = dict(zip(places[1::2], places[2::2], strict=True))
    assert {place for _, place in index(notebook)} == set(found)
    slow = {"symptom-slow"}  # one paragraph says both
    for place, words in found.items():
        assert place in slow or ("**Cause.**" in words and "**What to do.**" in words), place
