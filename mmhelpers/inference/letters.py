"""Letters for means that a table of comparisons does not tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmhelpers.inference.means import Adjust, MarginalMeans, pairwise

if TYPE_CHECKING:
    import pandas as pd


def letters(means: MarginalMeans, alpha: float = 0.05, adjust: Adjust = "tukey") -> pd.DataFrame:
    """Give means that share a letter where their difference is not significant.

    Sharing a letter does not mean that two means are equal: the data do not tell them apart.

    Parameters
    ----------
    means : MarginalMeans
        From `marginal_means`; means are compared within the levels of its `by`.
    alpha : float
        Level of the tests.
    adjust : {"tukey", "holm", "bonferroni", "sidak", "fdr", "none"}
        As in `pairwise`.

    Returns
    -------
    DataFrame
        The table of the means with a column ``letters``; a is the group of the lowest mean of a family. A mean that
        cannot be estimated has none.

    Notes
    -----
    The insert-and-absorb algorithm of Piepho (2004), J. Comput. Graph. Stat. 13, 456-466: as few letters as pairs
    need, no letter that another contains.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("score ~ Machine + (1 | Worker/Machine)", mm.load("machines"))
    >>> mm.letters(mm.marginal_means(fit, "Machine"))[["Machine", "letters"]].values.tolist()
    [['A', 'a'], ['B', 'b'], ['C', 'b']]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if not isinstance(means, MarginalMeans):
        raise TypeError(f"means must come from mm.marginal_means, not {type(means).__name__}")
    table = means.to_frame()
    p = pairwise(means, adjust)["p"].to_numpy()
    by = list(means.by)
    groups = table.groupby(by, sort=False, observed=True).indices.values() if by else [np.arange(len(table))]
    found = np.full(len(table), "", dtype=object)
    start = 0
    for members in groups:
        rows, n = np.asarray(members), len(members)
        apart = np.zeros((n, n), dtype=bool)
        pairs = np.triu_indices(n, 1)
        apart[pairs] = p[start : start + len(pairs[0])] < alpha
        start += len(pairs[0])
        known = np.isfinite(table["estimate"].to_numpy()[rows])
        order = [i for i in np.argsort(table["estimate"].to_numpy()[rows], kind="stable") if known[i]]
        for k, members_of in enumerate(_cliques(apart | apart.T, order)):
            for i in members_of:
                found[rows[i]] += chr(ord("a") + k)
    return table.assign(letters=found)


def _cliques(apart: np.ndarray[tuple[int, int], np.dtype[np.bool_]], order: list[int]) -> list[list[int]]:
    """Sets of positions of which no two are apart and that no other set contains, in the order of the lowest mean."""
    sets = [frozenset(order)]
    for i in order:
        for j in order:
            if apart[i, j]:
                split = [s for s in sets if i in s and j in s]
                sets = [s for s in sets if s not in split] + [s - {k} for s in split for k in (i, j)]
                sets = [
                    s
                    for n, s in enumerate(sets)
                    if not any(s < o or (s == o and m < n) for m, o in enumerate(sets))
                ]
    ranked = [[i for i in order if i in s] for s in sets]
    return sorted(ranked, key=lambda s: [order.index(i) for i in s])
