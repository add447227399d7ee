"""The pages of the package name everything public, once."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

import mmhelpers as mm
from tools.notebooks import BOOK, ROOT
from tools.site import pages

sys.path.insert(0, str(BOOK / "_ext"))
import api

PAGES = sorted((BOOK / "reference" / "api").glob("*.md"))


def rooms(page: Path, directive: str) -> list[str]:
    found = re.findall(rf"^```{{{directive}}}(.*)$", page.read_text(encoding="utf8"), re.MULTILINE)
    return [room for line in found for room in line.split()]


def test_every_public_name_is_on_one_page():
    every = [name for page in PAGES for room in rooms(page, "api") for name in api.names(room)]
    modules = {room: getattr(mm, room) for room in mm._MODULES}
    deep = [
        f"{room}.{n}"
        for room, module in modules.items()
        for n in module.__all__
        if not api.is_flat(module, n)
    ]
    assert sorted(every) == sorted([*mm._EXPORTS, *deep])


def test_a_page_lists_what_it_documents():
    for page in PAGES:
        assert rooms(page, "api") == rooms(page, "api-index")


def test_pages_are_in_the_contents_and_in_their_index():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    index = (BOOK / "reference" / "api" / "index.md").read_text(encoding="utf8")
    for page in PAGES:
        assert page.relative_to(ROOT).with_suffix("").as_posix() in pages(toc)
        assert page.name == "index.md" or f"]({page.name})" in index


def test_an_unknown_room_is_refused():
    with pytest.raises(Exception, match="no room 'nowhere'"):
        api.names("nowhere")


def test_first_sentences_fit_a_table():
    for name in mm._EXPORTS:
        line = api.first_line(name)
        assert line.endswith("."), f"mm.{name}: the docstring's first line is a sentence"
        assert len(line) <= 110
        assert "|" not in api.cell(name).replace("\\|", "")
