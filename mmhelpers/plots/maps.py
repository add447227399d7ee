"""Values on a map: neighbours that look alike are seen before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import need_columns
from .style import COLOURS, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_bubbles"]


@house
def plot_bubbles(
    data: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    xlabel: str | None = None,
    ylabel: str | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw residuals on a map: the area of a bubble is the size, the colour and the filling are the sign.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a place.
    x, y : str
        Columns of the coordinates, in one unit; the map has one scale for both.
    value : str
        Column of the residuals.
    xlabel, ylabel : str, optional
        Axis labels with units.
    label : str, optional
        What the bubbles are, with the unit, for the legend.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> flat = mm.load("mudflat")
    >>> flat["left"] = flat["chlorophyll"] - flat["chlorophyll"].mean()
    >>> ax = plot_bubbles(flat, "x", "y", "left", xlabel="x (m)", ylabel="y (m)")
    >>> len(ax.collections)
    2
    """
    import matplotlib.pyplot as plt

    need_columns(data, x=x, y=y, value=value)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    values = data[value].to_numpy(dtype=float)
    largest = float(np.abs(values).max()) or 1.0
    for side, colour, face, words in (
        (values >= 0, COLOURS[1], COLOURS[1], "above 0"),
        (values < 0, COLOURS[0], "none", "below 0"),
    ):
        ax.scatter(
            data.loc[side, x],
            data.loc[side, y],
            s=4 + 220 * np.abs(values[side]) / largest,
            facecolors=face,
            edgecolors=colour,
            linewidths=1.3,
            alpha=0.8,
            label=words,
        )
    ax.set_aspect("equal")
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    legend = ax.legend(title=label or value, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([60.0])
    return ax
