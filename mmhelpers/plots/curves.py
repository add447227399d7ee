"""What a formula says, as lines, beside what simulations or fits found, as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import colour_map, need_columns
from .style import COLOURS, INK, PAPER, QUIET, axes_or_new, house

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_bands", "plot_curves"]


@house
def plot_curves(
    curves: pd.DataFrame,
    x: str,
    y: str,
    by: str | None = None,
    dots: pd.DataFrame | None = None,
    reference: float | None = None,
    logx: bool = False,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves, and dots over them.

    Parameters
    ----------
    curves : pandas.DataFrame
        One row a point of a curve.
    x, y : str
        Columns of both tables.
    by : str, optional
        Column that tells the curves apart; each gets a colour, a name in the legend
        (whose title is the column's name), and the dots of its name.
    dots : pandas.DataFrame, optional
        What was found, with the same columns.
    reference : float, optional
        Where to draw a horizontal line of comparison.
    logx : bool
        Draw x on a logarithmic scale, labelled at the dots.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"groups": [2, 10, 50], "error": [1.0, 0.8, 0.7]})
    >>> ax = plot_curves(curve, "groups", "error", dots=curve.iloc[1:], ylabel="mean squared error")
    """
    need_columns(curves, x=x, y=y, by=by)
    if dots is not None:
        need_columns(dots, x=x, y=y, by=by)
    ax = axes_or_new(ax)
    kinds = [None] if by is None else list(dict.fromkeys(curves[by]))
    colours = colour_map(kinds) if by is not None else {None: COLOURS[0]}
    if reference is not None:
        ax.axhline(reference, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for kind in kinds:
        own = curves if by is None else curves[curves[by] == kind]
        ax.plot(own[x], own[y], color=colours[kind], label=None if kind is None else str(kind))
        if dots is not None:
            found = dots if by is None else dots[dots[by] == kind]
            ax.plot(
                found[x], found[y], linestyle="none", marker="o", markersize=7, color=colours[kind], zorder=3
            )
    if logx:
        ax.set_xscale("log")
        if dots is not None:
            at = sorted(set(dots[x]))
            ax.set_xticks(at, [f"{value:g}" for value in at])
            ax.minorticks_off()
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    if by is not None:
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=_legend_columns(kinds),
            borderaxespad=0.2,
            title=by,
            alignment="left",
        )
    return ax


def _legend_columns(kinds: Sequence[object]) -> int:
    """Choose how many columns of a legend fit over the axes: a wider one would squeeze them."""
    for n in (3, 2):
        if len(kinds) >= n:
            columns = np.array_split([len(str(kind)) for kind in kinds], n)
            if sum(column.max() + 6 for column in columns) <= 55:  # 6 letters for the line and the gap
                return n
    return 1


@house
def plot_bands(
    bands: pd.DataFrame,
    x: str,
    lower: str = "lower",
    upper: str = "upper",
    by: str = "band",
    line: pd.DataFrame | None = None,
    y: str | None = None,
    points: pd.DataFrame | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw bands inside each other, such as intervals for a mean, for a group and for an observation.

    Parameters
    ----------
    bands : pandas.DataFrame
        One row a value of x and a band; the widest band first is not needed, it is drawn at the back.
    x, lower, upper, by : str
        Its columns; `by` names the bands, in the legend, too.
    line : pandas.DataFrame, optional
        A line over the bands: columns `x` and `y`.
    y : str, optional
        Column of `line` and of `points`.
    points : pandas.DataFrame, optional
        Observations to draw over them: columns `x` and `y`.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> band = pd.DataFrame({"day": [0, 9], "lower": [240.0, 320], "upper": [260.0, 370], "band": "mean"})
    >>> ax = plot_bands(band, "day", ylabel="ms")
    """
    from matplotlib.colors import to_rgb

    need_columns(bands, x=x, lower=lower, upper=upper, by=by)
    for table in (line, points):
        if table is not None:
            need_columns(table, x=x, y=y)
    ax = axes_or_new(ax)
    kinds = list(dict.fromkeys(bands[by]))
    colours = colour_map(kinds)
    width = {kind: float((own[upper] - own[lower]).mean()) for kind, own in bands.groupby(by, observed=True)}
    for kind in sorted(kinds, key=width.__getitem__, reverse=True):
        own = bands[bands[by] == kind].sort_values(x)
        # a solid tint: bands that shine through each other would have colours that the legend does not show
        tint = 0.35 * np.array(to_rgb(colours[kind])) + 0.65 * np.array(to_rgb(PAPER))
        ax.fill_between(own[x], own[lower], own[upper], color=tint, linewidth=0, label=str(kind))
        for edge in (lower, upper):
            ax.plot(own[x], own[edge], color=colours[kind], linewidth=1.2)
    if points is not None:
        ax.plot(points[x], points[y], linestyle="none", marker="o", markersize=3.5, color=QUIET, alpha=0.6)
    if line is not None:
        ax.plot(line[x], line[y], color=INK, linewidth=2)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y or "")
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=_legend_columns(kinds),
        borderaxespad=0.2,
        handlelength=1.5,
        columnspacing=1.2,
    )
    return ax
