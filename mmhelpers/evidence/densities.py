"""What draws of a posterior say of one effect: its size, its direction, its density at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmhelpers.given import mapping

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]


def _flat(name: str, draws: Any) -> Float:
    values = np.asarray(draws, dtype=float).ravel()
    if len(values) < 100 or not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be at least 100 finite draws; got {len(values)}, {np.isfinite(values).sum()} finite"
        )
    return values


def summarise_draws(
    draws: Mapping[str, Any], *, rope: tuple[float, float] | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Describe draws of effects: mean, interval, probability of direction, share in a region.

    Parameters
    ----------
    draws : mapping of str to array_like
        Draws of each effect, of any shape.
    rope : (float, float), optional
        Ends of a region of practical equivalence, in the effects' unit.
    level : float
        Of the interval, whose ends are quantiles.

    Returns
    -------
    pandas.DataFrame
        One row an effect: mean, sd, lower, upper; ``direction``, the share of draws on the side of zero where most
        are; with `rope` also ``in rope``, the share of draws inside it.

    Raises
    ------
    ValueError
        If there are fewer than 100 draws or some are not finite, or `rope` is no interval.

    Examples
    --------
    >>> import numpy as np
    >>> effect = np.random.default_rng(1).normal(2, 1, 4000)
    >>> summarise_draws({"warm": effect}, rope=(-1, 1)).round(1).loc["warm"].tolist()
    [2.0, 1.0, 0.1, 4.0, 1.0, 0.2]
    """
    import pandas as pd

    mapping("draws", draws, "{'Days': draws}")
    if rope is not None and (np.shape(rope) != (2,) or not rope[0] < rope[1]):
        raise ValueError(f"rope must be its lower and its upper end; got {rope}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}")
    rows = {}
    for name, values in draws.items():
        x = _flat(f"draws[{name!r}]", values)
        lower, upper = np.quantile(x, [(1 - level) / 2, (1 + level) / 2])
        row = {"mean": x.mean(), "sd": x.std(ddof=1), "lower": lower, "upper": upper}
        row["direction"] = max((x > 0).mean(), (x < 0).mean())
        if rope is not None:
            row["in rope"] = ((x > rope[0]) & (x < rope[1])).mean()
        rows[name] = row
    return pd.DataFrame(rows).T


def savage_dickey(
    draws: ArrayLike, prior_density: float, *, at: float = 0.0, method: str = "kernel", batches: int = 20
) -> tuple[float, float]:
    """Bayes factor of an effect against a point, from draws: prior density over posterior density there.

    Parameters
    ----------
    draws : array_like
        Posterior draws of the effect under H1; where they come from chains, chain after chain.
    prior_density : float
        Density of the effect's prior at the point.
    at : float
        The point, the value of the effect under H0.
    method : {"kernel", "normal"}
        How the posterior density is estimated: by a gaussian kernel (Scott's bandwidth), or by the normal density
        with the draws' mean and standard deviation, which reaches further into the tail and is wrong where the
        posterior is not normal.
    batches : int
        Into how many runs the draws are cut for the error.

    Returns
    -------
    bf10, error : float, float
        The Bayes factor for the effect, and the Monte Carlo standard error of its *logarithm*, from the batches.

    Raises
    ------
    ValueError
        If there are fewer than 100 draws or all are the same, fewer than 10 a batch, the prior density is not above
        zero, the method is unknown, or the point is beyond the outermost draws and the method is the kernel: there it
        knows nothing.

    Notes
    -----
    It is the Bayes factor if, under H1, the prior of the other parameters *given* that the effect has the value `at`
    is their prior under H0 (Dickey 1971; Verdinelli & Wasserman 1995); independent priors that are the same in both
    models do it.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import stats
    >>> draws = np.random.default_rng(1).normal(5.505, 2.873, 20_000)  # estimate 6, se 3, prior N(0, 10^2)
    >>> bf, error = savage_dickey(draws, stats.norm.pdf(0, 0, 10))
    >>> round(bf, 1), error < 0.05
    (1.8, True)
    """
    from scipy import stats

    x = _flat("draws", draws)
    if not (np.isfinite(prior_density) and prior_density > 0):
        raise ValueError(f"prior_density must be finite and above 0; got {prior_density!r}")
    if method not in {"kernel", "normal"}:
        raise ValueError(f"method must be 'kernel' or 'normal', not {method!r}")
    if not 2 <= batches <= len(x) // 10:
        raise ValueError(f"batches must be from 2 to {len(x) // 10}, a tenth of the draws; got {batches}")
    if x.max() == x.min():
        raise ValueError(f"draws are all the same, {x[0]:g}: they have no density")
    if method == "kernel" and not x.min() < at < x.max():
        raise ValueError(
            f"no draw lies beyond {at:g} (they reach from {x.min():.4g} to {x.max():.4g}), so a kernel knows no "
            "density there; use method='normal', bridge_sampling, or a grid"
        )

    def log_density(values: Float) -> float:
        if method == "normal":
            return float(stats.norm.logpdf(at, values.mean(), values.std(ddof=1)))
        width = x.std(ddof=1) * len(x) ** -0.2  # one bandwidth for all: the batches then average to the whole
        return float(np.logaddexp.reduce(stats.norm.logpdf(at, values, width)) - np.log(len(values)))

    each = [log_density(part) for part in np.array_split(x, batches)]
    whole = log_density(x)
    error = np.std(np.exp(np.array(each) - whole), ddof=1) / np.sqrt(batches)
    return float(prior_density / np.exp(whole)), float(error)
