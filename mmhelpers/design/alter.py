"""Verbs that add columns to a design or take rows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mmhelpers.design.levels import DesignError, Unit, check_generator
from mmhelpers.design.table import Table, draw_covariate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Alterable(Table):
    """A table with columns to come and rows to go."""

    def covariate(
        self,
        unit: Unit | None = None,
        /,
        *,
        rng: np.random.Generator | None = None,
        fresh: bool = False,
        **covariates: Any,
    ) -> Self:
        """Add a continuous covariate, one value a unit (or a row).

        Parameters
        ----------
        unit : str or tuple of str, optional
            What has one value each; every row its own if left out.
        rng : numpy.random.Generator, optional
            For values that are drawn.
        fresh : bool
            Draw anew in each replicate (`mmhelpers.replicates`), a random covariate; by default the values
            drawn here are part of the design.
        **covariates
            Name and values: a list with one number for each unit, or a distribution of numpy's Generator
            with its parameters, ``("normal", 40, 10)``, ``("uniform", 0, 1)``, or a function ``(rng, size)``.

        Returns
        -------
        Design

        Examples
        --------
        >>> import numpy as np
        >>> import mmhelpers as mm
        >>> rng = np.random.default_rng(1)
        >>> design = mm.cross(subject=5, day=range(3)).covariate("subject", age=("normal", 40, 10), rng=rng)
        >>> design.data.groupby("subject", observed=True).age.nunique().tolist()
        [1, 1, 1, 1, 1]
        """
        out = self
        for name, how in covariates.items():
            out._check_name(name)
            recipe = (name, unit, how)
            data = out.data.assign(**{name: draw_covariate(out, recipe, rng)})
            kept = (*out.fresh, recipe) if fresh else out.fresh
            out = replace(out._with(data, f"covariate({unit!r}, {name}={how!r}, fresh={fresh})"), fresh=kept)
        return out

    def assign(self, **columns: Callable[[pd.DataFrame], Any] | Any) -> Self:
        """Add columns computed from the others, as pandas' ``assign`` does.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> design = mm.cross(subject=2, cond=["a", "b"]).assign(x=lambda d: (d.cond == "b") - 0.5)
        >>> design.data.x.tolist()
        [-0.5, 0.5, -0.5, 0.5]
        """
        for name in columns:
            self._check_name(name)
        data = self.data
        for name, column in columns.items():
            try:
                data = data.assign(**{name: column})
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise DesignError(
                    f"{name} cannot be computed from the columns {', '.join(map(str, data.columns))}: "
                    f"{type(error).__name__}: {error}"
                ) from None
            if data[name].isna().any():
                raise DesignError(
                    f"{name} is missing in {data[name].isna().sum()} of {len(data)} rows: give each row a value, "
                    "and take rows out with missing()"
                )
        return self._with(data, f"assign({', '.join(columns)})")

    def missing(
        self,
        proportion: float | None = None,
        *,
        n: int | None = None,
        where: str | None = None,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Take rows out: cells that were planned and not observed.

        Parameters
        ----------
        proportion : float, optional
            Share of the rows to lose at random, rounded to whole rows.
        n : int, optional
            Or their number.
        where : str, optional
            Or which ones, as pandas' ``query`` has it: ``"day > 5 and group == 'old'"``.
        rng : numpy.random.Generator
            For rows lost at random.

        Returns
        -------
        Design

        Examples
        --------
        >>> import numpy as np
        >>> import mmhelpers as mm
        >>> len(mm.cross(subject=24, item=24).missing(0.05, rng=np.random.default_rng(1)))
        547
        """
        if sum(given is not None for given in (proportion, n, where)) != 1:
            raise DesignError("missing() needs one of: a proportion, n=, or where=")
        rows = len(self)
        if where is not None:
            if not isinstance(where, str):
                raise DesignError(f"where must be a condition in quotes, such as 'day > 5', not {where!r}")
            try:
                lost = np.asarray(self.data.eval(where))
            except Exception as error:
                raise DesignError(f"where={where!r} cannot be evaluated on the columns: {error}") from None
            if lost.dtype != bool or lost.shape != (rows,):
                raise DesignError(
                    f"where={where!r} is no condition: write one that is true or false in each row"
                )
        else:
            if proportion is not None and not 0 <= proportion < 1:
                raise DesignError(
                    f"the proportion of missing rows must be from 0 to below 1, not {proportion}"
                )
            if n is not None and (not isinstance(n, (int, np.integer)) or isinstance(n, bool)):
                raise DesignError(f"n must be a whole number of rows, not {n!r}")
            count = round(rows * proportion) if proportion is not None else int(n or 0)
            if not 0 <= count < rows:
                raise DesignError(f"{count} of {rows} rows cannot be missing")
            if rng is None:
                raise DesignError("rows lost at random need rng=np.random.default_rng(...)")
            check_generator(rng)
            lost = np.zeros(rows, dtype=bool)
            lost[rng.choice(rows, count, replace=False)] = True
        if lost.all():
            raise DesignError("all rows would be missing")
        out = self.data[~lost].reset_index(drop=True)
        for name in out.select_dtypes("category"):
            out[name] = out[name].cat.remove_unused_categories()
        return self._with(out, f"missing({lost.sum()} of {rows} rows)")

    def redraw(self, rng: np.random.Generator) -> Self:
        """Draw the fresh covariates anew.

        Examples
        --------
        >>> import numpy as np
        >>> import mmhelpers as mm
        >>> rng = np.random.default_rng(1)
        >>> design = mm.cross(subject=3).covariate("subject", x=("normal", 0, 1), rng=rng, fresh=True)
        >>> bool((design.data.x == design.redraw(rng).data.x).any())
        False
        """
        data = self.data.copy()
        for recipe in self.fresh:
            data[recipe[0]] = draw_covariate(self, recipe, rng)
        return replace(self, data=data)
