"""Simulate counts of toads found dead on stretches of road, more variable than Poisson, with a verge that does nothing.

    python data/make/toads.py [FOLDER]

writes ``toads.csv`` and ``toads.truth.json`` (default: the folder above this script's). Nothing here was measured.

Design. 90 stretches of road, 0.2 to 3 km long (evenly on the log scale), each walked once in the season of migration.
Each lies at a distance of 0 to 2 km from the nearest pond. The verge of half of them, drawn at random, was mown.

Model. Toads found on stretch i are negative binomial with mean mu_i and variance mu_i + mu_i^2 / shape:

    log(mu_i) = log(length_i) + 2.6 - 1.2 distance_i + 0 verge_i,    shape = 1.6

so that the number grows in proportion to the length, falls with the distance, and does not care about the verge.

Random numbers: NumPy's PCG64 from one seed, a stream of its own (``SeedSequence.spawn``) for the stretches, the verges
and the counts. The seed was chosen: it is the first from 20090209 on with which a Poisson regression calls the verge
"significant" at one in a thousand (it is the fourth), because the chapter shows such an accident and then counts how
often it happens. Nothing else was looked at, and the page says that the data were chosen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SEED = 20090212
STRETCHES = 90
BETA = {"(Intercept)": 2.6, "distance": -1.2, "vergetall": 0.0}
SHAPE = 1.6


def main() -> None:
    """Write the data and the truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(3)]
    length = np.round(np.exp(streams[0].uniform(np.log(0.2), np.log(3.0), STRETCHES)), 1)
    distance = np.round(streams[0].uniform(0, 2, STRETCHES), 2)
    verge = np.where(streams[1].permutation(STRETCHES) < STRETCHES // 2, "mown", "tall")
    eta = BETA["(Intercept)"] + BETA["distance"] * distance + BETA["vergetall"] * (verge == "tall")
    mu = length * np.exp(eta)
    toads = streams[2].poisson(streams[2].gamma(SHAPE, mu / SHAPE))
    lines = ["stretch,length,distance,verge,toads"]
    lines += [
        f"S{i + 1:02d},{length[i]:.1f},{distance[i]:.2f},{verge[i]},{toads[i]}" for i in range(STRETCHES)
    ]
    truth = {
        "script": "data/make/toads.py",
        "formula": "toads ~ distance + verge + offset(log(length))",
        "family": "negative binomial, variance mu + mu^2 / shape",
        "beta": BETA,
        "shape": SHAPE,
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(3): stretches, verges, counts",
    }
    (folder / "toads.csv").write_bytes(("\n".join(lines) + "\n").encode())
    (folder / "toads.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"toads: {STRETCHES} rows")


if __name__ == "__main__":
    main()
