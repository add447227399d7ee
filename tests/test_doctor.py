"""The doctor, with everything and with nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mmhelpers import doctor, r_link


def test_everything_found_is_named_with_its_version():
    findings = {f.name: f for f in doctor.examine()}
    assert findings["numpy"].ok
    assert findings["Python"].version.startswith("3.")
    assert "numpy" in doctor.report(list(findings.values()))


def test_what_is_missing_comes_with_its_cure(monkeypatch):
    monkeypatch.setattr(r_link, "variables", dict)
    monkeypatch.setattr(doctor, "chromium", lambda: None)
    text = doctor.report(doctor.examine())
    assert "missing  R - To get it on Debian or Ubuntu: sudo apt-get install" in text
    assert "missing  Chromium - sudo apt-get install chromium" in text
    assert "mmhelpers works here" in text


def test_an_essential_package_that_is_missing_is_said_first_at_the_end():
    text = doctor.report([doctor.Finding("Python", "numpy", "", "pip install numpy")])
    assert "mmhelpers cannot work without numpy" in text


def test_without_r_one_clear_line(monkeypatch):
    monkeypatch.setattr(r_link, "variables", dict)
    with pytest.raises(r_link.RMissing, match="needs R with its package lme4. To get it") as caught:
        r_link.require_r()
    assert caught.value._render_traceback_() == [f"R is missing: {caught.value}"]


def test_hiding_r():
    code = "from mmhelpers import r_link; print(r_link.have_r())"
    import os

    env = {**os.environ, "MMHELPERS_R": "0"}
    assert (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout
        == "False\n"
    )


@pytest.mark.r
def test_r_leaves_the_library_path_of_later_processes_alone():
    code = (
        "import os, subprocess, sys; before = os.environ.get('LD_LIBRARY_PATH')\n"
        "from mmhelpers import r_link; r_link.require_r()\n"
        "print(os.environ.get('LD_LIBRARY_PATH') == before)\n"
        "print(subprocess.run([sys.executable, '-c', 'import ssl']).returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0"]


@pytest.mark.r
def test_a_missing_r_package_is_named():
    with pytest.raises(r_link.RMissing, match="its package notThere is not"):
        r_link.require_r("notThere")


def test_import_is_quick_and_needs_numpy_alone():
    """`import mmhelpers` brings in nothing but NumPy and the standard library."""
    code = (
        "import sys; import numpy; before = set(sys.modules); import mmhelpers; "
        "new = {m.split('.')[0] for m in set(sys.modules) - before}; print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mmhelpers']"


def test_every_public_name_is_there_and_no_module_hides_it():
    code = (
        "import mmhelpers as mm, pkgutil, importlib, types\n"
        "for m in pkgutil.walk_packages(mm.__path__, 'mmhelpers.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "hidden = [n for n in mm._EXPORTS if isinstance(getattr(mm, n), types.ModuleType)]\n"
        "print(hidden)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", "a module of the same name hides this function: rename the module"
