"""The plan of a study: which cells, how many data sets, from which seed; and as plain data, to write into files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmhelpers.design import Design
from mmhelpers.simulation import Binomial, Gaussian, Truth
from mmhelpers.simulation.streams import cell_seed
from mmhelpers.studies.cells import Cell, DesignCell, GeneratorCell, _law, _model
from mmhelpers.studies.effect import TESTS
from mmhelpers.studies.generators import find_generator
from mmhelpers.studies.logistic import Logistic
from mmhelpers.studies.outcome import Analysis
from mmhelpers.studies.record import (
    as_design,
    design_from,
    design_record,
    fingerprint,
    model_from,
    model_record,
    plain,
    truth_from,
    truth_record,
)

#: Numbers in the responses of a block, and data sets in one at most.
BLOCK_NUMBERS, BLOCK_MOST = 400_000, 2000
SINGLE = ""  # label of a design or truth that has no name


@dataclass(frozen=True, eq=False)
class Plan:
    """What a study consists of; what `mmhelpers.study` makes from its arguments.

    Attributes
    ----------
    cells : tuple of Cell
        Designs outermost, truths within.
    n_rep : int
        Data sets a cell, at most.
    alpha : tuple of float
        Levels that the precision refers to and that tables show.
    precision : float or None
        A cell ends early when the Monte Carlo standard errors of all its rates are at most this.
    record : mapping
        All of it as plain data.
    """

    cells: tuple[Cell, ...]
    n_rep: int
    seed: int
    alpha: tuple[float, ...]
    precision: float | None
    record: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The sha256 of the record."""
        return fingerprint(self.record)

    def sizes(self, cell: Cell) -> list[int]:
        """Return the number of data sets in each block of a cell."""
        blocks = math.ceil(self.n_rep / cell.block)
        return [min(cell.block, self.n_rep - i * cell.block) for i in range(blocks)]

    def check(self) -> None:
        """Raise a ValueError if a cell cannot be run."""
        for cell in self.cells:
            cell.check()

    def __deepcopy__(self, memo: Any = None) -> Plan:
        """Return itself: it stands in the ``attrs`` of tables, which pandas copies at every step."""
        return self


