"""Likelihood ratio tests: of models against each other, and of each random-effects term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mmhelpers.engine import fit_matrices
from mmhelpers.inference.estimate import as_estimate
from mmhelpers.model.columns import model_matrix
from mmhelpers.model.parse import Terms
from mmhelpers.results import Matrices, Term

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]

# Share of the size of a column by which one column space may leave another and count as inside it.
TOLERANCE_NESTED = 1e-7


def criteria(matrices: Matrices, Y: Float, reml: bool) -> Float:
    """Criteria of many responses on one design; NaN where a fit failed.

    Parameters
    ----------
    matrices : Matrices
        The design.
    Y : ndarray of shape (n_rep, n)
        Responses.
    reml : bool
        REML criterion or deviance.

    Returns
    -------
    ndarray of shape (n_rep,)
    """
    fits = fit_matrices(matrices, Y, reml)
    return np.where(fits.converged, fits.criterion, np.nan)


def compare(*fits: Any, refit: bool | None = None, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Compare nested models by likelihood ratio tests, as ``anova(fit1, fit2)`` does in R.

    Parameters
    ----------
    *fits : fitted models
        Two or more, of the same response, from `mmhelpers.fit`.
    refit : bool, optional
        Fit REML fits again by maximum likelihood first.  By default where the fixed effects differ, because
        REML criteria of different fixed effects are not comparable; ``True`` is lme4's default for all.
    names : sequence of str, optional
        Labels of the models; their formulas by default.

    Returns
    -------
    DataFrame
        One row a model, by number of parameters: n_par, AIC, BIC, log_lik, deviance, and against the model
        before: chi2, df, p.  Without `refit`, REML criteria stand in for deviances.

    Raises
    ------
    ValueError
        If models are of different data, or REML fits with different fixed effects are compared with
        ``refit=False``, or the smaller one is not nested in the larger one.

    Notes
    -----
    The chi-square is asymptotic.  For fixed effects it rejects too often in small samples (see
    `mmhelpers.exact.type1_between`; `bootstrap_test` does better); for a variance, whose null value lies on
    the boundary, it rejects too seldom (Self & Liang 1987).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> slopes = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    >>> none = mm.fit("Reaction ~ 1 + (Days | Subject)", sleep)
    >>> table = mm.compare(none, slopes, names=["no slope", "slope"])
    >>> table[["n_par", "deviance", "chi2", "df", "p"]].round(3)
              n_par  deviance    chi2  df    p
    no slope      5  1775.476     NaN   0  NaN
    slope         6  1751.939  23.537   1  0.0
    """
    import pandas as pd

    if len(fits) < 2:
        raise ValueError("compare needs two fits or more")
    found = [as_estimate(fit) for fit in fits]
    labels = list(names) if names is not None else [e.matrices.formula for e in found]
    if len(labels) != len(found):
        raise ValueError(f"names has {len(labels)} labels for {len(found)} fits")
    first = found[0]
    for other in found[1:]:
        if other.matrices.n != first.matrices.n or not np.array_equal(other.response, first.response):
            raise ValueError(
                "the fits are of different responses or rows, so their likelihoods cannot be compared; if "
                "rows with missing values were left out of some, drop them from the data first"
            )
    same_x = all(
        _spans(first.matrices.X, e.matrices.X) and _spans(e.matrices.X, first.matrices.X) for e in found
    )
    mixed = len({e.reml for e in found}) > 1
    if refit is None:
        refit = any(e.reml for e in found) and (not same_x or mixed)
    elif not refit and any(e.reml for e in found) and (not same_x or mixed):
        raise ValueError(
            "REML criteria of different fixed effects, or of REML and ML fits, cannot be compared: refit=True"
        )

    order = sorted(range(len(found)), key=lambda i: found[i].n_par)
    rows = []
    for i in order:
        e = found[i]
        again = refit and e.reml
        deviance = float(criteria(e.matrices, e.response[None], False)[0]) if again else e.criterion
        k, n = e.n_par, e.matrices.n
        rows.append((k, deviance + 2 * k, deviance + np.log(n) * k, -deviance / 2, deviance))
    columns = ["n_par", "AIC", "BIC", "log_lik", "deviance"]
    table = pd.DataFrame(rows, columns=columns, index=[labels[i] for i in order])
    for i, j in pairwise(order):
        if not _spans(found[j].matrices.X, found[i].matrices.X):
            raise ValueError(
                f"{labels[i]!r} is not nested in {labels[j]!r}: its fixed effects are not among the other's, "
                "so the ratio of likelihoods has no chi-square distribution; compare AIC instead"
            )
    table["chi2"] = -table["deviance"].diff()
    table["df"] = table["n_par"].diff().fillna(0).astype(int)
    valid = (table["df"] > 0) & table[
        "chi2"
    ].notna()  # a fit that failed has no ratio, which is not one of zero
    p = special.chdtrc(table["df"].where(valid, 1), np.maximum(table["chi2"].fillna(0.0), 0.0))
    table["p"] = np.where(valid, p, np.nan)
    return table


def _spans(outer: Float, inner: Float) -> bool:
    """Whether the columns of `inner` are linear combinations of those of `outer`."""
    Q, _ = np.linalg.qr(outer)
    left = inner - Q @ (Q.T @ inner)
    return bool(np.all(np.linalg.norm(left, axis=0) <= TOLERANCE_NESTED * np.linalg.norm(inner, axis=0)))


