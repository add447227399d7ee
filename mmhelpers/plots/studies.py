"""What simulation studies find: rates with their intervals, power over a grid, one data set under the microscope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..testtable import p_phrase
from .grammar import colour_map, need_columns
from .style import CHANCE, INK, QUIET, axes_or_new, house, legend_below

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_microscope", "plot_power", "plot_pvalue_quantiles", "plot_rates"]


@house
def plot_rates(
    table: pd.DataFrame,
    x: str,
    by: str = "model",
    curves: pd.DataFrame | None = None,
    reference: float | None = 0.05,
    xlabel: str | None = None,
    ylabel: str = "data sets rejected",
    ax: Axes | None = None,
) -> Axes:
    """Draw rejection rates with their intervals, and what a formula says where there is one.

    Parameters
    ----------
    table : pandas.DataFrame
        From `mmhelpers.rates`, `mmhelpers.type1` or `mmhelpers.power`, with a column for `x`: columns ``rate``,
        ``lower``, ``upper``.
    x : str
        Column of the horizontal axis, such as the slopes' standard deviation.
    by : str
        Column that tells the rates apart: a colour each.
    curves : pandas.DataFrame, optional
        Columns `x`, `by` and ``rate``: exact rates, drawn as lines. Rates without a curve are joined by thin lines,
        in a band of their intervals.
    reference : float or None
        Where to draw a line across, the nominal level.
    xlabel, ylabel : str, optional
        Axis labels, with the unit.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"sd": [0, 4], "model": "slope-less", "rate": [0.05, 0.21], "lower": [0.04, 0.2],
    ...                       "upper": [0.06, 0.22]})
    >>> ax = plot_rates(table, "sd", xlabel="SD of the slopes (ms a day)")
    >>> ax.get_ylabel()
    'data sets rejected'
    """
    need_columns(table, x=x, by=by, rate="rate", lower="lower", upper="upper")
    if curves is not None:
        need_columns(curves, x=x, by=by, rate="rate")
    from matplotlib.ticker import FuncFormatter

    own = ax is None
    ax = axes_or_new(ax)
    kinds = list(dict.fromkeys(table[by]))
    colours = colour_map(kinds)
    if reference is not None:
        ax.axhline(reference, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for kind in kinds:
        found = table[table[by] == kind].sort_values(x)
        exact = None if curves is None else curves[curves[by] == kind].sort_values(x)
        if exact is not None and len(exact):
            ax.plot(exact[x], exact["rate"], color=colours[kind])
        else:
            # a band goes straight from dot to dot, so a bent exact curve would leave it between them
            ax.fill_between(
                found[x].to_numpy(dtype=float), found["lower"], found["upper"],
                color=colours[kind], alpha=0.2, linewidth=0,
            )  # fmt: skip
            ax.plot(found[x], found["rate"], color=colours[kind], linewidth=0.8)
        ax.errorbar(
            found[x], found["rate"], yerr=np.abs(found[["lower", "upper"]].to_numpy().T - found["rate"].to_numpy()),
            linestyle="none", marker="o", markersize=6, color=colours[kind], elinewidth=1.2, label=str(kind),
        )  # fmt: skip
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    ax.set_ylim(bottom=0)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel)
    if len(kinds) > 1 or str(kinds[0]):
        legend_below(ax, own, *ax.get_legend_handles_labels())
    return ax


@house
def plot_power(
    table: pd.DataFrame,
    x: str,
    y: str,
    levels: Sequence[float] = (0.5, 0.8, 0.9),
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw lines of equal power over a grid of designs, subjects against trials.

    Parameters
    ----------
    table : pandas.DataFrame
        From `mmhelpers.power` with `mmhelpers.spread`, one model and one test: columns ``rate``, `x` and `y`, a row for
        every point of the grid.
    x, y : str
        Columns of the two axes.
    levels : sequence of float
        The power of each line.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the grid is not complete, or has several rows a point.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"n": [6, 12, 6, 12], "trials": [5, 5, 10, 10], "rate": [0.3, 0.6, 0.5, 0.9]})
    >>> ax = plot_power(table, "n", "trials", xlabel="subjects")
    """
    from matplotlib.colors import LinearSegmentedColormap

    need_columns(table, x=x, y=y, rate="rate")
    if table.duplicated([x, y]).any():
        raise ValueError(f"the table has several rows for one {x} and {y}: take one model and one test")
    wide = table.pivot(index=y, columns=x, values="rate").sort_index().sort_index(axis=1)
    if wide.isna().to_numpy().any() or min(wide.shape) < 2:
        raise ValueError(f"the grid of {x} and {y} must be complete, with two values or more of each")
    own = ax is None
    ax = axes_or_new(ax)
    shades = LinearSegmentedColormap.from_list("power", ["#FBFAF7", "#9CC6DD"])
    at = np.asarray(wide.columns, dtype=float), np.asarray(wide.index, dtype=float)
    mesh = ax.pcolormesh(*at, wide.to_numpy(), cmap=shades, vmin=0, vmax=1, shading="gouraud")
    mesh.set_rasterized(True)
    inside = [v for v in levels if wide.to_numpy().min() < v < wide.to_numpy().max()]
    if inside:
        lines = ax.contour(*at, wide.to_numpy(), levels=sorted(inside), colors=INK, linewidths=1.5)
        for label in ax.clabel(lines, fmt=lambda v: f"{100 * v:g}%", fontsize=11):
            label.set_clip_on(False)
    grid = np.array(np.meshgrid(*at)).reshape(2, -1)
    ax.plot(*grid, linestyle="none", marker="o", markersize=3.5, color=QUIET, clip_on=False)
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    if own:
        ax.set_title("power")
    return ax


