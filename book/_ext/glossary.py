"""The first use of each term of the glossary on a chapter's page becomes a quiet link, with the definition as its title.

The terms are those of `book/reference/glossary.md`. Headings, code, links, mathematics, tables and outputs stay as they
are; a term that the glossary lists under "not linked" (a word with everyday uses) stays too. Case is ignored where the
term is all in small letters. Nothing is written into the chapters, and no script is needed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PAGE = "book/reference/glossary"
SOURCE = Path(__file__).resolve().parents[2] / f"{PAGE}.md"
CHAPTER = re.compile(r"book/\d\w*/\d\d_\w+$")
LONGEST = 220  # characters of a title
#: What is left alone: the text of these nodes, and all within them.
LEFT = (
    nodes.title, nodes.rubric, nodes.literal, nodes.literal_block, nodes.reference, nodes.math, nodes.math_block,
    nodes.raw, nodes.table, nodes.caption, nodes.term, nodes.comment, nodes.citation, nodes.footnote,
)  # fmt: skip
LEFT_CLASSES = {"cell", "cell_output", "glued", "reading"}


@lru_cache
def parse(text: str) -> tuple[dict[str, str], frozenset[str]]:
    r"""Return the definition of each term, and the terms that are not linked.

    >>> parse("```{glossary}\nodd; \nrandom effect\nrandom effects\n  An effect. See [x](y).\n```")[0]["random effects"]
    'An effect.'
    """
    inside = re.search(r"^```\{glossary\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    silent = re.search(r"<!-- not linked: (.*?) -->", text, re.DOTALL)
    terms: dict[str, str] = {}
    names: list[str] = []
    for line in inside[1].splitlines() if inside else []:
        if line.startswith("  "):
            terms |= {name: plain(line) for name in names}
            names = []
        elif line.strip() and not line.startswith(":"):
            names.append(line.strip())
    return terms, frozenset(word.strip() for word in silent[1].split(",")) if silent else frozenset()


def plain(definition: str) -> str:
    """Return a definition without its link, and at most as long as a title should be."""
    words = re.sub(r"\s*See \[.*$", "", definition.strip())
    if len(words) <= LONGEST:
        return words
    first = re.match(r".*?[.;](?=\s)", words)
    return first[0].rstrip(";") if first and len(first[0]) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"


@lru_cache
def pattern(names: frozenset[str]) -> re.Pattern[str]:
    """Return what finds any of these terms, the longest first, not inside of a longer word."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    either = "|".join(f"(?i:{re.escape(n)})" if n == n.lower() else re.escape(n) for n in ordered)
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])")


def left_alone(node: nodes.Node) -> bool:
    """Say whether a text stands in something that stays as it is."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, LEFT) or LEFT_CLASSES & set(getattr(node, "get", lambda *_: [])("classes", [])):
            return True
    return False


def link_terms(
    tree: nodes.document, terms: dict[str, str], silent: frozenset[str], addresses: dict[str, str]
) -> list[str]:
    """Link the first use of each entry in a document, in place; return the terms that were linked.

    Parameters
    ----------
    tree : docutils document
    terms : dict of str to str
        Definition of each term. Terms with the same definition are one entry: its first use is linked, in whatever form.
    silent : set of str
        Terms that are not linked.
    addresses : dict of str to str
        Where each term stands, relative to the document.
    """
    wanted = frozenset(terms) & frozenset(addresses) - silent
    if not wanted:
        return []
    known = {name.lower(): name for name in wanted}
    finder = pattern(wanted)
    done: set[str] = set()
    linked: list[str] = []
    for text in list(tree.findall(nodes.Text)):
        if left_alone(text):
            continue
        words, pieces, at = text.astext(), [], 0
        for found in finder.finditer(words):
            name = found[0] if found[0] in terms else known.get(found[0].lower())
            if name is None or terms[name] in done:
                continue
            done.add(terms[name])
            linked.append(name)
            link = nodes.reference(
                "", found[0], refuri=addresses[name], internal=True, classes=["term"], reftitle=terms[name]
            )
            pieces += [nodes.Text(words[at : found.start()]), link]
            at = found.end()
        if pieces:
            text.parent.replace(text, [p for p in [*pieces, nodes.Text(words[at:])] if p.astext()])
    return linked


def depend(app: Sphinx, docname: str, _source: list[str]) -> None:
    """Make a chapter's page anew when the glossary changes."""
    if CHAPTER.match(docname):
        app.env.note_dependency(str(SOURCE))


def resolve(app: Sphinx, tree: nodes.document, docname: str) -> None:
    """Link the terms of a chapter, if the glossary is part of this build."""
    if app.builder.format != "html" or not CHAPTER.match(docname) or PAGE not in app.env.found_docs:
        return
    terms, silent = parse(SOURCE.read_text(encoding="utf8"))
    page = app.builder.get_relative_uri(docname, PAGE)
    objects = app.env.get_domain("std").objects  # (kind, name) -> (document, anchor)
    addresses = {name: f"{page}#{objects['term', name][1]}" for name in terms if ("term", name) in objects}
    link_terms(tree, terms, silent, addresses)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform; it runs after all references are resolved."""
    app.connect("source-read", depend)
    app.connect("doctree-resolved", resolve, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
