"""bambi's models as `FitView`: posterior means for estimates, the posterior predictive for simulations."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .families import Family
from .names import r_name, r_term
from .view import FitView, RandomTerm, Simulator, UnsupportedFitError

__all__ = ["from_bambi", "is_bambi"]

Array = NDArray[np.float64]

#: bambi's families that have a name here; the others are described by draws of their posterior predictive.
_FAMILIES = {
    "gaussian": "gaussian",
    "poisson": "poisson",
    "bernoulli": "binomial",
    "binomial": "binomial",
    "negativebinomial": "negative binomial",
    "gamma": "gamma",
    "beta": "beta",
}
_MEAN_DRAWS = 1000  # posterior predictive draws that stand for the mean of a family without a formula here
RHAT = 1.01  # Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 4


def is_bambi(fit: Any) -> bool:
    """Whether `fit` is a bambi model, or the pair (model, draws)."""
    first = fit[0] if isinstance(fit, tuple) and len(fit) == 2 else fit
    return type(first).__module__.partition(".")[0] == "bambi"


def from_bambi(fit: Any) -> FitView:
    """See a bambi model with its draws through the common protocol.

    Parameters
    ----------
    fit : tuple (bambi.Model, arviz.InferenceData)
        The model, and what its ``.fit()`` gave.

    Returns
    -------
    FitView
        Estimates are posterior means (`vcov` the posterior covariance); fitted values are at the posterior means of
        the effects. `simulate` draws from the posterior predictive distribution: each simulation takes one draw of
        all parameters, so that its spread holds their uncertainty too; unless `conditional`, the group-specific
        effects are drawn anew from the normal distribution that this draw gives them.

    Raises
    ------
    UnsupportedFitError
        If the draws are missing or are not of this model, or the model has parts that are not known here.
    """
    if not isinstance(fit, tuple):
        raise UnsupportedFitError(
            "fit is a bambi Model, which does not keep its draws: pass the pair (model, idata), where "
            "idata = model.fit()"
        )
    model, idata = fit
    posterior = getattr(idata, "posterior", None)
    if posterior is None:
        raise UnsupportedFitError(
            f"the second of the pair is a {type(idata).__name__} without posterior draws; it must be what "
            "model.fit() gave"
        )
    component = model.components[model.family.likelihood.parent]
    if getattr(component, "hsgp_terms", None):
        raise UnsupportedFitError("the bambi model has HSGP terms; known are common and group-specific terms")
    response = model.response_component.term
    data = np.asarray(response.data, float)
    if data.ndim > 2 or (data.ndim == 2 and model.family.name not in {"binomial", "beta_binomial"}):
        raise UnsupportedFitError(
            f"the response {response.name!r} of the bambi model is not one number a row (censored, truncated, "
            "weighted or of several categories)"
        )
    trials = data[:, 1] if data.ndim == 2 else np.ones(len(data))
    observed = data[:, 0] / trials if data.ndim == 2 else data
    n = len(observed)
    X, names, x_terms, beta, offset = _common(component, posterior, n)
    terms = tuple(_term(term, posterior, n) for term in component.group_specific_terms.values())
    eta = X @ beta.mean(axis=0) + offset
    eta_b = eta + sum((term.contribution(term.modes) for term in terms), np.zeros(n))
    simulator = _simulator(model, idata, trials)
    family, weights, variance = _family(model, idata, trials, n)
    if variance is None:
        marginal, conditional = family.inverse_link(eta), family.inverse_link(eta_b)
    else:  # the mean has no formula here
        draws = simulator(_MEAN_DRAWS, np.random.default_rng(1), True)
        conditional, variance = draws.mean(axis=1), draws.var(axis=1, ddof=1)
        marginal = conditional if not terms else _without_groups(model, idata, trials)
    converged, message = _convergence(idata, component)
    return FitView(
        engine="bambi",
        response=str(response.name),
        observed=observed,
        fitted_marginal=marginal,
        fitted_conditional=conditional,
        X=X,
        x_names=names,
        beta=beta.mean(axis=0),
        vcov=np.atleast_2d(np.cov(beta, rowvar=False)),
        terms=terms,
        family=family,
        weights=weights,
        offset=offset,
        converged=converged,
        message=message,
        frame=_rows_used(model, n),
        variance=variance,
        simulator=simulator,
        x_terms=x_terms,
    )


def _rows_used(model: Any, n: int) -> Any:
    """Data of the rows that were used, without those that bambi dropped for missing values; None if they cannot be told."""
    frame = getattr(model, "data", None)
    if frame is None:
        return None
    if len(frame) != n:
        words = set(re.findall(r"\w+", str(model.formula)))
        named = [name for name in frame.columns if name in words]
        frame = frame[frame[named].notna().all(axis=1)]
    return frame.reset_index(drop=True) if len(frame) == n else None


def fixed_draws(fit: Any) -> Array:
    """Posterior draws of the common effects of a pair (model, idata), shape (draws, p), in the order of `x_names`."""
    model, idata = fit
    component = model.components[model.family.likelihood.parent]
    return _common(component, idata.posterior, len(np.asarray(model.response_component.term.data)))[3]


def _draws(posterior: Any, name: str, of: str) -> Array:
    """Draws of a variable, shape (draws, ...)."""
    if name not in posterior:
        raise UnsupportedFitError(f"the draws have no {name!r}, which {of} has: they are not of this model")
    values = np.asarray(posterior[name].transpose("chain", "draw", ...), float)
    return values.reshape(-1, *values.shape[2:])


def _label(term: Any) -> str:
    return str(getattr(term, "alias", None) or term.name)


def _common(
    component: Any, posterior: Any, n: int
) -> tuple[Array, tuple[str, ...], tuple[str, ...], Array, Array]:
    """Design, names, draws (S, p) of the common effects, and the offset."""
    design = component.design.common
    X, names, beta = [], [], []
    x_terms: list[str] = []
    offset = np.zeros(n)
    if design is not None:
        matrix = np.asarray(design.design_matrix, float)
        for name in component.offset_terms:
            offset += matrix[:, design.slices[name]].sum(axis=1)
        wanted = dict(component.common_terms)
        if component.intercept_term:
            wanted = {"Intercept": component.intercept_term, **wanted}
        for name, term in wanted.items():
            columns = matrix[:, design.slices[name]]
            draws = _draws(posterior, _label(term), "the model")
            X.append(columns)
            beta.append(draws.reshape(len(draws), -1))
            x_terms += [r_term(name)] * columns.shape[1]
            labels = list(getattr(design.terms[name], "labels", None) or [name])
            names += labels if len(labels) == columns.shape[1] else [name] * columns.shape[1]
    if not X:
        count = int(posterior.sizes["chain"] * posterior.sizes["draw"])
        return np.zeros((n, 0)), (), (), np.zeros((count, 0)), offset
    return np.hstack(X), tuple(r_name(name) for name in names), tuple(x_terms), np.hstack(beta), offset


def _term(term: Any, posterior: Any, n: int) -> RandomTerm:
    """One group-specific term: independent effects of the columns of its expression for each group."""
    expression, factor = str(term.name).split("|")
    predictor = np.asarray(term.predictor, float).reshape(n, -1)
    sd = _group_sd(term, posterior).mean(axis=0)
    levels = tuple(str(level) for level in term.groups)
    k = predictor.shape[1]
    effects = _effects(term, posterior).mean(axis=0).reshape(len(levels), k)
    columns = tuple(r_name(str(c)) for c in (getattr(term.term.expr, "labels", None) or [expression]))
    return RandomTerm(
        group=factor,
        levels=levels,
        index=np.asarray(term.group_index, np.intp),
        columns=columns if len(columns) == k else tuple(f"{expression}[{j}]" for j in range(k)),
        z=predictor,
        cov=np.diag(np.broadcast_to(sd**2, (k,))),
        modes=effects,
    )


def _effects(term: Any, posterior: Any) -> Array:
    """Draws of group-specific effects, shape (draws, l) or (draws, l, k)."""
    array = posterior[_label(term)]
    factor = next(dim for dim in array.dims if str(dim).endswith("__factor_dim"))
    return np.asarray(
        array.transpose("chain", "draw", factor, ...).to_numpy().reshape(-1, *_shape(array, factor)), float
    )


def _shape(array: Any, factor: str) -> tuple[int, ...]:
    rest = [d for d in array.dims if d not in {"chain", "draw", factor}]
    return (int(array.sizes[factor]), *(int(array.sizes[d]) for d in rest))


def _group_sd(term: Any, posterior: Any) -> Array:
    """Draws of the effects' standard deviation, shape (draws,) or (draws, k)."""
    sigma = term.prior.args.get("sigma") if term.prior.name == "Normal" else None
    if sigma is None or np.any(np.asarray(term.prior.args.get("mu", 0.0), float) != 0):
        raise UnsupportedFitError(
            f"the group-specific term {term.name!r} has the prior {term.prior}; known is Normal(0, sigma)"
        )
    if isinstance(sigma, int | float | np.ndarray):
        draws = int(posterior.sizes["chain"] * posterior.sizes["draw"])
        return np.broadcast_to(np.asarray(sigma, float), (draws, *np.shape(sigma))).copy()
    alias = term.hyperprior_alias.get("sigma", "sigma")
    return _draws(posterior, f"{_label(term)}_{alias}", f"the term {term.name!r}")


