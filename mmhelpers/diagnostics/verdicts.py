"""`check(fit)`: every diagnosis that fits the model, with a verdict and what to try next."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import FitView, view
from ..residuals.basic import resid
from ..residuals.quantile import QuantileResiduals, quantile_residuals
from ..testtable import TestRow, TestTable, format_p
from .dependence import check_quantiles
from .distribution import check_normality, check_random_effects
from .envelopes import qq_table, quantile_table
from .influence import influence
from .simulated import check_dispersion, check_outliers, check_zeros, two_ways
from .uniformity import check_uniformity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "Verdict", "check"]

_NEXT = {
    "convergence": (
        "Rescale the predictors, try another optimiser, or simplify the random effects; do not report "
        "this fit as it is."
    ),
    "separation": (
        "A predictor tells the responses apart without error, and its coefficient runs to infinity: estimates and "
        "standard errors mean nothing. Fewer predictors, or a penalised (Firth, Bayesian) fit."
    ),
    "one level": "has one level, so a variance between its levels cannot be estimated: leave it out.",
    "singular": (
        "a variance or correlation is estimated at its boundary: ask whether the design can tell it, drop "
        "the correlation first, and say so when you report it."
    ),
    "uniformity": (
        "The distribution is wrong somewhere: the rows below say where. Look at the quantile-quantile plot."
    ),
    "dispersion": (
        "Look for a missing covariate or group first; then a negative binomial or beta-binomial response, "
        "or an effect for each observation."
    ),
    "zeros": (
        "Look at the dispersion first; if that is right and zeros remain, a zero-inflated or hurdle model."
    ),
    "outliers": "Look at these rows: a mistake in the data, or tails heavier than the model's.",
    "all": (
        "Residuals change along the fitted values: a missing curve or interaction (the median bends), or a "
        "variance that is not constant (the quantiles spread): transform, or model the variance."
    ),
    "normality of residuals": (
        "Heavy tails or skewness: look at the quantile-quantile plot. Tests of fixed effects bear a lot "
        "of it, prediction intervals do not."
    ),
    "random effects": (
        "Look for groups apart from the rest, or a covariate of the groups that is missing; estimates of the "
        "fixed effects are little affected."
    ),
}


CERTAIN = 1e-8  # a fitted probability as near to 0 or 1 as this is the sign of separation


@dataclass(frozen=True)
class Verdict:
    """What one diagnosis says.

    Attributes
    ----------
    name : str
        The diagnosis.
    verdict : str
        "fine", "look" (p below 0.05 for itself) or "fault" (below 0.05 after Holm's correction for the
        number of diagnoses, or a failure the engine reports).
    p : float
        p-value; NaN where there is none.
    advice : str
        What to try next; empty where all is fine.
    """

    name: str
    verdict: str
    p: float
    advice: str


@dataclass(frozen=True)
class Check:
    """Verdicts on a fitted model.

    Attributes
    ----------
    verdicts : tuple of Verdict
        One a diagnosis.
    tests : TestTable
        The tests behind them.
    tables : mapping of str to pandas.DataFrame
        What `plot_check` draws.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> found = mm.check(fit, rng=1)
    >>> type(found.ok), "uniformity" in found.tests.to_frame().to_string()
    (<class 'bool'>, True)
    """

    verdicts: tuple[Verdict, ...]
    tests: TestTable
    engine: str
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether no diagnosis found a fault."""
        return all(v.verdict != "fault" for v in self.verdicts)

    def to_frame(self) -> pd.DataFrame:
        """Columns diagnosis, verdict, p, advice; one row a diagnosis."""
        import pandas as pd

        rows = [(v.name, v.verdict, v.p, v.advice) for v in self.verdicts]
        return pd.DataFrame(rows, columns=["diagnosis", "verdict", "p", "advice"])

    def __str__(self) -> str:
        width = max(len(v.name) for v in self.verdicts)
        lines = [
            f"{v.name.ljust(width)}  {v.verdict:5}  {format_p(v.p):>6}  {v.advice}".rstrip()
            for v in self.verdicts
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # what to try stands below its diagnosis and wraps, so that a phone shows it whole
        left = "text-align:left;white-space:normal"
        body = ""
        for v in self.verdicts:
            body += f'<tr><th scope="row" style="{left}">{html.escape(v.name)}</th><td>{v.verdict}</td>'
            body += f'<td style="text-align:right">{html.escape(format_p(v.p))}</td></tr>'
            if v.advice:
                body += f'<tr><td colspan="3" style="{left};padding-left:1.5em"><em>What to try:</em> '
                body += f"{html.escape(v.advice)}</td></tr>"
        head = "".join(f'<th scope="col">{name}</th>' for name in ("diagnosis", "verdict", "p"))
        table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<table class="dataframe" style="max-width:44em">{table}</table>'


def check(fit: Any, n_sim: int = 250, rng: np.random.Generator | int | None = None) -> Check:
    """Run every diagnosis that fits the model.

    Parameters
    ----------
    fit : a fit
        What `view` knows and can simulate.
    n_sim : int
        Number of simulated data sets.
    rng : numpy.random.Generator or int, optional
        Source of the randomness, or its seed; a fixed seed without it.

    Returns
    -------
    Check
        Verdicts, the tests behind them, and the tables that `plot_check` draws.

    Notes
    -----
    The p-values come from simulations of the fitted model; since it was fitted to the data they are
    conservative. Verdicts say what is visible in these data. That nothing is visible is weak evidence when
    data are few.

    Examples
    --------
    >>> import statsmodels.formula.api as smf
    >>> from mmhelpers import load
    >>> fit = smf.ols("growth ~ population + site", load("oysters_nobag")).fit()
    >>> check(fit).ok
    True
    """
    seen = view(fit)
    r = quantile_residuals(seen, n_sim=n_sim, rng=rng)
    generator = np.random.default_rng(r.seed)
    rows = [_rename(row) for test in _tests(seen, r, generator) for row in _chosen(test)]
    verdicts = [_convergence(seen), *_separation(seen), *_singular(seen), *_judge(rows)]
    return Check(tuple(verdicts), TestTable(tuple(rows)), seen.engine, _tables(seen, r, n_sim, generator))


def _tests(seen: FitView, r: QuantileResiduals, rng: np.random.Generator) -> list[TestTable]:
    kept = r
    if seen.random and not seen.linear:  # around the modes, where faults of the counts themselves show
        kept = quantile_residuals(seen, n_sim=r.n_sim, rng=rng, conditional=True)
    wanted: list[Callable[[], TestTable]] = [lambda: check_uniformity(kept)]
    if seen.family.discrete:
        if not _zero_one(seen):  # single 0/1 responses have no dispersion
            wanted += [lambda: _dispersion(seen, r, kept)]
        if seen.family.name != "binomial":
            wanted += [lambda: check_zeros(r, exact=True)]
    else:
        wanted += [lambda: check_outliers(r, exact=True)]
    if np.ptp(r.fitted) > 1e-8 * (1 + np.abs(r.fitted).max()):
        wanted += [lambda: check_quantiles(r)]
    if seen.linear:
        wanted += [lambda: check_normality(seen, r.n_sim, rng)]
        if any(len(t.levels) > 3 and np.diag(t.cov).max() > 0 for t in seen.random):
            wanted += [lambda: check_random_effects(seen, r.n_sim, rng)]
    return [make() for make in wanted]


def _dispersion(seen: FitView, r: QuantileResiduals, kept: QuantileResiduals) -> TestTable:
    if not seen.random:
        return check_dispersion(r, exact=True)
    return two_ways(kept, r, "two-sided", exact=True)


def _zero_one(seen: FitView) -> bool:
    return seen.family.name == "binomial" and bool((seen.weights == 1).all())


def _chosen(test: TestTable) -> tuple[TestRow, ...]:
    """Of the quantile rows only their sum."""
    return tuple(row for row in test.rows if not row.name.startswith("quantile "))


def _rename(row: TestRow) -> TestRow:
    from dataclasses import replace

    return replace(row, name="quantiles along the fit") if row.name == "all" else row


def _judge(rows: list[TestRow]) -> list[Verdict]:
    """Verdicts with Holm's (1979) correction over the diagnoses."""
    p = np.array([row.p for row in rows])
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    verdicts = []
    for row, own, all_in_all in zip(rows, p, adjusted, strict=True):
        word = "fault" if all_in_all < 0.05 else "look" if own < 0.05 else "fine"
        key = "all" if row.name == "quantiles along the fit" else row.name
        advice = _NEXT.get(key, _NEXT["random effects"]) if word != "fine" else ""
        verdicts.append(Verdict(row.name, word, float(own), advice))
    return verdicts


def _convergence(seen: FitView) -> Verdict:
    if seen.converged:
        return Verdict("convergence", "fine", float("nan"), "")
    words = f"{seen.message}. " if seen.message else ""
    if seen.engine == "bambi":  # its message says what to do
        return Verdict("convergence", "fault", float("nan"), words + "Do not report this fit as it is.")
    return Verdict("convergence", "fault", float("nan"), words + _NEXT["convergence"])


def _separation(seen: FitView) -> list[Verdict]:
    """Name a binomial fit whose fitted probabilities have run to 0 or 1."""
    if seen.family.name != "binomial":
        return []
    mu = seen.fitted(True)
    sure = int(((mu < CERTAIN) | (mu > 1 - CERTAIN)).sum())
    if not sure:
        return []
    words = f"{sure} of {seen.nobs} fitted probabilities are 0 or 1 to {-np.log10(CERTAIN):.0f} digits. "
    return [Verdict("separation", "fault", float("nan"), words + _NEXT["separation"])]


def _singular(seen: FitView) -> list[Verdict]:
    """Say whether a covariance matrix of random effects is on its boundary, as lme4's isSingular does."""
    if not seen.random:
        return []
    scale = seen.sigma if seen.linear else 1.0
    alone = [term.group for term in seen.random if len(term.levels) < 2]
    if alone:
        return [Verdict("singular fit", "fault", float("nan"), f"{', '.join(alone)} {_NEXT['one level']}")]
    flat = []
    for term in seen.random:
        root = np.linalg.eigvalsh((term.cov + term.cov.T) / 2)
        if np.sqrt(max(root.min(), 0.0)) < 1e-4 * scale:
            flat.append(term.group)
    if not flat:
        return [Verdict("singular fit", "fine", float("nan"), "")]
    return [Verdict("singular fit", "look", float("nan"), f"In {', '.join(flat)}: {_NEXT['singular']}")]


def _tables(seen: FitView, r: QuantileResiduals, n_sim: int, rng: np.random.Generator) -> dict[str, Any]:
    import pandas as pd

    from .null import modes_columns

    tables: dict[str, Any] = {
        "qq": qq_table(seen if seen.linear else r, n_sim, rng=rng),
        "points": pd.DataFrame({"predictor": seen.fitted(False), "residual": _points(seen, r)}),
        "quantiles": quantile_table(seen if seen.linear else r, n_sim=n_sim, rng=rng),
        "dispersion": check_dispersion(r, exact=True),
        "residuals": "standardised residual" if seen.linear else "quantile residual",
        "tenths": _tenths(r),
    }
    if seen.linear:
        by = next((t.group for t in seen.random if len(t.levels) > 1), None)
        tables["influence"] = influence(seen, by)
        if seen.random:
            effects = {}
            for (group, column), modes in modes_columns(seen, n_sim, rng).items():
                if len(modes) > 3:
                    effects[f"{group} {column}"] = _qq(np.sort(modes, axis=0))
            tables["effects"] = effects
    return tables


def _tenths(r: QuantileResiduals) -> pd.DataFrame:
    """Count residuals in tenths of (0, 1), with the band of the simulations' own."""
    import pandas as pd

    from .envelopes import global_envelope

    edges = np.linspace(0, 1, 11)
    counts = np.array([np.histogram(column, edges)[0] for column in r.columns.T], dtype=float).T
    lower, upper = global_envelope(counts[:, 1:])
    return pd.DataFrame({"middle": edges[:-1] + 0.05, "rows": counts[:, 0], "lower": lower, "upper": upper})


def _points(seen: FitView, r: QuantileResiduals) -> Any:
    """Residuals as the quantile table has them."""
    return resid(seen, "standardized") if seen.linear else r.values


def _qq(columns: Any) -> pd.DataFrame:
    import pandas as pd

    from .envelopes import global_envelope

    lower, upper = global_envelope(columns[:, 1:])
    return pd.DataFrame(
        {"expected": columns[:, 1:].mean(axis=1), "observed": columns[:, 0], "lower": lower, "upper": upper}
    )
