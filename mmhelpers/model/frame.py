"""The model frame: the formula's expressions evaluated on the rows of a data frame."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from formulae import expr as ast
from formulae.environment import Environment
from formulae.terms.call_resolver import CallResolver, CallResolverError
from formulae.transforms import TRANSFORMS
from numpy.typing import NDArray

from mmhelpers.model.contrasts import Coding, coding
from mmhelpers.model.tree import FormulaError, variables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Numeric:
    """A numeric expression: shape (n, c), and what its columns add to its name."""

    values: NDArray[np.float64]
    suffixes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Factor:
    """A categorical expression: a code a row (-1 for a level not seen before), levels, contrasts.

    The contrasts have levels times (levels - 1) numbers; they are made when a column of X or Z asks for them. A grouping
    factor, which may have thousands of levels, never does.
    """

    codes: NDArray[np.intp]
    levels: tuple[str, ...]
    contrast: Any = None
    name: str = ""

    @cached_property
    def coding(self) -> Coding | None:
        """Contrasts of the levels; None for a factor with one level."""
        return coding(self.contrast, self.levels, self.name) if len(self.levels) > 1 else None


Value = Numeric | Factor


class Scale:
    """R's ``scale``: centre and divide by the standard deviation (n - 1 in its denominator)."""

    __stateful_transform__ = True

    def __init__(self) -> None:
        self.moments: tuple[float, float] | None = None

    def __call__(self, x: Any) -> Any:
        """Remember mean and SD of the first data, use them for all later."""
        if self.moments is None:
            self.moments = float(np.mean(x)), float(np.std(x, ddof=1))
        return (x - self.moments[0]) / self.moments[1]


@dataclass(frozen=True, eq=False)
class Coded:
    """What ``C(x, "sum")`` gives: values with contrasts of their own."""

    values: Any
    contrast: Any = None


def _factor(x: Any, contrast: Any = None, levels: Any = None) -> Coded:
    import pandas as pd

    if levels is not None:
        x = pd.Series(pd.Categorical(x, categories=list(levels)))
    elif not isinstance(getattr(x, "dtype", None), pd.CategoricalDtype):
        x = pd.Series(pd.Categorical(x))
    return Coded(x, contrast)


_FUNCTIONS: dict[str, Any] = {
    **{name: TRANSFORMS[name] for name in ("I", "center", "poly", "bs")},
    **{name: getattr(np, name) for name in ("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt")},
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "floor", "ceil", "abs")},
    "np": np,
    "scale": Scale,
    "standardize": Scale,
    "C": _factor,
    "factor": _factor,
    "offset": lambda x: x,
    "Treatment": lambda reference: ("treatment", reference),
    "Sum": "sum",
    "Helmert": "helmert",
    "Poly": "poly",
}
_ENVIRONMENT = Environment([_FUNCTIONS])


def check_columns(nodes: Iterable[Any], data: pd.DataFrame, formula: str) -> list[str]:
    """Return the columns that the expressions need; raise where the data frame lacks one."""
    needed: dict[str, bool] = {}  # name -> whether it may be a constant, as Sum is in C(x, Sum)
    for node in nodes:
        for name in variables(node):
            needed[name] = needed.get(name, True) and isinstance(node, ast.Call)
    columns = [column for column in data.columns if isinstance(column, str)]
    for name, inside in needed.items():
        if name not in columns and not (inside and name in _FUNCTIONS):
            close = difflib.get_close_matches(name, columns, n=1, cutoff=0.5) or [
                column for column in columns if column.lower() == name.lower()
            ]
            has = ", ".join(map(repr, columns)) if columns else "no column whose name is a text"
            hint = f"did you mean {close[0]!r}?" if close else f"it has {has}"
            raise FormulaError(f"formula {formula!r}: data has no column {name!r}; {hint}")
    return [name for name in needed if name in columns]


