"""Many responses on one design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import fit_matrices
from mmhelpers.fitting.wald import coefficient_frame
from mmhelpers.results import Fits, Matrices

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ddf = Literal["satterthwaite", "kenward-roger", "wald"]


@dataclass(frozen=True, eq=False, repr=False)
class FitMany:
    """One model fitted to many responses; what `fit_many` returns.

    Attributes
    ----------
    fits : Fits
        The engine's arrays, replicates first.

    Examples
    --------
    >>> import numpy as np, mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    >>> many = mm.fit_many(fit.formula, sleep, fit.simulate(100, rng=np.random.default_rng(1)))
    >>> many.n_rep, many.beta.shape, many.theta.shape, int((~many.converged).sum())
    (100, (100, 2), (100, 3), 0)
    """

    fits: Fits

    @property
    def matrices(self) -> Matrices:
        """The design."""
        return self.fits.matrices

    @property
    def n_rep(self) -> int:
        """Number of replicates."""
        return self.fits.n_rep

    @property
    def criterion(self) -> Floats:
        """REML criterion or deviance, shape (n_rep,)."""
        return self.fits.criterion

    @property
    def sigma(self) -> Floats:
        """Residual standard deviations, shape (n_rep,)."""
        return self.fits.sigma

    @property
    def theta(self) -> Floats:
        """Covariance parameters in the order of the formula, shape (n_rep, n_theta)."""
        return self.fits.theta

    @property
    def singular(self) -> NDArray[np.bool_]:
        """Whether a covariance matrix of random effects is of less than full rank, shape (n_rep,)."""
        return self.fits.singular

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Whether the optimum was reached, shape (n_rep,)."""
        return self.fits.converged

    @property
    def message(self) -> tuple[str, ...]:
        """What went wrong, empty where nothing did."""
        return self.fits.message

    @property
    def beta(self) -> pd.DataFrame:
        """Fixed effects, one row a replicate, one column a coefficient."""
        return self._frame(self.fits.beta)

    @property
    def se(self) -> pd.DataFrame:
        """Standard errors, one row a replicate, one column a coefficient."""
        return self._frame(self.fits.se)

    @property
    def ranef(self) -> dict[str, Floats]:
        """Conditional modes by grouping factor, arrays (n_rep, levels, effects)."""
        return self.fits.ranef

    def _frame(self, array: Floats) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(array, columns=list(self.matrices.x_names))

    def coefficients(self, ddf: Ddf = "satterthwaite") -> pd.DataFrame:
        """Test every coefficient of every replicate, in long form.

        Parameters
        ----------
        ddf : {"satterthwaite", "kenward-roger", "wald"}
            Where the degrees of freedom come from; ``"wald"`` is z, with infinitely many.

        Returns
        -------
        DataFrame
            Columns ``rep``, ``coefficient``, ``estimate``, ``se``, ``df``, ``statistic``, ``p``;
            replicates outermost. A replicate whose fit failed has NaN.

        Examples
        --------
        >>> import numpy as np, mmhelpers as mm
        >>> sleep = mm.load("sleepstudy")
        >>> Y = np.random.default_rng(1).normal(size=(3, len(sleep)))
        >>> table = mm.fit_many("Reaction ~ Days + (1 | Subject)", sleep, Y).coefficients()
        >>> table["rep"].tolist()
        [0, 0, 1, 1, 2, 2]
        """
        if ddf == "kenward-roger":
            from mmhelpers.inference import kenward_roger_coefficients

            return kenward_roger_coefficients(self.fits)
        return coefficient_frame(self.fits, ddf)

    def __repr__(self) -> str:
        """One line: how many fits, and how many of them were singular or failed."""
        return (
            f"FitMany({self.matrices.formula!r}, {'REML' if self.fits.reml else 'ML'}: {self.n_rep} fits, "
            f"{int(self.singular.sum())} singular, {int((~self.converged).sum())} not converged)"
        )


def fit_many(
    formula: str,
    data: pd.DataFrame,
    Y: ArrayLike,
    reml: bool = True,
    missing: Literal["raise", "drop"] = "raise",
    *,
    contrasts: Mapping[str, Any] | None = None,
) -> FitMany:
    """Fit one mixed model to many responses on the same design.

    This is what makes simulation studies fast: whatever does not depend on the response is computed
    once, and all responses are fitted together.

    Parameters
    ----------
    formula : str
        As in lme4; its left side names the response, which need not be in the data.
    data : DataFrame
        The design, one row an observation.
    Y : array_like, shape (n_rep, n)
        One response a row, in the order of the rows of ``data``.
    reml : bool
        REML (True) or maximum likelihood.
    missing : {"raise", "drop"}
        What to do with NaN in Y: refuse, or leave the observation out of its replicate.
    contrasts : mapping, optional
        As in `build_matrices`.

    Returns
    -------
    FitMany

    Raises
    ------
    ValueError
        If the formula, the design or Y cannot be used; the message says what to change.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=6, day=range(4)).data
    >>> Y = np.random.default_rng(1).normal(size=(100, 24))
    >>> fits = mm.fit_many("y ~ day + (1 | subject)", data, Y)
    >>> fits.beta.shape, fits.theta.shape, bool(fits.converged.all())
    ((100, 2), (100, 1), True)
    """
    from mmhelpers.model import build_matrices

    matrices = build_matrices(formula, data, contrasts, response=False)
    Y = np.asarray(Y)
    if Y.ndim >= 1 and Y.shape[-1] == matrices.n_data and matrices.n < matrices.n_data:
        Y = Y[..., matrices.rows]
    return FitMany(fit_matrices(matrices, Y, reml, missing))
