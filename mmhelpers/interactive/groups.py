"""Groups to move: how far their means are shrunk, and what their random effects imply for the covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.plots.style import COLOURS, INK, QUIET

from .build import control, number, over_grid
from .look import empty, level_line
from .record import Frame, Interactive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explore_covariance", "explore_shrinkage"]

RATIOS = (0, 0.1, 0.2, 0.4, 0.6, 0.85, 1.2, 2, 4)
SIZES = (1, 2, 5, 10, 20, 50)
SPREADS = (0, 0.25, 0.5, 1, 1.5, 2)
CORRELATIONS = (-0.8, -0.4, 0, 0.4, 0.8)


def explore_shrinkage(
    means: pd.Series | Mapping[Any, float],
    unit: str = "",
    ratios: Sequence[float] = RATIOS,
    sizes: Sequence[int] = SIZES,
    start: tuple[float, int] = (0.85, 5),
) -> Interactive:
    r"""Move the spread between groups and the size of the groups, and see their means shrink.

    The groups' own means stay where they are. What the model predicts for group j is the overall mean plus the share
    :math:`n\tau^2/(n\tau^2 + \sigma^2)` of the group's deviation, with the standard deviations known.

    Parameters
    ----------
    means : Series or mapping
        Own mean of each group.
    unit : str
        Of the means.
    ratios : sequence of float
        Standard deviations between groups, in residual standard deviations.
    sizes : sequence of int
        Observations a group.
    start : tuple
        Ratio and size at which the figure begins.

    Returns
    -------
    Interactive

    Examples
    --------
    >>> import mmhelpers as mm
    >>> figure = mm.explore_shrinkage({"a": 10.0, "b": 14.0}, ratios=(0, 1), sizes=(4,))
    >>> figure.frame(1, 4).sources["a"]["y"]
    [10.0, 10.4]
    """
    own = {str(name): float(value) for name, value in dict(means).items()}
    centre = float(np.mean(list(own.values())))
    farthest = max(own, key=lambda name: abs(own[name] - centre))
    room = 0.1 * (max(own.values()) - min(own.values()))
    picture = empty(
        "",
        f"mean ({unit})" if unit else "mean",
        (-0.25, 1.4),
        (min(own.values()) - room, max(own.values()) + room),
    )
    picture.xaxis.ticker = [0, 1]
    picture.xaxis.major_label_overrides = {0: "own mean", 1: "predicted"}
    level_line(picture, centre)
    from bokeh.models import ColumnDataSource

    for i, name in enumerate(own):
        colour = COLOURS[i % len(COLOURS)]
        source = ColumnDataSource({}, name=name)
        picture.line("x", "y", source=source, color=colour, line_width=2)
        picture.scatter("x", "y", source=source, color=colour, size=8)
        picture.text(
            "x", "y", text="label", source=source, color=INK, x_offset=10, y_offset=6, text_font_size="13px"
        )

    def frame(ratio: float, size: int) -> Frame:
        share = size * ratio**2 / (size * ratio**2 + 1)
        lines: dict[str, dict[str, list[Any]]] = {
            name: {"x": [0, 1], "y": [y, round(centre + share * (y - centre), 9)], "label": ["", name]}
            for name, y in own.items()
        }
        gone, left = own[farthest] - centre, share * (own[farthest] - centre)
        text = (
            f"Each group keeps {100 * share:.0f}% of its deviation from the dotted mean: group {farthest}, which lies "
            f"{abs(gone):.1f} {unit}".rstrip()
            + f" {'above' if gone > 0 else 'below'} it, is predicted {abs(left):.1f} {unit}".rstrip()
            + f" {'above' if gone > 0 else 'below'} it."
        )
        return Frame(lines, text)

    return over_grid(
        "shrinkage",
        "Lines from the groups' own means to what a mixed model predicts for them: the smaller the spread between groups and "
        "the fewer observations, the nearer the predictions lie to the overall mean.",
        picture,
        [
            control("SD between groups", ratios, start[0], "residual SDs"),
            control("observations a group", sizes, start[1]),
        ],
        frame,
    )


def explore_covariance(
    times: Sequence[float],
    spreads: Sequence[float] = SPREADS,
    correlations: Sequence[float] = CORRELATIONS,
    intercept_sd: float = 2.0,
    sigma: float = 1.0,
) -> Interactive:
    """Move the slopes' spread and their correlation with the intercepts, and see V = Z D Z' + R of one group.

    Parameters
    ----------
    times : sequence of float
        When a group is measured; the intercept is the level at 0.
    spreads : sequence of float
        Standard deviations of the slopes.
    correlations : sequence of float
        Of intercepts and slopes.
    intercept_sd, sigma : float
        Standard deviations of intercepts and residuals.

    Returns
    -------
    Interactive

    Examples
    --------
    >>> import mmhelpers as mm
    >>> figure = mm.explore_covariance([0, 1], spreads=(0, 1), correlations=(0,))
    >>> figure.frame(1, 0).sources["cells"]["value"]
    ['5.0', '4.0', '4.0', '6.0']
    """
    from bokeh.models import ColumnDataSource

    times = [float(t) for t in times]
    names = [f"{t:g}" for t in times]
    n = len(times)
    Z = np.column_stack([np.ones(n), times])
    grid = {
        (s, r): Z @ covariance(intercept_sd, s, r) @ Z.T + sigma**2 * np.eye(n)
        for s in spreads
        for r in correlations
    }
    top = max(float(V.max()) for V in grid.values())
    picture = empty("time", "time", (-0.5, n - 0.5), (n - 0.5, -0.5))
    for axis in (picture.xaxis, picture.yaxis):
        axis.ticker = list(range(n))
        axis.major_label_overrides = dict(enumerate(names))
    picture.grid.visible = False
    cells = ColumnDataSource({}, name="cells")
    picture.rect(
        "x", "y", 0.96, 0.96, source=cells, fill_color="colour", fill_alpha="share", line_color=QUIET
    )
    picture.text("x", "y", text="value", source=cells, text_align="center", text_baseline="middle", color=INK)

    def frame(s: float, r: float) -> Frame:
        V = grid[s, r]
        sd = np.sqrt(np.diag(V))
        cor = V / np.outer(sd, sd)
        rows, columns = np.divmod(np.arange(n * n), n)
        flat = V.ravel()
        text = (
            f"The variance is {V[0, 0]:.1f} at the first time and {V[-1, -1]:.1f} at the last. Neighbours correlate "
            f"{number(cor[0, 1], '.2f')} at the start and {number(cor[-1, -2], '.2f')} at the end; "
            f"the first and the last measurement {number(cor[0, -1], '.2f')}."
        )
        source = {
            "x": columns.tolist(),
            "y": rows.tolist(),
            "value": [f"{v:.1f}" for v in flat],
            "colour": [COLOURS[0] if v >= 0 else COLOURS[1] for v in flat],
            "share": [round(0.7 * float(np.sqrt(abs(v) / top)), 4) for v in flat],
        }
        return Frame({"cells": source}, text)

    return over_grid(
        "covariance",
        "The covariance matrix of one group's measurements as a square of numbers. Without random slopes all variances are "
        "equal, and all covariances too; with them variances and covariances change over time.",
        picture,
        [
            control("SD of the slopes", spreads, spreads[0]),
            control("correlation of intercepts and slopes", correlations, 0),
        ],
        frame,
    )


def covariance(first: float, second: float, correlation: float) -> np.ndarray[Any, Any]:
    """Return the covariance matrix of two effects."""
    off = correlation * first * second
    return np.array([[first**2, off], [off, second**2]])
