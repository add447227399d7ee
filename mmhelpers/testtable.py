"""`TestTable`: the record in which every test of the package answers.

A test gives one row for each hypothesis: its name, the statistic, the degrees of freedom, the p-value, how
the p-value was obtained, and the number of data points or simulations that it rests on (its denominator).
The record is frozen: a result is a value, and nothing later can change it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TestRow", "TestTable", "format_number", "format_p", "p_phrase"]

_EMPTY: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class TestRow:
    """One hypothesis and what a test says of it.

    Attributes
    ----------
    name : str
        What was tested, in words a reader knows ("uniformity", "Days").
    statistic : float
        Value of the test statistic, dimensionless unless `method` says otherwise.
    p : float
        p-value in [0, 1]; NaN where the method gives none.
    df : float
        Degrees of freedom (the numerator's for an F test); NaN where there are none.
    df_den : float
        Denominator degrees of freedom; NaN where there are none.
    n : int or None
        How many data points, groups or simulations the p-value rests on.
    statistic_name : str
        Symbol of the statistic: "F", "t", "D", "DW" ...
    method : str
        How the p-value was obtained, and under which conditions it is right.
    details : mapping of str to float
        Further numbers that belong to the row (estimates, expected values, interval ends).
    smallest_p : float
        The smallest p-value above 0 that the method can tell from 0: 1 / n where a tail is counted in n simulations,
        2 / n where both are. A p of 0 is printed as less than that, never as less than 0.001. 0 where nothing is
        counted, or where the data are counted among their simulations.

    Examples
    --------
    >>> row = TestRow("Days", 45.85, 3e-6, df=1, df_den=17, statistic_name="F", method="Satterthwaite")
    >>> row.name, row.df_den
    ('Days', 17)
    """

    __test__: ClassVar[bool] = False  # the name begins with "Test": this is not a test case for pytest

    name: str
    statistic: float
    p: float
    df: float = math.nan
    df_den: float = math.nan
    n: int | None = None
    statistic_name: str = "statistic"
    method: str = ""
    details: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    smallest_p: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isnan(self.p) or -1e-12 <= self.p <= 1 + 1e-12):
            raise ValueError(f"p of {self.name!r} is {self.p!r}; a p-value lies between 0 and 1")
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))


@dataclass(frozen=True)
class TestTable:
    """Rows of test results, with a title and notes.

    Attributes
    ----------
    rows : tuple of TestRow
        One row for each hypothesis, in the order in which they were asked.
    title : str
        What the table is about.
    note : str
        What a reader must know to read the table rightly; printed below it.
    extras : mapping of str to object
        Arrays or tables that belong to the test, for the picture of it (for example ``extras["means"]``).

    Examples
    --------
    >>> table = TestTable((TestRow("Days", 45.85, 3.3e-06, df=1, df_den=17, statistic_name="F"),))
    >>> table.statistic, table.p
    (45.85, 3.3e-06)
    >>> print(table)
    test      F  df  df_den       p
    Days  45.85   1      17  <0.001
    """

    __test__: ClassVar[bool] = False

    rows: tuple[TestRow, ...]
    title: str = ""
    note: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError("rows is empty; a TestTable has at least one TestRow")
        object.__setattr__(self, "rows", tuple(self.rows))
        object.__setattr__(self, "extras", MappingProxyType(dict(self.extras)))

    def _only(self, what: str) -> TestRow:
        if len(self.rows) != 1:
            names = ", ".join(repr(row.name) for row in self.rows)
            raise ValueError(
                f"this table has {len(self.rows)} tests, so .{what} is not one number; "
                f"choose one first, as in table[{self.rows[0].name!r}].{what} (tests: {names})"
            )
        return self.rows[0]

    @property
    def statistic(self) -> float:
        """Statistic of the only test; raises ValueError if the table has several."""
        return self._only("statistic").statistic

    @property
    def p(self) -> float:
        """p-value of the only test; raises ValueError if the table has several."""
        return self._only("p").p

    @property
    def df(self) -> float:
        """Degrees of freedom of the only test; raises ValueError if the table has several."""
        return self._only("df").df

    @property
    def df_den(self) -> float:
        """Denominator degrees of freedom of the only test; raises ValueError if the table has several."""
        return self._only("df_den").df_den

    @property
    def details(self) -> Mapping[str, float]:
        """Further numbers of the only test; raises ValueError if the table has several."""
        return self._only("details").details

    def __getitem__(self, name: str) -> TestRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no test named {name!r}; the table has {[row.name for row in self.rows]}")

    def __iter__(self) -> Iterator[TestRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_frame(self, details: bool = False) -> pd.DataFrame:
        """Give the table as a data frame, full precision.

        Parameters
        ----------
        details : bool
            Add a column for each further number of the rows.

        Returns
        -------
        pandas.DataFrame
            Columns test, statistic_name, statistic, df, df_den, p, n, method; one row a test.
        """
        import pandas as pd

        records = []
        for row in self.rows:
            record: dict[str, Any] = {
                "test": row.name,
                "statistic_name": row.statistic_name,
                "statistic": row.statistic,
                "df": row.df,
                "df_den": row.df_den,
                "p": row.p,
                "n": row.n,
                "method": row.method,
            }
            if details:
                record.update(row.details)
            records.append(record)
        return pd.DataFrame.from_records(records)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text: a column is left out where no row has a value for it."""
        names = {row.statistic_name for row in self.rows}
        common = names.pop() if len(names) == 1 else None
        columns: list[tuple[str, list[str]]] = [("test", [row.name for row in self.rows])]
        if common is None:
            columns.append(("", [row.statistic_name for row in self.rows]))
        columns.append((common or "value", [format_number(row.statistic) for row in self.rows]))
        for key in dict.fromkeys(key for row in self.rows for key in row.details):
            columns.append((key, [format_number(row.details.get(key, math.nan)) for row in self.rows]))
        columns.append(("df", [format_number(row.df) for row in self.rows]))
        columns.append(("df_den", [format_number(row.df_den) for row in self.rows]))
        columns.append(("p", [format_p(row.p, row.smallest_p) for row in self.rows]))
        columns = [(head, cells) for head, cells in columns if any(cells)]
        return [head for head, _ in columns], [
            list(cells) for cells in zip(*(c for _, c in columns), strict=True)
        ]

    def __str__(self) -> str:
        head, body = self._cells()
        width = [max(len(line[j]) for line in [head, *body]) for j in range(len(head))]

        def align(line: list[str]) -> str:
            # names to the left, numbers to the right
            return "  ".join(
                cell.ljust(w) if j == 0 else cell.rjust(w)
                for j, (cell, w) in enumerate(zip(line, width, strict=True))
            ).rstrip()

        lines = [self.title] if self.title else []
        lines += [align(line) for line in [head, *body]]
        if self.note:
            lines.append(self.note)
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, body = self._cells()
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        header = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
        rows = "".join(
            "<tr>"
            + f'<th scope="row" style="text-align:left">{html.escape(line[0])}</th>'
            + "".join(f'<td style="text-align:right">{html.escape(cell)}</td>' for cell in line[1:])
            + "</tr>"
            for line in body
        )
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        table = (
            f'<table class="dataframe">{caption}<thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>'
        )
        return table + note


def format_number(value: float, digits: int = 4) -> str:
    """Write a number with `digits` significant digits and no exponent where it can be avoided; NaN is empty.

    Examples
    --------
    >>> format_number(45.853), format_number(17.0), format_number(1.53e-07), format_number(float("nan"))
    ('45.85', '17', '1.53e-07', '')
    """
    if math.isnan(value):
        return ""
    if math.isinf(value) or value == 0:
        return f"{value:g}"
    # a whole number up to rounding noise is printed as one, so that 17.0000000001 df do not become "17.00"
    if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)) and abs(value) < 1e9:
        return str(round(value))
    return f"{value:.{digits}g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.{digits - 1}g}"


