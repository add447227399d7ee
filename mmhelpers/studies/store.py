"""A study's rows in Parquet, with the seed, the versions and the truth inside."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
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
    digest = hashlib.sha256()
    for name in COLUMNS:
        digest.update(name.encode() + b"\0")
        column = rows[name]
        if name in LABELS:
            codes, labels = pd.factorize(column.astype(object))
            digest.update("\0".join(map(str, labels)).encode())
            digest.update(codes.astype("<i8").tobytes())
        elif name in FLAGS:
            digest.update(column.to_numpy(dtype=bool).tobytes())
        elif name in {"rep", "seed"}:
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
    about = {
        "record": plan.record,
        "key": plan.key,
        "versions": versions(),
        "content": content_hash(rows),
    }
    path = Path(path)
    write_frame(rows, path, about, sync=True)
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
    if content_hash(frame) != about["content"]:
        raise ValueError(f"{path}: the content is not what was written (its hash differs)")
    rows = Rows(frame)
    rows.attrs["about"] = about
    with contextlib.suppress(ValueError, ImportError):  # what was drawn by a function cannot be drawn again
        rows.attrs["study"] = plan_from(about["record"])
    return rows


def write_frame(frame: pd.DataFrame, path: Path, about: dict[str, Any], sync: bool = False) -> None:
    """Write a table beside its place, then put it there: nobody ever sees half of it.

    With `sync` it is on the disk before that, so that not even a power cut leaves half of it; this is slow.
    """
    pa, pq = optional("pyarrow", "writing Parquet"), optional("pyarrow.parquet", "writing Parquet")
    bare = pd.DataFrame({name: frame[name] for name in frame.columns})
    table = pa.Table.from_pandas(bare, preserve_index=False, nthreads=1)
    table = table.replace_schema_metadata((table.schema.metadata or {}) | {META: json.dumps(about).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(beside, "wb") as file:
        pq.write_table(table, file, compression="zstd")
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(beside, path)


def read_frame(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table and what it says of itself."""
    pa, pq = optional("pyarrow", "reading Parquet"), optional("pyarrow.parquet", "reading Parquet")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        table = pq.read_table(str(path), use_threads=False, memory_map=False)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from None
    about = json.loads((table.schema.metadata or {}).get(META, b"{}"))
    return table.to_pandas(use_threads=False), about
