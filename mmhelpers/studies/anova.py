r"""By-subject and by-item analyses of variance: F1, F2, their conjunction, and min F'.

Before mixed models, an experiment with subjects and items was analysed twice: once on the means over
items (F1, subjects are random), once on the means over subjects (F2, items are random). The effect was
claimed where both were significant ("F1 x F2"), or, with less trust in luck, where

    min F' = F1 F2 / (F1 + F2),   df = (1, (F1 + F2)^2 / (F1^2 / df2 + F2^2 / df1))

was (Clark 1973, J. Verb. Learn. Verb. Behav. 12, 335-359; df1 and df2 are those of F1 and F2).

With missing cells the strata of R's ``aov(y ~ x + Error(unit / x))`` are meant: the within stratum
weights a unit's difference of means by ``n1 n2 / (n1 + n2)``, the between stratum a unit's mean by n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.studies.outcome import Outcome, outcome

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ByUnit:
    """F tests of a two-level condition by subjects, by items, and together; one element a data set.

    Attributes
    ----------
    f1, f2, min_f : ndarray, shape (n_rep,)
        F statistics with one df in the numerator.
    df1, df2, df_min : ndarray, shape (n_rep,)
        Their denominator df.
    p1, p2, p_min : ndarray, shape (n_rep,)
    p_both : ndarray, shape (n_rep,)
        ``max(p1, p2)``: both are significant where it is at most alpha.
    """

    f1: Floats
    f2: Floats
    min_f: Floats
    df1: Floats
    df2: Floats
    df_min: Floats
    p1: Floats
    p2: Floats
    p_min: Floats
    p_both: Floats


def f_by_unit(Y: ArrayLike, unit: ArrayLike, condition: ArrayLike) -> tuple[Floats, Floats]:
    """F test of a two-level condition with one grouping factor as the experimental unit.

    Parameters
    ----------
    Y : array_like, shape (n_rep, n) or (n,)
        One data set a row; NaN marks a missing cell.
    unit : array_like, shape (n,)
        Subject (for F1) or item (for F2) of each observation.
    condition : array_like, shape (n,)
        Two values. Where every unit has both, the test is within units (a paired t test, squared); where
        every unit has one, between units (a two-sample t test, squared).

    Returns
    -------
    f, df : ndarray, shape (n_rep,)
        F statistics and the df of their denominators.

    Raises
    ------
    ValueError
        If the condition has not two values, or some units have both and others one.

    Examples
    --------
    Three subjects, two conditions: the paired t test of the differences 1, 2 and 4.

    >>> f, df = f_by_unit([0, 1, 0, 2, 0, 4], [1, 1, 2, 2, 3, 3], ["a", "b"] * 3)
    >>> f.round(4).tolist(), df.tolist()
    ([7.0], [2.0])
    """
    Y = np.atleast_2d(np.asarray(Y, dtype=float))
    levels, index = np.unique(np.asarray(unit), return_inverse=True)
    values, side = np.unique(np.asarray(condition), return_inverse=True)
    if len(values) != 2:
        raise ValueError(f"condition must have two values, not {len(values)}")
    cell = np.asarray(index * 2 + side)
    indicator = np.zeros((len(cell), 2 * len(levels)))
    indicator[np.arange(len(cell)), cell] = 1.0
    both = indicator.any(0).reshape(-1, 2).all(1)
    if both.any() and not both.all():
        raise ValueError(
            "some units have both conditions and others one: the F test by units needs the same for all"
        )
    present = ~np.isnan(Y)
    count = (present @ indicator).reshape(len(Y), -1, 2)
    total = (np.where(present, Y, 0.0) @ indicator).reshape(len(Y), -1, 2)
    if both.all():
        return _within(total, count)
    has = indicator.any(0).reshape(-1, 2)
    return _between(total.sum(2), count.sum(2), has[:, 1].astype(float))


def _within(total: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Stratum unit:condition: the weighted mean of the units' differences against their spread."""
    good = (count > 0).all(2)
    safe = np.where(count > 0, count, 1.0)
    difference = total[..., 1] / safe[..., 1] - total[..., 0] / safe[..., 0]
    weight = np.where(good, count.prod(2) / safe.sum(2), 0.0)
    mean = (weight * difference).sum(1) / weight.sum(1)
    df = good.sum(1) - 1.0
    spread = (weight * (difference - mean[:, None]) ** 2).sum(1) / df
    return mean**2 * weight.sum(1) / spread, df


