"""Autocorrelation functions and variograms of residuals with their bands of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import need_columns
from .style import CHANCE, COLOURS, INK, QUIET, axes_or_new, house, points_and_strays

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_acf", "plot_variogram"]


@house
def plot_acf(
    table: pd.DataFrame, xlabel: str = "lag", ylabel: str = "autocorrelation", ax: Axes | None = None
) -> Axes:
    """Draw an autocorrelation function as stems over its band; stems that leave the band are coloured.

    Parameters
    ----------
    table : pandas.DataFrame
        What `acf` gives. Lag 0, which is 1 by definition, is not drawn.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from mmhelpers import acf
    >>> ax = plot_acf(acf(np.sin(np.arange(60) / 4), max_lag=8))
    >>> ax.get_xlabel()
    'lag'
    """
    from matplotlib.ticker import MaxNLocator

    need_columns(table, a="lag", b="acf", c="lower", d="upper")
    ax = axes_or_new(ax)
    rows = table[table["lag"] > 0]
    lag, value = rows["lag"].to_numpy(), rows["acf"].to_numpy()
    lower, upper = rows["lower"].to_numpy(), rows["upper"].to_numpy()
    width = 0.8 * (float(np.diff(lag).min()) if len(lag) > 1 else 1.0)
    ax.bar(lag, upper - lower, width, bottom=lower, color=CHANCE, linewidth=0, zorder=0)
    ax.axhline(0, color=QUIET, linewidth=1, zorder=1)
    out = (value < lower) | (value > upper)
    for here, colour in ((~out, INK), (out, COLOURS[1])):
        ax.vlines(lag[here], 0, value[here], color=colour, linewidth=2, zorder=2)
    points_and_strays(ax, lag, value, out)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return ax


@house
def plot_variogram(
    table: pd.DataFrame, xlabel: str = "distance", ylabel: str = "semivariance", ax: Axes | None = None
) -> Axes:
    """Draw a variogram over its band; points that leave the band are coloured.

    Parameters
    ----------
    table : pandas.DataFrame
        What `variogram` gives.
    xlabel, ylabel : str
        Axis labels; give the unit of the distance.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from mmhelpers import variogram
    >>> rng = np.random.default_rng(1)
    >>> table = variogram(rng.normal(size=60), rng.random(60), rng.random(60))
    >>> ax = plot_variogram(table, xlabel="distance (km)")
    """
    need_columns(table, a="distance", b="value", c="lower", d="upper", e="expected")
    ax = axes_or_new(ax)
    x, y = table["distance"].to_numpy(), table["value"].to_numpy()
    lower, upper = table["lower"].to_numpy(), table["upper"].to_numpy()
    ax.fill_between(x, lower, upper, color=CHANCE, linewidth=0, zorder=0)
    ax.plot(x, table["expected"], color=QUIET, linewidth=1, zorder=1)
    ax.plot(x, y, color=INK, linewidth=1, zorder=2)
    out = (y < lower) | (y > upper)
    points_and_strays(ax, x, y, out)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return ax
