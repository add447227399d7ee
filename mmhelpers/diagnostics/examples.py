"""Data with one known fault, to see what a diagnosis does with it; and how the diagnoses did in our own studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fault", "calibration", "faulty"]

Fault = Literal[
    "overdispersion",
    "zeros",
    "curve",
    "variance",
    "tails",
    "effects",
    "time",
    "space",
    "outliers",
    "group",
    "means",
]
COUNTS = {"overdispersion", "zeros"}
STUDIES = ("level", "refit", "power")


def faulty(fault: Fault, size: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """Simulate data for y ~ x + (1 | g) that break one assumption of that model, and no other.

    Parameters
    ----------
    fault : str
        overdispersion, zeros: counts (Poisson, without group effects), with a gamma factor on each mean, or a share
        of zeros added. The others are gaussian with 20 groups: curve (a square of x), variance (larger for h = "b"),
        tails (heavy ones), effects (skewed group effects), time (errors of first-order autoregression over `day`
        within each group), space (errors that resemble their neighbours'), outliers (six rows), group (one group
        with a slope of its own), means (larger by 0.6 for h = "b").
    size : float
        Size of the fault; 0 gives the same data without it.
    seed : int
        Seed.

    Returns
    -------
    pandas.DataFrame
        240 rows: g (20 groups), day (1 to 12 in each), x, h ("a", "b"), east, north, y.

    Examples
    --------
    >>> faulty("zeros").query("y == 0").shape[0] > faulty("zeros", size=0).query("y == 0").shape[0]
    True
    """
    import pandas as pd

    if fault not in get_args(Fault):
        raise ValueError(f"fault is {fault!r}; it must be one of {', '.join(get_args(Fault))}")
    rng = np.random.default_rng(seed)
    n, groups = 240, 20
    g = np.repeat(np.arange(groups), n // groups)
    table = pd.DataFrame(
        {
            "g": [f"g{i + 1:02d}" for i in g],
            "day": np.tile(np.arange(1, n // groups + 1), groups),
            "x": rng.uniform(-1, 1, n),
            "h": np.where(rng.random(n) < 0.5, "a", "b"),
            "east": rng.random(n),
            "north": rng.random(n),
        }
    )
    x = table["x"].to_numpy()
    if fault in COUNTS:
        mean, extra, factor = np.exp(1 + 0.5 * x), rng.random(n), rng.gamma(2.0, 0.5, n)
        if fault == "overdispersion" and size > 0:
            mean = mean * (1 + size * (factor - 1))
        y = rng.poisson(mean).astype(float)
        return table.assign(y=np.where((fault == "zeros") & (extra < 0.25 * size), 0.0, y))
    e, b, u = rng.normal(size=n), rng.normal(size=groups), rng.normal(size=n)
    if fault == "effects" and size > 0:
        b = (1 - size) * b + size * (rng.exponential(size=groups) ** 1.5 * 1.3 - 1.7)
    if fault == "tails" and size > 0:
        e = e / np.sqrt((1 - size) + size * rng.chisquare(3.5, n) / 3.5)
    if fault == "variance":
        e = e * np.where(table["h"] == "b", 1 + 0.6 * size, 1.0)
    if fault == "time":
        e = _autoregression(e.reshape(groups, -1), 0.65 * size).ravel()
    if fault == "space" and size > 0:
        e = np.sqrt(1 - 0.8 * size) * e + np.sqrt(0.8 * size) * _field(table, u)
    y = 1 + x + b[g] + e
    if fault == "curve":
        y = y + 2.5 * size * (x**2 - 1 / 3)
    if fault == "means":
        table["h"] = np.tile(["a", "b"], n // 2)  # balanced, so that nothing else differs between the two
        y = y + 0.6 * size * (table["h"] == "b").to_numpy()
    if fault == "outliers":
        y[[20, 50, 97, 140, 171, 222]] += 9 * size * np.array([1, -1, 1, 1, -1, 1])
    if fault == "group":
        y = y + 4.0 * size * x * (g == 7)
    return table.assign(y=y)


def _autoregression(e: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Turn independent errors, a series a row, into first-order autoregressions with the same variance."""
    out = e.copy()
    for t in range(1, e.shape[1]):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * e[:, t]
    return out


def _field(table: pd.DataFrame, u: NDArray[np.float64]) -> Any:
    """Gaussian field with variance 1 and correlation exp(-distance / 0.3)."""
    x, y = table["east"].to_numpy(), table["north"].to_numpy()
    S = np.exp(-np.hypot(x[:, None] - x, y[:, None] - y) / 0.3)
    return np.linalg.cholesky(S + 1e-9 * np.eye(len(x))) @ u


def calibration(study: str = "level") -> pd.DataFrame:
    """Read how often the diagnoses rejected in simulation: the tables of the package's own studies.

    Parameters
    ----------
    study : {"level", "refit", "power"}
        level: models that are right, plug-in tests. refit: the same with ``refit=True``. power: models with a fault,
        beside the same test of R's DHARMa (and performance) on the same data and simulations.

    Returns
    -------
    pandas.DataFrame
        One row a cell and test, with the number of data sets, the share rejected at 5%, and its Monte Carlo SE.

    Examples
    --------
    >>> "rejected" in calibration("level").columns
    True
    """
    import pandas as pd

    from ..datasets import data_folder

    if study not in STUDIES:
        raise ValueError(f"study is {study!r}; it must be one of {', '.join(map(repr, STUDIES))}")
    return pd.read_csv(data_folder() / "studies" / f"diagnostics_{study}.csv")
