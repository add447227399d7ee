"""Counts against what fitted models expect: how often each count comes, and how the variance follows the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..given import mapping
from ..residuals.quantile import QuantileResiduals, quantile_residuals

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["count_table", "mean_variance"]

Array = NDArray[np.float64]


def _known(fit: Any) -> QuantileResiduals:
    return fit if isinstance(fit, QuantileResiduals) else quantile_residuals(fit)


def count_table(fits: Mapping[str, Any], most: int | None = None) -> pd.DataFrame:
    """Count how often each count was seen, and how often models expect it.

    Parameters
    ----------
    fits : mapping of str to fit or QuantileResiduals
        Name of each model, and a fit to the same counts.
    most : int, optional
        Counts of `most` and above are taken together; by default the 95% quantile of the counts, at least 8.

    Returns
    -------
    pandas.DataFrame
        Columns model, count, observed, expected (mean over the data sets simulated from the fit), lower and upper
        (95% of the simulated data sets lie between, for one count at a time). ``attrs["most"]`` is the last count,
        which stands for itself and all above it.

    Raises
    ------
    ValueError
        If there is no fit, the fits are of different responses, or the responses are no counts.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y = rng.poisson(2.0, 200)
    >>> table = count_table({"Poisson": quantile_residuals(y, rng.poisson(2.0, (200, 99)))}, most=5)
    >>> int(table["observed"].sum()), len(table)
    (200, 6)
    """
    import pandas as pd

    mapping("fits", fits, "{'Poisson': fit, 'negative binomial': fit}")
    known = {str(name): _known(fit) for name, fit in fits.items()}
    if not known:
        raise ValueError("fits is empty; give at least one model and its fit")
    first = next(iter(known.values())).observed
    if np.any(first < 0) or np.any(first != np.floor(first)):
        raise ValueError("the responses are no counts (whole numbers from 0 on)")
    if any(not np.array_equal(r.observed, first) for r in known.values()):
        raise ValueError("the fits are of different responses; compare models of one data set")
    last = int(max(8, np.quantile(first, 0.95))) if most is None else int(most)

    def frequencies(y: Array) -> Array:
        return np.bincount(np.minimum(y, last).astype(int), minlength=last + 1).astype(float)

    parts = []
    for name, r in known.items():
        simulated = np.array([frequencies(column) for column in r.simulated.T])
        lower, upper = np.quantile(simulated, [0.025, 0.975], axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "model": name,
                    "count": np.arange(last + 1),
                    "observed": frequencies(first),
                    "expected": simulated.mean(axis=0),
                    "lower": lower,
                    "upper": upper,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table.attrs["most"] = last
    return table


def mean_variance(fit: Any, pieces: int = 8) -> pd.DataFrame:
    """Hold the variance of the responses, at several heights of the fitted mean, against what the fit expects.

    Parameters
    ----------
    fit : a fit or QuantileResiduals
        Its observations are sorted by their fitted mean and cut into `pieces` of about equal size.
    pieces : int
        Number of pieces, at least 2. Observations with one fitted mean stay together, so there may be fewer.

    Returns
    -------
    pandas.DataFrame
        One row a piece: n, mean (of the fitted means), variance (mean square of the observations around their own
        fitted means), expected, lower and upper (mean and middle 95% of the same in data simulated from the fit).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mu = np.repeat([2.0, 20.0], 100)
    >>> r = quantile_residuals(rng.poisson(mu), rng.poisson(mu[:, None], (200, 99)), fitted=mu)
    >>> mean_variance(r)["mean"].tolist()
    [2.0, 20.0]
    """
    import pandas as pd

    if pieces < 2:
        raise ValueError(
            f"pieces is {pieces}; at least 2 are needed to see how the variance follows the mean"
        )
    r = _known(fit)
    centre = np.round(r.fitted, 10)
    edges = np.unique(np.quantile(centre, np.linspace(0, 1, pieces + 1)[1:-1]))
    piece = np.searchsorted(edges, centre, side="left")
    squares = (r.observed - r.fitted) ** 2
    simulated = (r.simulated - r.fitted[:, None]) ** 2
    rows = []
    for k in np.unique(piece):
        own = piece == k
        chance = simulated[own].mean(axis=0)
        lower, upper = np.quantile(chance, [0.025, 0.975])
        rows.append(
            (
                int(own.sum()),
                r.fitted[own].mean(),
                squares[own].mean(),
                chance.mean(),
                float(lower),
                float(upper),
            )
        )
    return pd.DataFrame(rows, columns=["n", "mean", "variance", "expected", "lower", "upper"])
