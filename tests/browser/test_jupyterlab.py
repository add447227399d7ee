"""`make lab`: a notebook reads in JupyterLab as on the site (directives, numbers in the text, folded solutions)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from page_checks import WIDE

from tools import lab
from tools.site import ROOT

pytestmark = pytest.mark.browser
PREFIX = "application/papermill.record/"
TEXT = """# A notebook

The correlation is {eval}`icc`, with $\\sigma^2$ in mind.

:::{admonition} Wrong turn: one bag
:class: wrong-turn
The bag was forgotten.
:::
"""
EXERCISE = """```{exercise} Count the bags ★
:label: count

How many bags are there?
```

```{solution} count
:class: dropdown

There are thirty-six of them.
```
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab as `make lab` does, on a folder with one small notebook."""
    folder = tmp_path_factory.mktemp("lab")
    record = new_output(
        "display_data",
        data={PREFIX + "text/plain": "'0.33'"},
        metadata={"scrapbook": {"name": "icc", "mime_prefix": PREFIX}},
    )
    cells = [
        new_markdown_cell(TEXT),
        new_code_cell("icc = '0.33'", outputs=[record]),
        new_markdown_cell(EXERCISE),
        new_code_cell("hidden = 36", metadata={"tags": ["hide-cell"]}),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = lab.prepare(new_notebook(cells=cells, metadata={"kernelspec": kernel}))
    nbformat.write(notebook, folder / "small.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = re.search(
        r"jupyter lab --notebook-dir=book ((?:.|\\\n)*?)\$\(if",
        (ROOT / "Makefile").read_text(encoding="utf8"),
    )
    assert flags, "the Makefile's target `lab` no longer looks as this test expects"
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--notebook-dir={folder}",
        *flags[1].replace("\\\n", " ").split(),
    ]
    command += ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    private = {
        name: str(folder / ".jupyter" / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    log = Path(folder / "log.txt")
    with log.open("w") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **private}
        )
        try:
            for _ in range(120):
                if server.poll() is not None:
                    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}", pytrace=False)
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:  # a kernel that does not end; it ends with its server
                server.kill()
                server.wait()


def test_reads_as_on_the_site(chrome, address):
    page = chrome.new_page()
    foreign: list[str] = []
    page.on(
        "request",
        lambda q: (
            None if "127.0.0.1" in q.url or q.url.startswith(("data:", "blob:")) else foreign.append(q.url)
        ),
    )
    try:
        page.set_viewport_size({**WIDE, "height": 1600})
        page.goto(f"{address}/lab/tree/small.ipynb?reset")
        page.locator(".jp-MarkdownCell .myst h1").first.wait_for(timeout=90_000)
        text, exercise = (
            page.locator(".jp-MarkdownCell .myst").nth(0),
            page.locator(".jp-MarkdownCell .myst").nth(1),
        )
        assert "The correlation is 0.33, with" in text.inner_text()
        assert text.locator(".katex").count() == 1
        box = text.locator("aside")
        assert "Wrong turn: one bag" in box.inner_text()
        assert ":::" not in text.inner_text()
        said = exercise.inner_text().replace("\N{NO-BREAK SPACE}", " ")
        assert "Exercise 1 (Count the bags ★)" in said
        assert "Solution to Exercise 1" in said
        answer = exercise.get_by_text("There are thirty-six of them.")
        assert not answer.is_visible()
        exercise.get_by_text("Solution to", exact=False).first.click()
        answer.wait_for(state="visible", timeout=10_000)
        assert page.locator(".jp-CodeCell").nth(1).locator(".jp-Placeholder").count() > 0, (
            "a hidden cell is not folded"
        )
        assert foreign == []
    finally:
        page.close()
