"""``mmhelpers doctor``: what works on this machine, and how to get what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from mmhelpers import r_link

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = {
    "numpy": "", "scipy": "", "pandas": "", "formulae": "", "statsmodels": "", "matplotlib": "", "seaborn": "",
    "pymer4": "[r]", "rpy2": "[r]", "polars": "[r]", "bambi": "[bayes]", "pymc": "[bayes]", "arviz": "[bayes]",
    "dask": "[distributed]", "joblib": "[distributed]", "jupyter-book": "[book]", "jupyterlab": "[book]",
    "jupyterlab-myst": "[book]", "sphinx-exercise": "[book]", "bokeh": "[book]", "great-tables": "[book]",
    "pytest": "[test]", "nbval": "[test]", "hypothesis": "[test]", "playwright": "[test]",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes
    ----------
    part : str
        ``"Python"``, ``"R"`` or ``"browser"``.
    name : str
        What was looked for.
    version : str
        What was found; empty when nothing was.
    cure : str
        How to get it; empty when it is here.
    """

    part: str
    name: str
    version: str
    cure: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is here."""
        return bool(self.version)


def chromium() -> str | None:
    """Return the browser that the site's tests use, or None when there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _python() -> list[Finding]:
    findings = [Finding("Python", "Python", platform.python_version())]
    for name, extra in PACKAGES.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            target = f"'mmhelpers{extra}'" if extra else name
            findings.append(
                Finding("Python", name, "", f"pip install {target}, or `make setup` in the course's folder")
            )
        else:
            findings.append(Finding("Python", name, version))
    return findings


def _r() -> list[Finding]:
    variables = r_link.variables()
    if not variables:
        return [Finding("R", "R", "", r_link.HOW_TO_GET_R)]
    names = [*r_link.R_PACKAGES, "pbkrtest", "nlme", "glmmTMB", "geepack", "mgcv", "gamm4", "car", "report"]
    quoted = ", ".join(f"'{name}'" for name in names)
    script = (
        "cat(as.character(getRversion()), '\\n'); "
        f"for (p in c({quoted})) cat(p, tryCatch(as.character(packageVersion(p)), error = function(e) ''), '\\n')"
    )
    import os

    command = ["Rscript", "--vanilla", "-e", script]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **variables}, check=False
    )
    first, *rest = done.stdout.splitlines() or [""]
    findings = [Finding("R", "R", first.strip(), "" if first.strip() else r_link.HOW_TO_GET_R)]
    for line in rest:
        name, _, version = line.strip().partition(" ")
        cure = (
            "run `make setup` in the course's folder"
            if name == "report"
            else f"sudo apt-get install r-cran-{name.lower()}"
        )
        findings.append(Finding("R", name, version.strip(), "" if version.strip() else cure))
    return findings


def _browser() -> Finding:
    path = chromium()
    if path is None:
        return Finding(
            "browser", "Chromium", "", "sudo apt-get install chromium (only the tests of the site need it)"
        )
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Finding("browser", "Chromium", done.stdout.strip() or path)


def examine() -> list[Finding]:
    """Look at everything the course can use.

    Returns
    -------
    list of Finding
        Python packages, R and its packages, and a browser, in that order.

    Examples
    --------
    >>> from mmhelpers import doctor
    >>> doctor.examine()[0].ok
    True
    """
    return [*_python(), *_r(), _browser()]


def report(findings: list[Finding]) -> str:
    """Return the findings as text: one line each, missing ones with their cure."""
    lines = []
    for part in dict.fromkeys(f.part for f in findings):
        mine = [f for f in findings if f.part == part]
        lines.append(f"{part}: {sum(f.ok for f in mine)} of {len(mine)}")
        lines += [
            f"  {'ok     ' if f.ok else 'missing'}  {f.name} {f.version or '- ' + f.cure}" for f in mine
        ]
    essential = [f.name for f in findings if not f.ok and f.part == "Python" and PACKAGES.get(f.name) == ""]
    lines.append("")
    if essential:
        lines.append(f"mmhelpers cannot work without {', '.join(essential)}.")
    elif all(f.ok for f in findings):
        lines.append("Everything in the course works here.")
    else:
        lines.append(
            "mmhelpers works here; what is marked missing above is left out, and nothing else changes."
        )
    lines.append(f"Python is {sys.executable}")
    return "\n".join(lines)
