"""Fit linear models, with random effects or without, whose residuals are not alike or not independent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices
from mmhelpers.structures.correlation import correlation_of
from mmhelpers.structures.criterion import Solution, Structure, independent_blocks
from mmhelpers.structures.variance import variance_pieces

if TYPE_CHECKING:
    import pandas as pd

    from mmhelpers.adapters.view import FitView

__all__ = ["GlsFit", "fit_gls"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class GlsFit:
    """A fitted model; what `fit_gls` returns. `view`, `resid`, `check`, `acf` and `agreement` take it.

    Attributes
    ----------
    formula : str
    model : Structure
        The likelihood with its data.
    parameters : ndarray
        Parameters of V on the optimiser's scale.
    solution : Solution
    converged : bool
    data : pandas.DataFrame
        The rows that were used.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit_gls("weight ~ Time * Diet", mm.load("BodyWeight"), variance="varIdent(Diet)")
    >>> isinstance(fit, mm.GlsFit), fit.structure.round(2).to_dict()
    (True, {'Diet2': 5.36, 'Diet3': 1.78})
    """

    formula: str
    model: Structure = field(compare=False)
    parameters: Floats
    solution: Solution
    converged: bool
    data: pd.DataFrame = field(compare=False)

    @property
    def reml(self) -> bool:
        """REML (True) or maximum likelihood."""
        return self.model.reml

    @property
    def matrices(self) -> Matrices:
        """The design and the response."""
        return self.model.matrices

    @property
    def beta(self) -> pd.Series[float]:
        """Fixed effects by name."""
        import pandas as pd

        return pd.Series(self.solution.beta, index=list(self.matrices.x_names))

    @property
    def se(self) -> pd.Series[float]:
        """Standard errors of the fixed effects."""
        import pandas as pd

        return pd.Series(np.sqrt(np.diag(self.solution.vcov)), index=list(self.matrices.x_names))

    @property
    def sigma(self) -> float:
        """Residual standard deviation, where all multipliers are one."""
        return self.solution.sigma

    @property
    def criterion(self) -> float:
        """Minus twice the (restricted) log-likelihood."""
        return self.solution.criterion

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return -self.criterion / 2

    @property
    def n_par(self) -> int:
        """Number of parameters: coefficients, those of V, and sigma."""
        return self.matrices.p + len(self.parameters) + 1

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.criterion + 2 * self.n_par

    @property
    def bic(self) -> float:
        """Schwarz's criterion; by REML with n - p observations, as nlme counts."""
        n = self.matrices.n - (self.matrices.p if self.reml else 0)
        return self.criterion + float(np.log(n)) * self.n_par

    @property
    def structure(self) -> pd.Series[float]:
        """Parameters of the variance function and the correlation, as nlme prints them, by name."""
        import pandas as pd

        names, values = self._natural(self.parameters)
        return pd.Series(values, index=names, dtype=float)

    def _natural(self, parameters: Floats) -> tuple[list[str], Floats]:
        _, parts = self.model.split(parameters)
        pieces = self.model._pieces()
        names = [name for piece in pieces for name in piece.names]
        values = [np.atleast_1d(piece.natural(part)) for piece, part in zip(pieces, parts, strict=True)]
        return names, np.concatenate([*values, np.zeros(0)])

    @property
    def multiplier(self) -> Floats:
        """Standard deviation of each residual over sigma, shape (n,)."""
        return self.model.multiplier(self.parameters)

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Approximate intervals of the parameters of variance function and correlation.

        From the curvature of the profiled criterion on the optimiser's scale, as nlme's ``intervals``.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        pandas.DataFrame
            A row a parameter; columns estimate, lower, upper.
        """
        import pandas as pd
        from scipy import stats

        cut = self.matrices.n_theta
        H = _hessian(lambda u: _criterion(self.model, u), self.parameters)
        try:
            se = np.sqrt(np.diag(2 * np.linalg.inv(H)))
        except np.linalg.LinAlgError:
            se = np.full(len(self.parameters), np.nan)
        reach = np.zeros_like(self.parameters)
        reach[cut:] = stats.norm.ppf((1 + level) / 2) * se[cut:]
        names, estimate = self._natural(self.parameters)
        columns = {
            "estimate": estimate,
            "lower": self._natural(self.parameters - reach)[1],
            "upper": self._natural(self.parameters + reach)[1],
        }
        return pd.DataFrame(columns, index=names)

    def coefficients(self) -> pd.DataFrame:
        """Test every coefficient against zero.

        Returns
        -------
        pandas.DataFrame
            Columns estimate, se, df, statistic, p. The degrees of freedom are n - p, as ``gls`` in R has them; with
            random effects they are infinite (z), because nothing better is known for these models here.
        """
        import pandas as pd
        from scipy import stats

        df = np.inf if self.matrices.terms else float(self.matrices.n - self.matrices.p)
        t = self.beta / self.se
        p = 2 * stats.norm.sf(abs(t)) if np.isinf(df) else 2 * stats.t.sf(abs(t), df)
        return pd.DataFrame({"estimate": self.beta, "se": self.se, "df": df, "statistic": t, "p": p})

    def __fitview__(self) -> FitView:
        """See the fit through the common protocol."""
        from mmhelpers.adapters.families import Family
        from mmhelpers.adapters.view import FitView, RandomTerm

        m, sigma, n = self.matrices, self.sigma, self.matrices.n
        theta, _ = self.model.split(self.parameters)
        offset = np.zeros(n) if m.offset is None else np.asarray(m.offset, float)
        terms = []
        for term, part in zip(m.terms, m.split_theta(theta), strict=True):
            psi = term.block(part) @ term.block(part).T
            sums = np.zeros((term.n_levels, term.k))
            np.add.at(sums, term.index, term.z * self.solution.weighted[:, None])
            terms.append(
                RandomTerm(
                    term.group, term.levels, term.index, term.columns, term.z, sigma**2 * psi, sums @ psi
                )
            )
        marginal = m.X @ self.solution.beta + offset
        scale = self.multiplier
        R = None
        if self.model.correlation is not None:
            R = np.zeros((n, n))
            for rows, V in zip(
                self.model.blocks, self.model.covariances(self.parameters, random=False), strict=True
            ):
                for own, block in zip(rows, V, strict=True):
                    R[np.ix_(own, own)] = block
        return FitView(
            engine="mmhelpers fit_gls",
            response=m.response,
            observed=np.asarray(m.y, float),
            fitted_marginal=marginal,
            fitted_conditional=marginal + sum((t.contribution(t.modes) for t in terms), np.zeros(n)),
            X=m.X,
            x_names=m.x_names,
            beta=self.solution.beta,
            vcov=self.solution.vcov,
            terms=tuple(terms),
            family=Family("gaussian", "identity", dispersion=sigma**2),
            weights=1 / scale**2 if R is None else np.ones(n),
            offset=offset,
            loglik=self.loglik,
            reml=self.reml,
            converged=self.converged,
            frame=self.data,
            correlation=R,
        )

    def __repr__(self) -> str:
        """Say what was fitted, in a few lines."""
        kind = "REML" if self.reml else "maximum likelihood"
        lines = [
            f"{self.formula}, by {kind}",
            f"log-likelihood {self.loglik:.3f}, {self.n_par} parameters, AIC {self.aic:.2f}, sigma {self.sigma:.4g}",
        ]
        lines += [f"  {name}: {value:.4g}" for name, value in self.structure.items()]
        return "\n".join(lines)


def _criterion(model: Structure, parameters: Floats) -> float:
    try:
        value = model.solve(parameters).criterion
    except np.linalg.LinAlgError:
        return 1e12
    return value if np.isfinite(value) else 1e12


def _hessian(f: Any, at: Floats, step: float = 1e-3) -> Floats:
    """Second differences, shape (k, k); the parameters are all of order one."""
    k = len(at)
    E = step * np.eye(k)
    out = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            out[i, j] = out[j, i] = (
                f(at + E[i] + E[j]) - f(at + E[i] - E[j]) - f(at - E[i] + E[j]) + f(at - E[i] - E[j])
            ) / (4 * step**2)
    return out


def fit_gls(
    formula: str,
    data: pd.DataFrame,
    variance: str | None = None,
    correlation: str | None = None,
    reml: bool = True,
    *,
    contrasts: Mapping[str, Any] | None = None,
) -> GlsFit:
    """Fit a linear model by generalised least squares, with a variance function and correlated residuals.

    What nlme's ``gls`` does and, where the formula has random effects, its ``lme``. V is dense within blocks of
    rows that depend on each other: meant for up to a few thousand rows in blocks of a few hundred.

    Parameters
    ----------
    formula : str
        As in lme4, with random effects or without: ``"weight ~ length + (1 | site)"``.
    data : pandas.DataFrame
        One row an observation.
    variance : str, optional
        ``varFixed(x)``: the variance is proportional to x. ``varIdent(f)``: a standard deviation for each level
        of f, as a ratio to that of the first. ``varPower(x)``: the standard deviation is sigma abs(x)^power.
        ``varExp(x)``: sigma exp(expon x). ``varConstPower(x)``: sigma (const + abs(x)^power). ``varPower(x | f)`` and
        ``varExp(x | f)`` have a parameter for each level of f. Join several with ``*``.
    correlation : str, optional
        ``corCompSymm(1 | g)``; ``corAR1(t | g)`` and ``corARMA11(t | g)`` for times that are whole numbers;
        ``corCAR1(t | g)`` for any; ``corExp(x, y | g)``, ``corGaus``, ``corSpher`` in time or space, with
        ``nugget`` as the last word if there is one.
    reml : bool
        REML (True) or maximum likelihood.
    contrasts : mapping, optional
        As in `build_matrices`.

    Returns
    -------
    GlsFit

    Raises
    ------
    ValueError
        If the formula, a structure or the data cannot be used.

    Notes
    -----
    Estimates, likelihoods and standard errors are nlme's, with one exception: for fits by ML nlme multiplies the
    standard errors by the root of n / (n - p), here they are as ML has them.

    References
    ----------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, chapter 5.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> children = mm.load("Orthodont")
    >>> fit = mm.fit_gls("distance ~ age * Sex + (1 | Subject)", children, variance="varIdent(Sex)")
    >>> fit.structure.round(3).to_dict(), round(fit.aic, 2)
    ({'SexFemale': 0.468}, 429.22)
    """
    from scipy.optimize import minimize

    from mmhelpers.model import build_matrices

    if not isinstance(reml, (bool, np.bool_)):
        raise TypeError(f"reml must be True (REML) or False (maximum likelihood), not {reml!r}")
    matrices = build_matrices(formula, data, contrasts)
    used = data.iloc[matrices.rows]

    def column(name: str) -> Any:
        if name not in used.columns:
            raise ValueError(
                f"the data have no column {name!r}; they have {', '.join(map(str, used.columns))}"
            )
        if used[name].isna().any():
            raise ValueError(f"column {name!r} has missing values: leave those rows out first")
        return used[name].array

    pieces = variance_pieces(variance, column)
    bound = correlation_of(correlation, column, matrices.n)
    blocks = independent_blocks(matrices, bound)
    distances: list[Floats | None] = []
    for rows in blocks:
        distances.append(None if bound is None else np.array([bound.distances(own) for own in rows]))
    model = Structure(matrices, pieces, bound, reml, blocks, tuple(distances))
    start = model.start()
    if not len(start):
        return GlsFit(formula, model, start, model.solve(start), True, used)
    found = min(
        (
            minimize(lambda u: _criterion(model, u), first, method="BFGS", jac="3-point")
            for first in _starts(model, start)
        ),
        key=lambda result: float(result.fun),
    )
    # BFGS reports a loss of precision at an optimum it cannot improve; the gradient says whether it is one.
    good = bool(found.success or np.abs(found.jac).max() < 1e-2)
    return GlsFit(formula, model, found.x, model.solve(found.x), good, used)


def _starts(model: Structure, start: Floats) -> list[Floats]:
    """Return the usual start, moved to the best of a few ranges where the correlation is one of distance."""
    if model.correlation is None or model.correlation.piece.names[0] != "range":
        return [start]
    at = len(start) - len(model.correlation.piece.start)
    tries = []
    for log_range in (-0.7, 0.0, 0.7, 1.4, 2.1):
        moved = start.copy()
        moved[at] = log_range
        tries.append(moved)
    return [min(tries, key=lambda u: _criterion(model, u))]
