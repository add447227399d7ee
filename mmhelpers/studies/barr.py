r"""The simulations of Barr, Levy, Scheepers & Tily (2013), J. Mem. Lang. 68, 255-278.

Each data set is an experiment of its own, with population values drawn anew:

- intercept U(-3, 3), effect 0 or 0.8, residual variance U(0, 3);
- variances of the subjects' intercepts and slopes and of the items', each U(0, 3), with correlations
  U(-.8, .8);
- a share U(0, .05) of the observations missing, exactly ``round(share * n)`` of them, anywhere.

Twenty-four subjects see each of 12 or 24 items once, in one of two conditions (-.5 and .5). Between
items, the condition belongs to the item (items have no slope); within items, it alternates over items
for odd subjects and the other way round for even ones.

All models are fitted by maximum likelihood. The effect is tested by the likelihood ratio (``chi``,
1 df), by t taken for a standard normal (``t``), and by the F tests of `mmhelpers.studies.anova`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import fit_arrays
from mmhelpers.results import Fits
from mmhelpers.studies.anova import by_subject_and_item, outcomes, p_values_of_f
from mmhelpers.studies.generators import completed, generators_of, need_number
from mmhelpers.studies.ml_tests import EffectTest, Terms, effect_tests, not_converged
from mmhelpers.studies.outcome import Outcome, outcome

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Effects in the data: none, and that of the paper's power simulations.
EFFECTS = (0.0, 0.8)
#: What the models have for a random effect of subjects (and of items, within items).
MODELS: dict[str, str] = {
    "RI": "random intercepts only",
    "MAX": "maximal: random intercepts and slopes with their correlation",
    "NRC": "intercepts and slopes, no random correlations",
    "NWI": "slopes, no intercepts where there is a slope",
}


@dataclass(frozen=True)
class Cell:
    """One design of the paper.

    Attributes
    ----------
    n_items : int
        12 or 24 in the paper; even.
    within_items : bool
        Whether every item is seen in both conditions.
    n_subjects : int
        24 in the paper.
    """

    n_items: int
    within_items: bool
    n_subjects: int = 24

    @property
    def name(self) -> str:
        """``"wsbi24"`` or ``"wswi12"``, the paper's names with the number of items."""
        return f"ws{'wi' if self.within_items else 'bi'}{self.n_items}"

    @property
    def subject(self) -> NDArray[np.intp]:
        """Subject of each observation."""
        return np.repeat(np.arange(self.n_subjects), self.n_items)

    @property
    def item(self) -> NDArray[np.intp]:
        """Item of each observation."""
        return np.tile(np.arange(self.n_items), self.n_subjects)

    @property
    def condition(self) -> Floats:
        """Condition of each observation, -.5 or .5."""
        odd = self.item % 2
        return np.asarray((odd + self.subject * self.within_items) % 2 - 0.5, dtype=float)


#: The four designs, in the order in which their seeds are spawned.
CELLS = (Cell(12, False), Cell(24, False), Cell(12, True), Cell(24, True))


def draw(cell: Cell, seed: int, replicates: Iterable[int]) -> Floats:
    """Data sets of one design under the null hypothesis.

    Each data set has a generator of its own, ``SeedSequence(seed, spawn_key=(cell, replicate))``, so
    that any of them can be drawn alone.

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
        NaN where a cell is missing.

    Examples
    --------
    >>> import numpy as np
    >>> Y = draw(CELLS[0], 2013, range(3))
    >>> Y.shape, bool(np.array_equal(Y[2], draw(CELLS[0], 2013, [2])[0], equal_nan=True))
    ((3, 288), True)
    """
    return draw_from(cell, generators_of(seed, CELLS.index(cell), replicates))


def draw_from(cell: Cell, generators: Iterable[np.random.Generator]) -> Floats:
    """Draw a data set from each generator; shape (number of generators, n)."""
    subject, item, condition = cell.subject, cell.item, cell.condition
    n = len(subject)
    rows = []
    for rng in generators:
        intercept, r_subject, r_item, share = rng.uniform([-3, -0.8, -0.8, 0], [3, 0.8, 0.8, 0.05])
        error, t00, t11, w00, w11 = rng.uniform(0.0, 3.0, size=5)
        s0, s1 = _effects(rng, cell.n_subjects, t00, t11, r_subject)
        i0, i1 = _effects(rng, cell.n_items, w00, w11, r_item)
        slope = s1[subject] + (i1[item] if cell.within_items else 0.0)
        y = intercept + s0[subject] + i0[item] + slope * condition + np.sqrt(error) * rng.normal(size=n)
        y[rng.permutation(n)[: round(n * share)]] = np.nan
        rows.append(y)
    return np.array(rows)


