"""A study's rows in Parquet, with the seed, the versions and the truth inside."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mmhelpers
from mmhelpers.studies.executors import optional
from mmhelpers.studies.plan import Plan, plan_from
from mmhelpers.studies.rows import COLUMNS, FLAGS, LABELS, Rows

META = b"mmhelpers"


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    out = {"mmhelpers": mmhelpers.__version__, "python": platform.python_version()}
    return out | {name: metadata.version(name) for name in ("numpy", "scipy", "pandas", "formulae")}


def content_hash(rows: pd.DataFrame) -> str:
    """Return the sha256 of what rows say: labels and numbers, bit by bit, whatever file they are in.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=5, day=range(3))
    >>> truth = mm.Truth("y ~ day + (1 | subject)", beta=[0, 0], sd={"subject": 1}, sigma=1)
    >>> models = {"intercepts": "y ~ day + (1 | subject)"}
    >>> one, two = (mm.study(design, truth, models, "day", n_rep=20, seed=1, block=b) for b in (20, 20))
    >>> content_hash(one) == content_hash(two)
    True
    """
    return _digest(rows, COLUMNS)


def _digest(frame: pd.DataFrame, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(str(name).encode() + b"\0")
        column = frame[name]
        if name in LABELS or not pd.api.types.is_numeric_dtype(column):
            codes, labels = pd.factorize(column.astype(object))
            digest.update("\0".join(map(str, labels)).encode())
            digest.update(codes.astype("<i8").tobytes())
        elif name in FLAGS or pd.api.types.is_bool_dtype(column):
            digest.update(column.to_numpy(dtype=bool).tobytes())
        elif name in {"rep", "seed"} or pd.api.types.is_integer_dtype(column):
            digest.update(column.to_numpy(dtype="<i8").tobytes())
        else:
            values = column.to_numpy(dtype="<f8")
            digest.update(np.where(np.isnan(values), np.nan, values).tobytes())
    return digest.hexdigest()


def write_rows(rows: pd.DataFrame, path: str | Path, plan: Plan) -> Path:
    """Write the rows of a finished study; the file appears whole or not at all.

    Parameters
    ----------
    rows : DataFrame
    path : str or Path
    plan : Plan

    Returns
    -------
    Path

    Notes
    -----
    The file's metadata has, under ``mmhelpers``, JSON with the study's record (seed, designs, truths, models), its
    sha256, the versions of the packages, and the sha256 of the content. There is no time or machine in it: the same
    study makes the same file.
    """
    path = Path(path)
    write_frame(rows, path, {"record": plan.record, "key": plan.key, "versions": versions()})
    return path


def read_study(path: str | Path) -> Rows:
    """Read the rows of a study from its file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame
        As `mmhelpers.study` gave it. ``attrs["about"]`` has what the file says of itself: record, versions, hashes.

    Raises
    ------
    ValueError
        If the file is none of a study's, or its content is not what was written.

    Examples
    --------
    >>> import tempfile
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ x + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = mm.study(mm.cross(g=6, x=range(4)), truth, {"intercepts": "y ~ x + (1 | g)"}, "x",
    ...                     n_rep=20, seed=1, out=f"{folder}/study.parquet")
    ...     again = mm.read_study(f"{folder}/study.parquet")
    >>> again.equals(rows), again.attrs["about"]["record"]["seed"]
    (True, 1)
    """
    frame, about = read_frame(Path(path))
    if "record" not in about:
        raise ValueError(f"{path} is no study: it has no record of one inside")
    rows = Rows(frame)
    rows.attrs["about"] = about
    with contextlib.suppress(ValueError, ImportError):  # what was drawn by a function cannot be drawn again
        rows.attrs["study"] = plan_from(about["record"])
    return rows


def write_frame(frame: pd.DataFrame, path: Path, about: dict[str, Any]) -> None:
    """Write a table beside its place, and put it there when it is on the disk: nobody ever sees half of it.

    The metadata says what is in it, with the sha256 of the content, so that `read_frame` notices a single changed bit.
    """
    pa, pq = optional("pyarrow", "writing Parquet"), optional("pyarrow.parquet", "writing Parquet")
    bare = pd.DataFrame({name: frame[name] for name in frame.columns})
    table = pa.Table.from_pandas(bare, preserve_index=False, nthreads=1)
    about = about | {"content": _digest(bare, bare.columns)}
    table = table.replace_schema_metadata((table.schema.metadata or {}) | {META: json.dumps(about).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(beside, "wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def read_frame(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table and what it says of itself.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no Parquet file, or its content is not what was written.
    """
    pa, pq = optional("pyarrow", "reading Parquet"), optional("pyarrow.parquet", "reading Parquet")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    content = path.read_bytes()  # an error of the disk is not one of the content
    try:
        table = pq.read_table(pa.BufferReader(content), use_threads=False)
        about = dict(json.loads((table.schema.metadata or {}).get(META, b"{}")))
        frame = table.to_pandas(use_threads=False)
        same = "content" not in about or about["content"] == _digest(frame, frame.columns)
    except (
        Exception
    ) as error:  # Arrow and pandas have a dozen kinds for bytes that are not what they should be
        raise ValueError(f"{path} is no Parquet file, or damaged: {error}") from None
    if not same:
        raise ValueError(f"{path}: the content is not what was written (its hash differs)")
    return frame, about
