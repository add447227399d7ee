"""Reference grids: the combinations of predictors at which a model is read off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.inference.estimate import Estimate
from mmhelpers.model.columns import model_matrix
from mmhelpers.model.frame import Factor
from mmhelpers.model.newdata import fixed_matrix
from mmhelpers.model.tree import variables

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]

# A column of X that a grid row has beyond this share of its size, and the data do not, cannot be estimated.
TOLERANCE_ESTIMABLE = 1e-8


@dataclass(frozen=True, eq=False)
class Grid:
    """Reference grid of one fit.

    Attributes
    ----------
    frame : DataFrame
        One row a combination; a column a variable of the fixed effects.
    X : ndarray of shape (rows, p)
        Fixed-effects model matrix.
    aliased : ndarray of shape (rows, dropped columns)
        What the columns that were dropped from X have beyond what the data say of them; where an average of
        rows is not zero, it cannot be estimated.
    offset : ndarray of shape (rows,)
        Offset; zero without one.
    """

    frame: pd.DataFrame
    X: Float
    aliased: Float
    offset: Float

    def average(
        self, groups: Sequence[NDArray[np.intp]], weights: Float | None = None
    ) -> tuple[Float, Float, Any]:
        """Average rows by group.

        Parameters
        ----------
        groups : sequence of ndarray of int
            Rows of each average.
        weights : ndarray of shape (rows,), optional
            Equal by default.

        Returns
        -------
        L : ndarray of shape (groups, p)
        offset : ndarray of shape (groups,)
        estimable : ndarray of bool of shape (groups,)
        """
        w = np.zeros((len(groups), len(self.frame)))
        for i, rows in enumerate(groups):
            share = np.ones(len(rows)) if weights is None else weights[rows]
            w[i, rows] = share / share.sum() if share.sum() > 0 else np.nan
        beyond = np.abs(w @ self.aliased).max(axis=1, initial=0.0)
        return w @ self.X, w @ self.offset, beyond < TOLERANCE_ESTIMABLE


def reference_grid(estimate: Estimate, at: Mapping[str, Any] | None = None) -> Grid:
    """Build the reference grid of a fit.

    Parameters
    ----------
    estimate : Estimate
        The fit, with its data.
    at : mapping of str to values, optional
        Values of a variable instead of those of the data.

    Returns
    -------
    Grid

    Raises
    ------
    ValueError
        If `at` names no variable of the fixed effects.

    Notes
    -----
    Factors have all their levels, and so has a numeric variable that the formula makes a factor, or that has
    two values; any other numeric variable is at its mean (as emmeans in R has it; Searle, Speed & Milliken
    1980).
    """
    import pandas as pd

    matrices = estimate.matrices
    if matrices.spec is None:
        raise ValueError("this fit was not built from a formula, so there is no grid of its variables")
    frame, terms = estimate.frame(), matrices.spec.formula.fixed
    at = dict(at or {})
    values = matrices.spec.values(terms, frame)
    nodes = [*terms.atoms.items(), *(("offset", node) for node in terms.offsets)]
    names = list(
        dict.fromkeys(name for _, node in nodes for name in variables(node) if name in frame.columns)
    )
    unknown = [name for name in at if name not in names]
    if unknown:
        raise ValueError(
            f"at: {unknown[0]!r} is no variable of the fixed effects; they are {', '.join(names)}"
        )
    as_factor = {
        name
        for atom, node in terms.atoms.items()
        if isinstance(values[atom], Factor)
        for name in variables(node)
    }
    levels = [_levels(frame[name], at.get(name), name in as_factor) for name in names]
    grid = pd.DataFrame(list(product(*levels)), columns=names) if names else pd.DataFrame(index=[0])
    for name in names:  # the same categories, or the same contrasts could not be made
        dtype = frame[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            grid[name] = pd.Categorical(grid[name], dtype=dtype)

    X = fixed_matrix(matrices, grid)  # refuses levels that the model has not seen
    kept = matrices.spec.kept
    full, _, _ = model_matrix(terms, values, matrices.n)
    at_grid, _, _ = model_matrix(terms, matrices.spec.values(terms, grid), len(grid))
    dropped = np.setdiff1d(np.arange(full.shape[1]), kept)
    size = np.linalg.norm(full[:, kept], axis=0)
    as_kept = np.linalg.lstsq(full[:, kept] / size, full[:, dropped], rcond=None)[0] / size[:, None]
    scale = np.maximum(np.abs(at_grid[:, dropped]).max(axis=0, initial=0.0), 1e-300)
    beyond = (at_grid[:, dropped] - X @ as_kept) / scale
    offset = matrices.spec.offset(grid)
    return Grid(grid, X, beyond, np.zeros(len(grid)) if offset is None else offset)


def _levels(column: pd.Series[Any], given: Any, as_factor: bool) -> list[Any]:
    """Values of a variable in the grid."""
    import pandas as pd

    if given is not None:
        return [given] if isinstance(given, str) or np.ndim(given) == 0 else list(given)
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.unique())
        return [level for level in column.cat.categories if level in present]
    unique = sorted(column.unique().tolist())
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return unique if as_factor or not numeric or len(unique) <= 2 else [float(column.mean())]
