"""The designs that are timed, and responses for them: the first four are the reference models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Case:
    name: str
    data: pd.DataFrame
    intercepts: str
    slopes: str
    groups: tuple[str, ...]
    x: str
    sd: tuple[float, float]
    sigma: float

    def simulate(self, n_rep: int, rng: np.random.Generator) -> np.ndarray:
        """Responses (n_rep, n) with random intercepts and slopes."""
        Y = np.empty((n_rep, len(self.data)))
        x = self.data[self.x].to_numpy()
        codes = [pd.Categorical(self.data[group]).codes.astype(np.intp) for group in self.groups]
        size = max(100_000 // len(self.data), 1)  # pieces that stay in the cache
        for first in range(0, n_rep, size):
            piece = Y[first : first + size]
            rng.standard_normal(out=piece)
            piece *= self.sigma
            for levels in codes:
                b = rng.standard_normal((2, len(piece), levels.max() + 1))
                piece += np.take(self.sd[0] * b[0], levels, axis=1)
                slopes = np.take(self.sd[1] * b[1], levels, axis=1)
                slopes *= x
                piece += slopes
        return Y


def balanced(subjects: int = 18, days: int = 10) -> Case:
    data = pd.DataFrame(
        {"g": np.repeat(np.arange(subjects), days), "x": np.tile(np.arange(float(days)), subjects)}
    )
    data["g"] = "g" + data["g"].astype(str)
    name = f"one factor, balanced ({subjects} x {days})"
    return Case(name, data, "y ~ x + (1 | g)", "y ~ x + (x | g)", ("g",), "x", (24.7, 5.9), 25.6)


def crossed(missing: float = 0.0) -> Case:
    data = pd.DataFrame({"s": np.repeat(np.arange(24), 24), "i": np.tile(np.arange(24), 24)})
    data["x"] = np.where((data["s"] + data["i"]) % 2, 0.5, -0.5)
    name = "crossed 24 x 24, complete"
    if missing:
        data = data[np.random.default_rng(1).random(len(data)) > missing].reset_index(drop=True)
        name = f"crossed 24 x 24, {missing:.0%} of cells missing"
    data[["s", "i"]] = "l" + data[["s", "i"]].astype(str)
    return Case(
        name, data, "y ~ x + (1 | s) + (1 | i)", "y ~ x + (x | s) + (x | i)", ("s", "i"), "x", (1.0, 0.5), 2.0
    )


def unbalanced(groups: int = 180) -> Case:
    """5 to 15 observations a group, each group with its own values of x."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(5, 16, groups)
    data = pd.DataFrame({"g": np.repeat(np.arange(groups), sizes)})
    data["x"] = np.concatenate([np.sort(rng.choice(20, size, replace=False)) for size in sizes]) / 5.0
    data["g"] = "g" + data["g"].astype(str)
    return Case(
        f"one factor, unbalanced ({groups} groups)",
        data,
        "y ~ x + (1 | g)",
        "y ~ x + (x | g)",
        ("g",),
        "x",
        (1.0, 0.5),
        2.0,
    )


CASES = {
    "balanced": balanced(),
    "crossed": crossed(),
    "unbalanced": unbalanced(),
    "crossed_missing": crossed(0.05),
}
