"""How good PQL, Laplace and quadrature are for yes or no, and how good the tests: data/logistic_*.csv.

    python data/make/logistic.py bias      # ten minutes of one quiet core
    python data/make/logistic.py tests     # ten minutes

**bias**: 100 clusters of 2, 4, 8 or 16 answers, half without and half with a drug; logit(p) = -1 + drug + b,
b ~ N(0, sd^2). Each data set is fitted in three ways. **tests**: half of the clusters have the drug, in all their ten
answers; the drug does nothing. How often is p < .05 by z, by the likelihood ratio, and by the parametric bootstrap with
39 sets? Each cell has a seed of its own, and what is done is not done again: kill it and start it as you like.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit

import mmhelpers as mm

HERE = Path(__file__).resolve().parents[1]
METHODS = ("pql", "laplace", "quadrature")
SDS, CLUSTERS = (0.5, 1.0, 2.0, 3.0), 100
#: answers a cluster, and how many data sets (many answers take long: few clusters are alike)
SETS = {2: 2000, 4: 2000, 8: 1000, 16: 300}
#: clusters of the study of tests; data sets, how many of them are bootstrapped, and bootstrap sets of each
SIZES, TESTS, SLOW, BOOT = (8, 20, 40), 3000, 300, 39
ALPHA = 0.05


def design(answers: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Half of each cluster's answers with the drug: predictors, and who answers."""
    drug = np.tile(np.repeat([0.0, 1.0], answers // 2), clusters)
    return np.column_stack([np.ones_like(drug), drug]), np.repeat(np.arange(clusters), answers)


def draw(x: np.ndarray, who: np.ndarray, beta: Any, sd: float, sets: int, rng: np.random.Generator) -> Any:
    b = rng.normal(0, sd, (sets, who.max() + 1))
    return rng.binomial(1, expit(x @ np.asarray(beta) + b[:, who])).astype(float)


def bias_cell(answers: int, sd: float) -> Iterator[dict[str, Any]]:
    x, who = design(answers, CLUSTERS)
    y = draw(x, who, [-1, 1], sd, SETS[answers], np.random.default_rng([7, answers, int(10 * sd)]))
    for method in METHODS:
        fits = mm.fit_logistic(y, x, who, method=method, points=15)
        ok = fits.converged
        inside = np.abs(fits.beta[:, 1] - 1) < stats.norm.ppf(0.975) * fits.se[:, 1]
        for name, truth, value in (
            ("b0", -1.0, fits.beta[:, 0]),
            ("b1", 1.0, fits.beta[:, 1]),
            ("sd", sd, fits.sigma),
        ):
            mean, spread = value[ok].mean(), value[ok].std(ddof=1)
            yield {
                "answers": answers,
                "sd": sd,
                "method": method,
                "quantity": name,
                "truth": truth,
                "mean": round(mean, 5),
                "error": round(spread / np.sqrt(ok.sum()), 5),
                "spread": round(spread, 5),
                "coverage": round(inside[ok].mean(), 4) if name == "b1" else "",
                "sets": SETS[answers],
                "failed": int((~ok).sum()),
                "at_zero": int(fits.singular.sum()),
            }


def test_cell(clusters: int, sd: float) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng([8, clusters, int(10 * sd)])
    who = np.repeat(np.arange(clusters), 10)
    x = np.column_stack([np.ones(len(who)), who >= clusters // 2]).astype(float)
    y = draw(x, who, [-0.5, 0], sd, TESTS, rng)

    def ratio(y: np.ndarray) -> tuple[Any, Any, np.ndarray]:
        full, null = (mm.fit_logistic(y, d, who, points=11) for d in (x, x[:, :1]))
        return full, null, 2 * (full.loglik - null.loglik)

    full, null, lr = ratio(y)
    z = full.beta[:, 1] / full.se[:, 1]
    p = {"z": 2 * stats.norm.sf(np.abs(z)), "likelihood ratio": stats.chi2.sf(lr, 1), "bootstrap": np.full(TESTS, np.nan)}
    for begin in range(0, SLOW, 50):  # fifty data sets' bootstraps at a time, which is quicker
        part = range(begin, begin + 50)
        again = ratio(np.vstack([null.simulate(BOOT, rng=rng, which=i) for i in part]))[2].reshape(50, BOOT)
        p["bootstrap"][part] = (1 + (again >= lr[part, None] - 1e-9).sum(axis=1)) / (BOOT + 1)
    for method, value in p.items():
        tried = np.isfinite(value)
        ok = full.converged & null.converged & tried
        # with 39 sets p is a multiple of 1/40, and p <= .05 has a probability of exactly 5% if the model is right
        low = value <= ALPHA + 1e-12
        yield {
            "clusters": clusters,
            "sd": sd,
            "method": method,
            "rejected": int(low[ok].sum()),
            "sets": int(ok.sum()),
            "failed": int((~ok & tried).sum()),
            "rate": round(low[ok].mean(), 4),
            "error": round(float(np.sqrt(low[ok].mean() * (1 - low[ok].mean()) / ok.sum())), 4),
        }


def run(path: Path, cells: list[tuple[Any, ...]], make: Any) -> None:
    """Append the cells that the table does not have."""
    done = set()
    if path.exists():
        with path.open(encoding="utf-8") as file:
            done = {(row[0], row[1]) for row in list(csv.reader(file))[1:]}
    for cell in cells:
        if tuple(map(str, cell)) in done:
            continue
        rows = list(make(*cell))
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
        print(path.name, *cell, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["bias"]:
        run(HERE / "logistic_bias.csv", [(a, s) for a in SETS for s in SDS], bias_cell)
    elif sys.argv[1:] == ["tests"]:
        run(HERE / "logistic_tests.csv", [(c, s) for c in SIZES for s in (1.0,)], test_cell)
    else:
        raise SystemExit(__doc__)
