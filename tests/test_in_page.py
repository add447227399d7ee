"""What runs in the reader's browser, run here: the laboratory, an exercise's cell, and what the site packs for both."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.browser.laboratory import LIMITS, MODELS, Laboratory, Setting
from mmhelpers.browser.page import Page
from mmhelpers.exercises import check_answer

ROOT = Path(__file__).resolve().parent.parent
PART = "book/1_random_effects"


@pytest.fixture(scope="module")
def extension() -> types.ModuleType:
    """Give the Sphinx extension as a module."""
    spec = importlib.util.spec_from_file_location("extension", ROOT / "book" / "_ext" / "pyodide.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the laboratory --------------------------------------------------------------------------------------------

SETTINGS = [
    Setting(groups=12, observations=6, slope_sd=1.5, correlation=0.4, data_sets=600, seed=3),
    Setting(groups=5, observations=3, intercept_sd=0.0, slope_sd=0.0, sigma=2.0, data_sets=300, alpha=0.1),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=["slopes", "nothing varies"])
def test_the_laboratory_does_what_its_python_file_does(setting, tmp_path, monkeypatch):
    """Same data sets, same fits: every p-value is that of `mm.type1`, to rounding."""
    run = Laboratory(setting)
    assert list(run.blocks())[-1] == setting.data_sets
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(setting.code(), names)
    rates = names["rates"]
    rows = rates.attrs["rows"]
    for label in MODELS:
        theirs = rows[rows["model"] == label]
        np.testing.assert_allclose(run._column(label, "p"), theirs["p"], rtol=1e-6, atol=1e-9)
        assert (run._column(label, "singular") == theirs["singular"].to_numpy()).all()
    for mine, theirs in zip(run.rates(), rates.to_dict("records"), strict=True):
        for name in ("rate", "lower", "upper", "n", "failed", "singular"):
            assert mine[name] == pytest.approx(theirs[name], abs=1e-12), name
    assert (tmp_path / "type1.csv").exists()


def test_the_table_has_every_number():
    run = Laboratory(Setting(groups=4, observations=4, data_sets=120))
    list(run.blocks())
    lines = run.table().splitlines()
    assert lines[0] == "rep,model,estimate,se,df,p,converged,singular"
    assert len(lines) == 1 + 2 * 120
    first = lines[1].split(",")
    assert float(first[5]) == run._column("slope-less", "p")[0]


def test_the_interval_is_that_of_the_package():
    for hits, n in ((0, 10), (3, 50), (50, 50), (250, 5000)):
        from mmhelpers.browser.laboratory import wilson

        np.testing.assert_allclose(
            wilson(hits, n), [float(x) for x in mm.binomial_interval(hits, n)], atol=1e-12
        )
    assert np.isnan(wilson(0, 0)).all()


@pytest.mark.parametrize("name", LIMITS)
def test_a_setting_out_of_its_limits_is_named(name):
    low, high = LIMITS[name]
    for bad in (low - 1, high + 1, float("nan")):
        with pytest.raises(ValueError, match=f"^{name}: "):
            Setting(**{name: bad})
    with pytest.raises(ValueError, match="not a whole number"):
        Setting(groups=4.5)
    assert Setting.from_form({"groups": 6.0, "sigma": 2}).groups == 6


def test_the_laboratory_needs_neither_pandas_nor_formulae():
    code = (
        "import sys\nfor name in ('pandas', 'formulae', 'matplotlib'): sys.modules[name] = None\n"
        "from mmhelpers.browser.laboratory import Laboratory, Setting\n"
        "run = Laboratory(Setting(data_sets=100)); print(list(run.blocks()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[100]"


# --- an exercise's cell ----------------------------------------------------------------------------------------


def solutions(path: Path) -> dict[str, str]:
    """Return the code of each exercise's worked solution."""
    found: dict[str, str] = {}
    name = ""
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            if "{solution-start}" in cell.source:
                name = cell.source.split("{solution-start}")[1].split()[0]
            elif "{solution-end}" in cell.source:
                name = ""
        elif name:
            found[name] = found.get(name, "") + cell.source + "\n"
    return found


