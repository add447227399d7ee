"""Simulate how often five tests of one fixed effect raise a false alarm, by the number of groups.

    python data/make/ddf_methods.py [FILE]

writes ``ddf_methods.csv`` (default: in the folder above this script's). There is nothing to find in any of
the simulated data sets, so a share of rejections above 0.05 is a fault of the test.

Designs.

- ``balanced``: two varieties on one plot each in every block, four subplots a plot, nothing lost; the tested effect
  is that of variety, the groups are the blocks. ``y ~ Variety + N + (1 | Block) + (1 | Block:Variety)``, standard
  deviations 15 (blocks), 10 (plots) and 13 (subplots), round numbers near the estimates for the oats of Yates.
- ``unbalanced``: two groups of equally many subjects, who have 2 and 12 observations in turn; the tested effect is
  that of the group. ``y ~ group + (1 | subject)``, standard deviations 1 (subjects) and 2 (residual).

Tests, each at the 5% level, of the same data sets: ``z`` (Wald, REML), ``likelihood ratio`` (ML, chi-square),
``Satterthwaite`` and ``Kenward-Roger`` (REML) and ``bootstrap`` (parametric, of the likelihood ratio, with 199
simulations a data set, on the first 500 data sets; p at most 0.05 counts). Singular fits are in, as they come.
Kenward-Roger is left out of the balanced design, where it is Satterthwaite's test as long as no variance is estimated
as zero.

Random numbers: NumPy's PCG64, one stream a design and size, spawned from one seed; fixed before anything was looked at.
It takes a few minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import mmhelpers as mm
from mmhelpers.inference.likelihood import criteria
from mmhelpers.results import Fits, Matrices

SEED = 20170401
N_REP = 2000
N_BOOTED = 500  # data sets that the bootstrap is tried on
N_BOOT = 199  # simulations for each
BLOCKS = (3, 4, 6, 10, 20, 40)
SUBJECTS = (4, 8, 12, 20, 40)
NAMES = ("design", "groups", "test", "n_rep", "rejected", "singular")


def balanced(blocks: int) -> tuple[pd.DataFrame, str, str, str, mm.Truth]:
    """Design, formula, formula without the effect, name of the coefficient, and the truth."""
    data = mm.cross(Block=blocks, Variety=["A", "B"], N=["0", "1", "2", "3"]).data
    random = "(1 | Block) + (1 | Block:Variety)"
    formula = f"y ~ Variety + N + {random}"
    beta = dict.fromkeys(("(Intercept)", "VarietyB", "N1", "N2", "N3"), 0)
    truth = mm.Truth(formula, beta=beta, sd={"Block": 15, "Block:Variety": 10}, sigma=13)
    return data, formula, f"y ~ N + {random}", "VarietyB", truth


def unbalanced(subjects: int) -> tuple[pd.DataFrame, str, str, str, mm.Truth]:
    """Design, formula, formula without the effect, name of the coefficient, and the truth."""
    rows = [(f"s{i:02d}", "AB"[i % 4 // 2]) for i in range(subjects) for _ in range((2, 12)[i % 2])]
    data = pd.DataFrame(rows, columns=["subject", "group"]).astype("category")
    formula = "y ~ group + (1 | subject)"
    truth = mm.Truth(formula, beta={"(Intercept)": 0, "groupB": 0}, sd={"subject": 1}, sigma=2)
    return data, formula, "y ~ 1 + (1 | subject)", "groupB", truth


def bootstrap(large: mm.FitMany, small: mm.FitMany, rng: np.random.Generator) -> np.ndarray:
    """p-values of the bootstrapped likelihood ratio, simulated from each data set's own smaller model."""
    observed = (small.criterion - large.criterion)[:N_BOOTED]
    fits, matrices = small.fits, small.matrices
    counts = []
    for start in range(0, N_BOOTED, 50):  # many data sets in one call: a call costs more than a fit
        chosen = range(start, start + 50)
        Y = np.concatenate([draw(matrices, fits, i, rng) for i in chosen])
        null, full = (criteria(m, Y, False) for m in (matrices, large.matrices))
        simulated = (null - full).reshape(50, N_BOOT)
        counts.append((simulated >= observed[start : start + 50, None] - 1e-8).sum(axis=1))
    return (1 + np.concatenate(counts)) / (1 + N_BOOT)


def draw(matrices: Matrices, fits: Fits, i: int, rng: np.random.Generator) -> np.ndarray:
    """Simulate N_BOOT responses from the i-th fit."""
    Y = matrices.X @ fits.beta[i] + fits.sigma[i] * rng.standard_normal((N_BOOT, matrices.n))
    for term, theta in zip(matrices.terms, matrices.split_theta(fits.theta[i]), strict=True):
        u = fits.sigma[i] * rng.standard_normal((N_BOOT, term.n_levels, term.k))
        Y += np.einsum("rnk,nk->rn", (u @ term.block(theta).T)[:, term.index], term.z)
    return Y


def rows(name: str, groups: int, rng: np.random.Generator) -> list[tuple[object, ...]]:
    """Give the rows of one design at one size."""
    data, formula, without, effect, truth = {"balanced": balanced, "unbalanced": unbalanced}[name](groups)
    Y = mm.simulate(data, truth, n_rep=N_REP, rng=rng)
    by_reml = mm.fit_many(formula, data, Y)
    large, small = (mm.fit_many(f, data, Y, reml=False) for f in (formula, without))
    assert by_reml.converged.all()
    found = by_reml.coefficients().pipe(lambda t: t[t["coefficient"] == effect])
    p = {
        "z": 2 * stats.norm.sf(np.abs(found["statistic"])),
        "likelihood ratio": stats.chi2.sf(small.criterion - large.criterion, 1),
        "Satterthwaite": found["p"].to_numpy(),
    }
    p["bootstrap"] = bootstrap(large, small, rng) - 1e-9  # p is a multiple of 1/200, and 0.05 counts
    if name == "unbalanced":
        kr = by_reml.coefficients("kenward-roger").pipe(lambda t: t[t["coefficient"] == effect])
        p["Kenward-Roger"] = kr["p"].to_numpy()
    share = f"{by_reml.singular.mean():g}"
    print(name, groups, {test: float((v < 0.05).mean()) for test, v in p.items()}, share, flush=True)
    return [(name, groups, test, len(v), int((v < 0.05).sum()), share) for test, v in p.items()]


def main() -> None:
    """Write the table."""
    default = Path(__file__).resolve().parents[1] / "ddf_methods.csv"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    cases = [("balanced", b) for b in BLOCKS] + [("unbalanced", s) for s in SUBJECTS]
    streams = [
        np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(SEED).spawn(len(cases))
    ]
    found = [
        row for (name, groups), rng in zip(cases, streams, strict=True) for row in rows(name, groups, rng)
    ]
    lines = [",".join(NAMES), *(",".join(str(value) for value in row) for row in found)]
    target.write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
