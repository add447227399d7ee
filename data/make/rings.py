"""Simulate growth rings of trees in thinned and unthinned stands: the data of the capstone, chapter 6/02.

    python data/make/rings.py [FOLDER]

writes ``rings.csv`` and ``rings.truth.json`` (default: the folder above this script's). Nothing here was measured.

Design. Fourteen stands of a forest; seven of them were thinned in the winter before 2013. A forester chose which: those
that a machine can reach, which lie lower. In 2018 six trees in each stand were cored, and the rings of 2008 to 2017
measured: five years before and five after. Three of a stand's trees, drawn at random, were measured under a lens by
hand, three with a scanner. The trees are numbered 1 to 6 in each stand.

Model, for stand i, tree j, year k with a = 1 from 2013 on, h_i the elevation in hundreds of metres above 650 m:

    width = 1.9 - 0.25 h_i + 0.05 a + 0.30 thinned_i a + (s0_i + s1_i a) + t_ij + y_k + e,

all normal and independent, with the standard deviations below; that of e depends on how the ring was measured. The effect
of thinning is the 0.30 mm; thinned stands grew faster before, too, because they lie lower.

Losses. A ring is lost (the core broke) with probability 0.02, whatever its width; and one unthinned tree, drawn at random,
was felled by a storm in the autumn of 2015 and left lying. It was cored in 2018 where it lay, and has no rings of 2016 and 2017:
its rows are there, their widths are missing.

Random numbers: NumPy's PCG64 from one seed, a stream of its own for elevations, readers, stands, trees, years, residuals
and losses. The seed was fixed before anything was looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20180611
STANDS, TREES, YEARS = 14, 6, tuple(range(2008, 2018))
FIRST_AFTER = 2013
INTERCEPT, PER_100_M, AFTER, EFFECT = 1.9, -0.25, 0.05, 0.30  # mm
SD_STAND, SD_CHANGE, SD_TREE, SD_YEAR = 0.20, 0.18, 0.30, 0.12  # mm
SD_READER = {"lens": 0.30, "scanner": 0.12}  # mm
P_LOST = 0.02


def simulate() -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it."""
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(7)]
    elevation = 10 * np.round(
        np.r_[streams[0].uniform(480, 680, STANDS // 2), streams[0].uniform(620, 860, STANDS // 2)] / 10
    )
    thinned = np.arange(STANDS) < STANDS // 2
    order = streams[0].permutation(STANDS)  # names tell nothing
    elevation, thinned = elevation[order], thinned[order]
    lens = np.array([streams[1].permutation(TREES) < TREES // 2 for _ in range(STANDS)])
    stand = np.round(streams[2].standard_normal((STANDS, 2)) * (SD_STAND, SD_CHANGE), 4)
    tree = SD_TREE * streams[3].standard_normal((STANDS, TREES))
    year = np.round(SD_YEAR * streams[4].standard_normal(len(YEARS)), 4)
    noise = streams[5].standard_normal((STANDS, TREES, len(YEARS)))
    lost = streams[6].random((STANDS, TREES, len(YEARS))) < P_LOST
    fallen = (int(streams[6].choice(np.flatnonzero(~thinned))), int(streams[6].integers(TREES)))
    lost[fallen[0], fallen[1], YEARS.index(2016) :] = True
    lines = ["stand,elevation,thinned,tree,reader,year,period,width"]
    for i in range(STANDS):
        for j in range(TREES):
            reader = "lens" if lens[i, j] else "scanner"
            for k, now in enumerate(YEARS):
                a = now >= FIRST_AFTER
                width = (
                    INTERCEPT + PER_100_M * (elevation[i] - 650) / 100 + AFTER * a + EFFECT * a * thinned[i]
                )
                width += (
                    stand[i, 0] + stand[i, 1] * a + tree[i, j] + year[k] + SD_READER[reader] * noise[i, j, k]
                )
                cells = [
                    f"S{i + 1:02d}",
                    f"{elevation[i]:.0f}",
                    "yes" if thinned[i] else "no",
                    str(j + 1),
                    reader,
                ]
                cells += [str(now), "after" if a else "before", "" if lost[i, j, k] else f"{width:.2f}"]
                lines.append(",".join(cells))
    truth = {
        "script": "data/make/rings.py",
        "formula": "width ~ elevation + period * thinned + (period | stand) + (1 | stand:tree) + (1 | year)",
        "unit": "mm",
        "beta": {
            "(Intercept)": INTERCEPT - PER_100_M * 6.5,
            "elevation": PER_100_M / 100,
            "periodafter": AFTER,
            "thinnedyes": 0.0,
            "periodafter:thinnedyes": EFFECT,
        },
        "sd": {
            "stand": {"(Intercept)": SD_STAND, "periodafter": SD_CHANGE},
            "stand:tree": {"(Intercept)": SD_TREE},
            "year": {"(Intercept)": SD_YEAR},
            "residual": SD_READER,
        },
        "corr": {"stand": 0.0},
        "rings": int((~lost).sum()),
        "fallen": f"S{fallen[0] + 1:02d}, tree {fallen[1] + 1}",
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(7): elevations, readers, stands, trees, years, residuals, losses",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write the data and the truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    text, truth = simulate()
    (folder / "rings.csv").write_bytes(text.encode())
    (folder / "rings.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"rings: {truth['rings']} of {STANDS * TREES * len(YEARS)} rings measured")


if __name__ == "__main__":
    main()
