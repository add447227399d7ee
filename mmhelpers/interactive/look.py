"""The look of interactive figures: an empty picture in the colours of the book, and what is drawn in it."""

from __future__ import annotations

from typing import Any

from mmhelpers.plots.style import INK, PAPER, QUIET

__all__ = ["dots", "empty", "legend", "level_line", "line"]


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


def legend(picture: Any) -> None:
    """Put the legend above the picture, where it covers nothing."""
    box = picture.legend[0]
    picture.add_layout(box, "above")
    box.orientation = "horizontal"
    box.border_line_color = None
    box.background_fill_alpha = 0
    box.label_text_font_size = "13px"
    box.ncols = 2
    box.location = "left"
    box.padding = 2
    box.spacing = 4


def line(picture: Any, name: str, label: str, colour: str, dash: str = "solid", width: float = 2) -> None:
    """Draw a line from the columns x and y of a source of this name."""
    from bokeh.models import ColumnDataSource

    source = ColumnDataSource({}, name=name)
    picture.line("x", "y", source=source, color=colour, line_dash=dash, line_width=width, legend_label=label)


def dots(picture: Any, name: str, label: str, colour: str, marker: str) -> None:
    """Draw points with their intervals, joined by a line, from columns x, rate, lower and upper."""
    from bokeh.models import ColumnDataSource, Whisker

    source = ColumnDataSource({}, name=name)
    picture.line("x", "rate", source=source, color=colour, line_width=2, legend_label=label)
    picture.scatter("x", "rate", source=source, color=colour, size=9, marker=marker, legend_label=label)
    whisker = Whisker(base="x", lower="lower", upper="upper", source=source, line_color=colour)
    whisker.upper_head.line_color = whisker.lower_head.line_color = colour
    whisker.upper_head.size = whisker.lower_head.size = 6
    picture.add_layout(whisker)


def level_line(picture: Any, y: float) -> None:
    """Draw a dotted line across the picture."""
    from bokeh.models.annotations import Span

    picture.add_layout(Span(location=y, dimension="width", line_color=INK, line_dash="dotted"))
