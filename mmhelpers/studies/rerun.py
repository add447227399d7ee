"""Published simulation studies at full size: run them again, and write the tables that the course keeps.

The numbers of the two studies that the course reruns are in ``data/studies``; `mmhelpers.load_study` reads them. They run
as every study does: blocks of data sets, computed in any process, each in a file of its own as soon as it is done.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.studies import barr, matuschek
from mmhelpers.studies.checkpoint import Checkpoint, CheckpointError
from mmhelpers.studies.plan import Plan
from mmhelpers.studies.rerun_rates import Arrays, first_rows, histogram, table
from mmhelpers.studies.run import compute_blocks

if TYPE_CHECKING:
    import pandas as pd

Config = Mapping[str, Any]


@dataclass(frozen=True)
class RerunCell:
    """One cell of a published study, whose blocks are tables of p-values: a row a data set.

    Attributes
    ----------
    study : {"barr2013", "matuschek2017"}
    design : str
        Its name in the study.
    models : tuple of str
        The analyses of ``"barr2013"``.
    seed : int
        Of the study: data set i of a cell is the same in a study of any size.
    block : int
        Data sets a block.
    """

    study: str
    design: str
    models: tuple[str, ...]
    seed: int
    block: int
    truth: str = ""

    def check(self) -> None:
        """Raise a ValueError if the study has no such cell."""
        self._cell()

    def describe(self) -> list[str]:
        """Say what it is, in a line."""
        return [f"cell {self.design} of {self.study}"]

    def rows(self, number: int, n: int) -> pd.DataFrame:
        """Draw and analyse the first n data sets of a block."""
        import pandas as pd

        start = time.process_time()
        first = number * self.block
        columns: dict[str, Any] = {}
        for name, values in self.arrays(range(first, first + n)).items():
            columns |= (
                {f"{name}[{i}]": row for i, row in enumerate(values)} if values.ndim == 2 else {name: values}
            )
        return pd.DataFrame(columns | {"seconds": time.process_time() - start})

    def arrays(self, replicates: range) -> Arrays:
        """Draw and analyse data sets: p-values and flags by the name of the analysis."""
        cell: Any = self._cell()
        if self.study == "barr2013":
            return barr.p_values(cell, barr.draw(cell, self.seed, replicates), self.models)
        return matuschek.p_values(cell, matuschek.draw(cell, self.seed, replicates))

    def _cell(self) -> barr.Cell | matuschek.Cell:
        known = {cell.name: cell for cell in (barr.CELLS if self.study == "barr2013" else matuschek.CELLS)}
        if self.design not in known:
            raise ValueError(f"{self.study} has no cell {self.design!r}; it has {', '.join(known)}")
        return known[self.design]


def read_config(path: Path) -> dict[str, Any]:
    """Read a study's configuration."""
    return tomllib.loads(path.read_text(encoding="utf8"))


def plan(config: Config) -> Plan:
    """Return the plan of a study, by its configuration."""
    models = config["cells"] if config["study"] == "barr2013" else {}
    cells = tuple(
        RerunCell(config["study"], name, tuple(models.get(name, ())), config["seed"], config["piece"])
        for name in config["cells"]
    )
    return Plan(cells, config["n_rep"], config["seed"], tuple(config["alpha"]), None, dict(config))


def run(config: Config, folder: Path, executor: Any = None, progress: bool = False) -> None:
    """Compute what is missing of a study, all cells in step, so that one that ends early has them all alike.

    Parameters
    ----------
    config : mapping
    folder : Path
        Where its blocks are kept.
    executor, progress
        See `mmhelpers.study`.
    """
    what = plan(config)
    what.check()
    compute_blocks(what, executor, Checkpoint(folder, what), progress, in_step=True)


def collect(config: Config, folder: Path) -> tuple[dict[str, Arrays], dict[str, int]]:
    """Put the blocks of every cell together, up to the first that is missing.

    Returns
    -------
    arrays : dict
        For each cell, what `RerunCell.arrays` gives, and its processor time, ``seconds``.
    sizes : dict
        Data sets of each cell.

    Raises
    ------
    CheckpointError
        If the folder has no block of some cell, or a file cannot be read.
    """
    what = plan(config)
    kept = Checkpoint(folder, what)
    there = kept.blocks()
    results, sizes = {}, {}
    for number, cell in enumerate(what.cells):
        frames = []
        for block in range(len(what.sizes(cell))):
            if (number, block) not in there:
                break
            frames.append(kept.read(number, block))
        if not frames:
            raise CheckpointError(f"{folder} has no block of the cell {cell.design!r}: run the study first")
        sizes[cell.design] = sum(map(len, frames))
        results[cell.design] = _joined(frames)
    return results, sizes


def _joined(frames: list[pd.DataFrame]) -> Arrays:
    """Undo what `RerunCell.rows` does, for all blocks of a cell."""
    rows: dict[str, list[Any]] = {}
    for column in frames[0].columns:
        values = np.concatenate([frame[column].to_numpy() for frame in frames])
        rows.setdefault(column.split("[")[0], []).append(values)
    out = {
        name: np.stack(parts) if f"{name}[0]" in frames[0] else parts[0]
        for name, parts in rows.items()
        if name != "seconds"
    }
    return out | {"seconds": np.array(sum(float(frame["seconds"].iloc[0]) for frame in frames))}


def write_tables(config: Config, blocks: Path, folder: Path) -> None:
    """Write the tables of a study, and a file that says what was run."""
    import scipy

    import mmhelpers

    results, sizes = collect(config, blocks)
    n = min(sizes.values())  # all cells alike
    results = {
        cell: {name: v if name == "seconds" else v[..., :n] for name, v in arrays.items()}
        for cell, arrays in results.items()
    }
    tables = {
        "": table(config["alpha"], results),
        "_first": first_rows(results),
        "_pvalues": histogram(results),
    }
    record: dict[str, Any] = {
        "study": config["study"],
        "seed": config["seed"],
        "n_rep": n,
        "wanted": config["n_rep"],
        "processor_seconds": {cell: round(float(a["seconds"]), 1) for cell, a in results.items()},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "mmhelpers": mmhelpers.__version__,
        },
        "sha256": {},
    }
    for suffix, frame in tables.items():
        path = folder / f"{config['study']}{suffix}.csv"
        frame.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
        record["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    real = folder / f"{config['study']}_real.csv"
    if real.exists():
        record["sha256"][real.name] = hashlib.sha256(real.read_bytes()).hexdigest()
    text = json.dumps(record, indent=2) + "\n"
    (folder / f"{config['study']}.json").write_text(text, encoding="utf8")
