"""What must be said of draws from a posterior: how many, whether the chains agree, under which priors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from .words import number

__all__ = ["Sampling", "sampling"]


@dataclass(frozen=True)
class Sampling:
    """How a posterior was sampled.

    Attributes
    ----------
    chains, draws : int
        Number of chains, and of draws that each kept.
    rhat, ess : float
        The largest R-hat and the smallest bulk effective sample size of the fixed effects, the standard deviations and
        the parameters of the family; NaN where one chain alone or too few draws give none.
    divergences : int
        Draws that diverged; -1 where the sampler does not say.
    priors : str
        Each parameter's prior, as bambi writes it.
    """

    chains: int
    draws: int
    rhat: float
    ess: float
    divergences: int
    priors: str

    def sentences(self) -> str:
        """Say it."""
        chains = "one chain" if self.chains == 1 else f"{self.chains} chains"
        said = [f"{chains} of {self.draws} draws each after warm-up"]
        if np.isfinite(self.rhat):
            said.append(f"largest R-hat {self.rhat:.3f}")
        if np.isfinite(self.ess):
            said.append(f"smallest bulk effective sample size {self.ess:.0f}")
        if self.divergences >= 0:
            said.append(f"{self.divergences or 'no'} divergent transition{'s' * (self.divergences != 1)}")
        return f"Sampling: {', '.join(said)}. Priors: {self.priors}."


def sampling(fit: Any) -> Sampling:
    """Read it from the pair (model, idata) of bambi."""
    import arviz

    az: Any = arviz
    model, idata = fit
    posterior = idata.posterior
    names = [
        str(name)
        for name in posterior.data_vars
        if "__obs__" not in posterior[name].dims
        and not any(str(dim).endswith("__factor_dim") for dim in posterior[name].dims)
    ]
    chosen = posterior[names]
    rhat, ess = (az.rhat(chosen), az.ess(chosen)) if posterior.sizes["chain"] > 1 else (None, az.ess(chosen))
    stats = getattr(idata, "sample_stats", None)
    diverging = (
        int(np.asarray(stats["diverging"]).sum()) if stats is not None and "diverging" in stats else -1
    )
    return Sampling(
        int(posterior.sizes["chain"]),
        int(posterior.sizes["draw"]),
        float("nan") if rhat is None else max(float(rhat[n].max()) for n in names),
        min(float(ess[n].min()) for n in names),
        diverging,
        _priors(model),
    )


def _priors(model: Any) -> str:
    """Name each parameter with its prior, numbers at three digits."""
    parts = []
    parent = model.family.likelihood.parent
    for name, component in model.components.items():
        if name != parent and hasattr(component, "prior"):
            parts.append((name, component.prior))
            continue
        terms: dict[str, Any] = {}
        if getattr(component, "intercept_term", None):
            terms["Intercept"] = component.intercept_term
        terms |= dict(component.common_terms) | dict(component.group_specific_terms)
        prefix = "" if name == parent else f"{name}: "
        parts += [(prefix + term, found.prior) for term, found in terms.items()]
    return "; ".join(f"{name} ~ {_rounded(str(prior))}" for name, prior in parts)


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda found: number(float(found.group())), text)
