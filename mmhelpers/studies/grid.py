"""Grids of designs and truths by name, "subject=12, trial=10", and back from names to columns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from mmhelpers import given

if TYPE_CHECKING:
    import pandas as pd


def over(make: Callable[..., Any], **values: Sequence[Any]) -> dict[str, Any]:
    """Make a design (or a truth) for each combination of values, with a name that says which.

    Parameters
    ----------
    make : callable
        Takes the values by name.
    **values
        For each argument a sequence.

    Returns
    -------
    dict
        Name, such as ``"n=6, trials=10"``, to what `make` returned.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> grid = mm.over(lambda n, t: mm.cross(subject=n, trial=t), n=[6, 12], t=[5, 10])
    >>> {name: len(design) for name, design in grid.items()}
    {'n=6, t=5': 30, 'n=6, t=10': 60, 'n=12, t=5': 60, 'n=12, t=10': 120}
    """
    if not callable(make):
        raise TypeError(f"make must be a function that makes one design from the values, not {make!r}")
    if not values or any(
        isinstance(v, str) or not hasattr(v, "__len__") or not len(v) for v in values.values()
    ):
        raise ValueError("over: give a sequence of values for each argument, over(make, n=[6, 12])")
    try:
        inspect.signature(make).bind(**dict.fromkeys(values))
    except TypeError as error:
        raise TypeError(f"over: make does not take {', '.join(values)} by name ({error})") from None
    except ValueError:
        pass  # a builtin that does not tell its arguments
    out: dict[str, Any] = {}
    for combination in product(*values.values()):
        one = dict(zip(values, combination, strict=True))
        name = grid_name(one)
        if name in out:
            raise ValueError(
                f"over: {name} comes twice, and one of the two would be lost: give each value once"
            )
        out[name] = make(**one)
    return out


def grid_name(given: dict[str, Any]) -> str:
    """Return the name of a combination."""
    return ", ".join(
        f"{key}={value:.15g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in given.items()
    )


def spread(table: pd.DataFrame, column: str | None = None) -> pd.DataFrame:
    """Turn names such as ``"n=6, trials=10"`` into columns, numbers where they are numbers.

    Parameters
    ----------
    table : DataFrame
        With names from `over` in a column.
    column : str, optional
        Which one: ``"design"`` or ``"truth"``; by default the one of the two that the table has, the design where it
        has both.

    Returns
    -------
    DataFrame
        With a column for each part of the names in front.

    Raises
    ------
    ValueError
        If a name has no such parts, or names have different ones.

    Examples
    --------
    >>> import pandas as pd
    >>> spread(pd.DataFrame({"design": ["n=6, t=5", "n=12, t=5"], "rate": [0.2, 0.4]}))
        n  t  rate
    0   6  5   0.2
    1  12  5   0.4
    """
    import pandas as pd

    given.table("table", table, "mm.power")
    if column is None:
        column = "truth" if "truth" in table.columns and "design" not in table.columns else "design"
    if column not in table.columns:
        raise ValueError(f"column is {column!r}, which is no column of the table ({list(table.columns)})")
    found: list[dict[str, Any]] = []
    for name in table[column].astype(str):
        parts = [part.partition("=") for part in name.split(", ")]
        if any(not sign for _, sign, _ in parts) or (found and [p[0] for p in parts] != list(found[0])):
            raise ValueError(f"{column}: {name!r} is not made of key=value parts like the others")
        found.append({key: _number(value) for key, _, value in parts})
    new = pd.DataFrame(found, index=table.index)
    out = pd.concat([new, table.drop(columns=column)], axis=1)
    out.attrs = dict(table.attrs)
    return out


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
