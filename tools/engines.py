"""Run every cell of the tables of engines, and store what came out, with versions.

`book/reference/translations.toml` has one model in the words of several engines; `capabilities.toml` has what each
engine makes of each kind of model. A cell is code whose last expression is the numbers to be compared. This runs
the cells (`python -m tools.engines translations --only nested --engine lme4`; `--stale` for those that changed) and
writes the outcomes to the `.json` beside the table. The pages are made from table and outcomes
(`book/_ext/translations.py`), and `tests/test_engines.py` runs every cell again. An engine that is not on this
machine keeps its stored outcomes.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import re
import sys
import time
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mmhelpers as mm
from mmhelpers import r_link

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "book" / "reference"
TABLES = ("translations", "capabilities")
DIGITS = 7  # of a stored number
SMALL = 1e-3  # a number is compared relative to itself, or to this part of the largest beside it
LONGEST = 160  # characters of a message that are kept

Table = dict[str, Any]
Outcome = dict[str, Any]


def table(name: str) -> Table:
    """Read a table of engines and rows."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf8"))


def stored(name: str) -> dict[str, Any]:
    """Read the stored outcomes, by row and engine."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else {"rows": {}}


def available(engine: Table) -> bool:
    """Say whether an engine's packages are on this machine."""
    if engine["language"] == "R":
        return r_link.have_r() and all(map(r_has, engine["packages"]))
    here = all(importlib.util.find_spec(name) for name in engine["modules"])
    return here and (not engine.get("needs_r") or r_link.have_r())


def r_has(package: str) -> bool:
    """Say whether R has a package, without starting R."""
    found = r_link.variables()
    folders = [*found["R_LIBS_SITE"].split(os.pathsep), found["R_LIBS_USER"], found["R_HOME"] + "/library"]
    return any((Path(folder) / package / "DESCRIPTION").is_file() for folder in folders if folder)


def versions(engine: Table) -> str:
    """Return what an engine's cells are run with: packages and their versions."""
    if engine["language"] == "R":
        version, packages = r_link.r_versions(*engine["packages"])
        return ", ".join([*packages, f"R {version}"])
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in engine["packages"])


def digest(engine: Table, row: Table, code: str) -> str:
    """Return a hash of everything that a cell's outcome depends on, versions apart."""
    parts = [engine.get("setup", ""), row["data"], row.get("prepare", ""), code]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def data_of(row: Table) -> Any:
    """Return a row's table `d`."""
    names = {"d": mm.load(row["data"]), "mm": mm, "np": np}
    exec(row.get("prepare", ""), names)
    return names["d"]


def first_line(text: str) -> str:
    """Return what a message says, on one line and without where in R it arose."""
    text = re.sub(r"\s+", " ", text.replace("\u2018", "'").replace("\u2019", "'")).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def in_r(engine: Table, code: str, d: Any) -> tuple[Any, str | None, list[str]]:
    """Run a cell of R in an environment of its own: values, error, what was said."""
    answer = mm.in_r(f"local({{\n{engine.get('setup', '')}\n{code}\n}})", errors="show", d=d)
    errors = [line for line in answer.said if line.startswith("Error: ")]
    said = [first_line(line.partition(": ")[2]) for line in answer.said if line not in errors]
    if errors:
        return None, first_line(errors[-1].removeprefix("Error: ")), said
    return [float(v) for v in answer.value], None, said


class Heard(logging.Handler):
    """Keeps what a library logs as a warning (PyMC says there what is wrong with its chains)."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        if (
            record.levelno >= logging.WARNING or "rhat" in record.getMessage()
        ):  # PyMC informs of R-hat, no more
            self.lines.append(first_line(record.getMessage().partition(" See http")[0]))


class BuiltError(Exception):
    """Ends an attempt with bambi when its model stands."""


def build_only(self: Any, **_: Any) -> None:
    """Stand in for bambi's sampling: build the model, and evaluate its log density where the chains would begin."""
    self.build()
    model = self.backend.model
    if not np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point())):
        raise ValueError("the log density is not finite where the chains begin")
    raise BuiltError("the model was built, and its log density is finite; its chains were not run")


