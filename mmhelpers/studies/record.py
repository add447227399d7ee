"""Designs, truths and models as plain data (what JSON and TOML can hold), and back.

A study's record is written into its files, so that whoever has the file can draw any of its data sets again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmhelpers import simulation
from mmhelpers.design import Design
from mmhelpers.simulation import Truth

FAMILIES = (
    "Gaussian", "Poisson", "NegativeBinomial", "Binomial", "BetaBinomial", "ZeroInflated", "Hurdle", "Truncated"
)  # fmt: skip
VARIANCES, CORRELATIONS = ("VarIdent", "VarPower"), ("AR1",)


def plain(value: Any) -> Any:
    """Return numbers, strings, lists and dicts for a value made of NumPy's, tuples, mappings, dataclasses.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"sd": (np.float64(1.5), np.arange(2))})
    {'sd': [1.5, [0, 1]]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, Mapping):
        if any(isinstance(key, tuple) for key in value):
            return {"pairs": [[*map(plain, key), plain(entry)] for key, entry in value.items()]}
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, range)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return f"<{type(value).__name__} {getattr(value, '__qualname__', '')}>"


def fingerprint(record: Any) -> str:
    """Return the sha256 of a record; the order of its parts counts, because seeds go by it.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    False
    """
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()


# ---- truths ---------------------------------------------------------------------------------------


def truth_record(truth: Truth) -> dict[str, Any]:
    """Return the fields of a truth that were given.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth_record(mm.Truth("y ~ 1", beta=[0.0], sigma=1.0, correlation=mm.AR1(0.5, within="g")))["correlation"]
    {'kind': 'AR1', 'phi': 0.5, 'within': 'g', 'time': None}
    """
    given = {f.name: getattr(truth, f.name) for f in dataclasses.fields(truth)}
    if given["contrasts"] is not None:
        given["contrasts"] = {
            name: value if isinstance(value, str) else plain(np.asarray(value))
            for name, value in given["contrasts"].items()
        }
    return {name: plain(value) for name, value in given.items() if value is not None}


def truth_from(record: Mapping[str, Any]) -> Truth:
    """Return the truth of a record; ``{kind = "Poisson", ...}`` makes a family, a variance, a correlation.

    Raises
    ------
    ValueError
        If there is no such field or kind, or the truth cannot be.

    Examples
    --------
    >>> truth_from({"formula": "y ~ 1", "beta": [0], "family": {"kind": "Poisson"}}).family
    Poisson()
    """
    known = [f.name for f in dataclasses.fields(Truth)]
    unknown = [name for name in record if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]} is no part of a truth; its parts are {', '.join(known)}")
    for name in ("formula", "beta"):
        if name not in record:
            raise ValueError(f"{name} is missing")
    fields = {name: _unpair(value) for name, value in record.items()}
    for name, kinds in (("family", FAMILIES), ("variance", VARIANCES), ("correlation", CORRELATIONS)):
        if name in fields:
            fields[name] = _make(name, fields[name], kinds)
    return Truth(**fields)


def _unpair(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"pairs"}:
            return {tuple(entry[:-1]): entry[-1] for entry in value["pairs"]}
        return {key: _unpair(entry) for key, entry in value.items()}
    return value


def _make(argument: str, given: Any, kinds: tuple[str, ...]) -> Any:
    if isinstance(given, str):
        given = {"kind": given}
    if not isinstance(given, Mapping) or given.get("kind") not in kinds:
        kind = given.get("kind") if isinstance(given, Mapping) else given
        raise ValueError(f"{argument}: kind must be one of {', '.join(kinds)}, not {kind!r}")
    fields = {name: value for name, value in given.items() if name != "kind"}
    if isinstance(fields.get("base"), (str, Mapping)):
        fields["base"] = _make(f"{argument}.base", fields["base"], FAMILIES)
    try:
        return getattr(simulation, given["kind"])(**fields)
    except TypeError as error:
        raise ValueError(f"{argument}: {given['kind']} does not take these: {error}") from None


# ---- designs --------------------------------------------------------------------------------------


def design_record(design: Design) -> dict[str, Any]:
    """Return the columns of a design, the levels of its factors, and the covariates drawn afresh."""
    import pandas as pd

    columns, levels = {}, {}
    for name in map(str, design.data.columns):
        column = design.data[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels[name] = [str(level) for level in column.cat.categories]
            columns[name] = column.cat.codes.tolist()
        else:
            columns[name] = plain(column.tolist())
    out: dict[str, Any] = {"columns": columns, "levels": levels, "units": list(design.units)}
    if design.fresh:
        out["fresh"] = [plain(recipe) for recipe in design.fresh]
    return out


def design_from(record: Mapping[str, Any]) -> Design:
    """Return the design of a record.

    Raises
    ------
    ValueError
        If a covariate is drawn by a function, which a record cannot hold.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=2, cond=["a", "b"])
    >>> design_from(design_record(design)).data.equals(design.data)
    True
    """
    import pandas as pd

    data = pd.DataFrame(record["columns"])
    for name, levels in record["levels"].items():
        data[name] = pd.Categorical.from_codes(data[name].to_list(), categories=levels)
    fresh = []
    for name, unit, how in record.get("fresh", []):
        if isinstance(how, str):
            raise ValueError(f"{name} was drawn by a function, which the file does not hold: give the design")
        fresh.append((name, tuple(unit) if isinstance(unit, list) else unit, tuple(how)))
    return Design(data, units=tuple(record["units"]), fresh=tuple(fresh))


def as_design(design: Any) -> Design:
    """Return a design for a design or a data frame."""
    import pandas as pd

    if isinstance(design, Design):
        return design
    if isinstance(design, pd.DataFrame):
        data = design.reset_index(drop=True)
        for name in data.select_dtypes(exclude=["number", "bool", "category"]):
            data[name] = pd.Categorical(data[name].astype(str))
        return Design(data)
    raise TypeError(f"design must be a Design or a DataFrame, not {type(design).__name__}")


# ---- models ---------------------------------------------------------------------------------------


def model_record(model: Any) -> Any:
    """Return a formula as it is, and an analysis as its class and its fields."""
    if isinstance(model, str):
        return model
    kind = type(model)
    fields = (
        {f.name: plain(getattr(model, f.name)) for f in dataclasses.fields(model)}
        if dataclasses.is_dataclass(model)
        else {}
    )
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}


def model_from(record: Any) -> Any:
    """Return the formula or the analysis of a record; analyses of this package only."""
    if isinstance(record, str):
        return record
    module, _, name = record["class"].partition(":")
    if module.split(".")[0] != "mmhelpers":
        raise ValueError(f"the analysis {record['class']} is not part of mmhelpers: give the models")
    fields = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record["fields"].items()
    }
    return getattr(importlib.import_module(module), name)(**fields)
