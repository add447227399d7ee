"""From rows to cells: what a cluster contributes to the likelihood, kept once for all that are alike.

Rows of one cluster with the same predictors are added up to "successes of trials". If few different clusters remain
(four yes-or-no answers leave nine), each is evaluated once and counted, in all data sets at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cells", "cells", "choose"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Clusters of ``n_rep`` data sets; rows are sorted by cluster.

    Attributes
    ----------
    y, trials, x : arrays (1 or n_rep, m), (m,), (m, p)
        Successes, trials and predictors, one row a cell.
    first : array (g,)
        The first row of each cluster.
    count : array (1 or n_rep, g)
        How many clusters of this kind a data set has.
    single : bool
        The user's rows have one trial each, and were added up. (Rows of several trials are left as they are, for
        PQL's residual scale needs to know them.)
    """

    y: FloatArray
    trials: FloatArray
    x: FloatArray
    first: NDArray[np.intp]
    count: FloatArray
    n_rep: int
    single: bool

    def sums(self, values: FloatArray) -> FloatArray:
        """Add up over the rows of each cluster (last axis)."""
        return np.add.reduceat(values, self.first, axis=-1)

    def spread(self, values: FloatArray) -> FloatArray:
        """Repeat a cluster's value for each of its rows (last axis)."""
        return np.repeat(values, np.diff([*self.first, self.x.shape[0]]), axis=-1)

    def take(self, which: NDArray[np.intp]) -> Cells:
        """Give some of the data sets."""
        y = self.y if self.y.shape[0] == 1 else self.y[which]
        count = self.count if self.count.shape[0] == 1 else self.count[which]
        return Cells(y, self.trials, self.x, self.first, count, len(which), self.single)


def choose(n: FloatArray, k: FloatArray) -> FloatArray:
    """Give the logarithm of the binomial coefficients."""
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def cells(y: FloatArray, x: FloatArray, cluster: NDArray[np.intp], trials: FloatArray) -> Cells:
    """Sort rows into clusters, add up what is alike, and count clusters that are the same.

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
    single = bool((trials == 1).all())
    alike = np.column_stack([cluster, x] if single else [cluster, x, np.arange(len(cluster))])
    key, row = np.unique(alike, axis=0, return_inverse=True)
    row = row.ravel()
    order = np.argsort(row, kind="stable")
    start = np.flatnonzero(np.r_[True, np.diff(row[order]) > 0])
    y = np.add.reduceat(y[:, order], start, axis=1)
    trials = np.add.reduceat(trials[order], start)
    p = x.shape[1]
    x = key[:, 1 : p + 1]
    owner = key[:, 0].astype(np.intp)
    first = np.flatnonzero(np.r_[True, np.diff(owner) > 0])
    plain = Cells(y, trials, x, first, np.ones((1, len(first))), y.shape[0], single)
    return _counted(plain) or plain


def _counted(plain: Cells) -> Cells | None:
    """Find the different kinds of clusters; None if there are nearly as many as clusters."""
    size = np.diff([*plain.first, plain.x.shape[0]])
    if size.min() != size.max():
        return None
    n_rep, g, k = plain.n_rep, len(plain.first), int(size[0])
    design = np.column_stack([plain.trials, plain.x]).reshape(g, -1)
    kind = np.unique(design, axis=0, return_inverse=True)[1].ravel()
    most = int(np.prod(plain.trials.reshape(g, k).max(axis=0) + 1))
    if (kind.max() + 1) * most >= n_rep * g // 2 or not np.array_equal(plain.y, np.round(plain.y)):
        return None
    base = np.cumprod([1, *(plain.trials.reshape(g, k).max(axis=0)[:-1] + 1)])
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
    return Cells(y, plain.trials[rows], plain.x[rows], np.arange(len(seen)) * k, count, n_rep, plain.single)
