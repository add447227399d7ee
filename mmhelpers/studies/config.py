"""A study as a TOML file, checked before anything runs: every mistake is one line that says what would be right."""

from __future__ import annotations

import copy
import difflib
import tomllib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.design import Design, cross
from mmhelpers.studies.executors import optional
from mmhelpers.studies.grid import grid_name
from mmhelpers.studies.plan import Plan, make_plan
from mmhelpers.studies.record import truth_from

if TYPE_CHECKING:
    from mmhelpers.studies.schema import StudyConfig

#: Verbs of a design that a file may use, and whether their first argument is a unit.
VERBS = {
    "cross": False, "within": True, "between": True, "nest": False, "latin_square": True, "covariate": True,
    "code": False, "missing": False,
}  # fmt: skip


class ConfigError(ValueError):
    """A configuration that cannot be run, in one line."""


def read_config(path: str | Path) -> StudyConfig:
    """Read a study's file.

    Parameters
    ----------
    path : str or Path
        TOML; see the examples that come with the package (`mmhelpers/examples`).

    Returns
    -------
    StudyConfig

    Raises
    ------
    ConfigError
        In one line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is no text in UTF-8") from None
    try:
        return parse_config(text)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None


def parse_config(text: str) -> StudyConfig:
    r"""Check the text of a configuration.

    Raises
    ------
    ConfigError
        In one line: where in the file, what was wrong, what would be right.

    Examples
    --------
    >>> parse_config("seed = 1\nn_reps = 100")
    Traceback (most recent call last):
    ...
    mmhelpers.studies.config.ConfigError: n_reps: there is no such setting; did you mean n_rep?
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"this is no TOML: {error}") from None
    pydantic = optional("pydantic", "a study's file")
    from mmhelpers.studies.schema import StudyConfig

    try:
        return StudyConfig.model_validate(given)
    except pydantic.ValidationError as error:
        raise ConfigError(one_line(error.errors(), list(StudyConfig.model_fields))) from None


def one_line(errors: list[Any], fields: list[str]) -> str:
    """Say the first of pydantic's errors in one line."""
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(
        str(part) for part in first["loc"] if not str(part).startswith(("list[", "float", "int"))
    )
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(first["loc"][-1]), fields, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(fields)}"
        return f"{where}: there is no such setting; {hint}"
    if first["type"] == "missing":
        return f"{where}: this is missing"
    message = str(first["msg"]).removeprefix("Value error, ")
    shown = first["input"] if isinstance(first["input"], (str, int, float, bool, list)) else None
    given = "" if first["type"] == "value_error" or shown is None else f", not {shown!r}"
    message = message[:1].lower() + message[1:] + given
    return f"{where}: {message}" if where else message


def plan_of(config: StudyConfig) -> Plan:
    """Make the plan of a configuration: designs built, truths made, all checked against each other.

    Raises
    ------
    ConfigError
        In one line.
    """
    common: dict[str, Any] = {
        "n_rep": config.n_rep, "seed": config.seed, "alpha": config.alpha, "precision": config.precision,
        "block": config.block,
    }  # fmt: skip
    try:
        if config.generator is not None:
            plan = make_plan(generator=config.generator, cells=config.cells, **common)
        else:
            designs = {
                name: _said(f"designs.{name}", build_design, one, config.seed)
                for name, one in varied("designs", config.designs or {}).items()
            }
            truths = {
                name: _said(f"truths.{name}", truth_from, one)
                for name, one in varied("truths", config.truths or {}).items()
            }
            plan = make_plan(
                designs,
                truths,
                config.models,
                config.effect or "",
                config.tests,
                missing=config.missing,
                statistics=config.statistics,
                **common,
            )
        for cell in plan.cells:
            _said(" with ".join(filter(None, (cell.design, cell.truth))), cell.check)
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(_flat(error)) from None
    return plan


