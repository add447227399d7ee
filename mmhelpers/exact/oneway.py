"""The balanced one-way layout: estimators, their bias, and the probability of a singular fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mmhelpers.exact.common import Float, Method, as_array, as_result, choice


@dataclass(frozen=True)
class AnovaEstimates:
    """Variance components of a balanced one-way layout by three methods.

    Attributes
    ----------
    mean : ndarray of shape (...)
        Grand mean.
    ms_between, ms_within : ndarray of shape (...)
        Mean squares MSB (k - 1 df) and MSE (k (n - 1) df).
    tau2, sigma2 : dict of str to ndarray of shape (...)
        Between-group and residual variance by method: ``"ANOVA"`` (tau2 may be negative),
        ``"REML"``, ``"ML"``.
    singular : dict of str to ndarray of bool of shape (...)
        Whether tau2 is on (for ANOVA: beyond) the boundary of zero.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> dye = mm.load("Dyestuff")["Yield"].to_numpy().reshape(6, 5)
    >>> found = mm.exact.anova_estimators(dye)
    >>> round(float(found.tau2["REML"]), 1), bool(found.singular["REML"])
    (1764.0, False)
    """

    mean: Any
    ms_between: Any
    ms_within: Any
    tau2: dict[str, Any]
    sigma2: dict[str, Any]
    singular: dict[str, Any]


def anova_estimators(y: ArrayLike) -> AnovaEstimates:
    """Estimate the variance components of a balanced one-way layout by ANOVA, REML and ML.

    Parameters
    ----------
    y : array_like of shape (..., k, n)
        Responses: k groups of n observations; leading axes are separate data sets.

    Returns
    -------
    AnovaEstimates
        With arrays of the leading shape.

    Notes
    -----
    ANOVA equates mean squares with their expectations, E MSB = sigma2 + n tau2 and E MSE = sigma2.  REML
    gives the same where MSB > MSE; otherwise tau2 = 0 and sigma2 is the total sum of squares over kn - 1.  ML
    divides the between sum of squares by k instead of k - 1, and the total one by kn (Searle, Casella &
    McCulloch 1992, sec. 3.7-3.8).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> est = mm.exact.anova_estimators([[1, 2, 3], [4, 5, 6], [7, 8, 12]])
    >>> round(est.tau2["REML"], 3), round(est.tau2["ML"], 3), est.sigma2["REML"]
    (11.333, 7.222, 3.0)
    """
    try:
        data = np.asarray(y, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError("y must be numbers, of shape (..., groups, observations per group)") from error
    if data.ndim < 2 or data.shape[-2] < 2 or data.shape[-1] < 2:
        raise ValueError(
            f"y must have at least 2 groups of 2 observations in its last two axes; got {data.shape}"
        )
    if not np.isfinite(data).all():
        raise ValueError("y must be finite: a missing value makes the layout unbalanced; fit it with mm.fit")
    k, n = data.shape[-2:]
    group = data.mean(axis=-1)
    mean = group.mean(axis=-1)
    ssb = n * np.sum((group - mean[..., None]) ** 2, axis=-1)
    sse = np.sum((data - group[..., None]) ** 2, axis=(-2, -1))
    msb, mse = ssb / (k - 1), sse / (k * (n - 1))
    total = ssb + sse
    tau2, sigma2, singular = {}, {}, {}
    for method, between, pooled_df in (("ANOVA", msb, 0), ("REML", msb, k * n - 1), ("ML", ssb / k, k * n)):
        at_zero = between <= mse
        pool = at_zero & (pooled_df > 0)
        tau2[method] = as_result(np.where(pool, 0.0, (between - mse) / n))
        sigma2[method] = as_result(np.where(pool, total / max(pooled_df, 1), mse))
        singular[method] = bool(at_zero) if at_zero.ndim == 0 else at_zero
    return AnovaEstimates(as_result(mean), as_result(msb), as_result(mse), tau2, sigma2, singular)


def _oneway(
    n_groups: ArrayLike, n_obs: ArrayLike, tau2: ArrayLike, sigma2: ArrayLike, method: str
) -> tuple[Float, Float, Float, Float, Float]:
    """Check, broadcast, and return k, n, tau2, sigma2 and the number that SSB is divided by."""
    choice("method", method, ("ANOVA", "REML", "ML"))
    k, n, t, s = np.broadcast_arrays(
        as_array("n_groups", n_groups, 2, strict=False, integer=True),
        as_array("n_obs", n_obs, 2, strict=False, integer=True),
        as_array("tau2", tau2, 0, strict=False),
        as_array("sigma2", sigma2, 0, strict=True),
    )
    return k, n, t, s, (k if method == "ML" else k - 1)


def prob_singular(
    n_groups: ArrayLike, n_obs: ArrayLike, tau2: ArrayLike, sigma2: ArrayLike, method: Method = "REML"
) -> Any:
    r"""Probability that the between-group variance is estimated at zero (a singular fit).

    Parameters
    ----------
    n_groups, n_obs : int or array_like
        Groups k and observations per group n, at least 2 each.
    tau2, sigma2 : float or array_like
        True between-group and residual variance.
    method : {"REML", "ML", "ANOVA"}
        Estimator (for ANOVA: the probability of an estimate that is not positive; the same as REML's).

    Returns
    -------
    float or ndarray
        Probability.

    Notes
    -----
    The estimate is zero where SSB / d <= MSE, with d = k - 1 (REML) or k (ML), so

    .. math:: P = P\left\{F_{k-1,\,k(n-1)} \le \frac{d}{k-1}\,\frac{\sigma^2}{\sigma^2+n\tau^2}\right\}.

    Exact for ``y ~ 1 + (1 | group)`` with balanced groups and normal effects.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.prob_singular(6, 5, tau2=0.1, sigma2=1), 3)
    0.348
    >>> mm.exact.prob_singular([6, 20, 100], 5, 0.1, 1).round(3).tolist()
    [0.348, 0.16, 0.008]
    """
    k, n, t, s, d = _oneway(n_groups, n_obs, tau2, sigma2, method)
    return as_result(special.fdtr(k - 1, k * (n - 1), d / (k - 1) * s / (s + n * t)))


def _moments(k: Float, n: Float, t: Float, s: Float, d: Float) -> tuple[Float, Float, Float, Float]:
    """E[SSB 1(A)], E[SSE 1(A)], P(A) and MSE's df, for the event A that the estimate is above zero.

    E[chi2_m 1(A)] = m P(A with m + 2 for m): the density of chi2_m times x is m times that of chi2_(m+2).
    """
    lam, a, b = s + n * t, k - 1, k * (n - 1)

    def prob(m1: Float, m2: Float) -> Float:  # P(lam chi2_m1 / d > s chi2_m2 / b)
        return np.asarray(special.fdtrc(m1, m2, d * s * m2 / (lam * b * m1)))

    return lam * a * prob(a + 2, b), s * b * prob(a, b + 2), prob(a, b), b


def expected_tau2(
    n_groups: ArrayLike,
    n_obs: ArrayLike,
    tau2: ArrayLike,
    sigma2: ArrayLike,
    method: Method = "REML",
    *,
    truncated: bool = True,
) -> Any:
    r"""Return the expected estimate of the between-group variance.

    Parameters
    ----------
    n_groups, n_obs, tau2, sigma2, method
        As in `prob_singular`.
    truncated : bool
        Whether negative solutions are set to zero, as every fit does (ignored for ANOVA, which keeps them).
        With ``False``: the expectation of the untruncated solution, for ML
        :math:`(1-1/k)\tau^2 - \sigma^2/(kn)`.

    Returns
    -------
    float or ndarray
        Expectation, in units of `tau2`.

    Notes
    -----
    The solution is (SSB / d - MSE) / n with d = k - 1 (REML, ANOVA) or k (ML).  Its truncated expectation
    uses :math:`E[\chi^2_m 1(A)] = m P_{m+2}(A)`.  So REML is unbiased only before truncation.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.expected_tau2(6, 5, 1, 1, "ML", truncated=False), 12)
    0.8
    >>> round(mm.exact.expected_tau2(6, 5, 0.1, 1, "REML"), 4)
    0.1301
    """
    k, n, t, s, d = _oneway(n_groups, n_obs, tau2, sigma2, method)
    if method == "ANOVA" or not truncated:
        return as_result(((s + n * t) * (k - 1) / d - s) / n)
    ssb, sse, _, b = _moments(k, n, t, s, d)
    return as_result((ssb / d - sse / b) / n)


def expected_sigma2(
    n_groups: ArrayLike, n_obs: ArrayLike, tau2: ArrayLike, sigma2: ArrayLike, method: Method = "REML"
) -> Any:
    """Return the expected estimate of the residual variance, the pooling of singular fits included.

    Parameters
    ----------
    n_groups, n_obs, tau2, sigma2, method
        As in `prob_singular`.

    Returns
    -------
    float or ndarray
        Expectation, in units of `sigma2`.  ANOVA is unbiased; REML and ML are biased downwards, because a
        singular fit pools a small between-group sum of squares into the residual.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.expected_sigma2(6, 5, 0.1, 1, "REML"), 4)
    0.974
    """
    k, n, t, s, d = _oneway(n_groups, n_obs, tau2, sigma2, method)
    if method == "ANOVA":
        return as_result(s.astype(float))
    ssb, sse, _, b = _moments(k, n, t, s, d)
    pooled_df = k * n - (0 if method == "ML" else 1)
    rest = ((s + n * t) * (k - 1) - ssb) + (s * b - sse)  # total sum of squares where singular
    return as_result(sse / b + rest / pooled_df)


def ml_bias(n_groups: ArrayLike, n_obs: ArrayLike, tau2: ArrayLike, sigma2: ArrayLike) -> Any:
    r"""Bias of the untruncated ML estimate of the between-group variance.

    Parameters
    ----------
    n_groups, n_obs, tau2, sigma2
        As in `prob_singular`.

    Returns
    -------
    float or ndarray
        :math:`-(\tau^2 + \sigma^2/n)/k`: always negative, gone only with many groups.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.exact.ml_bias([6, 20], 5, 1, 1).round(3).tolist()
    [-0.2, -0.06]
    """
    k, n, t, s, _ = _oneway(n_groups, n_obs, tau2, sigma2, "ML")
    return as_result(-(t + s / n) / k)
