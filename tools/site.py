"""Build the site: run the notebooks that changed, then Jupyter Book, then the downloads (tools/bundle.py).

Any warning or failing cell fails the build.

With `--only PART` (`make preview ONLY=...`) just the pages whose path contains PART are run and built, beside their
part's index and the home page, into `_build/preview`: what an author looks at while writing. Warnings are printed
there and do not fail (links to pages that were left out go nowhere).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PREVIEW = Path("_build") / "preview"


def pages(toc: object) -> list[str]:
    """Return every page of a table of contents, the root left out, in order."""
    if isinstance(toc, list):
        return [page for entry in toc for page in pages(entry)]
    if isinstance(toc, dict):
        here = [toc["file"]] if "file" in toc else []
        return here + [page for value in toc.values() for page in pages(value)]
    return []


def preview_toc(toc: dict[str, object], only: str) -> dict[str, object]:
    """Return a table of contents with the pages whose path contains `only`, each after the index of its part."""
    every = pages(toc)
    wanted = [page for page in every if only in page]
    if not wanted:
        sys.exit(f"no page of _toc.yml has {only!r} in its path; there are {', '.join(every)}")
    # each after its part's index, and last what citations point to
    shown = [p for page in wanted for p in (page.rsplit("/", 1)[0] + "/index", page)]
    shown += [page for page in every if page.endswith("/references")]
    files = [{"file": page} for page in dict.fromkeys(shown) if page in every]
    return {"format": "jb-book", "root": toc["root"], "chapters": files}


def build(only: str) -> str:
    """Run the notebooks and build the pages; return where the site is."""
    print("==> notebooks", flush=True)
    if subprocess.run([sys.executable, "-m", "tools.notebooks", "execute", "--only", only]).returncode:
        sys.exit(1)
    print("==> pages", flush=True)
    book = [str(Path(sys.executable).parent / "jupyter-book"), "build", "-n", "-q", "--keep-going"]
    if only:
        PREVIEW.mkdir(parents=True, exist_ok=True)
        toc = preview_toc(yaml.safe_load(Path("_toc.yml").read_text(encoding="utf8")), only)
        (PREVIEW / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf8")
        book += ["--toc", str(PREVIEW / "_toc.yml"), "--path-output", str(PREVIEW)]
        subprocess.run([*book, "."], stdout=subprocess.DEVNULL)
        return f"{PREVIEW}/_build/html"
    done = subprocess.run([*book, "-W", "."], capture_output=True, text=True)
    if done.returncode:
        # A page with a warning counts as read, so the next build would pass over it in silence: read all again.
        shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe site was not built: the warnings above say where.")
    print("==> downloads", flush=True)
    from tools import bundle  # it imports this module

    bundle.make(ROOT / "_build" / "html")
    return "_build/html"


def main() -> None:
    """Execute, build, and say where the site is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="pages whose path contains this")
    only = parser.parse_args().only
    start = time.perf_counter()
    os.chdir(ROOT)
    where = build(only)
    print(f"==> done in {time.perf_counter() - start:.0f} s: {where}/index.html")


if __name__ == "__main__":
    main()
