"""A skipped test or cell that is not on the list fails the run; what needs R is left out and counted without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path):
    """A folder with this project's conftest and list of skips, and nothing else."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "allowed_skips.toml", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    r: R\n    browser: browser\n")
    return tmp_path


def pytest_in(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **env})


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\ndef test_x(): pytest.skip('tired')",
        "import pytest\n@pytest.mark.skip(reason='tired')\ndef test_x(): pass",
        "import pytest\npytest.skip('tired', allow_module_level=True)",
        "import pytest\npytest.importorskip('not_there', reason='tired')",
    ],
)
def test_a_skip_that_is_not_on_the_list_fails_and_is_named(project, test):
    (project / "tests" / "test_x.py").write_text(test)
    done = pytest_in(project)
    assert done.returncode != 0
    assert "test_x" in done.stdout
    assert "not in tests/allowed_skips.toml" in done.stdout


def test_what_needs_r_is_left_out_only_where_r_is_not_required(project):
    (project / "tests" / "test_x.py").write_text("import pytest\n@pytest.mark.r\ndef test_x(): assert False")
    hidden = pytest_in(project, MMHELPERS_R="0", MMHELPERS_REQUIRE="")
    assert hidden.returncode == 0, hidden.stdout
    assert "1 skipped" in hidden.stdout
    required = pytest_in(project, MMHELPERS_R="0", MMHELPERS_REQUIRE="r")
    assert required.returncode != 0
    assert "MMHELPERS_REQUIRE names r" in required.stderr


def test_cells_that_need_r_are_left_out_and_counted(project):
    printed = new_output("stream", name="stdout", text="2\n")
    needs_r = new_code_cell(
        "raise SystemError", outputs=[], execution_count=2, metadata={"tags": ["needs-r"]}
    )
    book = new_notebook(cells=[new_code_cell("print(1 + 1)", outputs=[printed], execution_count=1), needs_r])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, project / "x.ipynb")
    done = pytest_in(project, "--nbval", MMHELPERS_R="0", MMHELPERS_REQUIRE="")
    assert done.returncode == 0, done.stdout
    assert "1 notebook cells need R and were left out" in done.stdout


def test_one_changed_digit_of_a_stored_output_fails_and_names_the_cell(project):
    wrong = new_output("stream", name="stdout", text="3\n")
    book = new_notebook(cells=[new_code_cell("print(1 + 1)", outputs=[wrong], execution_count=1)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, project / "x.ipynb")
    done = pytest_in(project, "--nbval", "--nbval-sanitize-with", str(ROOT / "tests" / "nbval_sanitize.cfg"))
    assert done.returncode != 0
    assert "x.ipynb::Cell 0" in done.stdout
