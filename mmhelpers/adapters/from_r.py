"""R's fits as `FitView`, through rpy2: pymer4's models; lm, glm, lmer, glmer, gls, lme, glmmTMB, gamm4.

The R side (`describe.R`) takes a fit apart into plain vectors; this side puts them into the record. Nothing
is simulated in R unless it must be, so that one NumPy generator governs all randomness.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .families import Family
from .view import WEIGHTED, FitView, RandomTerm, RefitError, Simulator, UnsupportedFitError, no_simulation

__all__ = ["from_pymer4", "from_r"]

Array = NDArray[np.float64]

_FAMILIES = {
    "gaussian": "gaussian",
    "binomial": "binomial",
    "poisson": "poisson",
    "Gamma": "gamma",
    "nbinom2": "negative binomial",
    "nbinom1": "negative binomial 1",
    "beta": "beta",
    "betabinomial": "beta-binomial",
    "truncated_poisson": "truncated poisson",
    "truncated_nbinom2": "truncated negative binomial",
}
_LINKS = {"1/mu^2": "inverse_squared"}


@functools.cache
def _function(name: str) -> Any:
    """Read an R function of this package, once."""
    from rpy2 import robjects

    return robjects.r(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    """Give an R value as dict, list of str, or array, without rpy2's converters (pymer4 changes them)."""
    from rpy2 import rinterface as ri

    if isinstance(value, ri.ListSexpVector):
        names = value.names
        if names is ri.NULL or len(value) == 0:
            return [_plain(item) for item in value]
        return {str(name): _plain(item) for name, item in zip(names, value, strict=True)}
    if isinstance(value, ri.StrSexpVector):
        return ["" if item is ri.NA_Character else str(item) for item in value]
    if isinstance(value, ri.NULLType):
        return []
    array = np.array(value, copy=True)
    if isinstance(value, ri.IntSexpVector | ri.BoolSexpVector | ri.FloatSexpVector):
        dim = value.do_slot("dim") if "dim" in value.list_attrs() else None
        # R stores matrices by column
        array = np.array(list(value), dtype=float).reshape(tuple(dim) if dim is not None else -1, order="F")
    return array


def from_r(fit: Any, frame: Any = None) -> FitView:
    """See an R fit held by rpy2 (lm, glm, lmer, glmer, gls, lme, glmmTMB, gamm4) through the common protocol.

    Parameters
    ----------
    fit : rpy2 object
        The fit.
    frame : pandas.DataFrame, optional
        Data it was fitted to, for variables that are not in the model.

    Raises
    ------
    UnsupportedFitError
        For an R class that is not known here, or a family that cannot be simulated.
    """
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        parts = _plain(_function("describe.R")(fit))
    if parts["class"][0] == "gamm":
        raise UnsupportedFitError(
            "fit is what mgcv::gamm gives, an lme and a gam. It is not read: its lme holds every curve as a grouping "
            "factor, and for other responses than gaussian ones it is only the last step of a penalised "
            "quasi-likelihood, which has no distribution to simulate from. Fit the same curves with gamm4::gamm4; or, "
            "for errors with a correlation or a variance structure, with nlme::lme and splines::ns"
        )
    if "unknown" in parts:
        raise UnsupportedFitError(
            f"fit is an R object of class {parts['class'][0]!r}; known are lm, glm, lme4's lmerMod and "
            "glmerMod, nlme's gls and lme, glmmTMB, and gamm4's list of a mer and a gam"
        )
    kind = parts["class"][0]
    home = {"gls": "nlme", "lme": "nlme", "lm": "R", "glm": "R", "negbin": "R", "glmmTMB": "R", "gamm4": "R"}
    seen = _assemble(parts, f"{home.get(kind, 'lme4')} {kind}", frame)

    def again(y: Array, keep: NDArray[np.bool_], frame: Any) -> FitView:
        from rpy2.rinterface_lib.embedded import RRuntimeError

        with localconverter(robjects.default_converter):
            try:
                fitted = _function("refit.R")(
                    fit,
                    robjects.FloatVector(np.asarray(y, float)),
                    robjects.BoolVector([bool(k) for k in keep]),
                )
            except RRuntimeError as error:
                raise RefitError(f"{seen.engine} could not fit the model again: {error}") from error
            parts = _plain(_function("describe.R")(fitted))
        if len(parts["x_names"]) == len(seen.x_names):
            parts["x_names"] = list(seen.x_names)
        parts["response"], parts["rows"], parts["frame"] = [seen.response], [], []
        return _assemble(parts, seen.engine, frame)

    def refit(y: Array) -> FitView:
        return again(y, np.ones(seen.nobs, dtype=bool), seen.frame)

    def without(keep: NDArray[np.bool_]) -> FitView:
        return again(seen.observed, keep, None if seen.frame is None else seen.frame[keep])

    return replace(
        seen,
        refit=refit,
        refit_many=_laplace(seen, refit, bool(parts.get("laplace", [False])[0])),
        without=None if kind == "gamm4" else without,
    )