def build_design(steps: Mapping[str, Any], seed: int) -> Design:
    """Build a design from its verbs in order, ``{cross = {subject = 12}, between = {unit = "subject", ...}}``.

    Parameters
    ----------
    steps : mapping
        Verb to its arguments, or to a list of them where it comes several times; or ``data``, the name of a data set
        of the package. ``code`` gives numbers for the levels of a factor: ``{cond = {a = -0.5, b = 0.5}}`` makes
        ``cond_c``.
    seed : int
        For what is drawn at random once (cells that are missing in all data sets).

    Examples
    --------
    >>> build_design({"cross": {"subject": 4, "cond": ["a", "b"]}, "code": {"cond": {"a": -0.5, "b": 0.5}}}, 1)
    Design of 8 rows: subject (4 levels), cond (a, b), cond_c (-0.5 to 0.5)
    """
    if "data" in steps:
        from mmhelpers.datasets import load
        from mmhelpers.studies.record import as_design

        return as_design(load(steps["data"]))
    design: Design | None = None
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**31,)))
    for verb, given in steps.items():
        if verb not in VERBS:
            close = difflib.get_close_matches(verb, VERBS, n=1)
            raise ValueError(
                f"{verb}: there is no such verb; "
                + (f"did you mean {close[0]}?" if close else f"there are {', '.join(VERBS)}, and data")
            )
        for arguments in given if isinstance(given, list) else [given]:
            if not isinstance(arguments, Mapping):
                raise ValueError(
                    f"{verb}: give its arguments in braces, {verb} = {{ ... }}, not {arguments!r}"
                )
            if design is None:
                if verb != "cross":
                    raise ValueError(f"{verb}: a design begins with cross = {{ subject = 12, ... }}")
                design = cross(**arguments)
            else:
                design = _apply(design, verb, dict(arguments), rng)
    if design is None:
        raise ValueError(
            "give its verbs, such as cross = { subject = 12, trial = 10 }, or data = 'sleepstudy'"
        )
    return design


def _apply(design: Design, verb: str, arguments: dict[str, Any], rng: np.random.Generator) -> Design:
    if verb == "code":
        return _coded(design, arguments)
    units: tuple[Any, ...] = ()
    if VERBS[verb]:
        unit = arguments.pop("unit", None)
        if unit is None and verb != "covariate":
            raise ValueError(f"{verb}: say for which unit, {verb} = {{ unit = 'subject', ... }}")
        units = (tuple(unit) if isinstance(unit, list) and verb != "latin_square" else unit,)
        if verb == "latin_square":
            if not isinstance(unit, list) or len(unit) != 2:
                raise ValueError("latin_square: unit must be a pair, unit = ['subject', 'item']")
            units = tuple(unit)
    if verb == "covariate":
        arguments = {k: tuple(v) if isinstance(v, list) and v and isinstance(v[0], str) else v
                     for k, v in arguments.items()}  # fmt: skip
    if verb in {"covariate", "missing"} and "where" not in arguments:
        arguments["rng"] = rng
    if verb == "between" and arguments.pop("random", False):
        arguments["rng"] = rng
    try:
        return getattr(design, verb)(*units, **arguments)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ValueError(f"{verb}: {error}") from None


def _coded(design: Design, codes: Mapping[str, Any]) -> Design:
    for factor, numbers in codes.items():
        if factor not in design.data.columns:
            raise ValueError(f"code: the design has no {factor!r}")
        levels = [str(level) for level in design.data[factor].unique()]
        if not isinstance(numbers, Mapping) or set(numbers) != set(levels):
            raise ValueError(f"code: give a number for each level of {factor}: {', '.join(levels)}")
        values = design.data[factor].astype(str).map(dict(numbers)).astype(float)
        design = design.assign(**{f"{factor}_c": values})
    return design


def varied(section: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Resolve ``vary``: one table for each combination of its values, named after them.

    Examples
    --------
    >>> tables = varied("truths", {"t": {"sigma": 1, "vary": {"sd.g": [0, 1]}}})
    >>> tables
    {'sd.g=0': {'sigma': 1, 'sd': {'g': 0}}, 'sd.g=1': {'sigma': 1, 'sd': {'g': 1}}}
    """
    out: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        rest = {key: value for key, value in table.items() if key != "vary"}
        vary = table.get("vary")
        if vary is None:
            out[name] = rest
            continue
        where = f"{section}.{name}.vary"
        if not isinstance(vary, Mapping) or not all(isinstance(v, list) and v for v in vary.values()):
            raise ConfigError(f'{where}: give a list of values for each path, {{ "sd.subject.x" = [0, 1] }}')
        for values in product(*vary.values()):
            given = dict(zip(vary, values, strict=True))
            one = copy.deepcopy(rest)
            for path, value in given.items():
                at = one
                *parts, last = path.split(".")
                for part in parts:
                    at = at.setdefault(part, {})
                    if not isinstance(at, dict):
                        raise ConfigError(f"{where}: {path} leads through {part}, which is no table")
                at[last] = value
            full = grid_name(given) if len(tables) == 1 else f"{name}, {grid_name(given)}"
            out[full] = one
    return out


def _said(where: str, call: Any, *arguments: Any) -> Any:
    """Call, and say where an error came from."""
    try:
        return call(*arguments)
    except ConfigError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{where}: {_flat(error)}") from None


def _flat(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split())
