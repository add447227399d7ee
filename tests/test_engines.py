"""Every cell of the tables of engines does what its page says: run again here, and compared with what is stored.

A translation's numbers must agree with its reference engine's to the tolerance of its row; a capability's verdict (yes,
other, no) must be the stored one. An engine that is not on this machine leaves its stored outcomes, which carry the
hash of the code that made them.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers import r_link
from tools import engines
from tools.notebooks import BOOK

sys.path.insert(0, str(BOOK / "_ext"))
import translations

TABLES = {name: engines.table(name) for name in engines.TABLES}
STORED = {name: engines.stored(name)["rows"] for name in engines.TABLES}
# Stored numbers have seven digits, and the last ones differ between machines.
SAME_AGAIN = 1e-3
# Of the bambi models, those that compile fastest: the test takes a few draws of each. The others it builds, and
# evaluates their log density where the chains would begin; what their chains gave is stored with the code's hash.
DRAWN = ("heteroscedastic", "beta")
# Engines that compile for minutes run only where they are asked for: MMHELPERS_SLOW="brms".
ASKED = os.environ.get("MMHELPERS_SLOW", "").split()
# Debian's packages of R keep the headers that Stan's models are compiled with elsewhere (data/make/brms.R says the same).
STAN_ON_DEBIAN = """
if (dir.exists("/usr/lib/R/site-library/RcppEigen/include"))
  rstan::rstan_options(boost_lib = "/usr/include", eigen_lib = "/usr/lib/R/site-library/RcppEigen/include")
