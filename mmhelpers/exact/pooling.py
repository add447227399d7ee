"""The balanced one-way layout: how far from the truth are group means that are pooled, and those that are not."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mmhelpers.exact.common import Float, as_array, as_result, choice

Pooling = Literal["none", "complete", "known", "estimated"]
# Gauss-Legendre nodes on (0, 1); the integrand is smooth, and doubling them changes no digit that is tested
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def pooling_error(
    n_groups: ArrayLike, n_obs: ArrayLike, tau2: ArrayLike, sigma2: ArrayLike, pooling: Pooling = "estimated"
) -> Any:
    r"""Mean squared error of estimates of the groups' own means, averaged over groups and samples of groups.

    Parameters
    ----------
    n_groups, n_obs : int or array_like
        Groups k (at least 2) and observations per group n (at least 2).
    tau2, sigma2 : float or array_like
        True between-group and residual variance.
    pooling : {"none", "complete", "known", "estimated"}
        Estimate each group by its own mean; by the grand mean; by the grand mean plus a share of its
        deviation, the share from the true variances; or from variances estimated by REML.

    Returns
    -------
    float or ndarray
        Mean squared error, in units of `sigma2`.

    Notes
    -----
    With :math:`\lambda = \tau^2/(\tau^2+\sigma^2/n)` the errors are :math:`\sigma^2/n`,
    :math:`\tau^2 (k-1)/k + \sigma^2/(nk)`, and :math:`\{\lambda + (1-\lambda)/k\}\sigma^2/n` for known
    variances.  Estimating them, :math:`\hat\lambda = \max(0, 1 - \mathrm{MSE}/\mathrm{MSB})`, adds
    :math:`E[(\hat\lambda-\lambda)^2 \mathrm{SSB}]/(nk)`; since the share of SSB in the total is a beta variable
    independent of the (scaled) total, this is an integral over one beta distribution, done by quadrature.
    The last is below the first where groups are many or alike.  With about five groups or fewer it is slightly above
    where groups differ much, because REML's share shrinks by (k - 1) where James and Stein's rule, which always
    beats no pooling from four groups on, shrinks by (k - 3) (Efron & Morris 1973, JASA 68:117-130).

    Examples
    --------
    Six batches of five, with the variances of the Dyestuff data: relative to no pooling.

    >>> import mmhelpers as mm
    >>> none = mm.exact.pooling_error(6, 5, 1764, 2451, "none")
    >>> [round(mm.exact.pooling_error(6, 5, 1764, 2451, how) / none, 3) for how in ("known", "estimated")]
    [0.819, 0.918]
    """
    choice("pooling", pooling, ("none", "complete", "known", "estimated"))
    k, n, t, s = np.broadcast_arrays(
        as_array("n_groups", n_groups, 2, strict=False, integer=True),
        as_array("n_obs", n_obs, 2, strict=False, integer=True),
        as_array("tau2", tau2, 0, strict=False),
        as_array("sigma2", sigma2, 0, strict=True),
    )
    if pooling == "none":
        return as_result(s / n)
    if pooling == "complete":
        return as_result(t * (k - 1) / k + s / (n * k))
    share = n * t / (n * t + s)
    known = (share + (1 - share) / k) * s / n
    return as_result(known if pooling == "known" else known + _price(k, n, t, s, share))


def _price(k: Float, n: Float, t: Float, s: Float, share: Float) -> Float:
    """E[(estimated share - share)^2 SSB] / (nk)."""
    total, a, b = s + n * t, k - 1, k * (n - 1)
    p, q = a / 2 + 1, b / 2  # the density of SSB's share, times the share itself
    # MSE / MSB = ratio * (1 - r) / r, below 1 where r is above `kink`
    ratio = s * a / (total * b)
    kink = ratio / (1 + ratio)
    below = special.betainc(p, q, kink)
    u = below[..., None] + (1 - below[..., None]) * _NODES
    r = special.betaincinv(p[..., None], q[..., None], u)
    off = 1 - ratio[..., None] * (1 - r) / r - share[..., None]
    mean = below * share**2 + (1 - below) * (off**2 @ _WEIGHTS)
    return np.asarray(total * a / (n * k) * mean)