def _laplace(
    seen: FitView, refit: Callable[[Array], FitView], laplace: bool
) -> Callable[[Array], tuple[Array, Array]] | None:
    """Refit many responses at once, where the engine's own approximation is known here: see `laplace`."""
    by_laplace = laplace and seen.engine in {"lme4 glmerMod", "R glmmTMB"}
    canonical = (seen.family.name, seen.family.link) in {("poisson", "log"), ("binomial", "logit")}
    if not by_laplace or not canonical or len(seen.terms) != 1 or seen.simulator is not None:
        return None
    term = seen.terms[0]
    if term.z.shape[1] != 1 or not (term.z == 1).all():
        return None
    from .laplace import InterceptModel

    model = InterceptModel(seen.family.name, seen.X, term.index, seen.offset, seen.weights)

    def refit_many(Y: Array) -> tuple[Array, Array]:
        fits = model.fit(np.asarray(Y, float).T, seen.beta, float(np.sqrt(term.cov[0, 0])))
        means = fits.means.T.copy()
        for k in np.flatnonzero(~fits.converged):  # to the engine, which says so if it cannot either
            means[:, k] = refit(np.asarray(Y, float)[:, k]).fitted(True)
        return means, np.ones(means.shape[1])

    return refit_many


def from_pymer4(fit: Any) -> FitView:
    """See a pymer4 model (lm, glm, lmer, glmer) through the common protocol.

    Raises
    ------
    UnsupportedFitError
        If the model has not been fitted.
    """
    if getattr(fit, "r_model", None) is None:
        raise UnsupportedFitError("fit is a pymer4 model that has not been fitted: call its .fit() first")
    frame = fit.data.select([c for c in fit._data_cols if c in fit.data.columns]).to_pandas()
    return from_r(fit.r_model, frame)


def _assemble(parts: dict[str, Any], engine: str, frame: Any) -> FitView:
    import pandas as pd

    y, X = parts["y"], parts["X"].reshape(len(parts["y"]), -1)
    n = len(y)
    beta, offset = parts["beta"], parts["offset"]
    terms = tuple(_term(part, n) for part in parts["terms"])
    if parts.get("uneven", [0])[0]:
        raise UnsupportedFitError(
            f"the glmmTMB fit has a dispersion of its own for each row (a dispformula) and the family "
            f"{parts['family'][0]!r}; such dispersions are read of gaussian fits only"
        )
    family = _family(parts)
    model_frame = pd.DataFrame(parts["frame"]) if parts["frame"] else None
    correlation = parts.get("correlation")
    zero = np.asarray(parts.get("zero", []), float)
    inside = 1 - zero if len(zero) else 1.0  # share of the responses that are not extra zeros
    seen = FitView(
        engine=engine,
        response=parts["response"][0],
        observed=y,
        fitted_marginal=inside * family.inverse_link(X @ beta + offset + _curves(terms, n)),
        fitted_conditional=inside * parts["fitted"],
        X=X,
        x_names=tuple(parts["x_names"]),
        x_terms=tuple(parts.get("x_terms", [])),
        beta=beta,
        vcov=np.asarray(parts["vcov"]).reshape(len(beta), len(beta)),
        terms=terms,
        family=family,
        weights=parts["weights"],
        offset=offset,
        loglik=float(parts["loglik"][0]),
        reml=bool(parts["reml"][0]),
        converged=not parts["messages"],
        message="; ".join(parts["messages"]),
        frame=_data(frame, parts["rows"], n, model_frame),
        correlation=np.reshape(correlation, (n, n)) if correlation is not None and len(correlation) else None,
    )
    if parts.get("likelihood_weights", [0])[0]:
        return replace(seen, simulator=no_simulation(WEIGHTED))
    if family.truncated:
        # what is drawn is cut at zero: draws need the means before the cut, readers those after it
        location = family.inverse_link(X @ beta + offset)
        modes = sum((term.contribution(term.modes) for term in terms), np.zeros(n))
        conditional = family.inverse_link(X @ beta + offset + modes)
        counts = replace(seen, fitted_marginal=location, fitted_conditional=conditional)
        marginal, conditional = inside * family.mean(location), inside * family.mean(conditional)
        return replace(
            seen,
            fitted_marginal=marginal,
            fitted_conditional=conditional,
            simulator=_with_zeros(counts, zero if len(zero) else np.zeros(n)),
        )
    if not len(zero):
        return seen
    counts = replace(seen, fitted_marginal=seen.fitted_marginal / inside, fitted_conditional=parts["fitted"])
    mu = np.asarray(parts["fitted"], float)
    spread = (1 - zero) * (family.variance(mu, seen.weights) + zero * mu**2)
    return replace(seen, simulator=_with_zeros(counts, zero), variance=spread)