"""


def cells(name: str) -> list[Any]:
    """Give every cell of a table as a test case, marked by what it needs."""
    cases = []
    for row in TABLES[name]["row"]:
        for engine in row["cells"]:
            spec = TABLES[name]["engines"][engine]
            marks = [pytest.mark.r] if needs_r(spec) or row.get("language") else []
            marks += [pytest.mark.slow] if spec.get("slow") else []
            cases.append(pytest.param(row, engine, id=f"{row['id']}-{engine}", marks=marks))
    return cases


def needs_r(spec: dict[str, Any]) -> bool:
    return spec["language"] == "R" or spec.get("needs_r", False)


# --- what is stored belongs to what is written ---------------------------------------------------------------------


@pytest.mark.parametrize("name", engines.TABLES)
def test_tables_are_sound(name):
    table = TABLES[name]
    names = [row["id"] for row in table["row"]]
    assert len(set(names)) == len(names)
    for row in table["row"]:
        assert row["reference"] in row["cells"]
        assert set(row["cells"]) <= set(table["engines"])
        assert set(row.get("tolerances", {})) <= set(table["engines"])
    assert set(STORED[name]) == set(names)


@pytest.mark.parametrize("name", engines.TABLES)
def test_every_cell_has_the_outcome_of_its_code(name):
    for row in TABLES[name]["row"]:
        assert list(STORED[name][row["id"]]) == list(row["cells"]), row["id"]
        for engine, code in row["cells"].items():
            outcome = STORED[name][row["id"]][engine]
            fresh = engines.digest(TABLES[name]["engines"][engine], row, code)
            cure = f"python -m tools.engines {name} --only {row['id']} --engine {engine}"
            assert outcome["hash"] == fresh, f"{row['id']}, {engine}: code and outcome differ; run {cure}"


@pytest.mark.parametrize("name", engines.TABLES)
def test_verdicts_follow_from_the_numbers(name):
    for row in TABLES[name]["row"]:
        outcomes = deepcopy(STORED[name][row["id"]])
        engines.judge(row, outcomes)
        assert outcomes == STORED[name][row["id"]]


def test_every_translation_agrees():
    for row in TABLES["translations"]["row"]:
        for engine, outcome in STORED["translations"][row["id"]].items():
            assert outcome["verdict"] == "same", f"{row['id']}, {engine}: {outcome}"


def test_every_kind_of_model_was_tried_with_every_engine():
    for row in TABLES["capabilities"]["row"]:
        assert set(row["cells"]) == set(TABLES["capabilities"]["engines"]), row["id"]


def test_every_stored_outcome_is_of_something_that_ran():
    for row in TABLES["capabilities"]["row"]:
        for engine, outcome in STORED["capabilities"][row["id"]].items():
            assert outcome["verdict"] != "builds", f"{row['id']}, {engine}: built, and not sampled"


# --- every cell again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "engine"), cells("translations"))
def test_translation(row, engine):
    spec = TABLES["translations"]["engines"][engine]
    if spec.get("slow") and not (engine in ASKED and engines.available(spec)):
        pytest.skip(
            f"needs {engine}: it compiles for minutes, so its stored outcomes stand (checked by hash); "
            f"where R has it, MMHELPERS_SLOW={engine} runs it"
        )
    if engine == "brms":
        mm.in_r(STAN_ON_DEBIAN)
    outcome = engines.run(spec, row, row["cells"][engine])
    assert outcome["error"] is None, outcome["error"]
    reference = STORED["translations"][row["id"]][row["reference"]]["values"]
    # the reference itself is compared with what it said when the page was made
    allowed = max(engines.tolerance(row, engine), SAME_AGAIN if engine == row["reference"] else 0)
    assert engines.difference(outcome["values"], reference) <= allowed, (outcome["values"], reference)


@pytest.mark.parametrize(("row", "engine"), cells("capabilities"))
def test_capability(row, engine):
    spec = TABLES["capabilities"]["engines"][engine]
    known = STORED["capabilities"][row["id"]]
    briefly = engines.sampling_briefly if row["id"] in DRAWN else engines.without_sampling
    with briefly() if engine == "bambi" else nullcontext():
        outcome = engines.run(spec, row, row["cells"][engine])
    verdict = engines.verdict(row, engine, outcome, known[row["reference"]]["values"])
    if verdict == "builds":
        # its chains ran for the stored outcome; an error after them is known from there only
        assert known[engine]["verdict"] in {"same", "other"} or "KeyError" in known[engine]["error"]
        return
    assert verdict == known[engine]["verdict"], (outcome, known[engine])
    if verdict == "fails":
        assert outcome["error"].partition(":")[0] == known[engine]["error"].partition(":")[0]


# --- the pages follow the tables, the outcomes and the machine ---------------------------------------------------


def page(name: str, table: dict[str, Any], outcomes: dict[str, Any]) -> str:
    """Give the text of what a directive makes of a table and outcomes."""
    kind = translations.Translations if name == "translations" else translations.Capabilities
    directive = kind.__new__(kind)
    directive.load = lambda: (table, outcomes)
    directive.markdown = lambda words: [translations.text(words)]
    return "\n".join(node.astext() for node in directive.run())


@pytest.mark.parametrize("name", engines.TABLES)
def test_deleting_an_engine_changes_the_page(name):
    table, outcomes = deepcopy(TABLES[name]), deepcopy(STORED[name])
    before = page(name, table, outcomes)
    title = table["engines"]["bambi"]["title"]
    assert f"{title}: " in before
    del table["engines"]["bambi"]
    for row in table["row"]:
        row["cells"].pop("bambi", None)
        if row["reference"] == "bambi":
            row["reference"] = next(iter(row["cells"]))
        outcomes[row["id"]].pop("bambi", None)
        row.pop("note", None)
    after = page(name, table, outcomes)
    assert f"{title}: " not in after
    assert "bmb.Model" not in after


@pytest.mark.parametrize("name", engines.TABLES)
def test_an_engine_that_is_not_here_is_labelled(name, monkeypatch):
    monkeypatch.setattr(translations, "here", lambda engine: engine["title"] != "nlme")
    labelled = page(name, TABLES[name], STORED[name])
    assert labelled.count("Stored result, computed earlier with nlme") == sum(
        "nlme" in row["cells"] for row in TABLES[name]["row"]
    )
    monkeypatch.setattr(translations, "here", lambda engine: True)
    assert "Stored result" not in page(name, TABLES[name], STORED[name])


def test_an_outcome_that_is_missing_shows():
    outcomes = deepcopy(STORED["translations"])
    del outcomes["nested"]["nlme"]
    assert "nlme: not tried" in page("translations", TABLES["translations"], outcomes)


def test_prose_claims_nothing_of_an_engine():
    """What the pages say beside the tables stays true when an engine goes: it names none that could or could not."""
    for name in ("r_python", "capabilities"):
        text = (BOOK / "reference" / f"{name}.md").read_text(encoding="utf8")
        for engine in ("nlme", "glmmTMB", "statsmodels", "brms", "gamm4", "pymer4"):
            assert engine not in text.replace("mm.nlme", ""), f"{name}.md names {engine}"


# --- the tool ------------------------------------------------------------------------------------------------------

ROW = {"id": "x", "data": "sleepstudy", "reference": "a", "tolerance": 0.01}
PYTHON = {"language": "Python", "packages": ["numpy"], "modules": ["numpy"], "title": "a"}


def test_a_cell_gives_its_last_expression():
    assert engines.run(PYTHON, ROW, "x = 2\n[x, d.shape[0]]")["values"] == [2.0, 180.0]


def test_a_cell_keeps_what_was_said_and_what_went_wrong():
    outcome = engines.run(PYTHON, ROW, "import warnings\nwarnings.warn('mind the gap')\n1 / 0")
    assert outcome["said"] == ["mind the gap"]
    assert outcome["error"] == "ZeroDivisionError: division by zero"


def test_a_cell_must_end_in_numbers():
    with pytest.raises(ValueError, match="must end in the numbers"):
        engines.run(PYTHON, ROW, "x = 2")


@pytest.mark.r
def test_a_cell_of_r():
    r = {"language": "R", "packages": ["lme4"], "setup": "library(lme4)"}
    assert engines.run(r, ROW, "y <- 3\nc(y, nrow(d))")["values"] == [3.0, 180.0]
    assert engines.run(r, ROW, "y")["error"] == "object 'y' not found"  # nothing stays from cell to cell
    assert engines.run(r, ROW, "warning('mind'); 1")["said"] == ["mind"]


@pytest.mark.parametrize(
    ("values", "reference", "expected"),
    [([1.0, 2.0], [1.0, 2.0], 0.0), ([1.0], [1.1, 5.0], 0.1 / 1.1), ([0.0, 1000], [1e-9, 1000], 1e-9),
     ([1.0, 2.0], [1.0], np.inf), ([], [1.0], np.inf), ([np.nan], [1.0], np.inf)],
)  # fmt: skip
def test_difference(values, reference, expected):
    assert np.isclose(engines.difference(values, reference), expected) or expected == np.inf


def test_verdicts():
    def of(value: float | None, error: str | None = None) -> str:
        return engines.verdict(ROW, "b", {"values": value and [value], "error": error}, [1.0])

    assert (of(1.005), of(1.02), of(None, "Error")) == ("same", "other", "fails")


def test_an_absent_engine_is_known_as_absent(monkeypatch):
    assert not engines.available(PYTHON | {"modules": ["a_module_nobody_has"]})
    monkeypatch.setattr(r_link, "variables", dict)
    assert not engines.available({"language": "R", "packages": ["lme4"]})


def test_stored_outcomes_are_written_as_they_are_read(tmp_path, monkeypatch):
    for name in engines.TABLES:
        monkeypatch.setattr(engines, "FOLDER", tmp_path)
        (tmp_path / f"{name}.toml").write_text("", encoding="utf8")
        engines.save(name, TABLES[name], STORED[name])
        assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf8"))["rows"] == STORED[name]
