"""The glossary: its terms, and the links from their first uses."""

from __future__ import annotations

import re
import sys

import pytest
from docutils import nodes

from tools.notebooks import BOOK

sys.path.insert(0, str(BOOK / "_ext"))
import glossary

TEXT = glossary.SOURCE.read_text(encoding="utf8")
TERMS, SILENT = glossary.parse(TEXT)
OWN = {
    "random effect": "An effect.",
    "random effects": "An effect.",
    "effect size": "How large.",
    "AIC": "A number.",
}


def document(*parts: nodes.Node) -> nodes.document:
    tree = nodes.document(None, None)
    tree += [p if isinstance(p, nodes.Element) else nodes.paragraph("", p) for p in parts]
    return tree


def linked(tree: nodes.document, terms=OWN, silent=frozenset()) -> list[str]:
    glossary.link_terms(tree, terms, silent, {name: f"glossary.html#{name}" for name in terms})
    return [link.astext() for link in tree.findall(nodes.reference) if "term" in link["classes"]]


def test_the_glossary_is_large_enough_and_says_where():
    assert len(set(TERMS.values())) >= 70
    block = re.search(r"```\{glossary\}\n(.*?)```", TEXT, re.DOTALL)[1]
    for line in block.splitlines():
        if line.startswith("  "):
            target = re.search(r"See \[[^\]]+\]\(\.\./([^)]+)\)\.?$", line)
            assert target, f"no chapter: {line}"
            assert (BOOK / target[1]).exists(), target[1]


def test_definitions_are_short_and_plain():
    for name, words in TERMS.items():
        assert 20 <= len(words) <= glossary.LONGEST, name
        assert "$" not in words, f"{name}: a title cannot show mathematics"


def test_what_is_not_linked_is_a_term():
    assert set(TERMS) >= SILENT


def test_first_use_is_linked_once():
    tree = document("A random effect, and random effects.", "Random effects again; AIC.")
    assert linked(tree) == ["random effect", "AIC"]
    link = next(iter(tree.findall(nodes.reference)))
    assert link["refuri"] == "glossary.html#random effect"
    assert link["reftitle"] == "An effect."
    assert tree.astext() == "A random effect, and random effects.\n\nRandom effects again; AIC."


def test_case_counts_only_where_the_term_has_capitals():
    assert linked(document("Random Effects and aic")) == ["Random Effects"]


@pytest.mark.parametrize("text", ["random effectiveness", "non-random effect", "nonrandom effect"])
def test_parts_of_words_are_left(text):
    assert linked(document(text)) == []


@pytest.mark.parametrize(
    "node",
    [
        nodes.title("", "random effect"), nodes.literal("", "random effect"), nodes.math("", "random effect"),
        nodes.literal_block("", "random effect"), nodes.reference("", "random effect", refuri="x"),
        nodes.table("", nodes.paragraph("", "random effect")), nodes.caption("", "random effect"),
        nodes.container("", nodes.paragraph("", "random effect"), classes=["cell", "cell_output"]),
    ],
    ids=lambda n: type(n).__name__,
)  # fmt: skip
def test_headings_code_links_maths_tables_and_outputs_are_left(node):
    holder = nodes.section("", node) if isinstance(node, nodes.title) else nodes.paragraph("", "", node)
    assert linked(document(holder)) == []


def test_emphasis_is_no_obstacle():
    assert linked(document(nodes.paragraph("", "", nodes.strong("", "random effects")))) == ["random effects"]


def test_silent_terms_are_left():
    assert linked(document("a random effect"), silent=frozenset({"random effect", "random effects"})) == []


def test_a_term_without_a_place_is_left():
    tree = document("a random effect")
    assert glossary.link_terms(tree, OWN, frozenset(), {}) == []


def test_the_longest_term_wins():
    terms = {"effect": "x" * 20, "random effect": "y" * 20}
    assert linked(document("a random effect"), terms) == ["random effect"]