class Expression:
    """An expression of the formula, with what it must remember to be evaluated on new data."""

    def __init__(self, name: str, node: Any, formula: str) -> None:
        self.name, self.formula = name, formula
        self.levels: tuple[Any, ...] | None = None
        self.contrast: Any = None
        self.numeric: bool | None = None  # what the first data made of it
        try:
            self.lazy = CallResolver(node).resolve()
        except (CallResolverError, AttributeError, KeyError):
            raise FormulaError(
                f"formula {formula!r}: {name} cannot be evaluated; make it a column first"
            ) from None

    def evaluate(self, data: pd.DataFrame, contrasts: Mapping[str, Any], group: bool = False) -> Value:
        """Evaluate on data; the first call fixes levels, contrasts and moments."""
        import pandas as pd

        raw = self._raw(data)
        if isinstance(raw, Coded):
            if self.levels is None:  # later calls must not undo what the first one settled
                self.contrast = raw.contrast
            raw = raw.values
        if (
            isinstance(getattr(raw, "dtype", None), np.dtype)
            and raw.dtype.kind == "O"
            and not group
            and _all_numbers(raw)
        ):
            raw = pd.Series(np.asarray(raw).astype(float))  # numbers that pandas keeps as objects
        dtype = getattr(raw, "dtype", None)
        categorical = isinstance(dtype, pd.CategoricalDtype)
        if not group and not categorical and dtype is not None and pd.api.types.is_numeric_dtype(dtype):
            if not pd.api.types.is_bool_dtype(dtype):
                if pd.api.types.is_complex_dtype(dtype):
                    raise FormulaError(
                        f"formula {self.formula!r}: {self.name} holds complex numbers; take their real part, or their size"
                    )
                if self.numeric is False and self.levels is not None and not group:
                    raw = pd.Series(np.asarray(raw))  # a factor before, so these numbers are levels
                else:
                    self.numeric = True
                    return self._numeric(raw)
        elif dtype is None and not group:
            if np.ndim(raw) == 0 and np.isreal(raw):
                return Numeric(np.full((len(data), 1), float(raw)), ("",))
            raise FormulaError(f"formula {self.formula!r}: {self.name} gives no column of numbers or labels")
        dates = (pd.DatetimeTZDtype, pd.PeriodDtype)
        if dtype is not None and (isinstance(dtype, dates) or getattr(dtype, "kind", "") in "mM"):
            raise FormulaError(
                f"formula {self.formula!r}: {self.name} holds dates; make them a number, such as days since "
                "the first"
            )
        if self.numeric and not group:
            raise ValueError(
                f"new data: {self.name} holds {_kind(raw)}, and held numbers in the data of the fit: make it numbers"
            )
        self.numeric = False
        return self._factor(raw, contrasts, categorical)

    def _raw(self, data: pd.DataFrame) -> Any:
        try:
            with np.errstate(all="ignore"):
                return self.lazy.eval(data, _ENVIRONMENT)
        except KeyError as error:
            raise FormulaError(
                f"formula {self.formula!r}: {self.name} calls {error.args[0]!r}, which is not known here "
                f"(known are {', '.join(sorted(_FUNCTIONS))}); make anything else a column of the data first"
            ) from None
        except FormulaError:
            raise
        except Exception as error:
            raise FormulaError(f"formula {self.formula!r}: {self.name} cannot be computed: {error}") from None

    def _numeric(self, raw: Any) -> Numeric:
        values = np.asarray(raw, dtype=float)
        values = values.reshape(len(values), -1)
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            raise ValueError(
                f"{self.name} is infinite or not a number in {bad.size} of {len(values)} rows (the first is "
                f"row {bad[0]} of those used): leave these rows out, or change the transformation"
            )
        width = values.shape[1]
        return Numeric(values, tuple(str(i + 1) for i in range(width)) if width > 1 else ("",))

    def _factor(self, raw: Any, contrasts: Mapping[str, Any], categorical: bool) -> Factor:
        import pandas as pd

        series = pd.Series(np.asarray(raw)) if not categorical else pd.Series(raw)
        if not categorical and series.dtype == object and not series.map(_hashable).all():
            raise FormulaError(
                f"formula {self.formula!r}: {self.name} holds lists or arrays; each row needs one number or label"
            )
        if self.levels is None:
            if categorical:
                present = set(series.dropna().unique())
                self.levels = tuple(level for level in series.cat.categories if level in present)
                ordered = bool(series.cat.ordered)
            else:
                self.levels, ordered = tuple(sorted(series.unique().tolist(), key=_sort_key)), False
            if self.contrast is None:
                default = "poly" if ordered else "treatment"
                self.contrast = contrasts.get(self.name, contrasts.get(self.name.strip("`"), default))
        names = tuple(level_name(level) for level in self.levels)
        values = series.astype(object) if categorical else series
        codes = pd.Index(list(self.levels)).get_indexer(pd.Index(values))
        return Factor(np.asarray(codes, dtype=np.intp), names, self.contrast, self.name)


def _all_numbers(raw: Any) -> bool:
    return all(
        isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        for value in np.asarray(raw).ravel().tolist()
    )


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _kind(raw: Any) -> str:
    """Say what a column that is no number begins with."""
    first = next(iter(np.asarray(raw).tolist()), None)
    return f"labels such as {first!r}"


def _sort_key(level: Any) -> tuple[str, Any]:
    return ("", level) if isinstance(level, (bool, int, float)) else (type(level).__name__, level)


def level_name(level: Any) -> str:
    """Print a level as R does: 1.0 is "1", True is "TRUE"."""
    if isinstance(level, (bool, np.bool_)):
        return "TRUE" if level else "FALSE"
    if isinstance(level, (float, np.floating)):
        return format(float(level), ".15g")
    return str(level)
