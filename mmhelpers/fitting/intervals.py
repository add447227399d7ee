"""Confidence intervals of one fit: profile likelihood, Wald, parametric bootstrap."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mmhelpers.fitting.profile import interval, parameters
from mmhelpers.fitting.summary import covariances
from mmhelpers.given import level_of, whole
from mmhelpers.results import Fits

if TYPE_CHECKING:
    import pandas as pd

    from mmhelpers.fitting.single import Fit

Floats = NDArray[np.float64]


def confidence_intervals(
    fit: Fit, method: str, level: float, *, n_rep: int = 1000, rng: Generator | None = None
) -> pd.DataFrame:
    """Confidence intervals of all parameters; see `Fit.confint`."""
    import pandas as pd

    level_of("level", level)
    if method == "profile":
        ml = fit.with_reml(False).fits
        best = float(ml.criterion[0])
        rows = [(p.name, p.estimate, *interval(p, best, level)) for p in parameters(ml)]
    elif method == "wald":
        from scipy.special import stdtrit

        table = fit.coefficients("satterthwaite")
        width = stdtrit(table["df"], 0.5 + level / 2) * table["se"]
        rows = list(
            zip(
                table.index,
                table["estimate"],
                table["estimate"] - width,
                table["estimate"] + width,
                strict=True,
            )
        )
    elif method == "bootstrap":
        if rng is None:
            raise ValueError("the bootstrap draws random numbers: pass rng=np.random.default_rng(seed)")
        whole("n_rep", n_rep, 2)
        again = fit.refit(fit.simulate(n_rep, rng=rng)).fits
        failed = int((~np.isfinite(again.criterion)).sum())
        if failed == n_rep:
            raise ValueError("none of the simulated data sets could be fitted")
        if failed:
            warnings.warn(f"{failed} of {n_rep} simulated data sets could not be fitted", stacklevel=3)
        draws = parameter_values(again)
        estimates = parameter_values(fit.fits)
        ends = {
            name: np.nanquantile(values, [0.5 - level / 2, 0.5 + level / 2]) for name, values in draws.items()
        }
        rows = [(name, float(estimates[name][0]), float(a), float(b)) for name, (a, b) in ends.items()]
    else:
        raise ValueError(f"method must be 'profile', 'wald' or 'bootstrap', not {method!r}")
    return (
        pd.DataFrame(rows, columns=["name", "estimate", "lower", "upper"]).set_index("name").rename_axis(None)
    )


def parameter_values(fits: Fits) -> dict[str, Floats]:
    """Take standard deviations, correlations, sigma and fixed effects of every replicate, by lme4's names."""
    covs = [covariances(fits, i) for i in range(fits.n_rep)]
    out: dict[str, Floats] = {}
    with np.errstate(all="ignore"):
        for t, term in enumerate(fits.matrices.terms):
            cov = np.array([c[t] for c in covs])
            sd = np.sqrt(np.einsum("rkk->rk", cov))
            for j, column in enumerate(term.columns):
                out[f"sd_{column}|{term.group}"] = sd[:, j]
                for i in range(j + 1, term.k):
                    name = f"cor_{term.columns[i]}.{column}|{term.group}"
                    out[name] = cov[:, i, j] / (sd[:, i] * sd[:, j])
    out["sigma"] = fits.sigma
    out |= {name: fits.beta[:, j] for j, name in enumerate(fits.matrices.x_names)}
    return out
