r"""What the rows of an ANOVA table test: contrast matrices of types I, II and III.

- Type I: each term adjusted for the terms before it.  With X'X = R'D R, R unit upper triangular, the rows of
  R.
- Type II: each term adjusted for all terms that do not contain it: rows of R for X with the containing terms
  last.
- Type III: each term averaged with equal weights over the cells of the terms that contain it, as SAS does: in
  the overparameterised model (a column a level), the term's estimable functions orthogonal to those of the
  terms that contain it.

A term is contained in another if its variables are among those of the other and both have the same numeric
variables (SAS/STAT User's Guide, "The four types of estimable functions"; Kuznetsova et al. 2017, sec. 2.4).
The matrices are those of lmerTest's ``anova()``, which matters: in unbalanced data two bases of the same
hypothesis can have different Satterthwaite df.  Where ours differ on purpose: what counts as zero does not
depend on units, and entries are not rounded to 7 digits; ``poly(x, 2)`` is numeric (lmerTest takes it for a
factor, so that A is contained in ``poly(x, 2):A`` but not in ``x:A``); A is contained in A:B of ``A/B`` as
well (in lmerTest it is not, and its test of A depends on which level of B comes first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.inference.estimate import as_estimate
from mmhelpers.model.columns import independent_columns, model_matrix
from mmhelpers.model.frame import Factor, Value
from mmhelpers.model.parse import Terms
from mmhelpers.results import Matrices

Float = NDArray[np.float64]

# Relative to the sizes of the columns involved, an entry that counts as zero.
TOLERANCE_ZERO = 1e-9


def hypotheses(fit: Any, type: int | str = 3) -> dict[str, Float]:
    """Return the contrast matrix of each term of the model.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`; types II and III need its data.
    type : {1, 2, 3, "I", "II", "III"}
        Type of hypotheses.

    Returns
    -------
    dict of str to ndarray of shape (c, p)
        By term, in the order of the model; a term that is aliased with others has no row.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> from mmhelpers.inference.hypotheses import hypotheses
    >>> fit = mm.fit("score ~ Machine + (1 | Worker)", mm.load("machines"))
    >>> hypotheses(fit, 1)["Machine"].round(2)
    array([[ 0. ,  1. , -0.5],
           [ 0. ,  0. ,  1. ]])
    """
    number = {"I": 1, "II": 2, "III": 3, "1": 1, "2": 2, "3": 3}.get(str(type))
    if number is None:
        raise ValueError(f"type must be 1, 2 or 3 (or 'I', 'II', 'III'), not {type!r}")
    estimate = as_estimate(fit)
    matrices = estimate.matrices
    if number == 1 or matrices.p <= 1 or len(matrices.x_terms) <= 1:
        return type1(matrices)
    if matrices.spec is None:
        raise ValueError(
            "types II and III need the terms of a formula, and these matrices were not built from one"
        )
    terms: Terms = matrices.spec.formula.fixed
    values: Mapping[str, Value] = matrices.spec.values(terms, estimate.frame())
    return type2(matrices, terms, values) if number == 2 else type3(matrices, terms, values)


def _columns(assign: Any) -> dict[int, NDArray[np.intp]]:
    """Columns of each term (1, 2, ...)."""
    assign = np.asarray(assign)
    return {int(term): np.flatnonzero(assign == term) for term in np.unique(assign)}


def _unit_triangle(X: Float) -> Float:
    """R of X'X = R'DR with a unit diagonal; entries that are zero up to rounding are set to zero."""
    size = np.linalg.norm(X, axis=0)
    R = np.asarray(np.linalg.qr(X / size, mode="r"), dtype=float)
    R = R / R.diagonal()[:, None]
    return np.asarray(np.where(np.abs(R) < TOLERANCE_ZERO, 0.0, R) * size / size[:, None])


def type1(matrices: Matrices) -> dict[str, Float]:
    """Return the hypotheses of type I: each term after those before it."""
    where = _columns(matrices.assign)
    R = _unit_triangle(matrices.X) if matrices.p else np.zeros((0, 0))
    none = np.zeros(0, dtype=np.intp)
    return {name: R[where.get(i, none)] for i, name in enumerate(matrices.x_terms, start=1)}


def containing(terms: Terms, values: Mapping[str, Value]) -> list[list[int]]:
    """For each term, the terms (1, 2, ...) that contain it."""
    numeric = {name for name, value in values.items() if not isinstance(value, Factor)}
    sets = [frozenset(term) for term in terms.terms]
    return [
        [j for j, other in enumerate(sets, start=1) if term < other and (term & numeric) == (other & numeric)]
        for term in sets
    ]


def type2(matrices: Matrices, terms: Terms, values: Mapping[str, Value]) -> dict[str, Float]:
    """Return the hypotheses of type II: each term after all those that do not contain it."""
    where, out = _columns(matrices.assign), {}
    none = np.zeros(0, dtype=np.intp)
    for i, (name, above) in enumerate(zip(matrices.x_terms, containing(terms, values), strict=True), start=1):
        own = where.get(i, none)
        if not above:
            out[name] = np.eye(matrices.p)[own]
            continue
        last = np.concatenate([own, *(where.get(j, none) for j in above)])
        order = np.concatenate([np.setdiff1d(np.arange(matrices.p), last), last])
        L = np.zeros((len(own), matrices.p))
        first = matrices.p - len(last)
        L[:, order] = _unit_triangle(matrices.X[:, order])[first : first + len(own)]
        out[name] = L
    return out


def type3(matrices: Matrices, terms: Terms, values: Mapping[str, Value]) -> dict[str, Float]:
    """Return the hypotheses of type III: equal weights for the cells of the terms that contain a term."""
    n = matrices.n
    X, names, assign, to_model = _treatment(matrices, terms, values)
    # the overparameterised model: intercept, and a column a cell for every term
    full = [np.ones((n, 1))] if terms.intercept else []
    full_names = ["(Intercept)"] if terms.intercept else []
    for term in terms.terms:
        alone = replace(terms, terms=(term,), intercept=False)
        columns, labels, _ = model_matrix(alone, values, n)
        full.append(columns)
        full_names += labels
    rd = np.concatenate(full, axis=1)
    # row j: column j of the overparameterised model in terms of X's columns
    size, rd_size = np.linalg.norm(X, axis=0), np.linalg.norm(rd, axis=0)
    G = np.linalg.lstsq(X / size, rd / np.where(rd_size > 0, rd_size, 1.0), rcond=None)[0].T
    G[np.abs(G) < TOLERANCE_ZERO] = 0.0
    where = _columns(assign)
    none = np.zeros(0, dtype=np.intp)
    above = containing(terms, values)
    # rescale rows to units of the model before projecting: the projection is over the rows
    G = G * rd_size[:, None] / size
    before = np.linalg.norm(G, axis=0)
    for i in sorted(range(1, len(terms.terms) + 1), key=lambda i: -len(terms.terms[i - 1])):
        over = np.concatenate([where.get(j, none) for j in above[i - 1]] or [none])
        own = where.get(i, none)
        if over.size and own.size:
            basis = G[:, over] / np.linalg.norm(G[:, over], axis=0)
            G[:, own] -= basis @ np.linalg.lstsq(basis, G[:, own], rcond=None)[0]
            G[:, own] = np.where(np.abs(G[:, own]) < TOLERANCE_ZERO * before[own], 0.0, G[:, own])
    rows = np.array([full_names.index(name) for name in names], dtype=np.intp)
    out = {}
    for i, name in enumerate(matrices.x_terms, start=1):
        own = where.get(i, none)
        L = G[np.ix_(rows, own)].T
        L = L[np.abs(L).max(axis=1, initial=0.0) > TOLERANCE_ZERO * before[own]]
        out[name] = L @ to_model
    return out


def _treatment(
    matrices: Matrices, terms: Terms, values: Mapping[str, Value]
) -> tuple[Float, tuple[str, ...], tuple[int, ...], Float]:
    """Return X with treatment contrasts, its names and terms, and the map from the model's beta."""
    recoded = {
        name: replace(value, contrast="treatment")
        if isinstance(value, Factor) and len(value.levels) > 1
        else value
        for name, value in values.items()
    }
    same = all(
        not isinstance(value, Factor) or np.array_equal(value.coding.matrix, recoded[name].coding.matrix)  # type: ignore[union-attr]
        for name, value in values.items()
    )
    if same:
        return matrices.X, matrices.x_names, matrices.assign, np.eye(matrices.p)
    X, names, assign = model_matrix(terms, recoded, matrices.n)
    kept = independent_columns(X)
    X = X[:, kept]
    size = np.linalg.norm(X, axis=0)
    to_model = np.linalg.lstsq(X / size, matrices.X, rcond=None)[0] / size[:, None]
    scale = np.abs(to_model) * size[:, None] / np.linalg.norm(matrices.X, axis=0)
    return (
        X,
        tuple(names[j] for j in kept),
        tuple(assign[j] for j in kept),
        np.where(scale < TOLERANCE_ZERO, 0.0, to_model),
    )
