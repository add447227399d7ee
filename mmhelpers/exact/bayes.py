"""Bayes factors that are known in closed form: one normal estimate, and the conjugate linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mmhelpers.exact.common import as_array, as_result


def bayes_factor_normal(estimate: ArrayLike, se: ArrayLike, prior_sd: ArrayLike) -> Any:
    r"""Bayes factor for an effect against no effect, from a normal estimate with known standard error.

    Parameters
    ----------
    estimate : float or array_like
        Estimated effect, N(beta, se^2).
    se : float or array_like
        Its standard error, taken as known; in the unit of the estimate.
    prior_sd : float or array_like
        Standard deviation of the prior of the effect under H1, N(0, prior_sd^2); under H0 the effect is 0.

    Returns
    -------
    float or ndarray
        BF10: how many times as probable the estimate is under H1 as under H0.

    Notes
    -----
    Under H1 the estimate is N(0, se^2 + w^2), under H0 it is N(0, se^2), so with z = estimate / se

    .. math:: BF_{10} = \sqrt{\frac{s^2}{s^2+w^2}}\;\exp\left\{\frac{z^2}{2}\,\frac{w^2}{s^2+w^2}\right\}.

    The same number is the ratio of the prior to the posterior density at 0 (Dickey & Lientz 1970).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.bayes_factor_normal(6, 3, prior_sd=10), 3)
    1.801
    >>> mm.exact.bayes_factor_normal(6, 3, [3, 30, 3000]).round(3).tolist()
    [1.922, 0.721, 0.007]
    """
    value, s, w = np.broadcast_arrays(
        as_array("estimate", estimate, -np.inf, strict=True),
        as_array("se", se, 0, strict=True),
        as_array("prior_sd", prior_sd, 0, strict=False),
    )
    share = w**2 / (s**2 + w**2)
    return as_result(np.exp(-0.5 * np.log1p((w / s) ** 2) + 0.5 * share * (value / s) ** 2))


def bayes_factor_rate(effect: ArrayLike, se: ArrayLike, prior_sd: ArrayLike, beyond: ArrayLike) -> Any:
    r"""Probability that the Bayes factor of `bayes_factor_normal` exceeds a limit.

    Parameters
    ----------
    effect : float or array_like
        True effect; 0 gives the rate of false alarms.
    se, prior_sd : float or array_like
        As in `bayes_factor_normal`; `prior_sd` above 0.
    beyond : float or array_like
        The limit for BF10, such as 3.

    Returns
    -------
    float or ndarray
        P(BF10 > beyond).

    Notes
    -----
    BF10 grows with :math:`|z|`, so it exceeds k where :math:`z^2 > 2\log(k\sqrt{1+w^2/s^2})\,(s^2+w^2)/w^2`.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.exact.bayes_factor_rate([0, 10], 3, prior_sd=10, beyond=3).round(3).tolist()
    [0.027, 0.869]
    """
    b, s, w, k = np.broadcast_arrays(
        as_array("effect", effect, -np.inf, strict=True),
        as_array("se", se, 0, strict=True),
        as_array("prior_sd", prior_sd, 0, strict=True),
        as_array("beyond", beyond, 0, strict=True),
    )
    share = w**2 / (s**2 + w**2)
    square = 2 * (np.log(k) + 0.5 * np.log1p((w / s) ** 2)) / share
    edge = np.sqrt(np.clip(square, 0, None))
    rate = special.ndtr(b / s - edge) + special.ndtr(-b / s - edge)
    return as_result(np.where(square < 0, 1.0, rate))


def log_evidence_linear(
    y: ArrayLike, X: ArrayLike, *, mean: ArrayLike, precision: ArrayLike, shape: float, rate: float
) -> float:
    r"""Log marginal likelihood of the conjugate linear model (no random effects).

    Parameters
    ----------
    y : array_like of shape (n,)
        Response.
    X : array_like of shape (n, p)
        Design matrix.
    mean : array_like of shape (p,)
        Prior mean of the coefficients.
    precision : array_like of shape (p, p)
        Prior precision of the coefficients in units of the residual variance:
        beta given sigma2 is N(mean, sigma2 precision^-1).
    shape, rate : float
        Prior of the residual precision: 1 / sigma2 is Gamma(shape, rate).

    Returns
    -------
    float
        log p(y), natural logarithm.

    Raises
    ------
    ValueError
        If shapes do not fit, or the precision is not positive definite.

    Notes
    -----
    With :math:`P_n = P + X'X`, :math:`P_n m_n = P m + X'y`, :math:`a_n = a + n/2` and
    :math:`b_n = b + (y'y + m'Pm - m_n'P_n m_n)/2` (Gelman et al. 2013, sec. 14.8),

    .. math:: \log p(y) = -\tfrac n2\log 2\pi + \tfrac12\log\frac{|P|}{|P_n|} + a\log b - a_n\log b_n
              + \log\Gamma(a_n) - \log\Gamma(a).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> y, X = [1.0, 2.0, 4.0], [[1, 0], [1, 1], [1, 2]]
    >>> found = mm.exact.log_evidence_linear(y, X, mean=[0, 0], precision=[[1, 0], [0, 1]], shape=2, rate=1)
    >>> round(found, 4)
    -6.5036
    """
    response, design = as_array("y", y, -np.inf, strict=True), as_array("X", X, -np.inf, strict=True)
    m, P = (
        as_array("mean", mean, -np.inf, strict=True),
        as_array("precision", precision, -np.inf, strict=True),
    )
    a, b = float(as_array("shape", shape, 0, strict=True)), float(as_array("rate", rate, 0, strict=True))
    if design.ndim != 2 or response.shape != design.shape[:1]:
        raise ValueError(
            f"X must have a row for each of the {response.size} values of y; it is {design.shape}"
        )
    p = design.shape[1]
    if m.shape != (p,) or P.shape != (p, p):
        raise ValueError(
            f"mean must be of shape ({p},) and precision ({p}, {p}); they are {m.shape} and {P.shape}"
        )
    if np.linalg.eigvalsh((P + P.T) / 2).min() <= 0:
        raise ValueError("precision must be positive definite: a flat prior has no marginal likelihood")
    Pn = P + design.T @ design
    mn = np.linalg.solve(Pn, P @ m + design.T @ response)
    an = a + len(response) / 2
    bn = b + (response @ response + m @ P @ m - mn @ Pn @ mn) / 2
    dets = np.linalg.slogdet(P)[1] - np.linalg.slogdet(Pn)[1]
    out = -0.5 * len(response) * np.log(2 * np.pi) + 0.5 * dets + a * np.log(b) - an * np.log(bn)
    return float(out + special.gammaln(an) - special.gammaln(a))
