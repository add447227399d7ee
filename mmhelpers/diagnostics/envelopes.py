"""Tables behind the pictures: quantile-quantile lines, residual quantiles along a predictor, lineups.

The bands are global rank envelopes (Myllymäki et al. 2017, JRSS B 79:381-404): with the stated confidence the
whole line of a data set from the model stays inside, so that one point outside is evidence by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..adapters import view
from ..given import level_of, whole
from ..residuals.quantile import DEFAULT_SEED, QuantileResiduals
from .null import residual_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lineup", "global_envelope", "lineup", "qq_table", "quantile_table"]

Array = NDArray[np.float64]


def global_envelope(curves: Array, confidence: float = 0.95) -> tuple[Array, Array]:
    """Band that holds whole curves of the model, all points at once, with at least the given confidence.

    Parameters
    ----------
    curves : array, shape (points, n_sim)
        Simulated curves.
    confidence : float
        Share of simulated curves that must lie inside entirely.

    Returns
    -------
    lower, upper : array, shape (points,)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> curves = rng.normal(size=(10, 999))
    >>> low, high = global_envelope(curves)
    >>> inside = ((curves >= low[:, None]) & (curves <= high[:, None])).all(axis=0)
    >>> bool(0.95 <= inside.mean() < 0.99)
    True
    """
    level_of("confidence", confidence)
    m = curves.shape[1]
    ordered = np.sort(curves, axis=1)
    # how deep each curve lies at its shallowest point: 1 is the outermost of all
    below = np.array(
        [np.searchsorted(row, values, side="right") for row, values in zip(ordered, curves, strict=True)]
    )
    above = (
        m
        + 1
        - np.array(
            [
                np.searchsorted(row, values, side="left") + 1
                for row, values in zip(ordered, curves, strict=True)
            ]
        )
    )
    depth = np.minimum(below, above).min(axis=0)
    k = max(1, int(np.sort(depth)[int(np.floor((1 - confidence) * m))]))
    return ordered[:, k - 1], ordered[:, m - k]


def qq_table(
    r: Any,
    n_sim: int = 499,
    confidence: float = 0.95,
    points: int = 200,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Quantiles of the residuals against those expected, with the band of residuals of simulated data.

    Parameters
    ----------
    r : QuantileResiduals, a fit, or array of shape (n,)
        What `mmhelpers.diagnostics.null.residual_columns` takes: standardised residuals of linear models,
        normal scores of quantile residuals of others.
    n_sim : int
        Number of simulations.
    confidence : float
        Probability that a data set from the model stays inside the band everywhere.
    points : int
        At most so many points, evenly chosen, the extremes always among them.
    rng : numpy.random.Generator, optional
        Source of the randomness.

    Returns
    -------
    pandas.DataFrame
        Columns expected, observed, lower, upper.

    Examples
    --------
    >>> table = qq_table(np.random.default_rng(1).normal(size=50))
    >>> bool(((table.observed >= table.lower) & (table.observed <= table.upper)).all())
    True
    """
    whole("points", points, 2)
    import pandas as pd

    columns = np.sort(residual_columns(r, n_sim, rng).values, axis=0)
    chosen = np.unique(np.rint(np.linspace(0, len(columns) - 1, min(points, len(columns)))).astype(int))
    columns = columns[chosen]
    lower, upper = global_envelope(columns[:, 1:], confidence)
    return pd.DataFrame(
        {"expected": columns[:, 1:].mean(axis=1), "observed": columns[:, 0], "lower": lower, "upper": upper}
    )


