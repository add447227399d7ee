"""Take the README's picture from the first chapter as it was last executed: `python -m tools.picture`."""

from __future__ import annotations

import base64

import nbformat

from tools.notebooks import BOOK, EXECUTED

CHAPTER = "1_random_effects/01_oysters.ipynb"
CALL = "mm.plot_residuals_by(\n    by_bag"


def main() -> None:
    """Write book/_static/oysters.png."""
    notebook = nbformat.read(EXECUTED / CHAPTER, as_version=4)
    cell = next(c for c in notebook.cells if c.cell_type == "code" and CALL in c.source)
    image = next(o["data"]["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
    (BOOK / "_static" / "oysters.png").write_bytes(base64.b64decode(image))


if __name__ == "__main__":
    main()
