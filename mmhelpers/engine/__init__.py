"""The engine: many mixed models on one design at once, by ML or REML, with exact derivatives."""

from mmhelpers.engine.arrays import fit_arrays
from mmhelpers.engine.batch import fit_matrices
from mmhelpers.engine.satterthwaite import contrast_df, satterthwaite

__all__ = ["contrast_df", "fit_arrays", "fit_matrices", "satterthwaite"]
