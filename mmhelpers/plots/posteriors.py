"""Posterior densities of effects, one above the other, with a region that does not matter behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import CHANCE, COLOURS, INK, QUIET, axes_or_new, house

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_posteriors"]


@house
def plot_posteriors(
    draws: Mapping[str, Any],
    rope: tuple[float, float] | None = None,
    level: float = 0.95,
    reference: float | None = 0.0,
    xlabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the distribution of draws of each effect, with its mean and interval.

    Parameters
    ----------
    draws : mapping of str to array_like
        Draws of each effect, of any shape; the first is drawn on top.
    rope : (float, float), optional
        Ends of a region of practical equivalence, shaded.
    level : float
        Of the intervals, whose ends are quantiles.
    reference : float, optional
        Where to draw a vertical line of comparison.
    xlabel : str, optional
        Axis label, with the unit.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are no draws, or `rope` is no interval.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> effects = {"warm": rng.normal(2, 6, 2000), "hypoxic": rng.normal(18, 6, 2000)}
    >>> ax = plot_posteriors(effects, rope=(-5, 5), xlabel="strokes a minute")
    """
    from scipy import stats

    if not isinstance(draws, Mapping) or not draws:
        raise ValueError(
            "draws must be a mapping from names to draws, {'Days': draws}, and hold at least one effect"
        )
    if rope is not None and not rope[0] < rope[1]:
        raise ValueError(f"rope must be its lower and its upper end; got {rope}")
    ax = axes_or_new(ax, height=1.3 + 0.85 * len(draws))
    if rope is not None:
        ax.axvspan(*rope, color=CHANCE, linewidth=0, zorder=0)
        ax.text(
            sum(rope) / 2, 1.01, "region", transform=ax.get_xaxis_transform(), color=QUIET, ha="center",
            va="bottom",
        )  # fmt: skip
    if reference is not None:
        ax.axvline(reference, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for row, (_, values) in enumerate(draws.items()):
        x = np.asarray(values, dtype=float).ravel()
        left, right = np.quantile(x, [0.0005, 0.9995])
        at = np.linspace(left, right, 200)
        height = stats.gaussian_kde(x[:: max(1, len(x) // 4000)])(at)
        base = len(draws) - 1 - row
        ax.fill_between(
            at, base, base + 0.75 * height / height.max(), color=COLOURS[0], alpha=0.35, linewidth=0, zorder=2
        )
        low, high = np.quantile(x, [(1 - level) / 2, (1 + level) / 2])
        ax.hlines(base, low, high, color=INK, linewidth=2.5, zorder=3)
        ax.plot(x.mean(), base, marker="o", markersize=7, color=INK, zorder=4)
    ax.set_yticks(range(len(draws)), list(draws)[::-1])
    ax.set_ylim(-0.35, len(draws) - 0.1)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel or "effect")
    return ax