NOTEBOOKS = sorted((ROOT / PART).glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_worked_solutions_run_with_what_the_page_gives(extension, path):
    """Each solution of Part 1, in place of the exercise's cell, finds its names on the page and is right."""
    found = extension.exercises_of(path)
    worked = solutions(path)
    assert set(worked) == set(found["exercises"]) != set()
    for name, exercise in found["exercises"].items():
        page = Page(found["cells"][: exercise["before"]])
        untouched = page.run(exercise["cell"])
        assert untouched.right is False
        assert untouched.text == str(check_answer(name, ...))
        answer = page.run(worked[name])
        assert answer.error == "", name
        assert answer.right, (name, answer.text)


def test_only_what_is_needed_is_run():
    page = Page(["a = 1", "raise RuntimeError('a figure')", "b = a + 1\nunused = missing", "b += 3"])
    assert page.run("b").text == "5"


def test_statements_that_change_something_are_run_too():
    page = Page(
        [
            "rows = {}",
            "rows['x'] = 2",
            "for i in range(3):\n    rows['x'] += i",
            "rows2 = dict(rows)",
            "rows = {}",
        ]
    )
    assert page.run("rows2").text == "{'x': 5}"
    assert page.run("rows").text == "{}"


def test_draws_are_those_of_the_page():
    page = Page(
        [
            "import numpy as np",
            "rng = np.random.default_rng(1)\nfirst = rng.normal()",
            "second = rng.normal()",
        ]
    )
    rng = np.random.default_rng(1)
    rng.normal()
    assert float(page.run("print(second)").text) == rng.normal()


def test_a_readers_code_leaves_the_page_as_it_was():
    page = Page(["a = 1"])
    assert page.run("a = 5\na").text == "5"
    assert page.run("a").text == "1"


def test_what_cannot_be_made_is_named_when_it_is_used():
    page = Page(["import not_there as nt", "fit = nt.fit(1)", "slope = fit.slope", "a = 3"])
    assert page.run("a").text == "3"
    assert "No module named 'not_there'" in page.run("slope").error
    assert page.run("1 +").error.startswith("SyntaxError")
    assert page.run("print('so far')\n1 / 0") == page.run("print('so far')\n1 / 0")
    assert page.run("print('so far')\n1 / 0").error == "ZeroDivisionError: division by zero"


# --- what the site packs ---------------------------------------------------------------------------------------


def test_archives_hold_what_is_needed_and_are_the_same_each_time(extension):
    laboratory = extension.laboratory_archive()
    assert hashlib.sha256(laboratory).digest() == hashlib.sha256(extension.laboratory_archive()).digest()
    names = zipfile.ZipFile(io.BytesIO(laboratory)).namelist()
    assert "mmhelpers/browser/laboratory.py" in names
    assert not [n for n in names if "plots" in n or "model/build" in n]
    assert len(laboratory) < 150_000
    exercises = zipfile.ZipFile(io.BytesIO(extension.exercises_archive([PART]))).namelist()
    assert {"formulae/__init__.py", "data/dyestuff.csv", "data/oysters.csv", "data/machines.csv"} <= set(
        exercises
    )
    assert "mmhelpers/answers/oysters.toml" in exercises


def test_every_file_of_pyodide_has_its_hash(extension):
    manifest = extension.pyodide()
    assert set(manifest["needs"]) == set(manifest["load"]) == {"laboratory", "exercises"}
    for name in (n for files in manifest["load"].values() for n in files):
        assert manifest["files"][name]["part"] == "packages"
    for name in (
        "pyodide.js",
        "pyodide.asm.js",
        "pyodide.asm.wasm",
        "python_stdlib.zip",
        "pyodide-lock.json",
    ):
        assert manifest["files"][name]["part"] == "core"
    assert all(f["integrity"].startswith("sha256-") and f["bytes"] > 0 for f in manifest["files"].values())


def test_a_folder_with_another_file_is_refused(extension, tmp_path):
    from sphinx.errors import ExtensionError

    (tmp_path / "from").mkdir()
    with pytest.raises(ExtensionError, match=r"pyodide\.js is not in"):
        extension.copy_folder(tmp_path / "from", tmp_path / "to")
    (tmp_path / "from" / "pyodide.js").write_text("something else")
    with pytest.raises(ExtensionError, match="is not the file of Pyodide"):
        extension.copy_folder(tmp_path / "from", tmp_path / "to")


@pytest.mark.parametrize(("source", "page", "expected"), [
    ("cdn", "book/4_lmertest/04_type_one_error", ["python/python.js", "python/laboratory.js"]),
    ("cdn", "book/1_random_effects/01_oysters", ["python/python.js", "python/exercises.js"]),
    ("cdn", "book/1_random_effects/index", []),
    ("", "book/4_lmertest/04_type_one_error", []),
    ("", "book/1_random_effects/01_oysters", []),
])  # fmt: skip
def test_only_pages_that_need_it_get_scripts_and_none_without_a_source(extension, source, page, expected):
    added: list[str] = []
    body = extension.LABORATORY if "type_one" in page else ""
    app = types.SimpleNamespace(
        config=types.SimpleNamespace(pyodide_from=source, pyodide_exercises=[PART]),
        builder=types.SimpleNamespace(format="html"),
        pyodide_files=extension.pyodide()["files"]
        | {f"{n}.zip": {"bytes": 1, "part": "site"} for n in ("laboratory", "exercises")},
        add_js_file=lambda name, **_: added.append(name),
        add_css_file=lambda name: None,
    )
    extension.add_scripts(app, page, "page.html", {"body": body}, None)
    assert added == expected
