"""`FitView`: what the package needs to know of a fitted model, whoever fitted it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .families import Family

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WEIGHTED", "FitView", "RandomTerm", "RefitError", "UnsupportedFitError", "no_simulation"]

WEIGHTED = (
    "the fit multiplies the log-likelihood of each row by its weight, so that a row stands for several observations, "
    "and a weighted row has no distribution to simulate from; repeat the rows instead, or put exposure into an offset"
)

Array = NDArray[np.float64]
Simulator = Callable[[int, np.random.Generator, bool], Array]


class UnsupportedFitError(TypeError):
    """A fit that no adapter knows, or one of a known library that cannot give what is asked.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> try:
    ...     mm.view("not a fit")
    ... except mm.UnsupportedFitError as unknown:
    ...     print("a fit that no adapter knows")
    a fit that no adapter knows
    """


class RefitError(RuntimeError):
    """An engine could not fit its model to another response."""


def no_simulation(why: str) -> Simulator:
    """Give a simulator that refuses, for fits that define no distribution of the responses."""

    def refuse(n_sim: int, rng: np.random.Generator, conditional: bool) -> Array:
        raise UnsupportedFitError(why)

    return refuse


@dataclass(frozen=True)
class RandomTerm:
    """Random effects of one grouping factor that share a covariance matrix: b_j ~ N(0, cov) for each level j.

    Attributes
    ----------
    group : str
        Name of the grouping factor, as lme4 prints it: "Subject", "cask:batch".
    levels : tuple of str, length l
        Names of its levels.
    index : array of int, shape (n,)
        Level of each row.
    columns : tuple of str, length k
        What varies between the levels: ("(Intercept)", "Days").
    z : array, shape (n, k)
        Row i of the block of Z that belongs to its level.
    cov : array, shape (k, k)
        Covariance matrix of the effects, in squared units of the linear predictor.
    modes : array, shape (l, k)
        Conditional modes (BLUPs).
    smooth : bool
        Whether these are the penalised coefficients of a smooth curve (gamm4): estimated as random effects, but
        one curve that stays as it is in every simulation, and belongs to the fixed part. It has one level, and a
        column for each coefficient.
    """

    group: str
    levels: tuple[str, ...]
    index: NDArray[np.intp]
    columns: tuple[str, ...]
    z: Array
    cov: Array
    modes: Array
    smooth: bool = False

    @property
    def labels(self) -> NDArray[Any]:
        """Level name of each row, shape (n,)."""
        labels: NDArray[Any] = np.asarray(self.levels, dtype=object)[self.index]
        return labels

    def contribution(self, effects: Array) -> Array:
        """Z b for effects of shape (..., l, k); gives (..., n)."""
        return np.asarray(np.einsum("nk,...nk->...n", self.z, effects[..., self.index, :]))


@dataclass(frozen=True, repr=False)
class FitView:
    """A fitted model, seen through what every engine can tell.

    Attributes
    ----------
    engine : str
        Library and class that made the fit.
    response : str
        Name of the response.
    observed : array, shape (n,)
        Response; proportions for a binomial.
    fitted_marginal, fitted_conditional : array, shape (n,)
        Fitted means without the random effects (at b = 0; smooth curves stay), and with them at their conditional
        modes.
    X : array, shape (n, p)
        Design matrix of the fixed effects.
    x_names : tuple of str, length p
        Its columns, as lme4 prints them: "(Intercept)", "Days", "popB".
    beta : array, shape (p,)
        Estimates.
    vcov : array, shape (p, p)
        Their covariance matrix.
    terms : tuple of RandomTerm
        Random effects; empty for a model without.
    family : Family
        Distribution, link, dispersion.
    weights, offset : array, shape (n,)
        Prior weights (numbers of trials for a binomial) and offset of the linear predictor.
    loglik : float
        Log-likelihood at the estimates (restricted if `reml`).
    reml : bool
        Whether variances were estimated by restricted maximum likelihood.
    converged : bool
        What the engine says of its own optimiser.
    message : str
        Its words, if it had any.
    frame : pandas.DataFrame or None
        Data of the rows that were used, in their order, where the engine kept them.
    correlation : array, shape (n, n), or None
        Covariance matrix of the residual errors in units of sigma^2, for models with a variance or
        correlation structure (nlme's gls and lme, statsmodels' GLS); None for independent errors with
        variance sigma^2 / weights.
    variance : array, shape (n,), or None
        Variance of each response around `fitted_conditional`, where `family` alone does not tell it (a
        zero-inflated one).
    simulator : callable or None
        ``simulator(n_sim, rng, conditional) -> (n, n_sim)`` where the engine must simulate itself;
        None when `terms` and `family` are enough.
    refit_many : callable or None
        ``refit_many(Y) -> (means, dispersion)``: conditional fitted means of refits to many responses at once, shapes
        (n, m), and their dispersions, shape (m,), where that can be done faster than one by one.
    x_terms : tuple of str, length p, or empty
        The term of the formula that each column of X belongs to ("(Intercept)", "site", "site:Days"); empty where the
        engine does not tell.
    without : callable or None
        ``without(keep) -> FitView``: the model fitted to the rows where `keep`, shape (n,), is true.
    refit : callable or None
        ``refit(y) -> FitView`` on another response, shape (n,), for parametric bootstraps.

    Examples
    --------
    >>> import numpy as np, mmhelpers as mm
    >>> seen = mm.view(mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff")))
    >>> seen.nobs, seen.x_names, list(seen.groups), seen.linear
    (30, ('(Intercept)',), ['Batch'], True)
    >>> round(seen.sigma, 2), seen.observed.shape, seen.fitted_conditional.shape
    (49.51, (30,), (30,))
    >>> seen.simulate(4, rng=np.random.default_rng(1)).shape
    (30, 4)
    """

    engine: str
    response: str
    observed: Array
    fitted_marginal: Array
    fitted_conditional: Array
    X: Array
    x_names: tuple[str, ...]
    beta: Array
    vcov: Array
    terms: tuple[RandomTerm, ...]
    family: Family
    weights: Array
    offset: Array
    loglik: float = math.nan
    reml: bool = False
    converged: bool = True
    message: str = ""
    frame: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    correlation: Array | None = field(default=None, repr=False, compare=False)
    variance: Array | None = field(default=None, repr=False, compare=False)
    simulator: Simulator | None = field(default=None, repr=False, compare=False)
    refit: Callable[[Array], FitView] | None = field(default=None, repr=False, compare=False)
    refit_many: Callable[[Array], tuple[Array, Array]] | None = field(default=None, repr=False, compare=False)
    x_terms: tuple[str, ...] = field(default=(), repr=False, compare=False)
    without: Callable[[NDArray[np.bool_]], FitView] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("beta", "fitted_marginal", "fitted_conditional"):
            bad = int((~np.isfinite(getattr(self, name))).sum())
            if bad:
                raise UnsupportedFitError(
                    f"the fit of {self.engine} failed: {bad} values of {name} are not "
                    f"finite, so there is nothing to diagnose. {self.message}".rstrip()
                )
        if "negative binomial" in self.family.name and self.family.size <= 0:
            raise UnsupportedFitError(
                f"the fit of {self.engine} failed: its size is {self.family.size:.3g} (alpha is 1 / size), which must be "
                "above zero. Counts that scatter no more than Poisson's drive it there: fit a Poisson model"
            )
        empty = int((~(self.weights > 0)).sum())
        if empty:
            raise UnsupportedFitError(
                f"{empty} of the {self.nobs} rows have no weight, so that they are not part of the fit: fit without them"
            )

    def __repr__(self) -> str:
        random = ", ".join(dict.fromkeys(term.group for term in self.terms)) or "none"
        return (
            f"FitView of {self.engine}: {self.response}, {len(self.observed)} observations; fixed effects "
            f"{', '.join(self.x_names)}; random effects: {random}"
        )

    @property
    def random(self) -> tuple[RandomTerm, ...]:
        """Terms of random effects proper, without the curves."""
        return tuple(term for term in self.terms if not term.smooth)

    @property
    def nobs(self) -> int:
        """Number of observations n."""
        return len(self.observed)

    @property
    def sigma(self) -> float:
        """Residual standard deviation of a gaussian model; NaN for the others."""
        return math.sqrt(self.family.dispersion) if self.family.name == "gaussian" else math.nan

    @property
    def se(self) -> Array:
        """Standard errors of the fixed effects, shape (p,)."""
        return np.sqrt(np.diag(self.vcov))

    @property
    def linear(self) -> bool:
        """Whether the model is gaussian with an identity link, so that residuals have exact formulae."""
        return self.family.name == "gaussian" and self.family.link == "identity"

    @property
    def fixed(self) -> pd.DataFrame:
        """Fixed effects: columns name, estimate, se."""
        import pandas as pd

        return pd.DataFrame({"name": list(self.x_names), "estimate": self.beta, "se": self.se})

    @property
    def variance_components(self) -> pd.DataFrame:
        """Random-effects standard deviations and correlations: columns group, name, kind, value.

        `kind` is "sd" or "corr"; a correlation has both of its columns in `name`; the last row of a gaussian
        model is the residual standard deviation.
        """
        import pandas as pd

        rows: list[tuple[str, str, str, float]] = []
        for term in self.random:
            sd = np.sqrt(np.diag(term.cov))
            rows += [(term.group, c, "sd", float(s)) for c, s in zip(term.columns, sd, strict=True)]
            for i in range(len(sd)):
                for j in range(i):
                    scale = sd[i] * sd[j]
                    corr = float(term.cov[i, j] / scale) if scale > 0 else math.nan
                    rows.append((term.group, f"{term.columns[j]}, {term.columns[i]}", "corr", corr))
        if self.family.name == "gaussian":
            rows.append(("residual", "", "sd", self.sigma))
        return pd.DataFrame(rows, columns=["group", "name", "kind", "value"])

    @property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional modes (BLUPs) by grouping factor: one row a level, one column an effect."""
        import pandas as pd

        out: dict[str, pd.DataFrame] = {}
        for term in self.random:
            table = pd.DataFrame(term.modes, index=list(term.levels), columns=list(term.columns))
            out[term.group] = out[term.group].join(table, rsuffix=".1") if term.group in out else table
        return out

    @property
    def groups(self) -> dict[str, NDArray[Any]]:
        """Level of each row for every grouping factor, arrays of shape (n,)."""
        return {term.group: term.labels for term in self.random}

    def fitted(self, conditional: bool = True) -> Array:
        """Fitted means, shape (n,): with the random effects at their modes, or without them."""
        return self.fitted_conditional if conditional else self.fitted_marginal

    def simulate(self, n_sim: int, rng: np.random.Generator, conditional: bool = False) -> Array:
        """Draw responses from the fitted model.

        Parameters
        ----------
        n_sim : int
            Number of simulated data sets.
        rng : numpy.random.Generator
            Source of the randomness.
        conditional : bool
            Keep the random effects at their conditional modes; otherwise (the default) draw new ones from
            their estimated distribution.

        Returns
        -------
        array, shape (n, n_sim)

        Raises
        ------
        UnsupportedFitError
            If the fit defines no distribution to draw from (GEE, quasi-likelihood, weighted counts).
        """
        if n_sim < 1:
            raise ValueError(f"n_sim is {n_sim}; at least one simulation is needed")
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng must be a numpy Generator, np.random.default_rng(seed), not {type(rng).__name__}"
            )
        if self.simulator is not None:
            return self.simulator(n_sim, rng, conditional)
        self._need_plain_weights()
        if conditional:
            mu = np.broadcast_to(self.fitted_conditional, (n_sim, self.nobs))
        elif not self.terms:
            mu = np.broadcast_to(self.fitted_marginal, (n_sim, self.nobs))
        else:
            eta = np.broadcast_to(self.X @ self.beta + self.offset, (n_sim, self.nobs)).copy()
            for term in self.terms:
                if term.smooth:
                    eta += term.contribution(term.modes)
                    continue
                root = _psd_root(term.cov)
                b = rng.standard_normal((n_sim, len(term.levels), len(term.columns))) @ root.T
                eta += term.contribution(b)
            mu = self.family.inverse_link(eta)
        if self.correlation is not None:
            noise = rng.standard_normal(mu.shape) @ np.linalg.cholesky(self.correlation).T
            return np.ascontiguousarray((mu + self.sigma * noise).T)
        return np.ascontiguousarray(self.family.draw(mu, self.weights, rng).T)

    def _need_plain_weights(self) -> None:
        """Refuse counts with prior weights, and binomials whose weights are no numbers of trials."""
        name = self.family.name
        if ("poisson" in name or name.startswith(("negative", "truncated"))) and (self.weights != 1).any():
            raise UnsupportedFitError(WEIGHTED)
        if name in {"binomial", "beta-binomial"}:
            whole = np.rint(self.weights)
            if (np.abs(self.weights - whole) > 1e-8 * whole).any() or (whole < 1).any():
                raise UnsupportedFitError(
                    "the weights of a binomial are its numbers of trials, and here they are not whole, so that there "
                    "is no number of successes to draw: give whole ones, or fit without"
                )

    def column(self, name: str, argument: str = "factor") -> NDArray[Any]:
        """Values of a variable for each row, from the data or from the grouping factors; shape (n,).

        Raises
        ------
        KeyError
            If neither knows the name; the message lists what is known.
        """
        if self.frame is not None and name in self.frame.columns:
            return np.asarray(self.frame[name])
        if name in self.groups:
            return self.groups[name]
        known = list(self.frame.columns) if self.frame is not None else list(self.groups)
        raise KeyError(
            f"{argument} is {name!r}, which the fit does not know (it knows {known}); "
            f"pass the values themselves, one for each of its {self.nobs} rows"
        )


def _psd_root(cov: Array) -> Array:
    """Give a root R with R R' = cov, for a covariance that may be singular (shape (k, k))."""
    values, vectors = np.linalg.eigh((cov + cov.T) / 2)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))
