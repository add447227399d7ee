"""The book's figures: one function a figure, a table in, an Axes out; nothing here computes a statistic."""

from __future__ import annotations

from .correlograms import plot_acf, plot_variogram
from .counts import plot_counts, plot_mean_variance
from .curves import plot_bands, plot_curves
from .effects import plot_effects
from .grammar import plot_agreement, plot_by_group, plot_estimates, plot_fit
from .group_panels import plot_bundles, plot_group_lines, plot_panels
from .groups import plot_residuals_by
from .likelihood import plot_surface, plot_zeta
from .linear import plot_bowl, plot_projection
from .maps import plot_bubbles
from .matrices import plot_matrix, plot_z
from .means import plot_means
from .pair import plot_pair
from .panels import (
    plot_check,
    plot_influence,
    plot_lineup,
    plot_qq,
    plot_residual_quantiles,
    plot_simulated,
)
from .posteriors import plot_posteriors
from .pvalues import plot_pvalues
from .recovery import plot_recovery
from .responses import plot_responses
from .samplers import plot_chains, plot_funnel, plot_walks
from .shrinkage import plot_by_size, plot_shrinkage, plot_shrinkage_plane
from .significant import plot_significant
from .studies import plot_microscope, plot_power, plot_pvalue_quantiles, plot_rates
from .style import COLOURS, INK, PAPER, use_style

__all__ = [
    "COLOURS",
    "INK",
    "PAPER",
    "plot_acf",
    "plot_agreement",
    "plot_bands",
    "plot_bowl",
    "plot_bubbles",
    "plot_bundles",
    "plot_by_group",
    "plot_by_size",
    "plot_chains",
    "plot_check",
    "plot_counts",
    "plot_curves",
    "plot_effects",
    "plot_estimates",
    "plot_fit",
    "plot_funnel",
    "plot_group_lines",
    "plot_influence",
    "plot_lineup",
    "plot_matrix",
    "plot_mean_variance",
    "plot_means",
    "plot_microscope",
    "plot_pair",
    "plot_panels",
    "plot_posteriors",
    "plot_power",
    "plot_projection",
    "plot_pvalue_quantiles",
    "plot_pvalues",
    "plot_qq",
    "plot_rates",
    "plot_recovery",
    "plot_residual_quantiles",
    "plot_residuals_by",
    "plot_responses",
    "plot_shrinkage",
    "plot_shrinkage_plane",
    "plot_significant",
    "plot_simulated",
    "plot_surface",
    "plot_variogram",
    "plot_walks",
    "plot_z",
    "plot_zeta",
    "use_style",
]
