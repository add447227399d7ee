"""statsmodels' fits as `FitView`: OLS, WLS, GLS and MixedLM here, generalised models in `statsmodels_glm`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .families import Family
from .names import r_name, r_term
from .view import FitView, RandomTerm, UnsupportedFitError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_statsmodels"]

Array = NDArray[np.float64]


def from_statsmodels(fit: Any) -> FitView:
    """See a statsmodels result through the common protocol.

    Raises
    ------
    UnsupportedFitError
        For a model that was not fitted (``.fit()`` is missing), or of a class that is not supported.
    """
    seen = _seen(fit)
    plain = seen.refit
    if plain is None:
        return seen

    def refit(response: Array) -> FitView:  # from arrays, which have no names
        return replace(plain(response), x_names=seen.x_names, x_terms=seen.x_terms, response=seen.response)

    return replace(seen, refit=refit)


def _seen(fit: Any) -> FitView:
    if not hasattr(fit, "model"):
        raise UnsupportedFitError(
            f"fit is a statsmodels {type(fit).__name__}, which holds no estimates: call its .fit() first"
        )
    kind = type(fit.model).__name__
    if kind in {"OLS", "WLS", "GLS", "GLSAR"}:
        return _from_linear(fit)
    if kind == "MixedLM":
        return _from_mixedlm(fit)
    from . import statsmodels_glm

    return statsmodels_glm.from_generalised(fit)


def data_of(model: Any) -> pd.DataFrame | None:
    """Give the data frame behind a formula fit, without the rows that were dropped for missing values."""
    frame = getattr(model.data, "frame", None)
    if frame is None:
        return None
    dropped = getattr(model.data, "missing_row_idx", None)
    if dropped is not None and len(dropped):
        keep = np.ones(len(frame), dtype=bool)
        keep[np.asarray(dropped)] = False
        frame = frame[keep]
    return frame if len(frame) == len(model.endog) else None


def terms_of(model: Any, p: int) -> tuple[str, ...]:
    """Term of each column of the design, from a formula; empty where there was none."""
    slices = getattr(getattr(model.data, "model_spec", None), "term_name_slices", None)
    if slices is None:
        return ()
    terms = [""] * p
    for name, columns in slices.items():
        for j in range(*columns.indices(p)):
            terms[j] = r_term(str(name))
    return tuple(terms) if all(terms) else ()


def frame_without(model: Any, keep: NDArray[np.bool_]) -> Any:
    """Rows of a formula fit's data, or None."""
    frame = data_of(model)
    return None if frame is None else frame[keep]


def _from_linear(fit: Any) -> FitView:
    """OLS, WLS and GLS: y = X beta + e, Var(e) = sigma^2 W^-1 or sigma^2 Sigma."""
    model = fit.model
    y, X = np.asarray(model.endog, float), np.asarray(model.exog, float)
    n = len(y)
    weights, correlation = np.ones(n), None
    if type(model).__name__ == "WLS":
        weights = np.broadcast_to(np.asarray(model.weights, float), (n,)).copy()
    elif type(model).__name__ == "GLSAR":
        raise UnsupportedFitError(
            "fit is a statsmodels GLSAR, which drops the first rows; pass a GLS with its Sigma"
        )
    elif type(model).__name__ == "GLS" and model.sigma is not None:
        correlation = np.asarray(model.sigma, float)
        correlation = np.diag(correlation) if correlation.ndim == 1 else correlation
    mean = X @ np.asarray(fit.params, float)

    def refit(response: Array) -> FitView:
        extra = {"weights": model.weights} if type(model).__name__ == "WLS" else {}
        if type(model).__name__ == "GLS":
            extra = {"sigma": model.sigma}
        return _from_linear(type(model)(response, X, **extra).fit())

    def without(keep: NDArray[np.bool_]) -> FitView:
        extra: dict[str, Any] = {"weights": weights[keep]} if type(model).__name__ == "WLS" else {}
        if correlation is not None:
            extra = {"sigma": correlation[np.ix_(keep, keep)]}
        again = type(model)(y[keep], X[keep], **extra)
        again.data.frame = frame_without(model, keep)
        return _from_linear(again.fit())

    return FitView(
        engine=f"statsmodels {type(model).__name__}",
        response=str(model.endog_names),
        observed=y,
        fitted_marginal=mean,
        fitted_conditional=mean,
        X=X,
        x_names=tuple(r_name(name) for name in model.exog_names),
        beta=np.asarray(fit.params, float),
        vcov=np.asarray(fit.cov_params(), float),
        terms=(),
        family=Family("gaussian", "identity", dispersion=float(fit.scale)),
        weights=weights,
        offset=np.zeros(n),
        loglik=float(fit.llf),
        frame=data_of(model),
        correlation=correlation,
        refit=refit,
        x_terms=terms_of(model, X.shape[1]),
        without=without,
    )


def _group_name(model: Any) -> str:
    """Name of MixedLM's grouping column: that of the random intercept, or of the column with its values."""
    names = [str(name) for name in (getattr(model.data, "exog_re_names", None) or [])]
    Z = np.asarray(model.exog_re).T if model.k_re else ()
    ones = [name for name, z in zip(names, Z, strict=False) if np.all(z == 1)]
    if ones and ones[0] not in {"Group", "Group RE"}:
        return ones[0]
    frame = getattr(model.data, "frame", None)
    groups = np.asarray(model.groups).astype(str)
    if frame is not None and len(frame) == len(groups):
        for name in frame.columns:
            if np.array_equal(np.asarray(frame[name]).astype(str), groups):
                return str(name)
    return "group"


