"""Methylation of many loci in an oyster exposure experiment: the data set of the chapter, and a recovery study.

    python data/make/methylation.py data                  # data/methylation.csv and its truth
    python data/make/methylation.py run nuts glmer ...    # one or several methods over all loci; goes on where it stopped
    python data/make/methylation.py table                 # data/studies/methylation*.csv and the hashes

**Design.** Twelve tanks, six with raised pCO2; from each tank two oysters are taken on day 9 and two others on day 80:
48 oysters. At every locus an oyster has 5 + NB(mean 12, size 1.5) reads, of which some are methylated.

**Truth, fixed before the first fit.** logit p = b0 + b1 exposed + b2 late + b3 exposed late + tank + oyster, tanks
N(0, sd_tank^2) and oysters N(0, sd_oyster^2), with sd_tank ~ U(0.1, 0.8) and sd_oyster ~ U(0.3, 1) at each locus. Four
kinds of loci (``KINDS``); all their draws are uniform, none is a draw from the priors of the fits.

- null: b0 ~ U(-2, 2), b2 ~ U(-1, 1), exposure does nothing at either time.
- real: the same with exposure effects at day 80 of +-U(0.5, 2.5), and at day 9 a share U(0, 1) of it.
- extreme: the logit of exposed oysters at day 80 is +-U(5, 8), so that many loci are separated there; b0 ~ U(-2, 2),
  b2 ~ U(-1, 1), and at day 9 an exposure effect U(-1, 1).
- still: b0 = +-U(4, 7), nothing has an effect; most reads say the same, and whole cells do by chance.

Which loci are separated is decided by the data: a cell (treatment and time) all of whose reads say the same.
"""

from __future__ import annotations

import csv
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parents[1]
WORK = HERE.parent / "_build" / "methylation"
SEED = 20171009
KINDS = {"null": 120, "real": 80, "extreme": 140, "still": 40}
TANKS, PER_CELL = 12, 2  # tanks; oysters a tank and time

# --- design and truth -----------------------------------------------------------------------------------------


def design() -> pd.DataFrame:
    """Return the 48 oysters: tank, treatment, day."""
    rows = [
        {
            "tank": f"T{tank + 1:02d}",
            "treatment": "control" if tank < TANKS // 2 else "exposed",
            "day": day,
            "oyster": f"O{tank * 2 * PER_CELL + number + 1:02d}",
        }
        for tank in range(TANKS)
        for number, day in enumerate(np.repeat([9, 80], PER_CELL))
    ]
    return pd.DataFrame(rows)


def matrix(table: pd.DataFrame) -> np.ndarray:
    """Columns of ``treatment * day`` with treatment contrasts: 1, exposed, late, exposed and late."""
    exposed = (table["treatment"] == "exposed").to_numpy(float)
    late = (table["day"] == 80).to_numpy(float)
    return np.column_stack([np.ones(len(table)), exposed, late, exposed * late])


def draw_truth(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Draw b0 to b3 and the two standard deviations of a locus of one kind."""
    sign = rng.choice([-1.0, 1.0])
    b0, b2 = rng.uniform(-2, 2), rng.uniform(-1, 1)
    at_9 = at_80 = 0.0
    if kind == "real":
        at_80 = sign * rng.uniform(0.5, 2.5)
        at_9 = at_80 * rng.uniform(0, 1)
    elif kind == "extreme":
        at_9 = rng.uniform(-1, 1)
        at_80 = sign * rng.uniform(5, 8) - b0 - b2
    elif kind == "still":
        b0, b2 = sign * rng.uniform(4, 7), 0.0
    sds = {"sd_tank": rng.uniform(0.1, 0.8), "sd_oyster": rng.uniform(0.3, 1.0)}
    return {"b0": b0, "b1": at_9, "b2": b2, "b3": at_80 - at_9, **sds}


@dataclass(frozen=True)
class Locus:
    """One locus: its number, kind, truth, reads and methylated reads (48 each)."""

    number: int
    kind: str
    truth: dict[str, float]
    n: np.ndarray
    y: np.ndarray


def locus(number: int, kind: str) -> Locus:
    """Simulate a locus; it depends on (SEED, number) alone."""
    rng = np.random.default_rng([SEED, number])
    table = design()
    truth = draw_truth(kind, rng)
    tank = rng.normal(0, truth["sd_tank"], TANKS)[table["tank"].factorize()[0]]
    oyster = rng.normal(0, truth["sd_oyster"], len(table))
    eta = matrix(table) @ [truth[name] for name in ("b0", "b1", "b2", "b3")] + tank + oyster
    n = 5 + rng.negative_binomial(1.5, 1.5 / (1.5 + 12), len(table))
    return Locus(number, kind, truth, n, rng.binomial(n, 1 / (1 + np.exp(-eta))))


def loci() -> list[Locus]:
    """All loci of the study."""
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    return [locus(number, kind) for number, kind in enumerate(kinds)]


def separated(one: Locus) -> list[str]:
    """Cells all of whose reads say the same, as ``exposed 80: 0%``."""
    table = design().assign(n=one.n, y=one.y)
    sums = table.groupby(["treatment", "day"])[["y", "n"]].sum()
    share = sums["y"] / sums["n"]
    return [f"{where[0]} {where[1]}: {value:.0%}" for where, value in share.items() if value in (0.0, 1.0)]
