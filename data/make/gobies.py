"""Simulate a tank experiment on gobies: how hard fathers fan their eggs, and how many of the eggs hatch.

    python data/make/gobies.py [FOLDER]

writes ``gobies.csv`` and ``gobies.truth.json`` (default: the folder above this script's). Nothing here was measured.

Design. 18 tanks of five males, each with a nest and a clutch; six tanks had normal water, six warm, six hypoxic (poor
in oxygen), in random order. Of each tank three things were written down that do nothing: its distance from the door,
the age of its pump and the light above it. They were drawn at random.

Model. The fanning of male j in tank i, in strokes a minute, is

    y_ij = 150 + 8 warm_i + 25 hypoxic_i + b_i + e_ij,    b_i ~ N(0, 8^2),    e_ij ~ N(0, 16^2).

In each nest 40 to 80 eggs were counted. With probability 0.2 the whole clutch was lost (eaten by the father), in any
water; otherwise the number that hatched is beta-binomial with mean p and kappa = 12 (a beta with parameters p kappa and
(1 - p) kappa), logit(p_ij) = 1.4 - 0.2 warm_i - 0.8 hypoxic_i + c_i, c_i ~ N(0, 0.3^2).

Random numbers: NumPy's PCG64 from one seed, streams of their own (``SeedSequence.spawn``) for the design, the fanning
and the eggs. The seed is the first that was tried.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SEED = 20261122
WATER = ("normal", "warm", "hypoxic")
TANKS, MALES = 18, 5
FANNING = {"(Intercept)": 150.0, "waterwarm": 8.0, "waterhypoxic": 25.0}
HATCHING = {"(Intercept)": 1.4, "waterwarm": -0.2, "waterhypoxic": -0.8}
TANK_SD, SIGMA, HATCH_TANK_SD, KAPPA, LOST = 8.0, 16.0, 0.3, 12.0, 0.2


def main() -> None:
    """Write the data and the truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    design, fan, egg = (
        np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(3)
    )
    water = design.permutation(np.repeat(WATER, TANKS // len(WATER)))
    door = np.round(design.uniform(1, 9, TANKS), 1)
    pump = design.integers(1, 60, TANKS)
    light = np.round(design.uniform(80, 220, TANKS), 0)
    tank = np.repeat(np.arange(TANKS), MALES)
    step = {"normal": "(Intercept)", "warm": "waterwarm", "hypoxic": "waterhypoxic"}

    def mean(beta: dict[str, float]) -> np.ndarray:
        shift = [0.0 if w == "normal" else beta[step[w]] for w in water]
        return beta["(Intercept)"] + np.array(shift)

    mu = mean(FANNING) + fan.normal(0, TANK_SD, TANKS)
    fanning = mu[tank] + fan.normal(0, SIGMA, len(tank))
    eggs = egg.integers(40, 81, len(tank))
    p = 1 / (1 + np.exp(-(mean(HATCHING) + egg.normal(0, HATCH_TANK_SD, TANKS))[tank]))
    share = egg.beta(p * KAPPA, (1 - p) * KAPPA)
    hatched = np.where(egg.random(len(tank)) < LOST, 0, egg.binomial(eggs, share))
    lines = ["tank,male,water,door,pump,light,fanning,eggs,hatched"]
    for i, t in enumerate(tank):
        lines.append(
            f"T{t + 1:02d},M{i + 1:02d},{water[t]},{door[t]:.1f},{pump[t]},{light[t]:.0f},{fanning[i]:.1f},"
            f"{eggs[i]},{hatched[i]}"
        )
    truth = {
        "script": "data/make/gobies.py",
        "formula": "fanning ~ water + (1 | tank)",
        "beta": FANNING,
        "tank_sd": TANK_SD,
        "sigma": SIGMA,
        "hatched": {
            "family": "zero-inflated beta-binomial, logit link",
            "beta": HATCHING,
            "tank_sd": HATCH_TANK_SD,
            "kappa": KAPPA,
            "lost": LOST,
        },
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(3): design, fanning, eggs",
    }
    (folder / "gobies.csv").write_bytes(("\n".join(lines) + "\n").encode())
    (folder / "gobies.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"gobies: {len(tank)} rows")


if __name__ == "__main__":
    main()
