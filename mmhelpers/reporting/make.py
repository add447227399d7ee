"""`report(fit)`: from a fit of any engine to its `Report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmhelpers.adapters import FitView, view

from .coefficients import coefficients, with_own
from .record import Report
from .sampling import sampling
from .software import formula_of, software

__all__ = ["report"]


def report(
    fit: Any,
    ddf: str | None = None,
    level: float = 0.95,
    *,
    dropped: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    missing: int = 0,
    p: Mapping[str, float] | None = None,
    method: str = "",
) -> Report:
    """Put a fit of any engine into the words and tables of a paper.

    Parameters
    ----------
    fit : object
        Anything that `view` knows; for bambi the pair ``(model, idata)``.
    ddf : {"satterthwaite", "kenward-roger", "wald"}, optional
        Method for the tests, where the engine has a choice (mmhelpers; lmer through pymer4). The default is what
        the engine reports: Satterthwaite for these two, the residual degrees of freedom for linear models, z for
        the others.
    level : float
        Of the intervals.
    dropped : mapping of str to str, optional
        What was left out of the model and why, to be said in the methods:
        ``{"the correlation of intercepts and slopes": "the fit with it was singular"}``.
    labels, units : mapping of str to str, optional
        Words and units for coefficients, by their names; `labels` may name the response too.
    missing : int
        How many rows of the data were left out because a value was missing: the engines do not keep that number, and
        the methods should.
    p : mapping of str to float, optional
        p-values that you computed otherwise, by coefficient, to stand in place of the engine's.
    method : str
        How they were computed; without it they are refused.

    Returns
    -------
    Report

    Raises
    ------
    UnsupportedFitError
        If no adapter knows the fit.
    ValueError
        If the engine does not have the method that `ddf` asks for, a label or unit names nothing in the model, or a
        p-value comes without its method.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> paper = mm.report(fit, ddf="kenward-roger")
    >>> paper.to_frame()[["estimate", "lower", "upper"]].round(2).loc["Days"].tolist()
    [10.47, 7.21, 13.73]
    """
    seen = view(fit)
    tests = coefficients(fit, ddf, level)
    if p is not None:
        tests = with_own(tests, p, method)
    known = {*tests.table.index, seen.response}
    for argument, given in (("labels", labels), ("units", units)):
        for name in given or {}:
            if name not in known:
                raise ValueError(
                    f"{argument} names {name!r}; the model has {', '.join(map(repr, sorted(known)))}"
                )
    return Report(
        seen,
        tests,
        formula_of(fit) or " ".join(str(getattr(fit, "call", "")).split()),
        _estimation(seen),
        software(fit, seen),
        dict(dropped or {}),
        sampling(fit) if seen.engine == "bambi" else None,
        missing,
        dict(labels or {}),
        dict(units or {}),
        fit,
    )


def _estimation(seen: FitView) -> str:
    if seen.engine == "bambi":
        return "sampling from the posterior"
    if seen.reml:
        return "restricted maximum likelihood (REML)"
    if seen.linear and not seen.random and seen.correlation is None:
        return "least squares"
    if seen.random and not seen.linear:
        return "maximum likelihood (Laplace approximation)" if "lme4" in seen.engine else "maximum likelihood"
    return "maximum likelihood"
