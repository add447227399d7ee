"""`make chapter`: the skeleton is a chapter that runs, obeys every rule, and whose exercises can be right and wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import chapter, lint
from tools.notebooks import ROOT
from tools.site import pages, preview_toc

NAME = "9_part/07_skeleton_check"


def test_refuses_to_write_over_a_chapter(tmp_path):
    chapter.start(NAME, "A title", tmp_path)
    with pytest.raises(SystemExit, match="there already"):
        chapter.start(NAME, "Again", tmp_path)


@pytest.mark.parametrize(
    "name", ["time", "2_zuur/5_time", "2_zuur/05_Time", "../05_time", "2_zuur/05_time.ipynb"]
)
def test_a_bad_name_is_refused(name, tmp_path):
    with pytest.raises(SystemExit, match="2_zuur/05_time"):
        chapter.start(name, "x", tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_skeleton_runs_and_obeys_every_rule(tmp_path):
    """Run it in a copy of the package, so that its checkers know its answers."""
    for folder in ("mmhelpers", "data", "tools"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "make")
        )
    files = chapter.start(NAME, "A title", tmp_path)
    shutil.copy(ROOT / "tests" / "checkers.py", files[2].parent)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    code = (
        "import nbformat, sys; from pathlib import Path; from tools import notebooks as n;"
        f"done = n.run(Path({str(files[0])!r}), False);"
        "print(done.error or '', file=sys.stderr);"
        f"nbformat.write(n.normalised(done.notebook, 'R'), {str(files[0])!r});"
        "sys.exit(done.error is not None)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    for rule in (lint.outputs, lint.cells, lint.alt_texts, lint.typed_decimals, lint.chapter):
        assert list(rule(files[0])) == []
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "-c",
        "/dev/null",
    ]
    run = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(files[2])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


def test_exercise_marks_stand_in_cells_of_their_own():
    cells = chapter.notebook((chapter.SKELETON / "chapter.md").read_text(encoding="utf8")).cells
    ends = [c.source for c in cells if "-end}" in c.source]
    assert len(ends) == 6
    assert all(len(source.splitlines()) == 2 for source in ends)
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


# --- the preview of some pages ---------------------------------------------------------------------------------

TOC = {
    "root": "book/index",
    "parts": [
        {
            "chapters": [
                {"file": "book/0/index", "sections": [{"file": "book/0/01_a"}, {"file": "book/0/02_b"}]}
            ]
        },
        {"chapters": [{"file": "book/reference/ledger"}, {"file": "book/reference/references"}]},
    ],
}


def test_preview_takes_the_pages_asked_for_their_index_and_the_references():
    assert pages(TOC["parts"]) == [
        "book/0/index", "book/0/01_a", "book/0/02_b", "book/reference/ledger", "book/reference/references"
    ]  # fmt: skip
    wanted = ["book/0/index", "book/0/02_b", "book/reference/references"]
    assert pages(preview_toc(TOC, "02_b")["chapters"]) == wanted
    # the part by its name: the index is found as well, and stands once
    part = pages(preview_toc(TOC, "book/0/")["chapters"])
    assert part == ["book/0/index", "book/0/01_a", "book/0/02_b", "book/reference/references"]


def test_preview_of_nothing_says_what_there_is():
    with pytest.raises(SystemExit, match="01_a"):
        preview_toc(TOC, "99")
