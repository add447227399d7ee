"""Shrinkage: from what a group's own data say to what the mixed model says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .grammar import need_columns
from .style import COLOURS, INK, PAPER, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_by_size", "plot_shrinkage", "plot_shrinkage_plane"]

RAW, POOLED = COLOURS[1], COLOURS[0]


@house
def plot_shrinkage(
    table: pd.DataFrame,
    group: str,
    raw: str,
    pooled: str,
    centre: float,
    xlabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw each group's own mean, and an arrow to where partial pooling puts it.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a group, drawn from the top in this order.
    group, raw, pooled : str
        Columns of the group's name, its own mean, and its partially pooled mean.
    centre : float
        The mean that complete pooling gives to all groups.
    xlabel : str, optional
        Axis label, with the unit; the name of the column `raw` by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"batch": ["A", "B"], "own": [10.0, 20.0], "pooled": [12.0, 18.0]})
    >>> ax = plot_shrinkage(table, "batch", "own", "pooled", centre=15.0, xlabel="yield (g)")
    """
    need_columns(table, group=group, raw=raw, pooled=pooled)
    ax = axes_or_new(ax, height=min(1.6 + 0.36 * len(table), 9.0))
    at = np.arange(len(table))
    ax.axvline(centre, color=QUIET, linewidth=1.2, linestyle=(0, (4, 3)), label="complete pooling", zorder=0)
    for row, (start, stop) in enumerate(zip(table[raw], table[pooled], strict=True)):
        _arrow(ax, (start, row), (stop, row))
    ax.plot(table[raw], at, "o", markersize=8, color=RAW, markeredgecolor=PAPER, label="no pooling")
    ax.plot(
        table[pooled], at, "D", markersize=7, color=POOLED, markeredgecolor=PAPER, label="partial pooling"
    )
    ax.set_yticks(at, [str(name) for name in table[group]])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel(group)
    ax.set_xlabel(xlabel or raw)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@house
def plot_shrinkage_plane(
    raw: pd.DataFrame,
    pooled: pd.DataFrame,
    x: str,
    y: str,
    centre: pd.Series[float],
    names: Sequence[Any] = (),
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two coefficients of each group, and an arrow from its own fit to the mixed model's.

    Parameters
    ----------
    raw, pooled : pandas.DataFrame
        Coefficients of each group, the groups as index: from fits to each group alone, and from the mixed model.
    x, y : str
        Columns of the coefficients, in both tables.
    centre : pandas.Series
        Coefficients of the average group.
    names : sequence, optional
        Groups whose names are written beside their own fit.
    xlabel, ylabel : str, optional
        Axis labels, with the unit.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> own = pd.DataFrame({"start": [240.0, 260.0], "slope": [5.0, 15.0]}, index=["s1", "s2"])
    >>> ax = plot_shrinkage_plane(own, own * 0.5 + [125, 5], "start", "slope", own.mean(), names=["s1"])
    """
    for table in (raw, pooled):
        need_columns(table, x=x, y=y)
    ax = axes_or_new(ax, height=4.8)
    pooled = pooled.loc[raw.index]
    for level in raw.index:
        _arrow(ax, tuple(raw.loc[level, [x, y]]), tuple(pooled.loc[level, [x, y]]))
    ax.plot(raw[x], raw[y], "o", markersize=7, color=RAW, markeredgecolor=PAPER, label="each alone")
    ax.plot(pooled[x], pooled[y], "D", markersize=6, color=POOLED, markeredgecolor=PAPER, label="mixed model")
    ax.plot([centre[x]], [centre[y]], "+", markersize=14, markeredgewidth=2.5, color=INK, label="average")
    for level in names:
        ax.annotate(
            str(level), tuple(raw.loc[level, [x, y]]), xytext=(6, 5), textcoords="offset points", color=INK
        )
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@house
def plot_by_size(
    table: pd.DataFrame,
    size: str,
    columns: Sequence[str],
    mark: pd.DataFrame,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw estimates of groups against the size of the groups, one panel an estimate, on one scale.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a group.
    size : str
        Column with the number of observations of the group (drawn on a logarithmic scale).
    columns : sequence of str
        Columns with the estimates; each gets a panel of its name.
    mark : pandas.DataFrame
        Groups to stand out, one boolean column for each of `columns`, rows as in `table`.
    xlabel, ylabel : str, optional
        Axis labels, with the unit.

    Returns
    -------
    array of matplotlib Axes, shape (number of columns,)

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"n": [2, 20, 40], "mean": [9.0, 12.0, 11.0]})
    >>> axes = plot_by_size(table, "n", ["mean"], table[["mean"]] < 10)
    """
    import matplotlib.pyplot as plt

    need_columns(table, size=size, **{f"columns[{i}]": name for i, name in enumerate(columns)})
    figure, grid = plt.subplots(1, len(columns), sharex=True, sharey=True, squeeze=False, figsize=(6.4, 3.6))
    panels: list[Axes] = list(grid[0])
    for panel, name in zip(panels, columns, strict=True):
        chosen = mark[name].to_numpy(dtype=bool)
        for rows, colour, marker, label in (
            (~chosen, QUIET, "o", "other"),
            (chosen, COLOURS[1], "D", "top or bottom"),
        ):
            panel.plot(
                table.loc[rows, size],
                table.loc[rows, name],
                linestyle="none",
                marker=marker,
                markersize=6 if marker == "o" else 7,
                color=colour,
                markeredgecolor=PAPER,
                label=label,
            )
        panel.set_xscale("log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200) if tick <= table[size].max() * 1.1]
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set_title(name, fontsize="medium")
    panels[0].set_ylabel(ylabel or "estimate")
    figure.supxlabel(xlabel or size, fontsize="medium")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return np.array(panels, dtype=object)


def _arrow(ax: Axes, start: tuple[float, ...], stop: tuple[float, ...]) -> None:
    ax.annotate(
        "",
        xy=(stop[0], stop[1]),
        xytext=(start[0], start[1]),
        arrowprops={"arrowstyle": "-|>", "color": QUIET, "linewidth": 1, "shrinkA": 0, "shrinkB": 2},
    )
