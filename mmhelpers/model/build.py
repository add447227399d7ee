"""A formula and a data frame to `Matrices`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmhelpers.model.checks import (
    UnidentifiableError,
    check_identifiable,
    check_response,
    check_size,
    warn_of_doubled,
)
from mmhelpers.model.columns import independent_columns, model_matrix
from mmhelpers.model.frame import Expression, Factor, Numeric, Value, check_columns
from mmhelpers.model.parse import Formula, Group, Terms, parse_formula
from mmhelpers.model.tree import FormulaError, deparse
from mmhelpers.results import Matrices, Term

if TYPE_CHECKING:
    import pandas as pd


UNSEEN = "\0"  # stands for a level that is not in the data the model was built from


class MissingRowsWarning(UserWarning):
    """Rows with missing values were left out.

    Examples
    --------
    >>> import warnings
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> sleep.loc[3, "Reaction"] = float("nan")
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always", mm.MissingRowsWarning)
    ...     fit = mm.fit("Reaction ~ Days + (1 | Subject)", sleep)
    >>> fit.matrices.n, seen[0].category.__name__
    (179, 'MissingRowsWarning')
    """


@dataclass(frozen=True, eq=False)
class Spec:
    """How the columns of a `Matrices` were made, to make them again for new data."""

    formula: Formula
    expressions: dict[tuple[str, bool], Expression] = field(repr=False)  # (name, as a group)
    contrasts: Mapping[str, Any]
    kept: NDArray[np.intp]  # columns of the model matrix that are in X

    def values(self, terms: Terms, data: pd.DataFrame) -> dict[str, Value]:
        """Evaluate the expressions of a sum of terms on new data."""
        return {name: self._value(name, node, data, False) for name, node in terms.atoms.items()}

    def _value(self, name: str, node: Any, data: pd.DataFrame, group: bool) -> Value:
        key = (name, group)
        if key not in self.expressions:
            self.expressions[key] = Expression(name, node, self.formula.text)
        return self.expressions[key].evaluate(data, self.contrasts, group)

    def group(self, group: Group, data: pd.DataFrame) -> tuple[NDArray[np.intp], tuple[str, ...]]:
        """Return the code of each row and the names of the levels; a crossing has those that occur."""
        factors = [self._value(name, node, data, True) for name, node in group.atoms]
        found = [factor for factor in factors if isinstance(factor, Factor)]
        if len(found) == 1:
            return found[0].codes, found[0].levels
        # one number a cell, that sorts as its codes do (the first factor is the slowest)
        sizes = tuple(len(factor.levels) + 1 for factor in found)
        cells = np.ravel_multi_index([factor.codes + 1 for factor in found], sizes)
        present, index = np.unique(cells, return_inverse=True)
        labels = [np.array([UNSEEN, *factor.levels], dtype=object) for factor in found]
        parts = [label[code] for label, code in zip(labels, np.unravel_index(present, sizes), strict=True)]
        names = tuple(":".join(cell) for cell in zip(*parts, strict=True))
        return np.asarray(index, dtype=np.intp).ravel(), names

    def offset(self, data: pd.DataFrame) -> NDArray[np.float64] | None:
        """Sum of the formula's offsets, shape (n,)."""
        total: NDArray[np.float64] | None = None
        for node in self.formula.fixed.offsets:
            value = self._value(deparse(node), node, data, False)
            if not isinstance(value, Numeric) or value.values.shape[1] != 1:
                raise FormulaError(
                    f"formula {self.formula.text!r}: {deparse(node)} is not one column of numbers"
                )
            total = value.values[:, 0] if total is None else total + value.values[:, 0]
        return total


