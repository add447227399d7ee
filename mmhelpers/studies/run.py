"""Run a plan: hand out blocks, keep them, stop where the wanted precision is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.studies.checkpoint import Checkpoint
from mmhelpers.studies.executors import Task, execute, optional
from mmhelpers.studies.plan import Plan
from mmhelpers.studies.rates import fitted, stopping_se
from mmhelpers.studies.rows import Rows, together

if TYPE_CHECKING:
    import pandas as pd


def run(
    plan: Plan, executor: Any = None, checkpoint: Checkpoint | None = None, progress: bool = False
) -> Rows:
    """Compute all blocks of a plan.

    Parameters
    ----------
    plan : Plan
    executor
        See `mmhelpers.studies.executors.execute`.
    checkpoint : Checkpoint, optional
        Where blocks are kept as they are done, and taken from.
    progress : bool
        Show a bar.

    Returns
    -------
    Rows
        Cells in the order of the plan, data sets in order: it does not depend on who computed what, or when.
    """
    done, limits = compute_blocks(plan, executor, checkpoint, progress)
    rows = together([done[cell, block] for cell, limit in enumerate(limits) for block in range(limit)])
    rows.attrs["study"] = plan
    return rows


def compute_blocks(
    plan: Plan,
    executor: Any = None,
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
    in_step: bool = False,
) -> tuple[dict[tuple[int, int], pd.DataFrame], list[int]]:
    """Compute the blocks of a plan that are not kept yet; the arguments are those of `run`.

    Parameters
    ----------
    in_step : bool
        The first blocks of all cells, then the second ones: a study that is ended early has as many of each.

    Returns
    -------
    done : dict
        (cell, block) to what the cell's ``rows`` gave.
    limits : list of int
        Blocks of each cell that belong to the result.
    """
    done: dict[tuple[int, int], pd.DataFrame] = {}
    ledger = Ledger(plan)

    def tasks() -> Iterator[Task]:
        all_blocks = [(cell, block) for cell, sizes in enumerate(ledger.sizes) for block in range(len(sizes))]
        for cell, block in sorted(all_blocks, key=lambda at: at[::-1]) if in_step else all_blocks:
            if block < ledger.limit[cell] and (cell, block) not in done:
                yield cell, block, ledger.sizes[cell][block]

    with Bar(sum(map(sum, ledger.sizes)), progress) as bar:
        if checkpoint is not None:
            for cell, block in sorted(checkpoint.blocks()):
                kept = checkpoint.load(cell, block)
                if kept is None:
                    continue
                done[cell, block] = kept
                ledger.enter(cell, block, kept)
                bar.step(ledger.sizes[cell][block])
        for (cell, block, n), frame in execute(executor, plan.cells, tasks()):
            if checkpoint is not None:
                checkpoint.save(cell, block, frame)
            done[cell, block] = frame
            ledger.enter(cell, block, frame)
            bar.step(n)
    return done, ledger.limit


class Ledger:
    """What each cell has found so far, and after which block it may end.

    The rule looks at blocks in order, block b only with all before it, so that it gives the same answer whatever
    came in first; blocks beyond the end are thrown away.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sizes = [plan.sizes(cell) for cell in plan.cells]
        self.limit = [len(sizes) for sizes in self.sizes]
        self._counts: list[dict[int, np.ndarray[Any, Any]]] = [{} for _ in plan.cells]
        self._sum: list[Any] = [0] * len(plan.cells)
        self._next = [0] * len(plan.cells)

    def enter(self, cell: int, block: int, frame: pd.DataFrame) -> None:
        """Take note of a block."""
        if self.plan.precision is None:
            return
        self._counts[cell][block] = count(frame, self.plan.alpha)
        while self._next[cell] in self._counts[cell] and self._next[cell] < self.limit[cell]:
            self._sum[cell] = self._sum[cell] + self._counts[cell].pop(self._next[cell])
            self._next[cell] += 1
            hits, n = self._sum[cell]
            if (stopping_se(hits, n) <= self.plan.precision).all():
                self.limit[cell] = self._next[cell]


def count(frame: pd.DataFrame, alpha: tuple[float, ...]) -> np.ndarray[Any, Any]:
    """Rejections and data sets, shape (2, models and tests, levels)."""
    good, p = fitted(frame), frame["p"].to_numpy()
    reps = frame["rep"].nunique()
    shape = (reps, len(frame) // reps)  # data sets outermost, the same tests for each
    hits = [(good & (p < a)).reshape(shape).sum(0) for a in alpha]
    n = good.reshape(shape).sum(0)
    return np.stack([np.stack(hits, axis=1), np.repeat(n[:, None], len(alpha), axis=1)])


class Bar:
    """A progress bar, or nothing."""

    def __init__(self, total: int, show: bool) -> None:
        self._bar = (
            optional("tqdm", "progress=True").tqdm(total=total, unit="data sets", smoothing=0.1)
            if show
            else None
        )

    def step(self, n: int) -> None:
        """So many more data sets are done."""
        if self._bar is not None:
            self._bar.update(n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
