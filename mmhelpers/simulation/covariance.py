"""Covariance matrices of random effects from what a user gives: SDs, variances, correlations, theta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices, Term

if TYPE_CHECKING:
    from mmhelpers.simulation.truth import Truth

Floats = NDArray[np.float64]
TOLERANCE_PSD = 1e-10  # of the largest variance: below it an eigenvalue counts as zero


class TruthError(ValueError):
    """A truth that cannot be, or that does not fit the model.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(Subject=10, Days=range(5))
    >>> truth = mm.Truth("y ~ Days + (1 | Subject)", beta={"Days": 1}, sd={"Subject": -1}, sigma=1)
    >>> try:
    ...     mm.simulate(design, truth, n_rep=1, seed=1)
    ... except mm.TruthError as wrong:
    ...     print("Subject" in str(wrong))
    True
    """


def factor_of(cov: Floats, label: str) -> Floats:
    """Return the lower triangular L with L L' = cov; cov may be singular.

    Examples
    --------
    >>> import numpy as np
    >>> factor_of(np.array([[4.0, 2.0], [2.0, 1.0]]), "x | g")
    array([[2., 0.],
           [1., 0.]])
    """
    k = len(cov)
    scale = np.sqrt(np.diag(cov))
    unit = np.where(scale > 0, scale, 1.0)
    corr = cov / np.outer(unit, unit)
    smallest = float(np.linalg.eigvalsh(corr).min()) if k else 0.0
    if smallest < -TOLERANCE_PSD:
        raise TruthError(
            f"({label}): the covariance matrix of the random effects is not positive definite (the smallest "
            f"eigenvalue of its correlations is {smallest:.3g}), so no data can have it; bring its "
            "correlations nearer to zero"
        )
    L = np.zeros_like(corr)
    for j in range(k):  # Cholesky that passes over zero pivots
        pivot = corr[j, j] - L[j, :j] @ L[j, :j]
        if pivot > TOLERANCE_PSD:
            L[j, j] = np.sqrt(pivot)
            L[j + 1 :, j] = (corr[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return np.asarray(unit[:, None] * L)


def term_covariances(truth: Truth, matrices: Matrices) -> tuple[Floats, ...]:
    """Return the covariance matrix of each term's effects, shape (k, k) each, in the matrices' order."""
    terms = matrices.terms
    if truth.theta is not None:
        return _from_theta(truth, matrices)
    given = next((name for name in ("sd", "var", "cov") if getattr(truth, name) is not None), None)
    if given is None:
        if terms:
            raise TruthError(
                f"the model {matrices.formula!r} has random effects: give their standard deviations, "
                f"sd={{{terms[0].group!r}: {{{terms[0].columns[0]!r}: ...}}}}"
            )
        if truth.corr:
            raise TruthError("corr: the model has no random effects")
        return ()
    values = getattr(truth, given)
    _known_keys(given, values, terms)
    _known_keys("corr", truth.corr or {}, terms)
    if given == "cov":
        return tuple(_matrix("cov", _one(values, term, terms, "cov"), term) for term in terms)
    out = []
    for term in terms:
        spread = _spread(given, values, term, terms)
        sd = spread if given == "sd" else np.sqrt(spread)
        out.append(np.outer(sd, sd) * _correlation(truth.corr or {}, term, terms))
    return tuple(out)


def _from_theta(truth: Truth, matrices: Matrices) -> tuple[Floats, ...]:
    try:
        theta = np.asarray(truth.theta, dtype=float)
        parts = matrices.split_theta(theta)
    except (TypeError, ValueError) as error:
        raise TruthError(str(error)) from None
    if not np.isfinite(theta).all() or (theta < matrices.theta_lower).any():
        raise TruthError(
            f"theta: all elements must be finite, those on the diagonal not negative; given is "
            f"{theta.tolist()} for {', '.join(matrices.theta_names)}"
        )
    blocks = [term.block(part) * truth.residual_sd for term, part in zip(matrices.terms, parts, strict=True)]
    return tuple(block @ block.T for block in blocks)


def _known_keys(argument: str, values: Any, terms: tuple[Term, ...]) -> None:
    if not isinstance(values, Mapping):
        raise TruthError(f"{argument} must be a dict with a grouping factor for each entry, not {values!r}")
    known = [term.group for term in terms] + [term.label for term in terms]
    for key in values:
        if key not in known:
            groups = ", ".join(dict.fromkeys(term.group for term in terms))
            raise TruthError(
                f"{argument}: the model has no random effects of {key!r}; "
                + (f"its grouping factors are {groups}" if groups else "it has none at all")
            )


def _spread(argument: str, values: Mapping[str, Any], term: Term, terms: tuple[Term, ...]) -> Floats:
    """Return the SDs (or variances) of a term's effects."""
    key = term.label if term.label in values else term.group
    if key not in values:
        raise TruthError(f"{argument}: nothing is given for {term.group}, which has ({term.label})")
    mine = [t for t in terms if t.label == key] or [t for t in terms if t.group == key]
    effects = [column for t in mine for column in t.columns]
    entry = values[key]
    if not isinstance(entry, Mapping):
        if len(effects) > 1:
            raise TruthError(
                f"{argument}[{key!r}] needs a number for each of its effects: {{"
                + ", ".join(f"{effect!r}: ..." for effect in effects)
                + "}"
            )
        entry = {effects[0]: entry}
    for effect in entry:
        if effect not in effects:
            raise TruthError(
                f"{argument}[{key!r}]: there is no effect {effect!r}; it has {', '.join(effects)}"
            )
    lacking = [effect for effect in term.columns if effect not in entry]
    if lacking:
        raise TruthError(f"{argument}[{key!r}]: nothing is given for {', '.join(lacking)}")
    if key == term.group:
        double = [effect for effect in term.columns if effects.count(effect) > 1]
        if double:
            labels = ", ".join(repr(t.label) for t in mine)
            raise TruthError(
                f"{argument}[{key!r}]: {double[0]} is in several terms; give them apart, by {labels}"
            )
    out = []
    for effect in term.columns:
        value = entry[effect]
        if not isinstance(value, (int, float, np.number)) or not 0 <= value < np.inf:
            raise TruthError(f"{argument}[{key!r}][{effect!r}] must be a number, 0 or above, not {value!r}")
        out.append(float(value))
    return np.array(out)