def build_matrices(
    formula: str,
    data: pd.DataFrame,
    contrasts: Mapping[str, Any] | None = None,
    *,
    response: bool = True,
    missing: Literal["warn", "drop", "raise"] = "warn",
    check: bool = True,
) -> Matrices:
    """Build response, fixed-effects and random-effects matrices from a formula.

    Everything that a mixed model computes with comes from here, so this is the place to look at
    what a formula means. Columns are made and named as R and lme4 make and name them.

    Parameters
    ----------
    formula : str
        As in lme4: ``"y ~ x + (x | g)"``. Random-effects terms may be ``(x | g)``, ``(0 + x | g)``,
        ``(x || g)``, ``(1 | a/b)``, ``(1 | a:b)``, any number of them. ``(x || g)`` stands for
        ``(1 | g) + (0 + x | g)``; as in lme4, it does *not* split a factor: ``(cond || g)`` is
        ``(1 | g) + (0 + cond | g)``, whose second term has correlated effects, one a level of cond.
        ``(1 | a/b)`` stands for ``(1 | b:a) + (1 | a)``. ``log``, ``exp``, ``sqrt``, ``I``, ``poly``, ``bs``,
        ``scale``, ``center``, ``factor``, ``C`` and ``offset`` may be used; they see the rows that are used.
    data : DataFrame
        One row an observation. Columns of text, bool or category are factors; an ordered category
        has polynomial contrasts, any other treatment contrasts against the first level.
    contrasts : mapping, optional
        Factor to contrasts: ``"treatment"``, ``"sum"``, ``"helmert"``, ``"poly"``, ``("treatment", level)``
        or a matrix with a row a level. They hold in random-effects terms too, as if they had been set on the
        factor itself in R (lmer's argument of this name reaches the fixed effects only).
    response : bool
        False if there is no response yet (it will be simulated): ``y`` is None, and the left side
        of the formula need not be in the data.
    missing : {"warn", "drop", "raise"}
        What to do with rows that lack a value in a column of the formula: leave them out and say so,
        leave them out, or refuse. ``rows`` of the result lists the rows that were used.
    check : bool
        Refuse what cannot be estimated with a residual variance, as lmer does (as many levels or random
        effects as observations, a factor with one level, p >= n, a constant response), and warn of an effect that
        two terms of one group both have (`DoubledEffectWarning`). False to simulate
        from such a design, or for a family without a residual variance.

    Returns
    -------
    Matrices

    Raises
    ------
    FormulaError
        (A ValueError.) The formula cannot be read or names what is not in the data.
    ValueError
        The data cannot carry the model; the message says what to change.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=4, day=range(5)).data
    >>> matrices = mm.build_matrices("y ~ day + (day | subject)", data, response=False)
    >>> matrices.x_names
    ('(Intercept)', 'day')
    >>> [(term.label, term.n_levels, term.columns) for term in matrices.terms]
    [('day | subject', 4, ('(Intercept)', 'day'))]
    """
    parsed = parse_formula(formula)
    frame, rows = _frame(parsed, data, response, missing)
    n = len(frame)
    if contrasts is not None and not isinstance(contrasts, Mapping):
        raise TypeError(
            f"contrasts must be a mapping from factors, such as {{'group': 'sum'}}, not {type(contrasts).__name__}"
        )
    spec = Spec(parsed, {}, dict(contrasts or {}), np.zeros(0, dtype=np.intp))
    y = _response(spec, frame) if response else None

    values = spec.values(parsed.fixed, frame)
    _one_level(values, parsed.fixed, formula)
    if check:
        _numbers_as_text(values, n)
    full, names, assign = model_matrix(parsed.fixed, values, n)
    if check:
        check_size([(name, full[:, j]) for j, name in enumerate(names)])
        if y is not None and parsed.response:
            check_size([(f"the response {parsed.response[0]}", y)])
    kept = independent_columns(full)
    spec = Spec(parsed, spec.expressions, spec.contrasts, kept)

    terms = tuple(_term(spec, bar.label, bar.effects, bar.group, frame) for bar in parsed.bars)
    _unused_contrasts(spec)
    matrices = Matrices(
        formula=formula,
        response=parsed.response[0] if parsed.response else "",
        y=y,
        X=np.ascontiguousarray(full[:, kept]),
        x_names=tuple(names[j] for j in kept),
        x_terms=parsed.fixed.labels,
        assign=tuple(assign[j] for j in kept),
        terms=terms,
        offset=spec.offset(frame),
        aliased=tuple(name for j, name in enumerate(names) if j not in set(kept.tolist())),
        rows=rows,
        n_data=len(data),
        spec=spec,
    )
    if check:
        check_identifiable(matrices)
        warn_of_doubled(matrices, stacklevel=2)
        if y is not None:
            check_response(y, matrices.response)
    return matrices


