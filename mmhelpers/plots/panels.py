"""Diagnostic pictures: quantile-quantile, quantiles along the fit, influence, the page, the lineup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics.envelopes import Lineup
from ..diagnostics.verdicts import Check
from ..testtable import TestTable, p_phrase
from .grammar import need_columns
from .style import CHANCE, COLOURS, INK, PAPER, QUIET, axes_or_new, house, points_and_strays

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_check",
    "plot_influence",
    "plot_lineup",
    "plot_qq",
    "plot_residual_quantiles",
    "plot_simulated",
]


@house
def plot_qq(
    table: pd.DataFrame, xlabel: str = "expected residual", ylabel: str = "residual", ax: Axes | None = None
) -> Axes:
    """Draw residuals against those expected; points outside the band are what chance does not do.

    Parameters
    ----------
    table : pandas.DataFrame
        What `qq_table` gives.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from mmhelpers import qq_table
    >>> ax = plot_qq(qq_table(np.random.default_rng(1).normal(size=50)))
    """
    need_columns(table, a="expected", b="observed", c="lower", d="upper")
    ax = axes_or_new(ax)
    x, y = table["expected"].to_numpy(), table["observed"].to_numpy()
    ax.fill_between(x, table["lower"], table["upper"], color=CHANCE, linewidth=0, zorder=0)
    ax.plot(x, x, color=QUIET, linewidth=1, zorder=1)
    out = (y < table["lower"].to_numpy()) | (y > table["upper"].to_numpy())
    points_and_strays(ax, x, y, out, size=4)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return ax


@house
def plot_residual_quantiles(
    quantiles: pd.DataFrame,
    points: pd.DataFrame | None = None,
    xlabel: str = "fitted",
    ylabel: str = "quantile residual",
    ax: Axes | None = None,
) -> Axes:
    """Draw quartiles of quantile residuals along the fit: flat and inside their bands if all is well.

    A quartile that leaves its own band anywhere is coloured, with a diamond at each slice where it is outside.

    Parameters
    ----------
    quantiles : pandas.DataFrame
        What `quantile_table` gives.
    points : pandas.DataFrame, optional
        Columns predictor and residual, drawn faintly behind.
    xlabel, ylabel : str
        Axis labels.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"predictor": [0, 1], "quantile": 0.5, "value": 0.5, "lower": 0.3, "upper": 0.7})
    >>> table["expected"] = 0.5
    >>> ax = plot_residual_quantiles(table)
    """
    need_columns(quantiles, a="predictor", b="quantile", c="value", d="lower", e="upper", f="expected")
    ax = axes_or_new(ax)
    if points is not None:
        ax.plot(
            points["predictor"],
            points["residual"],
            linestyle="none",
            marker=".",
            markersize=3,
            color=QUIET,
            alpha=0.5,
            markeredgewidth=0,
            rasterized=len(points) > 2000,
            zorder=0,
        )
    shapes = [rows for _, rows in quantiles.groupby("quantile")]
    for rows in shapes:
        x, low, high = (rows[name].to_numpy() for name in ("predictor", "lower", "upper"))
        # bands that overlap stay apart by their outlines
        ax.fill_between(x, low, high, facecolor=CHANCE, edgecolor=PAPER, alpha=0.85, linewidth=1, zorder=1)
    for rows in shapes:
        x, y = rows["predictor"].to_numpy(), rows["value"].to_numpy()
        out = (y < rows["lower"].to_numpy()) | (y > rows["upper"].to_numpy())
        colour = COLOURS[1] if out.any() else INK
        ax.plot(x, rows["expected"], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1.5)
        ax.plot(x, y, linewidth=2, marker="o" if len(x) < 3 else None, color=colour, zorder=3)
        # the bands overlap: what left its own is marked
        ax.plot(x[out], y[out], linestyle="none", marker="D", markersize=6, color=colour, zorder=3)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return ax


@house
def plot_simulated(test: TestTable, xlabel: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a statistic of the data, a line, among its values in simulated data, a histogram.

    Parameters
    ----------
    test : TestTable
        What `check_statistic`, `check_dispersion`, `check_zeros` or `check_outliers` gives.
    xlabel : str, optional
        Axis label; the test's name without it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from mmhelpers import check_zeros, quantile_residuals
    >>> rng = np.random.default_rng(1)
    >>> ax = plot_simulated(check_zeros(quantile_residuals(rng.poisson(2, 50), rng.poisson(2, (50, 99)))))
    """
    if "simulated" not in getattr(test, "extras", {}):
        raise ValueError("test holds no simulated values; pass what check_statistic and its kin give")
    ax = axes_or_new(ax)
    values, observed = np.asarray(test.extras["simulated"]), float(test.extras["observed"])
    shares, _, _ = ax.hist(
        values, bins=_bins(values), histtype="stepfilled", facecolor=CHANCE, edgecolor=QUIET, linewidth=0.8
    )
    colour = COLOURS[1] if test.p < 0.05 else INK
    ax.axvline(observed, color=colour, linewidth=2.5)
    # both are named where they stand, above the highest bar
    ax.set_ylim(0, 1.18 * np.max(shares))
    middle, (low, high) = float(np.median(values)), ax.get_xlim()
    side: Any = "left" if observed < (low + high) / 2 else "right"
    if abs(observed - middle) < 0.4 * (high - low):  # they stand together: one to either side of the line
        side = "right" if observed < middle else "left"
    nudge = 4 if side == "left" else -4
    ax.annotate(
        "data", (observed, 1), (nudge, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha=side, va="top", color=colour, fontsize=11, fontweight="bold",
    )  # fmt: skip
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel or test.rows[0].name)
    ax.set_title(p_phrase(test.p, test.rows[0].smallest_p), fontweight="normal")
    return ax


