"""Rules for notebooks and pages that a machine can check. Each returns its complaints as `file: place: what`."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.notebooks import BOOK, IMAGES, R_TAG, ROOT, find, stored_is_sound, tags

LONGEST_CELL = 25
WIDEST_LINE = 79  # what a page shows without scrolling
MEDIAN_CELL = 3
NBVAL_TAGS = {"nbval-skip", "nbval-ignore-output", "nbval-raises-exception", "raises-exception"}
SEEDED = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
PATH = re.compile(
    r"""["'](?:~[/\\]|/|\.{1,2}/|[A-Za-z]:[\\/])[^"'\n]*["']|["'][\w/-]+/[\w.-]+\.(?:csv|json|png|svg|parquet|toml|txt)["']"""
)
DECIMAL = re.compile(r"(?<![\w.§])[-−]?\d+\.\d+(?![\w.]*\.\d)(?!\w)")
NOT_PROSE = re.compile(
    r"```.*?```|~~~.*?~~~"  # code
    r"|\{[\w:+-]+\}`[^`]*`|`[^`]*`"  # roles and inline code
    r"|\$\$.*?\$\$|\$[^$\n]*\$"  # mathematics
    r"|\]\([^)]*\)|<[^>\s][^>]*>|https?://\S+"  # links and tags
    r"|\b(?:[Ss]ections?|[Cc]hapters?|[Tt]ables?|[Ff]igures?|[Ee]quations?|§+)\s*[\d.]+(?:\s*(?:[-–,]|and|to)\s*[\d.]+)*"
    r"|\b(?:Python|R|version|lme4|pymer4|statsmodels|Jupyter Book)\s+\d+(?:\.\d+)+",
    re.DOTALL,
)
TYPED = re.compile(r"<!--\s*typed:\s*\S.*?-->")


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def name(path: Path) -> str:
    """Return a path as complaints show it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the code cells with their numbers (as nbval counts them, from 0)."""
    return list(enumerate(c for c in notebook.cells if c.cell_type == "code"))


def outputs(path: Path) -> Iterator[str]:
    """Every cell was run, text outputs are stored, images are not, stored R results carry their hash."""
    cells = code_cells(read(path))
    if not any(cell.outputs for _, cell in cells):
        yield f"{name(path)}: no stored output, so nbval would compare nothing; run `make notebooks`"
    for number, cell in cells:
        place = f"{name(path)}: Cell {number}"
        if cell.execution_count is None:
            yield f"{place}: never run; run `make notebooks`"
        if any(image in output.get("data", {}) for output in cell.outputs for image in IMAGES):
            yield f"{place}: a stored image; `make notebooks` takes images out"
        if any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs):
            yield f"{place}: a warning is stored (stderr); mend its cause, or show it on purpose with print"
        if any(output.output_type == "error" for output in cell.outputs) and not NBVAL_TAGS & set(tags(cell)):
            yield f"{place}: an error is stored, and no tag says that it is meant"
        if R_TAG in tags(cell):
            if not stored_is_sound(cell):
                yield f"{place}: the stored R result does not carry its hash (source or output was edited); run `make notebooks`"
            if any("<Figure" in str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs):
                yield f"{place}: a `needs-r` cell draws a figure, which could not be shown without R; draw from a table"


def cells(path: Path) -> Iterator[str]:
    """Cells are short, import in one place, name no path, use no global random numbers, and skips have reasons."""
    lengths = []
    importing = []
    for number, cell in code_cells(read(path)):
        place = f"{name(path)}: Cell {number}"
        lines = [line for line in cell.source.splitlines() if line.strip()]
        lengths.append(len(lines))
        if len(lines) > LONGEST_CELL:
            yield f"{place}: {len(lines)} lines, more than {LONGEST_CELL}"
        if max(map(len, lines), default=0) > WIDEST_LINE:
            yield f"{place}: a line of {max(map(len, lines))} characters, more than {WIDEST_LINE}"
        if PATH.search(cell.source):
            yield f"{place}: names a path: {PATH.search(cell.source).group()}"
        if NBVAL_TAGS & set(tags(cell)) and not cell.metadata.get("reason"):
            yield f"{place}: has the tag {', '.join(NBVAL_TAGS & set(tags(cell)))} and no `reason` in its metadata"
        tree = ast.parse(
            "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
        )
        if R_TAG not in tags(cell) and any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree)
        ):
            importing.append(number)
        yield from (f"{place}: {what}" for what in random_use(tree))
    if len(importing) > 1:
        yield f"{name(path)}: imports in cells {', '.join(map(str, importing))}; put them in one"
    if lengths and statistics.median(lengths) > MEDIAN_CELL:
        yield f"{name(path)}: the median cell has {statistics.median(lengths):g} lines, more than {MEDIAN_CELL}"


