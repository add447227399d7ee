"""Pictures of the matrices of a mixed model: Z with its terms, and any matrix cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import COLOURS, INK, PAPER, QUIET, axes_or_new, house

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mmhelpers.results import Matrices

__all__ = ["plot_matrix", "plot_z"]

Floats = NDArray[np.float64]
#: Up to this many cells a matrix is drawn with its numbers.
_WRITTEN = 170


@house
def plot_matrix(
    matrix: ArrayLike,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    spec: str = ".2g",
    xlabel: str = "",
    ylabel: str = "",
    title: str | None = None,
    ax: Axes | None = None,
    largest: float | None = None,
) -> Axes:
    """Draw a matrix cell by cell: zeros are empty, positive numbers blue, negative ones orange.

    Up to 170 cells carry their number; larger matrices show their pattern alone, the darker the larger.

    Parameters
    ----------
    matrix : array_like, shape (r, c)
        The matrix; scipy's sparse arrays are taken, too.
    rows, columns : sequence of str, optional
        Names of rows and columns.
    spec : str
        Format of the numbers.
    xlabel, ylabel, title : str, optional
        Labels of the axes, and a title.
    ax : matplotlib Axes, optional
    largest : float, optional
        The number drawn strongest; by default the largest of the matrix. Matrices that are compared need the same.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If it is no matrix, or has a number beyond `largest`.

    Examples
    --------
    >>> ax = plot_matrix([[2, 0], [-1, 1]], columns=["(Intercept)", "x"])
    >>> [text.get_text() for text in ax.texts]
    ['2', '-1', '1']
    """
    M = _dense(matrix)
    square = M.shape[0] == M.shape[1]
    top = float(np.abs(M).max())
    if largest is not None and not largest >= top:
        raise ValueError(
            f"largest is {largest:g}, but the matrix has {top:g}; give the largest of all that are compared"
        )
    ax = axes_or_new(ax, height=min(5.4, max(2.2, 0.34 * len(M) + 0.8)))
    _cells(ax, M, np.full(M.shape[1], 0), spec, signed=True, largest=largest or top)
    _names(ax, M.shape, rows, columns)
    if square and M.shape[0] > 12:
        ax.set_aspect("equal")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title, fontsize="medium")
    return ax


@house
def plot_z(
    models: Mapping[str, Matrices], n_columns: int = 2, height: float = 3.0, spec: str = ".3g"
) -> Figure:
    """Draw the matrix Z of one or several models, one panel each, a colour a random-effects term.

    Parameters
    ----------
    models : mapping of str to Matrices
        Title of each panel, and what `mmhelpers.build_matrices` made.
    n_columns : int
        Panels in a row.
    height : float
        Height of a row of panels, in inches.
    spec : str
        Format of the numbers, which are written if there are few.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If a model has no random effects.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=2, day=range(3)).data
    >>> slopes = mm.build_matrices("y ~ day + (day | subject)", data, response=False)
    >>> figure = plot_z({"(day | subject)": slopes}, n_columns=1)
    >>> figure.axes[0].get_ylabel()
    'observation'
    """
    import matplotlib.pyplot as plt

    n_rows = -(-len(models) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(6.4, height * n_rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(models) :]:
        ax.axis("off")
    for ax, (title, matrices) in zip(axes.flat, models.items(), strict=False):
        if not matrices.terms:
            raise ValueError(f"{title!r} has no random effects, so it has no Z to draw")
        Z = _dense(matrices.Z())
        of = np.repeat(np.arange(len(matrices.terms)), [term.q for term in matrices.terms])
        _cells(ax, Z, of, spec, signed=False, largest=float(np.abs(Z).max()))
        starts = np.concatenate([[0], np.cumsum([term.q for term in matrices.terms])])
        for i, term in enumerate(matrices.terms):
            for at in range(int(starts[i]), int(starts[i + 1]), term.k):
                ax.axvline(at - 0.5, color=QUIET, linewidth=0.5, zorder=3)
            if i:
                ax.axvline(starts[i] - 0.5, color=INK, linewidth=2, zorder=4)
            ax.text(
                (starts[i] + starts[i + 1] - 1) / 2, 1.02, f"{term.label}", transform=ax.get_xaxis_transform(),
                ha="center", va="bottom", fontsize="small", color=COLOURS[i % len(COLOURS)],
            )  # fmt: skip
        ax.set_title(title, fontsize="medium", pad=20)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"{Z.shape[1]} columns: random effects", fontsize="small")
    for ax in axes[:, 0]:
        ax.set_ylabel("observation")
    return figure


def _dense(matrix: Any) -> Floats:
    M = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=float)
    if M.ndim != 2 or 0 in M.shape:
        raise ValueError(f"a matrix is wanted, not an array of shape {M.shape}")
    return M


def _cells(ax: Axes, M: Floats, of: NDArray[np.int_], spec: str, signed: bool, largest: float) -> None:
    """Colour the cells that are not zero, the stronger the larger, and write their numbers if there are few."""
    from matplotlib.colors import to_rgb

    paper = np.array(to_rgb(PAPER))
    image = np.broadcast_to(paper, (*M.shape, 3)).copy()
    written = M.size <= _WRITTEN
    # a number must be readable on its cell, and a small one must not look like none
    low, high = (0.15, 0.55) if written else (0.3, 1.0)
    for i, j in zip(*np.nonzero(M), strict=True):
        colour = COLOURS[1] if signed and M[i, j] < 0 else COLOURS[of[j] % len(COLOURS)]
        strength = low + (high - low) * abs(M[i, j]) / largest
        image[i, j] = (1 - strength) * paper + strength * np.array(to_rgb(colour))
        if written:
            ax.text(
                j, i, format(M[i, j], spec), ha="center", va="center", fontsize="x-small", color=INK, zorder=5
            )
    ax.imshow(image, aspect="auto", interpolation="nearest")
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(True)
        ax.spines[side].set_color(QUIET)


def _names(
    ax: Axes, shape: tuple[int, int], rows: Sequence[str] | None, columns: Sequence[str] | None
) -> None:
    for names, size, axis in ((rows, shape[0], ax.yaxis), (columns, shape[1], ax.xaxis)):
        if names is not None and len(names) != size:
            raise ValueError(f"{len(names)} names for {size} {'rows' if axis is ax.yaxis else 'columns'}")
        axis.set_ticks(range(size) if names is not None else [], labels=list(names or []))
    ax.tick_params(length=0)
