"""House style: colours, and the wrapper that gives every figure of the package the same look."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CHANCE",
    "COLOURS",
    "INK",
    "PAPER",
    "QUIET",
    "axes_or_new",
    "house",
    "legend_below",
    "points_and_strays",
    "use_style",
]

PAPER = "#FBFAF7"
INK = "#22303C"
QUIET = "#5B6670"  # axes, whiskers, what is not the point of the picture
CHANCE = "#E4DFD3"  # area of what chance alone does
COLOURS = ("#0072B2", "#D55E00", "#08A37C", "#B25081", "#756535", "#5B6670")

P = ParamSpec("P")
R = TypeVar("R")


def use_style() -> None:
    """Draw all figures from here on in the book's style.

    The package's own ``plot_`` functions use the style without this.

    Examples
    --------
    >>> import matplotlib
    >>> with matplotlib.rc_context():
    ...     use_style()
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    """
    import matplotlib.style

    matplotlib.style.use("mmhelpers.book")


def house(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the book's style, whatever the style around it."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib.style

        with matplotlib.style.context("mmhelpers.book"):
            drawn = draw(*args, **kwargs)
            interactive = matplotlib.is_interactive()
        # The first figure of a notebook turns interactive drawing on; leaving the context would turn it
        # off again, and no later figure would be shown.
        matplotlib.interactive(interactive)
        return drawn

    return styled


def axes_or_new(ax: Axes | None, height: float | None = None) -> Axes:
    """Give the axes, or those of a new figure of the column's width (6.4 inches)."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    size = plt.rcParams["figure.figsize"]
    _, new = plt.subplots(figsize=(size[0], height or size[1]))
    return new


def legend_below(
    ax: Axes, own: bool, handles: list[Any], labels: list[str], title: str | None = None
) -> None:
    """Put a legend under a figure of our own, or into axes that somebody else arranges."""
    look: dict[str, Any] = {"title": title, "handletextpad": 0.5, "columnspacing": 1.2}
    if own:
        ax.figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3), **look)
    else:
        ax.legend(handles, labels, loc="best", **look)


def points_and_strays(ax: Axes, x: Any, y: Any, out: Any, size: float = 5) -> None:
    """Draw points, and those that chance does not explain as larger diamonds of another colour.

    Parameters
    ----------
    ax : matplotlib Axes
    x, y : array, shape (n,)
        Where the points are.
    out : array of bool, shape (n,)
        Which of them lie outside their band.
    size : float
        Of the points, in printer's points.
    """
    for chosen, marker, wide, colour in ((~out, "o", size, INK), (out, "D", size + 1, COLOURS[1])):
        ax.plot(
            x[chosen], y[chosen], linestyle="none", marker=marker, markersize=wide, color=colour, markeredgewidth=0
        )  # fmt: skip
