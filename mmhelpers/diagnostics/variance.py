"""How much of the variance a model explains, and how alike members of a group are: R2 and ICC."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import FitView, view

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["icc", "r2"]

# variance of the latent variable's errors on the link scale (Nakagawa & Schielzeth 2013, Table 2)
_LATENT = {"logit": math.pi**2 / 3, "probit": 1.0, "cloglog": math.pi**2 / 6}


def _parts(seen: FitView, at: float | None = None) -> tuple[float, dict[str, float], float]:
    """Variance of the fixed part, of each grouping factor (mean over the rows), and of the errors.

    An effect for each row is shared by no two rows: it is part of the errors (additive overdispersion, Nakagawa &
    Schielzeth 2010, Biological Reviews 85:935-956).
    """
    curves = sum((term.contribution(term.modes) for term in seen.terms if term.smooth), np.zeros(seen.nobs))
    fixed = float(np.var(seen.X @ seen.beta + curves, ddof=1))
    random: dict[str, float] = {}
    rows = 0.0
    for term in seen.random:
        # mean of z'Psi z over the rows: Johnson (2014), equation 10
        share = float(np.einsum("nk,kl,nl->n", term.z, term.cov, term.z).mean())
        if len(np.unique(term.index)) == seen.nobs:
            rows += share
        else:
            random[term.group] = random.get(term.group, 0.0) + share
    if seen.linear:
        return fixed, random, rows + float(np.mean(seen.sigma**2 / seen.weights))
    if seen.family.name == "binomial" and seen.family.link in _LATENT:
        return fixed, random, rows + _LATENT[seen.family.link]
    if seen.family.name in {"poisson", "negative binomial"} and seen.family.link == "log":
        # mean count with the random effects averaged out: E exp(eta + z'b) = exp(eta + z'Psi z / 2)
        spread = sum((np.einsum("nk,kl,nl->n", t.z, t.cov, t.z) for t in seen.random), np.zeros(seen.nobs))
        marginal = float(np.mean(np.exp(seen.X @ seen.beta + seen.offset + curves + spread / 2)))
        mean = marginal if at is None else float(at)
        extra = 1 / seen.family.size if seen.family.name == "negative binomial" else 0.0
        return fixed, random, rows + float(np.log1p(1 / mean + extra))  # Nakagawa et al. (2017), table 1
    raise ValueError(
        f"the fit is {seen.family.name} with link {seen.family.link}; variance shares are defined here "
        "for gaussian models, for binomial ones with logit, probit or cloglog link (on the scale of "
        "the latent variable), and for Poisson and negative binomial ones with log link"
    )


def r2(fit: Any, mean: float | None = None) -> pd.Series:
    """Share of the variance that the fixed effects explain, without and with the random effects.

    Parameters
    ----------
    fit : a fit
        What `view` knows: gaussian, binomial, Poisson, negative binomial.
    mean : float, optional
        The count at which the variance of a single count is taken; by default the mean of the model's own marginal
        means. R's performance (0.10, with insight 0.19) takes exp(intercept) of the model without covariates.

    Returns
    -------
    pandas.Series
        "marginal" and "conditional", between 0 and 1.

    Notes
    -----
    Counts are taken on the scale of the log, with the lognormal approximation log(1 + 1 / mean) for the variance
    that a single count adds. An effect for each row (one level a row) takes up overdispersion and explains nothing: its
    variance counts with the errors, as in performance.

    References
    ----------
    Nakagawa & Schielzeth (2013), Methods in Ecology and Evolution 4:133-142; Johnson (2014), ibid. 5:944-946,
    for random slopes; Nakagawa, Johnson & Schielzeth (2017), J. Royal Society Interface 14:20170213, for counts.

    Examples
    --------
    >>> import statsmodels.formula.api as smf
    >>> from mmhelpers import load
    >>> fit = smf.mixedlm("Reaction ~ Days", load("sleepstudy"), groups="Subject", re_formula="~Days").fit()
    >>> r2(fit).round(2)
    marginal       0.28
    conditional    0.80
    Name: R2, dtype: float64
    """
    import pandas as pd

    _count_of(mean)
    fixed, random, error = _parts(view(fit), mean)
    total = fixed + sum(random.values()) + error
    shares = {"marginal": fixed / total, "conditional": (fixed + sum(random.values())) / total}
    return pd.Series(shares, name="R2")


def icc(
    fit: Any,
    n_boot: int = 0,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    mean: float | None = None,
) -> pd.DataFrame:
    """Intraclass correlation: share of the variance around the fixed part that each grouping factor holds.

    Parameters
    ----------
    fit : a fit of a mixed model
        What `view` knows: gaussian, binomial, Poisson, negative binomial (see `r2` for the scale of counts).
    n_boot : int
        Number of parametric bootstrap samples for an interval (each refits the model); 0 for none.
    confidence : float
        Confidence of the interval.
    rng : numpy.random.Generator, optional
        Source of the randomness; a fixed seed without it.
    mean : float, optional
        The count at which the variance of a single count is taken, see `r2`.

    Returns
    -------
    pandas.DataFrame
        One row a grouping factor, and "all" where there are several: "icc", and with `n_boot` "lower" and
        "upper" (percentiles). With random slopes the mean over the rows.

    References
    ----------
    Nakagawa, Johnson & Schielzeth (2017), J. Royal Society Interface 14:20170213.

    Examples
    --------
    >>> import statsmodels.formula.api as smf
    >>> from mmhelpers import load
    >>> float(icc(smf.mixedlm("Yield ~ 1", load("dyestuff"), groups="Batch").fit())["icc"].round(2).iloc[0])
    0.42
    """
    import pandas as pd

    seen = view(fit)
    if not seen.random:
        raise ValueError("the fit has no random effects, so there is no intraclass correlation")
    _count_of(mean)
    values = _icc(seen, mean)
    table = pd.DataFrame({"icc": values.to_numpy()}, index=values.index)
    if not n_boot:
        return table
    from ..adapters import UnsupportedFitError

    if seen.refit is None:
        raise UnsupportedFitError(f"fits of {seen.engine} cannot be refitted here; leave n_boot out")
    generator = np.random.default_rng(1) if rng is None else rng
    draws = seen.simulate(n_boot, generator, conditional=False)
    boot = np.array([_icc(seen.refit(y), mean).to_numpy() for y in draws.T])
    tail = (1 - confidence) / 2
    table["lower"], table["upper"] = np.quantile(boot, tail, axis=0), np.quantile(boot, 1 - tail, axis=0)
    return table


def _count_of(mean: float | None) -> None:
    """Refuse a mean that no count can have."""
    if mean is not None and not mean > 0:
        raise ValueError(f"mean is {mean!r}; the mean of a count is above zero")


def _icc(seen: FitView, mean: float | None) -> pd.Series:
    import pandas as pd

    _, random, error = _parts(seen, mean)
    if not random:
        raise ValueError(
            "the only random effect has one level for each row: no two rows share it, so they are not alike"
        )
    total = sum(random.values()) + error
    shares = {group: value / total for group, value in random.items()}
    if len(shares) > 1:
        shares["all"] = sum(random.values()) / total
    return pd.Series(shares, name="icc")
