"""What ``mmhelpers study`` and ``mmhelpers report`` do."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd

from mmhelpers.studies.api import run_plan
from mmhelpers.studies.config import ConfigError, plan_of, read_config
from mmhelpers.studies.executors import one_thread, optional
from mmhelpers.studies.plan import Plan
from mmhelpers.studies.rates import RATE_COLUMNS, rates
from mmhelpers.studies.store import read_study

COPY = "study.toml"  # name of the configuration's copy in a folder of checkpoints


class Stopped(Exception):  # noqa: N818 (no error: somebody pressed Ctrl-C)
    """A study was interrupted, in one line that says how to go on."""


def study_command(
    config: Path, out: Path | None, executor: str, resume: bool, dry_run: bool, progress: bool | None
) -> str:
    """Run a study's file and return what is to be printed.

    Parameters
    ----------
    config : Path
        The file, or a folder of checkpoints to go on from.
    out : Path, optional
        Parquet file; the configuration's name with ``.parquet`` by default. Blocks are kept in a folder beside it
        (``.blocks``) until the study is complete.
    executor : str
        "", a number of processes, "processes", or the address of a Dask scheduler.
    resume : bool
        Go on with a study that was begun.
    dry_run : bool
        Only say what would be done, and how long it would take.
    progress : bool, optional
        Show a bar; by default where tqdm is installed.

    Returns
    -------
    str
    """
    config = Path(config)
    if config.is_dir():
        if not (config / COPY).is_file():
            raise ConfigError(f"{config} is no folder of a study that was begun: it has no {COPY}")
        folder, config = config, config / COPY
        out = out or folder.with_name(folder.name.removesuffix(".blocks"))
    out = out or config.with_suffix(".parquet")
    plan = load_plan(config)
    if dry_run:
        return dry_report(plan)
    if out.exists():
        raise ConfigError(f"{out} is there already: the study is done (mmhelpers report {out}), or remove it")
    optional("pyarrow", "writing Parquet")  # before anything is begun
    folder = out.with_name(out.name + ".blocks")
    bar = importlib.util.find_spec("tqdm") is not None if progress is None else progress
    try:
        rows = run_plan(plan, as_executor(executor), bar, folder, resume, out, config)
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped; what is done is kept, and `mmhelpers study {folder} --resume` goes on from there"
        ) from None
    shutil.rmtree(folder)
    return f"{table_text(rates(rows, plan.alpha))}\n\n{len(rows):,} rows in {out}"


def load_plan(path: Path) -> Plan:
    """Read a configuration and make its plan; an error is one line that names the file."""
    config = read_config(path)
    try:
        return plan_of(config)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None


def as_executor(text: str) -> Any:
    """Return what `study` takes for what a command line gives."""
    if not text:
        return None
    return int(text) if text.isdigit() else text


def report_command(path: Path, alpha: list[float] | None) -> str:
    """Return the table of a finished study."""
    rows = read_study(path)
    about = rows.attrs["about"]
    record = about["record"]
    lines = [
        table_text(rates(rows, alpha or record["alpha"])),
        "",
        f"seed {record['seed']}, {rows.groupby(['design', 'truth'], observed=True)['rep'].nunique().sum():,} data sets; "
        + ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        f"content sha256 {about['content']}",
    ]
    return "\n".join(lines)


def table_text(table: pd.DataFrame) -> str:
    """Return a table of rates as text; labels that all rows share empty are left out."""
    shown = table[RATE_COLUMNS]
    shown = shown.drop(columns=[name for name in ("design", "truth") if (shown[name] == "").all()])
    numbers = dict.fromkeys(("rate", "se", "lower", "upper"), "{:.4f}".format)
    return str(shown.to_string(index=False, formatters=numbers))


def dry_report(plan: Plan) -> str:
    """Say what a study would do: its cells, sizes, and a time, estimated from two small runs of each."""
    lines, total, seen = [], 0.0, set()
    for cell in plan.cells:
        lines += [line for line in cell.describe() if not (line in seen or seen.add(line))]  # type: ignore[func-returns-value]
    record = plan.record
    if "models" in record:
        lines += [f"model {label}: {model}" for label, model in record["models"].items()]
        lines.append(f"effect: {record['effect']}; tests: {', '.join(record['tests'])}")
    rows = 0
    for cell in plan.cells:
        seconds, a_set = time_cell(plan, cell)
        total, rows = total + seconds, rows + a_set * plan.n_rep
    sets = plan.n_rep * len(plan.cells)
    most = "at most " if plan.precision is not None else ""
    lines += [
        f"{counted(len(plan.cells), 'cell')} x {most}{plan.n_rep:,} data sets = {sets:,} data sets, {rows:,} rows, "
        f"in {counted(sum(len(plan.sizes(cell)) for cell in plan.cells), 'block')}",
        f"seed: {plan.seed}; alpha: {', '.join(f'{a:g}' for a in plan.alpha)}",
    ]
    if plan.precision is not None:
        lines.append(f"a cell ends when all its Monte Carlo standard errors are at most {plan.precision:g}")
    lines.append(f"estimated time: {duration(total)} on one core")
    return "\n".join(lines)


def time_cell(plan: Plan, cell: Any) -> tuple[float, int]:
    """Estimate the seconds that a cell takes, from two small runs: what a block costs, and a data set."""
    with one_thread():
        frame = cell.rows(0, 1)  # sets up what all blocks share
        sizes, seconds = (5, 45), []
        for n in sizes:
            n = min(n, plan.n_rep)
            started = time.perf_counter()
            cell.rows(0, n)
            seconds.append(time.perf_counter() - started)
    each = max(seconds[1] - seconds[0], 0.0) / max(min(sizes[1], plan.n_rep) - sizes[0], 1)
    once = max(seconds[0] - sizes[0] * each, 0.0)
    return once * len(plan.sizes(cell)) + each * plan.n_rep, len(frame)


def counted(n: int, what: str) -> str:
    """Say how many.

    Examples
    --------
    >>> counted(1, "cell"), counted(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def duration(seconds: float) -> str:
    """Say a time as people do.

    Examples
    --------
    >>> [duration(s) for s in (0.2, 42.0, 500.0, 9000.0)]
    ['under 1 s', '42 s', '8 min', '2.5 h']
    """
    if seconds < 1:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
