"""The parametric bootstrap of a likelihood ratio: what it is worth under the smaller model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mmhelpers.engine import fit_matrices
from mmhelpers.inference.estimate import as_estimate
from mmhelpers.inference.likelihood import _spans, criteria

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapTest:
    """A likelihood ratio and those of data simulated from the smaller model.

    Attributes
    ----------
    statistic : float
        Observed likelihood ratio statistic, by ML.
    df : int
        Parameters that the smaller model lacks.
    p : float
        (1 + number of simulated statistics at least as large) / (1 + number of simulations).
    p_chi2 : float
        By the chi-square distribution, for comparison.
    simulated : ndarray of shape (n_rep,)
        Statistics of the simulated data; NaN where a fit failed.

    Examples
    --------
    >>> import numpy as np, mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> small = mm.fit("Reaction ~ Days + (1 | Subject)", sleep)
    >>> large = mm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    >>> test = mm.bootstrap_test(small, large, n_rep=99, rng=np.random.default_rng(1))
    >>> test.df, test.p, test.simulated.shape, test.n_failed
    (2, 0.01, (99,), 0)
    """

    statistic: float
    df: int
    p: float
    p_chi2: float
    simulated: Float

    @property
    def n_failed(self) -> int:
        """Simulated data sets that could not be fitted; they count neither way."""
        return int(np.isnan(self.simulated).sum())

    @property
    def mc_se(self) -> float:
        """Monte Carlo standard error of `p`."""
        return float(np.sqrt(self.p * (1 - self.p) / (1 + len(self.simulated) - self.n_failed)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row: statistic, df, p, mc_se, p_chi2, n_rep, n_failed."""
        import pandas as pd

        names = ("statistic", "df", "p", "mc_se", "p_chi2")
        row = {name: getattr(self, name) for name in names}
        return pd.DataFrame([row | {"n_rep": len(self.simulated), "n_failed": self.n_failed}])

    def __repr__(self) -> str:
        """Print the table."""
        return repr(self.to_frame())


def bootstrap_test(
    small: Any, large: Any, *, n_rep: int = 1000, rng: np.random.Generator, chunk: int = 1000
) -> BootstrapTest:
    """Test a smaller model against a larger one by simulating from the smaller.

    Needs no degrees of freedom and no large sample, and works on the boundary; its p-value is only as fine as
    1 / n_rep.

    Parameters
    ----------
    small, large : fitted models
        Nested, of the same response, from `mmhelpers.fit`.  Both are fitted by ML here, whatever they were
        fitted by.
    n_rep : int
        Simulated data sets.
    rng : numpy.random.Generator
        Source of random numbers.
    chunk : int
        Data sets held in memory at a time.

    Returns
    -------
    BootstrapTest

    Raises
    ------
    ValueError
        If the models are of different responses or not nested, or cannot be fitted to it.

    References
    ----------
    Davison & Hinkley (1997), *Bootstrap Methods and their Application*, sec. 4.2; Halekoh & Højsgaard (2014),
    sec. 5 (``PBmodcomp``).

    Examples
    --------
    >>> import numpy as np, mmhelpers as mm
    >>> machines = mm.load("machines")
    >>> small = mm.fit("score ~ 1 + (1 | Worker/Machine)", machines)
    >>> large = mm.fit("score ~ Machine + (1 | Worker/Machine)", machines)
    >>> test = mm.bootstrap_test(small, large, n_rep=999, rng=np.random.default_rng(1))
    >>> round(test.statistic, 2), test.df, test.p < 0.01
    (19.59, 2, True)
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, np.random.default_rng(seed), not {type(rng).__name__}"
        )
    if n_rep < 1 or chunk < 1:
        raise ValueError("n_rep and chunk must be 1 or more")
    first, second = as_estimate(small), as_estimate(large)
    null, full = first.matrices, second.matrices
    y = first.response
    if null.n != full.n or not np.array_equal(y, second.response):
        raise ValueError("the two fits are of different responses or rows, so they cannot be compared")
    df = second.n_par - first.n_par
    if df <= 0 or not _spans(full.X, null.X):
        raise ValueError(
            "small must be nested in large: fewer parameters, and fixed effects that are among the other's"
        )

    base = fit_matrices(null, y[None], False)
    beta, sigma, theta = base.beta[0], float(base.sigma[0]), null.split_theta(base.theta[0])
    mean = null.X @ beta + (0.0 if null.offset is None else null.offset)

    def statistics(Y: Float) -> Float:
        return criteria(null, Y, False) - criteria(full, Y, False)

    observed = float(statistics(y[None])[0])
    if np.isnan(
        observed
    ):  # no simulated statistic would be as large as NaN: p would be the smallest there is
        raise ValueError(
            "small or large cannot be fitted to the data by ML, so there is nothing to compare with"
        )
    simulated = []
    for start in range(0, n_rep, chunk):
        m = min(chunk, n_rep - start)
        Y = mean + sigma * rng.standard_normal((m, null.n))
        for term, part in zip(null.terms, theta, strict=True):
            b = sigma * rng.standard_normal((m, term.n_levels, term.k)) @ term.block(part).T
            Y += np.einsum("rnk,nk->rn", b[:, term.index], term.z)
        simulated.append(np.maximum(statistics(Y), 0.0))
    values = np.concatenate(simulated)
    valid = values[~np.isnan(values)]
    # ties up to rounding count as larger: on the boundary many statistics are zero
    p = (1 + np.sum(valid >= observed - 1e-8 * max(abs(observed), 1.0))) / (1 + len(valid))
    return BootstrapTest(
        max(observed, 0.0), df, float(p), float(special.chdtrc(df, max(observed, 0.0))), values
    )
