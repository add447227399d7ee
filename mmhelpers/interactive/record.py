"""What an interactive figure is: a Bokeh picture, its controls, and what it shows at each setting of them.

Nothing is computed while a reader moves a slider: every setting has a frame, made in Python from a table. The page
shows the frame's numbers and its sentence. Controls are the browser's own sliders, so that the keyboard moves them and a
screen reader names them.

In JupyterLab the figure carries Bokeh with it and works offline. For the site, which has many figures and one copy of
Bokeh, the environment variable ``MMHELPERS_INTERACTIVE`` names a folder: there each figure is written as a script of
its own, and the notebook keeps no more than its place.
"""

from __future__ import annotations

import html
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["Control", "Frame", "Interactive"]


@dataclass(frozen=True)
class Control:
    """A slider over a few values.

    Attributes
    ----------
    label : str
        What it sets, as the page writes it.
    values : sequence
        Its settings, in order.
    unit : str
        Written behind the value.
    start : int
        Where it begins: a position in `values`.

    Examples
    --------
    >>> Control("subjects", (10, 20, 40), start=1).values[1]
    20
    """

    label: str
    values: Sequence[Any]
    unit: str = ""
    start: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.values):
            raise ValueError(
                f"start is {self.start}; the control {self.label!r} has {len(self.values)} values"
            )


@dataclass(frozen=True)
class Frame:
    """What a figure shows at one setting.

    Attributes
    ----------
    sources : mapping of str to mapping of str to list
        Columns of each data source of the picture, by the source's name.
    text : str
        What the picture says here, in a sentence.

    Examples
    --------
    >>> Frame({"points": {"x": [1.0], "y": [2.0]}}, "y is 2.").text
    'y is 2.'
    """

    sources: Mapping[str, Mapping[str, Sequence[Any]]]
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Interactive:
    """A figure that a reader can move; a notebook shows it.

    Attributes
    ----------
    name : str
        Small letters, digits and hyphens: its file on the site.
    alt : str
        What it shows, for a reader who does not see it.
    controls : tuple of Control
    frames : mapping
        A `Frame` for every combination of positions, a tuple in the order of the controls.
    plot : bokeh model
        The picture; its data sources have the names that the frames use.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> figure = mm.explore_type1(mm.load("type1_grid"))
    >>> [control.label for control in figure.controls], len(figure.frames)
    (['subjects', 'observations a subject'], 20)
    """

    name: str
    alt: str
    controls: tuple[Control, ...]
    frames: Mapping[tuple[int, ...], Frame]
    plot: Any = field(compare=False)

    def __post_init__(self) -> None:
        wanted = set(itertools.product(*(range(len(c.values)) for c in self.controls)))
        missing = wanted - set(self.frames)
        if missing:
            raise ValueError(f"{len(missing)} settings have no frame, for example {sorted(missing)[0]}")
        names = {str(source.name) for source in self._sources()}
        used = {name for frame in self.frames.values() for name in frame.sources}
        if used != names:
            raise ValueError(f"the frames fill {sorted(used)}, the picture's sources are {sorted(names)}")

    def _sources(self) -> list[Any]:
        from bokeh.models import ColumnDataSource

        return [s for s in self.plot.select({"type": ColumnDataSource}) if s.name]

    def frame(self, *values: Any) -> Frame:
        """Return the frame at these settings, one value a control.

        Raises
        ------
        ValueError
            If a control has no such value.
        """
        if len(values) != len(self.controls):
            raise ValueError(f"give {len(self.controls)} values: {', '.join(c.label for c in self.controls)}")
        for control, value in zip(self.controls, values, strict=True):
            if value not in control.values:
                raise ValueError(
                    f"{control.label} is {value!r}; it can be {', '.join(map(str, control.values))}"
                )
        key = tuple(list(c.values).index(v) for c, v in zip(self.controls, values, strict=True))
        return self.frames[key]

    def to_json(self) -> str:
        """Give everything the page needs: the picture as Bokeh writes it, controls and frames."""
        from bokeh.embed import json_item

        start = tuple(control.start for control in self.controls)
        for source in self._sources():
            source.data = dict(self.frames[start].sources[source.name])
        item = json_item(self.plot)
        frames = {",".join(map(str, key)): [dict(f.sources), f.text] for key, f in self.frames.items()}
        controls = [
            {"label": c.label, "values": [str(v) for v in c.values], "unit": c.unit, "start": c.start}
            for c in self.controls
        ]
        parts = {"item": item, "controls": controls, "frames": frames}
        return json.dumps(parts, allow_nan=False, default=float)

    def place(self) -> str:
        """Give the HTML that stands in for the figure until its script runs."""
        return (
            f'<div class="mm-interactive" data-figure="{self.name}" role="group" aria-label="{html.escape(self.alt)}">'
            f'<p class="mm-waiting">A figure to move: {html.escape(self.alt)}</p></div>'
        )

    def to_html(self) -> str:
        """Give a whole page with the figure and Bokeh inside, which needs nothing else."""
        from bokeh.resources import Resources

        script = resources.files(__package__).joinpath("interactive.js").read_text(encoding="utf8")
        style = resources.files(__package__).joinpath("interactive.css").read_text(encoding="utf8")
        data = f"window.mmInteractive = {{{json.dumps(self.name)}: {self.to_json()}}};".replace("</", "<\\/")
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(self.name)}</title>'
            f"<style>{style}</style>{Resources(mode='inline', components=['bokeh']).render_js()}</head><body>{self.place()}"
            f"<script>{data}</script><script>{script}</script></body></html>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        plain = f"<interactive figure {self.name!r}: {', '.join(c.label for c in self.controls)}>"
        folder = os.environ.get("MMHELPERS_INTERACTIVE")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            text = f"(window.mmInteractive ??= {{}})[{json.dumps(self.name)}] = {self.to_json()};\n"
            (Path(folder) / f"{self.name}.js").write_text(text, encoding="utf8")
            return {"text/plain": plain, "text/html": self.place()}
        frame = html.escape(self.to_html(), quote=True)
        size = 'style="width:100%;height:620px;border:0"'
        return {
            "text/plain": plain,
            "text/html": f'<iframe title="{self.name}" {size} srcdoc="{frame}"></iframe>',
        }
