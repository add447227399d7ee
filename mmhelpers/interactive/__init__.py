"""Figures to move: a Bokeh picture, a few sliders, and a grid of results that was computed beforehand."""

from __future__ import annotations

from .counts import explore_overdispersion
from .errors import explore_items, explore_power, explore_type1
from .groups import explore_covariance, explore_shrinkage
from .likelihoods import explore_deviance, explore_prior, explore_reml
from .record import Control, Frame, Interactive

__all__ = [
    "Control",
    "Frame",
    "Interactive",
    "explore_covariance",
    "explore_deviance",
    "explore_items",
    "explore_overdispersion",
    "explore_power",
    "explore_prior",
    "explore_reml",
    "explore_shrinkage",
    "explore_type1",
]
