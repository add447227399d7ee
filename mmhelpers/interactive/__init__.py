"""Figures to move: a Bokeh picture, a few sliders, and a grid of results that was computed beforehand."""

from __future__ import annotations

from .errors import explore_items, explore_power, explore_type1
from .record import Control, Frame, Interactive

__all__ = ["Control", "Frame", "Interactive", "explore_items", "explore_power", "explore_type1"]