def _bins(values: NDArray[np.float64]) -> list[float]:
    """Edges of at most 30 bins; of whole numbers each bin holds equally many, or the bars would jump."""
    low, high = float(values.min()), float(values.max())
    if (values == np.rint(values)).all():
        step = max(1.0, np.ceil((high - low + 1) / 30))
        return list(np.arange(low - 0.5, high + step + 0.5, step))
    return list(np.linspace(low, high, min(30, max(5, len(np.unique(values)))) + 1))


@house
def plot_influence(
    table: pd.DataFrame, top: int = 8, xlabel: str = "Cook's distance", ax: Axes | None = None
) -> Axes:
    """Draw the rows or groups that pull the fixed effects most, the largest on top.

    Parameters
    ----------
    table : pandas.DataFrame
        What `influence` gives.
    top : int
        How many to draw.
    xlabel : str
        Axis label.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> ax = plot_influence(pd.DataFrame({"cooks distance": [0.1, 0.7]}, index=["a", "b"]))
    """
    need_columns(table, a="cooks distance")
    ax = axes_or_new(ax)
    rows = table["cooks distance"].dropna().sort_values(ascending=False).head(top)
    at = np.arange(len(rows))
    ax.hlines(at, 0, rows, color=INK, linewidth=2)
    ax.plot(rows, at, linestyle="none", marker="o", markersize=6, color=INK)
    ax.set_yticks(at, [str(label) for label in rows.index])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)
    if table.index.name:
        ax.set_ylabel(str(table.index.name))
    return ax


@house
def plot_check(check: Check) -> Figure:
    """Draw the page that a user wants first: four pictures of a fit, each with its band of chance.

    Parameters
    ----------
    check : Check
        What `check` gives.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> import statsmodels.formula.api as smf
    >>> from mmhelpers import check, load
    >>> figure = plot_check(check(smf.ols("growth ~ site", load("oysters_nobag")).fit(), n_sim=50))
    >>> len(figure.axes)
    4
    """
    import matplotlib.pyplot as plt

    if not hasattr(check, "tables"):
        raise TypeError(f"check must come from mm.check(fit), not {type(check).__name__}")
    size = plt.rcParams["figure.figsize"][0]
    figure, grid = plt.subplots(2, 2, figsize=(size, size))
    tables = check.tables
    plot_qq(tables["qq"], ax=grid[0, 0])
    grid[0, 0].set_title("Distribution")
    plot_residual_quantiles(tables["quantiles"], tables["points"], ylabel=tables["residuals"], ax=grid[0, 1])
    grid[0, 1].set_title("Along the fit")
    effects: dict[str, Any] = tables.get("effects", {})
    if effects:
        name = next(iter(effects))
        plot_qq(effects[name], xlabel="expected effect (sd)", ylabel="effect (sd)", ax=grid[1, 0])
        grid[1, 0].set_title(name)
    else:
        plot_simulated(tables["dispersion"], xlabel="variance around the fit", ax=grid[1, 0])
        text = grid[1, 0].get_title(loc="left")
        grid[1, 0].set_title(f"Dispersion, {text}")
    if "influence" in tables:
        plot_influence(tables["influence"], top=6, ax=grid[1, 1])
        grid[1, 1].set_title("Influence")
    else:
        _tenths(tables["tenths"], grid[1, 1])
    return figure


