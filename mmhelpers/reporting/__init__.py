"""From a fit of any engine to what a paper says of it: a table, sentences, a methods paragraph, a figure.

Numbers come from the fit, words from here, and no p-value leaves without the method that gave it.
"""

from __future__ import annotations

from .effects import effect_table
from .make import report
from .record import Report

__all__ = ["Report", "effect_table", "report"]
