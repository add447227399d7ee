"""Simulate the oyster field experiment of the first chapter, with and without an effect of the bag.

    python data/make/oysters.py [FOLDER]

writes ``oysters.csv``, ``oysters_nobag.csv`` and a ``.truth.json`` beside each (default: the folder above
this script's). Nothing here was measured: the design is that of a real kind of experiment, the numbers are
invented.

Design. Oysters of four populations were deployed at five sites. At every site each population had three
replicate bags of its own, eight oysters to a bag, for a growing season; some oysters were lost. The bag is
the experimental unit for population: a population was given to a bag, and all oysters of a bag share its
water flow, sediment and fouling. So bags are nested in population and site, and ``bag`` carries a label of
its own for each of the 60 (population's initial, site's initial, replicate: ``CH1``), whereas ``replicate``
says 1, 2 or 3 in every one.

Model, for oyster i of bag j at site s from population p (mm of shell growth over the season):

    growth_i = intercept + population_p + site_s + bag_j + e_i,
    bag_j ~ N(0, sd_bag^2),  e_i ~ N(0, sd_residual^2)

There is no population-by-site interaction, and Cape and Dune do not differ: a test that finds them
different is mistaken. The bag's share of the variance (ICC) is 4 / (4 + 9) = 0.31.

``oysters_nobag`` is the same experiment with all bags alike (sd_bag = 0): same oysters, same losses, same
e_i. The two files differ by the bag effects and by nothing else (up to rounding, growth being read to 0.1
mm).

Random numbers: NumPy's PCG64 from one seed, a stream of its own (``SeedSequence.spawn``) for the bag
effects, the e_i and the losses, so that changing one leaves the others. The seed was fixed before anything
was looked at. Each oyster is lost with probability 0.06, independently of everything else: what is missing
is missing completely at random. The bag effects as drawn are in the truth, so that a prediction of them can
be held against them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20090101
POPULATIONS = {"Cape": 0.0, "Dune": 0.0, "Fjord": -1.5, "Marsh": 2.5}  # mm, differences from Cape
SITES = {"Harbour": 0.0, "Inlet": 3.0, "Jetty": -2.0, "Kelp": 1.5, "Lagoon": -1.0}  # mm, from Harbour
INTERCEPT = 22.0  # mm, Cape at Harbour
SD_BAG = 2.0  # mm
SD_RESIDUAL = 3.0  # mm
REPLICATES = (1, 2, 3)
OYSTERS_PER_BAG = 8
P_LOST = 0.06


def simulate(sd_bag: float) -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it, for one standard deviation of the bags."""
    cells = [(p, s, r) for p in POPULATIONS for s in SITES for r in REPLICATES]
    bags = [f"{p[0]}{s[0]}{r}" for p, s, r in cells]
    shape = (len(bags), OYSTERS_PER_BAG)
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(3)]
    # rounded before use: the truth on file is the truth, to the last digit
    bag_effect = (
        np.round(sd_bag * streams[0].standard_normal(len(bags)), 4) + 0.0
    )  # + 0.0: no -0.0 in the file
    error = SD_RESIDUAL * streams[1].standard_normal(shape)
    lost = streams[2].random(shape) < P_LOST

    lines = ["population,site,replicate,bag,oyster,growth"]
    for j, (population, site, replicate) in enumerate(cells):
        mean = INTERCEPT + POPULATIONS[population] + SITES[site] + bag_effect[j]
        for i in range(OYSTERS_PER_BAG):
            if not lost[j, i]:
                lines.append(f"{population},{site},{replicate},{bags[j]},{i + 1},{mean + error[j, i]:.1f}")
    truth = {
        "script": "data/make/oysters.py",
        "formula": "growth ~ population + site + (1 | bag)",
        "unit": "mm",
        "beta": {
            "(Intercept)": INTERCEPT,
            **{f"population{name}": effect for name, effect in list(POPULATIONS.items())[1:]},
            **{f"site{name}": effect for name, effect in list(SITES.items())[1:]},
        },
        "sd": {"bag": sd_bag, "residual": SD_RESIDUAL},
        "icc": sd_bag**2 / (sd_bag**2 + SD_RESIDUAL**2),
        "mean": {p: {s: INTERCEPT + POPULATIONS[p] + SITES[s] for s in SITES} for p in POPULATIONS},
        "design": {
            "populations": len(POPULATIONS),
            "sites": len(SITES),
            "bags_per_population_and_site": len(REPLICATES),
            "bags": len(bags),
            "oysters_deployed_per_bag": OYSTERS_PER_BAG,
            "oysters_deployed": OYSTERS_PER_BAG * len(bags),
            "oysters_recovered": len(lines) - 1,
        },
        "p_lost": P_LOST,
        "lost": {
            bag: [i + 1 for i in range(OYSTERS_PER_BAG) if lost[j, i]]
            for j, bag in enumerate(bags)
            if lost[j].any()
        },
        "bag_effects": dict(zip(bags, bag_effect.tolist(), strict=True)),
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(3): bag effects, residuals, losses",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write both data sets and both truths."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    for name, sd_bag in (("oysters", SD_BAG), ("oysters_nobag", 0.0)):
        text, truth = simulate(sd_bag)
        (folder / f"{name}.csv").write_bytes(text.encode())
        (folder / f"{name}.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
        print(f"{name}: {truth['design']['oysters_recovered']} rows, sd of bags {sd_bag} mm")


if __name__ == "__main__":
    main()
