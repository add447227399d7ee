"""What functions are given, checked: each refusal is one line that names the argument and says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

#: Numbers of an array that no machine this package runs on can hold (8 TB); asking for more is a slip of the keyboard.
MOST_NUMBERS = 10**12


def whole(name: str, value: Any, least: int = 0) -> int:
    """Return a whole number, or say that it is none or too small.

    Examples
    --------
    >>> whole("n_rep", 10, 1)
    10
    >>> whole("n_rep", 1.5, 1)
    Traceback (most recent call last):
    ...
    ValueError: n_rep must be a whole number of at least 1, not 1.5
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def room(name: str, value: int, each: int) -> None:
    """Refuse a number of data sets that no memory holds.

    Examples
    --------
    >>> room("n_rep", 10**12, 40)
    Traceback (most recent call last):
    ...
    ValueError: n_rep=1,000,000,000,000 data sets of 40 numbers are more than fits into memory: take fewer at a time
    """
    if value * max(each, 1) > MOST_NUMBERS:
        raise ValueError(
            f"{name}={value:,} data sets of {each:,} numbers are more than fits into memory: take fewer at a time"
        )


def level_of(name: str, value: Any) -> float:
    """Return a probability strictly between 0 and 1, or say that it is none.

    Examples
    --------
    >>> level_of("confidence", 95)
    Traceback (most recent call last):
    ...
    ValueError: confidence must lie between 0 and 1, as in 0.95, not 95
    """
    if not isinstance(value, (int, float, np.number)) or isinstance(value, bool) or not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, as in 0.95, not {value!r}")
    return float(value)


def generator(name: str, value: Any) -> np.random.Generator:
    """Return a generator, or say how to make one.

    Examples
    --------
    >>> generator("rng", 3)
    Traceback (most recent call last):
    ...
    TypeError: rng must be a numpy Generator, np.random.default_rng(seed), not int
    """
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy Generator, np.random.default_rng(seed), not {type(value).__name__}"
        )
    return value


def mapping(name: str, value: Any, example: str) -> Mapping[Any, Any]:
    """Return a mapping, or show one.

    Examples
    --------
    >>> mapping("fits", [1, 2], "{'lme4': fit, 'mmhelpers': fit}")
    Traceback (most recent call last):
    ...
    TypeError: fits must be a mapping from names, such as {'lme4': fit, 'mmhelpers': fit}, not list
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping from names, such as {example}, not {type(value).__name__}")
    return value


def table(name: str, value: Any, source: str = "") -> Any:
    """Return a data frame, or say what was given instead, and where the right one comes from.

    Examples
    --------
    >>> table("rows", "a", "mm.study")
    Traceback (most recent call last):
    ...
    TypeError: rows must be a pandas DataFrame, as mm.study gives it, not str
    """
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        comes = f", as {source} gives it," if source else ","
        raise TypeError(f"{name} must be a pandas DataFrame{comes} not {type(value).__name__}")
    return value
