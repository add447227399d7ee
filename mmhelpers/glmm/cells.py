"""From rows to cells: what a cluster contributes to the likelihood, kept once for all that are alike.

Rows of one cluster with the same predictors are added up: "successes of trials", a count over several rows. If few
different clusters remain (four yes-or-no answers leave nine), each is evaluated once and counted, in all data sets at a
time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .families import BINOMIAL, Canonical

__all__ = ["Cells", "add_up", "cells", "choose"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Clusters of ``n_rep`` data sets; rows are sorted by cluster.

    Attributes
    ----------
    family : Canonical
    y, weight, x, offset : arrays (1 or n_rep, m), (m,), (m, p), (m,)
        Successes and trials of a binomial, or counts and the number of rows they were counted in; predictors; what the
        linear predictor has besides. One row a cell.
    first, size : array (g,) of int
        The first row of each cluster, and how many it has.
    count : array (1 or n_rep, g)
        How many clusters of this kind a data set has.
    n_rep : int
    single : bool
        The user's rows have a weight of one each, and were added up. (Rows of several trials are left as they are, for
        PQL's residual scale needs to know them.)
    """

    family: Canonical
    y: FloatArray
    weight: FloatArray
    x: FloatArray
    offset: FloatArray
    first: NDArray[np.intp]
    size: NDArray[np.intp]
    count: FloatArray
    n_rep: int
    single: bool

    def sums(self, values: FloatArray) -> FloatArray:
        """Add up over the rows of each cluster (last axis)."""
        return np.add.reduceat(values, self.first, axis=-1)

    def spread(self, values: FloatArray) -> FloatArray:
        """Repeat a cluster's value for each of its rows (last axis)."""
        return np.repeat(values, self.size, axis=-1)

    def take(self, which: NDArray[np.intp]) -> Cells:
        """Give some of the data sets."""
        y = self.y if self.y.shape[0] == 1 else self.y[which]
        count = self.count if self.count.shape[0] == 1 else self.count[which]
        return replace(self, y=y, count=count, n_rep=len(which))


def choose(n: FloatArray, k: FloatArray) -> FloatArray:
    """Give the logarithm of the binomial coefficients."""
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def cells(y: FloatArray, x: FloatArray, cluster: NDArray[np.intp], trials: FloatArray) -> Cells:
    """Sort rows of a binomial into clusters, add up what is alike, and count clusters that are the same.

    Parameters
    ----------
    y : array (n_rep, n)
        Successes.
    x : array (n, p)
        Predictors.
    cluster : array (n,)
        Number of the cluster of each row, from 0.
    trials : array (n,)
        Trials of each row.
    """
    plain, _ = add_up(BINOMIAL, y, x, cluster, trials, np.zeros(len(cluster)))
    return _counted(plain) or plain


def add_up(
    family: Canonical,
    y: FloatArray,
    x: FloatArray,
    cluster: NDArray[np.intp],
    weight: FloatArray,
    offset: FloatArray,
) -> tuple[Cells, NDArray[np.intp]]:
    """Sort rows into clusters and add up those that are alike; no clusters are counted together.

    Parameters
    ----------
    family : Canonical
    y : array (n_rep, n)
        Successes, or counts (times their weight).
    x : array (n, p)
    cluster : array (n,)
        Number of the cluster of each row, from 0 and without gaps.
    weight, offset : array (n,)

    Returns
    -------
    data : Cells
    cell : array (n,) of int
        The cell of each row.
    """
    single = bool((weight == 1).all())
    alike = np.column_stack([cluster, x, offset] if single else [cluster, x, offset, np.arange(len(cluster))])
    key, cell = np.unique(alike, axis=0, return_inverse=True)
    cell = cell.ravel()
    order = np.argsort(cell, kind="stable")
    start = np.flatnonzero(np.r_[True, np.diff(cell[order]) > 0])
    if len(start) < len(order):
        y, weight = np.add.reduceat(y[:, order], start, axis=1), np.add.reduceat(weight[order], start)
    else:
        y, weight = y[:, order], weight[order]
    p = x.shape[1]
    owner = key[:, 0].astype(np.intp)
    first = np.flatnonzero(np.r_[True, np.diff(owner) > 0])
    data = Cells(
        family=family,
        y=y,
        weight=weight,
        x=key[:, 1 : p + 1],
        offset=key[:, p + 1],
        first=first,
        size=np.diff(first, append=len(key)),
        count=np.ones((1, len(first))),
        n_rep=len(y),
        single=single,
    )
    return data, cell


def _counted(plain: Cells) -> Cells | None:
    """Find the different kinds of clusters; None if there are nearly as many as clusters."""
    if plain.size.min() != plain.size.max():
        return None
    n_rep, g, k = plain.n_rep, len(plain.first), int(plain.size[0])
    trials = plain.weight.reshape(g, k)
    design = np.column_stack([plain.weight, plain.x]).reshape(g, -1)
    kind = np.unique(design, axis=0, return_inverse=True)[1].ravel()
    most = int(np.prod(trials.max(axis=0) + 1))
    if (kind.max() + 1) * most >= n_rep * g // 2 or not np.array_equal(plain.y, np.round(plain.y)):
        return None
    base = np.cumprod([1, *(trials.max(axis=0)[:-1] + 1)])
    code = (plain.y.reshape(n_rep, g, k) @ base + kind * most).astype(np.intp)
    seen, place = np.unique(code, return_inverse=True)
    if len(seen) > 0.7 * g:
        return None
    place = place.reshape(n_rep, g)
    count = np.zeros((n_rep, len(seen)))
    np.add.at(count, (np.arange(n_rep)[:, None], place), 1.0)
    example = np.array([np.flatnonzero(place.ravel() == s)[0] for s in range(len(seen))])
    rows = (example % g)[:, None] * k + np.arange(k)
    y = plain.y[(example // g)[:, None], rows].reshape(1, -1)
    rows = rows.ravel()
    return replace(
        plain,
        y=y,
        weight=plain.weight[rows],
        x=plain.x[rows],
        offset=plain.offset[rows],
        first=np.arange(len(seen)) * k,
        size=np.full(len(seen), k),
        count=count,
    )
