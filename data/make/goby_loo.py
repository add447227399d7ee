"""Simulate surveys of gobies, and see what leaving out a fish and leaving out a tank say of three comparisons.

    python data/make/goby_loo.py [FOLDER [SURVEYS]]

writes ``goby_loo.csv`` (default: the folder above this script's, 150 surveys a truth; some minutes on one core).

Design and truth are those of data/make/gobies.py; ``effect`` says whether water does something (8 and 25 strokes a
minute) or nothing, ``tank_sd`` how much tanks differ. Priors are those of the chapter; the three notes on a tank are
standardised, with priors N(0, 10^2). A model without a tank effect is one whose tank standard deviation has a
half-normal prior of scale 0.01. The comparisons, each the elpd (sum of log predictive densities of what was left out)
of the first model less that of the second, with its standard error:

    water         water + (1 | tank) against 1 + (1 | tank)
    notes         water + notes + (1 | tank) against water + (1 | tank)
    notes alone   water + notes against water, no tank effect in either

Nothing is approximated but two integrals, by quadrature (mmhelpers.grid_posterior). Random numbers: NumPy's PCG64.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import mmhelpers as mm

SEED = 90
SURVEYS = 150
SIGMA = 16.0
#: what water does to fanning (warm, hypoxic), and the standard deviation between tanks
TRUTHS = {("none", 8): (0.0, 0.0), ("as made", 8): (8.0, 25.0), ("none", 16): (0.0, 0.0)}
NOTES = ("door", "pump", "light")
STEP = 150


def main() -> None:
    """Write the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    surveys = int(sys.argv[2]) if len(sys.argv) > 2 else SURVEYS
    data = mm.load("gobies")
    for name in NOTES:
        data[name] = (data[name] - data[name].mean()) / data[name].std()
    beta = {"(Intercept)": (150, 50), "waterwarm": (0, 20), "waterhypoxic": (0, 20)}
    beta |= dict.fromkeys(NOTES, (0, 10))
    full = mm.grid_posterior(
        "fanning ~ water + door + pump + light + (1 | tank)", data, mm.GridPrior(beta, group_sd=20, sigma=40)
    )
    plain = full.drop(*NOTES)
    comparisons = {
        "water": (plain, plain.drop("waterwarm", "waterhypoxic")),
        "notes": (full, plain),
        "notes alone": (full.with_prior(group_sd=0.01), plain.with_prior(group_sd=0.01)),
    }
    lines = ["effect,tank_sd,survey,comparison,left_out,elpd,se"]
    for ((effect, tank_sd), (warm, hypoxic)), seed in zip(
        TRUTHS.items(), np.random.SeedSequence(SEED).spawn(len(TRUTHS)), strict=True
    ):
        rng = np.random.Generator(np.random.PCG64(seed))
        mean = 150 + warm * (data["water"] == "warm") + hypoxic * (data["water"] == "hypoxic")
        tanks = rng.normal(0, tank_sd, (surveys, 18))
        Y = mean.to_numpy() + tanks[:, full.group] + rng.normal(0, SIGMA, (surveys, 90))
        for name, (first, second) in comparisons.items():
            for unit in ("row", "group"):
                parts = []
                for i in range(0, surveys, STEP):
                    part = Y[i : i + STEP]
                    parts.append(first.leave_out_of(part, unit) - second.leave_out_of(part, unit))
                diff = np.concatenate(parts)
                se = diff.std(axis=1, ddof=1) * np.sqrt(diff.shape[1])
                left = "tank" if unit == "group" else "fish"
                for k in range(surveys):
                    lines.append(f"{effect},{tank_sd},{k},{name},{left},{diff[k].sum():.4f},{se[k]:.4f}")
                print(effect, tank_sd, name, left, (diff.sum(axis=1) > 0).mean(), flush=True)
    (folder / "goby_loo.csv").write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
