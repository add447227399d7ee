"""Simulate the cockles of the chapter on the assumptions of linear regression.

    python data/make/cockles.py [FOLDER]

writes ``cockles.csv`` and ``cockles.truth.json`` (default: the folder above this script's). Nothing here was measured.
The kind of data is that of the clams in Zuur et al. (2009, chapter 2): the mass of the flesh against the length of
the shell. They are made so that every assumption of a straight line through ``mass`` against ``length`` fails, and
each in a way that can be found:

- mass grows with the cube of the length (isometry), not along a line, and its spread grows with it;
- errors multiply: on the scale of logarithms they are normal and alike;
- twelve cockles come from each of sixteen quadrats, which have a luck of their own;
- the length was read from a ruler, twice, by two people, each with an error of 2.5 mm (one standard deviation).

Model, for cockle i of quadrat j with true length L (mm), mass in mg of dry flesh:

    log(mass_ij) = intercept + 3 log(L_ij) + quadrat_j + e_ij,
    quadrat_j ~ N(0, 0.2^2),  e_ij ~ N(0, 0.2^2)

The height on the shore, low or high, does nothing: a test that finds a difference is mistaken.

Random numbers: NumPy's PCG64 from one seed, a stream of its own for lengths, quadrats, errors and readings. The seed
was fixed before anything was looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20090201
QUADRATS = 16
PER_QUADRAT = 12
INTERCEPT = -4.0
EXPONENT = 3.0
SD_QUADRAT = 0.2
SD_ERROR = 0.2
SD_READING = 2.5  # mm
SHORTEST, LONGEST = 14.0, 38.0  # mm


def simulate() -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it."""
    streams = [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(SEED).spawn(4)]
    shape = (QUADRATS, PER_QUADRAT)
    length = streams[0].uniform(SHORTEST, LONGEST, shape)
    quadrat = np.round(SD_QUADRAT * streams[1].standard_normal(QUADRATS), 4)
    error = SD_ERROR * streams[2].standard_normal(shape)
    readings = length + SD_READING * streams[3].standard_normal((2, *shape))
    mass = np.exp(INTERCEPT + EXPONENT * np.log(length) + quadrat[:, None] + error)
    lines = ["shore,quadrat,length,length_again,mass"]
    for j in range(QUADRATS):
        shore = "low" if j < QUADRATS // 2 else "high"
        label = f"{shore[0].upper()}{j % (QUADRATS // 2) + 1}"
        for i in range(PER_QUADRAT):
            lines.append(f"{shore},{label},{readings[0, j, i]:.0f},{readings[1, j, i]:.0f},{mass[j, i]:.1f}")
    truth = {
        "script": "data/make/cockles.py",
        "formula": "log(mass) ~ log(true length) + (1 | quadrat)",
        "unit": "mg",
        "beta": {"(Intercept)": INTERCEPT, "log_length": EXPONENT, "shorehigh": 0.0},
        "sd": {"quadrat": SD_QUADRAT, "residual": SD_ERROR, "reading": SD_READING},
        "design": {"quadrats": QUADRATS, "cockles_per_quadrat": PER_QUADRAT},
        "quadrat_effects": quadrat.tolist(),
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(4): lengths, quadrats, errors, readings",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write the data set and its truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    text, truth = simulate()
    (folder / "cockles.csv").write_bytes(text.encode())
    (folder / "cockles.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"cockles: {text.count(chr(10)) - 1} rows")


if __name__ == "__main__":
    main()
