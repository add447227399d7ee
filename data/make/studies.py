"""Run a published simulation study again: ``python data/make/studies.py run barr2013``.

``run`` computes block by block into ``_build/studies/<study>/``, in ``--processes`` processes; kill it and start it
again as you like. ``table`` makes the files in ``data/studies/`` from the blocks that are there:

- ``<study>.csv``, the rates (`mmhelpers.studies.rerun_rates.table`);
- ``<study>_first.csv``, the p-values of the first data sets of every cell;
- ``<study>_pvalues.csv``, counts of p-values in 20 bins;
- ``<study>.json``, what was run: sizes, processor time, versions, sha256 of the tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmhelpers.studies import rerun

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("study", choices=["barr2013", "matuschek2017"])
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    config = rerun.read_config(ROOT / "data" / "studies" / f"{args.study}.toml")
    blocks = ROOT / "_build" / "studies" / args.study
    if args.command == "run":
        rerun.run(config, blocks, None if args.processes == 1 else args.processes, progress=True)
    else:
        rerun.write_tables(config, blocks, ROOT / "data" / "studies")


if __name__ == "__main__":
    main()
