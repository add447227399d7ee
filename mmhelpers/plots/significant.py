"""Estimates of many simulated studies, the significant ones in colour: what gets published, beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import need_columns
from .style import CHANCE, COLOURS, INK, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_significant"]


@house
def plot_significant(
    table: pd.DataFrame,
    truth: float,
    alpha: float = 0.05,
    bins: int = 50,
    xlabel: str = "estimated effect",
    ylabel: str = "studies",
    ax: Axes | None = None,
) -> Axes:
    """Draw a histogram of estimates, those with p below alpha in colour, and the truth.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a study: columns ``estimate`` and ``p``; rows without a p-value (failed fits) are left out.
    truth : float
        The true effect, drawn as a dashed line.
    alpha : float
        Level of the test.
    bins : int
        Number of bars.
    xlabel, ylabel : str
        Axis labels, with the unit.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> ax = plot_significant(pd.DataFrame({"estimate": [-9.0, -2.0, 4.0], "p": [0.01, 0.5, 0.2]}), truth=-3)
    >>> ax.get_xlabel()
    'estimated effect'
    """
    need_columns(table, estimate="estimate", p="p")
    ax = axes_or_new(ax)
    shown = table[np.isfinite(table["p"]) & np.isfinite(table["estimate"])]
    edges = np.histogram_bin_edges(shown["estimate"], bins)
    hit = (shown["p"] < alpha).to_numpy()
    values = shown["estimate"].to_numpy()
    counts = [np.histogram(values[chosen], edges)[0] for chosen in (~hit, hit)]
    widths = np.diff(edges)
    ax.bar(edges[:-1], counts[0], widths, align="edge", color=CHANCE, label="not significant")
    ax.bar(
        edges[:-1], counts[1], widths, bottom=counts[0], align="edge", color=COLOURS[1],
        label=f"significant ({hit.mean():.0%})",
    )  # fmt: skip
    ax.axvline(truth, color=INK, linewidth=1.6, linestyle=(0, (4, 3)), label="truth")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax
