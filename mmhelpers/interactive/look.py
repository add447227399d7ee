"""The look of interactive figures: one function that makes an empty picture, in the colours of the book."""

from __future__ import annotations

from typing import Any

from mmhelpers.plots.style import INK, PAPER, QUIET

__all__ = ["empty"]


def empty(x: str, y: str, x_range: tuple[float, float], y_range: tuple[float, float]) -> Any:
    """Give a picture with axes and nothing in it."""
    try:
        from bokeh.plotting import figure
    except ImportError:
        raise ImportError("interactive figures need bokeh: pip install bokeh") from None
    made = figure(
        height=380,
        sizing_mode="stretch_width",
        x_range=x_range,
        y_range=y_range,
        x_axis_label=x,
        y_axis_label=y,
        toolbar_location=None,
        tools="",
        background_fill_color=PAPER,
        border_fill_color=PAPER,
        outline_line_color=None,
    )
    for axis in (made.xaxis, made.yaxis):
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.axis_label_text_font_size = "14px"
        axis.major_label_text_font_size = "13px"
        axis.axis_line_color = axis.major_tick_line_color = QUIET
        axis.minor_tick_line_color = None
    made.grid.grid_line_color = "#E4DFD3"
    return made
