"""Residuals of the data and of data simulated from the fit, side by side: the ground of calibrated tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..adapters import FitView, is_fit, view
from ..residuals.covariance import linear_modes, linear_residuals, normalise, residual_variance
from ..residuals.quantile import DEFAULT_SEED, QuantileResiduals, quantile_residuals

__all__ = ["ResidualColumns", "ResidualKind", "modes_columns", "residual_columns"]

Array = NDArray[np.float64]
ResidualKind = Literal["standardized", "normalized"]


@dataclass(frozen=True)
class ResidualColumns:
    """Standardised residuals: column 0 of the data, the others of simulated data.

    Attributes
    ----------
    values : array, shape (n, 1 + n_sim)
        About standard normal, column by column, if the model is right.
    seen : FitView or None
        The fit, where there is one.
    how : str
        Which residuals they are, in words.
    """

    values: Array
    seen: FitView | None
    how: str

    @property
    def n_sim(self) -> int:
        """Number of simulated data sets."""
        return int(self.values.shape[1] - 1)


def residual_columns(
    fit: Any,
    n_sim: int = 499,
    rng: np.random.Generator | None = None,
    conditional: bool | None = None,
    kind: ResidualKind = "standardized",
) -> ResidualColumns:
    """Standardised or normalised residuals of a fit and of data simulated from it.

    For a linear (mixed) model the residuals of simulated responses are those of the same linear map of the
    response, with variances kept: exact for a linear model, whose residuals do not depend on beta and whose
    tests here do not depend on sigma. Otherwise quantile residuals, as normal scores. From an array of
    residuals the simulated columns are independent standard normals.

    Parameters
    ----------
    fit : a fit, QuantileResiduals, or array of shape (n,)
        What `view` knows, or residuals.
    n_sim : int
        Number of simulated data sets (a QuantileResiduals brings its own).
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.
    conditional : bool, optional
        Around the fitted values with random effects, or without; for models that are not linear, simulations that
        keep the random effects at their modes, or draw new ones. By default with them for linear models, and new
        ones for others: what the simulations calibrate exactly, or nearly so.
    kind : {"standardized", "normalized"}
        Of linear models: divided by the residual's own standard deviation, or multiplied by the inverse Cholesky
        factor of the covariance that the model gives them, see `resid`.
    """
    if kind not in get_args(ResidualKind):
        raise ValueError(
            f"kind is {kind!r}; it must be one of {', '.join(map(repr, get_args(ResidualKind)))}"
        )
    generator = np.random.default_rng(DEFAULT_SEED) if rng is None else rng
    if isinstance(fit, QuantileResiduals):
        return ResidualColumns(_scores(fit), None, "quantile residuals as normal scores")
    if not is_fit(fit) and np.ndim(fit) == 1:
        values = np.asarray(fit, dtype=float)
        if not np.isfinite(values).all():
            raise ValueError(
                f"the residuals have {int((~np.isfinite(values)).sum())} missing or infinite values"
            )
        null = generator.standard_normal((len(values), n_sim))
        return ResidualColumns(np.column_stack([values, null]), None, "residuals taken as independent")
    seen = view(fit)
    if not seen.linear:
        known = quantile_residuals(seen, n_sim=n_sim, rng=generator, conditional=bool(conditional))
        return ResidualColumns(_scores(known), seen, "quantile residuals as normal scores")
    Y = np.column_stack([seen.observed, seen.simulate(n_sim, generator, conditional=False)])
    around = True if conditional is None else conditional
    e = linear_residuals(seen, Y, around)
    if kind == "normalized":
        return ResidualColumns(normalise(seen, e, around), seen, "normalised residuals")
    variance = residual_variance(seen, around)
    free = variance > 1e-10 * float(np.max(variance, initial=0.0))
    if not free.any():
        raise ValueError("the model fits every observation exactly: there are no residuals to test")
    # observations fitted whatever their value say nothing; their residual is zero in every column
    scale = np.sqrt(np.where(free, variance, 1.0))
    return ResidualColumns(np.where(free[:, None], e / scale[:, None], 0.0), seen, "standardised residuals")


def _scores(known: QuantileResiduals) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri(known.columns), dtype=float)


def modes_columns(
    seen: FitView, n_sim: int = 499, rng: np.random.Generator | None = None
) -> dict[tuple[str, str], Array]:
    """Conditional modes of the data and of simulated data, scaled to sd 1: (group, column) -> (l, 1 + n_sim).

    Raises
    ------
    ValueError
        If the model is not a linear mixed model.
    """
    if not seen.linear or not seen.random:
        raise ValueError("conditional modes are simulated here for linear mixed models only")
    generator = np.random.default_rng(DEFAULT_SEED) if rng is None else rng
    Y = np.column_stack([seen.observed, seen.simulate(n_sim, generator, conditional=False)])
    out: dict[tuple[str, str], Array] = {}
    for term, modes in zip(seen.terms, linear_modes(seen, Y), strict=True):
        if term.smooth:
            continue
        for j, column in enumerate(term.columns):
            if term.cov[j, j] > 0:  # a singular fit has no effects to look at
                out[(term.group, column)] = modes[:, j, :] / np.sqrt(term.cov[j, j])
    return out
