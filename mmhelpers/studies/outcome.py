"""What an analysis says about the data sets of a block: estimates, p-values, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One test on each of R data sets.

    Made by `outcome`, which fills in and checks what is left out.

    Attributes
    ----------
    test : str
        Name of the test: ``"satterthwaite"``, ``"lrt"``, ``"F"``.
    estimate, se, df, statistic, p : ndarray, shape (R,)
        NaN where there is no such number; a data set whose p is NaN counts as failed.
    converged, singular : ndarray of bool, shape (R,)
    message : ndarray of str, shape (R,)
        Empty where nothing went wrong.
    """

    test: str
    estimate: Floats
    se: Floats
    df: Floats
    statistic: Floats
    p: Floats
    converged: NDArray[np.bool_]
    singular: NDArray[np.bool_]
    message: NDArray[np.object_]


def outcome(
    test: str,
    p: ArrayLike,
    *,
    estimate: ArrayLike | None = None,
    se: ArrayLike | None = None,
    df: ArrayLike | None = None,
    statistic: ArrayLike | None = None,
    converged: ArrayLike | None = None,
    singular: ArrayLike | None = None,
    message: Sequence[str] | NDArray[Any] | None = None,
) -> Outcome:
    """Make an `Outcome` from p-values and whatever else there is.

    Parameters
    ----------
    test : str
    p : array_like, shape (R,)
    estimate, se, df, statistic : array_like, shape (R,) or (), optional
        NaN if left out.
    converged : array_like of bool, optional
        By default where p is a number.
    singular : array_like of bool, optional
        By default nowhere.
    message : sequence of str, optional

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If a p is not between 0 and 1, or a length differs.

    Examples
    --------
    >>> found = outcome("F", [0.2, float("nan")], df=11)
    >>> found.converged.tolist(), found.df.tolist(), found.message.tolist()
    ([True, False], [11.0, 11.0], ['', ''])
    """
    p = np.asarray(p, dtype=float)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ValueError(f"{test}: p must be one number between 0 and 1 (or NaN) a data set")
    R = len(p)

    def numbers(given: ArrayLike | None) -> Floats:
        values = np.full(R, np.nan) if given is None else np.asarray(given, dtype=float)
        return np.ascontiguousarray(np.broadcast_to(values, (R,)))

    def flags(given: ArrayLike | None, default: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return default if given is None else np.broadcast_to(np.asarray(given, dtype=bool), (R,)).copy()

    said = np.full(R, "", dtype=object) if message is None else np.asarray(message, dtype=object)
    if said.shape != (R,):
        raise ValueError(f"{test}: {R} data sets need as many messages, not {said.shape}")
    return Outcome(
        test,
        numbers(estimate),
        numbers(se),
        numbers(df),
        numbers(statistic),
        p,
        flags(converged, ~np.isnan(p)),
        flags(singular, np.zeros(R, dtype=bool)),
        said,
    )


@runtime_checkable
class Analysis(Protocol):
    """What can stand for a model in a study: anything that tests an effect in many data sets on one design.

    A formula stands for the mixed model of that formula; other analyses (tests on means by subject, a
    selection of random slopes) are objects with this method. They must be picklable and must not draw
    random numbers. A method ``check(frame, effect)``, if there is one, is asked before anything is simulated and raises a
    ValueError if the analysis does not fit the design.

    Examples
    --------
    A one-sample t test on the means of the subjects:

    >>> import mmhelpers as mm
    >>> from scipy import stats
    >>> class SubjectMeans:
    ...     def analyse(self, frame, Y, effect, tests):
    ...         means = Y.reshape(len(Y), 6, -1).mean(2)
    ...         return [mm.studies.outcome("t", stats.ttest_1samp(means, 0, axis=1).pvalue, df=5)]
    >>> truth = mm.Truth("y ~ 1 + (1 | g)", beta=[0], sd={"g": 1}, sigma=1)
    >>> models = {"mixed": "y ~ 1 + (1 | g)", "means": SubjectMeans()}
    >>> rows = mm.study(mm.cross(g=6, i=4), truth, models, "(Intercept)", n_rep=100, seed=1)
    >>> mm.rates(rows)[["model", "test", "rate"]]
       model           test  rate
    0  mixed  satterthwaite  0.03
    1  means              t  0.03
    """

    def analyse(self, frame: pd.DataFrame, Y: Floats, effect: str, tests: Sequence[str]) -> Sequence[Outcome]:
        """Test the effect in each data set.

        Parameters
        ----------
        frame : DataFrame
            The design, one row an observation, without the response.
        Y : ndarray, shape (R, n)
            A response a row; NaN where a data set lacks an observation.
        effect : str
            A coefficient or a model term.
        tests : sequence of str
            Of ``"satterthwaite"``, ``"kenward-roger"``, ``"wald"``, ``"lrt"``; an analysis that has tests of
            its own may ignore them.

        Returns
        -------
        sequence of Outcome
            A test each.
        """
        ...
