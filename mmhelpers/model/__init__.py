"""Formulas to matrices: the one place where a formula is read."""

from mmhelpers.model.build import MissingRowsWarning, build_matrices
from mmhelpers.model.checks import UnidentifiableError
from mmhelpers.model.newdata import fixed_matrix, random_rows
from mmhelpers.model.parse import FormulaError, parse_formula

__all__ = [
    "FormulaError",
    "MissingRowsWarning",
    "UnidentifiableError",
    "build_matrices",
    "fixed_matrix",
    "parse_formula",
    "random_rows",
]
