"""Variogram: how alike residuals are at each distance in time or space, with the band of the simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .envelopes import global_envelope
from .null import ResidualKind, residual_columns
from .variables import codes_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

__all__ = ["variogram"]

Array = NDArray[np.float64]

MOST_PAIRS = 8_000_000  # pairs of rows in a variogram: more need a cutoff


def variogram(
    fit: Any,
    x: Any,
    y: Any = None,
    group: Any = None,
    bins: int = 15,
    cutoff: float | None = None,
    kind: ResidualKind = "normalized",
    conditional: bool | None = None,
    confidence: float = 0.95,
    n_sim: int = 199,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Semivariogram of residuals: half the mean squared difference of pairs, by their distance, with its band.

    Flat if residuals do not know of each other; rising from low values if near ones are alike.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `view` knows, or residuals (taken as independent by the band).
    x, y : str or array of shape (n,)
        Place of each row in one unit, or, with `x` alone, its time: a variable of the fit's data, or values.
    group : str or array of shape (n,), optional
        Pairs are formed within its levels only, as nlme does within the groups of a model.
    bins : int
        Number of classes of distance, with about equally many pairs each; where there are no more different
        distances than that, each is a class.
    cutoff : float, optional
        Largest distance; by default half of the largest for one coordinate, a third of the diagonal for two.
    kind, conditional : as for `acf`
        With "standardized" the correlation that the model knows of is still to be seen.
    confidence : float
        Probability that a data set from the model stays in the band at all distances.
    n_sim : int
        Number of simulated data sets behind the band.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.

    Returns
    -------
    pandas.DataFrame
        Columns distance (mean of the class), value, pairs, expected, lower, upper.

    References
    ----------
    Cressie (1993), Statistics for Spatial Data, section 2.4; Diggle, Heagerty, Liang & Zeger (2002), section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.random(80), rng.random(80)
    >>> table = variogram(np.sin(4 * x) + 0.1 * rng.normal(size=80), x, y)
    >>> bool((table["value"] < table["lower"]).iloc[0])
    True
    """
    import pandas as pd

    columns = residual_columns(fit, n_sim, rng, conditional, kind)
    places = [numbers_of(columns, x, "x")]
    if y is not None:
        places.append(numbers_of(columns, y, "y"))
    at = np.column_stack(places)
    label = codes_of(columns, group)
    if cutoff is None:
        spans = np.ptp(at, axis=0)
        cutoff = float(np.hypot(*spans)) / 3 if len(spans) == 2 else float(spans[0]) / 2
        if group is not None:  # distances are those within groups
            cutoff = np.inf
    if not cutoff > 0:
        raise ValueError(f"cutoff is {cutoff}; it must be above 0 (are all places the same?)")
    i, j, distance = _pairs(at, label, cutoff)
    if len(distance) == 0:
        raise ValueError("no two residuals are as near as cutoff (and in one group): nothing to compare")
    index, m = _classes(distance, bins)
    counts = np.bincount(index, minlength=m)
    values = np.array([_half_squares(columns.values, i, j, index, c) for c in range(m)]) / counts[:, None]
    lower, upper = global_envelope(values[:, 1:], confidence)
    return pd.DataFrame(
        {
            "distance": np.bincount(index, distance, minlength=m) / counts,
            "value": values[:, 0],
            "pairs": counts,
            "expected": values[:, 1:].mean(axis=1),
            "lower": lower,
            "upper": upper,
        }
    )


def _pairs(
    at: Array, label: NDArray[np.intp], cutoff: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Pairs of rows of one group that are at most `cutoff` apart, and their distances."""
    heads: list[NDArray[np.intp]] = []
    tails: list[NDArray[np.intp]] = []
    distances: list[Array] = []
    total = 0
    for code in np.unique(label):
        rows = np.flatnonzero(label == code)
        for k in range(len(rows) - 1):
            d = np.sqrt(((at[rows[k + 1 :]] - at[rows[k]]) ** 2).sum(axis=1))
            near = np.flatnonzero(d <= cutoff)
            heads.append(np.full(len(near), rows[k], dtype=np.intp))
            tails.append(rows[k + 1 :][near])
            distances.append(d[near])
            total += len(near)
            if total > MOST_PAIRS:
                raise ValueError(
                    f"there are more than {MOST_PAIRS} pairs of rows; give a smaller cutoff, or a random part of the rows"
                )
    if not total:
        empty = np.empty(0, dtype=np.intp)
        return empty, empty, np.empty(0)
    return np.concatenate(heads), np.concatenate(tails), np.concatenate(distances)


def _classes(distance: Array, bins: int) -> tuple[NDArray[np.intp], int]:
    """Class of each pair: its distance, if there are few, or a class with about equally many pairs."""
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least one is needed")
    scale = float(distance.max()) or 1.0
    different, index = np.unique(np.round(distance / scale, 9), return_inverse=True)
    if len(different) <= bins:
        return np.asarray(index, dtype=np.intp), len(different)
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, bins + 1)))
    index = np.searchsorted(edges[1:-1], distance, side="left")
    _, index = np.unique(index, return_inverse=True)
    return np.asarray(index, dtype=np.intp), int(index.max()) + 1


def _half_squares(
    values: Array, i: NDArray[np.intp], j: NDArray[np.intp], index: NDArray[np.intp], chosen: int
) -> Array:
    """Half the sum of squared differences over the pairs of a class, for each column: a quadratic form."""
    here = index == chosen
    i, j = i[here], j[here]
    n = len(values)
    degree = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
    squares = degree @ values**2 / 2
    return np.asarray(squares - np.einsum("ij,ij->j", values, _adjacency(i, j, n) @ values))


def _adjacency(i: NDArray[np.intp], j: NDArray[np.intp], n: int) -> csr_matrix:
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(i)), (i, j)), shape=(n, n))
