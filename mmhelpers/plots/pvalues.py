"""p-values of many simulated experiments: flat when there is nothing to find, if the test is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grammar import colour_map, need_columns
from .style import QUIET, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@house
def plot_pvalues(
    table: pd.DataFrame, by: str, p: str = "p", alpha: float = 0.05, xlabel: str | None = None
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Draw a histogram of p-values for each model, side by side on one scale.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a test.
    by : str
        Column with the model; one panel each, in the order of first appearance.
    p : str
        Column with the p-values; missing ones (failed fits) are left out and counted in the panel's title.
    alpha : float
        Width of a bar: the first bar holds the tests that are significant at this level. It must divide 1.
    xlabel : str, optional
        Axis label; "p-value" by default.

    Returns
    -------
    array of matplotlib Axes, shape (number of models,)

    Raises
    ------
    ValueError
        If a column is missing or `alpha` does not divide 1.

    Examples
    --------
    >>> import pandas as pd
    >>> axes = plot_pvalues(pd.DataFrame({"model": ["a", "a", "b"], "p": [0.01, 0.4, 0.8]}), by="model")
    >>> len(axes)
    2
    """
    import matplotlib.pyplot as plt

    need_columns(table, by=by, p=p)
    bars = round(1 / alpha)
    if not np.isclose(bars * alpha, 1):
        raise ValueError(
            f"alpha is {alpha}, which does not divide 1: bars of that width do not fill the axis"
        )
    models = list(dict.fromkeys(table[by]))
    colours = colour_map(models)
    figure, grid = plt.subplots(1, len(models), sharey=True, squeeze=False, figsize=(6.4, 3.2))
    panels: list[Axes] = list(grid[0])
    edges = np.linspace(0, 1, bars + 1)
    for panel, model in zip(panels, models, strict=True):
        values = table.loc[table[by] == model, p].to_numpy(dtype=float)
        finite = values[np.isfinite(values)]
        heights = 100 * np.histogram(finite, edges)[0] / max(len(finite), 1)
        panel.bar(edges[:-1], heights, width=alpha, align="edge", color=colours[model], edgecolor="white")
        panel.axhline(100 * alpha, color=QUIET, linestyle="--", linewidth=1.2)
        lost = len(values) - len(finite)
        panel.set_title(f"{model}" + (f" ({lost} failed)" if lost else ""), fontsize="medium")
        panel.set_xlim(0, 1)
    panels[0].set_ylabel("experiments (%)")
    figure.supxlabel(xlabel or "p-value", fontsize="medium")
    return np.array(panels, dtype=object)
