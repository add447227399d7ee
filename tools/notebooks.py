"""Run the notebooks: into the site's cache (`execute`), or back into their own files (`normalise`).

`execute` runs every notebook, two at a time, into `_build/executed/`, where the site takes them from. A notebook
runs again only when its code, mmhelpers, the data, the pins or the presence of R have changed.
`normalise` runs them and writes text outputs back into `book/`, without images, times or machine details: what
nbval then compares, printed number by printed number.
`text` runs nothing: after a change of prose it stores the numbers that the new text names (see `tools.lab`).

Cells tagged `needs-r` are left out where R is absent: they keep the result stored in the notebook, which must
carry the hash that `normalise` gave it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from mmhelpers import r_link
from tools import lab

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
EXECUTED = ROOT / "_build" / "executed"
R_TAG = "needs-r"
IMAGES = ("image/png", "image/svg+xml", "image/jpeg")
SECONDS_A_CELL = 600


@dataclass(frozen=True)
class Run:
    """One executed notebook: where it came from, what it became, how long it took, what went wrong."""

    source: Path
    notebook: NotebookNode
    seconds: float
    stored_cells: int
    cached: bool = False
    error: str | None = None


def find(only: str = "") -> list[Path]:
    """Return the book's notebooks in the order of their paths; `only` keeps those whose path contains it."""
    found = sorted(p for p in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    return [p for p in found if only in p.as_posix()]


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def output_hash(cell: NotebookNode) -> str:
    """Return the sha256 of a cell's source and text outputs: changed code or a changed result shows."""
    outputs = [{k: v for k, v in output.items() if k != "execution_count"} for output in cell.outputs]
    payload = json.dumps([cell.source, outputs], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(payload.encode()).hexdigest()


def stored_is_sound(cell: NotebookNode) -> bool:
    """Say whether a `needs-r` cell's stored result is the one that `normalise` wrote for this source."""
    return cell.metadata.get("stored", {}).get("sha256") == output_hash(cell)


class CourseClient(NotebookClient):
    """A notebook client that leaves `needs-r` cells as stored where R is absent."""

    def __init__(self, notebook: NotebookNode, folder: Path, with_r: bool) -> None:
        super().__init__(
            notebook,
            timeout=SECONDS_A_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        )
        self.with_r = with_r
        self.stored_cells = 0

    async def async_execute_cell(self, cell: NotebookNode, cell_index: int, **options: Any) -> NotebookNode:
        """Execute one cell, or leave it as it is stored."""
        if cell.cell_type == "code" and R_TAG in tags(cell) and not self.with_r:
            if not stored_is_sound(cell):
                raise RuntimeError(
                    f"cell {cell_index}: its stored result does not carry its hash; run `make notebooks` where R is"
                )
            self.stored_cells += 1
            return cell
        return await super().async_execute_cell(cell, cell_index, **options)


def run(path: Path, with_r: bool) -> Run:
    """Execute one notebook; a failing cell becomes `error`, with the place and the traceback."""
    notebook = nbformat.read(path, as_version=4)
    client = CourseClient(notebook, path.parent, with_r)
    start = time.perf_counter()
    try:
        client.execute()
        error = None
    except CellExecutionError as failure:
        error = f"{path.relative_to(ROOT)}: {failure}"
    except (
        Exception
    ) as failure:  # a dead kernel or a time-out is also a failed notebook, not a traceback of ours
        error = f"{path.relative_to(ROOT)}: {type(failure).__name__}: {failure}"
    return Run(path, notebook, time.perf_counter() - start, client.stored_cells, error=error)


# --- the site's cache ------------------------------------------------------------------------------------------


def common_key() -> str:
    """Return a hash of what every notebook depends on: mmhelpers, data, pins and whether R is here."""
    digest = hashlib.sha256()
    files = [ROOT / "requirements.txt"]
    for folder, pattern in (
        ("mmhelpers", "**/*.py"),
        ("mmhelpers", "**/*.mplstyle"),
        ("mmhelpers", "answers/*.toml"),
        ("data", "*"),
        ("data", "studies/*"),
    ):
        files += sorted(p for p in (ROOT / folder).glob(pattern) if p.is_file())
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    digest.update(f"R={r_link.have_r()} python={sys.version_info[:2]}".encode())
    return digest.hexdigest()


def key(path: Path, common: str) -> str:
    """Return the cache key of one notebook: `common` and its code, tags and stored results (its prose may change freely)."""
    notebook = nbformat.read(path, as_version=4)
    cells = [
        [c.source, tags(c), c.metadata.get("stored", {})] for c in notebook.cells if c.cell_type == "code"
    ]
    return hashlib.sha256((common + json.dumps(cells)).encode()).hexdigest()


def refresh_prose(executed: NotebookNode, path: Path) -> NotebookNode:
    """Return the notebook at `path` as it is now, with the outputs of `executed` (same code cells, same order)."""
    notebook = nbformat.read(path, as_version=4)
    done = [c for c in executed.cells if c.cell_type == "code"]
    for cell, old in zip((c for c in notebook.cells if c.cell_type == "code"), done, strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
    notebook.metadata["course"] = executed.metadata["course"]
    return notebook


def label_stored(notebook: NotebookNode) -> None:
    """Put a line above each stored result, so that a reader knows it was not computed in this build."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and R_TAG in tags(cell):
            made = cell.metadata["stored"]["made_with"]
            text = (
                f"Stored result, computed earlier with {made}; R is not on the machine that built this page."
            )
            html = f'<p class="stored-result">{text}</p>'
            label = nbformat.v4.new_output("display_data", data={"text/plain": text, "text/html": html})
            cell.outputs = [label, *cell.outputs]


def cached_run(path: Path, common: str, with_r: bool) -> Run:
    """Execute one notebook into the cache, or take it from there."""
    target = EXECUTED / path.relative_to(BOOK)
    wanted = key(path, common)
    if target.exists():
        executed = nbformat.read(target, as_version=4)
        course = executed.metadata.get("course", {})
        if course.get("key") == wanted:
            fresh = refresh_prose(executed, path)
            if fresh != executed:
                nbformat.write(fresh, target)
            return Run(path, fresh, course["seconds"], course["stored_cells"], cached=True)
    done = run(path, with_r)
    if done.error is None:
        if not with_r:
            label_stored(done.notebook)
        done.notebook.metadata["course"] = {
            "key": wanted,
            "seconds": round(done.seconds, 1),
            "stored_cells": done.stored_cells,
            "cells": sum(c.cell_type == "code" for c in done.notebook.cells),
        }
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(done.notebook, target)
    return done


def execute(only: str, jobs: int) -> list[Run]:
    """Execute all notebooks into the cache, `jobs` at a time, saying how each one went."""
    common, with_r = common_key(), r_link.have_r()
    wanted = {EXECUTED / p.relative_to(BOOK) for p in find()}
    for stale in set(EXECUTED.rglob("*.ipynb")) - wanted:
        stale.unlink()
    with ThreadPoolExecutor(jobs) as pool:
        runs = []
        for done in pool.map(lambda p: cached_run(p, common, with_r), find(only)):
            name = done.source.relative_to(BOOK).as_posix()
            stored = f", {done.stored_cells} stored R cells" if done.stored_cells else ""
            state = (
                "FAILED" if done.error else "unchanged" if done.cached else f"{done.seconds:.1f} s{stored}"
            )
            print(f"  {name}: {state}", flush=True)
            runs.append(done)
    return runs


# --- back into the files ---------------------------------------------------------------------------------------


def r_versions() -> str:
    """Return what R results were made with, for the label of a stored result."""
    r_link.require_r()
    from rpy2.robjects import r

    return str(
        r(
            "paste0('R ', getRversion(), ', lme4 ', packageVersion('lme4'), ', lmerTest ', packageVersion('lmerTest'))"
        )[0]
    )


def normalised(notebook: NotebookNode, made_with: str) -> NotebookNode:
    """Return a notebook ready for git: text outputs kept, images and everything machine-bound dropped."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        cell.metadata.pop("stored", None)
        for output in cell.outputs:
            for image in IMAGES:
                output.get("data", {}).pop(image, None)
                output.get("metadata", {}).pop(image, None)
            if output.output_type == "execute_result":
                output.execution_count = count
        if R_TAG in tags(cell):
            cell.metadata["stored"] = {"made_with": made_with, "sha256": output_hash(cell)}
    lab.prepare(notebook)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(dict(sorted(cell.metadata.items())))
    return notebook


def normalise(only: str, jobs: int) -> list[Run]:
    """Execute all notebooks and write them back normalised; needs R, since every stored result must be real."""
    if not r_link.have_r():
        sys.exit("`make notebooks` stores the results of R cells too, so it needs R. " + r_link.HOW_TO_GET_R)
    made_with = r_versions()
    with ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(lambda p: run(p, True), find(only)))
    for done in runs:
        if done.error is None:
            nbformat.write(normalised(done.notebook, made_with), done.source)
        print(f"  {done.source.relative_to(BOOK)}: {'FAILED' if done.error else f'{done.seconds:.1f} s'}")
    return runs


def store_text(only: str, jobs: int) -> list[Run]:
    """Bring what JupyterLab shows in text cells up to date from the stored outputs; `jobs` is not used."""
    for path in find(only):
        old = nbformat.read(path, as_version=4)
        try:
            new = lab.prepare(nbformat.read(path, as_version=4))
        except KeyError as unknown:
            sys.exit(
                f"{path.relative_to(ROOT)}: {unknown.args[0]}; `make notebooks` runs the cell that makes it"
            )
        if new != old:
            nbformat.write(new, path)
            print(f"  {path.relative_to(BOOK)}: text brought up to date")
    return []


def main() -> None:
    """Run a command; exit 1 when a notebook fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["execute", "normalise", "text"])
    parser.add_argument("--only", default="", help="notebooks whose path contains this")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    # Two notebooks at a time, each with one BLAS thread: no oversubscription, same rounding everywhere.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # Interactive figures are written here, and the notebook keeps their places (mmhelpers.interactive).
    os.environ["MMHELPERS_INTERACTIVE"] = str(ROOT / "_build" / "interactive")
    commands = {"execute": execute, "normalise": normalise, "text": store_text}
    runs = commands[options.command](options.only, options.jobs)
    failed = [r.error for r in runs if r.error]
    for error in failed:
        print(f"\n{error}", file=sys.stderr)
    if failed:
        sys.exit(f"{len(failed)} of {len(runs)} notebooks failed")


if __name__ == "__main__":
    main()
