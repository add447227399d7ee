"""The data sets of the course: loaded by name, never without a look at their checksum.

``data/registry.toml`` says of every file what its bytes hash to, where it came from, under which licence,
and what each column means. This module reads that registry; it knows no data set by name. An installed
package carries the folder inside itself (``mmhelpers/_data``); in a clone it is ``data/`` beside the package.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Column",
    "DataFileError",
    "Dataset",
    "UnknownDatasetError",
    "data_folder",
    "describe",
    "list_datasets",
    "load",
    "truth",
]

_TYPES = ("float", "int", "text", "category", "ordered")


class UnknownDatasetError(ValueError):
    """No data set has the name that was asked for."""


class DataFileError(ValueError):
    """A data file is missing, or is not the file the registry describes."""


@dataclass(frozen=True)
class Column:
    """What one column of a data set holds.

    Attributes
    ----------
    name : str
        As in R, and in the file's first line.
    type : str
        ``"float"``, ``"int"``, ``"text"``, ``"category"`` or ``"ordered"`` (an ordered factor).
    unit : str
        Unit of measurement, empty where there is none.
    meaning : str
        One phrase.
    levels : tuple of str
        Levels of a factor in R's order; empty for other types, and for ids whose levels are simply
        in the order in which they first appear in the file.
    """

    name: str
    type: str
    unit: str
    meaning: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set without opening its file; ``print`` it to read it.

    Attributes
    ----------
    name : str
        The name `load` takes.
    kind : str
        ``"example"`` (shipped by an R package), ``"simulated"`` (see `truth`) or ``"reference"``
        (numbers to compare with).
    description, note : str
        What the data are, and what to know before using them (may be empty).
    origin : str
        Package and version, or the script the file came from.
    licence : str
        SPDX name of the licence under which the file is passed on.
    citation : str
        The original source of the data.
    rows : int
        Rows of the table.
    columns : tuple of Column
        In the order of the file.
    file, sha256 : str
        File name in the data folder, and the SHA-256 of its bytes.
    """

    name: str
    kind: str
    description: str
    note: str
    origin: str
    licence: str
    citation: str
    rows: int
    columns: tuple[Column, ...]
    file: str
    sha256: str

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.rows} rows, {len(self.columns)} columns", self.description]
        lines += [self.note] if self.note else []
        width = max(len(column.name) for column in self.columns)
        for column in self.columns:
            unit = f" [{column.unit}]" if column.unit else ""
            lines.append(f"  {column.name:<{width}}  {column.type:<8}  {column.meaning}{unit}")
        return "\n".join([*lines, f"Source: {self.citation}", f"From: {self.origin} ({self.licence})"])


def load(name: str) -> pd.DataFrame:
    """Read a data set, after checking that its file is byte for byte the registered one.

    Every number in the book rests on these tables, so a file that changed by one byte is refused, not read.

    Parameters
    ----------
    name : str
        Name of a data set as R has it, in any case: ``"sleepstudy"``, ``"Dyestuff2"``; see `list_datasets`.

    Returns
    -------
    pandas.DataFrame
        A new table, rows as shipped by the package they came from. Factors and ids are categorical, with
        R's levels in R's order (ordered where R's factor is); numbers are float64 or int64, the same
        doubles as in R, missing where R has NA; units are in `describe`.

    Raises
    ------
    UnknownDatasetError
        If there is no such data set; the message lists close names.
    DataFileError
        If the file is missing or its SHA-256 is not the registered one; the message names the file.
    TypeError
        If `name` is not a string.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.load("Dyestuff").groupby("Batch", observed=True)["Yield"].mean().round(1).to_dict()
    {'A': 1505.0, 'B': 1528.0, 'C': 1564.0, 'D': 1498.0, 'E': 1600.0, 'F': 1470.0}
    """
    import pandas as pd

    info = describe(name)
    text = _checked_bytes(info.file, info.sha256).decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    expected = [column.name for column in info.columns]
    if header != expected:
        raise DataFileError(f"registry.toml: {name} should have columns {expected}; {info.file} has {header}")
    fields = zip(*rows, strict=True)
    return pd.DataFrame(
        {c.name: _parse(c, values, info.file) for c, values in zip(info.columns, fields, strict=True)}
    )


def describe(name: str) -> Dataset:
    """Say what a data set is: its columns with meaning and units, its source, its licence.

    Parameters
    ----------
    name : str
        As for `load`.

    Returns
    -------
    Dataset
        A frozen record; ``print`` shows it as text.

    Raises
    ------
    UnknownDatasetError
        If there is no such data set; the message lists close names.
    TypeError
        If `name` is not a string.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.describe("Rail"))
    Rail: 18 rows, 2 columns
    Travel time of an ultrasonic wave along six railway rails chosen at random, three measurements a rail.
      Rail    ordered   the rail; its levels are ordered by mean travel time
      travel  float     travel time less 36,100 ns [ns]
    Source: Pinheiro, J. C. & Bates, D. M. (2000). ...
    From: nlme 3.1-162 (GPL-2.0-or-later)
    """
    key, spec = _entry(name)
    return Dataset(
        name=key,
        kind=spec["kind"],
        description=spec["description"],
        note=spec.get("note", ""),
        origin=" ".join(spec["origin"].values()),
        licence=spec["licence"],
        citation=spec["citation"],
        rows=spec["rows"],
        columns=tuple(_column(key, value) for key, value in spec["columns"].items()),
        file=spec["file"],
        sha256=spec["sha256"],
    )


