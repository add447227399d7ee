"""The book's figures: one function a figure, a table in, an Axes out; nothing here computes a statistic."""

from __future__ import annotations

from .curves import plot_curves
from .grammar import plot_agreement, plot_by_group, plot_estimates, plot_fit
from .groups import plot_residuals_by
from .panels import plot_group_lines, plot_panels
from .pvalues import plot_pvalues
from .shrinkage import plot_by_size, plot_shrinkage, plot_shrinkage_plane
from .style import COLOURS, INK, PAPER, use_style

__all__ = [
    "COLOURS",
    "INK",
    "PAPER",
    "plot_agreement",
    "plot_by_group",
    "plot_by_size",
    "plot_curves",
    "plot_estimates",
    "plot_fit",
    "plot_group_lines",
    "plot_panels",
    "plot_pvalues",
    "plot_residuals_by",
    "plot_shrinkage",
    "plot_shrinkage_plane",
    "use_style",
]