def _one(values: Mapping[str, Any], term: Term, terms: tuple[Term, ...], argument: str) -> Any:
    """Return the entry of a term, by its label or, where that is unambiguous, by its group."""
    if term.label in values:
        return values[term.label]
    if term.group in values:
        wide = [t for t in terms if t.group == term.group and (t.k > 1 or argument == "cov")]
        if len(wide) > 1:
            labels = ", ".join(repr(t.label) for t in wide)
            raise TruthError(
                f"{argument}[{term.group!r}]: {term.group} has several terms; give them apart, by {labels}"
            )
        return values[term.group]
    if argument == "cov":
        raise TruthError(f"cov: nothing is given for {term.group}, which has ({term.label})")
    return None


def _one_correlation(value: Any, term: Term) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TruthError(
            f"corr: a correlation of ({term.label}) must be a number between -1 and 1, not {value!r}"
        ) from None


def _correlation(values: Mapping[str, Any], term: Term, terms: tuple[Term, ...]) -> Floats:
    if term.k == 1:
        mine = [t for t in terms if t.group == term.group]
        if term.label in values or (term.group in values and all(t.k == 1 for t in mine)):
            raise TruthError(
                f"corr: ({term.label}) has one effect, which correlates with nothing: leave it out"
            )
        return np.eye(1)
    entry = _one(values, term, terms, "corr")
    if entry is None:
        return np.eye(term.k)
    if isinstance(entry, Mapping):
        out = np.eye(term.k)
        for pair, value in entry.items():
            if not isinstance(pair, tuple) or len(pair) != 2 or not set(pair) <= set(term.columns):
                raise TruthError(
                    f"corr: {pair!r} is no pair of effects of ({term.label}), which are "
                    f"{', '.join(term.columns)}"
                )
            i, j = term.columns.index(pair[0]), term.columns.index(pair[1])
            if i != j:
                out[i, j] = out[j, i] = _one_correlation(value, term)
    elif np.ndim(entry) == 0:
        if term.k != 2:
            raise TruthError(
                f"corr: ({term.label}) has {term.k} effects, one correlation is too few: give a matrix, or "
                f"a dict from pairs such as {term.columns[:2]!r}"
            )
        out = np.array([[1.0, 0.0], [0.0, 1.0]])
        out[0, 1] = out[1, 0] = _one_correlation(entry, term)
    else:
        out = _matrix("corr", entry, term)
        if not np.allclose(np.diag(out), 1):
            raise TruthError(f"corr: the matrix for ({term.label}) must have ones on its diagonal")
    if not (np.abs(out) <= 1).all():
        raise TruthError(f"corr: a correlation of ({term.label}) is not between -1 and 1: {entry!r}")
    return out


def _matrix(argument: str, entry: Any, term: Term) -> Floats:
    try:
        out = np.atleast_2d(np.asarray(entry, dtype=float))
    except (TypeError, ValueError):
        raise TruthError(f"{argument}: ({term.label}) needs a matrix of numbers, not {entry!r}") from None
    if out.shape != (term.k, term.k) or not np.isfinite(out).all() or not np.allclose(out, out.T):
        raise TruthError(
            f"{argument}: ({term.label}) needs a symmetric {term.k} x {term.k} matrix for "
            f"{', '.join(term.columns)}"
        )
    if argument == "cov" and (np.diag(out) < 0).any():
        raise TruthError(f"cov: a variance of ({term.label}) is negative")
    return out