def _family(model: Any, idata: Any, trials: Array, n: int) -> tuple[Family, Array, Array | None]:
    """Distribution at the posterior means, weights, and variances (an empty array: to be simulated)."""
    name, posterior = str(model.family.name), idata.posterior
    link = model.family.link[model.family.likelihood.parent]
    link_name = str(getattr(link, "name", link))
    own = [part for part in model.distributional_components if part != model.family.likelihood.parent]
    ones = np.ones(n)
    if name == "gaussian" and own == ["sigma"]:
        draws = np.asarray(
            _thinned(model, idata, 400, np.random.default_rng(1), True, params=True)["sigma"], float
        )
        variance = (draws.reshape(-1, draws.shape[-1]) ** 2).mean(axis=0)
        return (
            Family("gaussian", link_name, dispersion=float(variance.mean())),
            variance.mean() / variance,
            None,
        )
    if name not in _FAMILIES or own:
        return Family(name.replace("_", " "), link_name), trials, np.empty(0)
    auxiliary = {"gaussian": "sigma", "negativebinomial": "alpha", "gamma": "alpha", "beta": "kappa"}.get(
        name
    )
    value = float("nan")
    if auxiliary is not None:
        part = model.components[auxiliary]
        label = str(getattr(part, "alias", None) or auxiliary)
        constant = getattr(part, "prior", None)
        value = (
            float(constant)
            if isinstance(constant, int | float)
            else float(_draws(posterior, label, "the family").mean())
        )
    known = _FAMILIES[name]
    if name == "gaussian":
        return Family(known, link_name, dispersion=value**2), ones, None
    if name == "gamma":
        return Family(known, link_name, dispersion=1 / value), ones, None
    return Family(known, link_name, size=value), trials, None


