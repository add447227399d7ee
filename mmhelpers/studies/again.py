"""One row of a study alone: its data set, its fits, its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.fitting import Fit, fit
from mmhelpers.studies.cells import DesignCell
from mmhelpers.studies.plan import Plan, plan_from
from mmhelpers.studies.rows import Rows, block_frame, together

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Replay:
    """A data set drawn again, and what the models say of it.

    Attributes
    ----------
    data : DataFrame or None
        The data set; None where a generator drew it, or where only its statistics were drawn.
    rows : DataFrame
        The rows that the study has of this data set, computed anew: the same up to rounding (the last digits of a fit
        may depend on the fits that were made together with it), and bit by bit where there is no data set.
    fits : dict
        Label of the model to the fit; analyses that are no mixed model have none.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ x + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1)
    >>> rows = mm.study(mm.cross(g=6, x=range(4)), truth, {"intercepts": "y ~ x + (1 | g)"}, "x", n_rep=20, seed=1)
    >>> again = mm.replay(rows, 3)
    >>> len(again.data), list(again.fits), again.lines().columns.tolist()
    (24, ['intercepts'], ['g', 'x', 'y', 'model', 'mean'])
    """

    data: pd.DataFrame | None
    rows: pd.DataFrame
    fits: dict[str, Fit]

    def lines(self) -> pd.DataFrame:
        """Return what each mixed model fits, a row an observation and a model, for `plot_microscope`.

        Returns
        -------
        DataFrame
            The columns of the data with the fitted value in place of the response (random effects included), and
            ``model`` and ``mean`` (fixed effects alone).

        Raises
        ------
        ValueError
            If there is no data set, or no mixed model.
        """
        import pandas as pd

        if self.data is None or not self.fits:
            raise ValueError("there are no fits of mixed models here to take lines from")
        parts = []
        for label, one in self.fits.items():
            fitted = {one.matrices.response: one.predict(), "mean": one.predict(random=False)}
            parts.append(self.data.assign(model=label, **fitted))
        return pd.concat(parts, ignore_index=True)


def replay(rows: pd.DataFrame, i: int, **given: Any) -> Replay:
    """Draw the data set behind one row of a study again, and fit the models to it.

    Parameters
    ----------
    rows : DataFrame
        From `study` or `read_study`, or a part of them.
    i : int
        Position of the row.
    **given
        For rows from a file: ``designs``, ``models`` that a file cannot hold.

    Returns
    -------
    Replay

    Raises
    ------
    ValueError
        If the rows do not say where they come from.

    Notes
    -----
    Data set ``rep`` of a cell comes from ``SeedSequence(seed, spawn_key=(rep,))``; without missing cells,
    ``mm.simulate(design, truth, 1, seed=row.seed, start=row.rep)`` is its response.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=6, day=range(4))
    >>> truth = mm.Truth("y ~ day + (1 | subject)", beta=[0, 0], sd={"subject": 1}, sigma=1)
    >>> rows = mm.study(design, truth, {"intercepts": "y ~ day + (1 | subject)"}, "day", n_rep=50, seed=1)
    >>> worst = int(rows.p.argmin())
    >>> again = mm.replay(rows, worst)
    >>> again.data.shape, bool(abs(again.rows.p[0] - rows.p[worst]) < 1e-9)
    ((24, 3), True)
    """
    plan = rows.attrs.get("study")
    if not isinstance(plan, Plan) and "about" in rows.attrs:
        plan = plan_from(rows.attrs["about"]["record"], **given)
    if not isinstance(plan, Plan):
        raise ValueError(
            "rows: these do not say where they come from; take the rows of mm.study or read_study"
        )
    if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
        raise TypeError(f"i must be the position of a row, a whole number, not {i!r}")
    if not -len(rows) <= i < len(rows):
        raise IndexError(f"there is no row {i}: there are {len(rows)}")
    row = rows.iloc[i]
    rep = int(row["rep"])
    found = [c for c in plan.cells if c.design == row["design"] and c.truth == row["truth"]]
    if len(found) != 1 or found[0].seed != row["seed"]:
        raise ValueError("rows: the row is of no cell of the study that the rows say they come from")
    cell = found[0]
    if not isinstance(cell, DesignCell) or cell.statistics:
        number = rep // cell.block
        block = cell.rows(number, plan.sizes(cell)[number])
        return Replay(None, block[block["rep"] == rep].reset_index(drop=True), {})
    data = cell.data_set(rep)
    fits = {
        label: fit(_with_response(model, cell), data)
        for label, model in cell.models.items()
        if isinstance(model, str)
    }
    return Replay(data, _alone(cell, rep), fits)


def _alone(cell: DesignCell, rep: int) -> Rows:
    outcomes = cell.outcomes(rep, 1)
    return together([block_frame(cell.design, cell.truth, cell.seed, rep, outcomes)])


def _with_response(formula: str, cell: DesignCell) -> str:
    """Give the model's formula the response's name in the data."""
    return f"{cell.law.formula.split('~')[0].strip()} ~ {formula.split('~', 1)[1].strip()}"
