"""One data set: a batch of one that reads well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mmhelpers.engine import fit_matrices
from mmhelpers.fitting.many import Ddf, FitMany
from mmhelpers.fitting.summary import summary_text, variance_frame
from mmhelpers.fitting.wald import contrast_tests
from mmhelpers.given import generator, room, table, whole
from mmhelpers.results import Fits, Matrices

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A fitted linear mixed model; what `fit` returns. Printing it gives a summary like lme4's.

    Attributes
    ----------
    fits : Fits
        The engine's arrays, of one replicate.
    data : DataFrame
        The rows that were used.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> fit.beta.round(3).to_dict()
    {'(Intercept)': 251.405, 'Days': 10.467}
    >>> round(fit.criterion, 3), round(fit.sigma, 3), fit.singular, fit.converged
    (1743.628, 25.592, False, True)
    >>> fit.coefficients(ddf="satterthwaite")[["estimate", "se", "df"]].round(2).loc["Days"].tolist()
    [10.47, 1.55, 17.0]
    >>> fit.ranef["Subject"].loc["308"].round(2).tolist()
    [2.26, 9.2]
    """

    fits: Fits
    data: pd.DataFrame = field(repr=False)

    @property
    def matrices(self) -> Matrices:
        """The design and the response."""
        return self.fits.matrices

    @property
    def formula(self) -> str:
        """The formula."""
        return self.matrices.formula

    @property
    def reml(self) -> bool:
        """REML (True) or maximum likelihood."""
        return self.fits.reml

    @property
    def criterion(self) -> float:
        """REML criterion, or deviance (-2 log likelihood) of a fit by ML."""
        return float(self.fits.criterion[0])

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return float(self.fits.sigma[0])

    @property
    def theta(self) -> Floats:
        """Covariance parameters in the order of the formula, shape (n_theta,)."""
        return np.asarray(self.fits.theta[0])

    @property
    def singular(self) -> bool:
        """Whether a covariance matrix of random effects is of less than full rank."""
        return bool(self.fits.singular[0])

    @property
    def converged(self) -> bool:
        """Whether the optimum was reached."""
        return bool(self.fits.converged[0])

    @property
    def message(self) -> str:
        """What went wrong; empty if nothing did."""
        return self.fits.message[0]

    @property
    def beta(self) -> pd.Series[float]:
        """Fixed effects by name."""
        return self._series(self.fits.beta[0])

    @property
    def se(self) -> pd.Series[float]:
        """Standard errors of the fixed effects."""
        return self._series(self.fits.se[0])

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance matrix of the fixed effects."""
        import pandas as pd

        names = list(self.matrices.x_names)
        return pd.DataFrame(self.fits.vcov[0], index=names, columns=names)

    @property
    def ranef(self) -> dict[str, pd.DataFrame]:
        """Conditional modes of the random effects, a table (levels by effects) a grouping factor."""
        import pandas as pd

        columns: dict[str, list[str]] = {}
        levels = {}
        for term in self.matrices.terms:
            columns.setdefault(term.group, []).extend(term.columns)
            levels[term.group] = list(term.levels)
        return {
            group: pd.DataFrame(modes[0], index=levels[group], columns=columns[group])
            for group, modes in self.fits.ranef.items()
        }

    @property
    def variances(self) -> pd.DataFrame:
        """Variance components: columns group, name, variance, sd, and correlations as rows of their own."""
        return variance_frame(self.fits)

    @property
    def n_par(self) -> int:
        """Number of parameters: fixed effects, theta and sigma."""
        return self.matrices.p + self.matrices.n_theta + 1

    @property
    def loglik(self) -> float:
        """Log likelihood; of a fit by REML the restricted one."""
        return -0.5 * self.criterion

    @property
    def aic(self) -> float:
        """Akaike's criterion, ``-2 log likelihood + 2 n_par``."""
        return self.criterion + 2 * self.n_par

    @property
    def bic(self) -> float:
        """Schwarz's criterion, ``-2 log likelihood + log(n) n_par``."""
        return self.criterion + float(np.log(self.matrices.n)) * self.n_par

    @property
    def fitted(self) -> Floats:
        """Fitted values with the random effects, shape (n,)."""
        return self._fixed_part() + self._random_part()

    @property
    def residuals(self) -> Floats:
        """Response less fitted values, shape (n,)."""
        return np.asarray(self._y() - self.fitted)

    def coefficients(self, ddf: Ddf = "satterthwaite") -> pd.DataFrame:
        """Test every coefficient against zero.

        Parameters
        ----------
        ddf : {"satterthwaite", "kenward-roger", "wald"}
            Where the degrees of freedom come from; ``"wald"`` is z, with infinitely many.

        Returns
        -------
        DataFrame
            A row a coefficient; columns ``estimate``, ``se``, ``df``, ``statistic``, ``p``.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> fit.coefficients(ddf="kenward-roger")[["estimate", "df", "statistic"]].round(2).loc["Days"].tolist()
        [10.47, 17.0, 6.77]
        """
        import pandas as pd

        names = list(self.matrices.x_names)
        if ddf == "kenward-roger":
            from mmhelpers import inference

            table = inference.kenward_roger_coefficients(self.fits)
            return table.drop(columns=["rep"]).set_index("coefficient").rename_axis(None)
        tests = contrast_tests(self.fits, np.eye(len(names)), ddf)
        return pd.DataFrame({name: array[0] for name, array in tests.items()}, index=names)

    def anova(self, type: Literal[1, 2, 3] = 3, ddf: Ddf = "satterthwaite") -> pd.DataFrame:
        """Test every term of the fixed effects.

        Parameters
        ----------
        type : {1, 2, 3}
            Sequential, hierarchical or marginal tests.
        ddf : {"satterthwaite", "kenward-roger", "wald"}
            Where the denominator degrees of freedom come from.

        Returns
        -------
        DataFrame
            A row a term; columns ``F``, ``num_df``, ``den_df``, ``p``.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> fit.anova()[["F", "num_df", "den_df"]].round(2).loc["Days"].tolist()
        [45.85, 1.0, 17.0]
        """
        from mmhelpers import inference

        return inference.anova(self, type=type, ddf=ddf)

    def predict(self, data: pd.DataFrame | None = None, random: bool = True) -> Floats:
        """Predict the response.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; those of the fit by default. A level of a grouping factor that the fit has not
            seen has random effects of zero, their expectation.
        random : bool
            Add the random effects (prediction for these groups) or not (for an average group).

        Returns
        -------
        ndarray, shape (n_new,)

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> fit.predict(mm.load("sleepstudy").head(2)).round(1).tolist()
        [253.7, 273.3]
        """
        if data is None:
            return self.fitted if random else self._fixed_part()
        from mmhelpers.model import fixed_matrix, random_rows

        if not len(table("data", data)):
            return np.zeros(0)
        out = fixed_matrix(self.matrices, data) @ self.fits.beta[0]
        if self.matrices.offset is not None and self.matrices.spec is not None:
            offset = self.matrices.spec.offset(data)
            out = out + (0.0 if offset is None else offset)
        if random:
            rows = random_rows(self.matrices, data)
            for (index, z), modes in zip(rows, self._modes(), strict=True):
                known = index >= 0
                out[known] += np.einsum("nk,nk->n", z[known], modes[index[known]])
        return np.asarray(out)

    def simulate(self, n_rep: int = 1, *, rng: Generator, conditional: bool = False) -> Floats:
        """Draw new responses from the fitted model.

        Parameters
        ----------
        n_rep : int
            Number of responses.
        rng : numpy Generator
            Source of randomness, ``np.random.default_rng(seed)``.
        conditional : bool
            Keep the random effects of the fit (True) or draw new ones.

        Returns
        -------
        ndarray, shape (n_rep, n)

        Examples
        --------
        >>> import numpy as np
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> fit.simulate(5, rng=np.random.default_rng(1)).shape
        (5, 180)
        """
        generator("rng", rng)
        matrices = self.matrices
        room("n_rep", whole("n_rep", n_rep, 1), matrices.n)
        noise = self.sigma * rng.standard_normal((n_rep, matrices.n))
        if conditional:
            return np.asarray(self.fitted + noise)
        out = self._fixed_part() + noise
        for term, theta in zip(matrices.terms, matrices.split_theta(self.theta), strict=True):
            u = self.sigma * rng.standard_normal((n_rep, term.n_levels, term.k))
            b = u @ term.block(theta).T
            out += np.einsum("rnk,nk->rn", b[:, term.index], term.z)
        return out

    def refit(
        self, Y: ArrayLike, reml: bool | None = None, missing: Literal["raise", "drop"] = "raise"
    ) -> FitMany:
        """Fit the same model to other responses, shape (n_rep, n).

        Unlike ``refit()`` in lme4, which starts from the old fit's theta and is trapped where that
        is singular, every replicate starts afresh.

        Examples
        --------
        >>> import numpy as np
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> again = fit.refit(fit.simulate(50, rng=np.random.default_rng(1)))
        >>> again.beta.shape
        (50, 2)
        """
        return FitMany(fit_matrices(self.matrices, Y, self.reml if reml is None else reml, missing))

    def with_reml(self, reml: bool) -> Fit:
        """Return the same model fitted by REML (True) or maximum likelihood (False).

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> round(fit.with_reml(False).criterion, 3)
        1751.939
        """
        if reml == self.reml:
            return self
        return Fit(fit_matrices(self.matrices, _response(self.matrices), reml), self.data)

    def confint(
        self,
        method: Literal["profile", "wald", "bootstrap"] = "profile",
        level: float = 0.95,
        *,
        n_rep: int = 1000,
        rng: Generator | None = None,
    ) -> pd.DataFrame:
        """Confidence intervals of standard deviations, correlations, sigma and fixed effects.

        Parameters
        ----------
        method : {"profile", "wald", "bootstrap"}
            Invert the likelihood ratio test (by ML, as lme4 does), estimate plus or minus t standard
            errors (fixed effects only, Satterthwaite's df), or percentiles of a parametric bootstrap.
        level : float
            Confidence level.
        n_rep : int
            Bootstrap replicates.
        rng : numpy Generator
            Needed by the bootstrap.

        Returns
        -------
        DataFrame
            A row a parameter; columns ``estimate``, ``lower``, ``upper``.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> fit.confint("wald").round(2).loc["Days"].tolist()
        [10.47, 7.21, 13.73]
        """
        from mmhelpers.fitting.intervals import confidence_intervals

        return confidence_intervals(self, method, level, n_rep=n_rep, rng=rng)

    def summary(self, ddf: Ddf = "satterthwaite") -> str:
        """Return the summary that printing shows, with the degrees of freedom of your choice.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> print(fit.summary(ddf="wald").splitlines()[0])
        Linear mixed model fit by REML, z tests
        """
        return summary_text(self.fits, self.coefficients(ddf), self.residuals, self.aic, self.bic)

    def __str__(self) -> str:
        """Summary like lme4's."""
        return self.summary()

    def __repr__(self) -> str:
        """Summary like lme4's."""
        return self.summary()

    def _series(self, values: Floats) -> pd.Series[float]:
        import pandas as pd

        return pd.Series(values, index=list(self.matrices.x_names))

    def _y(self) -> Floats:
        return _response(self.matrices)

    def _modes(self) -> list[Floats]:
        if self.fits.modes is None:
            raise ValueError("this fit carries no conditional modes")
        return [modes[0] for modes in self.fits.modes()]

    def _fixed_part(self) -> Floats:
        fixed = self.matrices.X @ self.fits.beta[0]
        return np.asarray(fixed if self.matrices.offset is None else fixed + self.matrices.offset)

    def _random_part(self) -> Floats:
        out = np.zeros(self.matrices.n)
        for term, modes in zip(self.matrices.terms, self._modes(), strict=True):
            out += np.einsum("nk,nk->n", term.z, modes[term.index])
        return out


def _response(matrices: Matrices) -> Floats:
    if matrices.y is None:
        raise ValueError("these matrices have no response: build them with response=True")
    return matrices.y


def fit(
    formula: str, data: pd.DataFrame, reml: bool = True, *, contrasts: Mapping[str, Any] | None = None
) -> Fit:
    """Fit a linear mixed model.

    Parameters
    ----------
    formula : str
        As in lme4: ``"y ~ x + (x | g)"``.
    data : DataFrame
        One row an observation.
    reml : bool
        REML (True) or maximum likelihood.
    contrasts : mapping, optional
        As in `build_matrices`.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If the formula or the data cannot be used; the message says what to change.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> round(fit.criterion, 3), fit.beta.round(3).to_dict()
    (1743.628, {'(Intercept)': 251.405, 'Days': 10.467})
    >>> fit.coefficients().round(3).loc["Days"].to_dict()
    {'estimate': 10.467, 'se': 1.546, 'df': 17.0, 'statistic': 6.771, 'p': 0.0}
    """
    from mmhelpers.model import build_matrices

    matrices = build_matrices(formula, data, contrasts)
    found = fit_matrices(matrices, _response(matrices), reml)
    return Fit(found, data.iloc[matrices.rows])
