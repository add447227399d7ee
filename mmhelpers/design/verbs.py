"""Designs as chained verbs: who was measured, on what, how often.

A design is a sentence: ``cross(subject=24, item=12).between("subject", group=["young", "old"])``. Each verb
gives a new `Design`; a request that cannot be met is refused in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from mmhelpers.design.alter import Alterable
from mmhelpers.design.levels import (
    DesignError,
    Unit,
    check_generator,
    check_rows,
    check_shares,
    counts_of,
    numbered,
    say,
    unit_name,
)


@dataclass(frozen=True, eq=False, repr=False)
class Design(Alterable):
    """A data frame in long form, one row an observation, and how it came about.

    Made by `cross`, then extended by its verbs. ``data`` is an ordinary DataFrame: factors are
    categorical with their levels in the order given (the first is the reference level).

    Attributes
    ----------
    data : DataFrame
        One row an observation, without a response.
    units : tuple of str
        Columns that were given as a number of levels (subjects, items, bags): candidates for
        random effects.
    steps : tuple of str
        The verbs, for the codebook.
    fresh : tuple
        Covariates that are drawn anew for each replicate (see `covariate`).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=4, item=6).between("subject", group=["young", "old"])
    >>> design
    Design of 24 rows: subject (4 levels), item (6 levels), group (young, old)
    >>> design.data.groupby("group", observed=True).subject.nunique().to_dict()
    {'young': 2, 'old': 2}
    """

    def cross(self, **factors: Any) -> Design:
        """Repeat every row for every level: each old row meets each new level.

        Parameters
        ----------
        **factors
            Name and levels: a number (``subject=18`` makes subject01 to subject18), a range or list of
            numbers (a numeric variable) or a list of labels (a factor).

        Returns
        -------
        Design

        Examples
        --------
        >>> import mmhelpers as mm
        >>> len(mm.cross(subject=18).cross(day=range(10)))
        180
        """
        return _crossed(self, factors, f"cross({say(factors)})")

    def within(self, unit: Unit, /, **factors: Any) -> Design:
        """Give every level of a factor to each unit, as a within-subject factor.

        Parameters
        ----------
        unit : str or tuple of str
            Whose levels all meet all levels of the factor, ``"subject"``.
        **factors
            Name and levels, as in `cross`.

        Returns
        -------
        Design

        Examples
        --------
        >>> import mmhelpers as mm
        >>> mm.cross(subject=20).within("subject", condition=["quiet", "noise"])
        Design of 40 rows: subject (20 levels), condition (quiet, noise)
        """
        self._unit(unit)
        return _crossed(self, factors, f"within({unit!r}, {say(factors)})")

    def between(
        self, unit: Unit, /, *, unequal: bool = False, rng: np.random.Generator | None = None, **factors: Any
    ) -> Design:
        """Give each unit one level of a factor, as a between-subject factor.

        Levels are dealt out in turn (or in random order, with `rng`), several factors by their
        combinations.

        Parameters
        ----------
        unit : str or tuple of str
            What gets one level each, ``"subject"``.
        unequal : bool
            Allow groups whose sizes differ by one.
        rng : numpy.random.Generator, optional
            Allocate at random; group sizes stay equal.
        **factors
            Name and list of levels.

        Returns
        -------
        Design

        Raises
        ------
        DesignError
            If the levels do not divide the units.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> mm.cross(subject=20).between("subject", group=["young", "old"])
        Design of 20 rows: subject (20 levels), group (young, old)
        >>> mm.cross(subject=20).between("subject", group=["a", "b", "c"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmhelpers.design.levels.DesignError: 20 levels of subject cannot be shared out equally ...
        """
        codes, n = self._unit(unit)
        columns = self._new(factors)
        cells = list(product(*(column.tolist() for column in columns.values())))
        name = " x ".join(columns)
        check_shares(n, len(cells), unit_name(unit), name, unequal)
        order = np.arange(n) % len(cells)
        if rng is not None:
            order = check_generator(rng).permutation(order)
        out = self.data.copy()
        for position, (column, levels) in enumerate(columns.items()):
            at = {level: i for i, level in enumerate(levels.tolist())}
            picks = np.array([at[cells[cell][position]] for cell in order])
            out[column] = levels.take(picks[codes])
        return self._with(out, f"between({unit!r}, {say(factors)})")

    def nest(self, *, within: Unit, labels: str = "unique", **counts: int | Sequence[int]) -> Design:
        """Give each level of a unit new units of its own, as bags in a site.

        Parameters
        ----------
        within : str or tuple of str
            What holds the new units.
        labels : {"unique", "repeated"}
            Number the new units through (bag1 to bag9), or begin anew in each (bag1 to bag3 in every
            site; then only ``site:bag`` tells them apart).
        **counts
            Name and number of new units, one number for all or a list with one for each level of `within`.

        Returns
        -------
        Design

        Examples
        --------
        >>> import mmhelpers as mm
        >>> mm.cross(site=3).nest(bag=3, within="site").nest(oyster=10, within="bag")
        Design of 90 rows: site (3 levels), bag (9 levels), oyster (90 levels)
        """
        if len(counts) != 1:
            raise DesignError("nest() takes one new unit at a time: .nest(bag=3, within='site')")
        if labels not in {"unique", "repeated"}:
            raise DesignError(f"labels must be 'unique' or 'repeated', not {labels!r}")
        ((name, count),) = counts.items()
        codes, n = self._unit(within)
        self._check_name(name)
        sizes = counts_of(count, n, name, unit_name(within))
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if labels == "unique" else np.zeros(n, dtype=int)
        per_row = sizes[codes]
        check_rows(int(per_row.sum(dtype=float)))
        levels = numbered(name, int(sizes.sum() if labels == "unique" else sizes.max()))
        rows = np.repeat(np.arange(len(self)), per_row)
        inside = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        out = self.data.iloc[rows].reset_index(drop=True)
        out[name] = levels.take(first[codes][rows] + inside)
        return self._with(out, f"nest({name}={count!r}, within={within!r})", name)

    def latin_square(
        self, first: Unit, second: Unit, /, *, unequal: bool = False, **factor: Sequence[Any]
    ) -> Design:
        """Give each pair of two crossed units one level, balanced over both.

        The i-th level of `first` and the j-th of `second` get level (i + j) modulo the number of levels: in
        a square of rows, columns and treatments, or with subjects and items on counterbalanced lists.

        Parameters
        ----------
        first, second : str or tuple of str
            The two crossed units.
        unequal : bool
            Allow units whose number is not a multiple of the number of levels.
        **factor
            Name and list of levels.

        Returns
        -------
        Design

        Examples
        --------
        >>> import mmhelpers as mm
        >>> square = mm.cross(row=3, column=3).latin_square("row", "column", seed=["A", "B", "C"])
        >>> square.data.pivot(index="row", columns="column", values="seed").to_numpy().tolist()
        [['A', 'B', 'C'], ['B', 'C', 'A'], ['C', 'A', 'B']]
        """
        if len(factor) != 1:
            raise DesignError(
                "latin_square() takes one factor: .latin_square('subject', 'item', cond=['a', 'b'])"
            )
        (one, n_one), (two, n_two) = self._unit(first), self._unit(second)
        ((name, levels),) = self._new(factor).items()
        cells = np.unique(np.column_stack([one, two]), axis=0)
        if len(cells) != n_one * n_two:
            raise DesignError(
                f"a Latin square needs every {unit_name(first)} to meet every {unit_name(second)}; here "
                f"{len(cells)} of {n_one * n_two} pairs occur"
            )
        check_shares(n_one, len(levels), unit_name(first), name, unequal)
        check_shares(n_two, len(levels), unit_name(second), name, unequal)
        out = self.data.assign(**{name: levels.take((one + two) % len(levels))})
        return self._with(out, f"latin_square({first!r}, {second!r}, {say(factor)})")


def cross(**factors: Any) -> Design:
    """Begin a design: every level of each factor meets every level of the others.

    Parameters
    ----------
    **factors
        Name and levels: a number (``subject=18`` makes subject01 to subject18, units for random effects), a
        range or list of numbers (a numeric variable), or a list of labels (a factor).

    Returns
    -------
    Design
        Rows vary fastest in the last factor.

    Raises
    ------
    DesignError
        If there is nothing to cross, or a factor has no or repeated levels.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.cross(subject=18, day=range(10))
    Design of 180 rows: subject (18 levels), day (0 to 9)
    >>> mm.cross(subject=2, day=range(2)).data
        subject  day
    0  subject1    0
    1  subject1    1
    2  subject2    0
    3  subject2    1
    """
    import pandas as pd

    empty = Design(pd.DataFrame(index=pd.RangeIndex(1)))
    return _crossed(empty, factors, f"cross({say(factors)})")


def _crossed(design: Design, factors: Mapping[str, Any], step: str) -> Design:
    columns = design._new(factors)
    out = design.data
    for name, levels in columns.items():
        n, l = len(out), len(levels)
        check_rows(n * l)
        out = out.iloc[np.repeat(np.arange(n), l)].reset_index(drop=True)
        out[name] = levels.take(np.tile(np.arange(l), n))
    units = [name for name, levels in factors.items() if isinstance(levels, (int, np.integer))]
    return design._with(out, step, *units)