def _from_mixedlm(fit: Any) -> FitView:
    """MixedLM: one grouping factor with correlated effects, and variance components within it."""
    model = fit.model
    y, X = np.asarray(model.endog, float), np.asarray(model.exog, float)
    beta = np.asarray(fit.fe_params, float)
    p, n = len(beta), len(y)
    group = _group_name(model)
    terms = _mixedlm_terms(fit, group)
    marginal = X @ beta
    conditional = marginal + sum((t.contribution(t.modes) for t in terms), np.zeros(n))

    def refit(response: Array) -> FitView:
        again = type(model)(response, X, model.groups, exog_re=model.exog_re, exog_vc=_exog_vc(model))
        # names travel with the data object, so that the new fit is read like the old one
        again.data.exog_re_names = getattr(model.data, "exog_re_names", None)
        again.data.frame = getattr(model.data, "frame", None)
        return _from_mixedlm(again.fit(reml=bool(fit.method == "REML")))

    def without(keep: NDArray[np.bool_]) -> FitView:
        if model.k_vc:
            raise UnsupportedFitError(
                "a MixedLM with variance components cannot be fitted here to a part of its rows"
            )
        again = type(model)(
            y[keep], X[keep], np.asarray(model.groups)[keep], exog_re=np.asarray(model.exog_re)[keep]
        )
        again.data.exog_re_names = getattr(model.data, "exog_re_names", None)
        again.data.frame = frame_without(model, keep)
        return _from_mixedlm(again.fit(reml=bool(fit.method == "REML")))

    return FitView(
        engine="statsmodels MixedLM",
        response=str(model.endog_names),
        observed=y,
        fitted_marginal=marginal,
        fitted_conditional=np.asarray(conditional, float),
        X=X,
        x_names=tuple(r_name(name) for name in model.exog_names[:p]),
        beta=beta,
        vcov=np.asarray(fit.cov_params(), float)[:p, :p],
        terms=terms,
        family=Family("gaussian", "identity", dispersion=float(fit.scale)),
        weights=np.ones(n),
        offset=np.zeros(n),
        loglik=float(fit.llf),
        reml=bool(fit.method == "REML"),
        converged=bool(fit.converged),
        message="" if fit.converged else "statsmodels reports that its optimiser did not converge",
        frame=data_of(model),
        refit=refit,
        x_terms=terms_of(model, p),
        without=without,
    )


def _exog_vc(model: Any) -> Any:
    """Variance-component matrices of a MixedLM, or None where it has none."""
    return model.exog_vc if model.k_vc else None


def _mixedlm_terms(fit: Any, group: str) -> tuple[RandomTerm, ...]:
    """Random-effects terms of a MixedLM, first the correlated ones, then the variance components."""
    model = fit.model
    labels = [str(label) for label in model.group_labels]
    index = np.empty(len(model.endog), dtype=np.intp)
    for j, label in enumerate(model.group_labels):
        index[np.asarray(model.row_indices[label])] = j
    effects = {str(label): np.asarray(value, float) for label, value in fit.random_effects.items()}
    k = int(model.k_re)
    terms: list[RandomTerm] = []
    if k:
        names = getattr(model.data, "exog_re_names", None) or [f"z{j + 1}" for j in range(k)]
        intercept = {group, "Group", "Group RE", "Group Var"}
        columns = tuple("(Intercept)" if str(c) in intercept else r_name(str(c)) for c in names)
        terms.append(
            RandomTerm(
                group=group,
                levels=tuple(labels),
                index=index,
                columns=columns,
                z=np.asarray(model.exog_re, float).reshape(len(index), k),
                cov=np.asarray(fit.cov_re, float).reshape(k, k),
                modes=np.stack([effects[label][:k] for label in labels]),
            )
        )
    start = dict.fromkeys(labels, k)
    for position in range(int(model.k_vc)):
        variance = float(fit.vcomp[position])
        terms.append(_component(model, position, variance, effects, start, group))
    return tuple(terms)


def _component(
    model: Any, position: int, variance: float, effects: dict[str, Array], start: dict[str, int], group: str
) -> RandomTerm:
    """One variance component: independent effects of the columns of its matrix, separately in each group."""
    vc = model.exog_vc
    name = str(vc.names[position])
    n = len(model.endog)
    index, z = np.zeros(n, dtype=np.intp), np.zeros((n, 1))
    levels: list[str] = []
    modes: list[float] = []
    nested = len(model.group_labels) > 1
    for g, label in enumerate(model.group_labels):
        matrix = np.asarray(vc.mats[position][g], float)
        rows = np.asarray(model.row_indices[label])
        if np.any((matrix != 0).sum(axis=1) > 1):
            raise UnsupportedFitError(
                f"the variance component {name!r} of this MixedLM has rows with several effects at once; "
                "only components with one effect a row (as from '0 + C(factor)') can be read"
            )
        nonzero = (matrix != 0).argmax(axis=1)
        index[rows] = len(levels) + nonzero
        z[rows, 0] = matrix[np.arange(len(rows)), nonzero]
        for column in vc.colnames[position][g]:
            inside = r_name(str(column)).removeprefix(name)
            levels.append(f"{inside}:{label}" if nested else inside)
        first = start[str(label)]
        modes += list(effects[str(label)][first : first + matrix.shape[1]])
        start[str(label)] = first + matrix.shape[1]
    return RandomTerm(
        group=f"{name}:{group}" if nested else name,
        levels=tuple(levels),
        index=index,
        columns=("(Intercept)",),
        z=z,
        cov=np.array([[variance]]),
        modes=np.asarray(modes, float)[:, None],
    )
