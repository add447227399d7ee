"""Levels, counts and names: what the verbs of a design are given, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Unit = str | tuple[str, ...]

#: Rows that a design may have: more than this is a slip of the keyboard, and would fill the memory before it failed.
MOST_ROWS = 10**8


class DesignError(ValueError):
    """A design that cannot be.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> try:
    ...     mm.cross(Subject=0)
    ... except mm.DesignError as wrong:
    ...     print("Subject" in str(wrong))
    True
    """


def levels_of(name: str, levels: Any) -> Any:
    """Return the values of a new column, one each: an Index, categorical for labels."""
    import pandas as pd

    if isinstance(levels, (int, np.integer)) and not isinstance(levels, bool):
        if levels < 1:
            raise DesignError(f"{name}={levels}: give at least one level")
        check_rows(int(levels))
        return numbered(name, int(levels))
    if isinstance(levels, (str, bytes, set, frozenset)) or not hasattr(levels, "__len__"):
        raise DesignError(f"{name}={levels!r}: give a number of levels, a range or a list of levels")
    check_rows(len(levels))
    values = list(levels)
    if not values:
        raise DesignError(f"{name} has no levels")
    if any(np.ndim(value) for value in values):
        raise DesignError(f"{name} must be a plain list of levels, not one of lists or arrays")
    if len(set(values)) < len(values):
        raise DesignError(f"{name} has a level twice: {values}")
    if all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values):
        if not np.isfinite(np.asarray(values, dtype=float)).all():
            raise DesignError(f"{name} has a value that is infinite or not a number: {values}")
        return pd.Index(values)
    labels = [str(value) for value in values]
    return pd.CategoricalIndex(labels, categories=labels)


def numbered(name: str, n: int) -> Any:
    """Return n labels, subject01 and so on, as a categorical index."""
    import pandas as pd

    width = len(str(n))
    labels = [f"{name}{i:0{width}d}" for i in range(1, n + 1)]
    return pd.CategoricalIndex(labels, categories=labels)


def counts_of(count: int | Sequence[int], n: int, name: str, holder: str) -> Any:
    """Return the number of new units in each of n units."""
    sizes = np.asarray(count)
    if sizes.dtype.kind not in "iu" or sizes.ndim > 1 or (sizes < 1).any():
        raise DesignError(f"{name}={count!r}: give a whole number of at least 1, or a list of them")
    if sizes.ndim == 1 and len(sizes) != n:
        raise DesignError(f"{name} has {len(sizes)} numbers for {n} levels of {holder}: give one for each")
    return np.broadcast_to(sizes, (n,))


def check_rows(n: int) -> None:
    """Refuse a design that no memory holds."""
    if n > MOST_ROWS:
        raise DesignError(f"the design would have {n:,} rows; the most is {MOST_ROWS:,}: take fewer levels")


def check_generator(rng: Any) -> np.random.Generator:
    """Return the generator, or say how to make one."""
    if not isinstance(rng, np.random.Generator):
        raise DesignError(f"rng must be a numpy Generator, np.random.default_rng(seed), not {rng!r}")
    return rng


def check_shares(n: int, levels: int, unit: str, factor: str, unequal: bool) -> None:
    """Refuse levels that cannot be shared out equally among n units."""
    if levels > n:
        raise DesignError(
            f"{n} levels of {unit} cannot take {levels} levels of {factor}: some would have none"
        )
    if n % levels and not unequal:
        below = n - n % levels
        raise DesignError(
            f"{n} levels of {unit} cannot be shared out equally among {levels} levels of {factor}: take "
            f"{below} or {below + levels}, or allow it with unequal=True"
        )


def unit_name(unit: Unit) -> str:
    """Print a unit, "site:bag" for one told apart by two columns."""
    return unit if isinstance(unit, str) else ":".join(unit)


def say(factors: Mapping[str, Any]) -> str:
    """Print the arguments of a verb."""
    return ", ".join(f"{name}={levels!r}" for name, levels in factors.items())
