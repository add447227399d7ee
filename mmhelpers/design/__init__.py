"""Designs: chained verbs that give a data frame in long form."""

from mmhelpers.design.levels import DesignError
from mmhelpers.design.verbs import Design, cross

__all__ = ["Design", "DesignError", "cross"]
