"""`study`, `type1` and `power`: what a user calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.studies.cells import DesignCell
from mmhelpers.studies.checkpoint import Checkpoint
from mmhelpers.studies.plan import SINGLE, Plan, make_plan, same_scale, true_effect
from mmhelpers.studies.rates import KEYS, errors, rates
from mmhelpers.studies.rows import Rows
from mmhelpers.studies.run import run
from mmhelpers.studies.store import write_rows

if TYPE_CHECKING:
    import pandas as pd


def study(
    designs: Any = None,
    truths: Any = None,
    models: Mapping[str, Any] | None = None,
    effect: str = "",
    tests: Sequence[str] = ("satterthwaite",),
    *,
    n_rep: int,
    seed: int,
    alpha: float | Sequence[float] = 0.05,
    precision: float | None = None,
    missing: float = 0.0,
    statistics: bool = False,
    executor: Any = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    out: str | Path | None = None,
    block: int | None = None,
    generator: str | None = None,
    cells: Mapping[str, Mapping[str, Any]] | None = None,
) -> Rows:
    """Simulate data sets from every design and truth, fit every model to each, and test one effect.

    The models need not be those that made the data: to generate with random slopes and fit without, or with
    autocorrelated or unequal residuals and fit without, is what a study is for.

    Parameters
    ----------
    designs : Design, DataFrame, or mapping from labels to them
        Covariates that were declared ``fresh`` are drawn anew for each data set (a model is then set up for each:
        slow).
    truths : Truth or mapping from labels to Truth
        Of any family; all are combined with all designs.
    models : mapping
        Label to formula (a linear mixed model, fitted by REML, tested as `tests` says), or to another analysis: `Logistic`,
        `ByUnits`, `SlopeSelection`, or an object of your own (see the page on studies).
    effect : str
        A coefficient, or a term whose coefficients are tested jointly.
    tests : sequence of str
        Of ``"satterthwaite"``, ``"kenward-roger"``, ``"wald"`` (z, or chi-square over its df), ``"lrt"`` (two fits by
        maximum likelihood, with the effect and without).
    n_rep : int
        Data sets a design and truth.
    seed : int
        Data set i of a cell is drawn from ``SeedSequence(row.seed, spawn_key=(row.rep,))``: see `replay`.
    alpha : float or sequence of float
        Levels that `precision` refers to.
    precision : float, optional
        End a cell after the block in which the Monte Carlo standard errors of all its rates have fallen to
        this; `n_rep` is then the most.
    missing : float
        Share of the cells that each data set loses, at random.
    statistics : bool
        Draw the sufficient statistics of the data sets instead of the data, where they have the same law: one grouping
        factor, normal responses with equal and independent residuals, mixed models only. Several times faster; there
        are then no data sets to look at, and `replay` draws the block of a row again.
    executor : None, int, "processes", str, or distributed.Client, optional
        In this process; in so many processes, or one a core (joblib); on the Dask cluster whose scheduler has this
        address. The result is the same, bit by bit, on machines of one kind.
    progress : bool
        Show a bar (needs tqdm).
    checkpoint : path, optional
        A folder for the blocks that are done. A study that was killed goes on from there (needs pyarrow).
    resume : bool
        Whether to go on from blocks in the folder; False refuses a folder that has some.
    out : path, optional
        Parquet file to write, with the seed, the versions and the truth inside (needs pyarrow).
    block : int, optional
        Data sets that are fitted together; by default from the size of the design. Part of the study: the last digits
        of a fit may depend on it.
    generator : str, optional
        Instead of designs, truths and models: a published study's own (`mmhelpers.studies.generators`).
    cells : mapping, optional
        Label to parameters, for the generator.

    Returns
    -------
    DataFrame
        One row a data set, a model and a test: design, truth, rep, seed, model, test, estimate, se, df (of the
        denominator; of chi-square for lrt), statistic (t, z, F or chi-square), p, converged, singular, message.
        Nothing is left out or drawn again: failed fits have converged False and a message. `rates` counts.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or a model does not fit a design: before anything is simulated.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=12, day=range(5))
    >>> truths = {
    ...     f"slope SD {sd}": mm.Truth("y ~ day + (day | subject)", beta=[0, 0], sigma=1,
    ...                                sd={"subject": {"(Intercept)": 1, "day": sd}})
    ...     for sd in (0, 0.5)
    ... }
    >>> rows = mm.study(design, truths, {"slope-less": "y ~ day + (1 | subject)"}, "day", n_rep=500, seed=1)
    >>> mm.rates(rows).set_index("truth").rate.round(2).to_dict()
    {'slope SD 0': 0.04, 'slope SD 0.5': 0.14}
    """
    plan = make_plan(
        designs, truths, models, effect, tests, n_rep=n_rep, seed=seed, alpha=alpha, precision=precision,
        missing=missing, statistics=statistics, block=block, generator=generator, cells=cells,
    )  # fmt: skip
    return run_plan(plan, executor, progress, checkpoint, resume, out)


def run_plan(
    plan: Plan,
    executor: Any = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    out: str | Path | None = None,
    config: str | Path | None = None,
) -> Rows:
    """Check and run a plan; see `study`. A copy of its configuration is kept beside the blocks."""
    plan.check()
    kept = None if checkpoint is None else Checkpoint(checkpoint, plan, resume)
    if kept is not None and config is not None:
        kept.keep(config)
    rows = run(plan, executor, kept, progress)
    if out is not None:
        write_rows(rows, out, plan)
    return rows


def type1(
    design: Any,
    truth: Any,
    models: Mapping[str, Any],
    effect: str,
    tests: Sequence[str] = ("satterthwaite", "wald", "lrt"),
    alpha: float | Sequence[float] = 0.05,
    *,
    n_rep: int = 10_000,
    seed: int,
    missing: float = 0.0,
    executor: Any = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Type I error of an effect that the truth does not have, in each model, by each test.

    Parameters
    ----------
    design, truth, models, effect, tests, alpha, n_rep, seed, missing, executor, progress
        As in `study`; the truth's coefficients of the effect must be 0.

    Returns
    -------
    DataFrame
        One row a model, test and alpha: model, test, alpha, rate, se, lower, upper, n, failed, singular. ``n`` is the
        number of data sets that were fitted, the denominator of ``rate``; ``failed`` are beside it, ``singular``
        among it (see `rates`; the interval is Wilson's, 95%). The rows behind it are in ``attrs["rows"]``. With several
        designs or truths, their labels come first.

    Raises
    ------
    ValueError
        If the truth has the effect.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(Subject=18, Days=range(10))
    >>> truth = mm.Truth("y ~ Days + (Days | Subject)", beta=[251, 0], sigma=25.6,
    ...                  sd={"Subject": {"(Intercept)": 24.7, "Days": 5.92}}, corr={"Subject": 0.07})
    >>> models = {"slope-less": "y ~ Days + (1 | Subject)", "maximal": "y ~ Days + (Days | Subject)"}
    >>> found = mm.type1(design, truth, models, effect="Days", tests=("satterthwaite",), n_rep=1000, seed=1)
    >>> found[["model", "rate", "se", "n"]].round(3)
            model   rate     se     n
    0  slope-less  0.319  0.015  1000
    1     maximal  0.055  0.007  1000
    """
    plan = make_plan(
        design, truth, models, effect, tests, n_rep=n_rep, seed=seed, alpha=alpha, missing=missing
    )
    for cell in plan.cells:
        size = true_effect(cell)
        if size:
            raise ValueError(
                f"truth: {effect} is {size:g} there, so what rejects is right: set it to 0, or take mm.power"
            )
    rows = run_plan(plan, executor, progress)
    return _table(rows, plan)


