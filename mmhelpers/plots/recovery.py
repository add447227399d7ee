"""Estimates against the truth they were simulated from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import need_columns
from .style import COLOURS, QUIET, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@house
def plot_recovery(
    table: pd.DataFrame,
    by: str,
    truth: str = "truth",
    estimate: str = "estimate",
    lower: str = "lower",
    upper: str = "upper",
    limits: tuple[float, float] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw estimates and their intervals against the truth, a panel a method, on one scale.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an estimate.
    by : str
        Column with the method; one panel each, in the order of first appearance.
    truth, estimate, lower, upper : str
        Columns of the true value, the estimate and the ends of its interval. An interval that misses the truth is
        drawn in another colour.
    limits : tuple of float, optional
        Range of both axes. Estimates outside it are drawn as triangles at its edge, and counted in the panel's title.
    xlabel, ylabel : str, optional
        Axis labels; "true value" and "estimate, 95% interval" by default.

    Returns
    -------
    array of matplotlib Axes, shape (number of methods,)

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"method": ["a", "a"], "truth": [0.0, 2.0], "estimate": [0.3, 1.0],
    ...                       "lower": [-0.3, 0.4], "upper": [0.9, 1.6]})
    >>> axes = plot_recovery(table, by="method")
    >>> axes[0].get_title(loc="left")
    'a\\n1 of 2 missed'
    """
    import matplotlib.pyplot as plt

    need_columns(table, by=by, truth=truth, estimate=estimate, lower=lower, upper=upper)
    methods = list(dict.fromkeys(table[by]))
    figure, grid = plt.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False, figsize=(6.4, 3.6))
    panels: list[Axes] = list(grid.flat)
    values = table[[truth, lower, upper]].to_numpy(dtype=float)
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    for panel, method in zip(panels, methods, strict=True):
        own = table[table[by] == method]
        x, y = own[truth].to_numpy(dtype=float), own[estimate].to_numpy(dtype=float)
        lo, hi = own[lower].to_numpy(dtype=float), own[upper].to_numpy(dtype=float)
        missed = ~((lo <= x) & (x <= hi))
        outside = (y < low) | (y > high)
        panel.axline((low, low), (high, high), color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        for chosen, colour, marker in ((~missed, COLOURS[0], "o"), (missed, COLOURS[1], "D")):
            inside, off = chosen & ~outside, chosen & outside
            panel.vlines(
                x[chosen],
                np.clip(lo[chosen], low, high),
                np.clip(hi[chosen], low, high),
                color=colour,
                linewidth=0.9,
                alpha=0.5,
            )
            panel.plot(x[inside], y[inside], linestyle="none", marker=marker, markersize=3.5, color=colour)
            for at, sign in ((low, "v"), (high, "^")):
                out = off & ((y < low) if at == low else (y > high))
                panel.plot(
                    x[out], np.full(out.sum(), at), linestyle="none", marker=sign, markersize=5, color=colour
                )
        beyond = f", {outside.sum()} off the scale" if outside.any() else ""
        panel.set_title(
            f"{method}\n{missed.sum()} of {len(own)} missed{beyond}", loc="left", fontsize="small"
        )
        panel.margins(0.03)
        pad = 0.03 * (high - low)
        panel.set_ylim(low - pad, high + pad)
        panel.set_xlim(min(low, float(x.min())) - pad, max(high, float(x.max())) + pad)
    figure.supxlabel(xlabel or "true value", fontsize="medium")
    figure.supylabel(ylabel or "estimate, 95% interval", fontsize="medium")
    return np.array(panels, dtype=object)
