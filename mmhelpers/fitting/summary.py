"""Tables and text that show a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.results import Fits

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def covariances(fits: Fits, replicate: int = 0) -> list[Floats]:
    """Covariance matrix of the random effects of each term, (k, k), in units of y."""
    parts = fits.matrices.split_theta(fits.theta[replicate])
    sigma = fits.sigma[replicate]
    out = []
    for term, theta in zip(fits.matrices.terms, parts, strict=True):
        T = sigma * term.block(theta)
        out.append(T @ T.T)
    return out


def variance_frame(fits: Fits, replicate: int = 0) -> pd.DataFrame:
    """Variance components as a table.

    Returns
    -------
    DataFrame
        Columns ``group``, ``name``, ``with`` (the other effect of a correlation, else empty),
        ``variance``, ``sd``, ``correlation``; the residual comes last.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for term, cov in zip(fits.matrices.terms, covariances(fits, replicate), strict=True):
        sd = np.sqrt(np.diag(cov))
        for i, name in enumerate(term.columns):
            rows.append((term.group, name, "", cov[i, i], sd[i], np.nan))
        for i in range(term.k):
            for j in range(i):
                product = sd[i] * sd[j]
                correlation = cov[i, j] / product if product > 0 else np.nan
                rows.append((term.group, term.columns[i], term.columns[j], np.nan, np.nan, correlation))
    sigma = float(fits.sigma[replicate])
    rows.append(("Residual", "", "", sigma**2, sigma, np.nan))
    return pd.DataFrame(rows, columns=["group", "name", "with", "variance", "sd", "correlation"])


def _table(header: list[str], rows: list[list[str]], left: int) -> list[str]:
    """Columns of text, the first ``left`` of them aligned to the left."""
    widths = [max(len(row[j]) for row in [header, *rows]) for j in range(len(header))]
    return [
        " ".join(
            cell.ljust(width) if j < left else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    ]


def _number(value: float, digits: int = 4) -> str:
    """About ``digits`` significant digits, never fewer than the digits before the point."""
    if not np.isfinite(value):
        return "Inf" if value > 0 else "NaN"
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.{digits - 1}e}"
    before = len(str(int(abs(value))))
    return f"{value:.{max(0, digits + 1 - before)}f}"


def _p(value: float) -> str:
    if np.isnan(value):
        return "NaN"
    return "<2e-16" if value < 2e-16 else (f"{value:.2e}" if value < 1e-4 else f"{value:.4f}")


def _stars(p: float) -> str:
    return next(
        (mark for bound, mark in ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, ".")) if p < bound), ""
    )


def _variance_lines(fits: Fits) -> list[str]:
    rows: list[list[str]] = []
    for term, cov in zip(fits.matrices.terms, covariances(fits), strict=True):
        sd = np.sqrt(np.diag(cov))
        for i, name in enumerate(term.columns):
            with np.errstate(all="ignore"):
                corr = " ".join(f"{cov[i, j] / (sd[i] * sd[j]):5.2f}" for j in range(i))
            rows.append([term.group if i == 0 else "", name, _number(cov[i, i]), _number(sd[i]), corr])
    sigma = float(fits.sigma[0])
    rows.append(["Residual", "", _number(sigma**2), _number(sigma), ""])
    with_corr = any(row[4] for row in rows)
    rows = rows if with_corr else [row[:4] for row in rows]
    header = ["Groups", "Name", "Variance", "Std.Dev."] + (["Corr"] if with_corr else [])
    return _table(header, rows, 2)


def _coefficient_lines(table: pd.DataFrame) -> list[str]:
    z = bool(np.isinf(table["df"]).all())
    header = ["", "Estimate", "Std. Error", "df", "t value", "Pr(>|t|)", ""]
    rows = []
    for name, row in table.iterrows():
        cells = [str(name), _number(row["estimate"]), _number(row["se"]), f"{row['df']:.2f}"]
        rows.append([*cells, f"{row['statistic']:.3f}", _p(row["p"]), _stars(row["p"])])
    if z:
        header = [header[i] for i in (0, 1, 2)] + ["z value", "Pr(>|z|)", ""]
        rows = [row[:3] + row[4:] for row in rows]
    return _table(header, rows, 1)


def summary_text(fits: Fits, table: pd.DataFrame, residuals: Floats, aic: float, bic: float) -> str:
    """Summary of one fit, in the order of lme4's."""
    matrices = fits.matrices
    criterion = float(fits.criterion[0])
    by = "REML" if fits.reml else "maximum likelihood"
    ddf = "z tests" if np.isinf(table["df"]).all() else "t-tests"
    lines = [f"Linear mixed model fit by {by}, {ddf}", f"Formula: {matrices.formula}", ""]
    if fits.reml:
        lines.append(f"REML criterion at convergence: {criterion:.1f}")
    else:
        lines += _table(
            ["AIC", "BIC", "logLik", "deviance"],
            [[f"{v:.1f}" for v in (aic, bic, -criterion / 2, criterion)]],
            0,
        )
    scaled = np.quantile(residuals / fits.sigma[0], [0, 0.25, 0.5, 0.75, 1])
    lines += ["", "Scaled residuals:"]
    lines += _table(["Min", "1Q", "Median", "3Q", "Max"], [[f"{v:.4f}" for v in scaled]], 0)
    lines += ["", "Random effects:", *_variance_lines(fits)]
    groups = dict.fromkeys((term.group, term.n_levels) for term in matrices.terms)
    lines.append(f"Number of obs: {matrices.n}, groups: " + "; ".join(f"{name}, {l}" for name, l in groups))
    lines += ["", "Fixed effects:", *_coefficient_lines(table)]
    if matrices.aliased:
        lines += ["", f"Dropped, because other columns determine them: {', '.join(matrices.aliased)}"]
    if bool(fits.singular[0]):
        lines += ["", "Singular fit: a variance is estimated at zero, or a correlation at -1 or 1."]
    if not bool(fits.converged[0]):
        lines += ["", f"Not converged: {fits.message[0]}"]
    return "\n".join(lines)
