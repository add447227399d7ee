"""A report's table, in the formats that papers are written in."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["page", "to_great_table", "to_html", "to_latex"]

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
    "\N{MINUS SIGN}": r"$-$", "∞": r"$\infty$", "σ": r"$\sigma$", "–": "--",
}  # fmt: skip


def to_html(table: pd.DataFrame, caption: str, note: str, inline: bool = False) -> str:
    """Write an HTML table that a screen reader can follow: caption, and headers with their scope.

    Parameters
    ----------
    table : pandas.DataFrame
        Cells of text; the first column names the rows, and a row whose other cells are empty is a heading.
    caption, note : str
        Above and below the table.
    inline : bool
        Carry the looks in the tags, for pasting into a word processor, which keeps no style sheet.
    """

    def style(text: str) -> str:
        return f' style="{text}"' if inline else ""

    rule = "border-bottom:1px solid #000;"
    names = [str(name) for name in table.columns]
    # an empty corner is no header: a screen reader would announce nothing
    head = "".join(
        f'<th scope="col"{style(rule + ("text-align:right;" if j else "text-align:left;"))}>{html.escape(name)}</th>'
        if name
        else f"<td{style(rule)}></td>"
        for j, name in enumerate(names)
    )
    lines = ["<tbody>"]
    for row in table.itertuples(index=False):
        first, *rest = (html.escape(str(cell)) for cell in row)
        if not any(rest):
            if lines[-1] != "<tbody>":
                lines.append("</tbody><tbody>")
            lines.append(
                f'<tr><th scope="rowgroup" colspan="{len(names)}"{style("text-align:left;font-style:italic;")}>{first}</th></tr>'
            )
            continue
        cells = "".join(f"<td{style('text-align:right;')}>{cell}</td>" for cell in rest)
        lines.append(
            f'<tr><th scope="row"{style("text-align:left;font-weight:normal;")}>{first}</th>{cells}</tr>'
        )
    border = "border-collapse:collapse;border-top:1px solid #000;border-bottom:1px solid #000;"
    foot = f'<tr><td colspan="{len(names)}"{style("text-align:left;")}>{html.escape(note)}</td></tr>'
    return (
        f'<table class="report"{style(border)}><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>{''.join(lines)}</tbody><tfoot>{foot}</tfoot></table>"
    )


def page(table: str, title: str) -> str:
    """Put a table into a whole HTML page, which a word processor opens as a document."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head>\n"
        f'<body style="font-family:serif;font-size:11pt;">\n{table}\n</body></html>\n'
    )


def _tex(text: object) -> str:
    return "".join(_LATEX.get(character, character) for character in str(text))


def to_latex(table: pd.DataFrame, caption: str, note: str, label: str) -> str:
    r"""Write a LaTeX table with the rules of ``booktabs`` (``\usepackage{booktabs}``)."""
    width = len(table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(caption)}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule",
        " & ".join(_tex(name) for name in table.columns) + r" \\",
        r"\midrule",
    ]
    for row in table.itertuples(index=False):
        first, *rest = (_tex(cell) for cell in row)
        text = (
            " & ".join([first, *rest]) if any(rest) else rf"\multicolumn{{{width}}}{{l}}{{\emph{{{first}}}}}"
        )
        lines.append(text + r" \\")
    lines += [
        r"\bottomrule",
        rf"\multicolumn{{{width}}}{{p{{0.9\linewidth}}}}{{\footnotesize {_tex(note)}}} \\",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_great_table(table: pd.DataFrame, caption: str, note: str) -> Any:
    """Give a ``great_tables.GT``, to style further and to show in a notebook.

    Raises
    ------
    ImportError
        If great_tables is not installed; the message says how to get it.
    """
    try:
        from great_tables import GT
    except ImportError:
        raise ImportError("great_tables is not installed: pip install great_tables") from None
    # headings become groups of rows
    first = str(table.columns[0])
    heading = [not any(str(cell) for cell in row[1:]) for row in table.itertuples(index=False)]
    group, groups = "", []
    for name, is_heading in zip(table[first], heading, strict=True):
        group = str(name) if is_heading else group
        groups.append(group)
    body = table.assign(**{" ": groups})[[not h for h in heading]]
    made = GT(body, rowname_col=first, groupname_col=" ") if any(heading) else GT(table, rowname_col=first)
    made = made.cols_align(align="right", columns=[str(c) for c in table.columns[1:]])
    return made.tab_header(title=caption).tab_source_note(note)
