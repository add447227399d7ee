"""Pictures of a criterion: its surface over two parameters, and the zeta plot of a profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .grammar import need_columns
from .style import CHANCE, COLOURS, INK, PAPER, QUIET, axes_or_new, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_surface", "plot_zeta"]


@house
def plot_surface(
    x: ArrayLike,
    y: ArrayLike,
    height: ArrayLike,
    rises: Sequence[float] = (1, 4, 9, 16, 25, 50, 100),
    mark: tuple[float, float] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a criterion over two parameters as a map, with contour lines at given rises above its lowest point.

    Parameters
    ----------
    x : array_like, shape (a,)
        Values of the first parameter.
    y : array_like, shape (b,)
        Values of the second.
    height : array_like, shape (b, a)
        The criterion, in the same order: ``height[j, i]`` belongs to ``x[i]`` and ``y[j]``.
    rises : sequence of float
        Contour lines, above the lowest value of `height`.
    mark : tuple of two floats, optional
        Where the optimum is; drawn as a cross.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.linspace(-1, 1, 5), np.linspace(0, 2, 4)
    >>> ax = plot_surface(a, b, a[None, :] ** 2 + b[:, None], rises=[0.5, 1])
    """
    a, b, z = (np.asarray(v, dtype=float) for v in (x, y, height))
    if z.shape != (len(b), len(a)):
        raise ValueError(
            f"height has shape {z.shape}; for {len(a)} x and {len(b)} y it must be {(len(b), len(a))}"
        )
    from matplotlib.colors import LinearSegmentedColormap

    ax = axes_or_new(ax, height=4.6)
    rise = z - z.min()
    levels = sorted(rises)
    shades = LinearSegmentedColormap.from_list("rise", [COLOURS[0], PAPER])
    ax.contourf(a, b, np.sqrt(rise), levels=np.sqrt([0, *levels]), cmap=shades, extend="neither", alpha=0.75)
    lines = ax.contour(a, b, rise, levels=levels, colors=INK, linewidths=1)
    ax.clabel(lines, fmt=lambda value: f"+{value:g}", fontsize="small")
    if mark is not None:
        ax.plot(
            *mark,
            marker="+",
            markersize=13,
            markeredgewidth=2.5,
            color=COLOURS[1],
            linestyle="none",
            zorder=5,
        )
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return ax


@house
def plot_zeta(profile: pd.DataFrame, n_columns: int = 3, height: float = 2.3, level: float = 0.95) -> Figure:
    """Draw the zeta plot of a profile, one panel a parameter.

    Parameters
    ----------
    profile : pandas.DataFrame
        What `mmhelpers.profile` gives: columns name, value, zeta.
    n_columns : int
        Panels in a row.
    height : float
        Height of a row of panels, in inches.
    level : float
        Confidence level; the band between the normal quantiles is shaded, and the interval that it cuts out of
        the curve is drawn on the axis.

    Returns
    -------
    matplotlib Figure

    Notes
    -----
    The grey line is the curve's tangent where zeta is zero: what the curve would be if the estimate
    were normally distributed with a known standard error.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> value = np.linspace(1, 3, 9)
    >>> figure = plot_zeta(pd.DataFrame({"name": "sigma", "value": value, "zeta": 3 * np.log(value / 2)}))
    >>> figure.axes[0].get_title(loc="left")
    'sigma'
    """
    import matplotlib.pyplot as plt
    from scipy.special import ndtri

    need_columns(profile, name="name", value="value", zeta="zeta")
    names = list(dict.fromkeys(profile["name"]))
    n_rows = -(-len(names) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(6.4, height * n_rows), squeeze=False, sharey=True, layout="constrained"
    )
    bound = float(ndtri(0.5 + level / 2))
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    for ax, name in zip(axes.flat, names, strict=False):
        own = profile[profile["name"] == name].sort_values("value")
        value, zeta = own["value"].to_numpy(), own["zeta"].to_numpy()
        ax.axhspan(-bound, bound, color=CHANCE, linewidth=0, zorder=0)
        near = np.argsort(np.abs(zeta))[:3]
        slope, start = np.polyfit(value[near], zeta[near], 1)
        ax.plot(value, start + slope * value, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        ax.plot(value, zeta, color=COLOURS[0])
        if zeta.min() < -bound and zeta.max() > bound:
            ends = np.interp([-bound, bound], zeta, value)
            ax.vlines(ends, -4, [-bound, bound], color=COLOURS[1], linewidth=1)
            ax.plot(ends, [-3.4, -3.4], color=COLOURS[1], linewidth=3)
        ax.set_ylim(-3.6, 3.6)
        ax.set_title(str(name).replace("|", "\n| "), fontsize="small")
    for ax in axes[:, 0]:
        ax.set_ylabel("zeta")
    return figure
