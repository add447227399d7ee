"""Two pictures of one kind beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .style import house

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_pair"]


@house
def plot_pair(
    draw: Callable[..., Any],
    left: Any,
    right: Any,
    titles: tuple[str, str] = ("without the fault", "with it"),
    share: Literal["x", "y", "both", "none"] = "y",
    **options: Any,
) -> Figure:
    """Draw two tables with one function, side by side and on one scale.

    Parameters
    ----------
    draw : callable
        A figure of this package that takes a table and ``ax=``.
    left, right : object
        The two tables.
    titles : tuple of str
        A word above each.
    share : {"y", "x", "both", "none"}
        Which scales are the same in both.
    **options
        Handed to `draw`.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from mmhelpers import plot_qq, qq_table
    >>> rng = np.random.default_rng(1)
    >>> tables = qq_table(rng.normal(size=50)), qq_table(rng.exponential(size=50))
    >>> len(plot_pair(plot_qq, *tables).axes)
    2
    """
    import matplotlib.pyplot as plt

    width = plt.rcParams["figure.figsize"][0]
    figure, axes = plt.subplots(1, 2, figsize=(width, 0.52 * width))
    for ax, table, title in zip(axes, (left, right), titles, strict=True):
        draw(table, ax=ax, **options)
        above = ax.get_title(loc="left")
        ax.set_title(title if not above else f"{title}: {above}", fontsize=11 if above else None)
    for one, scale in (("x", "xlim"), ("y", "ylim")):
        if share in {one, "both"}:
            limits = np.array([getattr(ax, f"get_{scale}")() for ax in axes])
            for ax in axes:
                getattr(ax, f"set_{scale}")(limits[:, 0].min(), limits[:, 1].max())
    if share in {"y", "both"}:
        axes[1].set_ylabel("")
    return figure