def _tenths(table: pd.DataFrame, ax: Axes) -> None:
    """Draw the numbers of residuals in each tenth over their bands: flat, and inside, if the model is right."""
    at, rows = table["middle"].to_numpy(), table["rows"].to_numpy()
    lower, upper = table["lower"].to_numpy(), table["upper"].to_numpy()
    ax.bar(at, upper - lower, 0.08, bottom=lower, color=CHANCE, linewidth=0, zorder=0)
    ax.axhline(rows.mean(), color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    out = (rows < lower) | (rows > upper)
    points_and_strays(ax, at, rows, out)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("quantile residual")
    ax.set_ylabel("rows in a tenth")
    ax.set_title("Flat if right")


@house
def plot_lineup(lineup: Lineup, ylabel: str = "residual") -> Figure:
    """Draw a lineup, to see whether the panel with the data can be told from the others.

    Parameters
    ----------
    lineup : Lineup
        What `lineup` gives.
    ylabel : str
        Label of the residuals.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from mmhelpers import lineup
    >>> hidden = lineup(np.random.default_rng(1).normal(size=30), by=list("abcdef") * 5, panels=6, rng=1)
    >>> len(plot_lineup(hidden).axes)
    6
    """
    import matplotlib.pyplot as plt

    if not hasattr(lineup, "table"):
        raise TypeError(f"lineup must come from mm.lineup(fit), not {type(lineup).__name__}")
    panels = sorted(lineup.table["panel"].unique())
    columns = 3 if len(panels) > 4 else 2
    rows = -(-len(panels) // columns)
    size = plt.rcParams["figure.figsize"][0]
    figure, grid = plt.subplots(
        rows, columns, figsize=(size, 0.3 + 1.75 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax in grid.flat[len(panels) :]:
        ax.remove()
    for panel, ax in zip(panels, grid.flat, strict=False):
        own = lineup.table[lineup.table["panel"] == panel]
        ax.axhline(0, color=CHANCE, linewidth=1, zorder=0)
        if lineup.factor:
            sets = [rows["residual"].to_numpy() for _, rows in own.groupby(lineup.by, observed=True)]
            ax.boxplot(
                sets,
                widths=0.6,
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": CHANCE, "edgecolor": QUIET, "linewidth": 0.7},
                whiskerprops={"color": QUIET, "linewidth": 0.7},
                capprops={"linewidth": 0},
                medianprops={"linewidth": 0},
            )
            ax.plot(
                range(1, len(sets) + 1),
                [float(values.mean()) for values in sets],
                linestyle="none",
                marker="D",
                markersize=3.5 if len(sets) > 24 else 5,
                color=INK,
                markeredgewidth=0,
            )
            names = [str(level) for level, _ in own.groupby(lineup.by, observed=True)]
            short = sum(len(name) for name in names) + 2 * len(names) <= 20
            ax.set_xticks(range(1, len(names) + 1) if short else [], names if short else [])
            ax.tick_params(axis="x", length=0)
        else:
            ax.plot(
                own[lineup.by],
                own["residual"],
                linestyle="none",
                marker=".",
                markersize=4,
                color=INK,
                alpha=0.6,
            )
        ax.set_title(str(panel), fontsize=11, pad=3)
    figure.supxlabel(lineup.by, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    return figure
