"""Studies whose data sets do not come from a design and a truth: a generator makes its own rows.

Some published studies draw the population itself anew for each data set, or lose cells at random, or fall back
on a simpler model when one fails. A generator is a module (or any object) with

``rows(rng, n_rep, params)``
    Draw and analyse n_rep data sets. Returns a mapping from the label of a model to its outcomes
    (`mmhelpers.studies.outcome.outcome`), arrays of length n_rep. ``rng`` is the generator of one block of the
    study: ``SeedSequence(seed of the cell, spawn_key=(block,))``. Nothing else may be random.
``check(params)``
    Return the parameters of one cell, complete and checked; a ValueError says in one line what is wrong.
``describe(params)``
    One line for ``--dry-run``.

Blocks have a fixed size, so that results do not depend on who computes them or when, and any row can be had
again by drawing its block again.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mmhelpers.studies.outcome import Outcome

#: name in a study's configuration -> module
GENERATORS: dict[str, str] = {
    "barr2013": "mmhelpers.studies.barr",
    "matuschek2017": "mmhelpers.studies.matuschek",
}


class Generator(Protocol):
    """What a generator offers; see the head of this module."""

    def rows(
        self, rng: np.random.Generator, n_rep: int, params: Mapping[str, Any]
    ) -> Mapping[str, Sequence[Outcome]]:
        """Draw and analyse n_rep data sets."""
        ...

    def check(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a cell, complete."""
        ...

    def describe(self, params: Mapping[str, Any]) -> str:
        """Say in one line what a cell simulates."""
        ...


def find_generator(name: str) -> Generator:
    """Return a generator by its name.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in GENERATORS:
        raise ValueError(f"there is no generator {name!r}; known are {', '.join(sorted(GENERATORS))}")
    try:
        module: Any = importlib.import_module(GENERATORS[name])
    except ModuleNotFoundError as error:
        if error.name != GENERATORS[name]:
            raise
        raise ValueError(f"the generator {name!r} is not part of this version of mmhelpers") from None
    return module  # type: ignore[no-any-return]


def generators_of(seed: int, cell: int, replicates: Iterable[int]) -> list[np.random.Generator]:
    """Return a generator for each data set of a published study's cell, so that any of them can be drawn alone.

    Examples
    --------
    >>> [round(float(rng.normal()), 3) for rng in generators_of(1, 0, [0, 1])]
    [-0.054, -0.848]
    """
    return [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(cell, i))) for i in replicates]


def completed(generator: str, defaults: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a cell with the defaults of those that are not given.

    Raises
    ------
    ValueError
        If the generator has no such parameter.
    """
    unknown = sorted(set(params) - set(defaults))
    if unknown:
        raise ValueError(f"{generator} has no parameter {unknown[0]!r}; it has {', '.join(defaults)}")
    return {**defaults, **params}


def need_number(name: str, value: Any) -> None:
    """Refuse what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}")
