"""Studies from files and from the command line: what is read, what is refused, what is printed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mmhelpers as mm
from mmhelpers.studies import content_hash
from mmhelpers.studies.config import ConfigError, build_design, parse_config, plan_of, varied

EXAMPLES = sorted((Path(mm.__file__).parent / "examples").glob("*.toml"))
GOOD = """
seed = 3
n_rep = 40
effect = "x"
tests = ["satterthwaite", "wald"]
[designs.small]
cross = { g = 6, x = [0, 1, 2, 3] }
[truths.slopes]
formula = "y ~ x + (x | g)"
beta = { "(Intercept)" = 1, x = 0 }
sd = { g = { "(Intercept)" = 1, x = 0.5 } }
sigma = 1
[models]
slope-less = "y ~ x + (1 | g)"
"""

#: What is wrong: text to replace, its replacement, words that the one line must have.
BAD = {
    "no TOML": ("seed = 3", "seed = ", "this is no TOML"),
    "no seed": ("seed = 3", "", "seed: this is missing"),
    "a seed below zero": ("seed = 3", "seed = -3", "seed: input should be greater than or equal to 0, not -3"),
    "a seed in words": ("seed = 3", 'seed = "three"', "seed: input should be a valid integer, not 'three'"),
    "no data sets": ("n_rep = 40", "n_rep = 0", "n_rep: input should be greater than or equal to 1, not 0"),
    "half a data set": ("n_rep = 40", "n_rep = 40.5", "n_rep: input should be a valid integer"),
    "a setting misspelt": ("n_rep = 40", "n_reps = 40", "n_reps: there is no such setting; did you mean n_rep?"),
    "a setting nobody knows": (
        "seed = 3", "seed = 3\ncolour = 'red'", "colour: there is no such setting; there are title, seed",
    ),
    "no effect": ('effect = "x"', "", "effect: this is missing"),
    "an effect that no model has": ('effect = "x"', 'effect = "z"', "has no 'z'; it has x"),
    "a test nobody knows": ('"wald"', '"score"', "tests: there is no test 'score'; there are satterthwaite"),
    "a test twice": ('"wald"', '"satterthwaite"', "tests: name each test once"),
    "a level above one": ("seed = 3", "seed = 3\nalpha = 5", "alpha: a level of significance lies between 0 and 1"),
    "an impossible precision": ("seed = 3", "seed = 3\nprecision = 0.0", "precision: input should be greater than 0"),
    "no designs": ("[designs.small]\ncross = { g = 6, x = [0, 1, 2, 3] }", "", "designs: this is missing"),
    "a verb misspelt": ("cross =", "crossed =", "designs.small: crossed: there is no such verb; did you mean cross?"),
    "a verb without arguments": ("cross = { g = 6, x = [0, 1, 2, 3] }", "cross = 6", "give its arguments in braces"),
    "a design that cannot be": (
        "cross = { g = 6, x = [0, 1, 2, 3] }",
        'cross = { g = 6, x = [0, 1, 2, 3] }\nbetween = { unit = "g", group = ["a", "b", "c", "d"] }',
        "designs.small: 6 levels of g cannot be shared out equally among 4 levels of group",
    ),
    "a unit that is not there": (
        "cross = { g = 6, x = [0, 1, 2, 3] }",
        'cross = { g = 6, x = [0, 1, 2, 3] }\nbetween = { unit = "h", group = ["a", "b"] }',
        "designs.small: the design has no 'h'",
    ),
    "an unknown data set": (
        "cross = { g = 6, x = [0, 1, 2, 3] }", 'data = "sleepstudies"', "designs.small: ",
    ),
    "a truth without a formula": ('formula = "y ~ x + (x | g)"', "", "truths.slopes: formula is missing"),
    "a formula with a hole": ('"y ~ x + (x | g)"', '"y ~ x + (x | "', "truths.slopes: "),
    "a truth without sigma": ("sigma = 1", "", "truths.slopes: give the residual standard deviation"),
    "a coefficient that is not there": ("x = 0 }", "z = 0 }", "small with slopes: beta: the model"),
    "a negative standard deviation": ("x = 0.5 } }", "x = -0.5 } }", "must be a number, 0 or above, not -0.5"),
    "a family nobody knows": ("sigma = 1", 'family = { kind = "Cauchy" }', "family: kind must be one of Gaussian"),
    "an unknown part of a truth": ("sigma = 1", "sigmas = 1", "truths.slopes: sigmas is no part of a truth"),
    "variation of nothing": ("sigma = 1", 'sigma = 1\nvary = { "sd.g.x" = 1 }', "truths.slopes.vary: give a list"),
    "variation through a number": (
        "sigma = 1", 'sigma = 1\nvary = { "sigma.x" = [1] }', "sigma.x leads through sigma, which is no table",
    ),
    "no models": ('[models]\nslope-less = "y ~ x + (1 | g)"', "", "models: this is missing"),
    "a model of what is not there": ('"y ~ x + (1 | g)"', '"y ~ x + (1 | h)"', "models['slope-less']: "),
    "a model that is a number": ('"y ~ x + (1 | g)"', "3", "models.slope-less: input should be a valid string, not 3"),
    "a generator nobody knows": ("seed = 3", 'seed = 3\ngenerator = "bayes1763"', "there is no generator 'bayes1763'"),
    "a generator with designs": ("seed = 3", 'seed = 3\ngenerator = "barr2013"', "a generator makes its own data"),
    "cells without a generator": ("[models]", "[cells.a]\nitems = 3\n[models]", "cells: these belong to a generator"),
    "all cells missing": ("seed = 3", "seed = 3\nmissing = 1.0", "missing: input should be less than 1"),
}  # fmt: skip


def test_the_good_one_is_good():
    plan = plan_of(parse_config(GOOD))
    assert len(plan.cells) == 1
    assert plan.n_rep == 40


@pytest.mark.parametrize("kind", BAD)
def test_each_mistake_gives_one_clear_line(kind, tmp_path):
    old, new, words = BAD[kind]
    assert old in GOOD
    path = tmp_path / "study.toml"
    path.write_text(GOOD.replace(old, new))
    done = invoke("study", str(path), "--dry-run")
    assert done.exit_code == 2
    lines = done.output.strip().splitlines()
    assert len(lines) == 1, done.output
    assert lines[0].startswith("Error: study.toml: ")
    assert words in lines[0], lines[0]
    assert "Traceback" not in done.output
    assert len(lines[0]) < 400


def invoke(*arguments: str):
    from mmhelpers.__main__ import app

    return CliRunner().invoke(app, list(arguments))


# ---- designs and truths of a file -----------------------------------------------------------------


def test_verbs_make_the_designs_that_chaining_makes():
    text = """
    cross = { s = 8, i = 4 }
    between = { unit = "s", group = ["a", "b"] }
    latin_square = { unit = ["s", "i"], cond = ["p", "q"] }
    code = { cond = { p = -0.5, q = 0.5 } }
    """
    made = build_design(tomllib.loads(text), 1)
    chained = (
        mm.cross(s=8, i=4)
        .between("s", group=["a", "b"])
        .latin_square("s", "i", cond=["p", "q"])
        .assign(cond_c=lambda d: (d.cond == "q") - 0.5)
    )
    assert made.data.equals(chained.data)
    nested = build_design(
        {"cross": {"site": 3}, "nest": [{"bag": 2, "within": "site"}, {"o": 2, "within": "bag"}]}, 1
    )
    assert nested.data.equals(mm.cross(site=3).nest(bag=2, within="site").nest(o=2, within="bag").data)
    assert len(build_design({"cross": {"s": 8, "i": 4}, "missing": {"n": 5}}, 1)) == 27
    fresh = build_design(
        {"cross": {"s": 8}, "covariate": {"unit": "s", "age": ["normal", 40, 10], "fresh": True}}, 1
    )
    assert fresh.fresh
    assert len(build_design({"data": "sleepstudy"}, 1)) == 180


def test_variation_makes_a_grid():
    tables = varied("truths", {"t": {"sigma": 1, "vary": {"sd.g": [0, 1.5], "sigma": [1, 2]}}})
    assert list(tables) == ["sd.g=0, sigma=1", "sd.g=0, sigma=2", "sd.g=1.5, sigma=1", "sd.g=1.5, sigma=2"]
    assert tables["sd.g=1.5, sigma=2"] == {"sd": {"g": 1.5}, "sigma": 2}
    both = varied("truths", {"a": {"vary": {"x": [1]}}, "b": {}})
    assert list(both) == ["a, x=1", "b"]


def test_families_and_residuals_come_from_tables():
    text = GOOD.replace("sigma = 1", 'family = { kind = "ZeroInflated", base = "Poisson", p = 0.2 }')
    truth = plan_of(parse_config(text)).cells[0].law
    assert truth.family == mm.ZeroInflated(mm.Poisson(), 0.2)
    text = GOOD.replace(
        "sigma = 1", 'sigma = 1\ncorrelation = { kind = "AR1", phi = 0.4, within = "g", time = "x" }'
    )
    assert plan_of(parse_config(text)).cells[0].law.correlation == mm.AR1(0.4, within="g", time="x")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_good(path):
    try:
        plan = plan_of(parse_config(path.read_text(encoding="utf8")))
    except ConfigError as error:
        pytest.fail(str(error))
    assert len(plan.cells[0].rows(0, 4)) >= 4


def test_a_file_and_python_make_the_same_study():
    design = mm.cross(g=6, x=[0, 1, 2, 3])
    truth = mm.Truth(
        "y ~ x + (x | g)", beta={"(Intercept)": 1, "x": 0}, sd={"g": {"(Intercept)": 1, "x": 0.5}}, sigma=1
    )
    rows = mm.study(
        {"small": design}, {"slopes": truth}, {"slope-less": "y ~ x + (1 | g)"}, "x", ("satterthwaite", "wald"),
        n_rep=40, seed=3,
    )  # fmt: skip
    mine = plan_of(parse_config(GOOD))
    assert rows.attrs["study"].key == mine.key
    assert content_hash(rows) == content_hash(mine.cells[0].rows(0, 40))


# ---- the command line -----------------------------------------------------------------------------


def test_a_study_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(GOOD)
    dry = invoke("study", "study.toml", "--dry-run").output
    assert "Design of 24 rows: g (6 levels), x (0 to 3)" in dry
    assert "1 cell x 40 data sets = 40 data sets, 80 rows, in 1 block\n" in dry
    assert "estimated time: under 1 s" in dry or "estimated time: " in dry
    assert not Path("study.parquet").exists()

    done = invoke("study", "study.toml", "--no-progress")
    assert done.exit_code == 0, done.output
    table = mm.rates(mm.read_study("study.parquet"))
    assert f"{table.rate[0]:.4f}" in done.output
    assert not Path("study.parquet.blocks").exists()

    told = invoke("report", "study.parquet", "--alpha", "0.1", "--alpha", "0.2").output
    assert [line.split()[4] for line in told.splitlines()[1:5]] == ["0.1", "0.2"] * 2
    assert "seed 3" in told
    assert content_hash(mm.read_study("study.parquet")) in told

    again = invoke("study", "study.toml", "--no-progress")
    assert again.exit_code == 2
    assert "is there already" in again.output
    assert invoke("report", "none.parquet").output.startswith("Error: there is no file none.parquet")
    assert invoke("study", "none.toml").output.startswith("Error: none.toml: No such file")


def test_a_study_that_was_begun_needs_resume(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(GOOD.replace("n_rep = 40", "n_rep = 40\nblock = 10"))
    monkeypatch.setattr(
        "mmhelpers.studies.api.write_rows", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert invoke("study", "study.toml", "--no-progress").exit_code != 0
    assert len(list(Path("study.parquet.blocks").glob("0*"))) == 4
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    refused = invoke("study", "study.toml", "--no-progress")
    assert refused.exit_code == 2
    assert "--resume" in refused.output
    Path("study.parquet.blocks/0000-000002.parquet").unlink()
    from_folder = invoke("study", "study.parquet.blocks", "--resume", "--no-progress")
    assert from_folder.exit_code == 0, from_folder.output
    assert len(mm.read_study("study.parquet")) == 80


def test_the_program_itself(tmp_path):
    (tmp_path / "study.toml").write_text(GOOD.replace("seed = 3", "seed = x"))
    done = subprocess.run(
        [sys.executable, "-m", "mmhelpers", "study", "study.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(mm.__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("Error: study.toml: this is no TOML")
    assert done.stderr.count("\n") == 1
