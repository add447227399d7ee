"""One fitted model, as the tests need it: estimates, design, data, and how to fit it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.satterthwaite import contrast_df, invert_hessian
from mmhelpers.inference.kenward_roger import KenwardRoger, kenward_roger
from mmhelpers.inference.moments import Cross, moments
from mmhelpers.results import Fits, Matrices

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]
Ddf = Literal["satterthwaite", "kenward-roger", "wald"]
DDF: tuple[Ddf, ...] = ("satterthwaite", "kenward-roger", "wald")


@dataclass(frozen=True, eq=False)
class Estimate:
    """One fit of one data set: what every test here takes.

    `mmhelpers.fit` gives it as ``fit.estimate``; the functions of this package take the fit itself.

    Attributes
    ----------
    matrices : Matrices
        The design.
    theta : ndarray of shape (n_theta,)
        Covariance parameters.
    sigma : float
        Residual standard deviation.
    beta : ndarray of shape (p,)
        Fixed effects.
    vcov : ndarray of shape (p, p)
        Their covariance matrix.
    criterion : float
        Deviance or REML criterion.
    reml : bool
        By which of them the model was fitted.
    y : ndarray of shape (n,), or None
        Response.
    data : DataFrame or None
        What the matrices were built from (ANOVA of types II and III and marginal means need it).
    varpar : ndarray of shape (n_theta + 1, n_theta + 1), or None
        Covariance matrix of the estimates of (theta, sigma).
    jacobian : ndarray of shape (n_theta + 1, p, p), or None
        Derivatives of `vcov` in (theta, sigma); both are computed where they are needed and not given.
    cross : Cross, or None
        Z and Z'Z, where many fits share them.
    """

    matrices: Matrices
    theta: Float
    sigma: float
    beta: Float
    vcov: Float
    criterion: float
    reml: bool
    y: Float | None = None
    data: pd.DataFrame | None = None
    varpar: Float | None = None
    jacobian: Float | None = None
    cross: Cross | None = None

    @classmethod
    def from_fits(
        cls,
        fits: Fits,
        rep: int = 0,
        *,
        y: Float | None = None,
        data: pd.DataFrame | None = None,
        cross: Cross | None = None,
    ) -> Estimate:
        """Take replicate `rep` out of a batch; `y` is its response, `cross` the batch's if already made."""
        if not (np.isfinite(fits.theta[rep]).all() and np.isfinite(fits.sigma[rep])):
            reason = fits.message[rep] if fits.message else "no finite estimates"
            raise ValueError(f"this fit failed, so nothing can be tested: {reason}")
        matrices = fits.matrices if fits.present is None else observed(fits.matrices, fits.present[rep])
        return cls(
            matrices=matrices,
            theta=fits.theta[rep],
            sigma=float(fits.sigma[rep]),
            beta=fits.beta[rep],
            vcov=fits.vcov[rep],
            criterion=float(fits.criterion[rep]),
            reml=fits.reml,
            y=matrices.y if y is None else y,
            data=data,
            varpar=None if fits.vcov_varpar is None else fits.vcov_varpar[rep],
            cross=cross if matrices is fits.matrices else None,
            jacobian=None if fits.vcov_jacobian is None else fits.vcov_jacobian[rep],
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.matrices.x_names

    @property
    def n_par(self) -> int:
        """Parameters, as lme4 counts them: beta, theta and sigma."""
        return self.matrices.p + self.matrices.n_theta + 1

    @property
    def loglik(self) -> float:
        """Log likelihood, restricted if `reml`."""
        return -self.criterion / 2

    @cached_property
    def varying(self) -> tuple[Float, Float]:
        """Derivatives of `vcov` in (theta, sigma), shape (m, p, p), and the covariance of those, (m, m)."""
        if self.jacobian is not None and self.varpar is not None:
            return self.jacobian, self.varpar
        found = moments(self.matrices, self.theta, self.response, reml=self.reml, sigma=self.sigma)
        return found.jacobian, invert_hessian(found.hessian[None])[0]

    def satterthwaite_df(self, L: Float) -> Float:
        """Satterthwaite's df of single contrasts, shape (c,) for L of shape (c, p)."""
        jacobian, varpar = self.varying
        return np.asarray(contrast_df(self.vcov[None], jacobian[None], varpar[None], L)[1][0])

    @cached_property
    def kr(self) -> KenwardRoger:
        """Adjusted covariance matrix of beta."""
        if not self.reml:
            raise ValueError(
                "Kenward-Roger's method is for REML fits, and this is a fit by ML: fit it with reml=True"
            )
        return kenward_roger(self.matrices, self.theta, self.sigma, self.cross)

    @property
    def response(self) -> Float:
        """The response; raises where there is none."""
        y = self.matrices.y if self.y is None else self.y
        if y is None:
            raise ValueError("this fit carries no response, and the test needs it: build the fit with its y")
        return np.asarray(y, dtype=float)

    def frame(self) -> pd.DataFrame:
        """Return the rows of the data that were used."""
        if self.data is None:
            raise ValueError(
                "this fit carries no data frame, which the test needs: fit with mm.fit(formula, data)"
            )
        used = self.data if len(self.data) == self.matrices.n else self.data.iloc[self.matrices.rows]
        return used.reset_index(drop=True)


def observed(matrices: Matrices, present: NDArray[np.bool_]) -> Matrices:
    """Return the matrices of the rows that a replicate has; levels without a row stay, and count for nothing."""
    if present.all():
        return matrices
    terms = tuple(replace(term, index=term.index[present], z=term.z[present]) for term in matrices.terms)
    return replace(
        matrices,
        y=None if matrices.y is None else matrices.y[present],
        X=matrices.X[present],
        terms=terms,
        offset=None if matrices.offset is None else matrices.offset[present],
        rows=matrices.rows[present],
    )


def as_estimate(fit: Any) -> Estimate:
    """Return what the tests need of a fit: an object with ``fits`` (`Fits` of one replicate) and ``data``."""
    if isinstance(fit, Estimate):
        return fit
    fits = getattr(fit, "fits", None)
    if not isinstance(fits, Fits):
        raise TypeError(
            f"fit must be a fitted model, as mm.fit(formula, data) gives it, not {type(fit).__name__}"
        )
    if fits.n_rep != 1:
        raise TypeError(
            f"fit holds {fits.n_rep} fits and this test takes one: use coefficients() of the batch"
        )
    return Estimate.from_fits(fits, data=getattr(fit, "data", None))


def check_ddf(ddf: str) -> None:
    """Raise unless `ddf` names a method."""
    if ddf not in DDF:
        raise ValueError(f"ddf must be 'satterthwaite', 'kenward-roger' or 'wald', not {ddf!r}")
