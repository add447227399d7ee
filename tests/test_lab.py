"""What `make notebooks` stores for JupyterLab: the numbers in the text, and what is folded."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import lab, notebooks

PREFIX = "application/papermill.record/"


def glued_cell(name: str, text: str):
    metadata = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
    return new_code_cell(
        f"{name} = ...",
        outputs=[new_output("display_data", data={PREFIX + "text/plain": repr(text)}, metadata=metadata)],
    )


def test_numbers_are_stored_where_jupyterlab_looks():
    done = lab.prepare(
        new_notebook(
            cells=[new_markdown_cell("It is {eval}`icc`, twice {eval}`icc`."), glued_cell("icc", "0.33")]
        )
    )
    assert done.cells[0].metadata["user_expressions"] == [
        {"expression": "icc", "result": {"data": {"text/plain": "'0.33'"}, "metadata": {}, "status": "ok"}}
    ]


def test_what_is_no_longer_said_is_no_longer_stored():
    cell = new_markdown_cell("No number.", metadata={"user_expressions": [{"expression": "old"}]})
    assert "user_expressions" not in lab.prepare(new_notebook(cells=[cell])).cells[0].metadata


def test_a_number_that_nothing_glued_is_an_error():
    with pytest.raises(KeyError, match="slope; there are icc"):
        lab.prepare(new_notebook(cells=[new_markdown_cell("{eval}`slope`"), glued_cell("icc", "0.33")]))


@pytest.mark.parametrize(("tag", "folded"), lab.FOLDED.items())
def test_jupyterlab_folds_what_the_site_folds(tag, folded):
    done = lab.prepare(
        new_notebook(
            cells=[
                new_code_cell("1", metadata={"tags": [tag]}),
                new_code_cell("2", metadata={"jupyter": folded}),
            ]
        )
    )
    assert done.cells[0].metadata["jupyter"] == folded
    assert "jupyter" not in done.cells[1].metadata


def test_jupyterlab_folds_the_code_of_a_solution():
    gates = [
        new_markdown_cell(f"```{{solution-{gate}}}{name}\n```")
        for gate, name in (("start", " one"), ("end", ""))
    ]
    done = lab.prepare(new_notebook(cells=[gates[0], new_code_cell("1"), gates[1], new_code_cell("2")]))
    assert [cell.metadata.get("jupyter") for cell in done.cells] == [
        None,
        lab.FOLDED["hide-cell"],
        None,
        None,
    ]


@pytest.mark.parametrize("path", notebooks.find(), ids=lambda p: p.relative_to(notebooks.BOOK).as_posix())
def test_what_jupyterlab_shows_is_up_to_date(path):
    stored, fresh = notebooks.nbformat.read(path, 4), lab.prepare(notebooks.nbformat.read(path, 4))
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        for key in ("user_expressions", "jupyter"):
            assert old.metadata.get(key) == new.metadata.get(key), (
                f"cell {number}: {key}: run `make notebooks`"
            )
