"""Marginal means with their intervals, and the letters that say which of them the data tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .grammar import colour_map, need_columns
from .style import CHANCE, INK, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_means"]


@house
def plot_means(
    table: pd.DataFrame,
    x: str,
    by: str | None = None,
    letters: str | None = "letters",
    xlabel: str | None = None,
    ylabel: str = "estimated mean",
    ax: Axes | None = None,
) -> Axes:
    """Draw means side by side with their intervals, and letters above these.

    Parameters
    ----------
    table : pandas.DataFrame
        What `letters` or ``marginal_means(...).to_frame()`` gives: columns `x`, `by`, estimate, lower and upper.
    x : str
        Column whose levels stand side by side.
    by : str, optional
        Column of the families, drawn one after the other along the axis and named below; `x` then has the colours.
    letters : str or None
        Column with the letters; left out if the table has none.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; ``by`` (or ``x``) and "estimated mean" by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> means = pd.DataFrame({"set": ["A", "B"], "estimate": [8.0, 9.5], "lower": [7.0, 8.4], "upper": [9.0, 10.6]})
    >>> ax = plot_means(means.assign(letters=["a", "b"]), "set", ylabel="score")
    """
    need_columns(table, x=x, by=by, estimate="estimate", lower="lower", upper="upper")
    ax = axes_or_new(ax)
    levels: list[Any] = list(dict.fromkeys(table[x]))
    families: list[Any] = [None] if by is None else list(dict.fromkeys(table[by]))
    colours = colour_map(levels) if by is not None else dict.fromkeys(levels, INK)
    step = 1.0 if by is None else min(0.22, 0.6 / max(len(levels) - 1, 1))
    high = float(table["upper"].max() - table["lower"].min())
    for f, family in enumerate(families):
        if f:
            ax.axvline(f - 0.5, color=CHANCE, linewidth=1, zorder=0)
        rows = table if family is None else table[table[by] == family]
        for _, row in rows.iterrows():
            k = levels.index(row[x])
            at = float(k) if by is None else f + step * (k - (len(levels) - 1) / 2)
            label = str(row[x]) if by is not None and f == 0 else None
            ax.vlines(at, row["lower"], row["upper"], color=colours[row[x]], linewidth=2)
            ax.plot(
                at,
                row["estimate"],
                linestyle="none",
                marker="o",
                markersize=7,
                color=colours[row[x]],
                label=label,
            )
            if letters is not None and letters in table.columns:
                ax.text(
                    at, row["upper"] + 0.02 * high, str(row[letters]), ha="center", va="bottom", color=INK
                )
    names = levels if by is None else families
    ax.set_xticks(range(len(names)), [str(name) for name in names])
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.set_ylim(top=float(table["upper"].max()) + 0.12 * high)
    ax.tick_params(axis="x", length=0)
    ax.set_xlabel(xlabel or (x if by is None else by))
    ax.set_ylabel(ylabel)
    if by is not None:
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(levels), 4), borderaxespad=0.2, title=x,
            alignment="left",
        )  # fmt: skip
    return ax
