"""Bayes factors and predictive densities: from draws, by bridge sampling, and by integrating on a grid."""

from __future__ import annotations

from .bridge import Evidence, bridge_sampling
from .densities import savage_dickey, summarise_draws
from .grid import GridPosterior, grid_posterior
from .prior import GridPrior

__all__ = [
    "Evidence",
    "GridPosterior",
    "GridPrior",
    "bridge_sampling",
    "grid_posterior",
    "savage_dickey",
    "summarise_draws",
]