@house
def plot_pvalue_quantiles(
    table: pd.DataFrame,
    by: str = "model",
    alpha: float | None = 0.05,
    xlabel: str = "expected if nothing is there",
    ylabel: str = "p-value",
    ax: Axes | None = None,
) -> Axes:
    """Draw quantiles of p-values against uniform ones, on logarithmic scales: below the band, too many are small.

    Parameters
    ----------
    table : pandas.DataFrame
        From `mmhelpers.pvalue_quantiles`: columns ``expected``, ``observed``, ``lower``, ``upper``.
    by : str
        Column that tells the p-values apart: a colour each.
    alpha : float or None
        Where to draw a line across, the nominal level.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": "a", "expected": [0.1, 0.5], "observed": [0.05, 0.5], "lower": [0.01, 0.1],
    ...                       "upper": [0.4, 0.9]})
    >>> plot_pvalue_quantiles(table).get_xscale()
    'log'
    """
    need_columns(table, by=by, a="expected", b="observed", c="lower", d="upper")
    own = ax is None
    ax = axes_or_new(ax)
    kinds = list(dict.fromkeys(table[by]))
    colours = colour_map(kinds)
    # one band for all: the widest, that of the fewest data sets
    sizes = {kind: float(table.loc[table[by] == kind, "expected"].min()) for kind in kinds}
    band = table[table[by] == max(sizes, key=lambda kind: sizes[kind])].sort_values("expected")
    ax.fill_between(band["expected"], band["lower"], band["upper"], color=CHANCE, linewidth=0, zorder=0)
    ax.plot(band["expected"], band["expected"], color=QUIET, linewidth=1, zorder=1)
    if alpha is not None:
        ax.axhline(alpha, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for kind in kinds:
        found = table[table[by] == kind].sort_values("expected")
        ax.plot(found["expected"], found["observed"], color=colours[kind], label=str(kind))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(bottom=float(band["lower"].min()) / 3, top=1)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    legend_below(ax, own, *ax.get_legend_handles_labels())
    return ax


@house
def plot_microscope(
    data: pd.DataFrame,
    lines: pd.DataFrame,
    tests: pd.DataFrame,
    x: str,
    y: str,
    group: str,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw one simulated data set once for each model, with its fit and its p-value.

    Parameters
    ----------
    data : pandas.DataFrame
        One data set, ``replay(...).data``.
    lines : pandas.DataFrame
        ``replay(...).lines(...)``: columns ``model``, `group`, `x`, `y` (the fit for this group) and ``mean`` (for an
        average group).
    tests : pandas.DataFrame
        ``replay(...).rows``: columns ``model``, ``test``, ``p``; the first row of each model is shown.
    x, y, group : str
        Columns of the predictor, the response and the group.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.

    Returns
    -------
    array of matplotlib Axes, shape (number of models,)

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"g": list("aabb"), "x": [0, 1, 0, 1], "y": [0.0, 1, 1, 3]})
    >>> lines = data.assign(model="slope-less", mean=[0.5, 2, 0.5, 2])
    >>> tests = pd.DataFrame({"model": ["slope-less"], "test": ["wald"], "p": [0.03]})
    >>> plot_microscope(data, lines, tests, "x", "y", "g")[0].get_title(loc="left")
    'slope-less: p = 0.030'
    """
    import matplotlib.pyplot as plt

    need_columns(data, x=x, y=y, group=group)
    need_columns(lines, x=x, y=y, group=group, model="model", mean="mean")
    need_columns(tests, model="model", p="p")
    models = list(dict.fromkeys(lines["model"]))
    colours = colour_map(models)
    _, axes = plt.subplots(
        1,
        len(models),
        sharex=True,
        sharey=True,
        squeeze=False,
        figsize=(6.4, 3.6 if len(models) > 1 else 4.0),
    )
    panels: list[Axes] = list(axes[0])
    for panel, model in zip(panels, models, strict=True):
        panel.plot(data[x], data[y], linestyle="none", marker="o", markersize=3, color=QUIET, alpha=0.5)
        fit = lines[lines["model"] == model]
        for _, own in fit.groupby(group, observed=True):
            own = own.sort_values(x)
            panel.plot(own[x], own[y], color=colours[model], linewidth=0.9, alpha=0.7)
        mean = fit.drop_duplicates(x).sort_values(x)
        panel.plot(mean[x], mean["mean"], color=INK, linewidth=3)
        p = tests.loc[tests["model"] == model, "p"]
        panel.set_title(f"{model}: {p_phrase(p.iloc[0]) if len(p) else 'no test'}", fontsize="medium")
        panel.set_xlabel(xlabel or x)
    panels[0].set_ylabel(ylabel or y)
    return np.array(panels, dtype=object)
