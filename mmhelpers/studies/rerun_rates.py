"""From the p-values of a published study that is run again to rates, and to what the course keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.studies.matuschek import MODELS
from mmhelpers.studies.rates import binomial_interval

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
#: What a study found in one cell: p-values of each analysis, (2, n_rep) without and with the effect; flags, (n_rep,).
Arrays = dict[str, NDArray[Any]]

#: Width of the bins of `histogram`.
BIN = 0.05
#: Data sets of each cell whose p-values are kept.
FIRST = 5


def corrected_power(p0: Floats, p1: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """Power at the cut-off that gives a test its nominal level, and the standard error of that.

    A test that rejects too often under the null hypothesis (``p0``) is held to the alpha quantile of those
    p-values, one that does not to alpha itself, as Barr et al. (2013) do.

    Parameters
    ----------
    p0, p1 : ndarray, shape (n_rep,)
        p-values of the same data sets without and with the effect.
    alpha : float

    Returns
    -------
    power, se : float

    Examples
    --------
    >>> grid = np.linspace(0.0, 1.0, 1001)
    >>> round(corrected_power(grid**2, grid**4)[0], 3)
    0.224
    """
    if (p0 <= alpha).mean() <= alpha:
        power = float((p1 <= alpha).mean())
        return power, float(np.sqrt(power * (1 - power) / len(p1)))
    cut, low, high = np.quantile(p0, [alpha, 0.9 * alpha, 1.1 * alpha])
    hit0, hit1 = p0 <= cut, p1 <= cut
    slope = ((p1 <= high).mean() - (p1 <= low).mean()) / (0.2 * alpha)  # d power / d level
    return float(hit1.mean()), float(np.std(hit1 - slope * hit0) / np.sqrt(len(p0)))


def table(alphas: Sequence[float], results: Mapping[str, Arrays]) -> pd.DataFrame:
    """Rates of every cell and analysis.

    Parameters
    ----------
    alphas : sequence of float
        Levels of significance.
    results : mapping
        Of cells to arrays, as `mmhelpers.studies.rerun.collect` gives them.

    Returns
    -------
    DataFrame
        Columns ``cell``, ``analysis``, ``quantity`` (``"type1"``, ``"power"``, ``"corrected_power"``, or
        ``"keeps_no_slope"``: how often a selection ends at the model without slopes), ``alpha``, ``n``
        (data sets with a p-value), ``count``, ``rate``, ``se``, ``lower``, ``upper`` (95 % Wilson), and of all
        data sets of the cell how many were ``failed`` and ``singular``, and in how many slopes were
        ``dropped`` because a fit failed.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell, arrays in results.items():
        for name in _analyses(arrays):
            counts = _counts(arrays, name)
            for quantity, p in zip(("type1", "power"), arrays[name], strict=True):
                p = p[~np.isnan(p)]
                for alpha in alphas:
                    rows.append(
                        {"cell": cell, "analysis": name, "quantity": quantity, "alpha": alpha}
                        | _rate(int((p <= alpha).sum()), len(p))
                        | counts
                    )
            both = arrays[name][:, ~np.isnan(arrays[name]).any(0)]
            power, se = corrected_power(*both)
            rows.append(
                {"cell": cell, "analysis": name, "quantity": "corrected_power", "alpha": 0.05}
                | {"n": both.shape[1], "count": round(power * both.shape[1]), "rate": power, "se": se}
                | {"lower": power - 1.96 * se, "upper": power + 1.96 * se}
                | counts
            )
        for name in ("AIC", "LRT"):
            if f"{name}.model" in arrays:
                chosen = arrays[f"{name}.model"]
                rows.append(
                    {"cell": cell, "analysis": name, "quantity": "keeps_no_slope", "alpha": np.nan}
                    | _rate(int((chosen == len(MODELS) - 1).sum()), len(chosen))
                    | _counts(arrays, name)
                )
    return pd.DataFrame(rows)


def _rate(count: int, n: int) -> dict[str, Any]:
    rate = count / n
    lower, upper = binomial_interval(count, n)
    return {
        "n": n, "count": count, "rate": rate, "se": float(np.sqrt(rate * (1 - rate) / n)),
        "lower": float(lower), "upper": float(upper),
    }  # fmt: skip


def _counts(arrays: Arrays, analysis: str) -> dict[str, int]:
    """Failed and singular fits of the model behind an analysis, and fall-backs."""
    out = {"failed": 0, "singular": 0, "dropped": 0}
    model = analysis.split(".")[0]
    if f"{model}.singular" in arrays:
        for what in out:
            out[what] = int((arrays[f"{model}.{what}"] > 0).sum())
    elif "deviance" in arrays:
        names = list(MODELS)
        for what in ("failed", "singular"):
            if model in names:
                out[what] = int(arrays[what][names.index(model)].sum())
            elif f"{model}.model" in arrays:
                chosen = arrays[f"{model}.model"].astype(int)
                out[what] = int(np.take_along_axis(arrays[what], chosen[None], axis=0).sum())
    return out


def _analyses(arrays: Arrays) -> list[str]:
    """Names of the analyses that have p-values, without and with the effect."""
    return [name for name, values in arrays.items() if values.ndim == 2 and len(values) == 2]


def histogram(results: Mapping[str, Arrays]) -> pd.DataFrame:
    """Counts of p-values in bins of width `BIN`: cell, analysis, effect (0 or 1), lower, count."""
    import pandas as pd

    edges = np.linspace(0.0, 1.0, round(1 / BIN) + 1)
    rows = []
    for cell, arrays in results.items():
        for name in _analyses(arrays):
            for effect, p in enumerate(arrays[name]):
                counts, _ = np.histogram(p[~np.isnan(p)], edges)
                rows += [
                    {
                        "cell": cell,
                        "analysis": name,
                        "effect": effect,
                        "lower": round(low, 2),
                        "count": int(n),
                    }
                    for low, n in zip(edges[:-1], counts, strict=True)
                ]
    return pd.DataFrame(rows)


def first_rows(results: Mapping[str, Arrays], n: int = FIRST) -> pd.DataFrame:
    """p-values of the first data sets of every cell: cell, rep, analysis, p0, p1 (without and with the effect)."""
    import pandas as pd

    rows = [
        {"cell": cell, "rep": rep, "analysis": name, "p0": arrays[name][0, rep], "p1": arrays[name][1, rep]}
        for cell, arrays in results.items()
        for name in _analyses(arrays)
        for rep in range(min(n, arrays[name].shape[1]))
    ]
    return pd.DataFrame(rows)
