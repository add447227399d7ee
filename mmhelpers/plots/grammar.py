"""The pictures that recur in the book: data by group, fit over data, estimates, engines compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import CHANCE, COLOURS, INK, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_agreement", "plot_by_group", "plot_estimates", "plot_fit"]


def need_columns(table: pd.DataFrame, /, **columns: str | None) -> None:
    """Refuse column names that the table does not have, in words."""
    if not hasattr(table, "columns"):
        raise TypeError(f"the table must be a pandas DataFrame, not {type(table).__name__}")
    for argument, name in columns.items():
        if name is not None and name not in table.columns:
            raise ValueError(
                f"{argument} is {name!r}, which is no column of the table ({list(table.columns)})"
            )


def colour_map(values: Sequence[Any]) -> dict[Any, str]:
    """Give each distinct value a colour, in order of appearance; colours repeat after six."""
    return {value: COLOURS[i % len(COLOURS)] for i, value in enumerate(dict.fromkeys(values))}


@house
def plot_by_group(
    data: pd.DataFrame,
    y: str,
    group: str,
    hue: str | None = None,
    means: pd.DataFrame | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw every observation, one column of points a group.

    Parameters
    ----------
    data : pandas.DataFrame
        One row an observation.
    y, group : str
        Columns of the response and of the group.
    hue : str, optional
        Column that colours the groups and sorts them (the site of a bag, for example).
    means : pandas.DataFrame, optional
        One row a group: `group` and `y` (its mean), drawn as a bar across the points.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"bag": list("aabb"), "growth": [2.0, 3, 5, 6]})
    >>> ax = plot_by_group(data, y="growth", group="bag", ylabel="growth (mm)")
    >>> ax.get_ylabel()
    'growth (mm)'
    """
    need_columns(data, y=y, group=group, hue=hue)
    order, hues = group_order(data, group, hue)
    ax = axes_or_new(ax)
    colours = colour_map(hues)
    for position, (level, shade) in enumerate(zip(order, hues, strict=True)):
        values = data.loc[data[group] == level, y].to_numpy()
        ax.plot(
            position + jitter(len(values)),
            values,
            linestyle="none",
            marker="o",
            markersize=5,
            alpha=0.6,
            markeredgewidth=0,
            color=colours[shade],
        )
        if means is not None:
            mean = float(means.loc[means[group] == level, y].iloc[0])
            ax.plot([position - 0.32, position + 0.32], [mean, mean], color=INK, linewidth=2.5)
    label_groups(ax, order, hues if hue else None)
    ax.set_xlabel(xlabel or group)
    ax.set_ylabel(ylabel or y)
    return ax


def group_order(data: pd.DataFrame, group: str, hue: str | None) -> tuple[list[Any], list[Any]]:
    """Levels in the order they are drawn (sorted by hue first), and the hue of each."""
    if hue is None:
        levels = sorted(data[group].unique())
        return levels, [None] * len(levels)
    pairs = data[[hue, group]].drop_duplicates().sort_values([hue, group])
    if pairs[group].duplicated().any():
        twice = pairs.loc[pairs[group].duplicated(), group].iloc[0]
        raise ValueError(
            f"hue {hue!r} must be the same for all rows of a group; {group} {twice!r} has several"
        )
    return list(pairs[group]), list(pairs[hue])


def jitter(n: int, width: float = 0.18) -> np.ndarray[Any, Any]:
    """Give offsets that spread n points evenly, by a fixed sequence: a figure is always drawn alike."""
    golden = 0.6180339887498949
    return width * (2 * ((np.arange(1, n + 1) * golden) % 1) - 1)


def label_groups(ax: Axes, order: Sequence[Any], hues: Sequence[Any] | None, coloured: bool = True) -> None:
    """Name the groups below the axis, and the hues above the groups they hold."""
    ax.set_xlim(-0.7, len(order) - 0.3)
    many = len(order) > 12 or max(len(str(level)) for level in order) * len(order) > 48
    # more than two dozen names cannot be read at this width: the sets above them must do
    shown = order if len(order) <= 24 else []
    ax.set_xticks(range(len(shown)), [str(level) for level in shown])
    if many:
        ax.tick_params(axis="x", labelrotation=90)
    ax.tick_params(axis="x", length=0)
    if hues is None:
        return
    colours = colour_map(hues)
    starts = [i for i, hue in enumerate(hues) if i == 0 or hues[i - 1] != hue]
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        if start:
            ax.axvline(start - 0.5, color=CHANCE, linewidth=1, zorder=0)
        ax.text(
            (start + stop - 1) / 2,
            1.01,
            str(hues[start]),
            color=colours[hues[start]] if coloured else INK,
            transform=ax.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontweight="semibold",
        )