def make_plan(
    designs: Any = None,
    truths: Any = None,
    models: Mapping[str, Any] | None = None,
    effect: str = "",
    tests: Sequence[str] = ("satterthwaite",),
    *,
    n_rep: int,
    seed: int,
    alpha: float | Sequence[float] = 0.05,
    precision: float | None = None,
    missing: float = 0.0,
    statistics: bool = False,
    block: int | None = None,
    generator: str | None = None,
    cells: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """Check the arguments of a study and bring them together; see `mmhelpers.study`."""
    whole("n_rep", n_rep, 1)
    whole("seed", seed, 0)
    if block is not None:
        whole("block", block, 1)
    levels = as_levels(alpha)
    if precision is not None and not (isinstance(precision, (int, float)) and 0 < precision < 0.5):
        raise ValueError(f"precision must be a standard error, above 0 and below 0.5, not {precision!r}")
    common = {"n_rep": int(n_rep), "seed": int(seed), "alpha": list(levels), "precision": precision}
    made: list[Cell] = []
    if generator is not None:
        given = [
            n for n, v in (("designs", designs), ("truths", truths), ("models", models)) if v is not None
        ]
        if given:
            raise ValueError(f"a generator makes its own data: leave {', '.join(given)} out")
        if not cells:
            raise ValueError("cells: a generator needs its parameters, a mapping for each cell")
        checked = {name: find_generator(generator).check(params) for name, params in cells.items()}
        size = block or 1000
        for i, (name, params) in enumerate(checked.items()):
            made.append(GeneratorCell(name, generator, params, cell_seed(seed, i, 0), size))
        record = common | {"generator": generator, "block": size, "cells": plain(checked)}
        return Plan(tuple(made), n_rep, seed, levels, precision, record)
    if cells:
        raise ValueError("cells: only a generator has cells")
    sources = {label: as_design(one) for label, one in labelled("designs", designs, Design).items()}
    laws = labelled("truths", truths, Truth)
    for label, law in laws.items():
        if not isinstance(law, Truth):
            raise TypeError(f"truth {label!r} must be a Truth, not {type(law).__name__}")
    models, tests = check_models(models), check_tests(tests)
    if not isinstance(effect, str) or not effect:
        raise ValueError("effect: name the coefficient or the model term that is tested")
    if not isinstance(missing, (int, float)) or not 0 <= missing < 1:
        raise ValueError(f"missing must be a share, from 0 to below 1, not {missing!r}")
    record = common | {
        "effect": effect,
        "tests": list(tests),
        "missing": float(missing),
        "statistics": bool(statistics),
        "block": block,
        "models": {label: model_record(model) for label, model in models.items()},
        "designs": {label: design_record(one) for label, one in sources.items()},
        "truths": {label: truth_record(law) for label, law in laws.items()},
    }
    for i, (name, source) in enumerate(sources.items()):
        size = block or default_block(source, tests, statistics)
        for j, (truth, law) in enumerate(laws.items()):
            at = cell_seed(seed, i, j)
            made.append(
                DesignCell(
                    name,
                    truth,
                    source,
                    law,
                    models,
                    effect,
                    tests,
                    float(missing),
                    at,
                    size,
                    bool(statistics),
                )
            )
    return Plan(tuple(made), n_rep, seed, levels, precision, record)


def plan_from(record: Mapping[str, Any], **given: Any) -> Plan:
    """Make the plan of a record; `given` stands in for what a record cannot hold (designs, models)."""
    fields = {name: value for name, value in record.items() if value is not None}
    if "designs" in fields and "designs" not in given:
        fields["designs"] = {name: design_from(one) for name, one in fields["designs"].items()}
    if "truths" in fields and "truths" not in given:
        fields["truths"] = {name: truth_from(one) for name, one in fields["truths"].items()}
    if "models" in fields and "models" not in given:
        fields["models"] = {name: model_from(one) for name, one in fields["models"].items()}
    return make_plan(**(fields | given))


def default_block(source: Design, tests: Sequence[str], statistics: bool = False) -> int:
    """Data sets a block: large enough to be fitted together quickly, small enough to take a second or so."""
    if source.fresh:
        return 100
    most = 200 if "kenward-roger" in tests else BLOCK_MOST
    if statistics and most == BLOCK_MOST:
        return 2 * BLOCK_MOST
    return int(np.clip(BLOCK_NUMBERS // max(len(source), 1), 50, most))


def labelled(argument: str, given: Any, kind: type) -> dict[str, Any]:
    """Return a mapping from labels for one or a mapping of several."""
    if given is None:
        raise ValueError(f"{argument}: give one or a mapping of several")
    if not isinstance(given, Mapping):
        return {SINGLE: given}
    if not given:
        raise ValueError(f"{argument} is empty: give one {kind.__name__} or more")
    return {str(label): one for label, one in given.items()}


def check_models(models: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the models by label."""
    if not isinstance(models, Mapping) or not models:
        raise ValueError("models: give a label and a formula for each, {'maximal': 'y ~ x + (x | g)'}")
    for label, model in models.items():
        if not isinstance(model, (str, Analysis)):
            raise TypeError(f"models[{label!r}] must be a formula or an Analysis, not {type(model).__name__}")
    return {str(label): model for label, model in models.items()}


def check_tests(tests: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of the tests."""
    if not isinstance(tests, Iterable):
        raise TypeError(f"tests must be names of tests, some of {', '.join(TESTS)}, not {tests!r}")
    names = (tests,) if isinstance(tests, str) else tuple(tests)
    for name in names:
        if name not in TESTS:
            raise ValueError(f"tests: there is no {name!r}; take some of {', '.join(TESTS)}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tests: name each test once, some of {', '.join(TESTS)}")
    return names


def as_levels(alpha: float | Sequence[float]) -> tuple[float, ...]:
    """Return the levels of significance as a tuple."""
    try:
        levels = np.atleast_1d(np.asarray(alpha, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(f"alpha must be a number or several, not {alpha!r}") from None
    if levels.ndim != 1 or not len(levels) or not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha!r}")
    return tuple(levels.tolist())


def whole(argument: str, value: Any, least: int) -> None:
    """Refuse what is not a whole number, or too small."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{argument} must be a whole number of at least {least}, not {value!r}")


def true_effect(cell: Any) -> float | None:
    """Return the effect in the truth: the coefficient, its name being the same in the models.

    Returns
    -------
    float or None
        The coefficient, for an effect of several the root of their sum of squares with a sign of NaN: NaN if they
        are not all 0; None where no model of a formula says which coefficients the effect has.
    """
    if not isinstance(cell, DesignCell):
        return None
    matrices, bound = _law(cell.source, cell.law)
    truth = dict(zip(matrices.x_names, bound.beta.tolist(), strict=True))
    for label, model in cell.models.items():
        formula = model if isinstance(model, str) else getattr(model, "formula", None)
        if isinstance(formula, str):
            try:
                bound_model = _model(formula, cell.source, cell.effect)
            except ValueError as error:
                raise ValueError(f"models[{label!r}]: {error}") from None
            names = [bound_model.matrices.x_names[j] for j in bound_model.columns]
            values = [truth.get(name, 0.0) for name in names]
            if len(values) == 1:
                return float(values[0])
            return float("nan") if any(values) else 0.0
    return None


def same_scale(model: Any, law: Truth) -> bool:
    """Whether a model's estimate of an effect can be compared with the truth's coefficient."""
    if isinstance(model, Logistic):
        return isinstance(law.family, Binomial)
    return not isinstance(model, str) or isinstance(law.family, Gaussian)
