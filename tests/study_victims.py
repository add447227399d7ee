"""Run one study many times, killed (kill -9) at a seeded moment each time, and go on with it; a script of its own.

    python study_victims.py CONFIG FOLDER MOMENTS

Prints JSON: for each moment how the process ended, how many blocks it left behind, how many the second run had to
compute, and the sha256 of the file that it wrote. Each run is a fork of this process, which has no threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmhelpers.studies import api
from mmhelpers.studies.cells import DesignCell
from mmhelpers.studies.checkpoint import Checkpoint
from mmhelpers.studies.plan import Plan
from mmhelpers.studies.rows import together


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doomed(moment: int, total: int) -> None:
    """Arrange this process's end: some blocks in, a little later, or at the worst moments of a write."""
    rng = np.random.default_rng(moment)
    after, delay = int(rng.integers(1, total // 2)), float(rng.uniform(0, 0.02))
    kind = ("later", "later", "before the rename", "half a file")[moment % 4]
    save, replace, saved = Checkpoint.save, os.replace, [0]

    def counted(self, cell, block, frame):
        saved[0] += 1
        if saved[0] > after and kind == "half a file":
            self.path(cell, block).with_name(".half.part").write_bytes(b"PAR1")
            kill()
        save(self, cell, block, frame)
        if saved[0] == after and kind == "later":
            threading.Thread(target=lambda: (time.sleep(delay), kill()), daemon=True).start()
        if saved[0] >= total - 2:  # a machine so busy that the killer is late: wait for it
            time.sleep(600)

    def replaced(one, two):
        if saved[0] > after and kind == "before the rename":
            kill()
        replace(one, two)

    Checkpoint.save, os.replace = counted, replaced


def forked(work: Callable[[], None]) -> int:
    """Run in a fork; return how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def study(
    plan: Plan, folder: Path, out: Path, computed: Path, moment: int | None = None
) -> Callable[[], None]:
    """What a fork does: the study, to its end or until it is killed; counts the blocks that it computes."""

    def work() -> None:
        if moment is not None:
            doomed(moment, sum(len(plan.sizes(cell)) for cell in plan.cells))
        rows, count = DesignCell.rows, [0]

        def counting(self, number, n):
            count[0] += 1
            computed.write_text(str(count[0]))
            return rows(self, number, n)

        DesignCell.rows = counting
        api.run_plan(plan, checkpoint=folder, out=out)

    return work


def main(config: Path, place: Path, moments: int) -> None:
    import pyarrow.pandas_compat
    import pyarrow.parquet  # noqa: F401  (once, not in each fork)

    from mmhelpers.studies.config import plan_of, read_config

    plan = plan_of(read_config(config))
    plan.check()  # what is imported and set up here, forks have
    together([plan.cells[0].rows(0, 5)])
    found = []
    for moment in range(moments):
        folder, out, computed = (place / f"{kind}{moment}" for kind in ("blocks", "out", "computed"))
        status = forked(study(plan, folder, out, computed, moment))
        there = len(list(folder.glob("0*.parquet")))
        litter = len(list(folder.glob(".*")))
        again = forked(study(plan, folder, out, computed))
        found.append(
            {
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                "blocks": there,
                "litter": litter,
                "again": again,
                "computed": int(computed.read_text()),
                "sha256": hashlib.sha256(out.read_bytes()).hexdigest() if out.exists() else None,
            }
        )
    print(json.dumps({"total": sum(len(plan.sizes(cell)) for cell in plan.cells), "found": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
