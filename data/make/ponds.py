"""Simulate a survey of ponds at several distances from a motorway: six responses of six kinds in one table.

    python data/make/ponds.py [FOLDER]

writes ``ponds.csv`` and ``ponds.truth.json`` (default: the folder above this script's). Nothing here was measured.

Design. 240 ponds, one visit each, at distances drawn evenly from 0.05 to 3 km from the motorway. With x the distance
in km, and all responses independent of each other and between ponds given x:

    newts      count of adults in the traps of one night     Poisson,   log(mean) = 0.4 + 1.9 exp(-((x - 1.7) / 0.8)^2)
    eggs       eggs in the first clutch that was found; a    Poisson without zero, log(mean before the cut)
               clutch without eggs cannot be found                               = 0.0 + 0.35 x
    mass       mass of the first female, g                   gamma,     log(mean) = 1.8 + 0.20 x, shape 8
    fish       fish in the pond, 0 or 1                      Bernoulli, logit(p)  = 0.8 - 0.9 x
    cover      share of the surface under plants             beta,      logit(mean) = -1.0 + 0.5 x, precision 6
    condition  the pond's condition, poor < fair < good      proportional odds: logit P(condition <= k) = cut_k - 0.8 x,
                                                             cuts 0.2 and 2.0

So everything depends on the distance, each by a link of its own; newts by a curve that no straight line follows.

Random numbers: NumPy's PCG64 from one seed, a stream of its own (``SeedSequence.spawn``) for the distances and each
response. The seed was fixed before anything was looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SEED = 20090208
PONDS = 240
NEWTS = {"base": 0.4, "height": 1.9, "at": 1.7, "width": 0.8}
EGGS = {"(Intercept)": 0.0, "distance": 0.35}
MASS = {"(Intercept)": 1.8, "distance": 0.2}
MASS_SHAPE = 8.0
FISH = {"(Intercept)": 0.8, "distance": -0.9}
COVER = {"(Intercept)": -1.0, "distance": 0.5}
COVER_PHI = 6.0
CONDITION = {"distance": 0.8, "cuts": [0.2, 2.0]}
LEVELS = ("poor", "fair", "good")


def line(beta: dict[str, float], x: np.ndarray) -> np.ndarray:
    """Give the linear predictor."""
    return beta["(Intercept)"] + beta["distance"] * x


def expit(eta: np.ndarray) -> np.ndarray:
    """Give the inverse of the logit."""
    return 1 / (1 + np.exp(-eta))


def main() -> None:
    """Write the data and the truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(7)]
    x = np.round(streams[0].uniform(0.05, 3.0, PONDS), 2)
    newts = streams[1].poisson(
        np.exp(NEWTS["base"] + NEWTS["height"] * np.exp(-(((x - NEWTS["at"]) / NEWTS["width"]) ** 2)))
    )
    rate = np.exp(line(EGGS, x))
    first = -np.log1p(
        streams[2].random(PONDS) * np.expm1(-rate)
    )  # the first event of the process, then the rest
    eggs = 1 + streams[2].poisson(rate - first)
    mass = streams[3].gamma(MASS_SHAPE, np.exp(line(MASS, x)) / MASS_SHAPE)
    fish = (streams[4].random(PONDS) < expit(line(FISH, x))).astype(int)
    share = expit(line(COVER, x))
    cover = np.clip(np.round(streams[5].beta(share * COVER_PHI, (1 - share) * COVER_PHI), 3), 0.001, 0.999)
    below = expit(np.asarray(CONDITION["cuts"])[None, :] - CONDITION["distance"] * x[:, None])
    grade = (streams[6].random(PONDS)[:, None] > below).sum(axis=1)

    lines = ["pond,distance,newts,eggs,mass,fish,cover,condition"]
    for i in range(PONDS):
        lines.append(
            f"P{i + 1:03d},{x[i]:.2f},{newts[i]},{eggs[i]},{mass[i]:.2f},{fish[i]},{cover[i]:.3f},{LEVELS[grade[i]]}"
        )
    truth = {
        "script": "data/make/ponds.py",
        "newts": {
            "family": "poisson",
            "log_mean": "base + height exp(-((distance - at) / width)^2)",
            **NEWTS,
        },
        "eggs": {"family": "poisson without zero", "beta": EGGS},
        "mass": {"family": "gamma", "beta": MASS, "shape": MASS_SHAPE},
        "fish": {"family": "bernoulli", "beta": FISH},
        "cover": {"family": "beta", "beta": COVER, "phi": COVER_PHI},
        "condition": {"family": "proportional odds", **CONDITION},
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(7): distance, newts, eggs, mass, fish, cover, condition",
    }
    (folder / "ponds.csv").write_bytes(("\n".join(lines) + "\n").encode())
    (folder / "ponds.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"ponds: {PONDS} rows")


if __name__ == "__main__":
    main()
