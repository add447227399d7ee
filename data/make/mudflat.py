"""Simulate the plots on a mudflat of the chapter on spatial correlation.

    python data/make/mudflat.py [FOLDER]

writes ``mudflat.csv`` and ``mudflat.truth.json`` (default: the folder above this script's). Nothing here was
measured. The kind of data is that of chapter 7 of Zuur et al. (2009): one value a place, with covariates that change
smoothly over the map.

Model, for plot i at the place (x, y) in m, with chlorophyll in mg per square metre:

    chlorophyll_i = 60 + 0.2 (height_i - 150) + 0 mud_i + e_i,   e ~ N(0, 12^2 R)

    R_ii = 1,   R_ij = (1 - 0.2) exp(-d_ij / 20),   d_ij the distance of two plots in m

The share of mud has no effect at all: a test that finds one is mistaken. Height rises along x with a gentle wave; mud
is a smooth random surface, Gaussian correlation exp(-(d / 50)^2), drawn once. Places are uniform on 200 m x 150 m.

Random numbers: NumPy's PCG64 from one seed, a stream of its own (``SeedSequence.spawn``) for the places, for the mud
and for the e_i. The seed was fixed before anything was looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20090701
N = 100
WIDTH, DEPTH = 200.0, 150.0  # m
MEAN, HEIGHT, MUD = 60.0, 0.2, 0.0  # mg/m2 at 150 cm; mg/m2 a cm; mg/m2 a percentage point
CENTRE = 150.0  # cm
SIGMA, RANGE, NUGGET = 12.0, 20.0, 0.2  # mg/m2, m, share of the variance
MUD_MEAN, MUD_SD, MUD_RANGE = 35.0, 10.0, 50.0  # %, %, m


def simulate() -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it."""
    places, surface, errors = (
        np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(3)
    )
    x = np.round(places.uniform(0, WIDTH, N), 1)
    y = np.round(places.uniform(0, DEPTH, N), 1)
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    smooth = np.exp(-((distance / MUD_RANGE) ** 2)) + 0.01 * np.eye(N)  # a little noise keeps it invertible
    mud = np.round(
        np.clip(MUD_MEAN + MUD_SD * np.linalg.cholesky(smooth) @ surface.standard_normal(N), 1, 99), 1
    )
    height = np.round(CENTRE + 0.5 * (x - WIDTH / 2) + 12 * np.sin(y / 25), 0)
    R = (1 - NUGGET) * np.exp(-distance / RANGE)
    np.fill_diagonal(R, 1.0)
    error = SIGMA * np.linalg.cholesky(R) @ errors.standard_normal(N)
    chlorophyll = np.maximum(MEAN + HEIGHT * (height - CENTRE) + MUD * mud + error, 0.1)
    lines = ["x,y,height,mud,chlorophyll"]
    for row in zip(x, y, height, mud, chlorophyll, strict=True):
        lines.append("{:.1f},{:.1f},{:.0f},{:.1f},{:.1f}".format(*row))
    truth = {
        "script": "data/make/mudflat.py",
        "formula": "chlorophyll ~ I(height - 150) + mud",
        "unit": "mg/m2",
        "beta": {"(Intercept)": MEAN, "height": HEIGHT, "mud": MUD},
        "centre": CENTRE,
        "sd": {"residual": SIGMA},
        "correlation": {"structure": "corExp", "range": RANGE, "nugget": NUGGET},
        "design": {"plots": N, "width": WIDTH, "depth": DEPTH},
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(3): places, mud, errors",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write the data set and its truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    text, truth = simulate()
    (folder / "mudflat.csv").write_bytes(text.encode())
    (folder / "mudflat.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"mudflat: {text.count(chr(10)) - 1} rows")


if __name__ == "__main__":
    main()
