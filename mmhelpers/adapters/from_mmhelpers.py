"""Fits of mmhelpers itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import fit_matrices

from .families import Family
from .view import Array, FitView, RandomTerm, UnsupportedFitError


def from_mmhelpers(fit: Any) -> FitView:
    """See a fit of `mmhelpers.fit`.

    Raises
    ------
    UnsupportedFitError
        For another object of this package, which is no fit to one data set.
    """
    if type(fit).__name__ == "LogisticFits":
        raise UnsupportedFitError(
            "fit is a LogisticFits, made for many data sets at once, and keeps no responses: pass yours and simulated "
            "ones, quantile_residuals(y, fits.simulate(250, rng=rng).T), or fit with R's glmer (fit_in_r)"
        )
    if not (hasattr(fit, "matrices") and hasattr(fit, "fits")):
        raise UnsupportedFitError(
            f"fit is a {type(fit).__name__}, which is not a fit to one data set; pass what mm.fit, mm.fit_gls, mm.nlme or "
            "mm.fit_in_r gives"
        )
    matrices, fits = fit.matrices, fit.fits
    n, sigma = matrices.n, float(fits.sigma[0])
    offset = np.zeros(n) if matrices.offset is None else np.asarray(matrices.offset, float)
    modes = [block[0] for block in fits.modes()] if matrices.terms else []
    blocks = [
        term.block(part) for term, part in zip(matrices.terms, matrices.split_theta(fit.theta), strict=True)
    ]
    terms = tuple(
        RandomTerm(
            group=term.group,
            levels=term.levels,
            index=term.index,
            columns=term.columns,
            z=term.z,
            cov=sigma**2 * (block @ block.T),
            modes=mode,
        )
        for term, block, mode in zip(matrices.terms, blocks, modes, strict=True)
    )
    beta = fits.beta[0]
    marginal = matrices.X @ beta + offset

    def refit(response: Array) -> FitView:
        again = fit_matrices(replace(matrices, y=response), response, fit.reml)
        return from_mmhelpers(type(fit)(again, fit.data.assign(**{matrices.response: response})))

    def refit_many(Y: Array) -> tuple[Array, Array]:
        fitted = fit_matrices(matrices, np.asarray(Y, float).T, fit.reml)
        means = fitted.beta @ matrices.X.T + offset
        if matrices.terms:
            for term, block in zip(terms, fitted.modes() if fitted.modes else (), strict=True):
                means = means + term.contribution(np.asarray(block))
        return np.ascontiguousarray(means.T), np.asarray(fitted.sigma) ** 2

    def without(keep: NDArray[np.bool_]) -> FitView:
        from mmhelpers.fitting import fit as fit_again

        return from_mmhelpers(fit_again(matrices.formula, fit.data[keep], reml=fit.reml))

    return FitView(
        engine="mmhelpers",
        response=matrices.response,
        observed=np.asarray(matrices.y, float),
        fitted_marginal=marginal,
        fitted_conditional=marginal + sum((term.contribution(term.modes) for term in terms), np.zeros(n)),
        X=matrices.X,
        x_names=matrices.x_names,
        beta=beta,
        vcov=fits.vcov[0],
        terms=terms,
        family=Family("gaussian", "identity", dispersion=sigma**2),
        weights=np.ones(n),
        offset=offset,
        loglik=fit.loglik,
        reml=fit.reml,
        converged=fit.converged,
        message=fit.message,
        frame=fit.data,
        refit=refit,
        refit_many=refit_many,
        x_terms=tuple("(Intercept)" if a == 0 else matrices.x_terms[a - 1] for a in matrices.assign),
        without=without,
    )
