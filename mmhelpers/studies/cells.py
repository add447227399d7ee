"""The cells of a study, design by truth, and how a block of data sets of a cell is drawn and analysed.

Data set i of a cell comes from the random numbers ``SeedSequence(seed of the cell, spawn_key=(i,))``, whoever draws
it; the arithmetic of a fit may depend on what it is fitted together with, in the last digits. So data sets are analysed
in blocks, whose size belongs to the study: a block gives the same bytes in any process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmhelpers.design import Design
from mmhelpers.engine import prepare_draws
from mmhelpers.engine.drawn import Source
from mmhelpers.simulation import Truth
from mmhelpers.simulation.draw import draw
from mmhelpers.simulation.prepare import prepare
from mmhelpers.simulation.streams import child, children
from mmhelpers.studies.effect import MixedModel, bind_model
from mmhelpers.studies.generators import find_generator
from mmhelpers.studies.outcome import Outcome
from mmhelpers.studies.rows import block_frame

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


class Cell(Protocol):
    """What the machinery knows of a cell; `DesignCell` and `GeneratorCell` are the two kinds."""

    @property
    def design(self) -> str:
        """Its label in the column ``design``."""
        ...

    @property
    def truth(self) -> str:
        """Its label in the column ``truth``."""
        ...

    @property
    def seed(self) -> int:
        """Seed of its streams."""
        ...

    @property
    def block(self) -> int:
        """Data sets a block."""
        ...

    def check(self) -> None:
        """Raise a ValueError if the cell cannot be run."""
        ...

    def rows(self, number: int, n: int) -> pd.DataFrame:
        """Draw and analyse the first n data sets of a block."""
        ...

    def describe(self) -> list[str]:
        """Say what it is, in lines."""
        ...


@dataclass(frozen=True, eq=False)
class DesignCell:
    """One design and one truth, and the models that are fitted to its data sets.

    Attributes
    ----------
    design, truth : str
        Labels.
    source : Design
        The rows.
    law : Truth
        Where the responses come from.
    models : mapping
        Label to formula or `Analysis`.
    effect : str
    tests : tuple of str
    missing : float
        Share of the cells that each data set loses, at random.
    seed, block : int
    statistics : bool
        Draw sufficient statistics instead of data.
    """

    design: str
    truth: str
    source: Design
    law: Truth
    models: Mapping[str, Any]
    effect: str
    tests: tuple[str, ...]
    missing: float
    seed: int
    block: int
    statistics: bool = False

    def check(self) -> None:
        """Raise a ValueError if the truth or a model does not fit the design."""
        frame = self.source.data
        _law(self.source, self.law)
        for label, model in self.models.items():
            if isinstance(model, str):
                try:
                    _model(model, self.source, self.effect)
                except ValueError as error:
                    raise ValueError(f"models[{label!r}]: {error}") from None
            elif hasattr(model, "check"):
                try:
                    model.check(frame, self.effect)
                except ValueError as error:
                    raise ValueError(f"models[{label!r}]: {error}") from None
        if self.missing and round(len(frame) * self.missing) >= len(frame):
            raise ValueError(f"missing: {self.missing} of {len(frame)} cells leaves none")
        if self.statistics:
            if self.missing or self.source.fresh or not all(isinstance(m, str) for m in self.models.values()):
                raise ValueError(
                    "statistics: they can stand in for data where the design is the same in all data sets and all "
                    "models are mixed models: draw data"
                )
            try:
                _statistics(self, "lrt" in self.tests)
            except ValueError as error:
                raise ValueError(f"statistics: {error}") from None

    def describe(self) -> list[str]:
        """Say what it is, in lines."""
        rows = [f"design {self.design}: {self.source}", f"truth {self.truth}: {self.law.formula}"]
        return [
            *rows,
            *([f"missing: {self.missing:g} of the cells of each data set"] if self.missing else []),
        ]

    def rows(self, number: int, n: int) -> pd.DataFrame:
        """Draw and analyse the first n data sets of block `number`."""
        start = number * self.block
        return block_frame(self.design, self.truth, self.seed, start, self.outcomes(start, n))

    def outcomes(self, start: int, n: int) -> list[tuple[str, Outcome]]:
        """Draw n data sets and analyse them together; label of the model, and what it found."""
        if self.statistics:
            return self._from_statistics(start // self.block, n)
        if self.source.fresh:
            return self._one_by_one(start, n)
        return self._analyse(self.source, self.responses(start, n), cache=True)

    def _from_statistics(self, number: int, n: int) -> list[tuple[str, Outcome]]:
        """Draw the statistics of the first n data sets of a block, from the block's stream, and fit all models to them."""
        bound, source = _statistics(self, "lrt" in self.tests)
        k = len(bound)
        fits: list[Any] = [None] * k
        by_ml: list[Any] = [None] * k
        with np.errstate(all="ignore"):
            if any(test != "lrt" for test in self.tests):
                fits = replace(source, models=source.models[:k]).fit(n, child(self.seed, number))
            if "lrt" in self.tests:  # the same stream again gives the same statistics
                found = source.fit(n, child(self.seed, number), reml=False)
                by_ml = list(zip(found[:k], found[k:], strict=True))
        return [
            (label, one)
            for label, model, reml, ml in zip(self.models, bound, fits, by_ml, strict=True)
            for one in model.outcomes(self.tests, reml, ml)
        ]

    def responses(self, start: int, n: int) -> Floats:
        """Draw the responses of n data sets, shape (n, rows of the design); NaN marks missing cells."""
        matrices, bound = _law(self.source, self.law)
        Y, _ = draw(matrices, bound, n, seed=self.seed, start=start)
        return self._lose(Y, start)

    def data_set(self, rep: int) -> pd.DataFrame:
        """Return one data set as a data frame; missing cells are left out."""
        source = self.source
        if source.fresh:
            source, y = self._fresh(rep)
        else:
            y = self.responses(rep, 1)[0]
        name = self.law.formula.split("~")[0].strip()
        data = source.data.assign(**{name: y})
        return data[~np.isnan(y)].reset_index(drop=True)

    def _lose(self, Y: Floats, start: int) -> Floats:
        """Mark cells as missing, from streams of their own."""
        count = round(self.missing * Y.shape[1])
        if count:
            lost = int(np.random.SeedSequence(self.seed).generate_state(1, np.uint64)[0])
            for y, stream in zip(Y, children(lost, start, len(Y)), strict=True):
                y[stream.choice(Y.shape[1], count, replace=False)] = np.nan
        return Y

    def _fresh(self, rep: int) -> tuple[Design, Floats]:
        """Draw a data set whose covariates are random, too."""
        rng = child(self.seed, rep)
        source = self.source.redraw(rng)
        matrices, bound, _ = prepare(source.data, self.law)
        return source, self._lose(draw(matrices, bound, 1, rng=rng)[0], rep)[0]

    def _one_by_one(self, start: int, n: int) -> list[tuple[str, Outcome]]:
        """Analyse data sets that have no X in common."""
        found: list[list[tuple[str, Outcome]]] = []
        for rep in range(start, start + n):
            source, y = self._fresh(rep)
            found.append(self._analyse(source, y[None], cache=False))
        joined = []
        for parts in zip(*found, strict=True):
            fields = {
                name: np.concatenate([getattr(part, name) for _, part in parts])
                for name in (
                    "estimate",
                    "se",
                    "df",
                    "statistic",
                    "p",
                    "converged",
                    "singular",
                    "message",
                )
            }
            joined.append((parts[0][0], Outcome(parts[0][1].test, **fields)))
        return joined

    def _analyse(self, source: Design, Y: Floats, cache: bool) -> list[tuple[str, Outcome]]:
        out: list[tuple[str, Outcome]] = []
        for label, model in self.models.items():
            found: Sequence[Outcome]
            if isinstance(model, str):
                build = _model if cache else _model.__wrapped__
                found = build(model, source, self.effect).test(Y, self.tests)
            else:
                found = model.analyse(source.data, Y, self.effect, self.tests)
            out += [(label, one) for one in found]
        return out


