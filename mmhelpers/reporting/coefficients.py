"""Estimates, intervals and tests of the fixed effects of a fit, with the method that each engine used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.adapters import FitView, view
from mmhelpers.r_tables import lmertest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DDF", "Tests", "coefficients", "with_own"]

#: Names of the methods for degrees of freedom, as a sentence says them.
DDF = {
    "satterthwaite": "t tests with Satterthwaite's degrees of freedom",
    "kenward-roger": "t tests with the standard errors and degrees of freedom of Kenward and Roger",
    "wald": "Wald z tests",
}
RESIDUAL = "t tests with the residual degrees of freedom"
CONTAINMENT = "t tests with nlme's degrees of freedom"


@dataclass(frozen=True)
class Tests:
    """Fixed effects and how they were tested.

    Attributes
    ----------
    table : pandas.DataFrame
        Index: coefficient. Columns estimate, se, lower, upper, statistic, df, p; for draws of a posterior,
        statistic, df and p are NaN and ``positive`` holds the share of draws above zero.
    symbol : str
        "t", "z", "p" where p was computed elsewhere and has no statistic here, or "" where nothing is tested.
    method : str
        How p was obtained, in words.
    interval : str
        What kind of interval lower and upper are, in words.

    Raises
    ------
    ValueError
        If there is a p-value and no method.
    """

    table: pd.DataFrame
    symbol: str
    method: str
    interval: str

    def __post_init__(self) -> None:
        if self.table["p"].notna().any() and not self.method.strip():
            raise ValueError(
                "method is missing: a p-value is not written without the method that gave it, such as "
                "'parametric bootstrap of the likelihood ratio, 999 simulations'"
            )


def coefficients(fit: Any, ddf: str | None, level: float) -> Tests:
    """Test the fixed effects of a fit as its engine does, or as `ddf` asks.

    Raises
    ------
    ValueError
        If the engine cannot do what `ddf` asks, or `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as in 0.95")
    if ddf is not None and ddf not in DDF:
        raise ValueError(f"ddf is {ddf!r}; known are {', '.join(map(repr, DDF))}")
    seen = view(fit)
    if seen.engine == "mmhelpers":
        return _from_table(fit.coefficients(ddf or "satterthwaite"), DDF[ddf or "satterthwaite"], level)
    if seen.engine == "bambi":
        _only(ddf, (), "bambi")
        return _posterior(fit, seen, level)
    if hasattr(fit, "r_model") and seen.linear and seen.random:
        return _lmer(fit, ddf or "satterthwaite", level)
    if type(fit).__name__ == "Nlme":
        _only(ddf, (), "nlme")
        table = fit.coefficients.assign(df=_nlme_df(fit, seen))
        return _from_table(table, CONTAINMENT if seen.random else RESIDUAL, level)
    residual = getattr(fit, "df_resid", None)
    if (
        residual is not None
        and ddf is None
        and seen.linear
        and not seen.random
        and getattr(fit, "use_t", False)
    ):
        return _from_table(_wald(seen, float(residual)), RESIDUAL, level)
    _only(ddf, ("wald",), seen.engine)
    return _from_table(_wald(seen, np.inf), DDF["wald"], level)


def with_own(tests: Tests, p: Mapping[str, float], method: str) -> Tests:
    """Replace the tests by p-values that were computed elsewhere, say by a bootstrap.

    Estimates and intervals stay; coefficients that `p` does not name are no longer tested, since one table should
    not mix methods.

    Raises
    ------
    ValueError
        If `method` is empty, or a p-value is not between 0 and 1, or names no coefficient.
    """
    for name, value in p.items():
        if name not in tests.table.index:
            raise ValueError(
                f"p names {name!r}; the coefficients are {', '.join(map(repr, tests.table.index))}"
            )
        if not 0 <= value <= 1:
            raise ValueError(f"p of {name!r} is {value}; it must lie between 0 and 1")
    table = tests.table.assign(statistic=np.nan, df=np.nan, p=np.nan)
    for name, value in p.items():
        table.loc[name, "p"] = float(value)
    return replace(tests, table=table, symbol="p", method=" ".join(method.split()))


def _only(ddf: str | None, known: tuple[str, ...], engine: str) -> None:
    if ddf is not None and ddf not in known:
        can = f"it has {', '.join(map(repr, known))}" if known else "leave ddf out"
        raise ValueError(f"ddf is {ddf!r}, which a fit of {engine} does not have; {can}")


def _wald(seen: FitView, df: float) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame({"estimate": seen.beta, "se": seen.se}, index=list(seen.x_names))
    return table.assign(df=df)


def _from_table(table: pd.DataFrame, method: str, level: float) -> Tests:
    """Complete a table with columns estimate, se, df."""
    from scipy import stats

    half = stats.t.ppf(0.5 + level / 2, table["df"]) * table["se"]
    statistic = table["estimate"] / table["se"]
    full = table.assign(
        lower=table["estimate"] - half,
        upper=table["estimate"] + half,
        statistic=statistic,
        p=2 * stats.t.sf(statistic.abs(), table["df"]),
    )
    columns = ["estimate", "se", "lower", "upper", "statistic", "df", "p"]
    symbol = "z" if np.isinf(table["df"]).all() else "t"
    kind = f"{100 * level:g}% confidence interval"
    return Tests(full[columns].astype(float), symbol, method, kind)


def _lmer(fit: Any, ddf: str, level: float) -> Tests:
    """Take the tests of lmerTest for a model of pymer4."""
    if ddf == "wald":
        return _from_table(_wald(view(fit), np.inf), DDF[ddf], level)
    name = {"satterthwaite": "Satterthwaite", "kenward-roger": "Kenward-Roger"}[ddf]
    table = lmertest(fit, "coefficients", ddf=name)
    table = table.rename(columns={"Estimate": "estimate", "Std. Error": "se"})
    return _from_table(table[["estimate", "se", "df"]], DDF[ddf], level)


def _nlme_df(fit: Any, seen: FitView) -> Any:
    if "df" in fit.coefficients:
        return fit.coefficients["df"]
    return float(seen.nobs - len(seen.beta))


def _posterior(fit: Any, seen: FitView, level: float) -> Tests:
    """Posterior means, standard deviations, equal-tailed intervals, and the share of draws above zero."""
    import pandas as pd

    from mmhelpers.adapters.from_bambi import fixed_draws

    draws = fixed_draws(fit)
    tails = [0.5 - level / 2, 0.5 + level / 2]
    lower, upper = np.quantile(draws, tails, axis=0)
    nothing = np.full(draws.shape[1], np.nan)
    table = pd.DataFrame(
        {
            "estimate": draws.mean(axis=0),
            "se": draws.std(axis=0, ddof=1),
            "lower": lower,
            "upper": upper,
            "statistic": nothing,
            "df": nothing,
            "p": nothing,
            "positive": (draws > 0).mean(axis=0),
        },
        index=list(seen.x_names),
    )
    method = f"no tests: posterior draws ({len(draws)} of them)"
    return Tests(table, "", method, f"{100 * level:g}% credible interval")