def format_p(p: float, smallest: float = 0.0) -> str:
    """Write a p-value with three decimals, and as "<0.001" below that; NaN is empty.

    Parameters
    ----------
    p : float
        The p-value.
    smallest : float
        The smallest one above 0 that its method can give (`TestRow.smallest_p`): 250 simulations of which none is as
        extreme say that p is below 1 in 250, and no more.

    Examples
    --------
    >>> format_p(0.0304), format_p(3.3e-6), format_p(1.0), format_p(0.0, smallest=1 / 250)
    ('0.030', '<0.001', '1.000', '<0.004')
    """
    if math.isnan(p):
        return ""
    # rounded up, so that what is printed holds
    least = max(math.ceil(1000 * smallest - 1e-9) / 1000, 0.001)
    return f"<{least:.3f}" if p < max(smallest, 0.001) else f"{p:.3f}"


def p_phrase(p: float, smallest: float = 0.0) -> str:
    """Write "p = 0.030", "p < 0.001", or "no p-value" for NaN: see `format_p`.

    Examples
    --------
    >>> p_phrase(0.0304), p_phrase(0.0, smallest=2 / 250), p_phrase(float("nan"))
    ('p = 0.030', 'p < 0.008', 'no p-value')
    """
    text = format_p(p, smallest)
    if not text:
        return "no p-value"
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"
