"""How samplers move, whether chains agree, and where trajectories ran off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .grammar import need_columns
from .style import COLOURS, INK, QUIET, house

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_chains", "plot_funnel", "plot_walks"]


class _Walk(Protocol):
    draws: NDArray[np.float64]
    paths: tuple[NDArray[np.float64], ...]
    evaluations: int


@house
def plot_walks(
    walks: Mapping[str, _Walk], covariance: ArrayLike, labels: tuple[str, str] = ("first parameter", "second")
) -> list[Axes]:
    """Draw the ways of samplers over a normal distribution in two dimensions, one panel a sampler.

    Parameters
    ----------
    walks : mapping of str to Walk
        What each panel is called, and what `random_walk` or `hamiltonian` gave.
    covariance : array_like, shape (2, 2)
        Of the distribution, with mean zero: its ellipses of 50% and 95% are drawn behind.
    labels : tuple of str
        What the two axes are called.

    Returns
    -------
    list of matplotlib Axes

    Examples
    --------
    >>> import mmhelpers as mm
    >>> cov = [[1, 0.9], [0.9, 1]]
    >>> axes = mm.plot_walks({"random walk": mm.random_walk(cov, [-2, -2], 40, 0.4, seed=1)}, cov)
    """
    import matplotlib.pyplot as plt

    cov = np.asarray(covariance, float)
    if cov.shape != (2, 2):
        raise ValueError(f"covariance has shape {cov.shape}; the picture has two dimensions")
    _, grid = plt.subplots(1, len(walks), figsize=(6.4, 3.6), sharex=True, sharey=True, squeeze=False)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.linalg.cholesky(cov) @ np.array([np.cos(angle), np.sin(angle)])
    panels: list[Axes] = list(grid.flat)
    for ax, (name, walk) in zip(panels, walks.items(), strict=True):
        for share in (0.5, 0.95):
            ring = circle * np.sqrt(-2 * np.log(1 - share))
            ax.plot(*ring, color=QUIET, linewidth=0.8, zorder=0)
        for path in walk.paths:
            ax.plot(*path.T, color=COLOURS[0], linewidth=0.9, alpha=0.6, zorder=1)
        ax.plot(*walk.draws[1:].T, "o", color=COLOURS[1], markersize=4.5, zorder=2, label="draw")
        ax.plot(*walk.draws[0], "s", color=INK, markersize=6, zorder=3, label="start")
        ax.set_title(f"{name}: {len(walk.draws) - 1} draws")
        ax.set_xlabel(labels[0])
    panels[0].set_ylabel(labels[1])
    handles, names = panels[0].get_legend_handles_labels()
    panels[0].figure.legend(handles, names, loc="outside lower center", ncols=2)
    return panels


@house
def plot_chains(chains: Mapping[str, ArrayLike], ylabel: str = "parameter", bins: int = 20) -> list[Axes]:
    """Draw traces, and beside them the ranks of each chain's draws among all; one row a set of chains.

    Parameters
    ----------
    chains : mapping of str to array_like, shape (chains, draws)
        What each row is called, and its draws.
    ylabel : str
        What is drawn, with its unit.
    bins : int
        Bars of the rank histograms. If all chains draw from the same distribution, every bar is as high as the dashed
        line, but for chance (Vehtari et al. 2021).

    Returns
    -------
    list of matplotlib Axes
        Trace and ranks, row by row.

    Examples
    --------
    >>> import mmhelpers as mm, numpy as np
    >>> axes = mm.plot_chains({"good": np.random.default_rng(1).normal(size=(4, 200))})
    """
    import matplotlib.pyplot as plt
    from scipy.stats import rankdata

    _, grid = plt.subplots(
        len(chains), 2, figsize=(6.4, 0.4 + 1.9 * len(chains)), squeeze=False, width_ratios=(3, 2)
    )
    for (left, right), (name, values) in zip(grid, chains.items(), strict=True):
        draws = np.asarray(values, float)
        if draws.ndim != 2 or len(draws) < 2:
            raise ValueError(f"chains[{name!r}] has shape {draws.shape}; it must be (chains, draws)")
        ranks = rankdata(draws).reshape(draws.shape)
        edges = np.linspace(0, draws.size + 1, bins + 1)
        for k, (line, own) in enumerate(zip(draws, ranks, strict=True)):
            colour = COLOURS[k % len(COLOURS)]
            left.plot(line, color=colour, linewidth=0.7)
            right.stairs(
                np.histogram(own, edges)[0], edges, color=colour, linewidth=1.3, label=f"chain {k + 1}"
            )
        right.axhline(draws.shape[1] / bins, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        left.set_title(name)
        left.set_ylabel(ylabel)
        right.set_ylabel("draws")
        right.set_ylim(bottom=0)
    grid[-1, 0].set_xlabel("draw")
    grid[-1, 1].set_xlabel("rank among all draws")
    handles, names = grid[0, 1].get_legend_handles_labels()
    grid[0, 0].figure.legend(handles, names, loc="outside lower center", ncols=4)
    return list(grid.flat)


@house
def plot_funnel(
    draws: Mapping[str, pd.DataFrame], x: str, y: str, xlabel: str | None = None, ylabel: str | None = None
) -> list[Axes]:
    """Draw two parameters against each other, one panel a model, divergent draws on top; all on one scale.

    Parameters
    ----------
    draws : mapping of str to pandas.DataFrame
        What each panel is called, and its draws, one a row.
    x, y : str
        Columns of each table; a third, "diverging", says which draws diverged.
    xlabel, ylabel : str, optional
        Axis labels, with the unit; the columns' names by default.

    Returns
    -------
    list of matplotlib Axes

    Examples
    --------
    >>> import numpy as np, pandas as pd, mmhelpers as mm
    >>> s = np.random.default_rng(1).normal(size=100)
    >>> table = pd.DataFrame({"effect": np.exp(s), "log sd": s, "diverging": s < -2})
    >>> axes = mm.plot_funnel({"centred": table}, "effect", "log sd")
    """
    import matplotlib.pyplot as plt

    for table in draws.values():
        need_columns(table, x=x, y=y, by="diverging")
    _, grid = plt.subplots(1, len(draws), figsize=(6.4, 3.4), sharex=True, sharey=True, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for ax, (name, table) in zip(panels, draws.items(), strict=True):
        bad = table["diverging"].to_numpy(bool)
        ax.plot(
            table[x][~bad], table[y][~bad], ".", color=COLOURS[0], markersize=3, alpha=0.35, label="draw",
            rasterized=True,
        )  # fmt: skip
        ax.plot(
            table[x][bad], table[y][bad], "X", color=COLOURS[1], markersize=6, label="divergent", zorder=3
        )
        ax.set_title(name)
        ax.set_xlabel(xlabel or x)
    panels[0].set_ylabel(ylabel or y)
    handles, names = panels[0].get_legend_handles_labels()
    panels[0].figure.legend(handles, names, loc="outside lower center", ncols=2)
    return panels
