"""Long studies in pieces that survive being killed: one file a piece, written whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Piece:
    """Some replicates of one cell of a study.

    Attributes
    ----------
    cell : str
    first, stop : int
        Replicates ``first`` to ``stop - 1``.
    """

    cell: str
    first: int
    stop: int

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.cell}.{self.first:06d}-{self.stop:06d}.npz"


def pieces(cells: Sequence[str], n: int, size: int) -> list[Piece]:
    """Cut a study into pieces, all cells in step, so that a study that ends early has them all alike.

    Examples
    --------
    >>> [piece.file for piece in pieces(["a", "b"], 3, 2)]
    ['a.000000-000002.npz', 'b.000000-000002.npz', 'a.000002-000003.npz', 'b.000002-000003.npz']
    """
    return [Piece(cell, first, min(first + size, n)) for first in range(0, n, size) for cell in cells]


def run(
    todo: Sequence[Piece], compute: Callable[[Piece], Arrays], folder: Path, report: Callable[[str], None]
) -> float:
    """Compute the pieces that have no file yet; returns the processor time spent, in seconds.

    A file is written under another name and renamed, so that a process killed at any moment leaves
    whole pieces only; the next run goes on with the first that is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spent = 0.0
    for number, piece in enumerate(todo, start=1):
        path = folder / piece.file
        if path.exists():
            continue
        start = time.process_time()
        arrays = compute(piece)
        seconds = time.process_time() - start
        spent += seconds
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays, seconds=np.array(seconds))  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        report(f"{number}/{len(todo)} {piece.file} {seconds:.1f} s")
    return spent


def collect(todo: Sequence[Piece], folder: Path) -> tuple[dict[str, Arrays], dict[str, int]]:
    """Put the pieces of every cell together, up to the first that is missing.

    Returns
    -------
    arrays : dict
        For each cell, the arrays joined along their last axis; ``seconds`` summed.
    sizes : dict
        Replicates of each cell.
    """
    parts: dict[str, list[Arrays]] = {}
    sizes: dict[str, int] = {}
    for piece in _whole(todo, folder):
        with np.load(folder / piece.file) as file:
            parts.setdefault(piece.cell, []).append({name: file[name] for name in file.files})
        sizes[piece.cell] = piece.stop
    joined = {
        cell: {
            name: (
                np.array(sum(float(p[name]) for p in found))
                if name == "seconds"
                else np.concatenate([p[name] for p in found], axis=-1)
            )
            for name in found[0]
        }
        for cell, found in parts.items()
    }
    return joined, sizes


def _whole(todo: Sequence[Piece], folder: Path) -> Iterator[Piece]:
    """Pieces of each cell that follow one another without a gap."""
    broken: set[str] = set()
    for piece in todo:
        if (folder / piece.file).exists() and piece.cell not in broken:
            yield piece
        else:
            broken.add(piece.cell)
