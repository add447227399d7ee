"""One small panel a group, all on one scale, to see whether groups differ in level, in slope, or in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .grammar import need_columns
from .style import COLOURS, INK, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_bundles", "plot_group_lines", "plot_panels"]


@house
def plot_panels(
    data: pd.DataFrame,
    x: str,
    y: str,
    group: str,
    lines: Mapping[str, pd.DataFrame] | None = None,
    order: Sequence[Any] | None = None,
    n_columns: int = 6,
    height: float = 1.35,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw the data of each group in a panel of its own, with a line or several.

    Parameters
    ----------
    data : pandas.DataFrame
        One row an observation.
    x, y, group : str
        Columns of the predictor, the response and the group.
    lines : mapping of str to pandas.DataFrame, optional
        Name of each line in the legend, and a table with columns `group`, `x` and `y`: its points. A table
        without the column `group` is drawn in all panels alike.
    order : sequence, optional
        Groups in the order of the panels, from the top left along the rows; sorted by default.
    n_columns : int
        Panels in a row.
    height : float
        Height of a row of panels, in inches.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.

    Returns
    -------
    array of matplotlib Axes, shape (number of groups,)

    Raises
    ------
    ValueError
        If a column is missing, or `order` has groups that the data do not have.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> axes = plot_panels(mm.load("sleepstudy"), "Days", "Reaction", "Subject", ylabel="reaction (ms)")
    >>> len(axes)
    18
    """
    import matplotlib.pyplot as plt

    need_columns(data, x=x, y=y, group=group)
    there = set(data[group])
    groups = sorted(there) if order is None else list(order)
    strange = [level for level in groups if level not in there]
    if strange:
        raise ValueError(f"order has {strange[0]!r}, which is no level of {group!r} in the data")
    n_columns = min(n_columns, len(groups))
    n_rows = -(-len(groups) // n_columns)
    figure, grid = plt.subplots(
        n_rows, n_columns, sharex=True, sharey=True, squeeze=False, figsize=(6.4, 0.7 + height * n_rows)
    )
    panels: list[Axes] = list(grid.flat)
    for panel, level in zip(panels, groups, strict=False):
        rows = data[data[group] == level]
        panel.plot(rows[x], rows[y], linestyle="none", marker="o", markersize=3, color=QUIET, alpha=0.8)
        for k, (name, table) in enumerate((lines or {}).items()):
            own = table[table[group] == level] if group in table.columns else table
            panel.plot(
                own[x],
                own[y],
                color=(COLOURS[0], COLOURS[1], INK)[k % 3],
                linestyle=("-", (0, (4, 1.5)), ":")[k % 3],
                linewidth=1.8,
                label=name,
            )
        panel.set_title(str(level), fontsize="small", pad=2)
    for position, panel in enumerate(panels):
        panel.set_visible(position < len(groups))
        panel.tick_params(labelsize="small")
        if position < len(groups) <= position + n_columns:  # nothing below it in its column
            panel.tick_params(labelbottom=True)
    figure.supxlabel(xlabel or x, fontsize="medium")
    figure.supylabel(ylabel or y, fontsize="medium")
    if lines:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 3))
    return np.array(panels[: len(groups)], dtype=object)


@house
def plot_group_lines(
    data: pd.DataFrame,
    x: str,
    y: str,
    group: str,
    lines: pd.DataFrame,
    line_name: str = "one line a group",
    overall: Mapping[str, pd.DataFrame] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the lines of all groups in one panel and one colour, over the data, and lines for all of them.

    Parameters
    ----------
    data : pandas.DataFrame
        One row an observation.
    x, y, group : str
        Columns of the predictor, the response and the group.
    lines : pandas.DataFrame
        Columns `group`, `x` and `y`: points of each group's line.
    line_name : str
        What the legend calls these lines.
    overall : mapping of str to pandas.DataFrame, optional
        Name in the legend and table (`x`, `y`) of each line that is drawn across the groups.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> ax = plot_group_lines(sleep, "Days", "Reaction", "Subject", sleep, line_name="raw")
    """
    need_columns(data, x=x, y=y, group=group)
    need_columns(lines, x=x, y=y, group=group)
    ax = axes_or_new(ax)
    ax.plot(data[x], data[y], linestyle="none", marker="o", markersize=3.5, color=QUIET, alpha=0.35)
    for k, (_, own) in enumerate(lines.groupby(group, observed=True)):
        own = own.sort_values(x)
        label = line_name if k == 0 else None
        ax.plot(own[x], own[y], color=COLOURS[0], linewidth=1.4, alpha=0.85, label=label)
    for k, (name, table) in enumerate((overall or {}).items()):
        style = ("-", (0, (5, 2)), ":")[k % 3]
        ax.plot(table[x], table[y], color=(COLOURS[1], INK)[k % 2], linewidth=3, linestyle=style, label=name)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@house
def plot_bundles(
    lines: pd.DataFrame,
    x: str,
    y: str,
    line: str,
    panel: str,
    n_columns: int = 2,
    height: float = 2.3,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw bundles of lines, one panel a bundle, all on one scale.

    Parameters
    ----------
    lines : pandas.DataFrame
        Points of the lines: columns `x`, `y`, `line` (which line) and `panel` (which bundle).
    x, y, line, panel : str
        Its columns.
    n_columns : int
        Panels in a row.
    height : float
        Height of a row of panels, in inches.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.

    Returns
    -------
    array of matplotlib Axes, shape (number of bundles,)

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": [0, 1] * 2, "y": [0.0, 1, 1, 2], "who": list("aabb"), "model": "(1 | who)"})
    >>> axes = plot_bundles(table, "x", "y", line="who", panel="model")
    >>> axes[0].get_title(loc="left")
    '(1 | who)'
    """
    import matplotlib.pyplot as plt

    need_columns(lines, x=x, y=y, line=line, panel=panel)
    names = list(dict.fromkeys(lines[panel]))
    n_rows = -(-len(names) // n_columns)
    figure, grid = plt.subplots(
        n_rows, n_columns, sharex=True, sharey=True, squeeze=False, figsize=(6.4, 0.4 + height * n_rows)
    )
    for ax in grid.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(grid.flat, names, strict=False):
        for _, own in lines[lines[panel] == name].groupby(line, observed=True):
            own = own.sort_values(x)
            ax.plot(own[x], own[y], color=COLOURS[0], linewidth=1.4, alpha=0.85)
        ax.set_title(str(name), fontsize="small", pad=3)
    figure.supxlabel(xlabel or x, fontsize="medium")
    figure.supylabel(ylabel or y, fontsize="medium")
    return np.array(list(grid.flat)[: len(names)], dtype=object)