def list_datasets() -> pd.DataFrame:
    """List every data set that `load` knows.

    Returns
    -------
    pandas.DataFrame
        One row a data set, in the registry's order: name, rows and columns (counts), origin, licence,
        description.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.list_datasets().set_index("name").loc["cake", ["rows", "columns"]].to_list()
    [270, 5]
    """
    import pandas as pd

    records = []
    for name in _registry(data_folder()):
        info = describe(name)
        records.append((name, info.rows, len(info.columns), info.origin, info.licence, info.description))
    return pd.DataFrame(records, columns=["name", "rows", "columns", "origin", "licence", "description"])


def truth(name: str) -> dict[str, Any]:
    """Give the parameters from which a simulated data set was drawn.

    Knowing them is what simulated data are for: an estimate can be held against what it estimates.

    Parameters
    ----------
    name : str
        Name of a data set of kind ``"simulated"``.

    Returns
    -------
    dict
        A new dictionary. What it holds depends on the data set: see the script named under ``"script"``.

    Raises
    ------
    UnknownDatasetError
        If there is no such data set, or if it was measured and not simulated.
    DataFileError
        If the file of the truth is missing or changed.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.truth("oysters")["sd"]
    {'bag': 2.0, 'residual': 3.0}
    """
    key, spec = _entry(name)
    record = spec.get("truth")
    if record is None:
        simulated = [other for other, spec in _registry(data_folder()).items() if "truth" in spec]
        raise UnknownDatasetError(
            f"name={name!r}: {key} was not simulated here, so nobody knows its truth; "
            f"it is known of {_names(simulated)}"
        )
    known = json.loads(_checked_bytes(record["file"], record["sha256"]))
    if not isinstance(known, dict):
        raise DataFileError(f"{record['file']}: expected a JSON object")
    return known


def data_folder() -> Path:
    """Find the folder of the data files.

    Returns
    -------
    pathlib.Path
        ``_data`` in the installed package, or ``data`` beside the package in a clone of the repository.

    Raises
    ------
    DataFileError
        If neither has a registry.
    """
    package = Path(__file__).resolve().parent
    places = (package / "_data", package.parent / "data")
    for place in places:
        if (place / "registry.toml").is_file():
            return place
    raise DataFileError(
        f"the data of mmhelpers are not installed: no registry.toml in {places[0]} or {places[1]}; "
        "reinstall the package, or install the clone with `pip install -e .`"
    )


@lru_cache(maxsize=8)
def _registry(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the registry once a folder: data set name -> its table."""
    return tomllib.loads((folder / "registry.toml").read_text(encoding="utf-8"))


def _entry(name: str) -> tuple[str, dict[str, Any]]:
    """Look a name up in any case; an unknown one is answered with its closest relatives."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string such as 'sleepstudy', not {type(name).__name__}")
    registry = _registry(data_folder())
    by_lower = {key.lower(): key for key in registry}
    wanted = name.strip().lower()
    if wanted not in by_lower:
        close = [by_lower[key] for key in difflib.get_close_matches(wanted, by_lower, n=3)]
        hint = f"did you mean {_names(close)}?" if close else f"there are {', '.join(registry)}"
        raise UnknownDatasetError(f"name={name!r}: no such data set; {hint} (mm.list_datasets() tells more)")
    return by_lower[wanted], registry[by_lower[wanted]]


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _column(name: str, spec: dict[str, Any]) -> Column:
    levels = () if spec.get("levels") == "appearance" else tuple(spec.get("levels", ()))
    if spec["type"] not in _TYPES:
        raise DataFileError(f"registry.toml: {name} has type {spec['type']!r}; use {_names(_TYPES)}")
    return Column(name, spec["type"], spec.get("unit", ""), spec["meaning"], levels)


def _checked_bytes(file: str, expected: str) -> bytes:
    """Read a file whole and compare its hash before anybody parses it."""
    path = data_folder() / file
    restore = f"in a clone `git checkout -- data/{file}` brings it back, else a new installation does"
    if not path.is_file():
        raise DataFileError(f"data file {file} is missing from {path.parent}; {restore}")
    content = path.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise DataFileError(
            f"data file {file} is not the registered one: its bytes have changed ({path}).\n"
            f"  sha256 expected {expected}\n"
            f"  sha256 actual   {actual}\n"
            f"{restore}; if the change is meant, `python data/make/readme.py --rehash` registers it."
        )
    return content


def _parse(column: Column, text: tuple[str, ...], file: str) -> Any:
    """Turn the fields of a column into an array of its declared type; an empty field is a missing value."""
    import pandas as pd

    if column.type == "float":  # Python's float() is correctly rounded: the doubles are R's
        return np.array([float(field) if field else np.nan for field in text])
    if column.type == "int":
        return np.array([int(field) for field in text], dtype=np.int64)
    if column.type == "text":
        return list(text)
    seen = dict.fromkeys(field for field in text if field)
    levels = column.levels or tuple(seen)
    strangers = sorted(set(seen) - set(levels))
    if strangers:  # pandas would turn them into missing values without a word
        raise DataFileError(f"registry.toml: {strangers[0]!r} in {file} is no level of {column.name}")
    values = [field or None for field in text]
    return pd.Categorical(values, categories=levels, ordered=column.type == "ordered")
