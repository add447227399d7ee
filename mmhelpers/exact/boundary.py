"""What happens to the slope-less model at the boundary: draws of its sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mmhelpers.exact.common import Float, Test, as_array, choice, f_sf


@dataclass(frozen=True)
class SlopelessDraws:
    """Tests of the slope in the slope-less model, one row a simulated data set.

    Attributes
    ----------
    statistic, df, p_F, p_z : ndarray of shape (n_rep,)
        REML t squared, its Satterthwaite df, and p by F and by z.
    lrt, p_LRT : ndarray of shape (n_rep,)
        Likelihood ratio statistic (ML) and its p by chi-square with 1 df.
    singular, singular_ml : ndarray of bool of shape (n_rep,)
        Whether the intercept variance was estimated at zero, by REML and by ML (with x in the model).

    Examples
    --------
    >>> import numpy as np, mmhelpers as mm
    >>> draws = mm.exact.simulate_slopeless(18, 10, 82.5, 35.0, 655.0, 612.0, n_rep=2000, rng=np.random.default_rng(1))
    >>> draws.p_F.shape, draws.rate("F") > 0.2, int(draws.singular.sum())
    ((2000,), True, 0)
    """

    statistic: Float
    df: Float
    p_F: Float
    p_z: Float
    lrt: Float
    p_LRT: Float
    singular: NDArray[np.bool_]
    singular_ml: NDArray[np.bool_]

    def rate(self, test: Test = "F", alpha: float = 0.05) -> float:
        """Share of *all* data sets with p at most `alpha`."""
        choice("test", test, ("F", "z", "LRT"))
        return float(np.mean(getattr(self, f"p_{test}") <= alpha))


def simulate_slopeless(
    n_subjects: int,
    n_obs: int,
    sxx: float,
    tau11: float,
    sigma2: float,
    tau00: float,
    *,
    n_rep: int = 10_000,
    rho: float = 0.0,
    rng: np.random.Generator,
) -> SlopelessDraws:
    """Simulate the tests of `type1_slopeless`, the boundary included.

    Draws the sums of squares of the strata, not the data: the same law, a handful of numbers a replicate.
    Where the intercept variance is estimated at zero, the between-subject sum of squares joins the error, as
    in a fit of ``y ~ x + (1 | subject)``.

    Parameters
    ----------
    n_subjects, n_obs, sxx, tau11, sigma2
        As in `type1_slopeless`, one number each.
    tau00 : float
        Intercept variance at the mean of x.
    n_rep : int
        Data sets to draw.
    rho : float
        Correlation of intercepts (at the mean of x) and slopes.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    SlopelessDraws
        Statistics and p-values, arrays of shape (n_rep,).

    Examples
    --------
    With an intercept variance far from zero the simulation finds the closed form; near zero it does not:

    >>> import numpy as np, mmhelpers as mm
    >>> rng = np.random.default_rng(1)
    >>> far = mm.exact.simulate_slopeless(10, 4, 1, 1, 1, tau00=4, n_rep=100_000, rng=rng)
    >>> near = mm.exact.simulate_slopeless(10, 4, 1, 1, 1, tau00=0, n_rep=100_000, rng=rng)
    >>> round(mm.exact.type1_slopeless(10, 4, 1, 1, 1), 3), round(far.rate("F"), 3)
    (0.11, 0.11)
    >>> round(near.rate("F"), 3), float(near.singular.mean().round(2))
    (0.125, 0.72)
    """
    n = int(as_array("n_subjects", n_subjects, 2, strict=False, integer=True))
    j = int(as_array("n_obs", n_obs, 2, strict=False, integer=True))
    s, v = float(as_array("sxx", sxx, 0, strict=True)), float(as_array("sigma2", sigma2, 0, strict=True))
    t0, t1 = (
        float(as_array("tau00", tau00, 0, strict=False)),
        float(as_array("tau11", tau11, 0, strict=False)),
    )
    if not -1 <= rho <= 1:
        raise ValueError(f"rho must lie between -1 and 1; got {rho:g}")
    m = int(as_array("n_rep", n_rep, 1, strict=False, integer=True))
    n_total, nu = n * j, n * (j - 1) - 1

    # Subjects' means and slopes have variances t0 + v/J and t1 + v/sxx and covariance rho sqrt(t0 t1).
    var_mean, var_slope = t0 + v / j, t1 + v / s
    r = rho * np.sqrt(t0 * t1 / (var_mean * var_slope))
    slope_mean2 = var_slope / n * rng.chisquare(1, m)
    # Bartlett's decomposition of the 2 x 2 Wishart matrix of (slopes, means) with n - 1 df
    d1, off, d2 = rng.chisquare(n - 1, m), rng.standard_normal(m), _chisquare(rng, n - 2, m)
    ss_slope = var_slope * d1
    ss_mean = var_mean * ((r * np.sqrt(d1) + np.sqrt(1 - r**2) * off) ** 2 + (1 - r**2) * d2)
    ss_x = n * s * slope_mean2  # x, 1 df
    ss_w = s * ss_slope + v * _chisquare(rng, n * (j - 2), m)  # the slope-less model's error, nu df
    ss_b = j * ss_mean  # between subjects, n - 1 df

    # REML: pool the strata where the between-subject mean square is the smaller.
    singular = ss_b / (n - 1) <= ss_w / nu
    df = np.where(singular, n_total - 2, nu).astype(float)
    f = ss_x / (np.where(singular, ss_w + ss_b, ss_w) / df)

    # ML: deviance up to a constant, with error sum of squares e, interior or pooled
    def deviance(e: Float) -> tuple[Float, NDArray[np.bool_]]:
        pooled = ss_b / n <= e / (n * (j - 1))
        inside = n * np.log(ss_b / n) + n * (j - 1) * np.log(e / (n * (j - 1)))
        return np.where(pooled, n_total * np.log((ss_b + e) / n_total), inside), pooled

    (dev1, singular_ml), (dev0, _) = deviance(ss_w), deviance(ss_w + ss_x)
    lrt = np.maximum(dev0 - dev1, 0.0)
    return SlopelessDraws(
        statistic=f,
        df=df,
        p_F=f_sf(f, 1.0, df),
        p_z=special.chdtrc(1, f),
        lrt=lrt,
        p_LRT=special.chdtrc(1, lrt),
        singular=singular,
        singular_ml=singular_ml,
    )


def _chisquare(rng: np.random.Generator, df: int, size: int) -> Float:
    return rng.chisquare(df, size) if df > 0 else np.zeros(size)