def _thinned(
    model: Any, idata: Any, n_sim: int, rng: np.random.Generator, conditional: bool, params: bool = False
) -> Any:
    """Predict from `n_sim` draws of the posterior, the effects of the groups drawn anew if not `conditional`."""
    import arviz as az

    posterior = idata.posterior
    total = int(posterior.sizes["chain"] * posterior.sizes["draw"])
    chosen = rng.choice(total, n_sim, replace=n_sim > total)
    stacked = posterior.stack(sample=("chain", "draw")).isel(sample=chosen)
    small = stacked.drop_vars(["sample", "chain", "draw"]).rename(sample="draw").expand_dims("chain")
    small = small.assign_coords(chain=[0], draw=np.arange(n_sim)).transpose("chain", "draw", ...)
    if not conditional:
        for component in model.components.values():
            for term in getattr(component, "group_specific_terms", {}).values():
                small[_label(term)] = _new_effects(term, small, rng)
    again: Any = az.InferenceData(posterior=small)
    seed = int(rng.integers(2**31))
    model.predict(again, kind="response_params" if params else "response", inplace=True, random_seed=seed)
    if params:
        return again.posterior
    return again.posterior_predictive[_label(model.response_component.term)]


def _new_effects(term: Any, posterior: Any, rng: np.random.Generator) -> Any:
    """Effects of new groups: Normal(0, sigma) with the sigma of each draw."""
    import xarray as xr

    array = posterior[_label(term)]
    sd = _group_sd(term, posterior)
    factor = next(dim for dim in array.dims if str(dim).endswith("__factor_dim"))
    ordered = array.transpose("chain", "draw", factor, ...)
    scale = sd.reshape(1, len(sd), 1, *sd.shape[1:])
    values = rng.standard_normal(ordered.shape) * scale
    return xr.DataArray(values, dims=ordered.dims, coords=ordered.coords)


def _simulator(model: Any, idata: Any, trials: Array) -> Simulator:
    def simulate(n_sim: int, rng: np.random.Generator, conditional: bool) -> Array:
        drawn = _thinned(model, idata, n_sim, rng, conditional)
        values = np.asarray(drawn.transpose("chain", "draw", ...), float).reshape(n_sim, -1)
        return np.ascontiguousarray(values.T / trials[:, None])

    return simulate


def _without_groups(model: Any, idata: Any, trials: Array) -> Array:
    """Posterior predictive mean with all group-specific effects at zero."""
    zero = idata.posterior.copy()
    for component in model.components.values():
        for term in getattr(component, "group_specific_terms", {}).values():
            zero[_label(term)] = zero[_label(term)] * 0.0
    import arviz as az

    still = az.InferenceData(posterior=zero)
    draws = _simulator(model, still, trials)(_MEAN_DRAWS, np.random.default_rng(1), True)
    return np.asarray(draws.mean(axis=1))


def _convergence(idata: Any, component: Any) -> tuple[bool, str]:
    """Whether the chains agree (R-hat) and none of the steps diverged."""
    posterior = idata.posterior
    said = []
    if int(posterior.sizes["chain"]) > 1:
        import arviz

        az: Any = arviz
        parameters = [name for name in posterior.data_vars if "__obs__" not in posterior[name].dims]
        rhat = az.rhat(posterior[parameters])
        worst = max(float(np.nanmax(rhat[name])) for name in parameters)
        if worst > RHAT:
            said.append(
                f"the chains do not agree yet: the largest R-hat is {worst:.3f}, above {RHAT}; draw more"
            )
    stats = getattr(idata, "sample_stats", None)
    if stats is not None and "diverging" in stats:
        diverging = int(np.asarray(stats["diverging"]).sum())
        if diverging:
            said.append(f"{diverging} draws diverged: raise target_accept")
    return not said, "; ".join(said)
