"""Error rates to move: Type I error with one grouping factor, with crossed items, and power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmhelpers.plots.style import COLOURS, INK

from .build import control, need, over_grid, percent, rows_at
from .look import dots, empty, legend, level_line
from .record import Frame, Interactive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explore_items", "explore_power", "explore_type1"]

ALPHA = 0.05


def _columns(rows: pd.DataFrame, x: str) -> dict[str, list[float]]:
    rows = rows.sort_values(x)
    return {"x": rows[x].tolist(), **{name: rows[name].tolist() for name in ("rate", "lower", "upper")}}


def _alarms(spread: str, top: float) -> Any:
    """Empty axes for shares of false alarms against a spread that goes up to `top`."""
    picture = empty(spread, "false alarms (share of data sets)", (-0.05 * top, 1.05 * top), (0, 1))
    level_line(picture, ALPHA)
    return picture


def explore_type1(table: pd.DataFrame) -> Interactive:
    """Move subjects and observations, and see how often each model finds an effect that is not there.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns subjects, observations, slope_sd, model ("slope-less", "maximal"), rate, lower, upper, exact: as
        ``mm.load("type1_grid")``.

    Returns
    -------
    Interactive

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.explore_type1(mm.load("type1_grid")).frame(18, 10).sources["slope-less"]["x"][:3]
    [0.0, 0.25, 0.5]
    """
    from bokeh.models import ColumnDataSource

    need(table, "subjects", "observations", "slope_sd", "model", "rate", "lower", "upper", "exact")
    subjects, observations = (sorted(set(table[name])) for name in ("subjects", "observations"))
    top = max(table["slope_sd"])
    picture = _alarms("SD of the slopes (in residual SDs)", top)
    for model, label, colour, marker in (
        ("slope-less", "no random slopes", COLOURS[1], "circle"),
        ("maximal", "random slopes", COLOURS[0], "square"),
    ):
        dots(picture, model, label, colour, marker)
    exact = ColumnDataSource({}, name="exact")
    picture.line("x", "exact", source=exact, color=INK, line_dash="dashed", legend_label="formula")
    legend(picture)

    def frame(m: int, n: int) -> Frame:
        rows = rows_at(table, subjects=m, observations=n)
        both = {
            model: _columns(rows_at(rows, model=model), "slope_sd") for model in ("slope-less", "maximal")
        }
        bare = rows_at(rows, model="slope-less").sort_values("slope_sd")
        line = {"x": bare["slope_sd"].tolist(), "exact": bare["exact"].tolist()}
        one = [float(rows_at(rows, model=model, slope_sd=1)["rate"].iloc[0]) for model in both]
        text = (
            f"With {m} subjects and {n} observations each, and slopes (from the first to the last observation) whose "
            f"SD is 1: the model without random slopes raises a false alarm in {percent(one[0])} of the data sets, "
            f"the model with them in {percent(one[1])}. "
            f"The dotted line is the 5% that was asked for."
        )
        return Frame({**both, "exact": line}, text)

    return over_grid(
        "type1-one-factor",
        "Share of false alarms against the standard deviation of the slopes, for a model without random slopes, which "
        "climbs with it, and a model with them, which stays near 5%.",
        picture,
        [control("subjects", subjects, 18), control("observations a subject", observations, 10)],
        frame,
    )


def explore_items(table: pd.DataFrame) -> Interactive:
    """Move subjects, items and the spread of the items' slopes in a crossed design.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns subjects, items, item_slope_sd, slope_sd (of subjects), model ("intercepts only", "slopes of subjects",
        "slopes of both"), rate, lower, upper: as ``mm.load("type1_items_grid")``.

    Returns
    -------
    Interactive

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> [c.label for c in mm.explore_items(mm.load("type1_items_grid")).controls]
    ['subjects', 'items', "SD of the items' slopes"]
    """
    need(table, "subjects", "items", "item_slope_sd", "slope_sd", "model", "rate", "lower", "upper")
    models = ("intercepts only", "slopes of subjects", "slopes of both")
    axes = [sorted(set(table[name])) for name in ("subjects", "items", "item_slope_sd")]
    top = max(table["slope_sd"])
    picture = _alarms("SD of the subjects' slopes", top)
    looks = zip(models, (COLOURS[1], COLOURS[2], COLOURS[0]), ("circle", "triangle", "square"), strict=True)
    for model, colour, marker in looks:
        dots(picture, model, model, colour, marker)
    legend(picture)

    def frame(m: int, n: int, sd: float) -> Frame:
        rows = rows_at(table, subjects=m, items=n, item_slope_sd=sd)
        sources = {model: _columns(rows_at(rows, model=model), "slope_sd") for model in models}
        last = [percent(columns["rate"][-1]) for columns in sources.values()]
        text = (
            f"{m} subjects, {n} items, SD of the items' slopes {sd:g}. At the right end (SD of the subjects' slopes "
            f"{top:g}) false alarms are {last[0]} with intercepts only, {last[1]} with slopes of "
            f"subjects, {last[2]} with slopes of both."
        )
        return Frame(sources, text)

    return over_grid(
        "type1-crossed",
        "Share of false alarms in a design of subjects crossed with items, against the standard deviation of the subjects' "
        "slopes, for three models. Only the model with slopes of both stays near 5% when both vary.",
        picture,
        [
            control("subjects", axes[0], axes[0][1]),
            control("items", axes[1], axes[1][1]),
            control("SD of the items' slopes", axes[2], axes[2][0]),
        ],
        frame,
    )


def explore_power(table: pd.DataFrame) -> Interactive:
    """Move the effect and the spread of the slopes, and see what more subjects or more trials buy.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns subjects, trials, effect, slope_sd, rate, lower, upper: as ``mm.load("power_grid")``.

    Returns
    -------
    Interactive

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> [c.label for c in mm.explore_power(mm.load("power_grid")).controls]
    ['effect', 'SD of the slopes']
    """
    need(table, "subjects", "trials", "effect", "slope_sd", "rate", "lower", "upper")
    effects, spreads, trials = (sorted(set(table[name])) for name in ("effect", "slope_sd", "trials"))
    most = max(table["subjects"])
    picture = empty("subjects", "power (share with p below 0.05)", (0, 1.04 * most), (0, 1.02))
    level_line(picture, 0.8)
    markers = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex")
    for t, colour, marker in zip(trials, COLOURS, markers, strict=False):
        dots(picture, f"trials {t}", f"{t} trials each", colour, marker)
    legend(picture)

    def frame(effect: float, sd: float) -> Frame:
        rows = rows_at(table, effect=effect, slope_sd=sd)
        sources = {f"trials {t}": _columns(rows_at(rows, trials=t), "subjects") for t in trials}
        fewest = []
        for t in (trials[0], trials[-1]):
            own = rows[(rows["trials"] == t) & (rows["rate"] >= 0.8)]
            enough = (
                f"{own['subjects'].min()} subjects are enough"
                if len(own)
                else f"{most} subjects are not enough"
            )
            fewest.append(f"with {t} trials each {enough}")
        return Frame(sources, f"For 80% power (dotted), of the sizes shown: {fewest[0]}; {fewest[1]}.")

    return over_grid(
        "power",
        "Power against the number of subjects, one curve a number of trials. When slopes vary, more trials lift the curve "
        "little and more subjects lift it a lot.",
        picture,
        [
            control("effect", effects, effects[1], "residual SDs"),
            control("SD of the slopes", spreads, spreads[1], "residual SDs"),
        ],
        frame,
    )
