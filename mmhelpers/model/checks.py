"""What a data set must have so that a mixed model with a residual variance can be estimated.

The conditions are those of lme4's ``lmerControl``: ``check.nlev.gtr.1``, ``check.nobs.vs.nlev``,
``check.nobs.vs.nRE`` and ``check.response.not.const``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices, Term

#: Absolute values between which sums of squares keep their digits in double precision.
LARGEST, SMALLEST = 1e140, 1e-140


class UnidentifiableError(ValueError):
    """The model has parameters that the data cannot tell apart.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy").query("Days == 0")
    >>> try:
    ...     mm.fit("Reaction ~ 1 + (1 | Subject)", sleep)
    ... except mm.UnidentifiableError as wrong:
    ...     print("Subject" in str(wrong))
    True
    """


class DoubledEffectWarning(UserWarning):
    """Two random-effects terms have the same effect of the same group.

    The likelihood is flat along all ways to split the sum of the two variances. lme4 fits such a model too, and where it
    warns, it is of convergence.

    Examples
    --------
    >>> import warnings
    >>> import mmhelpers as mm
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     fit = mm.fit("Reaction ~ Days + (1 | Subject) + (Days | Subject)", mm.load("sleepstudy"))
    >>> print(seen[0].category.__name__, len(fit.variances))
    DoubledEffectWarning 5
    """


def warn_of_doubled(matrices: Matrices, stacklevel: int = 2) -> None:
    """Warn of effects that two terms of one group have both, as the intercept in ``(1 | g) + (x | g)``."""
    for one, two in combinations(matrices.terms, 2):
        if one.levels != two.levels or not np.array_equal(one.index, two.index):
            continue
        for name, column in zip(one.columns, one.z.T, strict=True):
            if any(np.array_equal(column, other) for other in two.z.T):
                warnings.warn(
                    f"({one.label}) and ({two.label}) both have the random effect {name} of {one.group}: the data "
                    "tell the sum of the two variances, not how to split it, so their estimates are arbitrary; "
                    "leave it out of one of the terms (0 + x is a slope without an intercept)",
                    DoubledEffectWarning,
                    stacklevel=stacklevel + 1,
                )


def check_response(y: NDArray[np.float64], name: str) -> None:
    """Refuse a constant response."""
    if np.ptp(y) == 0:
        raise ValueError(
            f"the response {name} is constant ({y[0]:g} in all {len(y)} rows): there is nothing to model"
        )


def check_size(columns: Iterable[tuple[str, NDArray[np.float64]]]) -> None:
    """Refuse numbers whose squares are too large, or too small, for the arithmetic of a fit."""
    for name, column in columns:
        most = float(np.abs(column).max(initial=0.0))
        if most > LARGEST or 0 < most < SMALLEST:
            raise ValueError(
                f"{name} goes up to {most:.3g}: squares of such numbers are beyond what a computer can hold; "
                f"{'divide' if most > 1 else 'multiply'} it by a constant first"
            )


def check_identifiable(matrices: Matrices) -> None:
    """Refuse p >= n, one-level factors, and as many levels or random effects as observations."""
    n, p = matrices.n, matrices.p
    if p >= n:
        raise UnidentifiableError(
            f"{p} fixed-effects coefficients for {n} observations leave nothing to estimate the residual "
            "variance from: leave terms out, or get more data"
        )
    for term in matrices.terms:
        _check_term(term, n)


def _check_term(term: Term, n: int) -> None:
    l, q = term.n_levels, term.q
    if l < 2:
        raise UnidentifiableError(
            f"the grouping factor {term.group} has one level ({term.levels[0]}), so a variance between its "
            f"levels cannot be estimated: leave ({term.label}) out"
        )
    if l >= n:
        raise UnidentifiableError(
            f"the grouping factor {term.group} has {l} levels for {n} observations: with one observation a "
            f"level, its variance cannot be told from the residual variance; leave ({term.label}) out"
        )
    if q >= n:
        raise UnidentifiableError(
            f"({term.label}) has {q} random effects ({term.k} for each of {l} levels of {term.group}) for "
            f"{n} observations: these variances cannot be told from the residual variance; leave slopes out, "
            "or get more observations a level"
        )
