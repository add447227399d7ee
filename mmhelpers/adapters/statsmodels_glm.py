"""statsmodels' generalised models as `FitView`: GLM, GEE, count and binary models, zero-inflated counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .families import Family
from .names import r_name
from .view import FitView, UnsupportedFitError, no_simulation

__all__ = ["from_generalised"]

Array = NDArray[np.float64]

_FAMILIES = {
    "Gaussian": "gaussian",
    "Binomial": "binomial",
    "Poisson": "poisson",
    "NegativeBinomial": "negative binomial",
    "Gamma": "gamma",
}
_LINKS = {
    "Identity": "identity",
    "Log": "log",
    "Logit": "logit",
    "Probit": "probit",
    "CLogLog": "cloglog",
    "InversePower": "inverse",
    "InverseSquared": "inverse_squared",
    "Sqrt": "sqrt",
}
_ONE_PARAMETER = {"Poisson", "Binomial", "NegativeBinomial"}


def from_generalised(fit: Any) -> FitView:
    """See a statsmodels GLM, GEE, count or binary model through the common protocol.

    Raises
    ------
    UnsupportedFitError
        For a model, family or link that is not known.
    """
    kind = type(fit.model).__name__
    if kind in {"GLM", "GEE"}:
        return _from_glm(fit)
    if kind in {"Poisson", "NegativeBinomial", "Logit", "Probit"}:
        return _from_discrete(fit)
    if kind in {"ZeroInflatedPoisson", "ZeroInflatedNegativeBinomialP"}:
        return _from_zero_inflated(fit)
    if kind == "TruncatedLFPoisson":
        return _from_truncated(fit)
    raise UnsupportedFitError(
        f"fit is a statsmodels {kind}, which no adapter knows; known are OLS, WLS, GLS, MixedLM, GLM, "
        "GEE, Poisson, NegativeBinomial, Logit, Probit, ZeroInflatedPoisson, ZeroInflatedNegativeBinomialP and "
        "TruncatedLFPoisson"
    )


def _family(fit: Any) -> Family:
    """Distribution and link of a GLM or GEE; the dispersion is the scale that the fit used."""
    name, link = type(fit.model.family).__name__, type(fit.model.family.link).__name__
    if name not in _FAMILIES or link not in _LINKS:
        raise UnsupportedFitError(
            f"the fit has statsmodels' family {name} with link {link}; known are the families "
            f"{', '.join(_FAMILIES)} and the links {', '.join(_LINKS)}"
        )
    size = 1 / float(fit.model.family.alpha) if name == "NegativeBinomial" else float("nan")
    return Family(_FAMILIES[name], _LINKS[link], dispersion=float(fit.scale), size=size)


def covariance_of(fit: Any) -> Array:
    """Covariance matrix of all estimates; NaN where the Hessian could not be inverted, so that there is none."""
    try:
        return np.asarray(fit.cov_params(), float)
    except ValueError:
        k = len(np.asarray(fit.params))
        return np.full((k, k), np.nan)


def _reached(fit: Any) -> tuple[bool, str]:
    """Whether the optimiser of a discrete model arrived, and what is wrong if it did not."""
    if not fit.mle_retvals.get("converged", True):
        return False, "statsmodels reports no convergence"
    if not np.isfinite(covariance_of(fit)).all():
        return False, "statsmodels could not invert the Hessian, so the estimates have no standard errors"
    return True, ""


def _from_glm(fit: Any) -> FitView:
    from .from_statsmodels import data_of, terms_of

    model = fit.model
    n = len(model.endog)
    kind = type(model).__name__
    family = _family(fit)
    offset = np.asarray(getattr(model, "_offset_exposure", 0.0), float) if kind == "GLM" else model.offset
    offset = np.broadcast_to(np.asarray(0.0 if offset is None else offset, float), (n,)).copy()
    weights = np.ones(n)
    if kind == "GLM":
        trials = getattr(model, "n_trials", None)
        weights = np.asarray(model.var_weights, float) * np.asarray(1.0 if trials is None else trials, float)
        if not np.all(np.asarray(model.freq_weights) == 1):
            raise UnsupportedFitError(
                "the GLM has freq_weights, rows that stand for several observations: repeat the rows "
                "instead, so that each has its own residual"
            )
    X, beta = np.asarray(model.exog, float), np.asarray(fit.params, float)
    mean = np.asarray(fit.fittedvalues, float)
    simulator = None
    if kind == "GEE":
        simulator = no_simulation(
            "a GEE gives the responses a mean and a working correlation but no distribution, so there is "
            "nothing to simulate from; fit a GLMM, or simulate from a model of your own and pass the array"
        )
    elif type(model.family).__name__ in _ONE_PARAMETER and abs(family.dispersion - 1) > 1e-12:
        simulator = no_simulation(
            "a quasi-likelihood fit (scale estimated) gives the responses no distribution, so there is "
            "nothing to simulate from; fit a negative binomial or beta-binomial model, or one with random "
            "effects"
        )
    return FitView(
        engine=f"statsmodels {kind}",
        response=str(model.endog_names) if isinstance(model.endog_names, str) else "response",
        observed=np.asarray(model.endog, float),
        fitted_marginal=mean,
        fitted_conditional=mean,
        X=X,
        x_names=tuple(r_name(name) for name in model.exog_names),
        beta=beta,
        vcov=covariance_of(fit),
        terms=(),
        family=family,
        weights=np.broadcast_to(weights, (n,)).copy(),
        offset=offset,
        loglik=float(fit.llf) if kind == "GLM" else float("nan"),
        converged=bool(fit.converged),
        message="" if fit.converged else "statsmodels reports that its optimiser did not converge",
        frame=data_of(model),
        simulator=simulator,
        refit=_glm_refit(model, family) if kind == "GLM" else None,
        x_terms=terms_of(model, X.shape[1]),
        without=_glm_without(model) if kind == "GLM" else None,
    )


def _glm_refit(model: Any, family: Family) -> Callable[[Array], FitView]:
    def refit(y: Array) -> FitView:
        trials = getattr(model, "n_trials", None)
        response: Array = y
        if family.name == "binomial" and trials is not None and np.any(np.asarray(trials) != 1):
            successes = np.rint(y * np.asarray(trials))
            response = np.column_stack([successes, np.asarray(trials) - successes])
        offset = getattr(model, "_offset_exposure", None)
        offset = None if offset is None else np.broadcast_to(np.asarray(offset, float), (len(y),))
        again = type(model)(
            response, model.exog, family=model.family, offset=offset, var_weights=model.var_weights
        )
        return _from_glm(again.fit())

    return refit


def _glm_without(model: Any) -> Callable[[NDArray[np.bool_]], FitView]:
    def without(keep: NDArray[np.bool_]) -> FitView:
        from .from_statsmodels import frame_without

        response, trials = np.asarray(model.endog, float), getattr(model, "n_trials", None)
        if trials is not None and np.any(np.asarray(trials) != 1):
            successes = np.rint(response * np.asarray(trials))
            response = np.column_stack([successes, np.asarray(trials) - successes])
        offset = getattr(model, "_offset_exposure", None)
        offset = None if offset is None else np.broadcast_to(np.asarray(offset, float), keep.shape)[keep]
        again = type(model)(
            response[keep],
            np.asarray(model.exog, float)[keep],
            family=model.family,
            offset=offset,
            var_weights=np.asarray(model.var_weights, float)[keep],
        )
        again.data.frame = frame_without(model, keep)
        return _from_glm(again.fit())

    return without


def _from_discrete(fit: Any) -> FitView:
    """Poisson, NegativeBinomial (NB1 excepted), Logit and Probit of statsmodels.discrete."""
    from .from_statsmodels import terms_of

    model = fit.model
    kind = type(model).__name__
    params, X = np.asarray(fit.params, float), np.asarray(model.exog, float)
    p, n = X.shape[1], len(model.endog)
    if kind == "NegativeBinomial" and getattr(model, "loglike_method", "nb2") != "nb2":
        raise UnsupportedFitError(
            "the NegativeBinomial is not of type nb2 (variance mu + alpha mu^2); refit it so"
        )
    family = {
        "Poisson": Family("poisson", "log"),
        "NegativeBinomial": Family(
            "negative binomial", "log", size=1 / params[-1] if len(params) > p else np.nan
        ),
        "Logit": Family("binomial", "logit"),
        "Probit": Family("binomial", "probit"),
    }[kind]
    offset = _discrete_offset(model, n)
    mean = family.inverse_link(X @ params[:p] + offset)

    def refit(y: Array) -> FitView:
        return _from_discrete(type(model)(y, X, offset=offset).fit(disp=0))

    return _discrete_view(fit, kind, family, mean, slice(p), refit=refit, x_terms=terms_of(model, p))


def _discrete_view(
    fit: Any, kind: str, family: Family, means: Array, fixed: slice, **further: Any
) -> FitView:
    """What all models of `statsmodels.discrete` have in common; `fixed` says which parameters are the coefficients."""
    from .from_statsmodels import data_of

    model, n = fit.model, len(fit.model.endog)
    converged, message = _reached(fit)
    return FitView(
        engine=f"statsmodels {kind}",
        response=str(model.endog_names),
        observed=np.asarray(model.endog, float),
        fitted_marginal=means,
        fitted_conditional=means,
        X=np.asarray(model.exog, float),
        x_names=tuple(r_name(name) for name in model.exog_names[fixed]),
        beta=np.asarray(fit.params, float)[fixed],
        vcov=covariance_of(fit)[fixed, fixed],
        terms=(),
        family=family,
        weights=np.ones(n),
        offset=_discrete_offset(model, n),
        loglik=float(fit.llf),
        converged=converged,
        message=message,
        frame=data_of(model),
        **further,
    )


def _discrete_offset(model: Any, n: int) -> Array:
    """Offset plus log exposure: statsmodels stores the exposure as its logarithm."""
    total = np.zeros(n)
    for name in ("offset", "exposure"):
        value = getattr(model, name, None)
        if value is not None:
            total = total + np.asarray(value, float)
    return np.asarray(total)


def _from_zero_inflated(fit: Any) -> FitView:
    """Zero-inflated counts: the fixed part is that of the counts, means and draws are of the mixture."""
    model = fit.model
    n, X = len(model.endog), np.asarray(model.exog, float)
    p, k = X.shape[1], int(model.k_inflate)
    params = np.asarray(fit.params, float)
    inflate, beta = params[:k], params[k : k + p]
    offset = _discrete_offset(model, n)
    negative = "Negative" in type(model).__name__
    if negative and int(model.model_main.parameterization) != 2:
        raise UnsupportedFitError("the ZeroInflatedNegativeBinomialP is not of type p=2 (NB2); refit it so")
    family = Family(
        "negative binomial" if negative else "poisson", "log", size=1 / params[-1] if negative else np.nan
    )
    link = {"logit": "logit", "probit": "probit"}[str(model.inflation)]
    zero = Family("binomial", link).inverse_link(np.asarray(model.exog_infl, float) @ inflate)
    counts = family.inverse_link(X @ beta + offset)

    def simulate(n_sim: int, rng: np.random.Generator, conditional: bool) -> Array:
        drawn = family.draw(np.broadcast_to(counts, (n_sim, n)), np.ones(n), rng)
        return np.ascontiguousarray(np.where(rng.random((n_sim, n)) < zero, 0.0, drawn).T)

    def refit(y: Array) -> FitView:
        extra = {"p": 2} if negative else {}
        again = type(model)(
            y, X, exog_infl=model.exog_infl, inflation=model.inflation, offset=offset, **extra
        )
        return _from_zero_inflated(again.fit(start_params=params, method="bfgs", disp=0, maxiter=500))

    return _discrete_view(
        fit,
        type(model).__name__,
        family,
        (1 - zero) * counts,
        slice(k, k + p),
        variance=(1 - zero) * (family.variance(counts) + zero * counts**2),
        simulator=simulate,
        refit=refit,
    )


def _from_truncated(fit: Any) -> FitView:
    """Poisson counts without zeros: draws are made from the rate before the cut, fitted means are those after it."""
    model = fit.model
    if int(model.trunc) != 0:
        raise UnsupportedFitError(
            f"the counts are cut at {model.trunc}; only those without zeros are known here"
        )
    X, beta = np.asarray(model.exog, float), np.asarray(fit.params, float)
    n = len(model.endog)
    offset = _discrete_offset(model, n)
    family = Family("truncated poisson", "log")
    location = family.inverse_link(X @ beta + offset)

    def simulate(n_sim: int, rng: np.random.Generator, conditional: bool) -> Array:
        return np.ascontiguousarray(family.draw(np.broadcast_to(location, (n_sim, n)), np.ones(n), rng).T)

    return _discrete_view(
        fit, "TruncatedLFPoisson", family, family.mean(location), slice(None), simulator=simulate
    )
