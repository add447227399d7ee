"""Run a published simulation study again: ``python data/make/studies.py run barr2013``.

``run`` computes piece by piece into ``_build/studies/<study>/`` (kill it and start it again as you
like), ``table`` makes ``data/studies/<study>.csv`` from the pieces that are there.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from mmhelpers.studies import barr, chunks

ROOT = Path(__file__).resolve().parents[2]


def compute_barr(config: dict[str, Any], piece: chunks.Piece) -> chunks.Arrays:
    """p-values of a piece of Barr et al.'s study."""
    cell = next(cell for cell in barr.CELLS if cell.name == piece.cell)
    Y = barr.draw(cell, config["seed"], range(piece.first, piece.stop))
    return barr.p_values(cell, Y, config["cells"][piece.cell])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run"])
    parser.add_argument("study", choices=["barr2013"])
    args = parser.parse_args()
    config = tomllib.loads((ROOT / "data" / "studies" / f"{args.study}.toml").read_text(encoding="utf8"))
    todo = chunks.pieces(list(config["cells"]), config["n_rep"], config["piece"])
    folder = ROOT / "_build" / "studies" / args.study
    chunks.run(todo, lambda piece: compute_barr(config, piece), folder, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
