"""Tests on residuals, each a function that gives a `TestTable`; nothing here draws."""

from __future__ import annotations

from .group_means import check_group_means

__all__ = ["check_group_means"]