def power(
    designs: Any,
    truths: Any,
    models: Mapping[str, Any],
    effect: str,
    tests: Sequence[str] = ("satterthwaite",),
    alpha: float | Sequence[float] = 0.05,
    *,
    n_rep: int = 1000,
    seed: int,
    precision: float | None = None,
    missing: float = 0.0,
    executor: Any = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Power: how often an effect that the truth has is found, and what is found then.

    Parameters
    ----------
    designs, truths, models, effect, tests, alpha, n_rep, seed, precision, missing, executor, progress
        As in `study`; `over` makes the designs of a grid. A study that must survive being killed, or goes into a file, is
        run by `study` (its `checkpoint` and `out`) and counted by `rates`.

    Returns
    -------
    DataFrame
        The columns of `type1`, after the labels of designs and truths where there are several; and for an effect of
        one coefficient ``wrong_sign``, the share of significant estimates with the wrong sign, and
        ``exaggeration``, their mean absolute value over the true one. Both are NaN where no estimate is significant;
        the exaggeration also where the model estimates on another scale than the truth has it (a linear mixed model of
        counts or of answers of yes or no, whose truth is on the scale of the link: see `Logistic`).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> designs = mm.over(lambda n: mm.cross(subject=n, day=range(5)), n=[6, 24])
    >>> truth = mm.Truth("y ~ day + (day | subject)", beta=[0, 0.3], sigma=1,
    ...                  sd={"subject": {"(Intercept)": 1, "day": 0.5}})
    >>> found = mm.power(designs, truth, {"maximal": "y ~ day + (day | subject)"}, "day", n_rep=200, seed=1)
    >>> found[["design", "rate"]].round(1)
      design  rate
    0    n=6   0.2
    1   n=24   0.6
    """
    import pandas as pd

    plan = make_plan(
        designs, truths, models, effect, tests, n_rep=n_rep, seed=seed, alpha=alpha, precision=precision, missing=missing,
    )  # fmt: skip
    sizes = [true_effect(cell) for cell in plan.cells]
    if any(size == 0 for size in sizes):
        raise ValueError(f"truth: {effect} is 0 there, so there is no power to find it: take mm.type1")
    rows = run_plan(plan, executor, progress)
    table = _table(rows, plan, bare=False)
    wrong = []
    for cell, size in zip(plan.cells, sizes, strict=True):
        if size is None or not np.isfinite(size):
            continue
        part = rows[(rows["design"] == cell.design) & (rows["truth"] == cell.truth)]
        for a in plan.alpha:
            found = errors(part, size, a).drop(columns="significant").assign(alpha=a)
            other = (
                []
                if not isinstance(cell, DesignCell)
                else [label for label, model in cell.models.items() if not same_scale(model, cell.law)]
            )
            found.loc[found["model"].isin(other), "exaggeration"] = np.nan
            wrong.append(found)
    if wrong:
        table = table.merge(pd.concat(wrong), how="left", on=[*KEYS, "alpha"])
    else:
        table = table.assign(wrong_sign=np.nan, exaggeration=np.nan)
    return _bare(table, rows)


def _table(rows: Rows, plan: Plan, bare: bool = True) -> pd.DataFrame:
    table = rates(rows, plan.alpha)
    return _bare(table, rows) if bare else table


def _bare(table: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Leave out labels that nobody gave, and hang the rows onto the table."""
    for name in ("design", "truth"):
        if (table[name] == SINGLE).all():
            table = table.drop(columns=name)
    table.attrs["rows"] = rows
    return table
