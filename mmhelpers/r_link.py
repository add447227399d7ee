"""The link to R: is it here, where are its packages, and what to say when it is not.

R is optional. Everything in mmhelpers works without it except the functions that fit with R
(:func:`lmer` here, and the adapters of R's fits); those raise :class:`RMissing`, whose message is one
line that says how to get it. Nothing else in the package starts R.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

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


def lmer(
    formula: str,
    data: pd.DataFrame,
    *,
    reml: bool = True,
    optimizer: str | None = None,
    quiet: bool = False,
    **options: Any,
) -> Any:
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
    optimizer : str, optional
        One of lme4's: ``"nloptwrap"`` (its default), ``"bobyqa"`` (its default before version 1.1-20),
        ``"Nelder_Mead"``.
    quiet : bool
        Do not print the messages of R; the model keeps them in its ``r_console``.
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
    >>> fit = mm.lmer("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> round(float(mm.view(fit).beta[1]), 2)
    10.47
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
    if optimizer is not None:
        from rpy2.robjects.packages import importr

        control = importr("lme4").lmerControl(optimizer=optimizer)
        model._r_func = functools.partial(model._r_func, control=control)
    used = {name: levels for name, levels in factors.items() if name in formula}
    if used:
        model.set_factors(used)
    with contextlib.redirect_stdout(io.StringIO() if quiet else sys.stdout):
        model.fit(**options)
    return model


@dataclass(frozen=True)
class RAnswer:
    """What R said to some lines of code.

    Attributes
    ----------
    value : rpy2 object
        Value of the last line; `mmhelpers.view` and `mmhelpers.agreement` take it if it is a fit.
    printed : str
        What R printed.
    said : tuple of str
        Its warnings, messages and errors, in their order, each with its kind in front ("Warning: ...").
    """

    value: Any
    printed: str
    said: tuple[str, ...]

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The value as an array, if it is a numeric vector or matrix."""
        import numpy as np

        dim = self.value.do_slot("dim") if "dim" in self.value.list_attrs() else None
        flat = np.array(list(self.value), dtype=float)
        return flat if dim is None else flat.reshape(tuple(dim), order="F")

    def __str__(self) -> str:
        """Return the printed text, then what was said."""
        return "\n".join([part for part in (self.printed.rstrip(), *self.said) if part])

    __repr__ = __str__


#: Runs lines of code in an environment of their own; gives the last value, the printed text, and what was said.
_RUN = r"""
local({
  home <- new.env(parent = globalenv())
  function(code, tables, show) {
    for (name in names(tables)) assign(name, tables[[name]], envir = home)
    said <- character(0); value <- NULL
    note <- function(kind, c) {
      said <<- c(said, paste0(kind, ": ", gsub("\\s+", " ", trimws(conditionMessage(c)))))
    }
    run <- function() for (line in parse(text = code)) {
      out <- withVisible(eval(line, home))
      value <<- out$value
      if (out$visible) print(out$value)
    }
    old <- options(width = 76, digits = 5, nwarnings = 50); on.exit(options(old))
    printed <- utils::capture.output(tryCatch(withCallingHandlers(run(),
      warning = function(c) { note("Warning", c); invokeRestart("muffleWarning") },
      packageStartupMessage = function(c) invokeRestart("muffleMessage"),
      message = function(c) { note("Message", c); invokeRestart("muffleMessage") }),
      error = function(c) if (show) note("Error", c) else stop(c)))
    list(value = value, printed = paste(printed, collapse = "\n"), said = said)
  }
})
"""


@functools.cache
def _runner() -> Any:
    from rpy2 import robjects

    return robjects.r(_RUN)


def in_r(code: str, *, errors: Literal["raise", "show"] = "raise", **tables: pd.DataFrame) -> RAnswer:
    """Run lines of R code, and hear all that R says to them.

    Objects stay from one call to the next. For fits that have a wrapper, `lmer` is more convenient; this is for
    what R prints, warns of, or does besides.

    Parameters
    ----------
    code : str
        R code; packages are attached by ``library(...)`` in it.
    errors : {"raise", "show"}
        What to do with an error of R: raise it, or write it down like a warning.
    **tables : pandas.DataFrame
        Tables that the code uses, under these names; categories become factors in their order.

    Returns
    -------
    RAnswer
        Printing it shows what R would have shown.

    Raises
    ------
    RMissing
        If R is missing.
    RuntimeError
        If R raised an error; the message is R's.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.in_r("sqrt(-1)")
    [1] NaN
    Warning: NaNs produced
    """
    require_r("lme4")
    from rpy2 import rinterface, robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        frames = robjects.ListVector(
            {name: r_frame(table, text_as_factor=False) for name, table in tables.items()}
        )
        try:
            value, printed, said = _runner()(code, frames, errors == "show")
        except rinterface.embedded.RRuntimeError as error:
            raise RuntimeError(f"R says: {error}") from None
    return RAnswer(value, "\n".join(map(str, printed)), tuple(map(str, said)))


def r_frame(table: pd.DataFrame, *, text_as_factor: bool = True) -> Any:
    """Turn a table into an R data frame, without rpy2's converters (pymer4 changes them).

    Categories become factors with their levels in their order; text becomes factors with sorted levels, or stays
    text; numbers and truth values stay what they are.
    """
    import pandas as pd
    from rpy2 import robjects

    def text(values: pd.Series[Any]) -> Any:
        return robjects.StrVector([robjects.NA_Character if pd.isna(v) else str(v) for v in values])

    columns: dict[str, Any] = {}
    for name, column in table.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = robjects.StrVector([str(level) for level in column.cat.categories])
            ordered = bool(column.cat.ordered)
            value = robjects.FactorVector(text(column), levels=levels, ordered=ordered)
        elif pd.api.types.is_bool_dtype(column.dtype):
            value = robjects.BoolVector([bool(v) for v in column])
        elif pd.api.types.is_integer_dtype(column.dtype):
            value = robjects.IntVector([int(v) for v in column])
        elif pd.api.types.is_numeric_dtype(column.dtype):
            value = robjects.FloatVector([float(v) for v in column])
        else:
            value = robjects.FactorVector(text(column)) if text_as_factor else text(column)
        columns[str(name)] = value
    return robjects.DataFrame(columns)


def r_versions(*packages: str) -> tuple[str, list[str]]:
    """Return R's version, and each package with its own: ``("4.2.2", ["lme4 1.1-31"])``.

    Raises
    ------
    RMissing
        If R or one of the packages is missing.
    """
    require_r(*packages)
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        version = str(robjects.r("as.character(getRversion())")[0])
        of = robjects.r("function(p) as.character(packageVersion(p))")
        return version, [f"{package} {of(package)[0]}" for package in packages]
