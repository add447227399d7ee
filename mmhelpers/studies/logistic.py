"""A logistic mixed model in the place of a model in a study: power for answers of yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.glmm import fit_logistic
from mmhelpers.model import build_matrices
from mmhelpers.results import Matrices
from mmhelpers.studies.effect import effect_columns
from mmhelpers.studies.outcome import Outcome, outcome

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A logistic mixed model with random intercepts of one grouping factor, in the place of a model in a study.

    A formula in `study`, `power` and `type1` is fitted as a *linear* mixed model, whatever the truth's family.
    ``models={"logistic": Logistic("ok ~ arm + (1 | clinic)")}`` fits by `fit_logistic` and tests the effect by Wald's z.
    It has that one test, whatever `tests` asks of the others. Data sets that lose rows of their own (`missing` of a study)
    are fitted one by one, at a few a second; rows that the design lacks from the start cost nothing.

    Attributes
    ----------
    formula : str
        As in `fit`, with one term of random intercepts, ``(1 | clinic)``.
    trials : int or str
        Trials of each row, or the column that has them: what the truth's `Binomial` has.
    points : int
        Points of the adaptive quadrature.

    Raises
    ------
    ValueError
        If the formula has other random effects, or the effect has several coefficients.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(clinic=30).between("clinic", arm=["old", "new"]).nest(patient=10, within="clinic")
    >>> truth = mm.Truth("ok ~ arm + (1 | clinic)", beta=[0, 0.9], sd={"clinic": 0.5}, family=mm.Binomial())
    >>> models = {"logistic": mm.Logistic("ok ~ arm + (1 | clinic)")}
    >>> found = mm.power(design, truth, models, "armnew", n_rep=200, seed=1)
    >>> found[["test", "rate", "exaggeration"]].round(1)
       test  rate  exaggeration
    0  wald   0.9           1.1
    """

    formula: str
    trials: int | str = 1
    points: int = 15

    def check(self, frame: pd.DataFrame, effect: str) -> None:
        """Raise a ValueError if the model does not fit the design, or the effect is not one coefficient."""
        self._bind(frame, effect)
        self._trials(frame)

    def analyse(self, frame: pd.DataFrame, Y: Floats, effect: str, tests: Sequence[str]) -> list[Outcome]:
        """Test the effect, one coefficient, in each data set."""
        del tests
        from scipy.special import ndtr

        matrices, columns = self._bind(frame, effect)
        cluster, trials = matrices.terms[0].index, self._trials(frame)
        beta, se = np.full(len(Y), np.nan), np.full(len(Y), np.nan)
        converged, singular = np.zeros(len(Y), dtype=bool), np.zeros(len(Y), dtype=bool)
        said = np.full(len(Y), "", dtype=object)
        holes = np.isnan(Y)
        whole = np.flatnonzero(~holes.any(axis=1))
        parts = [(whole, np.ones(len(frame), dtype=bool))] if whole.size else []
        parts += [(np.array([r]), ~holes[r]) for r in np.flatnonzero(holes.any(axis=1))]
        for rows, kept in parts:
            try:
                fits = fit_logistic(
                    Y[np.ix_(rows, kept)],
                    matrices.X[kept],
                    cluster[kept],
                    trials=trials[kept],
                    points=self.points,
                )
            except ValueError as error:  # what is left cannot carry the model
                said[rows] = str(error)
                continue
            beta[rows], se[rows] = fits.beta[:, columns[0]], fits.se[:, columns[0]]
            converged[rows], singular[rows] = fits.converged, fits.singular
        good = converged & np.isfinite(se) & (se > 0)
        with np.errstate(all="ignore"):
            z = np.where(good, beta / se, np.nan)
        said = np.where(~good & (said == ""), "the fit did not converge", said)
        return [
            outcome(
                "wald",
                2 * ndtr(-np.abs(z)),
                estimate=beta,
                se=se,
                df=np.inf,
                statistic=z,
                converged=good,
                singular=singular,
                message=said,
            )
        ]

    def _bind(self, frame: pd.DataFrame, effect: str) -> tuple[Matrices, NDArray[np.intp]]:
        matrices = build_matrices(self.formula, frame, response=False)
        if len(matrices.terms) != 1 or matrices.terms[0].columns != ("(Intercept)",):
            raise ValueError(
                f"Logistic: {self.formula!r} must have one term of random intercepts, such as (1 | clinic), and no other"
            )
        columns = effect_columns(matrices, effect)
        if len(columns) != 1:
            raise ValueError(
                f"effect: Logistic tests one coefficient, and {effect} has {len(columns)}: name one of "
                f"{', '.join(matrices.x_names[j] for j in columns)}"
            )
        return matrices, columns

    def _trials(self, frame: pd.DataFrame) -> Floats:
        given: Any = self.trials
        if isinstance(given, str):
            if given not in frame.columns:
                raise ValueError(
                    f"Logistic: trials is {given!r}, which the design does not have; it has {', '.join(frame.columns)}"
                )
            return frame[given].to_numpy(dtype=float)
        return np.full(len(frame), float(given))
