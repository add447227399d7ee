r"""The simulations of Matuschek, Kliegl, Vasishth, Baayen & Bates (2017), J. Mem. Lang. 94, 305-315.

Subjects see every item once in each of two conditions (-.5 and .5). Intercepts of subjects and items have
SD 100, the residual 300, slopes of both the SD that the study varies (0 to 120), correlated .6 with the
intercepts. Five models are fitted by maximum likelihood, from the maximal one down:

    max   y ~ x + (x | subject) + (x | item)
    nrc   y ~ x + (x || subject) + (x || item)
    zis   y ~ x + (x || subject) + (1 | item)
    zss   y ~ x + (1 | subject) + (x || item)
    rio   y ~ x + (1 | subject) + (1 | item)

and the effect is tested by likelihood ratio in the maximal model, in the one with the smallest AIC, and in
the one that backward selection ends at. Backward selection takes a step where the likelihood ratio test of
the term to be dropped has p > .2, along max, nrc, zis, rio and along max, nrc, zss, rio, and keeps the larger
of the two models it ends at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.studies.anova import by_subject_and_item, check_columns, outcomes, p_values_of_f
from mmhelpers.studies.generators import completed, generators_of, need_number
from mmhelpers.studies.ml_tests import EffectTest, Terms, effect_tests
from mmhelpers.studies.outcome import Outcome, outcome

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: Models, largest first, and the number of their parameters (fixed effects, covariances, residual).
MODELS: dict[str, int] = {"max": 9, "nrc": 7, "zis": 6, "zss": 6, "rio": 5}
#: The two ways down.
PATHS = (("max", "nrc", "zis", "rio"), ("max", "nrc", "zss", "rio"))
#: SD of the random slopes, of subjects and items alike.
SLOPE_SD = (0, 20, 40, 60, 80, 100, 120)
#: Effects in the data: none, and that of the power simulations.
EFFECTS = (0.0, 25.0)
#: Level of the likelihood ratio tests of backward selection.
SELECTION_ALPHA = 0.2


@dataclass(frozen=True)
class Cell:
    """One design with one slope SD."""

    n_subjects: int
    n_items: int
    slope_sd: float

    @property
    def name(self) -> str:
        """Such as ``"30x10sd20"``."""
        return f"{self.n_subjects}x{self.n_items}sd{self.slope_sd}"

    @property
    def subject(self) -> Ints:
        """Subject of each observation."""
        return np.repeat(np.arange(self.n_subjects), 2 * self.n_items)

    @property
    def item(self) -> Ints:
        """Item of each observation."""
        return np.tile(np.repeat(np.arange(self.n_items), 2), self.n_subjects)

    @property
    def condition(self) -> Floats:
        """Condition of each observation, -.5 or .5."""
        return np.tile([-0.5, 0.5], self.n_subjects * self.n_items)


#: The designs in the order in which their seeds are spawned.
CELLS = tuple(Cell(n, m, sd) for n, m in ((30, 10), (50, 20)) for sd in SLOPE_SD)


def draw(cell: Cell, seed: int, replicates: Iterable[int]) -> Floats:
    """Data sets under the null hypothesis; each has a generator of its own.

    Parameters
    ----------
    cell : Cell
        One of `CELLS`.
    seed : int
    replicates : iterable of int
        Numbers of the data sets.

    Returns
    -------
    ndarray, shape (len(replicates), n)

    Examples
    --------
    >>> draw(CELLS[0], 2017, range(3)).shape
    (3, 600)
    """
    return draw_from(cell, generators_of(seed, CELLS.index(cell), replicates))


def draw_from(cell: Cell, generators: Iterable[np.random.Generator]) -> Floats:
    """Draw a data set from each generator; shape (number of generators, n)."""
    subject, item, condition = cell.subject, cell.item, cell.condition
    rows = []
    for rng in generators:
        y = 2000.0 + 300.0 * rng.normal(size=len(subject))
        for levels, index in ((cell.n_subjects, subject), (cell.n_items, item)):
            z = rng.normal(size=(2, levels))
            y += 100.0 * z[0, index] + cell.slope_sd * (0.6 * z[0, index] + 0.8 * z[1, index]) * condition
        rows.append(y)
    return np.array(rows)


def random_terms(subject: ArrayLike, item: ArrayLike, x: ArrayLike, model: str) -> Terms:
    """Random-effects terms of one of `MODELS`, for `mmhelpers.fit_arrays`.

    Examples
    --------
    >>> [np.shape(z) for _, z in random_terms([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 1, 0], "zis")]
    [(4, 1), (4, 1), (4, 1)]
    """
    x = np.asarray(x, dtype=float)[:, None]
    one = np.ones_like(x)
    full, apart, intercept = [np.hstack([one, x])], [one, x], [one]
    of_subject, of_item = {
        "max": (full, full),
        "nrc": (apart, apart),
        "zis": (apart, intercept),
        "zss": (intercept, apart),
        "rio": (intercept, intercept),
    }[model]
    return [(subject, z) for z in of_subject] + [(item, z) for z in of_item]


def select_by_aic(deviance: ArrayLike) -> Ints:
    """Number of the model with the smallest AIC, shape (n_rep,).

    Parameters
    ----------
    deviance : array_like, shape (5, n_rep)
        Of the models in the order of `MODELS`, by maximum likelihood.
    """
    penalty = 2.0 * np.array(list(MODELS.values()))
    return np.asarray(np.argmin(np.asarray(deviance) + penalty[:, None], axis=0))


def select_backward(deviance: ArrayLike, alpha: float = SELECTION_ALPHA) -> Ints:
    """Number of the model that backward selection by likelihood ratio tests keeps, shape (n_rep,).

    Parameters
    ----------
    deviance : array_like, shape (5, n_rep)
        Of the models in the order of `MODELS`, by maximum likelihood.
    alpha : float
        A term stays where the test of dropping it has p <= alpha. The chi-square has the df that the
        number of parameters says; that a variance lies on the boundary of its range is ignored, as in
        the paper (it makes the test keep fewer slopes than its level says).

    Examples
    --------
    Of the models max, nrc, zis, zss and rio:

    >>> list(MODELS)[select_backward([[100.0], [100.5], [130.0], [101.0], [140.0]])[0]]
    'nrc'
    >>> list(MODELS)[select_backward([[100.0], [100.5], [101.0], [101.0], [101.5]])[0]]
    'rio'
    """
    from scipy import special

    deviance = np.asarray(deviance, dtype=float)
    names = list(MODELS)
    ends = []
    for path in PATHS:
        at = np.full(deviance.shape[1], names.index(path[0]))
        going = np.ones(deviance.shape[1], dtype=bool)
        for large, small in pairwise(path):
            i, j = names.index(large), names.index(small)
            p = special.chdtrc(MODELS[large] - MODELS[small], np.maximum(deviance[j] - deviance[i], 0.0))
            going &= p > alpha
            at[going] = j
        ends.append(at)
    return np.asarray(np.minimum(*ends))


def fit_all(
    subject: ArrayLike, item: ArrayLike, x: ArrayLike, Y: Floats, shifts: Sequence[float] = (0.0,)
) -> list[EffectTest]:
    """Test the effect of x with each of `MODELS`, by maximum likelihood."""
    x = np.asarray(x, dtype=float)
    X = np.column_stack([np.ones(len(x)), x])
    return [effect_tests(X, random_terms(subject, item, x, model), Y, 1, shifts) for model in MODELS]


def p_values(cell: Cell, Y: Floats, effects: Sequence[float] = EFFECTS) -> dict[str, Floats]:
    """All p-values of the data sets, for every effect.

    Parameters
    ----------
    cell : Cell
    Y : ndarray, shape (n_rep, n)
        Data sets without an effect.
    effects : sequence of float
        Effects to be added.

    Returns
    -------
    dict of ndarray
        ``"F1"``, ``"F2"``, ``"F1xF2"``, ``"minF"``, ``"max"``, ``"nrc"``, ``"zis"``, ``"zss"``, ``"rio"``,
        ``"AIC"``, ``"LRT"``: p-values, shape (n_effects, n_rep); ``"AIC.model"``, ``"LRT.model"``: number
        of the model chosen; ``"deviance"``, ``"singular"``, ``"failed"``: shape (5, n_rep).
    """
    out = p_values_of_f(Y, cell.subject, cell.item, cell.condition, effects)
    tested = fit_all(cell.subject, cell.item, cell.condition, Y, effects)
    p = np.array([t.p_chi for t in tested])
    out |= dict(zip(MODELS, p, strict=True))
    out["deviance"] = np.array([t.deviance for t in tested])
    out["singular"] = np.array([t.singular for t in tested], dtype=float)
    out["failed"] = np.array([t.failed | t.failed_null.any(0) for t in tested], dtype=float)
    for name, chosen in (("AIC", select_by_aic(out["deviance"])), ("LRT", select_backward(out["deviance"]))):
        out[name] = np.take_along_axis(p, chosen[None, None], axis=0)[0]
        out[f"{name}.model"] = chosen.astype(float)
    return out


def _selected(tested: Sequence[EffectTest], rule: str) -> Outcome:
    """The likelihood ratio test in the model that a rule selects: ``"max"``, ``"AIC"`` or ``"LRT"``."""
    deviance = np.array([t.deviance for t in tested])
    if rule == "max":
        chosen = np.zeros(deviance.shape[1], dtype=np.intp)
    else:
        chosen = select_by_aic(deviance) if rule == "AIC" else select_backward(deviance)

    def pick(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.asarray(np.take_along_axis(np.array(values), chosen[None], axis=0)[0])

    failed = pick([t.failed | t.failed_null[0] for t in tested])
    names = np.array(list(MODELS), dtype=object)[chosen]
    message = np.array(
        [f"{name}{': did not converge' if f else ''}" for name, f in zip(names, failed, strict=True)]
    )
    return outcome(
        rule,
        pick([t.p_chi[0] for t in tested]),
        estimate=pick([t.estimate[0] for t in tested]),
        se=pick([t.se for t in tested]),
        df=1.0,
        statistic=pick([t.chi2[0] for t in tested]),
        singular=pick([t.singular for t in tested]),
        message=message.astype(object),
    )


@dataclass(frozen=True)
class SlopeSelection:
    """Backward selection of random slopes in the place of a model in a study.

    ``mm.type1(..., models={"selected": SlopeSelection("subject", "item")})`` has three tests: the likelihood
    ratio in the maximal model (``"max"``), in the one with the smallest AIC (``"AIC"``), and in the one that
    backward selection keeps (``"LRT"``). The message of each row names the model.

    Attributes
    ----------
    subject, item : str
        Columns of the design.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> frame = mm.cross(subject=9, item=9, x=[-0.5, 0.5]).data
    >>> Y = np.random.default_rng(1).normal(size=(3, 162))
    >>> found = SlopeSelection("subject", "item").analyse(frame, Y, "x", ())
    >>> [outcome.test for outcome in found], found[0].message.tolist()
    (['max', 'AIC', 'LRT'], ['max', 'max', 'max'])
    """

    subject: str
    item: str

    def check(self, frame: pd.DataFrame, effect: str) -> None:
        """Raise a ValueError if the design lacks a column."""
        check_columns(self, frame, effect)

    def analyse(self, frame: pd.DataFrame, Y: Floats, effect: str, tests: Sequence[str]) -> list[Outcome]:
        """Test the effect, a column of numbers, in each data set."""
        del tests
        tested = fit_all(frame[self.subject], frame[self.item], frame[effect], Y)
        return [_selected(tested, rule) for rule in ("max", "AIC", "LRT")]


def check(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a cell of a study, complete: subjects, items, slope_sd, effect.

    Examples
    --------
    >>> check({"slope_sd": 40})
    {'subjects': 30, 'items': 10, 'slope_sd': 40, 'effect': 0.0}
    """
    defaults = {"subjects": 30, "items": 10, "slope_sd": 0, "effect": 0.0}
    out = completed("matuschek2017", defaults, params)
    for name in ("subjects", "items"):
        if isinstance(out[name], bool) or not isinstance(out[name], int) or out[name] < 3:
            raise ValueError(f"{name} must be a whole number, 3 or more, not {out[name]!r}")
    for name in ("slope_sd", "effect"):
        need_number(name, out[name])
    if out["slope_sd"] < 0:
        raise ValueError(f"slope_sd must not be negative, but is {out['slope_sd']!r}")
    return out


def describe(params: Mapping[str, Any]) -> str:
    """Say in one line what a cell simulates.

    Examples
    --------
    >>> describe(check({"slope_sd": 40}))
    'Matuschek et al. (2017): 30 subjects, 10 items, slope SD 40, effect 0.0; five models, AIC and LRT selection'
    """
    return (
        f"Matuschek et al. (2017): {params['subjects']} subjects, {params['items']} items, slope SD "
        f"{params['slope_sd']}, effect {params['effect']}; five models, AIC and LRT selection"
    )


def rows(rng: np.random.Generator, n_rep: int, params: Mapping[str, Any]) -> dict[str, list[Outcome]]:
    """Draw and analyse n_rep data sets of a cell; `mmhelpers.studies.generators` says how it is used."""
    cell = Cell(params["subjects"], params["items"], params["slope_sd"])
    Y = draw_from(cell, rng.spawn(n_rep)) + params["effect"] * cell.condition
    tested = fit_all(cell.subject, cell.item, cell.condition, Y)
    return {
        "anova": outcomes(by_subject_and_item(Y, cell.subject, cell.item, cell.condition)),
        "selected": [_selected(tested, rule) for rule in ("max", "AIC", "LRT")],
    }
