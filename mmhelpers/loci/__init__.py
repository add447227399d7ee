"""The same binomial mixed model at many loci: a fit of all of them at once, and a plain sampler to compare with."""

from __future__ import annotations

from .penalised import LociFits, fit_loci
from .posterior import LocusPosterior, metropolis

__all__ = ["LociFits", "LocusPosterior", "fit_loci", "metropolis"]