@house
def plot_fit(
    data: pd.DataFrame,
    x: str,
    y: str,
    line: pd.DataFrame | None = None,
    group: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a fitted line over the data.

    Parameters
    ----------
    data : pandas.DataFrame
        One row an observation.
    x, y : str
        Columns of the predictor and of the response.
    line : pandas.DataFrame, optional
        The fit: columns `x` and `y`, and `group` if there is one; with columns ``lower`` and ``upper`` its
        band.
    group : str, optional
        Column whose levels get a colour and, up to six of them, a name in the legend.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"day": [0, 1, 2], "reaction": [250.0, 262, 270]})
    >>> line = pd.DataFrame({"day": [0, 2], "reaction": [251.0, 271]})
    >>> ax = plot_fit(data, "day", "reaction", line, ylabel="reaction (ms)")
    """
    need_columns(data, x=x, y=y, group=group)
    if line is not None:
        need_columns(line, x=x, y=y)
    new = ax is None
    ax = axes_or_new(ax)
    levels: list[Any] = [None] if group is None else list(dict.fromkeys(data[group]))
    colours = colour_map(levels)
    # a line without the group's column is one for all
    one = line is not None and (group is None or group not in line.columns)
    for level in levels:
        rows = data if level is None else data[data[group] == level]
        ax.plot(
            rows[x],
            rows[y],
            linestyle="none",
            marker="o",
            alpha=0.55,
            markeredgewidth=0,
            color=colours[level],
            label=None if level is None or (line is not None and not one) else str(level),
        )
        if line is None:
            continue
        own = line if one else line[line[group] == level]
        ax.plot(
            own[x], own[y], color=INK if one else colours[level], label=None if one else str(level), zorder=3
        )
        if {"lower", "upper"} <= set(own.columns):
            ax.fill_between(
                own[x],
                own["lower"],
                own["upper"],
                color=INK if one else colours[level],
                alpha=0.15,
                linewidth=0,
            )
        if one and group is not None:
            line = None  # drawn once
    if group is not None and 1 < len(levels) <= 6:
        look: dict[str, Any] = {"title": group, "alignment": "left"}
        if new:  # above the axes, where it hides no point
            look |= {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": min(len(levels), 3)}
        ax.legend(**look)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    return ax


@house
def plot_estimates(
    table: pd.DataFrame,
    label: str = "name",
    estimate: str = "estimate",
    lower: str = "lower",
    upper: str = "upper",
    group: str | None = None,
    reference: float | None = 0.0,
    xlabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimates with their intervals, one line each, in the order of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an estimate (and engine or method).
    label, estimate, lower, upper : str
        Columns of the name, the estimate and the ends of its interval.
    group : str, optional
        Column with the engine or method: its rows of one label are drawn one below the other in its colour.
    reference : float or None
        Where to draw the line of comparison (zero, or the truth).
    xlabel : str, optional
        Axis label, with the unit; the name of the column `estimate` by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"name": ["Days"], "estimate": [10.5], "lower": [7.4], "upper": [13.6]})
    >>> ax = plot_estimates(table, xlabel="ms per day")
    """
    need_columns(table, label=label, estimate=estimate, lower=lower, upper=upper, group=group)
    names = list(dict.fromkeys(table[label]))
    kinds: list[Any] = [None] if group is None else list(dict.fromkeys(table[group]))
    colours = colour_map(kinds)
    ax = axes_or_new(ax, height=min(1.2 + 0.42 * len(names) * (1 + 0.35 * (len(kinds) - 1)), 9.0))
    step = 0.62 / max(len(kinds), 1)
    for k, kind in enumerate(kinds):
        rows = table if kind is None else table[table[group] == kind]
        at = [names.index(name) + step * (k - (len(kinds) - 1) / 2) for name in rows[label]]
        ax.hlines(at, rows[lower], rows[upper], color=colours[kind], linewidth=2)
        ax.plot(
            rows[estimate],
            at,
            linestyle="none",
            marker="o",
            markersize=7,
            color=colours[kind],
            label=None if kind is None else str(kind),
        )
    if reference is not None:
        ax.axvline(reference, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    ax.set_yticks(range(len(names)), [str(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel or estimate)
    if group is not None:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(kinds), 3), borderaxespad=0.2)
    return ax


@house
def plot_agreement(
    table: pd.DataFrame, tolerance: float = 1e-3, xlabel: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how far engines differ in each estimate, and whether that is further than it should be.

    Parameters
    ----------
    table : pandas.DataFrame
        What `agreement` gives: its column "relative" is drawn.
    tolerance : float
        Relative difference up to which engines count as agreeing.
    xlabel : str, optional
        Axis label.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"a": [10.0], "b": [10.001], "relative": [1e-4]}, index=["Days"])
    >>> ax = plot_agreement(table)
    """
    need_columns(table, column="relative")
    shown = table[table["relative"].notna()]
    ax = axes_or_new(ax, height=min(1.5 + 0.36 * len(shown), 9.0))
    floor = 1e-12  # below this, differences are rounding
    values = np.clip(shown["relative"].to_numpy(dtype=float), floor, None)
    far = values > tolerance
    at = np.arange(len(shown))
    right = max(1.0, 3 * float(values.max(initial=0.0)))
    ax.axvspan(tolerance, right, color=CHANCE, linewidth=0, zorder=0)
    for chosen, colour, marker in ((~far, COLOURS[0], "o"), (far, COLOURS[1], "D")):
        ax.hlines(at[chosen], floor, values[chosen], color=colour, linewidth=2)
        ax.plot(
            values[chosen],
            at[chosen],
            linestyle="none",
            marker=marker,
            markersize=7,
            color=colour,
            clip_on=False,
        )
    ax.set_xscale("log")
    ax.set_xlim(floor, right)
    ax.set_xticks([1e-12, 1e-9, 1e-6, 1e-3, 1.0], ["0", "1e-9", "1e-6", "0.001", "1"])
    ax.minorticks_off()
    ax.set_yticks(at, [str(name) for name in shown.index])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    for words, side in (("agree ", "right"), (" differ", "left")):
        ax.text(tolerance, 1.01, words, transform=ax.get_xaxis_transform(), color=QUIET, va="bottom", ha=side)
    ax.set_xlabel(xlabel or "largest relative difference between engines")
    return ax
