"""The record behind a design, and what its verbs share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mmhelpers.design.levels import DesignError, Unit, check_generator, levels_of, unit_name

if TYPE_CHECKING:
    import pandas as pd

Recipe = tuple[str, Unit | None, Any]  # a covariate: name, unit, how to draw it


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A data frame in long form and how it came about."""

    data: pd.DataFrame
    units: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    fresh: tuple[Recipe, ...] = ()

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        parts = [f"{row.variable} ({row.values})" for row in self.variables().itertuples()]
        return f"Design of {len(self)} rows: {', '.join(parts)}"

    def variables(self) -> pd.DataFrame:
        """Return a table of the variables: what they are, their values, what they vary within.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> design = mm.cross(subject=4, item=6).between("subject", group=["young", "old"])
        >>> print(design.variables()[["variable", "kind", "varies"]].iloc[2].to_list())
        ['group', 'factor', 'between subject, within item']
        """
        import pandas as pd

        rows = []
        for name in map(str, self.data.columns):
            column = self.data[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                levels = [str(level) for level in column.cat.categories]
                values = f"{len(levels)} levels" if name in self.units else ", ".join(levels)
                kind = "unit" if name in self.units else "factor"
            else:
                values, kind = f"{column.min():g} to {column.max():g}", "numeric"
            varies = "" if name in self.units else self._varies(name)
            rows.append((name, kind, values, varies))
        return pd.DataFrame(rows, columns=["variable", "kind", "values", "varies"])

    # ---- what the verbs share -------------------------------------------------------------------

    def _varies(self, name: str) -> str:
        parts = []
        for unit in self.units:
            constant = bool((self.data.groupby(unit, observed=True)[name].nunique() <= 1).all())
            parts.append(f"{'between' if constant else 'within'} {unit}")
        return ", ".join(parts)

    def _with(self, data: pd.DataFrame, step: str, *units: str) -> Self:
        return replace(self, data=data, units=self.units + units, steps=(*self.steps, step))

    def _unit(self, unit: Unit) -> tuple[Any, int]:
        """Return the code of each row and the number of units that occur."""
        names = (unit,) if isinstance(unit, str) else tuple(unit)
        columns = [str(column) for column in self.data.columns]
        for name in names:
            if name not in columns:
                close = difflib.get_close_matches(str(name), columns, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(columns)}"
                raise DesignError(f"the design has no {name!r}; {hint}")
        grouped = self.data.groupby(list(names), observed=True, sort=True)
        return grouped.ngroup().to_numpy(), int(grouped.ngroups)

    def _check_name(self, name: str) -> None:
        if name in self.data.columns:
            raise DesignError(f"the design has a {name!r} already; choose another name")

    def _new(self, factors: Mapping[str, Any]) -> dict[str, Any]:
        if not factors:
            raise DesignError("name a factor and its levels, such as condition=['a', 'b']")
        for name in factors:
            self._check_name(name)
        return {name: levels_of(name, levels) for name, levels in factors.items()}


def draw_covariate(design: Table, recipe: Recipe, rng: np.random.Generator | None) -> Any:
    """Return the values of a covariate for each row, one value a unit."""
    name, unit, how = recipe
    codes, n = (np.arange(len(design)), len(design)) if unit is None else design._unit(unit)
    if callable(how) or (isinstance(how, tuple) and how and isinstance(how[0], str)):
        if rng is None:
            raise DesignError(f"{name} is drawn at random: give rng=np.random.default_rng(...)")
        check_generator(rng)
        if callable(how):
            values = np.asarray(how(rng, n), dtype=float)
        else:
            draw = getattr(rng, how[0], None)
            if draw is None or how[0].startswith("_"):
                raise DesignError(
                    f"{name}: numpy's Generator has no distribution {how[0]!r}; take 'normal', 'uniform', ..."
                )
            try:
                values = np.asarray(draw(*how[1:], size=n), dtype=float)
            except (TypeError, ValueError) as error:
                raise DesignError(
                    f"{name}={how!r}: numpy's {how[0]} does not take these parameters ({error})"
                ) from None
    else:
        try:
            values = np.asarray(how, dtype=float)
        except (TypeError, ValueError):
            raise DesignError(
                f"{name}={how!r}: give numbers, a distribution such as ('normal', 0, 1), or a function of "
                "(rng, size)"
            ) from None
    if values.shape != (n,):
        what = "rows" if unit is None else f"levels of {unit_name(unit)}"
        raise DesignError(f"{name} has values of shape {values.shape} for {n} {what}: give one for each")
    if not np.isfinite(values).all():
        raise DesignError(f"{name} has values that are infinite or not a number: give a number for each")
    return values[codes]
