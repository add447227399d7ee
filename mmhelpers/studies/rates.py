"""From rows to rates: how often a test rejects, among which data sets, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmhelpers import given
from mmhelpers.studies.plan import as_levels

Floats = NDArray[np.float64]
Interval = Literal["wilson", "clopper-pearson"]
KEYS = ["design", "truth", "model", "test"]
RATE_COLUMNS = [*KEYS, "alpha", "rate", "se", "lower", "upper", "n", "failed", "singular"]


def rates(
    rows: pd.DataFrame,
    alpha: float | Sequence[float] = 0.05,
    *,
    level: float = 0.95,
    interval: Interval = "wilson",
) -> pd.DataFrame:
    """Count how often each test of each model rejects.

    Parameters
    ----------
    rows : DataFrame
        From `mmhelpers.study`, whole or any part of it.
    alpha : float or sequence of float
        Levels of significance; a row each.
    level : float
        Of the intervals.
    interval : {"wilson", "clopper-pearson"}
        Wilson's score interval, or the exact one (conservative).

    Returns
    -------
    DataFrame
        One row a design, truth, model, test and alpha. ``n`` is the denominator of ``rate``: the data sets
        whose fit converged and gave a p-value. Those that did not are in ``failed``, and in neither part of
        the rate; ``singular`` counts singular fits among the n, which are kept. ``se`` is the Monte Carlo
        standard error, ``lower`` and ``upper`` the interval.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=10, day=range(5))
    >>> truth = mm.Truth("y ~ day + (1 | subject)", beta=[0, 0], sd={"subject": 1}, sigma=1)
    >>> rows = mm.study(design, truth, {"intercepts": "y ~ day + (1 | subject)"}, "day", n_rep=400, seed=1)
    >>> mm.rates(rows, alpha=[0.05, 0.5])[["model", "alpha", "n", "failed"]]
            model  alpha    n  failed
    0  intercepts   0.05  400       0
    1  intercepts   0.50  400       0
    """
    check_rows(rows)
    levels = as_levels(alpha)
    out: list[tuple[Any, ...]] = []
    for key, part in rows.groupby(KEYS, observed=True, sort=False):
        p, good = part["p"].to_numpy(), fitted(part)
        n, failed = int(good.sum()), int((~good).sum())
        singular = int((part["singular"].to_numpy() & good).sum())
        for a in levels:
            hits = int((p[good] < a).sum())
            rate, se = (hits / n, (hits / n * (1 - hits / n) / n) ** 0.5) if n else (np.nan, np.nan)
            low, high = binomial_interval(hits, n, level, interval)
            out.append((*key, a, rate, se, float(low), float(high), n, failed, singular))
    return pd.DataFrame(out, columns=RATE_COLUMNS)


def check_rows(rows: Any) -> None:
    """Refuse what are no rows of a study."""
    given.table("rows", rows, "mm.study")
    lacking = [name for name in (*KEYS, "p", "converged", "singular") if name not in rows.columns]
    if lacking:
        raise ValueError(f"rows: these have no column {lacking[0]!r}; take the rows of mm.study")


def fitted(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have a p-value from a fit that converged."""
    return np.asarray(rows["converged"].to_numpy(dtype=bool) & ~np.isnan(rows["p"].to_numpy()))


