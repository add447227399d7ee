"""Variables that belong to residuals row by row: given as values, or as names of the fit's data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .null import ResidualColumns

__all__ = ["codes_of", "numbers_of", "values_of"]

Array = NDArray[np.float64]


def values_of(columns: ResidualColumns, values: Any, name: str) -> NDArray[Any]:
    """Values of a variable for each row, from its name or as they are."""
    if isinstance(values, str):
        if columns.seen is None:
            raise ValueError(f"{name} is a name, but residuals have no data: pass the values")
        return columns.seen.column(values, name)
    n, array = len(columns.values), np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}; it needs one value for each of the {n} residuals")
    return array


def numbers_of(columns: ResidualColumns, values: Any, name: str) -> Array:
    """Finite numbers, one for each row."""
    try:
        array = np.asarray(values_of(columns, values, name), dtype=float)
    except (TypeError, ValueError) as error:
        if isinstance(values, str) and columns.seen is None:
            raise
        raise ValueError(
            f"{name} must be numbers, one for each of the {len(columns.values)} rows: {error}"
        ) from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {int((~np.isfinite(array)).sum())} missing or infinite values")
    return array


def codes_of(columns: ResidualColumns, group: Any) -> NDArray[np.intp]:
    """Number of the group that each row belongs to; all zero without a group."""
    import pandas as pd

    if group is None:
        return np.zeros(len(columns.values), dtype=np.intp)
    codes = pd.factorize(values_of(columns, group, "group"))[0]
    if (codes < 0).any():
        raise ValueError(f"group has {int((codes < 0).sum())} missing values; leave those rows out first")
    return np.asarray(codes, dtype=np.intp)
