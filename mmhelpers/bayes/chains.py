"""May these draws be used? R-hat, effective sample size and divergences, as one verdict that can be asserted."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MIN_ESS", "RHAT", "PosteriorCheck", "posterior_check"]

RHAT = 1.01  # Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 4
MIN_ESS = 400  # the same: so many that R-hat and the Monte Carlo errors can themselves be relied on


@dataclass(frozen=True)
class PosteriorCheck:
    """What the chains say of themselves.

    Attributes
    ----------
    rhat : float
        The largest (rank-normalised, split) R-hat of all parameters.
    ess_bulk, ess_tail : float
        The smallest effective sample sizes, in the middle of a distribution and in its tails.
    divergences : int or None
        Draws whose trajectory ran off; None where the draws do not say (a sampler without trajectories, or statistics
        that were not kept).
    chains, draws : int
        Number of chains, and draws of each.
    worst : str
        The parameter with the largest R-hat.
    table : pandas.DataFrame
        One row a parameter: mean, sd, rhat, ess_bulk, ess_tail and mcse (Monte Carlo standard error of the mean).
    min_ess : float
        What the effective sample sizes must reach.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> check = mm.posterior_check(mm.load_posterior("sleepstudy"))
    >>> check.ok, check.divergences, check.chains
    (True, 0, 4)
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int | None
    chains: int
    draws: int
    worst: str
    table: pd.DataFrame
    min_ess: float = MIN_ESS

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in words; empty if nothing is."""
        said = []
        if not self.rhat < RHAT:
            said.append(
                f"R-hat is {self.rhat:.3f} for {self.worst} (below {RHAT} is wanted): the chains disagree"
            )
        low = min(self.ess_bulk, self.ess_tail)
        if not low >= self.min_ess:
            said.append(
                f"the smallest effective sample size is {low:.0f} ({self.min_ess:g} are wanted): draw more"
            )
        if self.divergences:
            said.append(f"{self.divergences} of {self.chains * self.draws} draws diverged")
        return tuple(said)

    @property
    def ok(self) -> bool:
        """Whether all of it is as it should be."""
        return not self.faults

    def assert_ok(self) -> PosteriorCheck:
        """Return the check itself, or stop.

        Raises
        ------
        AssertionError
            If R-hat, an effective sample size or the divergences say that the draws must not be used; the message
            says which.
        """
        if self.faults:
            raise AssertionError("; ".join(self.faults))
        return self

    def __repr__(self) -> str:
        """One line that does not depend on the last digits of the draws, unless something is wrong."""
        size = f"{self.chains} chains of {self.draws} draws"
        if self.faults:
            return f"not to be used ({size}): " + "; ".join(self.faults)
        trajectories = "divergences not recorded" if self.divergences is None else "no divergence"
        return f"ok ({size}): R-hat below {RHAT}, every ESS above {self.min_ess:g}, {trajectories}"


def arviz() -> Any:
    """Return the package ArviZ, or say how to get it."""
    try:
        return importlib.import_module("arviz")
    except ImportError as error:
        raise ImportError("ArviZ is not installed: pip install 'mmhelpers[bayes]'") from error


def posterior_check(idata: Any, min_ess: float = MIN_ESS) -> PosteriorCheck:
    """Say whether the draws of a posterior may be used.

    Parameters
    ----------
    idata : arviz.InferenceData
        With the groups ``posterior`` (at least two chains) and ``sample_stats`` (for the divergences).
    min_ess : float
        What the smallest effective sample size must reach; the default is for all chains together.

    Returns
    -------
    PosteriorCheck
        With ``.ok``, ``.faults``, ``.assert_ok()`` and the table of all parameters.

    Raises
    ------
    ValueError
        If there are no draws, of one chain alone, or none of a parameter that varies.

    Notes
    -----
    R-hat and effective sample size are those of Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), as ArviZ computes
    them. A parameter that does not vary has no R-hat and is left out.

    Examples
    --------
    >>> import arviz as az, numpy as np, mmhelpers as mm
    >>> mu = np.random.default_rng(1).normal(size=(4, 500))
    >>> mm.posterior_check(az.from_dict({"mu": mu}))
    ok (4 chains of 500 draws): R-hat below 1.01, every ESS above 400, divergences not recorded
    >>> mu[0] += 2  # one chain elsewhere
    >>> mm.posterior_check(az.from_dict({"mu": mu})).ok
    False
    """
    import pandas as pd

    az = arviz()
    posterior = getattr(idata, "posterior", None)
    if posterior is None:
        raise ValueError(
            f"idata is a {type(idata).__name__} without a posterior; it must be what sampling gave"
        )
    chains, draws = int(posterior.sizes["chain"]), int(posterior.sizes["draw"])
    if chains < 2:
        raise ValueError("idata has one chain; R-hat compares at least two")
    names, values = [], []
    for name in posterior.data_vars:
        array = posterior[name].transpose("chain", "draw", ...)
        stacked = np.asarray(array, float).reshape(chains, draws, -1)
        labels = _labels(array)
        for j, label in enumerate(labels):
            if np.ptp(stacked[:, :, j]) > 0 or not np.all(np.isfinite(stacked[:, :, j])):
                names.append(label)
                values.append(stacked[:, :, j])
    if not values:
        raise ValueError("idata has no parameter that varies, so there is nothing to check")
    measures = (az.rhat, az.ess, lambda v: az.ess(v, method="tail"), az.mcse)
    rows = [(v.mean(), v.std(ddof=1), *(float(np.ravel(f(v))[0]) for f in measures)) for v in values]
    columns = ["mean", "sd", "rhat", "ess_bulk", "ess_tail", "mcse"]
    table = pd.DataFrame(rows, index=pd.Index(names, name="parameter"), columns=columns, dtype=float)
    stats = getattr(idata, "sample_stats", None)
    diverged = None
    if stats is not None and "diverging" in stats:
        diverged = int(np.asarray(stats["diverging"]).sum())
    rhat = table["rhat"].fillna(np.inf)
    return PosteriorCheck(
        rhat=float(rhat.max()),
        ess_bulk=float(table["ess_bulk"].fillna(0).min()),
        ess_tail=float(table["ess_tail"].fillna(0).min()),
        divergences=diverged,
        chains=chains,
        draws=draws,
        worst=str(rhat.idxmax()),
        table=table,
        min_ess=min_ess,
    )


def _labels(array: Any) -> list[str]:
    """Names of the elements of a variable: ``1|Subject[308]``."""
    dims = [d for d in array.dims if d not in {"chain", "draw"}]
    if not dims:
        return [str(array.name)]
    shape = [int(array.sizes[d]) for d in dims]
    coords = [list(map(str, array[d].to_numpy())) for d in dims]
    every = (tuple(coords[k][i] for k, i in enumerate(ix)) for ix in np.ndindex(*shape))
    return [f"{array.name}[{', '.join(at)}]" for at in every]
