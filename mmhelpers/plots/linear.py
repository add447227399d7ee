"""Pictures of least squares: the bowl that the cross products shape, and the right triangle of a projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import CHANCE, COLOURS, INK, PAPER, QUIET, axes_or_new, house

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_bowl", "plot_projection"]

Floats = NDArray[np.float64]


@house
def plot_bowl(
    xtx: ArrayLike,
    best: ArrayLike,
    rises: Sequence[float],
    points: ArrayLike | None = None,
    xlabel: str = "intercept",
    ylabel: str = "slope",
    title: str | None = None,
    window: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the residual sum of squares over two coefficients as contour lines, seen from above.

    The sum of squares is its minimum plus ``(b - best)' X'X (b - best)``, so nothing but X'X and the best
    coefficients is needed.

    Parameters
    ----------
    xtx : array_like, shape (2, 2)
        Cross products of the two columns.
    best : array_like, shape (2,)
        Where the bottom of the bowl is, marked by a cross.
    rises : sequence of float
        How far above the bottom the contour lines run, in squared units of the response; each line is labelled.
    points : array_like, shape (m, 2), optional
        Coefficients to draw as points, such as the estimates of repeated experiments.
    xlabel, ylabel, title : str, optional
        Axis labels, with the unit, and a title.
    window : tuple of two floats, optional
        Half the width and half the height of what is shown around `best`; by default what the outermost line needs.
        Give the same to two bowls that are compared.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the matrix is not 2 by 2, symmetric and positive definite: there is no bowl then, but a trough.

    Examples
    --------
    >>> ax = plot_bowl([[4, 2], [2, 3]], [10.0, 0.5], rises=[1, 4])
    >>> ax.get_ylabel()
    'slope'
    """
    A, centre = np.asarray(xtx, dtype=float), np.asarray(best, dtype=float)
    if A.shape != (2, 2) or centre.shape != (2,):
        raise ValueError(
            f"xtx must be 2 by 2 and best have 2 numbers; they have shapes {A.shape} and {centre.shape}"
        )
    if not np.allclose(A, A.T) or np.linalg.eigvalsh(A)[0] <= 1e-12 * np.linalg.eigvalsh(A)[1]:
        raise ValueError(
            "xtx must be symmetric and positive definite: otherwise there is no bowl, but a trough"
        )
    ax = axes_or_new(ax)
    inverse = np.linalg.inv(A)
    reach = (
        1.12 * np.sqrt(max(rises) * np.diag(inverse)) if window is None else np.asarray(window, dtype=float)
    )
    if points is not None:
        drawn = np.asarray(points, dtype=float)
        ax.plot(
            *drawn.T,
            linestyle="none",
            marker="o",
            markersize=3,
            alpha=0.35,
            markeredgewidth=0,
            color=COLOURS[0],
        )
    turn = np.linspace(0, 2 * np.pi, 240)
    circle = np.linalg.cholesky(inverse) @ np.array([np.cos(turn), np.sin(turn)])
    for rise in sorted(rises):
        line = centre[:, None] + np.sqrt(rise) * circle
        ax.plot(*line, color=INK, linewidth=1.6, zorder=3)
        top = int(np.argmax(np.where(np.abs(line[1] - centre[1]) <= 0.97 * reach[1], line[1], -np.inf)))
        ax.text(
            float(line[0, top]), float(line[1, top]), f"+{rise:g}",
            color=INK, ha="center", va="center", fontsize="small", zorder=4,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}, clip_on=True,
        )  # fmt: skip
    ax.plot(
        *centre, marker="+", markersize=13, markeredgewidth=2.5, color=COLOURS[1], linestyle="none", zorder=5
    )
    ax.set_xlim(centre[0] - reach[0], centre[0] + reach[0])
    ax.set_ylim(centre[1] - reach[1], centre[1] + reach[1])
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title, fontsize="medium")
    return ax


@house
def plot_projection(explained: float, left_over: float, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw least squares as the right triangle that it is, to scale.

    Parameters
    ----------
    explained : float
        Length of the fitted values less their mean: the root of the sum of squares that the model explains.
    left_over : float
        Length of the residuals: the root of the residual sum of squares.
    unit : str
        Unit of both, for the labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The third side is the response less its mean.

    Raises
    ------
    ValueError
        If a length is not positive.

    Examples
    --------
    >>> ax = plot_projection(3.0, 4.0, "mm")
    >>> [text.get_text() for text in ax.texts][-1]
    'response − mean: 5.0 mm'
    """
    if not (explained > 0 and left_over > 0):
        raise ValueError(f"both lengths must be positive, not {explained} and {left_over}")
    ax = axes_or_new(ax, height=3.4)
    whole = float(np.hypot(explained, left_over))
    step = 0.06 * whole
    floor: dict[str, Any] = {"color": CHANCE, "linewidth": 9, "solid_capstyle": "butt", "zorder": 0}
    ax.plot([-0.25 * whole, explained + 0.35 * whole], [0, 0], **floor)
    ax.text(
        -0.25 * whole, -2.1 * step, "the grey ground: all that the model can reach", color=QUIET, va="top"
    )
    corner = np.array([[explained - step, 0], [explained - step, step], [explained, step]])
    ax.plot(*corner.T, color=QUIET, linewidth=1.2)
    sides: list[tuple[tuple[float, float], tuple[float, float], str]] = [
        ((0, 0), (explained, 0), COLOURS[0]),
        ((explained, 0), (explained, left_over), COLOURS[1]),
        ((0, 0), (explained, left_over), INK),
    ]
    for start, stop, colour in sides:
        arrow: dict[str, Any] = {
            "arrowstyle": "-|>",
            "color": colour,
            "linewidth": 2.4,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        ax.annotate("", xy=stop, xytext=start, arrowprops=arrow)
    unit = f" {unit}" if unit else ""
    ax.text(0, -0.5 * step, f"fitted − mean: {explained:.1f}{unit}", color=COLOURS[0], va="top")
    ax.text(
        explained + 0.4 * step,
        left_over / 2,
        f"residuals:\n{left_over:.1f}{unit}",
        color=COLOURS[1],
        va="center",
    )
    ax.text(
        explained / 2 - 0.4 * step, left_over / 2 + 0.3 * step, f"response − mean: {whole:.1f}{unit}", color=INK, ha="right",
        va="bottom",
    )  # fmt: skip
    ax.set_aspect("equal")
    ax.set_xlim(-0.55 * whole, explained + 0.45 * whole)
    ax.set_ylim(-3.8 * step, left_over + step)
    ax.axis("off")
    return ax
