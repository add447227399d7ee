"""Do quantiles of the residuals change along a predictor: a missing curve, or a wrong variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..testtable import TestRow, TestTable
from .chance import simulation_p

__all__ = ["check_quantiles"]

Array = NDArray[np.float64]


def check_quantiles(
    r: Any,
    predictor: ArrayLike | str | None = None,
    quantiles: tuple[float, ...] = (0.25, 0.5, 0.75),
    knots: int = 4,
    rng: np.random.Generator | None = None,
) -> TestTable:
    """Test whether quantiles of the residuals change with the fitted values or a covariate.

    For each quantile tau the indicators of residuals below tau are regressed on a constant and a natural
    cubic spline of the predictor's ranks; the score statistic asks whether they are tau everywhere. A curve
    in the median is a missing term; quantiles that spread apart are a wrong variance.

    Parameters
    ----------
    r : QuantileResiduals or a fit
        Quantile residuals with their simulations.
    predictor : array of shape (n,), str, optional
        The covariate, or its name in a fit's data; the fitted values without it.
    quantiles : tuple of float
        Which quantiles to look at.
    knots : int
        Number of columns of the spline: how wavy a dependence is looked for.
    rng : numpy.random.Generator, optional
        Source of the randomness, where a fit must be simulated.

    Returns
    -------
    TestTable
        A row for each quantile and one, "all", for their sum, each calibrated on the simulations.

    Examples
    --------
    >>> from mmhelpers import quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> x = rng.uniform(-1, 1, 200)
    >>> y = x**2 + rng.normal(0, 0.2, 200)  # and a model without the curve
    >>> r = quantile_residuals(y, rng.normal(1 / 3, 0.36, (200, 250)), fitted=x)
    >>> check_quantiles(r)["all"].p < 0.01
    True
    """
    from ..adapters import view
    from ..residuals.quantile import QuantileResiduals, quantile_residuals

    seen = None if isinstance(r, QuantileResiduals) else view(r)
    known = r if isinstance(r, QuantileResiduals) else quantile_residuals(r, rng=rng)
    if not quantiles or not all(0 < q < 1 for q in quantiles):
        raise ValueError(f"quantiles are {quantiles}; each lies between 0 and 1, and there is one at least")
    x = known.fitted if predictor is None else predictor
    name = "fitted" if predictor is None else "covariate"
    if isinstance(x, str):
        if seen is None:
            raise ValueError(
                "predictor is a name, but quantile residuals have no data: pass the values, or the fit"
            )
        name, x = x, seen.column(x, "predictor")
    values = np.asarray(x, dtype=float)
    if values.shape != (len(known),) or not np.isfinite(values).all():
        raise ValueError(f"predictor needs one finite value for each of the {len(known)} residuals")
    columns = known.columns
    if predictor is None and known.refitted is not None:
        # each simulated response along its own fit, as the observed one: with fitted effects the two are correlated
        own = np.column_stack([known.fitted, known.refitted])
        order = np.argsort(own, axis=0)
        if (np.diff(np.take_along_axis(own, order, axis=0), axis=0) > 0).all():
            # without ties the ranks are 1 to n: one basis serves all columns, each in the order of its own fit
            basis, sorted_ = (
                _spline(np.arange(len(own), dtype=float), knots),
                np.take_along_axis(columns, order, axis=0),
            )
            parts = np.array([_score(sorted_, q, basis) for q in quantiles])
        else:
            bases = [_spline(fitted, knots) for fitted in own.T]
            parts = np.array([_scores(columns, q, bases) for q in quantiles])
    else:
        basis = _spline(values, knots)
        parts = np.array([_score(columns, q, basis) for q in quantiles])
    rows = [
        TestRow(
            name=label,
            statistic=float(part[0]),
            p=simulation_p(float(part[0]), part[1:], "greater", exact=True),
            n=known.n_sim,
            statistic_name="score",
            method=f"score test on a spline of {name}, calibrated on {known.n_sim} simulations",
        )
        for label, part in [
            *((f"quantile {q:g}", part) for q, part in zip(quantiles, parts, strict=True)),
            ("all", parts.sum(axis=0)),
        ]
    ]
    return TestTable(tuple(rows), title=f"residual quantiles against {name}")


def _spline(x: Array, knots: int) -> Array:
    """Orthonormal basis, constant included, of a natural cubic spline of the ranks of x."""
    from scipy.stats import rankdata

    u = (rankdata(x) - 0.5) / len(x)
    places = len(np.unique(u))
    if places < 2:
        raise ValueError("predictor has one value only: nothing can depend on it")
    at = np.linspace(0, 1, max(2, min(knots, places - 1)) + 1)

    # truncated powers made linear beyond the last knot (Hastie, Tibshirani & Friedman 2009, equation 5.4)
    def d(k: int) -> Array:
        top = np.maximum(u - at[k], 0) ** 3 - np.maximum(u - at[-1], 0) ** 3
        return np.asarray(top / (at[-1] - at[k]))

    columns = [np.ones_like(u), u, *(d(k) - d(len(at) - 2) for k in range(len(at) - 2))]
    U, s, _ = np.linalg.svd(np.column_stack(columns), full_matrices=False)
    return np.asarray(U[:, s > 1e-8 * s[0]])


def _score(columns: Array, quantile: float, basis: Array) -> Array:
    """Score statistic of each column, shape (m,): squared length of the indicators' projection."""
    below = (columns < quantile) - quantile
    return np.asarray(((basis.T @ below) ** 2).sum(axis=0) / (quantile * (1 - quantile)))


def _scores(columns: Array, quantile: float, bases: list[Array]) -> Array:
    """Score statistic of each column on a basis of its own, shape (m,)."""
    parts = zip(columns.T, bases, strict=True)
    return np.array([_score(column[:, None], quantile, basis)[0] for column, basis in parts])
