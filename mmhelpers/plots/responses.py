"""Several responses of one table, each against the same predictor: what kind is each of them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .grammar import jitter, need_columns
from .style import COLOURS, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_responses"]


@house
def plot_responses(
    data: pd.DataFrame, x: str, responses: Mapping[str, str], xlabel: str | None = None, columns: int = 2
) -> Figure:
    """Draw each response against one predictor, a panel each.

    Parameters
    ----------
    data : pandas.DataFrame
        One row an observation.
    x : str
        Column of the predictor.
    responses : mapping of str to str
        Column of each response, and the title of its panel. A categorical one is drawn by its levels; whole numbers
        and levels are spread a little, up and down, so that no point hides another.
    xlabel : str, optional
        Label of the predictor, with its unit.
    columns : int
        Panels side by side.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> import mmhelpers as mm
    >>> ponds = mm.load("ponds")
    >>> figure = plot_responses(ponds, "distance", {"newts": "newts", "mass": "mass (g)"})
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['newts', 'mass (g)']
    """
    import matplotlib.pyplot as plt

    need_columns(data, x=x, **{f"response {i + 1}": name for i, name in enumerate(responses)})
    rows = -(-len(responses) // columns)
    width = plt.rcParams["figure.figsize"][0]
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, 0.5 + 1.9 * rows), sharex=True, squeeze=False, layout="constrained"
    )
    for ax in grid.flat[len(responses) :]:
        ax.remove()
    for k, ((name, title), ax) in enumerate(zip(responses.items(), grid.flat, strict=False)):
        values = data[name]
        levels = list(values.cat.categories) if hasattr(values, "cat") else []
        height = np.asarray(values.cat.codes if levels else values, dtype=float)
        whole = bool(np.all(height == np.floor(height)))
        spread = 0.06 if whole and np.ptp(height) <= 1 else 0.2
        at = height + (jitter(len(height), spread) if whole else 0.0)
        ax.plot(
            data[x], at, linestyle="none", marker="o", markersize=4, alpha=0.5, markeredgewidth=0,
            color=COLOURS[0],
        )  # fmt: skip
        if levels:
            ax.set_yticks(range(len(levels)), [str(level) for level in levels])
        elif whole and np.ptp(height) <= 1:
            ax.set_yticks([0, 1])
        ax.set_title(title, fontsize=11)
        if k >= len(responses) - columns:
            ax.set_xlabel(xlabel or x)
            ax.tick_params(labelbottom=True)
    return figure