@dataclass(frozen=True, eq=False)
class Reduction:
    """A model with one random-effects term left out or made smaller."""

    label: str
    matrices: Matrices


def reductions(matrices: Matrices, data: pd.DataFrame | None, reduce_terms: bool = True) -> list[Reduction]:
    """Models with each random-effects term left out or, for several effects, each effect taken out of it.

    Parameters
    ----------
    matrices : Matrices
        The design.
    data : DataFrame or None
        The rows that were used; not needed to leave whole terms out.
    reduce_terms : bool
        Take single effects out of ``(x + z | g)``, those that no other effect contains; a term whose last
        effect goes becomes ``(1 | g)``, and ``(0 + x | g)`` becomes ``(1 | g)`` too, as in lmerTest.  False
        to leave whole terms out.

    Returns
    -------
    list of Reduction
        In the order of the formula.
    """
    bars = matrices.spec.formula.bars if matrices.spec is not None else (None,) * matrices.k
    out = []
    for i, (term, bar) in enumerate(zip(matrices.terms, bars, strict=True)):
        effects: Terms | None = None if bar is None else bar.effects
        if not reduce_terms or data is None or effects is None or not effects.terms:
            out.append(Reduction(f"({term.label})", _without(matrices, i, None)))
            continue
        _, _, owners = model_matrix(effects, matrices.spec.values(effects, data), matrices.n)
        sets = [frozenset(t) for t in effects.terms]
        for number, effect in enumerate(sets, start=1):
            if any(effect < other for other in sets):
                continue  # marginal to an interaction: cannot go before it
            name = ":".join(effects.terms[number - 1])
            kept: Term | None = _keep(term, owners, number)
            if kept is not None and any(
                _same(kept, other) for j, other in enumerate(matrices.terms) if j != i
            ):
                kept = None  # (1 | g) + (0 + x | g) without x is (1 | g), not (1 | g) twice
            out.append(Reduction(f"{name} in ({term.label})", _without(matrices, i, kept)))
    return out


def _keep(term: Term, owners: Sequence[int], number: int) -> Term:
    """Take one effect out of a term: its columns, or, where none is left, a column of ones instead."""
    stay = [j for j, owner in enumerate(owners) if owner != number]
    if not stay or all(owners[j] == 0 for j in stay):
        ones = np.ones((len(term.index), 1))
        return replace(term, label=f"1 | {term.group}", columns=("(Intercept)",), z=ones)
    return replace(
        term, columns=tuple(term.columns[j] for j in stay), z=np.ascontiguousarray(term.z[:, stay])
    )


def _same(a: Term, b: Term) -> bool:
    return a.group == b.group and a.columns == b.columns and np.array_equal(a.z, b.z)


def _without(matrices: Matrices, number: int, instead: Term | None) -> Matrices:
    terms = [instead if i == number else term for i, term in enumerate(matrices.terms)]
    return replace(matrices, terms=tuple(term for term in terms if term is not None))


def ranova(fit: Any, reduce_terms: bool = True) -> pd.DataFrame:
    """Test each random-effects term by leaving it out, as ``ranova()`` does in lmerTest.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`.
    reduce_terms : bool
        Take single effects out of terms with several, ``(Days | Subject)`` to ``(1 | Subject)``; False to
        leave whole terms out.

    Returns
    -------
    DataFrame
        One row a smaller model after ``<none>``, the model itself: n_par, log_lik, AIC, and the likelihood
        ratio test against the model: LRT, df, p.  By the criterion of the fit (REML or ML).

    Notes
    -----
    The chi-square is conservative, because a variance is tested on its boundary: for a single variance the
    p-value is about twice what it should be (Self & Liang 1987; Stram & Lee 1994).

    Raises
    ------
    RuntimeError
        If a smaller model cannot be fitted.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> mm.ranova(fit).round(3)[["n_par", "LRT", "df", "p"]]
                              n_par     LRT  df    p
    <none>                        6     NaN   0  NaN
    Days in (Days | Subject)      4  42.837   2  0.0
    """
    import pandas as pd

    estimate = as_estimate(fit)
    y = estimate.response[None]
    rows = [("<none>", estimate.n_par, estimate.criterion)]
    frame = estimate.frame() if reduce_terms and estimate.data is not None else None
    for reduction in reductions(estimate.matrices, frame, reduce_terms):
        value = float(criteria(reduction.matrices, y, estimate.reml)[0])
        if not np.isfinite(value):
            raise RuntimeError(f"the model without {reduction.label} could not be fitted")
        rows.append((reduction.label, reduction.matrices.p + reduction.matrices.n_theta + 1, value))
    label, n_par, criterion = zip(*rows, strict=True)
    k, deviance = np.array(n_par), np.array(criterion)
    lrt, df = deviance - deviance[0], k[0] - k
    p = np.where(df > 0, special.chdtrc(np.maximum(df, 1), np.maximum(lrt, 0.0)), np.nan)
    table = pd.DataFrame(
        {"n_par": k, "log_lik": -deviance / 2, "AIC": deviance + 2 * k, "LRT": lrt, "df": df, "p": p},
        index=list(label),
    )
    table.loc["<none>", "LRT"] = np.nan
    return table