def quantile_table(
    r: Any,
    predictor: ArrayLike | None = None,
    quantiles: tuple[float, ...] = (0.25, 0.5, 0.75),
    bins: int = 8,
    confidence: float = 0.95,
    n_sim: int = 499,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Quantiles of the residuals in slices of the fitted values (or of a covariate), with their band.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Residuals with their simulations; of a linear model's fit, standardised residuals.
    predictor : array, shape (n,), optional
        The covariate; without it the fitted values (of the fixed part).
    quantiles : tuple of float
        Which quantiles.
    bins : int
        Number of slices with about equally many observations, 10 at least; equal values stay together.
    confidence : float
        Of each quantile's band, all slices at once.
    n_sim : int
        Number of simulations of a fit.
    rng : numpy.random.Generator, optional
        Source of the randomness.

    Returns
    -------
    pandas.DataFrame
        Columns predictor (mean of the slice), quantile, value, expected, lower, upper.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> r = quantile_residuals(rng.poisson(3.0, 100), rng.poisson(3.0, (100, 99)), fitted=rng.random(100))
    >>> sorted(quantile_table(r)["quantile"].unique().tolist())
    [0.25, 0.5, 0.75]
    """
    import pandas as pd

    if isinstance(r, QuantileResiduals):
        columns, fitted = r.columns, r.fitted
    else:
        seen = view(r)
        columns, fitted = residual_columns(seen, n_sim, rng).values, seen.fitted(False)
    x = np.asarray(fitted if predictor is None else predictor, dtype=float)
    if x.shape != (len(columns),):
        raise ValueError(
            f"predictor has shape {x.shape}; it needs one value for each of the {len(columns)} rows"
        )
    slices = _slices(x, max(1, min(bins, len(x) // 10)))
    frames = []
    for q in quantiles:
        values = np.array([np.quantile(columns[rows], q, axis=0) for rows in slices])
        lower, upper = global_envelope(values[:, 1:], confidence)
        frames.append(
            pd.DataFrame(
                {
                    "predictor": [float(x[rows].mean()) for rows in slices],
                    "quantile": q,
                    "value": values[:, 0],
                    "expected": values[:, 1:].mean(axis=1),
                    "lower": lower,
                    "upper": upper,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _slices(x: Array, pieces: int) -> list[NDArray[np.intp]]:
    """Rows of about equally large slices of x; equal values (up to rounding) are in one slice."""
    from scipy.stats import rankdata

    width = float(np.ptp(x)) or 1.0
    place = rankdata(np.round(x / width, 9), method="average") - 0.5
    labels = np.minimum((place * pieces / len(x)).astype(int), pieces - 1)
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


@dataclass(frozen=True)
class Lineup:
    """The residuals of the data hidden among those of simulated data.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns panel (1, 2, ...), level or predictor, residual.
    answer : int
        The panel that holds the data. Look at the picture first.
    by : str
        Name of the factor or predictor.
    factor : bool
        Whether `by` has levels (boxes are drawn) or numbers (points).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
    >>> hidden = mm.lineup(fit, "Days", rng=1)
    >>> hidden.answer in set(hidden.table["panel"])
    True
    """

    table: pd.DataFrame
    answer: int
    by: str
    factor: bool

    def __repr__(self) -> str:  # the answer is not given away
        return (
            f"Lineup of {self.table['panel'].nunique()} panels by {self.by}; .answer tells which is the data"
        )


def lineup(fit: Any, by: Any = None, panels: int = 9, rng: np.random.Generator | int | None = None) -> Lineup:
    """Hide the residual plot of the data among plots of data simulated from the fitted model.

    Who can pick the real one out of m panels without having seen it has evidence against the model with p =
    1 / m: a test in which the eye is the statistic.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `mmhelpers.diagnostics.null.residual_columns` takes.
    by : str or array of shape (n,), optional
        Factor or covariate to plot the residuals against (a name in a fit's data); the fitted values without
        it.
    panels : int
        Number of panels, the real one among them.
    rng : numpy.random.Generator or int, optional
        Source of the randomness, or its seed.

    Returns
    -------
    Lineup

    References
    ----------
    Buja et al. (2009), Phil. Trans. R. Soc. A 367:4361-4383.

    Examples
    --------
    >>> hidden = lineup(np.random.default_rng(1).normal(size=30), by=np.arange(30), rng=1)
    >>> hidden.table["panel"].nunique(), 1 <= hidden.answer <= 9
    (9, True)
    """
    import pandas as pd

    if panels < 2:
        raise ValueError(f"panels is {panels}; the data need at least one other panel to hide behind")
    seed = DEFAULT_SEED if rng is None else rng
    generator = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
    columns = residual_columns(fit, max(panels - 1, 20), generator)
    n = len(columns.values)
    name = by if isinstance(by, str) else str(getattr(by, "name", None) or "predictor")
    if by is None:
        name = "fitted"
        seen = columns.seen
        if seen is None and not isinstance(fit, QuantileResiduals):
            raise ValueError("residuals alone have no fitted values: give `by`")
        values: NDArray[Any] = np.asarray(fit.fitted if seen is None else view(fit).fitted())
    elif isinstance(by, str):
        if columns.seen is None:
            raise ValueError("by is a name, but residuals have no data: pass the values")
        values = columns.seen.column(by, "by")
    else:
        values = np.asarray(by)
    if values.shape != (n,):
        raise ValueError(f"by has shape {values.shape}; it needs one value for each of the {n} residuals")
    answer = int(generator.integers(1, panels + 1))
    others = iter(range(1, panels))
    frames = [
        pd.DataFrame(
            {
                "panel": panel,
                name: values,
                "residual": columns.values[:, 0 if panel == answer else next(others)],
            }
        )
        for panel in range(1, panels + 1)
    ]
    factor = not pd.api.types.is_numeric_dtype(np.asarray(values).dtype)
    return Lineup(pd.concat(frames, ignore_index=True), answer, name, factor)
