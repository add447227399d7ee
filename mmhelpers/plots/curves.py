"""What a formula says, as lines, beside what simulations or fits found, as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .grammar import colour_map, need_columns
from .style import COLOURS, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_curves"]


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
            loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(kinds), 3), borderaxespad=0.2,
            title=by, alignment="left",
        )  # fmt: skip
    return ax
