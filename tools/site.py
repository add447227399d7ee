"""Build the site: run the notebooks that changed, then Jupyter Book; any warning or failing cell fails the build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Execute, build, and say where the site is."""
    start = time.perf_counter()
    os.chdir(ROOT)
    print("==> notebooks", flush=True)
    if subprocess.run([sys.executable, "-m", "tools.notebooks", "execute"]).returncode:
        sys.exit(1)
    print("==> pages", flush=True)
    book = [str(Path(sys.executable).parent / "jupyter-book"), "build", "-W", "-n", "-q", "--keep-going", "."]
    done = subprocess.run(book, capture_output=True, text=True)
    if done.returncode:
        # A page with a warning counts as read, so the next build would pass over it in silence: read all again.
        shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe site was not built: the warnings above say where.")
    print(f"==> done in {time.perf_counter() - start:.0f} s: _build/html/index.html")


if __name__ == "__main__":
    main()
