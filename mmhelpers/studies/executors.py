"""Where blocks are computed: in this process, in processes of this machine, or on a Dask cluster.

All of them give the same bytes: a block is computed whole, by one process with one BLAS thread (results of matrix
products may depend on the number of threads in their last digits).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmhelpers.studies.cells import Cell

if TYPE_CHECKING:
    import pandas as pd

Task = tuple[int, int, int]  # cell, block, data sets in it
Done = tuple[Task, "pd.DataFrame"]

RESUBMIT = 10  # times that a block is sent again after its Dask worker died
_KEPT = 4  # studies that a worker remembers
_known: OrderedDict[str, tuple[Cell, ...]] = OrderedDict()


def optional(name: str, purpose: str) -> Any:
    """Import a package of the ``distributed`` extra, or say how to get it.

    Raises
    ------
    ImportError
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(
            f"{purpose} needs the package {name.split('.')[0]!r}: pip install 'mmhelpers[distributed]'"
        ) from None


def execute(executor: Any, cells: tuple[Cell, ...], tasks: Iterator[Task]) -> Iterator[Done]:
    """Compute blocks and yield them as they are ready.

    Parameters
    ----------
    executor : None, int, "processes", str or distributed.Client
        In this process; so many processes; one a core; the Dask scheduler at an address such as
        ``"tcp://127.0.0.1:8786"``, or the client of one.
    cells : tuple of Cell
    tasks : iterator of (cell, block, data sets)
        Taken as workers become free.

    Yields
    ------
    task, rows

    Raises
    ------
    TypeError, ValueError
        If there is no such executor.
    """
    if executor is None:
        return _here(cells, tasks)
    if isinstance(executor, bool) or (isinstance(executor, int) and executor < 1):
        raise ValueError(f"executor: the number of processes must be at least 1, not {executor!r}")
    if isinstance(executor, int):
        return _processes(executor, cells, tasks)
    if executor == "processes":
        return _processes(os.cpu_count() or 1, cells, tasks)
    if isinstance(executor, str):
        if "://" not in executor:
            raise ValueError(
                f"executor must be None, a number of processes, 'processes', or the address of a Dask scheduler "
                f"such as 'tcp://127.0.0.1:8786', not {executor!r}"
            )
        return _dask_at(executor, cells, tasks)
    if hasattr(executor, "submit") and hasattr(executor, "scheduler_info"):
        return _dask(executor, cells, tasks)
    raise TypeError(
        f"executor must be None, a number of processes, 'processes', the address of a Dask scheduler or its Client, "
        f"not {type(executor).__name__}"
    )


def _here(cells: tuple[Cell, ...], tasks: Iterator[Task]) -> Iterator[Done]:
    with one_thread():
        for task in tasks:
            cell, block, n = task
            yield task, cells[cell].rows(block, n)


def _processes(n: int, cells: tuple[Cell, ...], tasks: Iterator[Task]) -> Iterator[Done]:
    joblib = optional("joblib", "a study in several processes")
    key, payload = pack(cells)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n, return_as="generator_unordered", batch_size=1)
        yield from parallel(joblib.delayed(compute)(key, payload, task) for task in tasks)


def _dask_at(address: str, cells: tuple[Cell, ...], tasks: Iterator[Task]) -> Iterator[Done]:
    distributed = optional("distributed", "a study on a Dask cluster")
    try:
        client = distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(f"executor: no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield from _dask(client, cells, tasks)


def _dask(client: Any, cells: tuple[Cell, ...], tasks: Iterator[Task]) -> Iterator[Done]:
    distributed = optional("distributed", "a study on a Dask cluster")
    key, payload = pack(cells)
    sent: dict[Any, tuple[Task, int]] = {}
    waiting = distributed.as_completed(loop=client.loop)

    def send(task: Task, times: int = 0) -> None:
        future = client.submit(compute, key, payload, task, pure=False)
        sent[future] = task, times
        waiting.add(future)

    def fill() -> None:
        room = 2 * max(1, sum(client.nthreads().values()))
        while len(sent) < room:
            task = next(tasks, None)
            if task is None:
                return
            send(task)

    fill()
    while sent:
        future = next(waiting)
        task, times = sent.pop(future)
        try:
            done = future.result()
        except (distributed.KilledWorker, distributed.client.FutureCancelledError):
            if times >= RESUBMIT:
                raise
            send(task, times + 1)
            continue
        yield done
        fill()


def pack(cells: tuple[Cell, ...]) -> tuple[str, bytes]:
    """Return the cells as bytes for the workers, and a name for them."""
    with contextlib.suppress(ImportError):
        cloudpickle = importlib.import_module("cloudpickle")  # takes functions that are defined in a notebook
        payload = cloudpickle.dumps(cells)
        return hashlib.sha256(payload).hexdigest(), payload
    payload = pickle.dumps(cells)
    return hashlib.sha256(payload).hexdigest(), payload


def compute(key: str, payload: bytes, task: Task) -> Done:
    """Compute a block in a worker, which keeps the cells for the next."""
    if key not in _known:
        limit_threads()
        _known[key] = pickle.loads(payload)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    cell, block, n = task
    return task, _known[key][cell].rows(block, n)


def limit_threads() -> None:
    """Let BLAS use one thread in this process from here on, if threadpoolctl is there to say so."""
    with contextlib.suppress(ImportError):
        importlib.import_module("threadpoolctl").threadpool_limits(1)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS use one thread for a while, if threadpoolctl is there to say so."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):
            stack.enter_context(importlib.import_module("threadpoolctl").threadpool_limits(1))
        yield
