"""Simulate, fit, test and check linear mixed-effects models.

The names listed in ``__all__`` are the public interface; each is imported from its
module the first time it is used, so that ``import mmhelpers`` needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# public name -> module that defines it (kept in the order of the modules)
_EXPORTS: dict[str, str] = {
    "load": "datasets",
    "list_datasets": "datasets",
    "describe": "datasets",
    "truth": "datasets",
    "RMissing": "r_link",
    "have_r": "r_link",
    "in_r": "r_link",
    "lmer": "r_link",
    "require_r": "r_link",
    "lmertest": "r_tables",
    "glue": "printed",
    "published": "printed",
    "published_fit": "printed",
    "published_rows": "printed",
    "check_answer": "exercises",
    "plot_agreement": "plots",
    "plot_bowl": "plots",
    "plot_bundles": "plots",
    "plot_by_group": "plots",
    "plot_by_size": "plots",
    "plot_counts": "plots",
    "plot_curves": "plots",
    "plot_mean_variance": "plots",
    "plot_estimates": "plots",
    "plot_fit": "plots",
    "plot_projection": "plots",
    "plot_group_lines": "plots",
    "plot_panels": "plots",
    "plot_pvalues": "plots",
    "plot_residuals_by": "plots",
    "plot_shrinkage": "plots",
    "plot_shrinkage_plane": "plots",
    "plot_matrix": "plots",
    "plot_surface": "plots",
    "plot_z": "plots",
    "plot_zeta": "plots",
    "use_style": "plots",
    "check_group_means": "diagnostics",
    "resid": "residuals",
    "FitView": "adapters",
    "UnsupportedFitError": "adapters",
    "agreement": "adapters",
    "RFit": "adapters",
    "fit_in_r": "adapters",
    "intervals": "adapters",
    "nlme": "adapters",
    "view": "adapters",
    "TestRow": "testtable",
    "TestTable": "testtable",
    "Term": "results",
    "Matrices": "results",
    "Fits": "results",
    "cross": "design",
    "Design": "design",
    "DesignError": "design",
    "build_matrices": "model",
    "fixed_matrix": "model",
    "random_rows": "model",
    "FormulaError": "model",
    "UnidentifiableError": "model",
    "MissingRowsWarning": "model",
    "profiled_criterion": "reference",
    "minimise_criterion": "reference",
    "fit_arrays": "engine",
    "satterthwaite": "engine",
    "bootstrap_test": "inference",
    "compare": "inference",
    "contrast": "inference",
    "marginal_means": "inference",
    "pairwise": "inference",
    "ranova": "inference",
    "BootstrapTest": "inference",
    "MarginalMeans": "inference",
    "QuantileResiduals": "residuals",
    "quantile_residuals": "residuals",
    "Check": "diagnostics",
    "Lineup": "diagnostics",
    "check": "diagnostics",
    "check_dispersion": "diagnostics",
    "check_homogeneity": "diagnostics",
    "check_normality": "diagnostics",
    "check_quantiles": "diagnostics",
    "check_random_effects": "diagnostics",
    "check_outliers": "diagnostics",
    "check_spatial": "diagnostics",
    "check_statistic": "diagnostics",
    "check_temporal": "diagnostics",
    "check_uniformity": "diagnostics",
    "check_zeros": "diagnostics",
    "collinearity": "diagnostics",
    "count_table": "diagnostics",
    "mean_variance": "diagnostics",
    "icc": "diagnostics",
    "influence": "diagnostics",
    "leverage": "diagnostics",
    "lineup": "diagnostics",
    "qq_table": "diagnostics",
    "quantile_table": "diagnostics",
    "r2": "diagnostics",
    "plot_check": "plots",
    "plot_influence": "plots",
    "plot_lineup": "plots",
    "plot_qq": "plots",
    "plot_residual_quantiles": "plots",
    "plot_simulated": "plots",
    "Fit": "fitting",
    "FitMany": "fitting",
    "fit": "fitting",
    "fit_many": "fitting",
    "profile": "fitting",
    "Truth": "simulation",
    "TruthError": "simulation",
    "simulate": "simulation",
    "simulate_data": "simulation",
    "replicates": "simulation",
    "marginal_moments": "simulation",
    "Gaussian": "simulation",
    "Poisson": "simulation",
    "NegativeBinomial": "simulation",
    "Binomial": "simulation",
    "BetaBinomial": "simulation",
    "ZeroInflated": "simulation",
    "Hurdle": "simulation",
    "Truncated": "simulation",
    "ByUnits": "studies.anova",
    "SlopeSelection": "studies.matuschek",
    "binomial_interval": "studies",
    "compare_study": "studies.rerun",
    "load_study": "studies.rerun",
    "VarIdent": "simulation",
    "VarPower": "simulation",
    "AR1": "simulation",
    "over": "studies",
    "power": "studies",
    "rates": "studies",
    "read_study": "studies",
    "replay": "studies",
    "spread": "studies",
    "study": "studies",
    "type1": "studies",
}
# modules reached as attributes, such as ``mm.exact.type1_slopeless``
_MODULES: tuple[str, ...] = ("exact", "studies")

__all__ = ["__version__", *_EXPORTS, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"mmhelpers.{name}")
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'mmhelpers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mmhelpers.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS, *_MODULES})