def _between(total: Floats, count: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Stratum unit: weighted regression of the units' means on the condition."""
    mean = total / np.where(count > 0, count, 1.0)
    w = count / count.sum(1, keepdims=True)
    xc = x - (w * x).sum(1, keepdims=True)
    yc = mean - (w * mean).sum(1, keepdims=True)
    sxx, sxy = (count * xc**2).sum(1), (count * xc * yc).sum(1)
    df = (count > 0).sum(1) - 2.0
    rest = (count * yc**2).sum(1) - sxy**2 / sxx
    return sxy**2 / sxx / (rest / df), df


def min_f(f1: ArrayLike, df1: ArrayLike, f2: ArrayLike, df2: ArrayLike) -> tuple[Floats, Floats]:
    """Min F' and the df of its denominator, from F1 and F2 with theirs.

    Examples
    --------
    >>> value, df = min_f(9.0, 23, 6.0, 11)
    >>> round(float(value), 3), round(float(df), 2)
    (3.6, 25.2)
    """
    f1, df1, f2, df2 = (np.asarray(x, dtype=float) for x in (f1, df1, f2, df2))
    both = f1 + f2
    return f1 * f2 / both, both**2 / (f1**2 / df2 + f2**2 / df1)


def by_subject_and_item(Y: ArrayLike, subject: ArrayLike, item: ArrayLike, condition: ArrayLike) -> ByUnit:
    """F1, F2, both and min F' of a two-level condition.

    Parameters
    ----------
    Y : array_like, shape (n_rep, n) or (n,)
        One data set a row; NaN marks a missing cell.
    subject, item, condition : array_like, shape (n,)
        The condition varies within subjects or within items or both, or is constant in each.

    Returns
    -------
    ByUnit

    Examples
    --------
    >>> import numpy as np
    >>> subject, item = np.repeat(range(8), 6), np.tile(range(6), 8)
    >>> Y = np.random.default_rng(1).normal(size=(2000, 48))
    >>> tests = by_subject_and_item(Y, subject, item, item % 2)
    >>> float((tests.p1 < 0.05).mean().round(2)), float(tests.df1[0]), float(tests.df2[0])
    (0.05, 7.0, 4.0)
    """
    from scipy import special

    f1, df1 = f_by_unit(Y, subject, condition)
    f2, df2 = f_by_unit(Y, item, condition)
    value, df = min_f(f1, df1, f2, df2)
    p1, p2, p_min = (np.asarray(special.fdtrc(1.0, d, f)) for f, d in ((f1, df1), (f2, df2), (value, df)))
    return ByUnit(f1, f2, value, df1, df2, df, p1, p2, p_min, np.maximum(p1, p2))


def outcomes(tests: ByUnit) -> list[Outcome]:
    """F1, F2, F1xF2 and min F' as outcomes of a study."""
    return [
        outcome("F1", tests.p1, df=tests.df1, statistic=tests.f1),
        outcome("F2", tests.p2, df=tests.df2, statistic=tests.f2),
        outcome("F1xF2", tests.p_both),
        outcome("minF", tests.p_min, df=tests.df_min, statistic=tests.min_f),
    ]


def check_columns(analysis: Any, frame: pd.DataFrame, effect: str) -> None:
    """Refuse an analysis of columns that the design does not have."""
    for argument, name in (("subject", analysis.subject), ("item", analysis.item), ("effect", effect)):
        if name not in frame.columns:
            raise ValueError(
                f"{argument} is {name!r}, and the design has {', '.join(map(str, frame.columns))}"
            )


def p_values_of_f(
    Y: Floats, subject: ArrayLike, item: ArrayLike, condition: Floats, effects: Sequence[float]
) -> dict[str, Floats]:
    """p-values of F1, F2, F1xF2 and min F' with each of some effects of the condition added to Y, (n_effects, n_rep)."""
    tests = [
        outcomes(by_subject_and_item(Y + effect * condition, subject, item, condition)) for effect in effects
    ]
    return {same[0].test: np.array([found.p for found in same]) for same in zip(*tests, strict=True)}


@dataclass(frozen=True)
class ByUnits:
    """The F tests of this module in the place of a model in a study.

    ``mm.type1(..., models={"anova": ByUnits("subject", "item")})`` has four tests: ``"F1"``, ``"F2"``,
    ``"F1xF2"`` and ``"minF"``.

    Attributes
    ----------
    subject, item : str
        Columns of the design.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> frame = mm.cross(subject=8, item=6, x=[-0.5, 0.5]).data
    >>> Y = np.random.default_rng(1).normal(size=(3, 96))
    >>> [found.test for found in ByUnits("subject", "item").analyse(frame, Y, "x", ())]
    ['F1', 'F2', 'F1xF2', 'minF']
    """

    subject: str
    item: str

    def check(self, frame: pd.DataFrame, effect: str) -> None:
        """Raise a ValueError if the design lacks a column."""
        check_columns(self, frame, effect)

    def analyse(self, frame: pd.DataFrame, Y: Floats, effect: str, tests: Sequence[str]) -> list[Outcome]:
        """Test the effect, a column of two values, in each data set."""
        del tests
        return outcomes(by_subject_and_item(Y, frame[self.subject], frame[self.item], frame[effect]))
