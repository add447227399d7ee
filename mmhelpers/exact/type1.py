"""Type I error rates of balanced designs, exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mmhelpers.exact.common import Test, as_array, as_level, as_result, choice, critical_f, f_sf

_NODES, _PANELS = 24, 9  # Gauss-Legendre nodes a panel, and panels


def type1_slopeless(
    n_subjects: ArrayLike,
    n_obs: ArrayLike,
    sxx: ArrayLike,
    tau11: ArrayLike,
    sigma2: ArrayLike,
    test: Test = "F",
    alpha: ArrayLike = 0.05,
) -> Any:
    r"""Type I error of a within-subject slope when the model has no random slope.

    The data come from the model at the head of this module with :math:`\beta_1 = 0`; the fitted model is
    ``y ~ x + (1 | subject)``.  The number shows what leaving out a random slope costs.

    Parameters
    ----------
    n_subjects, n_obs : int or array_like
        Subjects n (at least 2) and observations per subject J (at least 2).
    sxx : float or array_like
        Sum of squares of x about its mean *within one subject*, in squared units of x.
    tau11, sigma2 : float or array_like
        Variance of the subjects' slopes, and residual variance.
    test : {"F", "z", "LRT"}
        ``"F"``: REML, F or t with df = nJ - n - 1, which is what Satterthwaite and Kenward-Roger give here.
        ``"z"``: the same t against the normal distribution.  ``"LRT"``: ML, chi-square with 1 df.
    alpha : float or array_like
        Nominal level.

    Returns
    -------
    float or ndarray
        Probability of rejecting the true hypothesis.

    Notes
    -----
    With :math:`\lambda = 1 + \tau_{11} S_{xx} / \sigma^2`, three independent sums of squares, in units of
    :math:`\sigma^2`, carry the within-subject information: x, :math:`\lambda\chi^2_1`; subjects by x,
    :math:`\lambda\chi^2_{n-1}`; the rest, :math:`\chi^2_{n(J-2)}`.  The slope-less model pools the last two
    into its error with :math:`\nu = nJ-n-1` df.  The share :math:`U` of the first in their sum (both
    unscaled) is Beta(:math:`(n-1)/2, n(J-2)/2`), so

    .. math:: P = E_U\, P\{F_{1,\nu} > c\,(U + (1-U)/\lambda)\}, \qquad c \text{ the critical value,}

    a smooth integral on (0, 1), done here by Gauss-Legendre quadrature (error below 1e-9).  With
    :math:`\tau_{11}=0` the F test is exact; with J = 2 too, because then all error is subjects by x.

    Conditions: the same x for every subject, no missing observation, normal effects, and **an intercept
    variance that is not estimated at zero** (the correlation of intercepts and slopes does not matter then).
    Where it is estimated at zero, the between-subject sum of squares is pooled into the error as well, and
    the rate differs: see `simulate_slopeless`, which draws both cases.  Keeping only the fits with an
    intercept variance above zero does not bring the formula back: that event depends on the error too.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a number, or out of its range.

    Examples
    --------
    The numbers of subjects, days and variances of the sleepstudy data: nominal 5 %, in truth 31 %.

    >>> import mmhelpers as mm
    >>> round(mm.exact.type1_slopeless(18, 10, sxx=82.5, tau11=35.07, sigma2=654.94), 4)
    0.307
    >>> mm.exact.type1_slopeless(30, 10, 82.5, [0, 10, 35.07], 654.94).round(3).tolist()
    [0.05, 0.164, 0.306]
    """
    choice("test", test, ("F", "z", "LRT"))
    n = as_array("n_subjects", n_subjects, 2, strict=False, integer=True)
    j = as_array("n_obs", n_obs, 2, strict=False, integer=True)
    s = as_array("sxx", sxx, 0, strict=True)
    t = as_array("tau11", tau11, 0, strict=False)
    v = as_array("sigma2", sigma2, 0, strict=True)
    a_level = as_level(alpha)
    n, j, s, t, v, a_level = np.broadcast_arrays(n, j, s, t, v, a_level)
    lam = 1 + t * s / v
    nu = n * (j - 1) - 1
    crit = critical_f(test, nu, n * (j - 1), a_level)

    a, b = (n - 1) / 2, n * (j - 2) / 2
    constant = b == 0  # J = 2: the share U is 1
    b = np.where(constant, 1.0, b)
    # u = sin(phi)^2 turns the density into 2 sin^(2a-1) cos^(2b-1) / B(a, b), smooth as a, b >= 1/2;
    # the range is cut where 1e-17 of the mass is left on either side.
    low = np.arcsin(np.sqrt(special.betaincinv(a, b, 1e-17)))
    high = np.arccos(np.sqrt(special.betaincinv(b, a, 1e-17)))
    x, w = np.polynomial.legendre.leggauss(_NODES)
    # Panels shrink geometrically towards phi = 0, where a large lambda makes the integrand steep.
    edges = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, _PANELS)])
    total = np.zeros(n.shape)
    for left, right in pairwise(edges):
        half = (right - left) / 2 * (high - low)
        phi = (low + (left + right) / 2 * (high - low))[..., None] + half[..., None] * x
        sin, cos = np.sin(phi), np.cos(phi)
        log_density = (
            np.log(2)
            + special.xlogy(2 * a[..., None] - 1, sin)
            + special.xlogy(2 * b[..., None] - 1, cos)
            - special.betaln(a, b)[..., None]
        )
        ratio = sin**2 + cos**2 / lam[..., None]
        value = f_sf(crit[..., None] * ratio, 1.0, nu[..., None])
        total = total + half * np.sum(w * np.exp(log_density) * value, axis=-1)
    return as_result(np.where(constant, f_sf(crit, 1.0, nu), total))


def type1_maximal(n_subjects: ArrayLike, test: Test = "F", alpha: ArrayLike = 0.05) -> Any:
    r"""Type I error of a within-subject slope in the maximal model ``y ~ x + (x | subject)``.

    Parameters
    ----------
    n_subjects : int or array_like
        Subjects n, at least 2.
    test : {"F", "z", "LRT"}
        ``"F"``: REML and df = n - 1 (Satterthwaite and Kenward-Roger); ``"z"``: the same t against the normal
        distribution; ``"LRT"``: ML, chi-square with 1 df.
    alpha : float or array_like
        Nominal level.

    Returns
    -------
    float or ndarray
        Probability of rejecting the true hypothesis; `alpha` itself for ``"F"``.

    Notes
    -----
    With the same x for every subject, the fit is a paired t test on the subjects' own least-squares slopes,
    whatever the covariance of intercepts and slopes: :math:`t \sim t_{n-1}`, and with ML
    :math:`\mathrm{LRT} = n \log\{1 + t^2/(n-1)\}`.  Exact where the estimated covariance matrix of the random
    effects is not singular (for ``"LRT"``, under both hypotheses); there the slopes' variance is
    pooled with the residual's and the formula does not hold.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.type1_maximal(18, test="z"), 4)
    0.0666
    >>> mm.exact.type1_maximal([6, 12, 24], test="LRT").round(4).tolist()
    [0.0878, 0.0664, 0.0577]
    """
    choice("test", test, ("F", "z", "LRT"))
    n = as_array("n_subjects", n_subjects, 2, strict=False, integer=True)
    level = as_level(alpha)
    crit = critical_f(test, n - 1, n, level)
    return as_result(f_sf(crit, 1.0, n - 1))


def type1_between(
    n_subjects: ArrayLike, test: Test = "F", alpha: ArrayLike = 0.05, n_groups: ArrayLike = 2
) -> Any:
    r"""Type I error of a between-subject factor in ``y ~ group + (1 | subject)``.

    Parameters
    ----------
    n_subjects : int or array_like
        Subjects in all groups together.
    test : {"F", "z", "LRT"}
        ``"F"``: REML and df = n - g (Satterthwaite and Kenward-Roger); ``"z"``: Wald chi-square with g - 1 df
        (for two groups: t taken for z); ``"LRT"``: ML, chi-square with g - 1 df.
    alpha : float or array_like
        Nominal level.
    n_groups : int or array_like
        Groups g, at least 2.

    Returns
    -------
    float or ndarray
        Probability of rejecting the true hypothesis.

    Notes
    -----
    With the same number of observations for every subject, the test is the analysis of variance of the
    subject means: :math:`F \sim F_{g-1, n-g}`, and with ML :math:`\mathrm{LRT} = n\log\{1 + (g-1)F/(n-g)\}`.
    How the subjects are divided over the groups does not matter.  Exact where the subject variance is not
    estimated at zero.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.type1_between(12, test="LRT"), 4)
    0.0808
    >>> mm.exact.type1_between([6, 12, 24, 48], test="z").round(3).tolist()
    [0.122, 0.078, 0.063, 0.056]
    """
    choice("test", test, ("F", "z", "LRT"))
    g = as_array("n_groups", n_groups, 2, strict=False, integer=True)
    n = as_array("n_subjects", n_subjects, 3, strict=False, integer=True)
    level = as_level(alpha)
    n, g, level = np.broadcast_arrays(n, g, level)
    if np.any(n <= g):
        raise ValueError("n_subjects must be greater than n_groups, or no df are left for the subjects")
    df1, df2 = g - 1, n - g
    if test == "F":
        return as_result(level.astype(float))
    chi2 = special.chdtri(df1, level)
    crit = chi2 / df1 if test == "z" else df2 / df1 * np.expm1(chi2 / n)
    return as_result(f_sf(crit, df1, df2))