def without_r(path: Path) -> Iterator[str]:
    """No cell that runs without R uses a name that only a cell with R defines."""
    made: dict[bool, set[str]] = {True: set(), False: set()}
    used: list[tuple[int, set[str]]] = []
    for number, cell in code_cells(read(path)):
        lines = (line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
        nodes = list(ast.walk(ast.parse("\n".join(lines))))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        with_r = R_TAG in tags(cell)
        made[with_r] |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        made[with_r] |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        made[with_r] |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        if not with_r:
            used.append((number, {node.id for node in names if isinstance(node.ctx, ast.Load)}))
    missing = made[True] - made[False]
    for number, names_used in used:
        for name_used in sorted(names_used & missing):
            yield f"{name(path)}: Cell {number}: uses {name_used}, which only a `needs-r` cell defines"


def random_use(tree: ast.AST) -> Iterator[str]:
    """Find uses of global or unseeded random numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            yield "imports the global generator `random`; use numpy.random.default_rng(seed)"
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node.value) in {"np.random", "numpy.random"}
            and node.attr not in SEEDED
        ):
            yield f"uses the global generator: {ast.unparse(node)}"
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("default_rng")
            and not node.args
            and not node.keywords
        ):
            yield "default_rng() without a seed: give it one"


def alt_texts(path: Path) -> Iterator[str]:
    """Every cell that draws has an alternative text that says what the figure shows."""
    for number, cell in code_cells(read(path)):
        draws = any("<Figure" in str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if draws and len(alt) < 20:
            yield f"{name(path)}: Cell {number}: a figure without alt text; add mystnb.image.alt to the cell's metadata"


def prose(path: Path) -> list[tuple[str, str]]:
    """Return (place, text) of a page's or notebook's Markdown."""
    if path.suffix == ".ipynb":
        return [
            (f"text cell {i}", c.source) for i, c in enumerate(read(path).cells) if c.cell_type == "markdown"
        ]
    return [("", path.read_text(encoding="utf8"))]


def typed_decimals(path: Path) -> Iterator[str]:
    """No decimal number is typed by hand in prose: `mm.glue` fills it in, or a comment says why it is typed.

    The comment is `<!-- typed: reason -->` in the same paragraph.
    """
    for place, text in prose(path):
        for paragraph in re.split(
            r"\n\s*\n", NOT_PROSE.sub(lambda m: m[0] if TYPED.fullmatch(m[0]) else " ", text)
        ):
            found = DECIMAL.findall(paragraph)
            if found and not TYPED.search(paragraph):
                yield f"{name(path)}: {place}: typed by hand: {', '.join(found)}; use mm.glue, or say why in <!-- typed: ... -->"


#: What every chapter has (a section by this heading, or a directive).
CHAPTER = {
    "goals": re.compile(r"\{admonition\} Goals|^#+ Goals", re.MULTILINE),
    "the reading it follows": re.compile(
        r"\{admonition\} (The )?[Rr]eading|^#+ (The )?[Rr]eading", re.MULTILINE
    ),
    "a citation": re.compile(r"\{cite:[pt]\}"),
    "a wrong turn": re.compile(r"[Ww]rong turn"),
    "a take-away": re.compile(r"^#+ Take-away", re.MULTILINE),
    "reading time": re.compile(r"\bminutes\b"),
}
EXERCISES = 3


def chapter(path: Path) -> Iterator[str]:
    """A chapter has every part that the course promises."""
    notebook = read(path)
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for part, pattern in CHAPTER.items():
        if not pattern.search(text):
            yield f"{name(path)}: no {part}"
    exercises = len(re.findall(r"\{exercise(?:-start)?\}", text))
    solutions = len(re.findall(r"\{solution(?:-start)?\}", text))
    if exercises < EXERCISES or solutions < exercises:
        yield f"{name(path)}: {exercises} exercises and {solutions} solutions; at least {EXERCISES}, each with its solution"
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    for needed in ("mm.check_answer(", "assert ", "mm.glue("):
        if needed not in code:
            yield f"{name(path)}: no cell uses {needed.strip('( ')}"


def chapters() -> list[Path]:
    """Return the notebooks that are chapters: numbered, in a numbered part."""
    return [p for p in find() if re.match(r"\d", p.name) and re.match(r"\d", p.parent.name)]


def pages() -> list[Path]:
    """Return every text of the book: notebooks and Markdown."""
    return [*find(), *sorted(p for p in BOOK.rglob("*.md") if "_build" not in p.parts)]
