"""The same columns for new rows: what prediction and marginal means need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.model.build import Spec
from mmhelpers.model.columns import model_matrix
from mmhelpers.model.frame import Factor, Value, check_columns
from mmhelpers.model.parse import Terms
from mmhelpers.results import Matrices

if TYPE_CHECKING:
    import pandas as pd


def fixed_matrix(matrices: Matrices, data: pd.DataFrame) -> NDArray[np.float64]:
    """Return the columns of X for new data.

    Levels, contrasts and the moments of ``scale``, ``poly`` and the like are those of the data that
    the matrices were built from.

    Parameters
    ----------
    matrices : Matrices
        From `build_matrices`.
    data : DataFrame
        New rows; the response and the grouping factors need not be in it.

    Returns
    -------
    ndarray, shape (n_new, p)

    Raises
    ------
    ValueError
        If a column or a value is missing, or a factor has a level that was not there before.

    Examples
    --------
    >>> import pandas as pd
    >>> import mmhelpers as mm
    >>> seen = pd.DataFrame({"dose": ["high", "low", "none"] * 2, "y": [1.0, 2, 3, 4, 5, 6]})
    >>> matrices = mm.build_matrices("y ~ dose", seen)
    >>> mm.fixed_matrix(matrices, pd.DataFrame({"dose": ["none", "high"]}))
    array([[1., 0., 1.],
           [1., 0., 0.]])
    """
    spec = _spec(matrices)
    terms = spec.formula.fixed
    X, _, _ = model_matrix(terms, _values(spec, terms, data), len(data))
    return np.ascontiguousarray(X[:, spec.kept])


def random_rows(
    matrices: Matrices, data: pd.DataFrame
) -> tuple[tuple[NDArray[np.intp], NDArray[np.float64]], ...]:
    """Return, for each random-effects term, the level and the row of Z of each new row.

    Parameters
    ----------
    matrices : Matrices
        From `build_matrices`.
    data : DataFrame
        New rows.

    Returns
    -------
    tuple of (index, z), one a term
        ``index``, shape (n_new,), is -1 for a level that was not there before (its random effect is
        not known; its expectation is zero); ``z`` has shape (n_new, k).

    Examples
    --------
    >>> import pandas as pd
    >>> import mmhelpers as mm
    >>> matrices = mm.build_matrices("y ~ 1 + (1 | bag)", mm.cross(bag=3, oyster=4).data, response=False)
    >>> index, z = mm.random_rows(matrices, pd.DataFrame({"bag": ["bag2", "bag9"]}))[0]
    >>> index.tolist()
    [1, -1]
    """
    spec = _spec(matrices)
    out = []
    for term, bar in zip(matrices.terms, spec.formula.bars, strict=True):
        _check(spec, [node for _, node in bar.group.atoms], data)
        codes, names = spec.group(bar.group, data)
        known = {level: i for i, level in enumerate(term.levels)}
        positions = np.array([known.get(name, -1) for name in names] + [-1], dtype=np.intp)
        z, _, _ = model_matrix(bar.effects, _values(spec, bar.effects, data), len(data))
        out.append((positions[codes], np.ascontiguousarray(z)))
    return tuple(out)


def _spec(matrices: Matrices) -> Spec:
    if not isinstance(matrices.spec, Spec):
        raise ValueError(
            "these matrices were not built from a formula, so columns for new data cannot be made"
        )
    return matrices.spec


def _check(spec: Spec, nodes: list[Any], data: pd.DataFrame) -> None:
    needed = check_columns(nodes, data, spec.formula.text)
    lacking = [name for name in needed if data[name].isna().any()]
    if lacking:
        raise ValueError(
            f"new data: column {lacking[0]!r} has missing values; fill them or leave the rows out"
        )


def _values(spec: Spec, terms: Terms, data: pd.DataFrame) -> dict[str, Value]:
    _check(spec, list(terms.atoms.values()), data)
    values = spec.values(terms, data)
    for name, value in values.items():
        if isinstance(value, Factor) and (value.codes < 0).any():
            row = int(np.flatnonzero(value.codes < 0)[0])
            new = data[name].iloc[row] if name in data.columns else f"that of row {row}"
            raise ValueError(
                f"new data: {name} has the level {new!r}, which the model has not seen; its levels are "
                f"{', '.join(value.levels)}"
            )
    return values
