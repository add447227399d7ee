"""The rules of the book (tools/lint.py), on every notebook and page, and on small ones that break them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import lint, notebooks

NOTEBOOKS = notebooks.find()
IDS = [p.relative_to(notebooks.BOOK).as_posix() for p in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
@pytest.mark.parametrize("rule", [lint.outputs, lint.cells, lint.without_r, lint.alt_texts])
def test_notebook_obeys(rule, path):
    assert list(rule(path)) == []


@pytest.mark.parametrize("path", lint.pages(), ids=lambda p: p.relative_to(notebooks.BOOK).as_posix())
def test_no_decimal_is_typed_in_prose(path):
    assert list(lint.typed_decimals(path)) == []


@pytest.mark.parametrize("path", lint.chapters(), ids=lambda p: p.relative_to(notebooks.BOOK).as_posix())
def test_chapter_has_every_part(path):
    assert list(lint.chapter(path)) == []


def test_there_are_chapters():
    assert lint.chapters(), "no chapter was found: the tests above would have checked nothing"


# --- the rules can fail ----------------------------------------------------------------------------------------


def written(folder: Path, *cells) -> Path:
    path = folder / "bad.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def cell(source: str, outputs=(), count: int | None = 1, **metadata):
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


PRINTED = new_output("stream", name="stdout", text="1\n")
FIGURE = new_output("display_data", data={"text/plain": "<Figure size 640x480 with 1 Axes>"})

BAD = {
    "no output at all": (lint.outputs, [cell("1 + 1", count=1)], "no stored output"),
    "a cell never run": (lint.outputs, [cell("print(1)", [PRINTED]), cell("2", count=None)], "never run"),
    "an image": (lint.outputs, [cell("x", [new_output("display_data", data={"image/png": "AA=="})])], "stored image"),
    "a warning": (lint.outputs, [cell("x", [new_output("stream", name="stderr", text="W")])], "a warning is stored"),
    "an R cell edited by hand": (
        lint.outputs, [cell("1", [PRINTED], tags=["needs-r"], stored={"sha256": "0" * 64})], "does not carry its hash"),
    "an R cell that draws": (lint.outputs, [cell("plot()", [FIGURE], tags=["needs-r"])], "draws a figure"),
    "an unmarked error": (
        lint.outputs, [cell("1/0", [new_output("error", ename="E", evalue="", traceback=[])])], "an error is stored"),
    "a long cell": (lint.cells, [cell("\n".join(["x = 1"] * 26))], "26 lines"),
    "a wide line": (lint.cells, [cell("x = " + "1" * 80)], "84 characters"),
    "long cells": (lint.cells, [cell("\n".join(["x = 1"] * 4))], "median"),
    "an absolute path": (lint.cells, [cell("open('/etc/passwd')")], "names a path"),
    "a relative path": (lint.cells, [cell("pd.read_csv('../data/x.csv')")], "names a path"),
    "a file in a folder": (lint.cells, [cell("pd.read_csv('data/x.csv')")], "names a path"),
    "the global generator": (lint.cells, [cell("np.random.normal(3)")], "global generator"),
    "random of Python": (lint.cells, [cell("import random")], "global generator"),
    "no seed": (lint.cells, [cell("rng = np.random.default_rng()")], "without a seed"),
    "a name that needs R": (
        lint.without_r, [cell("fit = 1", tags=["needs-r"]), cell("print(fit)")], "uses fit, which only a `needs-r`"),
    "a skip without reason": (lint.cells, [cell("1", tags=["nbval-skip"])], "no `reason`"),
    "two cells of imports": (lint.cells, [cell("import numpy"), cell("import pandas")], "put them in one"),
    "a figure without alt text": (lint.alt_texts, [cell("plot()", [FIGURE])], "without alt text"),
    "a typed decimal": (lint.typed_decimals, [new_markdown_cell("The slope is 10.47 ms a day.")], "10.47"),
    "a typed negative decimal": (lint.typed_decimals, [new_markdown_cell("It fell by −0.3.")], "0.3"),
    "a chapter without anything": (lint.chapter, [new_markdown_cell("# Title")], "no goals"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_rule_complains(case, tmp_path):
    rule, cells, expected = BAD[case]
    complaints = list(rule(written(tmp_path, *cells)))
    assert any(expected in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    "text",
    [
        "See section 5.7 and `x = 1.5`, $p = 0.05$, {glue:text}`slope:.2f`.",
        "Python 3.11 and lme4 1.1 will do; figure 4.2 shows it.",
        "A level of 0.05 is a convention. <!-- typed: a convention, not a result -->",
        "```python\nx = 0.5\n```",
        "[a link](https://doi.org/10.1016/j.jml.2012.11.001)",
    ],
)
def test_decimals_that_are_no_results_pass(text, tmp_path):
    assert list(lint.typed_decimals(written(tmp_path, new_markdown_cell(text)))) == []


def test_normalising_keeps_text_and_drops_images(tmp_path):
    both = new_output(
        "display_data", data={"image/png": "AA==", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    )
    book = new_notebook(
        cells=[cell("plot()", [both], execution={"t": "1"}), cell("r()", [PRINTED], tags=["needs-r"])]
    )
    done = notebooks.normalised(book, "R 4.2.2")
    assert done.cells[0].outputs[0].data == {"text/plain": "<Figure size 640x480 with 1 Axes>"}
    assert "execution" not in done.cells[0].metadata
    assert notebooks.stored_is_sound(done.cells[1])
    done.cells[1].outputs[0].text = "2\n"
    assert not notebooks.stored_is_sound(done.cells[1])


#: Part 2 promises more of each chapter than the rules for all do.
ZUUR = [p for p in NOTEBOOKS if p.parent.name == "2_zuur"]
IN_PART_2 = {
    "three exercises": (3, "markdown", r"\{exercise(?:-start)?\}"),
    "a heading that names a wrong turn": (1, "markdown", r"(?m)^##+ .*[Ww]rong turn"),
    "a number in the ledger": (1, "code", r"mm\.published(?:_rows|_fit)?\("),
    # mm.agreement, or a table with statsmodels beside a package of R where mm.view does not know the fit (GEE)
    "an agreement table": (1, "code", r"mm\.agreement\(|\"statsmodels\":[\s\S]*\"geepack\":"),
}


@pytest.mark.parametrize("path", ZUUR, ids=lambda p: p.name)
def test_chapters_of_part_2_have_what_they_promise(path):
    cells = nbformat.read(path, as_version=4).cells
    for part, (least, kind, pattern) in IN_PART_2.items():
        found = sum(len(re.findall(pattern, c.source)) for c in cells if c.cell_type == kind)
        assert found >= least, f"{path.name}: {part} ({found} found)"


def test_part_2_has_twelve_chapters():
    assert [p.name[:2] for p in ZUUR] == [f"{i:02d}" for i in range(1, 13)]
