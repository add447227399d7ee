"""Give the environment a Jupyter kernel that finds R's packages, and R the one small package Debian lacks.

pymer4 imports the R package `report`, which Debian does not ship. Where the real one is absent, the stand-in
of tools/R/report goes into the environment's own R library (never into the system's): its one function stops
with a clear message. The kernel carries three variables, so that R starts without remarks about empty libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mmhelpers import r_link

HERE = Path(__file__).resolve().parent


def install_report(library: Path) -> None:
    """Install the stand-in for `report` into `library` unless R already has a package of that name."""
    env = {**os.environ, **r_link.variables()}
    probe = ["Rscript", "--vanilla", "-e", "quit(status = !nzchar(system.file(package = 'report')))"]
    if subprocess.run(probe, env=env, capture_output=True).returncode == 0:
        return
    library.mkdir(parents=True, exist_ok=True)
    command = ["R", "CMD", "INSTALL", "--no-docs", f"--library={library}", str(HERE / "R" / "report")]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"R could not install the stand-in for its package `report`:\n{done.stderr}")


def install_kernel(variables: dict[str, str]) -> None:
    """Install the environment's kernel, quiet about its own transport, with `variables` set."""
    command = [sys.executable, "-m", "ipykernel", "install", "--sys-prefix"]
    for name, value in variables.items():
        command += ["--env", name, value]
    subprocess.run(command, check=True, capture_output=True)
    path = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec = json.loads(path.read_text(encoding="utf8"))
    spec["argv"].append("--IPKernelApp.log_level=ERROR")
    path.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf8")


def main() -> None:
    """Link R if it is wanted and here; install the kernel either way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--r", choices=["0", "1"], default="1")
    wanted = parser.parse_args().r == "1"
    variables = r_link.variables() if wanted else {}
    if variables:
        install_report(r_link.library())
    elif wanted:
        print("R is not here: the cells that need it show stored results.", r_link.HOW_TO_GET_R)
    install_kernel(variables)


if __name__ == "__main__":
    main()
