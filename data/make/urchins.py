"""Simulate the sea urchins of the chapter on unequal variances.

    python data/make/urchins.py [FOLDER]

writes ``urchins.csv`` and ``urchins.truth.json`` (default: the folder above this script's). Nothing here was
measured. The kind of data is that of the squid in Zuur et al. (2009, section 4.1): the mass of a reproductive organ
against body size, season by season, which spreads more in large animals and before spawning.

Model, for urchin i in season s with diameter d (mm), gonad mass in g:

    gonad_i = mean_s + slope_s (d - 45) + e_i,   e_i ~ N(0, (sigma ratio_s (d / 45)^power)^2)

Winter and autumn have the same slope: a test that finds them different is mistaken. Diameters are uniform between 25
and 70 mm. The numbers of urchins differ between seasons, as they do when the sea decides.

Random numbers: NumPy's PCG64 from one seed, a stream of its own (``SeedSequence.spawn``) for the diameters and for
the e_i. The seed was fixed before anything was looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20090401
CENTRE = 45.0  # mm
MEAN = {"winter": 4.0, "spring": 7.0, "summer": 2.5, "autumn": 3.2}  # g, at 45 mm
SLOPE = {"winter": 0.12, "spring": 0.24, "summer": 0.06, "autumn": 0.12}  # g a mm
RATIO = {"winter": 1.0, "spring": 1.8, "summer": 0.6, "autumn": 1.2}
COUNT = {"winter": 50, "spring": 70, "summer": 60, "autumn": 40}
SIGMA = 0.8  # g, a winter urchin of 45 mm
POWER = 1.5


def simulate() -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it."""
    sizes, errors = (
        np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(2)
    )
    lines = ["season,diameter,gonad"]
    for season, n in COUNT.items():
        diameter = np.round(sizes.uniform(25, 70, n), 1)
        sd = SIGMA * RATIO[season] * (diameter / CENTRE) ** POWER
        gonad = MEAN[season] + SLOPE[season] * (diameter - CENTRE) + sd * errors.standard_normal(n)
        lines += [f"{season},{d:.1f},{max(g, 0.01):.2f}" for d, g in zip(diameter, gonad, strict=True)]
    truth = {
        "script": "data/make/urchins.py",
        "formula": "gonad ~ season * size, with size = diameter - 45",
        "unit": "g",
        "mean": MEAN,
        "slope": SLOPE,
        "sd_ratio": RATIO,
        "sd": {"residual": SIGMA},
        "power": POWER,
        "centre": CENTRE,
        "design": COUNT,
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(2): diameters, errors",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write the data set and its truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    text, truth = simulate()
    (folder / "urchins.csv").write_bytes(text.encode())
    (folder / "urchins.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"urchins: {text.count(chr(10)) - 1} rows")


if __name__ == "__main__":
    main()
