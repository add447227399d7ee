"""The shape that all figures share: some controls, and what is shown at each combination of their values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .record import Control, Frame, Interactive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["control", "need", "number", "over_grid", "percent", "rows_at"]


def control(label: str, values: Iterable[Any], start: Any, unit: str = "") -> Control:
    """Make a control that begins at a value, or at its first if it does not have that one.

    Examples
    --------
    >>> control("subjects", (10, 20, 40), 20).start
    1
    """
    values = list(values)
    return Control(label, values, unit, values.index(start) if start in values else 0)


def over_grid(
    name: str, alt: str, picture: Any, controls: Sequence[Control], frame: Callable[..., Frame]
) -> Interactive:
    """Ask for a frame at every combination of the controls' values.

    Parameters
    ----------
    name, alt : str
        As in `Interactive`.
    picture : bokeh figure
    controls : sequence of Control
    frame : callable
        Takes one value a control, in order.

    Returns
    -------
    Interactive
    """
    frames = {
        key: frame(*(c.values[i] for c, i in zip(controls, key, strict=True)))
        for key in itertools.product(*(range(len(c.values)) for c in controls))
    }
    return Interactive(name, alt, tuple(controls), frames, picture)


def rows_at(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows of a table in which columns have these values."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def need(table: pd.DataFrame, *names: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(f"the table lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")


def percent(rate: float) -> str:
    """Write a share as a percentage with one decimal.

    Examples
    --------
    >>> percent(0.0512)
    '5.1%'
    """
    return f"{100 * rate:.1f}%"


def number(value: float, spec: str = ".1f") -> str:
    """Write a number into a sentence, with a minus sign that is one.

    Examples
    --------
    >>> number(-1.25), number(-0.001)
    ('−1.2', '0.0')
    """
    text = format(value, spec)
    return text.replace("-", "−") if float(text) else text.replace("-", "")