@contextlib.contextmanager
def without_sampling() -> Iterator[None]:
    """Within it, bambi builds its models and does not sample."""
    from unittest import mock

    import bambi

    with mock.patch.object(bambi.Model, "fit", build_only):
        yield


@contextlib.contextmanager
def sampling_briefly(draws: int = 150) -> Iterator[None]:
    """Within it, bambi takes few draws, by nutpie where it is installed (it compiles faster than PyMC)."""
    from unittest import mock

    import bambi

    plain = bambi.Model.fit
    fast = {"inference_method": "nutpie"} if importlib.util.find_spec("nutpie") else {}

    def fit(self: Any, **options: Any) -> Any:
        return plain(self, **options | {"draws": draws, "tune": draws} | fast)

    with mock.patch.object(bambi.Model, "fit", fit):
        yield


def in_python(engine: Table, code: str, d: Any) -> tuple[Any, str | None, list[str]]:
    """Run a cell of Python: values, error, what was said."""
    body = ast.parse(code).body
    if not isinstance(body[-1], ast.Expr):
        raise ValueError(f"a cell must end in the numbers to be compared, not in {ast.unparse(body[-1])}")
    names: dict[str, Any] = {"d": d, "np": np}
    with warnings.catch_warnings(record=True) as caught:
        exec(engine.get("setup", ""), names)
    heard = Heard()
    logging.getLogger("pymc").addHandler(heard)
    try:
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("always")
            exec(compile(ast.Module(body[:-1], []), "<cell>", "exec"), names)
            value = eval(compile(ast.Expression(body[-1].value), "<cell>", "eval"), names)
        error = None
    except BuiltError as stands:
        value, error = None, None
        heard.lines = [str(stands)]
    except Exception as failure:
        value = None
        error = f"{type(failure).__name__}: {first_line(str(failure))}"
    finally:
        logging.getLogger("pymc").removeHandler(heard)
    ours = [w for w in caught if not issubclass(w.category, DeprecationWarning | FutureWarning)]
    ours = [
        w for w in ours if "could not link to a BLAS" not in str(w.message)
    ]  # of the machine, not of the model
    said = [first_line(str(w.message)) for w in ours] + heard.lines
    values = None if value is None else [float(v) for v in np.asarray(value, dtype=float).ravel()]
    return values, error, said


def run(engine: Table, row: Table, code: str) -> Outcome:
    """Run one cell: its hash, its numbers or its error, what the engine said, and how long it took."""
    if engine.get("needs_r"):
        r_link.require_r()  # R's folders must be known before a package looks for R
    start = time.perf_counter()
    own = digest(engine, row, code)
    how = in_r
    if engine["language"] == "Python" or row.get("language") == "Python":
        how = in_python
        engine = engine if engine["language"] == "Python" else engine | {"setup": "import mmhelpers as mm"}
    values, error, said = how(engine, code, data_of(row))
    return {
        "hash": own,
        "values": values and [float(f"{v:.{DIGITS}g}") for v in values],
        "error": error,
        "said": list(dict.fromkeys(said)),
        "seconds": round(time.perf_counter() - start, 1),
    }


def difference(values: list[float], reference: list[float]) -> float:
    """Return the largest relative difference; infinite where the numbers are not of the same kind.

    An engine may give fewer numbers than the reference: its numbers are then compared with the first ones.

    >>> round(difference([1.1, 200.0], [1.0, 200.0]), 3), difference([1.0, 2.0], [1.0])
    (0.1, inf)
    """
    ours: NDArray[np.float64] = np.asarray(values, float)
    theirs: NDArray[np.float64] = np.asarray(reference, float)[: len(ours)]
    if not len(ours) or len(ours) > len(theirs) or not np.isfinite(ours).all():
        return float("inf")
    scale = np.maximum(np.abs(theirs), SMALL * np.abs(reference).max())
    return float((np.abs(ours - theirs) / np.where(scale > 0, scale, 1)).max())


