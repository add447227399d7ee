"""Random designs for tests and the fuzz run: nested, crossed, unbalanced, missing, with slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class RandomDesign:
    kind: str
    formula: str
    data: pd.DataFrame
    y: np.ndarray


KINDS = (
    "one",
    "one_unbalanced",
    "slope",
    "slope_unbalanced",
    "uncorrelated",
    "between",
    "nested",
    "nested_unbalanced",
    "crossed",
    "crossed_slope",
    "crossed_missing",
    "crossed_random",
    "three",
    "factor_slope",
)


def random_design(rng: np.random.Generator, kind: str | None = None) -> RandomDesign:
    """Draw a design, a formula and a response; variances are often zero, so that singular fits are common."""
    kind = kind or str(rng.choice(KINDS))
    g = int(rng.integers(4, 12))
    m = int(rng.integers(3, 8))
    if kind in {"one", "slope", "uncorrelated", "between", "factor_slope"}:
        data = pd.DataFrame({"g": np.repeat(np.arange(g), 2 * m), "x": np.tile(np.arange(2.0 * m), g)})
    elif kind in {"one_unbalanced", "slope_unbalanced"}:
        sizes = rng.integers(2, 9, g)
        data = pd.DataFrame({"g": np.repeat(np.arange(g), sizes)})
        data["x"] = (
            rng.normal(size=len(data)) if rng.random() < 0.5 else rng.integers(0, 4, len(data)).astype(float)
        )
    elif kind.startswith("nested"):
        data = pd.DataFrame(
            {"g": np.repeat(np.arange(g), 3 * m), "h": np.tile(np.repeat(np.arange(3), m), g)}
        )
        data["x"] = (
            rng.integers(0, 3, len(data)).astype(float) if kind == "nested" else rng.normal(size=len(data))
        )
        if kind == "nested_unbalanced":
            data = data[rng.random(len(data)) < 0.8].reset_index(drop=True)
    else:
        items = int(rng.integers(4, 9))
        data = pd.DataFrame({"g": np.repeat(np.arange(g), items), "h": np.tile(np.arange(items), g)})
        data["x"] = ((data["g"] + data["h"]) % 2) - 0.5
        if kind == "crossed_random":
            data["x"] = rng.normal(size=len(data))
        if kind == "three":
            data = pd.concat([data, data], ignore_index=True)
            data["k"] = rng.integers(0, 3, len(data))
        if kind == "crossed_missing":
            data = data[rng.random(len(data)) < 0.85].reset_index(drop=True)
    data["c"] = (data["g"] % 2).astype(float)
    formula = {
        "one": "y ~ x + (1 | g)",
        "one_unbalanced": "y ~ x + (1 | g)",
        "slope": "y ~ x + (x | g)",
        "slope_unbalanced": "y ~ x + (x | g)",
        "uncorrelated": "y ~ x + (x || g)",
        "between": "y ~ c * x + (x | g)",
        "nested": "y ~ x + (1 | g/h)",
        "nested_unbalanced": "y ~ x + (1 | g/h)",
        "crossed": "y ~ x + (1 | g) + (1 | h)",
        "crossed_slope": "y ~ x + (x | g) + (x | h)",
        "crossed_missing": "y ~ x + (x | g) + (1 | h)",
        "crossed_random": "y ~ x + (x | g) + (1 | h)",
        "three": "y ~ x + (1 | g) + (1 | h) + (1 | k)",
        "factor_slope": "y ~ f + (f | g)",
    }[kind]
    if kind == "factor_slope":
        data["f"] = np.array(["a", "b", "c"])[np.arange(len(data)) % 3]
    data["g"] = "g" + data["g"].astype(str)
    if "h" in data:
        data["h"] = "h" + data["h"].astype(str)
    if "k" in data:
        data["k"] = "k" + data["k"].astype(str)
    y = rng.normal(10.0, 3.0) + rng.normal() * data["x"].to_numpy() + rng.normal(size=len(data))
    for name in ("g", "h", "k"):
        if name in data:
            codes = data[name].astype("category").cat.codes.to_numpy()
            sd = rng.choice([0.0, 0.3, 1.0, 3.0])
            y = y + sd * rng.normal(size=codes.max() + 1)[codes]
            slope = rng.choice([0.0, 0.0, 0.5])
            y = y + slope * rng.normal(size=codes.max() + 1)[codes] * data["x"].to_numpy()
    data["y"] = y
    return RandomDesign(kind, formula, data, y)
