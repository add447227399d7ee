"""Error rates to move: Type I error with one grouping factor, with crossed items, and power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmhelpers.plots.style import COLOURS, INK

from .look import empty
from .record import Control, Frame, Interactive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explore_items", "explore_power", "explore_type1"]

ALPHA = 0.05


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def _legend(picture: Any) -> None:
    """Put the legend above the picture, where it covers nothing."""
    legend = picture.legend[0]
    picture.add_layout(legend, "above")
    legend.orientation = "horizontal"
    legend.border_line_color = None
    legend.background_fill_alpha = 0
    legend.label_text_font_size = "13px"
    legend.ncols = 2
    legend.location = "left"
    legend.padding = 2
    legend.spacing = 4


def _curve(picture: Any, source: Any, label: str, colour: str, marker: str) -> None:
    """Draw points with their intervals, joined by a line."""
    from bokeh.models import Whisker

    picture.line("x", "rate", source=source, color=colour, line_width=2, legend_label=label)
    picture.scatter("x", "rate", source=source, color=colour, size=9, marker=marker, legend_label=label)
    whisker = Whisker(base="x", lower="lower", upper="upper", source=source, line_color=colour)
    whisker.upper_head.line_color = whisker.lower_head.line_color = colour
    whisker.upper_head.size = whisker.lower_head.size = 6
    picture.add_layout(whisker)


def _level(picture: Any, y: float) -> None:
    """Draw a dotted line across the picture."""
    from bokeh.models.annotations import Span

    picture.add_layout(Span(location=y, dimension="width", line_color=INK, line_dash="dotted"))


def _columns(rows: pd.DataFrame, x: str) -> dict[str, list[float]]:
    rows = rows.sort_values(x)
    return {"x": rows[x].tolist(), **{name: rows[name].tolist() for name in ("rate", "lower", "upper")}}


def _need(table: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(f"the table lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")


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

    _need(table, "subjects", "observations", "slope_sd", "model", "rate", "lower", "upper", "exact")
    subjects, observations = (sorted(set(table[name])) for name in ("subjects", "observations"))
    top = max(table["slope_sd"])
    picture = empty(
        "SD of the slopes (in residual SDs)",
        "false alarms (share of data sets)",
        (-0.05 * top, 1.05 * top),
        (0, 1),
    )
    _level(picture, ALPHA)
    for model, colour, marker in (("slope-less", COLOURS[1], "circle"), ("maximal", COLOURS[0], "square")):
        label = "no random slopes" if model == "slope-less" else "random slopes"
        _curve(picture, ColumnDataSource({}, name=model), label, colour, marker)
    exact = ColumnDataSource({}, name="exact")
    picture.line("x", "exact", source=exact, color=INK, line_dash="dashed", legend_label="formula")
    _legend(picture)
    frames: dict[tuple[int, ...], Frame] = {}
    for i, m in enumerate(subjects):
        for j, n in enumerate(observations):
            rows = table[(table["subjects"] == m) & (table["observations"] == n)]
            both = {
                name: _columns(rows[rows["model"] == name], "slope_sd") for name in ("slope-less", "maximal")
            }
            bare = rows[rows["model"] == "slope-less"].sort_values("slope_sd")
            line = {"x": bare["slope_sd"].tolist(), "exact": bare["exact"].tolist()}
            one = [
                float(rows.loc[(rows["model"] == k) & (rows["slope_sd"] == 1), "rate"].iloc[0]) for k in both
            ]
            text = (
                f"With {m} subjects and {n} observations each, and slopes (from the first to the last observation) whose "
                f"SD is 1: the model without random slopes raises a false alarm in {_percent(one[0])} of the data sets, "
                f"the model with them in {_percent(one[1])}. "
                f"The dotted line is the 5% that was asked for."
            )
            frames[i, j] = Frame({**both, "exact": line}, text)
    return Interactive(
        "type1-one-factor",
        "Share of false alarms against the standard deviation of the slopes, for a model without random slopes, which "
        "climbs with it, and a model with them, which stays near 5%.",
        (
            Control("subjects", subjects, start=subjects.index(18) if 18 in subjects else 0),
            Control(
                "observations a subject",
                observations,
                start=observations.index(10) if 10 in observations else 0,
            ),
        ),
        frames,
        picture,
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
    from bokeh.models import ColumnDataSource

    _need(table, "subjects", "items", "item_slope_sd", "slope_sd", "model", "rate", "lower", "upper")
    models = ("intercepts only", "slopes of subjects", "slopes of both")
    axes = [sorted(set(table[name])) for name in ("subjects", "items", "item_slope_sd")]
    top = max(table["slope_sd"])
    picture = empty(
        "SD of the subjects' slopes",
        "false alarms (share of data sets)",
        (-0.05 * top, 1.05 * top),
        (0, 1),
    )
    _level(picture, ALPHA)
    looks = zip(models, (COLOURS[1], COLOURS[2], COLOURS[0]), ("circle", "triangle", "square"), strict=True)
    for model, colour, marker in looks:
        _curve(picture, ColumnDataSource({}, name=model), model, colour, marker)
    _legend(picture)
    frames: dict[tuple[int, ...], Frame] = {}
    for i, m in enumerate(axes[0]):
        for j, n in enumerate(axes[1]):
            for k, sd in enumerate(axes[2]):
                here = (table["subjects"] == m) & (table["items"] == n) & (table["item_slope_sd"] == sd)
                rows = table[here]
                sources = {name: _columns(rows[rows["model"] == name], "slope_sd") for name in models}
                last = {name: _percent(columns["rate"][-1]) for name, columns in sources.items()}
                text = (
                    f"{m} subjects, {n} items, SD of the items' slopes {sd:g}. At the right end (SD of the subjects' slopes "
                    f"{top:g}) false alarms are {last[models[0]]} with intercepts only, {last[models[1]]} with slopes of "
                    f"subjects, {last[models[2]]} with slopes of both."
                )
                frames[i, j, k] = Frame(sources, text)
    return Interactive(
        "type1-crossed",
        "Share of false alarms in a design of subjects crossed with items, against the standard deviation of the subjects' "
        "slopes, for three models. Only the model with slopes of both stays near 5% when both vary.",
        (
            Control("subjects", axes[0], start=1),
            Control("items", axes[1], start=1),
            Control("SD of the items' slopes", axes[2], start=0),
        ),
        frames,
        picture,
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
    from bokeh.models import ColumnDataSource

    _need(table, "subjects", "trials", "effect", "slope_sd", "rate", "lower", "upper")
    effects, spreads, trials = (sorted(set(table[name])) for name in ("effect", "slope_sd", "trials"))
    most = max(table["subjects"])
    picture = empty("subjects", "power (share with p below 0.05)", (0, 1.04 * most), (0, 1.02))
    _level(picture, 0.8)
    markers = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex")
    for t, colour, marker in zip(trials, COLOURS, markers, strict=False):
        _curve(picture, ColumnDataSource({}, name=f"trials {t}"), f"{t} trials each", colour, marker)
    _legend(picture)
    frames: dict[tuple[int, ...], Frame] = {}
    for i, effect in enumerate(effects):
        for j, sd in enumerate(spreads):
            rows = table[(table["effect"] == effect) & (table["slope_sd"] == sd)]
            sources = {f"trials {t}": _columns(rows[rows["trials"] == t], "subjects") for t in trials}
            fewest = []
            for t in (trials[0], trials[-1]):
                own = rows[(rows["trials"] == t) & (rows["rate"] >= 0.8)]
                enough = (
                    f"{own['subjects'].min()} subjects are enough"
                    if len(own)
                    else f"{most} subjects are not enough"
                )
                fewest.append(f"with {t} trials each {enough}")
            text = f"For 80% power (dotted), of the sizes shown: {fewest[0]}; {fewest[1]}."
            frames[i, j] = Frame(sources, text)
    return Interactive(
        "power",
        "Power against the number of subjects, one curve a number of trials. When slopes vary, more trials lift the curve "
        "little and more subjects lift it a lot.",
        (
            Control("effect", effects, "residual SDs", start=1),
            Control("SD of the slopes", spreads, "residual SDs", start=1),
        ),
        frames,
        picture,
    )
