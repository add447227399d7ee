"""Make a notebook read in JupyterLab as it reads on the site: the numbers in its text, and what is folded.

JupyterLab's MyST extension shows `{eval}` from a text cell's metadata (`user_expressions`), where it also stores
what it evaluates itself. `make notebooks` puts the glued texts there, so that a reader sees them as soon as the
notebook is open, before any cell has run. A cell that the site folds, by a tag or inside a solution, is folded in
JupyterLab too.
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode, from_dict

EVAL = re.compile(r"\{eval\}`([^`]+)`")
#: What the site's tags fold, in JupyterLab's words.
FOLDED = {
    "hide-cell": {"outputs_hidden": True, "source_hidden": True},
    "hide-input": {"source_hidden": True},
    "hide-output": {"outputs_hidden": True},
}


def glued(notebook: NotebookNode) -> dict[str, str]:
    """Return what the notebook's cells glued: name -> text as Python prints it, in quotes."""
    found: dict[str, str] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            scrap: dict[str, Any] = output.get("metadata", {}).get("scrapbook", {})
            if scrap:
                found[scrap["name"]] = output["data"][scrap["mime_prefix"] + "text/plain"]
    return found


def prepare(notebook: NotebookNode) -> NotebookNode:
    """Store the glued texts where JupyterLab looks for them, and fold what the site folds; changes the notebook.

    Raises
    ------
    KeyError
        If a text names a number that no cell glued.
    """
    texts = glued(notebook)
    in_solution = False
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            in_solution = "{solution-start}" in cell.source or (
                in_solution and "{solution-end}" not in cell.source
            )
            cell.metadata.pop("user_expressions", None)
            names = list(dict.fromkeys(EVAL.findall(cell.source)))
            if missing := [name for name in names if name not in texts]:
                raise KeyError(
                    f"text cell {number}: nothing is glued under {', '.join(missing)}; there are {', '.join(texts) or 'none'}"
                )
            if names:
                cell.metadata["user_expressions"] = from_dict(
                    [_expression(name, texts[name]) for name in names]
                )
        elif cell.cell_type == "code":
            cell.metadata.pop("jupyter", None)
            for tag, folded in FOLDED.items():
                if tag in cell.metadata.get("tags", []) or (in_solution and tag == "hide-cell"):
                    cell.metadata["jupyter"] = from_dict(folded)
    return notebook


def _expression(name: str, text: str) -> dict[str, Any]:
    return {"expression": name, "result": {"data": {"text/plain": text}, "metadata": {}, "status": "ok"}}
