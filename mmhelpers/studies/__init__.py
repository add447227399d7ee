"""Simulation studies: Type I error and power over grids of designs, truths, models and tests."""

from mmhelpers.studies.generators import GENERATORS, find_generator
from mmhelpers.studies.outcome import Analysis, Outcome, outcome

__all__ = ["GENERATORS", "Analysis", "Outcome", "find_generator", "outcome"]
