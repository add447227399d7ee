"""The methods paragraph: the model, how it was fitted and tested, with what, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmhelpers.adapters import FitView

from .words import listed, number

if TYPE_CHECKING:
    from .record import Report

__all__ = ["degenerate", "paragraph"]

_NAMES = {
    "gaussian": "linear",
    "binomial": "binomial",
    "poisson": "Poisson",
    "negative binomial": "negative binomial",
    "gamma": "Gamma",
    "beta": "beta",
}
_FLAT = 1e-4  # lme4's tolerance for a singular fit, relative to the residual standard deviation


def degenerate(seen: FitView) -> list[str]:
    """Say which parts of the random effects were estimated on the boundary: variances of zero, correlations of 1.

    Looked for as `lme4::isSingular` does: an element of the diagonal of the relative covariance factor below 1e-4.
    """
    said = []
    scale = seen.sigma if seen.linear else 1.0
    for term in seen.random:
        sd = np.sqrt(np.clip(np.diag(term.cov), 0, None))
        zero = sd < _FLAT * scale
        for name in np.asarray(term.columns, dtype=object)[zero]:
            said.append(
                f"the variance of {_effect(str(name))} among levels of {term.group} was estimated at zero"
            )
        keep = ~zero
        if keep.sum() < 2:
            continue
        cov = term.cov[np.ix_(keep, keep)]
        if _smallest_pivot(cov) < _FLAT * scale:
            names = [_effect(str(c)) for c in np.asarray(term.columns, dtype=object)[keep]]
            if len(names) == 2:
                corr = cov[0, 1] / (sd[keep][0] * sd[keep][1])
                at = number(float(np.sign(corr)), 1)
                said.append(
                    f"the correlation of {listed(names)} among levels of {term.group} was estimated at {at}"
                )
            else:
                said.append(
                    f"the covariance matrix of {listed(names)} among levels of {term.group} is of less than full rank"
                )
    return said


def _smallest_pivot(cov: np.ndarray) -> float:
    """Smallest diagonal element of the Cholesky factor of a covariance that may be singular."""
    pivots = []
    left = np.array(cov, dtype=float)
    while len(left):
        pivots.append(max(left[0, 0], 0.0))
        explained = np.outer(left[1:, 0], left[0, 1:]) / left[0, 0] if left[0, 0] > 0 else 0.0
        left = left[1:, 1:] - explained
    return float(np.sqrt(min(pivots)))


def _effect(name: str) -> str:
    return "the intercept" if name in {"(Intercept)", "Intercept", "1"} else f"the effect of {name}"


def _random(seen: FitView) -> str:
    """Say what varies among the levels of each grouping factor."""
    parts = []
    for term in seen.random:
        names = [_effect(c) for c in term.columns]
        together = (
            ", with their correlations,"
            if len(names) > 2
            else ", with their correlation,"
            if len(names) == 2
            else ""
        )
        if len(names) > 1 and np.count_nonzero(term.cov - np.diag(np.diag(term.cov))) == 0:
            together = ", uncorrelated,"
        parts.append(
            f"random deviations of {listed(names)}{together} for the {len(term.levels)} levels of {term.group}"
        )
    return "; ".join(parts)


def _rows(missing: int) -> str:
    if missing == 1:
        return "One row with a missing value was left out."
    return f"{missing} rows with a missing value were left out."


def paragraph(report: Report, dropped: Mapping[str, str]) -> str:
    """Write the paragraph."""
    seen = report.view
    family = _NAMES.get(seen.family.name, seen.family.name)
    mixed = " mixed" if seen.random else ""
    generalised = "" if seen.linear else f" with a {seen.family.link} link"
    kind = f"{family}{mixed} model{generalised}"
    article = "an" if kind[0] in "aeiou" else "a"
    fixed = [n for n in seen.x_names if n not in {"(Intercept)", "Intercept"}]
    terms = f"fixed effects of {listed(fixed)}" if fixed else "an intercept as its only fixed effect"
    sentences = [
        f"We fitted {article} {kind} to the {seen.nobs} observations of {seen.response}, with {terms}"
        + (f" and {_random(seen)}" if seen.random else "")
        + (f" ({report.formula})." if report.formula else ".")
        + (f" {_rows(report.missing)}" if report.missing else ""),
        f"It was fitted by {report.estimation} with {report.software}.",
    ]
    for term, why in dropped.items():
        sentences.append(f"We left out {term}, because {why}.")
    if report.tests.symbol == "p":
        sentences.append(
            f"p-values are from: {report.tests.method}; intervals are {report.tests.interval}s of the fit."
        )
    elif report.tests.symbol:
        sentences.append(
            f"Coefficients were tested by {report.tests.method}; intervals are {report.tests.interval}s "
            "from the same distribution."
        )
    else:
        sentences.append(
            f"Estimates are posterior means, with equal-tailed {report.tests.interval}s ({report.tests.method})."
        )
    if report.sampling is not None:
        sentences.append(report.sampling.sentences())
    said = degenerate(seen)
    if said:
        sentences.append(
            f"The fit is singular: {listed(said)}. This says that the data do not tell these parameters from the boundary, "
            "not that they are exactly there."
        )
    if not seen.converged:
        sentences.append(
            f"The fit did not converge ({seen.message or 'no reason was given'}); "
            "these numbers are not to be relied on."
        )
    return " ".join(sentences)