def binomial_interval(
    hits: ArrayLike, n: ArrayLike, level: float = 0.95, kind: Interval = "wilson"
) -> tuple[Floats, Floats]:
    """Interval of a probability from `hits` among `n`.

    Parameters
    ----------
    hits, n : int or array_like
    level : float
    kind : {"wilson", "clopper-pearson"}

    Returns
    -------
    lower, upper : ndarray
        NaN where n is 0.

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; Clopper & Pearson (1934), Biometrika 26, 404-413.

    Examples
    --------
    >>> [round(float(x), 4) for x in binomial_interval(8, 100)]
    [0.0411, 0.15]
    >>> [round(float(x), 4) for x in binomial_interval(0, 100, kind="clopper-pearson")]
    [0.0, 0.0362]
    """
    from scipy.special import betaincinv, ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    try:
        x, m = np.broadcast_arrays(np.asarray(hits, dtype=float), np.asarray(n, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(f"hits and n must be numbers, of one shape, not {hits!r} and {n!r}") from None
    if not (np.isfinite(x).all() and np.isfinite(m).all() and (x >= 0).all() and (x <= m).all()):
        raise ValueError(f"hits must lie between 0 and n, not {hits!r} of {n!r}")
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "wilson":
            z = float(ndtri((1 + level) / 2))
            centre = (x + z**2 / 2) / (m + z**2)
            half = z / (m + z**2) * np.sqrt(x * (1 - x / m) + z**2 / 4)
            low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
        elif kind == "clopper-pearson":
            tail = (1 - level) / 2
            low = np.where(x > 0, betaincinv(np.maximum(x, 1), m - x + 1, tail), 0.0)
            high = np.where(x < m, betaincinv(x + 1, np.maximum(m - x, 1), 1 - tail), 1.0)
        else:
            raise ValueError(f"kind must be 'wilson' or 'clopper-pearson', not {kind!r}")
    empty = m <= 0
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def stopping_se(hits: ArrayLike, n: ArrayLike) -> Floats:
    """Monte Carlo standard error for a stopping rule: of (hits + 2) / (n + 4), so that none is 0 (Agresti & Coull).

    Examples
    --------
    >>> float(stopping_se(0, 100).round(4))
    0.0135
    """
    m = np.asarray(n, dtype=float) + 4
    share = (np.asarray(hits, dtype=float) + 2) / m
    return np.asarray(np.sqrt(share * (1 - share) / m))


def errors(rows: pd.DataFrame, effect: float, alpha: float = 0.05) -> pd.DataFrame:
    """Errors of sign and magnitude among significant results.

    Parameters
    ----------
    rows : DataFrame
        From `mmhelpers.study`, of one truth.
    effect : float
        The true effect.
    alpha : float

    Returns
    -------
    DataFrame
        One row a design, truth, model and test: ``wrong_sign``, the share of significant estimates with the
        wrong sign; ``exaggeration``, the mean of their absolute value over that of the effect; and
        ``significant``, how many there are.

    References
    ----------
    Gelman & Carlin (2014), Perspect. Psychol. Sci. 9, 641-651 (errors of type S and M).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=8, day=range(3))
    >>> truth = mm.Truth("y ~ day + (1 | subject)", beta=[0, 0.1], sd={"subject": 1}, sigma=1)
    >>> rows = mm.study(design, truth, {"intercepts": "y ~ day + (1 | subject)"}, "day", n_rep=400, seed=1)
    >>> bool(mm.studies.errors(rows, 0.1).exaggeration[0] > 2)
    True
    """
    if not np.isfinite(effect) or effect == 0:
        raise ValueError(f"effect must be a number other than 0, not {effect!r}")
    out = []
    for key, part in rows.groupby(KEYS, observed=True, sort=False):
        hit = fitted(part) & (part["p"].to_numpy() < alpha)
        found = part["estimate"].to_numpy()[hit]
        found = found[~np.isnan(found)]  # some tests (F by subjects) have no estimate, and so no sign
        wrong = float(np.mean(np.sign(found) != np.sign(effect))) if len(found) else np.nan
        size = float(np.mean(np.abs(found)) / abs(effect)) if len(found) else np.nan
        out.append((*key, wrong, size, int(hit.sum())))
    return pd.DataFrame(out, columns=[*KEYS, "wrong_sign", "exaggeration", "significant"])


def pvalue_quantiles(
    rows: pd.DataFrame, points: int = 200, level: float = 0.95, least: float | None = None
) -> pd.DataFrame:
    """Quantiles of the p-values beside those of a uniform distribution, which they have if the test is right.

    Parameters
    ----------
    rows : DataFrame
        From `mmhelpers.study`, whole or any part of it.
    points : int
        At most so many points a test, evenly spaced on a logarithmic scale: small p-values are what matters.
    level : float
        Of the band in which each quantile alone lies if the p-values are uniform.
    least : float, optional
        Smallest quantile; 1 / (n + 1) by default.

    Returns
    -------
    DataFrame
        Columns design, truth, model, test, expected, observed, lower, upper; failed fits are left out.

    Notes
    -----
    The i-th smallest of n uniform numbers has a Beta(i, n + 1 - i) distribution, with mean i / (n + 1).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ x + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1)
    >>> rows = mm.study(mm.cross(g=10, x=range(4)), truth, {"intercepts": "y ~ x + (1 | g)"}, "x", n_rep=999, seed=1)
    >>> table = mm.pvalue_quantiles(rows)
    >>> outside = (table.observed < table.lower) | (table.observed > table.upper)
    >>> bool(outside.mean() < 0.1)
    True
    """
    from scipy.special import betaincinv

    check_rows(rows)
    if points < 2 or not 0 < level < 1:
        raise ValueError("points must be 2 or more, and level lie between 0 and 1")
    out = []
    for key, part in rows.groupby(KEYS, observed=True, sort=False):
        p = np.sort(part["p"].to_numpy()[fitted(part)])
        n = len(p)
        if not n:
            continue
        first = max(1.0, (least or 0.0) * (n + 1))
        ranks = np.unique(np.geomspace(first, n, min(points, n)).round().astype(int))
        tail = (1 - level) / 2
        table = pd.DataFrame(
            {
                "expected": ranks / (n + 1),
                "observed": p[ranks - 1],
                "lower": betaincinv(ranks, n + 1 - ranks, tail),
                "upper": betaincinv(ranks, n + 1 - ranks, 1 - tail),
            }
        )
        for name, label in zip(KEYS, key, strict=True):
            table[name] = str(label)
        out.append(table)
    if not out:
        raise ValueError("rows: there is no p-value in them")
    return pd.concat(out, ignore_index=True)[[*KEYS, "expected", "observed", "lower", "upper"]]
