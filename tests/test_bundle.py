"""What a reader takes along, and what other places than this one build from: zips, conda, Binder, Pages."""

from __future__ import annotations

import tomllib
import zipfile

import yaml

from tools import bundle, conda
from tools.site import ROOT


def test_a_zip_of_the_same_files_is_the_same_zip(tmp_path):
    (tmp_path / "one.txt").write_text("one")
    files = [("b/one.txt", tmp_path / "one.txt"), ("a.txt", "two")]
    bundle.pack(tmp_path / "first.zip", files)
    (tmp_path / "one.txt").touch()
    bundle.pack(tmp_path / "second.zip", reversed(files))
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as made:
        assert made.namelist() == [f"{bundle.SITE}/a.txt", f"{bundle.SITE}/b/one.txt"]
        assert made.read(f"{bundle.SITE}/b/one.txt") == b"one"


def test_notebooks_come_with_what_they_need():
    names = {name for name, _ in bundle.notebooks()}
    chapters = {p.relative_to(ROOT).as_posix() for p in (ROOT / "book").glob("*/*.ipynb")}
    assert chapters <= names
    for needed in (
        "requirements.txt",
        "conda/environment.yml",
        "data/registry.toml",
        "mmhelpers/__init__.py",
        "HOW-TO-RUN.txt",
    ):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("_build", "tests"))]


def test_environment_of_conda_is_written_from_the_pins():
    stored = conda.TARGET.read_text(encoding="utf8")
    assert stored == conda.text(), "run `python -m tools.conda`"
    listed = yaml.safe_load(stored)["dependencies"]
    pip = next(one["pip"] for one in listed if isinstance(one, dict))
    versions = conda.locked()
    for line in pip[:-1]:
        name, version = line.split("==")
        assert versions[name.split("[")[0]] == version
    assert "python=3.11" in listed
    assert {"r-base", "r-lme4", "r-lmertest", "r-glmmtmb"} <= {one for one in listed if isinstance(one, str)}


def test_conda_and_binder_know_every_package_a_reader_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    for line in project["dependencies"]:
        assert line.split(">")[0] in conda.direct()
    assert {name.split("[")[0] for name in conda.direct()} <= set(conda.locked())


def test_binder_takes_the_pins_and_not_conda():
    assert (ROOT / "requirements.txt").exists()
    assert not (ROOT / "environment.yml").exists(), "Binder would prefer it to requirements.txt"
    assert (ROOT / "runtime.txt").read_text().strip() == "python-3.11"
    assert "--no-deps" in (ROOT / "postBuild").read_text()


def test_workflows_call_the_two_commands():
    pages = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text())
    steps = [step.get("run") for step in pages["jobs"]["build"]["steps"]]
    assert "make book" in steps
    tests = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    assert "bash .ci/run" in [step.get("run") for step in tests["jobs"]["test"]["steps"]]