def _frame(
    parsed: Formula, data: pd.DataFrame, response: bool, missing: str
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Return the columns and the complete rows that the formula needs."""
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    if missing not in {"warn", "drop", "raise"}:
        raise ValueError(f"missing must be 'warn', 'drop' or 'raise', not {missing!r}")
    if response and parsed.response is None:
        raise FormulaError(f"formula {parsed.text!r} has no response: write one, 'y ~ ...'")
    if not len(data):
        raise ValueError("data has no rows")
    needed = check_columns([node for _, node in parsed.atoms(response)], data, parsed.text)
    doubled = [name for name in needed if (data.columns == name).sum() > 1]
    if doubled:
        raise ValueError(f"data has more than one column called {doubled[0]!r}; rename one")
    frame = data[needed]
    lacking = frame.isna().to_numpy()
    incomplete = lacking.any(axis=1) if needed else np.zeros(len(data), dtype=bool)
    if incomplete.any():
        where = ", ".join(needed[j] for j in np.flatnonzero(lacking.any(axis=0)))
        what = f"{incomplete.sum()} of {len(data)} rows have a missing value in {where}"
        if missing == "raise":
            raise ValueError(f"{what}: fill or drop them, or allow it with missing='drop'")
        if incomplete.all():
            raise ValueError(f"{what}: no complete row is left")
        if missing == "warn":
            warnings.warn(f"{what} and are left out", MissingRowsWarning, stacklevel=3)
    rows = np.flatnonzero(~incomplete)
    return frame.iloc[rows].reset_index(drop=True), rows


def _response(spec: Spec, frame: pd.DataFrame) -> NDArray[np.float64]:
    name, node = spec.formula.response or ("", None)
    value = Expression(name, node, spec.formula.text).evaluate(frame, {})
    if isinstance(value, Factor) and set(value.levels) <= {"FALSE", "TRUE"}:
        return np.array([value.levels[code] == "TRUE" for code in value.codes], dtype=float)
    if not isinstance(value, Numeric):
        raise ValueError(
            f"the response {name} holds labels ({', '.join(value.levels[:4])}), not numbers; make it a number"
        )
    if value.values.shape[1] != 1:
        raise ValueError(f"the response {name} has {value.values.shape[1]} columns; it must have one")
    return np.ascontiguousarray(value.values[:, 0])


def _term(spec: Spec, label: str, effects: Terms, group: Group, frame: pd.DataFrame) -> Term:
    index, levels = spec.group(group, frame)
    values = spec.values(effects, frame)
    _one_level(values, effects, spec.formula.text)
    z, columns, _ = model_matrix(effects, values, len(frame))
    return Term(label, group.label, levels, index, columns, np.ascontiguousarray(z))


def _one_level(values: Mapping[str, Value], terms: Terms, formula: str) -> None:
    for name in terms.atoms:
        value = values[name]
        if isinstance(value, Factor) and len(value.levels) < 2:
            raise ValueError(
                f"formula {formula!r}: the factor {name} has one level ({value.levels[0]}) in the rows used, "
                "so its effect cannot be estimated; leave it out"
            )


def _numbers_as_text(values: Mapping[str, Value], n: int) -> None:
    """Say that a column is text where numbers were read as text, and each became a level of its own."""
    for name, value in values.items():
        if isinstance(value, Factor) and len(value.levels) >= n - 1 and len(value.levels) > 2:
            try:
                _ = [float(level) for level in value.levels]
            except ValueError:
                continue
            raise UnidentifiableError(
                f"{name} is text or a category, so each of its {len(value.levels)} values ({', '.join(value.levels[:3])}, "
                f"...) would have an effect of its own, for {n} observations: if these are numbers, make them so, "
                f"data[{name!r}] = pd.to_numeric(data[{name!r}])"
            )


def _unused_contrasts(spec: Spec) -> None:
    factors = {
        name
        for (name, group), expression in spec.expressions.items()
        if not group and expression.levels is not None
    }
    for name in spec.contrasts:
        if name not in factors and f"`{name}`" not in factors:
            has = (
                f"its factors are {', '.join(sorted(factors))}"
                if factors
                else "it has no factor with effects"
            )
            raise ValueError(
                f"contrasts: {name!r} is not a factor of the formula {spec.formula.text!r}; {has}"
            )