def _with_zeros(counts: FitView, zero: Array) -> Simulator:
    """Simulate a zero-inflated model: its counts, set to zero with probability `zero`."""

    def simulate(n_sim: int, rng: np.random.Generator, conditional: bool) -> Array:
        drawn = counts.simulate(n_sim, rng, conditional)
        return np.where(rng.random(drawn.shape) < zero[:, None], 0.0, drawn)

    return simulate


def _term(part: dict[str, Any], n: int) -> RandomTerm:
    k = len(part["columns"])
    return RandomTerm(
        group=part["group"][0],
        levels=tuple(part["levels"]),
        index=part["index"].astype(np.intp) - 1,  # R counts from 1
        columns=tuple(part["columns"]),
        z=part["z"].reshape(n, k),
        cov=part["cov"].reshape(k, k),
        modes=part["modes"].reshape(-1, k),
        smooth="smooth" in part,
    )


def _curves(terms: tuple[RandomTerm, ...], n: int) -> Array:
    """Smooth curves at their estimates, on the scale of the linear predictor."""
    return sum((term.contribution(term.modes) for term in terms if term.smooth), np.zeros(n))


def _family(parts: dict[str, Any]) -> Family:
    name, link = parts["family"][0], parts["link"][0]
    dispersion = float(parts["sigma"][0]) ** 2
    if name.startswith("Negative Binomial"):
        return Family("negative binomial", _LINKS.get(link, link), size=float(parts["theta_nb"][0]))
    if name not in _FAMILIES:
        raise UnsupportedFitError(
            f"the fit has R's family {name!r}, which defines no distribution known here; known are "
            + ", ".join([*_FAMILIES, "negative.binomial"])
        )
    if name in {"nbinom2", "nbinom1", "beta", "betabinomial", "truncated_nbinom2"}:
        # glmmTMB's sigma is the size, phi or precision
        return Family(_FAMILIES[name], _LINKS.get(link, link), size=float(parts["sigma"][0]))
    one = _FAMILIES[name] in {"binomial", "poisson", "truncated poisson"}
    return Family(_FAMILIES[name], _LINKS.get(link, link), dispersion=1.0 if one else dispersion)


def _data(frame: Any, rows: list[str], n: int, model_frame: Any) -> Any:
    """Give the data of the rows used: the user's where its rows can be told apart, or the model frame.

    R's row names count from 1, or from 0 where the data came through pandas: the columns that both frames
    have tell which.
    """
    if frame is None or model_frame is None:
        return model_frame if frame is None else frame
    try:
        names = np.array([int(row) for row in rows])
    except ValueError:
        return model_frame
    common = [name for name in model_frame.columns if name in frame.columns]
    for start in (0, 1):
        positions = names - start
        if len(positions) != n or positions.min() < 0 or positions.max() >= len(frame) or not common:
            continue
        chosen = frame.iloc[positions].reset_index(drop=True)
        if all(_same(chosen[name], model_frame[name]) for name in common):
            return chosen
    return model_frame


def _same(left: Any, right: Any) -> bool:
    """Whether two columns hold the same values, as numbers where they are numbers and as text elsewhere."""
    try:
        return bool(np.allclose(np.asarray(left, float), np.asarray(right, float), equal_nan=True))
    except (TypeError, ValueError):
        return bool(np.array_equal(np.asarray(left).astype(str), np.asarray(right).astype(str)))
