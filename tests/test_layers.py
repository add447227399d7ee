"""A module imports only modules above it: data flows one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mmhelpers

PACKAGE = Path(mmhelpers.__file__).parent

#: The rooms, top to bottom; what stands on one line may import each other's upper neighbours only.
ORDER = [
    "given",
    "testtable", "results", "r_link", "r_tables", "datasets", "design", "model", "simulation", "reference",
    "engine", "browser", "inference", "fitting", "exact", "evidence", "glmm", "adapters", "bayes", "structures",
    "loci", "residuals", "diagnostics", "studies", "plots", "interactive", "reporting", "printed", "marking",
    "exercises", "doctor", "__main__",
]  # fmt: skip


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Rooms of mmhelpers that a module imports, anywhere in it."""
    rooms = set()
    package = ("mmhelpers", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            full = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{full}.{alias.name}" for alias in node.names] if full == "mmhelpers" else [full]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {n.split(".")[1] for n in names if n.startswith("mmhelpers.")}
    return rooms


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if room(p) != "__init__" and "_data" not in p.parts)


def test_every_module_has_its_place():
    assert {room(p) for p in MODULES} <= set(ORDER), "add the new room to ORDER, where it belongs"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_only_from_above(path):
    below = {r for r in imported(path) - {room(path)} if ORDER.index(r) > ORDER.index(room(path))}
    assert not below, f"{path.name} imports {', '.join(sorted(below))}, which stand below it"


def test_the_package_does_not_know_the_book():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf8"))
        names = {n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {n for n in names if n.split(".")[0] in {"tools", "book", "tests", "sphinx", "myst_nb"}}, (
            path
        )
