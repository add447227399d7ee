"""The link to R: is it here, where are its packages, and what to say when it is not.

R is optional. Everything in mmhelpers works without it except the functions that fit with R
(:func:`lmer` here, and the adapters of R's fits); those raise :class:`RMissing`, whose message is one
line that says how to get it. Nothing else in the package starts R.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

HOW_TO_GET_R = "To get it on Debian or Ubuntu: sudo apt-get install $(cat apt.txt), then run `make setup` in the course's folder."

#: R packages that pymer4 loads when it is imported.
R_PACKAGES = (
    "lme4",
    "lmerTest",
    "emmeans",
    "broom",
    "broom.mixed",
    "insight",
    "parameters",
    "performance",
    "tibble",
)


class RMissing(ImportError):  # noqa: N818 (reads better in a sentence, and it is one)
    """R, or a package of R, is not on this machine.

    In a notebook it is shown as its one line, without a traceback.

    Examples
    --------
    >>> try:
    ...     raise RMissing("R is not here: install it")
    ... except RMissing as missing:
    ...     print(missing)
    R is not here: install it
    """

    def _render_traceback_(self) -> list[str]:
        return [f"R is missing: {self}"]


def library() -> Path:
    """Return the environment's own R library (it holds the stand-in for R's package ``report``)."""
    return Path(sys.prefix) / "lib" / "R" / "library"


@functools.cache
def variables() -> dict[str, str]:
    """Return the environment variables under which R starts quietly and finds its packages.

    Empty when there is no R, or when ``MMHELPERS_R=0`` hides it.

    Returns
    -------
    dict of str to str
        ``R_HOME``, ``R_LIBS_SITE``, ``R_LIBS_USER`` and ``R_ENVIRON``.
    """
    if os.environ.get("MMHELPERS_R") == "0" or shutil.which("Rscript") is None:
        return {}
    script = "cat(R.home(), .Library.site, sep = '\\n')"
    env = {k: v for k, v in os.environ.items() if k not in {"R_LIBS_SITE", "R_LIBS_USER"}}
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        return {}
    home, *site = done.stdout.split("\n")
    # An empty folder among them makes R remark on it at every start.
    full = [folder for folder in site if folder and any(Path(folder).iterdir())] if site else []
    return {
        "R_HOME": home,
        "R_LIBS_SITE": os.pathsep.join(full),
        "R_LIBS_USER": str(library()),
        "R_ENVIRON": os.devnull,
    }


def have_r() -> bool:
    """Say whether R is here (its packages are checked when they are loaded).

    Examples
    --------
    >>> isinstance(have_r(), bool)
    True
    """
    return bool(variables())


def require_r(*packages: str) -> None:
    """Make R ready for ``rpy2``, or raise one clear line.

    Parameters
    ----------
    *packages : str
        R packages that must be installed.

    Raises
    ------
    RMissing
        If R or one of the packages is not installed; the message says how to get it.

    Examples
    --------
    >>> try:
    ...     require_r("a.package.nobody.has")
    ... except RMissing as missing:
    ...     print("Needs it:", "R" in str(missing))
    Needs it: True
    """
    found = variables()
    if not found:
        raise RMissing(f"this needs R with its package lme4. {HOW_TO_GET_R}")
    for name, value in found.items():
        os.environ.setdefault(name, value)
    before = os.environ.get("LD_LIBRARY_PATH")
    try:
        import rpy2.robjects.packages as rpackages
    except ImportError as error:
        raise RMissing("this needs the Python package rpy2: pip install 'mmhelpers[r]'") from error
    finally:
        # R, when it starts, puts the system's library folders into this variable. It has loaded what it needs by
        # then; a Python started later from this process would find the system's libpython there, and fail.
        if before is None:
            os.environ.pop("LD_LIBRARY_PATH", None)
        else:
            os.environ["LD_LIBRARY_PATH"] = before
    missing = [name for name in packages if not rpackages.isinstalled(name)]
    if missing:
        raise RMissing(f"R is here, its package {', '.join(missing)} is not. {HOW_TO_GET_R}")


def lmer(formula: str, data: pd.DataFrame, *, reml: bool = True, **options: Any) -> Any:
    """Fit a linear mixed model in R with lme4 and lmerTest, through pymer4.

    A thin wrapper: it hands a pandas table to ``pymer4.models.lmer`` (which takes polars), turns
    text and categorical columns into R factors in the order of their categories, fits, and returns pymer4's own model.

    Parameters
    ----------
    formula : str
        An lme4 formula.
    data : pandas.DataFrame
        One row an observation.
    reml : bool
        Fit by REML (the default) or by maximum likelihood.
    **options
        Handed to pymer4's ``fit``.

    Returns
    -------
    pymer4.models.lmer
        The fitted model.

    Raises
    ------
    RMissing
        If R or one of its packages is missing.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> fit = mm.lmer("Reaction ~ Days + (Days | Subject)", sleep) if mm.have_r() else None
    >>> fit is None or round(float(mm.view(fit).beta[1]), 2) == 10.47
    True
    """
    require_r(*R_PACKAGES)
    import pandas as pd
    import polars as pl
    from pymer4.models import lmer as pymer4_lmer

    frame = data.copy()
    factors: dict[str, list[str]] = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            factors[name] = [str(level) for level in column.cat.categories]
        elif pd.api.types.is_string_dtype(column.dtype):
            factors[name] = sorted({str(value) for value in column.dropna()})
        if name in factors:
            frame[name] = column.astype("string").astype(object)
    model = pymer4_lmer(formula, data=pl.from_pandas(frame))
    if not reml:
        # pymer4 0.9.2 hands no REML argument on, neither from its constructor nor from fit, and says nothing.
        model._r_func = functools.partial(model._r_func, REML=False)
    used = {name: levels for name, levels in factors.items() if name in formula}
    if used:
        model.set_factors(used)
    model.fit(**options)
    return model
