"""The numbers of a fit, ready to be put into a paper, in tables, words and a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhelpers.adapters import FitView

from . import tables
from .coefficients import Tests
from .effects import effect_table
from .methods import degenerate, paragraph
from .sampling import Sampling
from .words import listed, number, p_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Report"]

#: What a coefficient is on the scale of the response, for links whose inverse multiplies.
_RATIO = {"logit": "odds ratio", "log": "ratio"}


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What a paper says of one fit; what `report` returns. Printing it gives the methods and a sentence an effect.

    Attributes
    ----------
    view : FitView
        The fit.
    tests : Tests
        Estimates, intervals, tests, and the method that gave them.
    formula : str
        The formula, where the engine keeps one.
    estimation : str
        "restricted maximum likelihood (REML)" and so on.
    software : str
        Package, version, language.
    dropped : mapping of str to str
        What was left out of the model, and why.
    sampling : Sampling or None
        Chains, convergence and priors of a fit by bambi.
    missing : int
        Rows of the data that were left out because a value was missing, as told to `report`.
    labels, units : mapping of str to str
        Words for coefficients (and for the response), and the unit of each.
    fit : object
        The fit as its engine gave it.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> paper = mm.report(fit, units={"Reaction": "ms", "Days": "ms per day"})
    >>> print(paper.sentence("Days"))
    The estimated effect of Days on Reaction was 10.5 ms per day (95% confidence interval 7.21 to 13.7; t(17.0) =
    6.77, p < 0.001, t tests with Satterthwaite's degrees of freedom).
    """

    view: FitView
    tests: Tests
    formula: str
    estimation: str
    software: str
    dropped: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling | None = None
    missing: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    fit: Any = None

    def to_frame(self) -> pd.DataFrame:
        """Give the fixed effects at full precision: estimate, se, lower, upper, statistic, df, p, method."""
        return self.tests.table.assign(method=self.tests.method)

    @property
    def random(self) -> pd.DataFrame:
        """Standard deviations and correlations of the random effects: columns group, name, kind, value."""
        return self.view.variance_components

    @property
    def singular(self) -> tuple[str, ...]:
        """What was estimated on the boundary, in words; empty if nothing was."""
        return tuple(degenerate(self.view))

    def sentence(self, name: str) -> str:
        """Say what was found of one coefficient: estimate, interval, test and the method of the test.

        Parameters
        ----------
        name : str
            Coefficient, as `to_frame` names it.

        Returns
        -------
        str

        Raises
        ------
        KeyError
            If there is no such coefficient.

        Examples
        --------
        >>> import statsmodels.formula.api as smf, mmhelpers as mm
        >>> fit = smf.ols("score ~ Machine", mm.load("Machines")).fit()
        >>> print(mm.report(fit).sentence("MachineB"))
        The estimated effect of MachineB on score was 7.97 (95% confidence interval 4.10 to 11.8; t(51.0) =
        4.14, p < 0.001, t tests with the residual degrees of freedom).
        """
        table = self.tests.table
        if name not in table.index:
            raise KeyError(f"name is {name!r}; the coefficients are {', '.join(map(repr, table.index))}")
        row = {str(key): float(value) for key, value in table.loc[[name]].iloc[0].items()}
        what = self.labels.get(name, name)
        response = self.labels.get(self.view.response, self.view.response)
        unit = self.units.get(name, "")
        scale = "" if self.view.family.link == "identity" else f", on the {self.view.family.link} scale,"
        subject = (
            f"The estimated intercept of {response}"
            if name in {"(Intercept)", "Intercept"} and name not in self.labels
            else f"The estimated effect of {what} on {response}"
        )
        value = f"{number(row['estimate'])} {unit}".rstrip()
        inside = f"{self.tests.interval} {number(row['lower'])} to {number(row['upper'])}"
        text = f"{subject}{scale} was {value} ({inside}; {self._evidence(row)})"
        ratio = _RATIO.get(self.view.family.link)
        if ratio and name not in {"(Intercept)", "Intercept"}:
            of = [number(math.exp(row[k])) for k in ("estimate", "lower", "upper")]
            text += f": {'an' if ratio[0] == 'o' else 'a'} {ratio} of {of[0]} ({of[1]} to {of[2]})"
        return text + "."

    def _evidence(self, row: Mapping[str, float]) -> str:
        """The test with its method, or what a posterior says instead."""
        if not self.tests.symbol:
            share = row["positive"]
            side, share = ("positive", share) if share >= 0.5 else ("negative", 1 - share)
            shown = "above 0.999" if share > 0.999 else f"{share:.3f}"
            return f"posterior probability that it is {side}: {shown}"
        if not math.isfinite(row["p"]):
            own = self.tests.symbol == "p"
            return "not tested" if own else "no test: the statistic could not be computed"
        if self.tests.symbol == "p":
            return f"{p_value(float(row['p']))}, {self.tests.method}"
        df = "" if np.isinf(row["df"]) else f"({row['df']:.1f})"
        statistic = number(row["statistic"])
        return f"{self.tests.symbol}{df} = {statistic}, {p_value(float(row['p']))}, {self.tests.method}"

    def methods(self) -> str:
        """Write the methods paragraph: model, estimation, tests, software, what was left out, what is singular.

        Returns
        -------
        str

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
        >>> text = mm.report(fit, dropped={"the random slopes": "this is an example"}).methods()
        >>> "We left out the random slopes, because this is an example." in text
        True
        """
        return paragraph(self, self.dropped)

    def table(self) -> pd.DataFrame:
        """Give the table of a paper, as text: fixed effects, then random effects, then what was counted.

        Returns
        -------
        DataFrame
            A row whose other cells are empty is a heading.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
        >>> mm.report(fit).table()["Estimate"].tolist()
        ['', '251', '10.5', '', '37.1', '31.0', '', '180', '18']
        """
        import pandas as pd

        level = self.tests.interval.split("%")[0]
        names = ["", "Estimate", "SE" if self.tests.symbol else "Posterior SD", f"{level}% interval"]
        statistic: list[str] = []
        if self.tests.symbol:
            statistic = [] if self.tests.symbol == "p" else [self.tests.symbol]
            finite = np.isfinite(self.tests.table["df"]).any()
            names += statistic + (["df"] if finite else []) + ["p"]
        rows: list[list[str]] = [["Fixed effects"]]
        for name, row in self.tests.table.iterrows():
            unit = self.units.get(str(name), "")
            label = self.labels.get(str(name), str(name)) + (f" ({unit})" if unit else "")
            cells = [
                number(row["estimate"]),
                number(row["se"]),
                f"{number(row['lower'])} to {number(row['upper'])}",
            ]
            if self.tests.symbol:
                cells += [number(row["statistic"])] if statistic else []
                cells += [f"{row['df']:.1f}"] if "df" in names else []
                tested = math.isfinite(row["p"])
                cells.append(
                    p_value(float(row["p"])).removeprefix("p = ").removeprefix("p ") if tested else "–"
                )
            rows.append([label, *cells])
        if len(self.random):
            rows.append(["Random effects"])
        kinds = {"sd": "SD", "corr": "correlation"}
        for _, row in self.random.iterrows():
            label = " ".join(part for part in (row["group"], row["name"], kinds[row["kind"]]) if part)
            rows.append([label, number(row["value"])])
        rows += [["Counts"], ["observations", str(self.view.nobs)]]
        seen = {term.group: len(term.levels) for term in self.view.random}
        rows += [[f"levels of {group}", str(count)] for group, count in seen.items()]
        return pd.DataFrame([row + [""] * (len(names) - len(row)) for row in rows], columns=names)

    @property
    def caption(self) -> str:
        """What the table shows, in a line."""
        response = self.labels.get(self.view.response, self.view.response)
        return f"{response}: estimates of the {'mixed ' if self.view.random else ''}model"

    @property
    def note(self) -> str:
        """What must stand below the table: how p and the intervals were obtained, and what is singular."""
        parts = [f"Fitted by {self.estimation} with {self.software}."]
        if self.tests.symbol:
            parts.append(f"p: {self.tests.method}. Interval: {self.tests.interval}.")
        else:
            parts.append(f"Interval: equal-tailed {self.tests.interval}; {self.tests.method}.")
        if self.singular:
            parts.append(f"Singular fit: {listed(self.singular)}.")
        return " ".join(parts)

    def to_html(self, inline: bool = False) -> str:
        """Write the table as HTML; `inline=True` carries its looks along, for pasting into a word processor."""
        return tables.to_html(self.table(), self.caption, self.note, inline)

    def save(self, path: str | Path) -> Path:
        """Write the table to a file, in the format that its name asks for.

        Parameters
        ----------
        path : str or pathlib.Path
            ``"table.html"`` is a whole page with its looks in it: Word and LibreOffice open it as a document with a table
            that can be edited, and save it as .docx. ``"table.tex"`` is LaTeX to be read in by a paper, with booktabs.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        ValueError
            If the name ends in something else.

        Examples
        --------
        >>> import tempfile, pathlib, mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = mm.report(fit).save(pathlib.Path(folder) / "table.html")
        ...     "10.5" in file.read_text(encoding="utf8")
        True
        """
        path = Path(path)
        if path.suffix == ".html":
            text = tables.page(self.to_html(inline=True), self.caption)
        elif path.suffix == ".tex":
            text = self.to_latex()
        else:
            raise ValueError(
                f"path is {str(path)!r}; its name must end in .html (which Word opens too) or in .tex"
            )
        path.write_text(text, encoding="utf8")
        return path

    def to_latex(self, label: str = "tab:model") -> str:
        """Write the table as LaTeX, with the rules of the package booktabs."""
        return tables.to_latex(self.table(), self.caption, self.note, label)

    def to_great_table(self) -> Any:
        """Give the table as a ``great_tables.GT``."""
        return tables.to_great_table(self.table(), self.caption, self.note)

    def plot(
        self,
        x: str,
        by: str | None = None,
        group: str | None = None,
        *,
        formula: str | None = None,
        **look: Any,
    ) -> Any:
        """Draw the effect of a variable: what the model says, with its interval, over the data it was fitted to.

        Parameters
        ----------
        x, by : str
            As in `effect_table`.
        group : str, optional
            Grouping factor whose levels are drawn as thin lines.
        formula : str, optional
            Where the engine keeps none.
        **look
            Handed to `plot_effects`.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> import mmhelpers as mm
        >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> ax = mm.report(fit).plot("Days", group="Subject", ylabel="reaction time (ms)")
        >>> ax.get_ylabel()
        'reaction time (ms)'
        """
        from mmhelpers.plots import plot_effects

        if self.fit is None or self.view.frame is None:
            raise ValueError(f"{self.view.engine} kept no data to draw; use effect_table and plot_effects")
        level = float(self.tests.interval.split("%")[0]) / 100
        table = effect_table(self.fit, x, formula, by=by, level=level)
        look.setdefault("interval", self.tests.interval)
        return plot_effects(table, self.view.frame, x, self.view.response, by=by, group=group, **look)

    def __str__(self) -> str:
        names = [n for n in self.tests.table.index if n not in {"(Intercept)", "Intercept"}]
        return "\n".join([self.methods(), *[self.sentence(str(n)) for n in names]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()
