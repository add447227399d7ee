"""A table that compares fits by AIC and likelihood ratio, whichever engine they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.given import mapping

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_structures"]


def compare_structures(fits: Mapping[str, Any], against: str | None = None) -> pd.DataFrame:
    """Compare fits that differ in variance function, correlation or random effects.

    Parameters
    ----------
    fits : mapping of str to fit
        Names and fits of `fit`, `fit_gls` or `nlme`, of the same response and fixed effects.
    against : str, optional
        Compare each by likelihood ratio with this one, which must be nested in them (nothing can check that here);
        with the one before by default.

    Returns
    -------
    pandas.DataFrame
        One row a fit: n_par, AIC, log_lik, and chi2, df, p of the likelihood ratio, missing where the numbers of
        parameters are equal (models that are not nested: compare AIC) and in the row of reference.

    Raises
    ------
    ValueError
        If REML fits have different fixed effects, or REML and ML are mixed.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> rats = mm.load("BodyWeight")
    >>> fits = {
    ...     "constant": mm.fit("weight ~ Time * Diet + (Time | Rat)", rats),
    ...     "by time": mm.fit_gls("weight ~ Time * Diet + (Time | Rat)", rats, variance="varExp(Time)"),
    ... }
    >>> mm.compare_structures(fits)[["n_par", "df"]].to_dict("list")
    {'n_par': [10, 11], 'df': [0, 1]}
    """
    import pandas as pd
    from scipy import stats

    from mmhelpers.adapters import view

    mapping("fits", fits, "{'constant': fit, 'by time': fit}")
    if not fits:
        raise ValueError("fits is empty; give at least one model and its fit")
    if against is not None and against not in fits:
        raise ValueError(f"against is {against!r}; the fits are {', '.join(map(str, fits))}")
    seen = {name: view(fit) for name, fit in fits.items()}
    if len({v.reml for v in seen.values()}) > 1:
        raise ValueError("some fits are by REML, some by ML: their likelihoods cannot be compared")
    first = next(iter(seen.values()))
    for name, other in seen.items():
        if other.nobs != first.nobs or not np.allclose(other.observed, first.observed):
            raise ValueError(f"{name!r} is a fit of another response, or of other rows")
        if first.reml and (
            other.X.shape != first.X.shape or not np.allclose(np.sort(other.X), np.sort(first.X))
        ):
            raise ValueError(
                f"{name!r} has other fixed effects, and the fits are by REML: fit by ML (reml=False) to compare"
            )
    rows = []
    for k, (name, fit) in enumerate(fits.items()):
        ll, n_par = seen[name].loglik, int(fit.n_par)
        base = against if against is not None else (list(fits)[k - 1] if k else name)
        df = n_par - int(fits[base].n_par)
        chi2 = 2 * (ll - seen[base].loglik) if df > 0 else np.nan
        p = float(stats.chi2.sf(max(chi2, 0.0), df)) if df > 0 else np.nan
        rows.append((n_par, 2 * n_par - 2 * ll, ll, chi2, df, p))
    return pd.DataFrame(rows, columns=["n_par", "AIC", "log_lik", "chi2", "df", "p"], index=list(fits))
