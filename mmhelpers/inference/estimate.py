"""One fitted model, as the tests need it: estimates, design, data, and how to fit it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmhelpers.inference.kenward_roger import KenwardRoger, kenward_roger
from mmhelpers.inference.moments import Precision, moments, vcov_jacobian
from mmhelpers.inference.satterthwaite import vcov_varpar
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
    hessian : ndarray of shape (n_theta + 1, n_theta + 1), or None
        Second derivatives of the criterion in (theta, sigma); computed where it is needed and not given.
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
    hessian: Float | None = None

    @classmethod
    def from_fits(
        cls, fits: Fits, rep: int = 0, *, y: Float | None = None, data: pd.DataFrame | None = None
    ) -> Estimate:
        """Take replicate `rep` out of a batch; `y` is its response (that of the matrices by default)."""
        return cls(
            matrices=fits.matrices,
            theta=fits.theta[rep],
            sigma=float(fits.sigma[rep]),
            beta=fits.beta[rep],
            vcov=fits.vcov[rep],
            criterion=float(fits.criterion[rep]),
            reml=fits.reml,
            y=fits.matrices.y if y is None else y,
            data=data,
            hessian=None if fits.hessian is None else fits.hessian[rep],
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
        if self.hessian is None:
            found = moments(self.matrices, self.theta, self.response, reml=self.reml, sigma=self.sigma)
            return found.jacobian, vcov_varpar(found.hessian)
        _, jacobian = vcov_jacobian(Precision(self.matrices, self.theta), self.sigma)
        return jacobian, vcov_varpar(self.hessian)

    @cached_property
    def kr(self) -> KenwardRoger:
        """Adjusted covariance matrix of beta."""
        if not self.reml:
            raise ValueError(
                "Kenward-Roger's method is for REML fits, and this model was fitted by ML: fit it with reml=True"
            )
        return kenward_roger(self.matrices, self.theta, self.sigma)

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
            raise ValueError("this fit carries no data frame, and the test needs it: fit with mm.fit(formula, data)")
        return self.data.iloc[self.matrices.rows].reset_index(drop=True)

    def with_y(self, y: Float) -> Estimate:
        """Return the same with another response (the numbers are left as they are)."""
        return replace(self, y=y)


def as_estimate(fit: Any) -> Estimate:
    """Return the `Estimate` of a fit, or the argument itself if it is one."""
    found = fit if isinstance(fit, Estimate) else getattr(fit, "estimate", None)
    if not isinstance(found, Estimate):
        raise TypeError(f"fit must be a fitted model, as mm.fit(formula, data) gives it, not {type(fit).__name__}")
    return found


def check_ddf(ddf: str) -> None:
    """Raise unless `ddf` names a method."""
    if ddf not in DDF:
        raise ValueError(f"ddf must be 'satterthwaite', 'kenward-roger' or 'wald', not {ddf!r}")
