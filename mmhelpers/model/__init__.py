"""Formulas to matrices: the one place where a formula is read.

Names are imported when they are used, so that `mmhelpers.model.checks` needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "FormulaError": "tree",
    "DoubledEffectWarning": "checks",
    "MissingRowsWarning": "build",
    "UnidentifiableError": "checks",
    "build_matrices": "build",
    "fixed_matrix": "newdata",
    "random_rows": "newdata",
}

__all__ = [
    "DoubledEffectWarning",
    "FormulaError",
    "MissingRowsWarning",
    "UnidentifiableError",
    "build_matrices",
    "fixed_matrix",
    "random_rows",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mmhelpers.model' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mmhelpers.model.{_EXPORTS[name]}"), name)
