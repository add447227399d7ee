"""Intervals of linear functions of the fixed effects, by the method that the engine of a fit has for its tests."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.adapters import FitView, view
from mmhelpers.inference.estimate import as_estimate

__all__ = ["band"]

Array = NDArray[np.float64]

#: Takes a model of lmerTest and a matrix of contrasts by rows; gives the degrees of freedom.
_R = """
function(model, L, k) {
  L <- matrix(L, ncol = k, byrow = TRUE)
  sapply(seq_len(nrow(L)), function(i) lmerTest::contest1D(model, L[i, ])[["df"]])
}
"""


def band(fit: Any, L: Array, level: float) -> tuple[Array, Array]:
    """Give the ends of the pointwise intervals of L beta, on the scale of the linear predictor, shapes (c,).

    Satterthwaite's degrees of freedom for linear mixed models of mmhelpers and lmer, those of the residuals for linear
    models of statsmodels, quantiles of the draws for bambi, the normal distribution for everything else.
    """
    from scipy import stats

    seen = view(fit)
    if seen.engine == "bambi":
        from mmhelpers.adapters.from_bambi import fixed_draws

        draws = fixed_draws(fit) @ L.T
        low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        return low, high
    middle = L @ seen.beta
    se = np.sqrt(np.einsum("cp,pq,cq->c", L, seen.vcov, L))
    half = stats.t.ppf(0.5 + level / 2, _df(fit, seen, L)) * se
    return middle - half, middle + half


def _df(fit: Any, seen: FitView, L: Array) -> Array | float:
    if seen.engine == "mmhelpers":
        return np.asarray(as_estimate(fit).satterthwaite_df(L), float)
    if hasattr(fit, "r_model") and seen.linear and seen.random:
        from rpy2 import robjects
        from rpy2.robjects.conversion import localconverter

        with localconverter(robjects.default_converter):
            found = _function()(fit.r_model, robjects.FloatVector(L.ravel()), L.shape[1])
        return np.array(list(found), dtype=float)
    if seen.linear and not seen.random and getattr(fit, "use_t", False):
        return float(fit.df_resid)
    return np.inf


@functools.cache
def _function() -> Any:
    from rpy2 import robjects

    return robjects.r(_R)
