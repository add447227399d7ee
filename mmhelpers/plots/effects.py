"""The figure of effects that a paper shows: what the model says, with its interval, over the raw data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .grammar import colour_map, jitter, need_columns
from .style import COLOURS, INK, QUIET, axes_or_new, house, legend_below

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_effects"]


@house
def plot_effects(
    table: pd.DataFrame,
    data: pd.DataFrame,
    x: str,
    y: str,
    by: str | None = None,
    group: str | None = None,
    interval: str = "95% interval",
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw means that a model predicts, with their intervals, over every observation and every group.

    Parameters
    ----------
    table : pandas.DataFrame
        What `effect_table` gives: columns `x`, (`by`,) fit, lower, upper. A numeric `x` gives a line with a band, any
        other a mean and its interval for each level, beside the points of that level.
    data : pandas.DataFrame
        One row an observation: columns `x`, `y`, and `by` and `group` if they are named.
    x, y : str
        The variable along the axis, and the response.
    by : str, optional
        Factor that has a colour for each level.
    group : str, optional
        Grouping factor: a thin line joins the means of each of its levels.
    interval : str
        What the intervals are called in the legend.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import mmhelpers as mm
    >>> machines = mm.load("Machines")
    >>> fit = mm.fit("score ~ Machine + (Machine | Worker)", machines)
    >>> ax = plot_effects(mm.effect_table(fit, "Machine"), machines, "Machine", "score", group="Worker")
    """
    need_columns(table, x=x, by=by, fit="fit", lower="lower", upper="upper")
    need_columns(data, x=x, y=y, by=by, group=group)
    own = ax is None
    ax = axes_or_new(ax)
    kinds: list[Any] = [None] if by is None else list(dict.fromkeys(table[by]))
    colours = colour_map(kinds)
    numeric = np.issubdtype(np.asarray(table[x]).dtype, np.number)
    levels = list(dict.fromkeys(table[x]))
    place = {level: float(level if numeric else i) for i, level in enumerate(levels)}
    for k, kind in enumerate(kinds):
        raw = data if kind is None else data[data[by] == kind]
        rows = table if kind is None else table[table[by] == kind]
        colour = COLOURS[0] if kind is None else colours[kind]
        # families stand side by side within a level of a factor, the mean to the right of its points
        width = 0.0 if numeric else 0.7 / len(kinds)
        centre = 0.0 if numeric else (k - (len(kinds) - 1) / 2) * width
        at = raw[x].astype(float) if numeric else raw[x].map(place).astype(float) + centre - width * 0.15
        _groups(ax, raw.assign(**{" at": np.asarray(at)}), y, group)
        spread = 0.0 if numeric else jitter(len(raw), width * 0.2)
        ax.plot(
            np.asarray(at) + spread, raw[y], linestyle="none", marker="o", markersize=4, alpha=0.45,
            markeredgewidth=0, color=colour, zorder=2, label=None if k else "observations",
        )  # fmt: skip
        label = f"model, {interval}" if kind is None else str(kind)
        strong = INK if kind is None else colour
        if numeric:
            ax.plot(rows[x], rows["fit"], color=strong, linewidth=2.4, zorder=4, label=label)
            ax.fill_between(
                rows[x], rows["lower"], rows["upper"], color=strong, alpha=0.18, linewidth=0, zorder=3
            )
            continue
        here = rows[x].map(place).astype(float) + centre + width * 0.28
        ax.vlines(here, rows["lower"], rows["upper"], color=strong, linewidth=2.4, zorder=4)
        ax.plot(
            here, rows["fit"], linestyle="none", marker="D", markersize=7, color=strong, zorder=5, label=label
        )
    if not numeric:
        ax.set_xticks(range(len(levels)), [str(level) for level in levels])
        ax.set_xlim(-0.6, len(levels) - 0.4)
        ax.tick_params(axis="x", length=0)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    title = None if by is None else f"{by}: model, {interval}"
    legend_below(ax, own, *ax.get_legend_handles_labels(), title)
    return ax


def _groups(ax: Axes, raw: pd.DataFrame, y: str, group: str | None) -> None:
    """Draw a thin line through the means of each group."""
    if group is None:
        return
    means = raw.groupby([group, " at"], observed=True)[y].mean().reset_index()
    name = f"means by {group}"
    first = not any(line.get_label() == name for line in ax.lines)
    for _, rows in means.groupby(group, observed=True):
        ax.plot(
            rows[" at"], rows[y], color=QUIET, linewidth=0.9, alpha=0.6, zorder=1,
            marker="_" if len(rows) == 1 else None, label=name if first else None,
        )  # fmt: skip
        first = False