@dataclass(frozen=True, eq=False)
class GeneratorCell:
    """A cell whose data sets a generator draws and analyses itself.

    Attributes
    ----------
    design : str
        Label.
    generator : str
        Name, see `mmhelpers.studies.generators`.
    params : mapping
        As its ``check`` returned them.
    seed, block : int
    """

    design: str
    generator: str
    params: Mapping[str, Any]
    seed: int
    block: int
    truth: str = ""

    def check(self) -> None:
        """Raise a ValueError if there is no such generator, or its parameters are wrong."""
        find_generator(self.generator).check(self.params)

    def describe(self) -> list[str]:
        """Say what it is, in lines."""
        return [f"cell {self.design}: {find_generator(self.generator).describe(self.params)}"]

    def rows(self, number: int, n: int) -> pd.DataFrame:
        """Draw and analyse the first n data sets of a block; those of a whole block are the study's."""
        made = find_generator(self.generator).rows(child(self.seed, number), n, self.params)
        outcomes = [(str(label), found) for label, several in made.items() for found in several]
        return block_frame(self.design, self.truth, self.seed, number * self.block, outcomes)


# What blocks of a cell have in common is made once a process. The keys are objects that are compared by identity, as
# designs and truths are; a worker gets the study once and keeps it.
@lru_cache(maxsize=64)
def _law(source: Design, law: Truth) -> tuple[Any, Any]:
    matrices, bound, _ = prepare(source.data, law)
    return matrices, bound


@lru_cache(maxsize=16)
def _statistics(cell: DesignCell, smaller: bool) -> tuple[list[MixedModel], Source]:
    """Models, and a source of statistics for them and, if asked for, for each of them without the effect."""
    models = [_model(model, cell.source, cell.effect) for model in cell.models.values()]
    all_models = models + [model.smaller for model in models] if smaller else models
    return models, prepare_draws([model.matrices for model in all_models], *_law(cell.source, cell.law))


@lru_cache(maxsize=64)
def _model(formula: str, source: Design, effect: str) -> MixedModel:
    return bind_model(formula, source.data, effect)
