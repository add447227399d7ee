"""The rows of a study: one a data set, a model and a test, and where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmhelpers.studies.outcome import Outcome

#: Columns, in order. ``seed`` and ``rep`` say which stream of random numbers the data set was drawn from.
COLUMNS = (
    "design", "truth", "rep", "seed", "model", "test",
    "estimate", "se", "df", "statistic", "p", "converged", "singular", "message",
)  # fmt: skip
LABELS = ("design", "truth", "model", "test", "message")
NUMBERS = ("estimate", "se", "df", "statistic", "p")
FLAGS = ("converged", "singular")


class Rows(pd.DataFrame):
    """A DataFrame that may stand in another one's ``attrs``.

    pandas copies what is in ``attrs`` at every step, and compares it when tables are put together; the rows of a
    study are therefore copied by reference, and equal to themselves alone. What is computed from them is a plain
    DataFrame.
    """

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __eq__(self, other: object) -> Any:
        """Elementwise, but as a whole with other rows."""
        return self is other if isinstance(other, Rows) else super().__eq__(other)

    def __ne__(self, other: object) -> Any:
        """Elementwise, but as a whole with other rows."""
        return self is not other if isinstance(other, Rows) else super().__ne__(other)

    __hash__ = None

    def __deepcopy__(self, memo: Any = None) -> Rows:
        """Return itself."""
        return self


def block_frame(
    design: str, truth: str, seed: int, start: int, outcomes: Sequence[tuple[str, Outcome]]
) -> pd.DataFrame:
    """Put the outcomes of a block into rows: data sets outermost, then models, then tests.

    Parameters
    ----------
    design, truth : str
        Labels of the cell.
    seed : int
        Seed of the cell.
    start : int
        Number of the first data set.
    outcomes : sequence of (str, Outcome)
        Label of the model, and what it found.

    Returns
    -------
    DataFrame
        With the columns `COLUMNS`.
    """
    R, M = len(outcomes[0][1].p), len(outcomes)
    for label, found in outcomes:
        if len(found.p) != R:
            raise ValueError(f"{label}, {found.test}: {len(found.p)} p-values for {R} data sets")
    columns: dict[str, Any] = {
        "design": _repeated([design], R * M),
        "truth": _repeated([truth], R * M),
        "rep": np.repeat(np.arange(start, start + R, dtype=np.int64), M),
        "seed": np.full(R * M, seed, dtype=np.int64),
        "model": _repeated([label for label, _ in outcomes], R),
        "test": _repeated([found.test for _, found in outcomes], R),
    }
    for name in (*NUMBERS, *FLAGS):
        columns[name] = np.stack([getattr(found, name) for _, found in outcomes], axis=1).ravel()
    said = np.stack([found.message for _, found in outcomes], axis=1).ravel()
    columns["message"] = pd.Categorical(said, categories=list(dict.fromkeys(["", *said])))
    return pd.DataFrame(columns)


def _repeated(labels: Sequence[str], times: int) -> Any:
    """Labels over and over, `times` times, as a categorical in order of appearance."""
    categories = list(dict.fromkeys(labels))
    codes = np.tile(np.array([categories.index(label) for label in labels], dtype=np.int8), times)
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories))


def together(frames: Sequence[pd.DataFrame]) -> Rows:
    """Join blocks, in the order given."""
    from pandas.api.types import union_categoricals

    columns: dict[str, Any] = {}
    for name in COLUMNS:
        parts = [frame[name] for frame in frames]
        if name in LABELS:
            columns[name] = union_categoricals([part.astype("category") for part in parts])
        else:
            columns[name] = np.concatenate([part.to_numpy() for part in parts])
    return Rows(columns)
