"""Residuals by the levels of a factor, with the band that chance alone would keep the means in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..testtable import TestTable, p_phrase
from .grammar import group_order, label_groups
from .style import CHANCE, COLOURS, INK, PAPER, QUIET, axes_or_new, house, legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_residuals_by"]


@house
def plot_residuals_by(
    test: TestTable,
    hue: Any = None,
    xlabel: str | None = None,
    ylabel: str = "residual",
    show_p: bool = True,
    band: str = "chance alone",
    ax: Axes | None = None,
) -> Axes:
    """Draw boxplots of the residuals by a factor, their means, and the band where chance keeps means.

    Parameters
    ----------
    test : TestTable
        What `check_group_means` gives.
    hue : array of shape (n,) or mapping, optional
        Sorts the levels and names the sets of them: a value for each row, or a mapping from level to value.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the factor's name and "residual" by default.
    show_p : bool
        Write the p-value of the test into the picture.
    band : str
        What the band is called: where the fit has a random effect of the factor it shows what the model expects.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from mmhelpers import check_group_means
    >>> test = check_group_means(np.array([-3.0, -1, -2, 0, 2, 4]), factor=list("aabbcc"))
    >>> ax = plot_residuals_by(test, xlabel="bag", ylabel="residual growth (mm)")
    """
    missing = {"means", "residuals"} - set(getattr(test, "extras", {}))
    if missing:
        raise ValueError("test holds no residuals by factor; pass what check_group_means gives")
    means, rows = test.extras["means"], test.extras["residuals"].copy()
    factor = str(means.columns[0])
    if hue is not None:
        values = [hue[level] for level in rows[factor]] if isinstance(hue, Mapping) else np.asarray(hue)
        if len(values) != len(rows):
            raise ValueError(
                f"hue has {len(values)} values; it needs one for each of the {len(rows)} residuals"
            )
        rows["hue"] = values
    order, hues = group_order(rows, factor, None if hue is None else "hue")
    means = means.set_index(factor).loc[order]
    from matplotlib.patches import Patch

    own = ax is None
    ax = axes_or_new(ax, height=4.6)
    at = np.arange(len(order))
    crowded = len(order) > 24

    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0.5)
    ax.bar(
        at,
        means["upper"] - means["lower"],
        bottom=means["lower"],
        width=1.0,
        color=CHANCE,
        linewidth=0,
        zorder=0,
    )
    boxes = ax.boxplot(
        [rows.loc[rows[factor] == level, "residual"].to_numpy() for level in order],
        positions=at,
        widths=0.55,
        showfliers=True,
        patch_artist=True,
        manage_ticks=False,
        medianprops={"linewidth": 0},
        whiskerprops={"color": QUIET, "linewidth": 1},
        capprops={"linewidth": 0},
        flierprops={"marker": ".", "markersize": 4, "markerfacecolor": QUIET, "markeredgewidth": 0},
        zorder=1,
    )
    for patch in boxes["boxes"]:
        patch.set(facecolor=PAPER, edgecolor=QUIET, linewidth=0.9, alpha=0.75)
    outside = ((means["mean"] < means["lower"]) | (means["mean"] > means["upper"])).to_numpy()
    for chosen, colour, label in (
        (~outside, INK, "mean"),
        (outside, COLOURS[1], "mean outside the band"),
    ):
        if chosen.any():
            ax.plot(
                at[chosen],
                means["mean"].to_numpy()[chosen],
                linestyle="none",
                marker="D",
                markersize=5 if crowded and colour == INK else 7,
                color=colour,
                markeredgecolor=PAPER,
                label=label,
                zorder=3,
            )
    label_groups(ax, order, None if hue is None else hues, coloured=False)
    ax.set_xlabel(f"{xlabel or factor} ({len(order)})" if crowded else xlabel or factor)
    ax.set_ylabel(ylabel)
    handles, labels = ax.get_legend_handles_labels()
    handles.append(Patch(color=CHANCE))
    labels.append(band)
    text = f"test of the means: {p_phrase(test.p)}"
    legend_below(ax, own, handles, labels, text if show_p else None)
    return ax
