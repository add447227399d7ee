"""The truth behind simulated data: coefficients, variances, correlations, family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Matrices, Term
from mmhelpers.simulation.covariance import TruthError, factor_of, term_covariances
from mmhelpers.simulation.families import Family, Gaussian
from mmhelpers.simulation.residual import AR1, VarIdent, VarPower

if TYPE_CHECKING:
    import pandas as pd

    from mmhelpers.design import Design

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """What the data are simulated from.

    The random effects are given in one way of four: standard deviations (`sd`) or variances (`var`),
    with correlations (`corr`) that are zero where none are given; covariance matrices (`cov`); or `theta`,
    the relative covariance factor (lme4 paper, equation 4). They are keyed by grouping factor
    (``"subject"``; ``(1 | site/bag)`` has two, ``"site"`` and ``"bag:site"``, the inner one first) or, where a
    factor has several terms that need telling apart, by term (``"day | subject"``).

    Attributes
    ----------
    formula : str
        The model that generates the data, ``"y ~ day + (day | subject)"``.
    beta : mapping or sequence
        Every fixed-effects coefficient by name, or all of them in order, on the scale of the link.
    sd, var : mapping
        Group to a mapping from effect to standard deviation or variance, in units of y (of the
        link scale for counts and proportions). A single number will do where a group has one effect.
    corr : mapping
        Group to a correlation (two effects), a matrix, or a mapping from pairs of effects.
    cov : mapping
        Group to covariance matrix.
    theta : sequence
        Elements in lme4's order, the terms in the order of the formula.
    sigma, sigma2 : float
        Residual standard deviation, or variance; gaussian family only, and there one of them is needed.
    family : Family
        `Gaussian` (default), `Poisson`, `NegativeBinomial`, `Binomial`, `BetaBinomial`, `ZeroInflated`,
        `Hurdle`, `Truncated`.
    variance : VarIdent or VarPower, optional
        Unequal residual variances.
    correlation : AR1, optional
        Correlated residuals.
    contrasts : mapping, optional
        Contrasts of the factors, as in `build_matrices`; beta is in their coding.

    Raises
    ------
    TruthError
        (A ValueError.) A name that the model does not have, a number that is missing or impossible, a
        covariance matrix that is not positive semidefinite (a standard deviation of 0 and a
        correlation of 1 are allowed: they make a singular truth).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth(
    ...     "reaction ~ day + (day | subject)",
    ...     beta={"(Intercept)": 251, "day": 10.5},
    ...     sd={"subject": {"(Intercept)": 24.7, "day": 5.9}},
    ...     corr={"subject": 0.07},
    ...     sigma=25.6,
    ... )
    >>> mm.simulate(mm.cross(subject=18, day=range(10)), truth, n_rep=1000, seed=1).shape
    (1000, 180)
    """

    formula: str
    beta: Mapping[str, float] | Sequence[float]
    sd: Mapping[str, Any] | None = None
    var: Mapping[str, Any] | None = None
    corr: Mapping[str, Any] | None = None
    cov: Mapping[str, Any] | None = None
    theta: Sequence[float] | None = None
    sigma: float | None = None
    sigma2: float | None = None
    family: Family = field(default_factory=Gaussian)
    variance: VarIdent | VarPower | None = None
    correlation: AR1 | None = None
    contrasts: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        from mmhelpers.model.parse import parse_formula

        parse_formula(self.formula)
        given = [name for name in ("sd", "var", "cov", "theta") if getattr(self, name) is not None]
        if len(given) > 1:
            raise TruthError(
                f"the random effects are given twice, by {' and '.join(given)}: give one of them"
            )
        if self.corr is not None and given and given[0] not in {"sd", "var"}:
            raise TruthError(f"corr goes with sd or var; {given[0]} has the correlations in it")
        if not isinstance(self.family, Family):
            raise TruthError(
                f"family must be a family such as Poisson() or Binomial(10), not {self.family!r}"
            )
        if self.variance is not None and not hasattr(self.variance, "multiplier"):
            raise TruthError(
                f"variance must be VarIdent('group', {{...}}) or VarPower('dose', 0.5), not {self.variance!r}"
            )
        if self.correlation is not None and not hasattr(self.correlation, "order"):
            raise TruthError(f"correlation must be AR1(0.5, within='subject'), not {self.correlation!r}")
        if isinstance(self.family, Gaussian):
            self._check_sigma()
        elif any(x is not None for x in (self.sigma, self.sigma2, self.variance, self.correlation)):
            raise TruthError(
                f"{type(self.family).__name__} has no residual variance: leave sigma, sigma2, variance and "
                "correlation out"
            )

    def _check_sigma(self) -> None:
        if (self.sigma is None) == (self.sigma2 is None):
            raise TruthError("give the residual standard deviation, sigma, or the residual variance, sigma2")
        value = self.sigma if self.sigma is not None else self.sigma2
        if not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
            raise TruthError(f"sigma must be a number above 0, not {value!r}")

    @property
    def residual_sd(self) -> float:
        """Residual standard deviation; 1 for families without one (theta is then on the link scale)."""
        if self.sigma is not None:
            return float(self.sigma)
        return float(np.sqrt(self.sigma2)) if self.sigma2 is not None else 1.0

    def bind(self, matrices: Matrices, column: Callable[[str], Any] | None = None) -> Bound:
        """Match the names with a design, and check every number.

        Parameters
        ----------
        matrices : Matrices
            The design, with the columns and terms of the formula.
        column : callable, optional
            Gives the values of a column of the data (for trials, `VarIdent`, `VarPower`, `AR1`).

        Returns
        -------
        Bound
            Arrays in the order of the matrices.
        """
        column = column or _no_column
        covariances = term_covariances(self, matrices)
        return Bound(
            beta=_beta(self.beta, matrices),
            covariances=covariances,
            factors=tuple(
                factor_of(cov, term.label) for cov, term in zip(covariances, matrices.terms, strict=True)
            ),
            sigma=self.residual_sd,
            family=self.family.resolve(column, matrices.n),
            multiplier=None if self.variance is None else self.variance.multiplier(column),
            order=None if self.correlation is None else self.correlation.order(column, matrices.n),
        )

    def codebook(self, design: Design | pd.DataFrame | Matrices) -> pd.DataFrame:
        """Return a table of everything that was simulated: every parameter, its symbol, its value.

        Parameters
        ----------
        design : Design, DataFrame or Matrices
            What the truth is simulated on.

        Returns
        -------
        DataFrame
            Columns ``part``, ``symbol``, ``name``, ``value``.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> truth = mm.Truth("y ~ 1 + (1 | bag)", beta={"(Intercept)": 30}, sd={"bag": 4}, sigma=2)
        >>> truth.codebook(mm.cross(bag=6, oyster=10)).set_index("part").value.iloc[-3:].to_dict()
        {'fixed effect': 30.0, 'SD of bag': 4.0, 'residual': 2.0}
        """
        from mmhelpers.simulation.codebook import codebook

        return codebook(design, self)


@dataclass(frozen=True, eq=False)
class Bound:
    """A truth in arrays, matched to a design.

    Attributes
    ----------
    beta : ndarray, shape (p,)
    covariances, factors : tuple of ndarray, shape (k, k) each
        Covariance matrix of a level's effects, and its lower triangular factor (sigma times the block
        of Lambda).
    sigma : float
    family : Family
    multiplier : ndarray, shape (n,), or None
        Residual SD of each row over sigma.
    order : (rows, previous) or None
        For autoregressive residuals.
    """

    beta: Floats
    covariances: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    sigma: float
    family: Family
    multiplier: Floats | None
    order: tuple[NDArray[np.intp], Floats] | None

    def theta(self, terms: Sequence[Term]) -> Floats:
        """Return theta in lme4's order, shape (n_theta,)."""
        parts = [
            factor[term.theta_positions] / self.sigma
            for factor, term in zip(self.factors, terms, strict=True)
        ]
        return np.concatenate([*parts, np.zeros(0)])

    def residual_scale(self, n: int) -> Floats:
        """Return the residual standard deviation of each row, shape (n,)."""
        return self.sigma * (np.ones(n) if self.multiplier is None else self.multiplier)


def _no_column(name: str) -> Any:
    raise TruthError(
        f"the truth needs the column {name!r}: simulate from the design or the data frame, not from its "
        "matrices"
    )


def _beta(given: Mapping[str, float] | Sequence[float], matrices: Matrices) -> Floats:
    names = matrices.x_names
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        lacking = [name for name in names if name not in given]
        if unknown or lacking:
            told = [f"has no {', '.join(unknown)}"] if unknown else []
            told += [f"also has {', '.join(lacking)} (0 if it is to have no effect)"] if lacking else []
            raise TruthError(
                f"beta: the model {matrices.formula!r} {' and '.join(told)}; its coefficients are "
                f"{', '.join(names)}"
            )
        given = [given[name] for name in names]
    try:
        beta = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise TruthError(f"beta must hold numbers, not {given!r}") from None
    if beta.shape != (len(names),):
        raise TruthError(f"beta needs {len(names)} numbers: {', '.join(names)}")
    if not np.isfinite(beta).all():
        raise TruthError(f"beta has a value that is infinite or not a number: {given!r}")
    return beta
