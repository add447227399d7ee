"""Pictures of counts: how often each was seen and expected, and the variance along the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import colour_map, need_columns
from .style import CHANCE, COLOURS, INK, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_counts", "plot_mean_variance"]


@house
def plot_counts(
    table: pd.DataFrame, xlabel: str = "count", ylabel: str = "observations", ax: Axes | None = None
) -> Axes:
    """Draw how often each count was seen, as bars, and how often each model expects it, as dots.

    Parameters
    ----------
    table : pandas.DataFrame
        What `count_table` gives.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": "Poisson", "count": [0, 1], "observed": [3, 5], "expected": [4.0, 4.0]})
    >>> ax = plot_counts(table.assign(lower=2.0, upper=6.0))
    """
    need_columns(table, a="model", b="count", c="observed", d="expected", e="lower", f="upper")
    ax = axes_or_new(ax)
    models = list(dict.fromkeys(table["model"]))
    colours = colour_map(models)
    first = table[table["model"] == models[0]]
    ax.bar(first["count"], first["observed"], width=0.86, color=CHANCE, label="observed", zorder=0)
    step = 0.5 / max(len(models), 1)
    for k, model in enumerate(models):
        own = table[table["model"] == model]
        at = own["count"].to_numpy(dtype=float) + step * (k - (len(models) - 1) / 2)
        ax.vlines(at, own["lower"], own["upper"], color=colours[model], linewidth=1.8, zorder=2)
        ax.plot(
            at, own["expected"], linestyle="none", marker="o", markersize=5, color=colours[model],
            label=str(model), zorder=3,
        )  # fmt: skip
    last = int(table["count"].max())
    every = 1 if last <= 12 else 2 if last <= 24 else 5
    ticks = [k for k in range(0, last + 1, every) if k == last or last - k >= 0.75 * every]
    ticks = [*ticks, last] if ticks[-1] != last else ticks
    ax.set_xticks(ticks, [f"{k}+" if k == last and "most" in table.attrs else str(k) for k in ticks])
    ax.set_ylim(bottom=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="upper right")
    return ax


@house
def plot_mean_variance(
    table: pd.DataFrame,
    curves: pd.DataFrame | None = None,
    log: bool = True,
    xlabel: str = "mean",
    ylabel: str = "variance",
    ax: Axes | None = None,
) -> Axes:
    """Draw the variance along the mean: dots for the data, a band for what a model expects, lines for laws.

    Parameters
    ----------
    table : pandas.DataFrame
        What `mean_variance` gives; without columns lower and upper there is no band.
    curves : pandas.DataFrame, optional
        Columns mean, variance and law: variance functions to compare with, each with its name in the legend.
    log : bool
        Both axes logarithmic: powers of the mean become straight lines.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> ax = plot_mean_variance(pd.DataFrame({"mean": [1.0, 4.0], "variance": [1.2, 9.0]}))
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    need_columns(table, a="mean", b="variance")
    ax = axes_or_new(ax)
    mean, variance = table["mean"].to_numpy(dtype=float), table["variance"].to_numpy(dtype=float)
    out = np.zeros(len(table), dtype=bool)
    if {"lower", "upper"} <= set(table.columns):
        low, high = table["lower"].to_numpy(dtype=float), table["upper"].to_numpy(dtype=float)
        ax.fill_between(mean, low, high, color=CHANCE, linewidth=0, zorder=0, label="expected by the model")
        out = (variance < low) | (variance > high)
    for chosen, colour, marker in ((~out, INK, "o"), (out, COLOURS[1], "D")):
        if chosen.any():
            ax.plot(
                mean[chosen], variance[chosen], linestyle="none", marker=marker, markersize=7, color=colour,
                label="data" if marker == "o" else "data, outside", zorder=3,
            )  # fmt: skip
    if curves is not None:
        need_columns(curves, a="mean", b="variance", c="law")
        laws = list(dict.fromkeys(curves["law"]))
        shades = dict(
            zip(laws, [COLOURS[0], COLOURS[2], COLOURS[3], COLOURS[4], QUIET] * len(laws), strict=False)
        )
        for law in laws:
            own = curves[curves["law"] == law]
            ax.plot(own["mean"], own["variance"], color=shades[law], label=str(law), zorder=1)
    if log:
        ax.set_xscale("log")
        ax.set_yscale("log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="best")
    return ax
