"""Columns of a model matrix from evaluated expressions: R's ``model.matrix``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmhelpers.model.contrasts import Coding, indicator
from mmhelpers.model.frame import Factor, Value
from mmhelpers.model.parse import Terms

TOLERANCE_RANK = 1e-7  # of R's qr(), which lme4 asks for the rank of X


def model_matrix(
    terms: Terms, values: Mapping[str, Value], n: int
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Build the columns of a sum of terms.

    Parameters
    ----------
    terms : Terms
    values : mapping
        The evaluated expressions by name.
    n : int
        Number of rows.

    Returns
    -------
    X : ndarray, shape (n, columns)
    names : tuple of str
        As R prints them; the columns of an interaction vary fastest in its first variable.
    assign : tuple of int
        0 for the intercept, i for the i-th term.
    """
    blocks: list[NDArray[np.float64]] = [np.ones((n, 1))] if terms.intercept else []
    names = ["(Intercept)"] if terms.intercept else []
    assign = [0] if terms.intercept else []
    for number, (term, full) in enumerate(
        zip(terms.terms, _full_dummies(terms, values), strict=True), start=1
    ):
        block, labels = np.ones((n, 1)), [""]
        for name in term:
            columns, suffixes = _columns(values[name], name in full)
            block = (columns[:, :, None] * block[:, None, :]).reshape(n, -1)
            labels = [
                f"{label}:{name}{suffix}" if label else name + suffix
                for suffix in suffixes
                for label in labels
            ]
        blocks.append(block)
        names += labels
        assign += [number] * len(labels)
    X = np.concatenate(blocks, axis=1) if blocks else np.zeros((n, 0))
    return X, tuple(names), tuple(assign)


def _columns(value: Value, full: bool) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    if not isinstance(value, Factor):
        return value.values, value.suffixes
    code: Coding = indicator(value.levels) if full or value.coding is None else value.coding
    return code.matrix[value.codes], code.suffixes


def _full_dummies(terms: Terms, values: Mapping[str, Value]) -> list[set[str]]:
    """For each term, its factors that get a column a level instead of contrasts.

    R's rule (``terms.formula``, Chambers & Hastie 1992, p. 38): contrasts if the term without the factor
    is contained in an earlier term or is the intercept; and without an intercept the first factor of
    the model has a column a level.
    """
    full: list[set[str]] = []
    for i, term in enumerate(terms.terms):
        found = set()
        for name in term:
            rest = set(term) - {name}
            contained = not rest or any(rest <= set(earlier) for earlier in terms.terms[:i])
            if isinstance(values[name], Factor) and not contained:
                found.add(name)
        full.append(found)
    if not terms.intercept:
        for term, found in zip(terms.terms, full, strict=True):
            first = next((name for name in term if isinstance(values[name], Factor)), None)
            if first is not None:
                found.add(first)
                break
    return full


def independent_columns(X: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the columns that R's ``qr(X, tol = 1e-7)`` keeps.

    A column is dropped if what the kept columns before it leave of it is shorter than 1e-7 of
    its length (LINPACK's limited pivoting), so the first of several aliased columns stays.
    """
    kept: list[int] = []
    basis = np.zeros((X.shape[0], 0))
    for j in range(X.shape[1]):
        length = np.linalg.norm(X[:, j])
        if length == 0:
            continue
        rest = X[:, j] / length
        for _ in range(2):  # twice is enough (Kahan, in Parlett 1980, section 6-9)
            rest = rest - basis @ (basis.T @ rest)
        left = np.linalg.norm(rest)
        if left > TOLERANCE_RANK:
            kept.append(j)
            basis = np.column_stack([basis, rest / left])
    return np.array(kept, dtype=np.intp)
