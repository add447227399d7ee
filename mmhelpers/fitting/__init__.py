"""The user's face of the engine: fit, summary, prediction, intervals."""

from mmhelpers.fitting.many import FitMany, fit_many
from mmhelpers.fitting.profile import profile
from mmhelpers.fitting.single import Fit, fit

__all__ = ["Fit", "FitMany", "fit", "fit_many", "profile"]