def tolerance(row: Table, engine: str) -> float:
    """Return the largest difference from the reference that still counts as the same."""
    return float(row.get("tolerances", {}).get(engine, row.get("tolerance", 1e-4)))


def verdict(row: Table, engine: str, outcome: Outcome, reference: list[float] | None) -> str:
    """Return "same", "other" (it runs, and gives other numbers), "builds" (and was not run) or "fails"."""
    if outcome["error"] is not None:
        return "fails"
    if outcome["values"] is None:
        return "builds"
    if reference is None:
        return "same"
    return "same" if difference(outcome["values"], reference) <= tolerance(row, engine) else "other"


def judge(row: Table, outcomes: dict[str, Outcome]) -> None:
    """Write the verdict and the difference into each outcome of a row, in place."""
    reference = outcomes.get(row["reference"], {}).get("values")
    for engine, outcome in outcomes.items():
        outcome["verdict"] = verdict(row, engine, outcome, reference)
        ran = outcome["values"] is not None and reference is not None
        gap = difference(outcome["values"], reference) if ran else float("inf")
        outcome["difference"] = float(f"{gap:.2g}") if np.isfinite(gap) else None


def update(name: str, only: str, engines: list[str], stale: bool = False) -> int:
    """Run the chosen cells of a table and write their outcomes; return how many do not do what the table wants."""
    known = table(name)
    wrong = 0
    for row in known["row"]:
        fresh: dict[str, Outcome] = {}
        for engine, code in row["cells"].items():
            spec = known["engines"][engine]
            outcome = stored(name)["rows"].get(row["id"], {}).get(engine, {})
            if stale and outcome.get("hash") == digest(spec, row, code):
                continue
            if only in row["id"] and (not engines or engine in engines) and available(spec):
                fresh[engine] = run(spec, row, code) | {"made_with": versions(spec)}
        done = stored(name)  # read again: another run may have stored other engines meanwhile
        outcomes = done["rows"].get(row["id"], {}) | fresh
        outcomes = {e: outcomes[e] for e in row["cells"] if e in outcomes}
        judge(row, outcomes)
        wrong += sum(show(name, row, engine, outcomes[engine]) for engine in fresh)
        save(name, known, done["rows"] | {row["id"]: outcomes})
    return wrong


def save(name: str, known: Table, rows: dict[str, dict[str, Outcome]]) -> None:
    """Write the outcomes in the order of the table."""
    done = {"rows": {row["id"]: rows[row["id"]] for row in known["row"] if rows.get(row["id"])}}
    text = json.dumps(done, indent=1, ensure_ascii=False, sort_keys=False)
    # a list of numbers on one line
    text = re.sub(r"\[\n\s+([-\d.e+,\s]+?)\n\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    part = FOLDER / f"{name}.json.part"  # nobody reads half a file
    part.write_text(text + "\n", encoding="utf8")
    part.replace(FOLDER / f"{name}.json")


def show(name: str, row: Table, engine: str, outcome: Outcome) -> bool:
    """Print one outcome; say whether it is not what the table wants."""
    wanted = row.get("expect", {}).get(engine, "same" if name == "translations" else None)
    bad = wanted is not None and outcome["verdict"] != wanted
    what = outcome["error"] or f"difference {outcome['difference']}"
    print(
        f"{'!!' if bad else '  '} {row['id']:24} {engine:12} {outcome['verdict']:6} {outcome['seconds']:6.1f} s  {what}"
    )
    if bad:
        print("     ", outcome["values"], "\n     ", *outcome["said"][:3])
    return bad


def main() -> None:
    """Run cells from the command line; exit 1 when a translation does not agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--only", default="", help="rows whose id contains this")
    parser.add_argument("--engine", action="append", default=[], help="only these engines")
    parser.add_argument("--stale", action="store_true", help="only cells whose outcome is not of their code")
    parser.add_argument(
        "--build-only", action="store_true", help="bambi builds its models and does not sample"
    )
    args = parser.parse_args()
    with without_sampling() if args.build_only else contextlib.nullcontext():
        wrong = update(args.table, args.only, args.engine, args.stale)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
