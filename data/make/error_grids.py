"""Simulate the grids behind the interactive figures: type1_grid.csv, type1_items_grid.csv, power_grid.csv.

``python data/make/error_grids.py [FOLDER [NAME ...]]`` writes them, or those named (some minutes on one core).
Residual and intercept standard deviations are 1 everywhere; the random effects are independent; effects are tested at
0.05 with Satterthwaite's degrees of freedom. Every cell has a seed of its own, made from SEED and its place in the grid.

- type1_grid: `subjects` x `observations` at equally spaced x from 0 to 1, no effect of x; slopes vary with `slope_sd`.
- type1_items_grid: every subject meets every item in both of two conditions (coded -0.5, 0.5), no effect of condition.
- power_grid: `trials` a subject, half in each condition; the model has random intercepts and slopes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import mmhelpers as mm

SEED = 20260101
N_REP = {"type1_grid": 10_000, "type1_items_grid": 2_000, "power_grid": 4_000}
RATES = ["n", "failed", "singular", "rate", "lower", "upper"]


def rates(
    design: object, truth: mm.Truth, models: dict[str, str], effect: str, name: str, cell: int
) -> pd.DataFrame:
    """Simulate one cell."""
    seed = int(np.random.SeedSequence(SEED, spawn_key=(list(N_REP).index(name), cell)).generate_state(1)[0])
    ask = mm.power if name == "power_grid" else mm.type1
    found = ask(design, truth, models, effect, tests=("satterthwaite",), n_rep=N_REP[name], seed=seed)
    return found[["model", *RATES]]


def type1_grid() -> Iterator[pd.DataFrame]:
    """One grouping factor, a covariate within subjects."""
    models = {"slope-less": "y ~ x + (1 | subject)", "maximal": "y ~ x + (x | subject)"}
    spreads = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3)
    for cell, (m, n, sd) in enumerate(product((6, 10, 18, 30, 60), (5, 10, 20, 40), spreads)):
        x = np.linspace(0, 1, n)
        truth = mm.Truth(
            "y ~ x + (x | subject)",
            beta={"(Intercept)": 0, "x": 0},
            sd={"subject": {"(Intercept)": 1, "x": sd}},
            sigma=1,
        )
        found = rates(mm.cross(subject=m, x=list(x)), truth, models, "x", "type1_grid", cell)
        sxx = float(((x - x.mean()) ** 2).sum())
        exact = float(mm.exact.type1_slopeless(m, n, sxx, sd**2, 1.0))
        found["exact"] = np.where(found["model"] == "slope-less", exact, np.nan)
        yield found.assign(subjects=m, observations=n, slope_sd=sd)


def type1_items_grid() -> Iterator[pd.DataFrame]:
    """Subjects crossed with items, a condition within both."""
    models = {
        "intercepts only": "y ~ c + (1 | subject) + (1 | item)",
        "slopes of subjects": "y ~ c + (c | subject) + (1 | item)",
        "slopes of both": "y ~ c + (c | subject) + (c | item)",
    }
    for cell, (m, n, item_sd, sd) in enumerate(
        product((12, 24, 48), (8, 16, 32), (0, 0.25, 0.5), (0, 0.25, 0.5, 0.75, 1))
    ):
        truth = mm.Truth(
            models["slopes of both"],
            beta={"(Intercept)": 0, "c": 0},
            sd={"subject": {"(Intercept)": 1, "c": sd}, "item": {"(Intercept)": 1, "c": item_sd}},
            sigma=1,
        )
        design = mm.cross(subject=m, item=n, c=[-0.5, 0.5])
        found = rates(design, truth, models, "c", "type1_items_grid", cell)
        yield found.assign(subjects=m, items=n, item_slope_sd=item_sd, slope_sd=sd)


def power_grid() -> Iterator[pd.DataFrame]:
    """Two conditions within subjects, some trials in each."""
    model = {"maximal": "y ~ c + (c | subject)"}
    sizes = product((6, 8, 12, 16, 24, 32, 48, 64), (4, 8, 16, 32), (0.1, 0.2, 0.3, 0.5), (0, 0.25, 0.5))
    for cell, (m, trials, effect, sd) in enumerate(sizes):
        truth = mm.Truth(
            model["maximal"],
            beta={"(Intercept)": 0, "c": effect},
            sd={"subject": {"(Intercept)": 1, "c": sd}},
            sigma=1,
        )
        design = mm.cross(subject=m, trial=trials // 2, c=[-0.5, 0.5])
        yield rates(design, truth, model, "c", "power_grid", cell).assign(
            subjects=m, trials=trials, effect=effect, slope_sd=sd
        )


COLUMNS = {
    "type1_grid": ["subjects", "observations", "slope_sd", "model", *RATES, "exact"],
    "type1_items_grid": ["subjects", "items", "item_slope_sd", "slope_sd", "model", *RATES],
    "power_grid": ["subjects", "trials", "effect", "slope_sd", "model", *RATES],
}


def main() -> None:
    """Write the tables."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    grids = {"type1_grid": type1_grid, "type1_items_grid": type1_items_grid, "power_grid": power_grid}
    for name in sys.argv[2:] or grids:
        table = pd.concat(list(grids[name]()), ignore_index=True)[COLUMNS[name]]
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        print(f"{name}: {len(table)} rows, {table['n'].sum()} fits", flush=True)


if __name__ == "__main__":
    main()
