"""A design and a truth brought together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.design import Design
from mmhelpers.results import Matrices
from mmhelpers.simulation.covariance import TruthError
from mmhelpers.simulation.truth import Bound, Truth

if TYPE_CHECKING:
    import pandas as pd


def prepare(
    design: Design | pd.DataFrame | Matrices, truth: Truth
) -> tuple[Matrices, Bound, pd.DataFrame | None]:
    """Return the matrices of the generating model, the truth in arrays, and the rows of data.

    Any number of observations a level will do here: what cannot be estimated can still be simulated.
    """
    import pandas as pd

    from mmhelpers.model.build import build_matrices

    if not isinstance(truth, Truth):
        raise TypeError(f"truth must be a Truth, not {type(truth).__name__}")
    if isinstance(design, Matrices):
        if _right(design.formula) != _right(truth.formula):
            raise TruthError(
                f"the truth is of {truth.formula!r}, the matrices are of {design.formula!r}: simulate from the "
                "design or the data frame, or build the matrices from the truth's formula"
            )
        return design, truth.bind(design), None
    data = design.data if isinstance(design, Design) else design
    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"design must be a Design, a DataFrame or Matrices, not {type(design).__name__}")
    matrices = build_matrices(
        truth.formula, data, truth.contrasts, response=False, missing="raise", check=False
    )
    return matrices, truth.bind(matrices, _reader(data)), data


def _right(formula: str) -> str:
    return "".join(formula.split("~")[-1].split())


def _reader(data: pd.DataFrame) -> Callable[[str], Any]:
    def column(name: str) -> Any:
        if name not in data.columns:
            raise TruthError(
                f"the truth needs the column {name!r}; the data have {', '.join(map(str, data.columns))}"
            )
        values = data[name]
        if values.isna().any():
            raise TruthError(f"the truth needs the column {name!r}, which has missing values")
        return np.asarray(values)

    return column
