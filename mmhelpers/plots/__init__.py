"""The book's figures: one function a figure, a table in, an Axes out; nothing here computes a statistic."""

from __future__ import annotations

from .grammar import plot_agreement, plot_by_group, plot_estimates, plot_fit
from .groups import plot_residuals_by
from .panels import (
    plot_check,
    plot_influence,
    plot_lineup,
    plot_qq,
    plot_residual_quantiles,
    plot_simulated,
)
from .linear import plot_bowl, plot_projection
from .pvalues import plot_pvalues
from .style import COLOURS, INK, PAPER, use_style

__all__ = [
    "COLOURS",
    "INK",
    "PAPER",
    "plot_agreement",
    "plot_bowl",
    "plot_by_group",
    "plot_check",
    "plot_estimates",
    "plot_fit",
    "plot_influence",
    "plot_lineup",
    "plot_projection",
    "plot_pvalues",
    "plot_qq",
    "plot_residual_quantiles",
    "plot_residuals_by",
    "plot_simulated",
    "use_style",
]