def _effects(
    rng: np.random.Generator, levels: int, intercept: float, slope: float, correlation: float
) -> tuple[Floats, Floats]:
    """Intercepts and slopes with the given variances and correlation."""
    z = rng.normal(size=(2, levels))
    return np.sqrt(intercept) * z[0], np.sqrt(slope) * (
        correlation * z[0] + np.sqrt(1 - correlation**2) * z[1]
    )


def random_terms(cell: Cell, model: str) -> Terms:
    """Random-effects terms of a model on a design, for `mmhelpers.fit_arrays`.

    Besides `MODELS` there are the two of the fall-back: ``"SRS"`` (slopes of subjects only) and
    ``"IRS"`` (slopes of items only).
    """
    one = np.ones(len(cell.subject))
    x = cell.condition
    both = np.column_stack([one, x])
    kinds: dict[str, list[Floats]] = {"intercept": [one], "full": [both], "apart": [one, x], "slope": [x]}
    of_subject, of_item = {
        "RI": ("intercept", "intercept"),
        "MAX": ("full", "full"),
        "NRC": ("apart", "apart"),
        "NWI": ("slope", "slope"),
        "SRS": ("full", "intercept"),
        "IRS": ("intercept", "full"),
    }[model]
    if not cell.within_items:
        of_item = "intercept"
    return [(cell.subject, z) for z in kinds[of_subject]] + [(cell.item, z) for z in kinds[of_item]]


def slope_variances(fits: Fits) -> Floats:
    """Estimated slope variance of every term of intercept and slope, shape (n_terms, n_rep)."""
    parts = fits.matrices.split_theta(fits.theta)
    sigma2 = fits.sigma**2
    return np.array([sigma2 * (part[:, 1] ** 2 + part[:, 2] ** 2) for part in parts if part.shape[1] == 3])


def fit_model(
    cell: Cell,
    model: str,
    Y: Floats,
    shifts: Sequence[float] = EFFECTS,
    fails: Callable[[Fits], Bools] = not_converged,
) -> tuple[EffectTest, NDArray[np.intp]]:
    """Test the condition with one model; where the maximal model fails, with the paper's fall-back.

    A maximal fit that fails is replaced: within items by the model without the slope (of subjects or of
    items) whose variance was estimated smaller, and if that fails too, or between items, by the model
    without slopes.

    Parameters
    ----------
    cell : Cell
    model : {"RI", "MAX", "NRC", "NWI"}
    Y : ndarray, shape (n_rep, n)
    shifts : sequence of float
        Effects to be added to the data.
    fails : callable
        Which fits count as failed, given `mmhelpers.Fits`; by default those not converged.

    Returns
    -------
    EffectTest
        Of the model used in the end.
    dropped : ndarray of int, shape (n_rep,)
        How many slopes were dropped: 0, 1 or 2.

    Examples
    --------
    With singular fits counted as failed, as many people do:

    >>> import numpy as np
    >>> Y = draw(CELLS[2], 1, range(40))
    >>> tests, dropped = fit_model(CELLS[2], "MAX", Y, fails=lambda fits: fits.singular)
    >>> bool(dropped.any()), bool((tests.failed & (dropped < 2)).any())
    (True, False)
    """
    x = cell.condition
    X = np.column_stack([np.ones(len(x)), x])
    fits = fit_arrays(X, random_terms(cell, model), Y, reml=False, missing="drop")
    tests = effect_tests(X, random_terms(cell, model), Y, 1, shifts, fails, fits)
    dropped = np.zeros(len(Y), dtype=np.intp)
    if model != "MAX" or not tests.failed.any():
        return tests, dropped
    left = np.flatnonzero(tests.failed)
    if cell.within_items:
        of_subject, of_item = slope_variances(fits)[:, left]
        keep_subject = of_subject > of_item
        for name, chosen in (("SRS", left[keep_subject]), ("IRS", left[~keep_subject])):
            if len(chosen):
                again = effect_tests(X, random_terms(cell, name), Y[chosen], 1, shifts, fails)
                tests, dropped[chosen] = _replace(tests, chosen, again), 1
        left = left[tests.failed[left]]
    if len(left):
        again = effect_tests(X, random_terms(cell, "RI"), Y[left], 1, shifts, fails)
        tests, dropped[left] = _replace(tests, left, again), 2 if cell.within_items else 1
    return tests, dropped


def _replace(tests: EffectTest, rows: NDArray[np.intp], new: EffectTest) -> EffectTest:
    """Put the results of some data sets in the place of the old ones."""
    out = {}
    for name in tests.__dataclass_fields__:
        array = getattr(tests, name).copy()
        array[..., rows] = getattr(new, name)
        out[name] = array
    return EffectTest(**out)


