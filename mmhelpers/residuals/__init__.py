"""Residuals of any fit: raw, Pearson, standardised, studentised and normalised ones."""

from __future__ import annotations

from .basic import resid

__all__ = ["resid"]
