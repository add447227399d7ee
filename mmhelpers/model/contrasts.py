"""Contrast matrices with R's values and R's names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = {
    "treatment": "treatment",
    "sum": "sum",
    "helmert": "helmert",
    "poly": "poly",
    "polynomial": "poly",
    "sas": "sas",
}
_POLY = (".L", ".Q", ".C")


@dataclass(frozen=True, eq=False)
class Coding:
    """A contrast matrix, shape (levels, columns), and what its columns add to the factor's name."""

    matrix: NDArray[np.float64]
    suffixes: tuple[str, ...]


def indicator(levels: Sequence[str]) -> Coding:
    """One column a level: how R codes a factor whose margin is not in the model."""
    return Coding(np.eye(len(levels)), tuple(levels))


def coding(contrast: Any, levels: Sequence[str], factor: str) -> Coding:
    """Return the contrast matrix of a factor.

    Parameters
    ----------
    contrast : str, tuple, matrix or DataFrame
        ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"`` or ``"sas"`` (R's ``contr.`` may stand
        before), ``("treatment", level)`` for another reference level, or a matrix with a row a
        level; the column names of a DataFrame become part of the coefficients' names, without
        them columns are numbered, as in R.
    levels : sequence of str
        In order.
    factor : str
        Name for messages.

    Raises
    ------
    ValueError
        For an unknown name or level, or a matrix of the wrong shape or rank.

    Examples
    --------
    >>> coding("sum", ["a", "b", "c"], "A").matrix
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1., -1.]])
    >>> coding("poly", ["1", "2", "3"], "A").suffixes
    ('.L', '.Q')
    """
    l = len(levels)
    reference = 0
    if isinstance(contrast, tuple) and len(contrast) == 2 and contrast[0] == "treatment":
        contrast, level = contrast
        if str(level) not in levels:
            raise ValueError(
                f"contrasts: {factor} has no level {level!r} to refer to; its levels are {', '.join(levels)}"
            )
        reference = list(levels).index(str(level))
    if not isinstance(contrast, str):
        return _custom(contrast, levels, factor)
    name = _NAMES.get(contrast.removeprefix("contr.").lower())
    if name is None:
        raise ValueError(
            f"contrasts: {contrast!r} for {factor} is not known; take 'treatment', 'sum', 'helmert', "
            "'poly', ('treatment', level) or a matrix with a row for each level"
        )
    numbers = tuple(str(i) for i in range(1, l))
    if name == "sum":
        return Coding(np.vstack([np.eye(l - 1), -np.ones(l - 1)]), numbers)
    if name == "helmert":
        # column j: -1 for the levels before j, j for level j, 0 after
        matrix = np.triu(-np.ones((l, l - 1)))
        matrix[np.arange(1, l), np.arange(l - 1)] = np.arange(1, l)
        return Coding(matrix, numbers)
    if name == "poly":
        return _poly(l)
    reference = l - 1 if name == "sas" else reference
    keep = [i for i in range(l) if i != reference]
    return Coding(np.eye(l)[:, keep], tuple(levels[i] for i in keep))


def _poly(l: int) -> Coding:
    """Orthonormal polynomials on equally spaced scores, positive leading coefficients."""
    scores = np.arange(l) - (l - 1) / 2
    orthogonal, triangle = np.linalg.qr(np.vander(scores, l, increasing=True))
    matrix = (orthogonal * np.sign(np.diag(triangle)))[:, 1:]
    return Coding(matrix, tuple(_POLY[i] if i < 3 else f"^{i + 1}" for i in range(l - 1)))


def _custom(contrast: Any, levels: Sequence[str], factor: str) -> Coding:
    try:
        matrix = np.atleast_2d(np.asarray(contrast, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(
            f"contrasts: {factor} needs a name or a matrix of numbers, not {contrast!r}"
        ) from None
    l = len(levels)
    if matrix.shape[0] != l and matrix.shape == (1, l):
        matrix = matrix.T  # a single contrast written as a list
    if matrix.ndim != 2 or matrix.shape[0] != l or not 1 <= matrix.shape[1] < l:
        raise ValueError(
            f"contrasts: the matrix for {factor} has shape {matrix.shape}; it needs {l} rows "
            f"(levels {', '.join(levels)}) and at most {l - 1} columns"
        )
    if np.linalg.matrix_rank(np.column_stack([np.ones(l), matrix])) < matrix.shape[1] + 1:
        raise ValueError(
            f"contrasts: the columns of the matrix for {factor} are not independent of each other and "
            "of the intercept, so its coefficients could not be estimated"
        )
    names = getattr(contrast, "columns", None)
    suffixes = (
        tuple(map(str, names)) if names is not None else tuple(str(i + 1) for i in range(matrix.shape[1]))
    )
    return Coding(matrix, suffixes)