def p_values(cell: Cell, Y: Floats, models: Sequence[str] = ("RI", "MAX")) -> dict[str, Floats]:
    """All p-values of the data sets, for every effect of `EFFECTS`.

    Parameters
    ----------
    cell : Cell
    Y : ndarray, shape (n_rep, n)
        Data sets without an effect.
    models : sequence of str
        Of `MODELS`, or ``"anova"`` for F1, F2, F1xF2 and min F'.

    Returns
    -------
    dict of ndarray
        ``"F1"``, ``"F2"``, ``"F1xF2"``, ``"minF"``, ``"MAX.chi"``, ``"MAX.t"`` ...: p-values, shape
        (2, n_rep), NaN where a fit failed; ``"MAX.singular"``, ``"MAX.failed"``, ``"MAX.dropped"``:
        counts, shape (n_rep,).

    Examples
    --------
    >>> sorted(p_values(CELLS[0], draw(CELLS[0], 2013, range(4)), ["anova", "RI"]))
    ['F1', 'F1xF2', 'F2', 'RI.chi', 'RI.dropped', 'RI.failed', 'RI.singular', 'RI.t', 'minF']
    """
    out: dict[str, Floats] = {}
    for model in models:
        if model == "anova":
            out |= p_values_of_f(Y, cell.subject, cell.item, cell.condition, EFFECTS)
            continue
        tested, dropped = fit_model(cell, model, Y)
        out[f"{model}.chi"], out[f"{model}.t"] = tested.p_chi, tested.p_t
        out[f"{model}.singular"] = tested.singular.astype(float)
        out[f"{model}.failed"] = (tested.failed | tested.failed_null.any(0)).astype(float)
        out[f"{model}.dropped"] = dropped.astype(float)
    return out


def check(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a cell of a study, complete: items, within, effect, models.

    Examples
    --------
    >>> check({"items": 24, "within": True})
    {'items': 24, 'within': True, 'effect': 0.0, 'models': ['anova', 'RI', 'MAX']}
    """
    defaults = {"items": 24, "within": True, "effect": 0.0, "models": ["anova", "RI", "MAX"]}
    out = completed("barr2013", defaults, params)
    if (
        isinstance(out["items"], bool)
        or not isinstance(out["items"], int)
        or out["items"] < 4
        or out["items"] % 2
    ):
        raise ValueError(f"items must be an even number, 4 or more, not {out['items']!r}")
    if not isinstance(out["within"], bool):
        raise ValueError(f"within must be true or false, not {out['within']!r}")
    need_number("effect", out["effect"])
    known = ["anova", *MODELS]
    if not isinstance(out["models"], list | tuple) or not out["models"]:
        raise ValueError(f"models must be a list of some of {', '.join(known)}")
    for model in out["models"]:
        if model not in known:
            raise ValueError(f"models: there is no {model!r}; there are {', '.join(known)}")
    return out


def describe(params: Mapping[str, Any]) -> str:
    """Say in one line what a cell simulates.

    Examples
    --------
    >>> describe(check({"items": 12, "within": False}))
    'Barr et al. (2013): 24 subjects, 12 items, condition between items, effect 0.0; anova, RI, MAX'
    """
    where = "within" if params["within"] else "between"
    return (
        f"Barr et al. (2013): 24 subjects, {params['items']} items, condition {where} items, "
        f"effect {params['effect']}; {', '.join(params['models'])}"
    )


def rows(rng: np.random.Generator, n_rep: int, params: Mapping[str, Any]) -> dict[str, list[Outcome]]:
    """Draw and analyse n_rep data sets of a cell; `mmhelpers.studies.generators` says how it is used."""
    cell = Cell(params["items"], params["within"])
    Y = draw_from(cell, rng.spawn(n_rep)) + params["effect"] * cell.condition
    out: dict[str, list[Outcome]] = {}
    for model in params["models"]:
        if model == "anova":
            out[model] = outcomes(by_subject_and_item(Y, cell.subject, cell.item, cell.condition))
            continue
        tests, dropped = fit_model(cell, model, Y, shifts=(0.0,))
        said = np.full(n_rep, "", dtype=object)
        said[dropped == 1] = "did not converge: one slope dropped"
        said[dropped == 2] = "did not converge: both slopes dropped"
        said[tests.failed | tests.failed_null[0]] = "did not converge"
        common: dict[str, Any] = {
            "estimate": tests.estimate[0], "se": tests.se, "singular": tests.singular, "message": said,
        }  # fmt: skip
        t = tests.estimate[0] / tests.se
        out[model] = [
            outcome("chisq", tests.p_chi[0], df=1.0, statistic=tests.chi2[0], **common),
            outcome("t-as-z", tests.p_t[0], df=np.inf, statistic=t, **common),
        ]
    return out
