"""What fitted a model, with versions, as a methods section names it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from mmhelpers.adapters import FitView
from mmhelpers.r_link import r_versions

__all__ = ["formula_of", "software"]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _named(*packages: str) -> str:
    return ", ".join(f"{name} {_version(name)}".rstrip() for name in packages)


def formula_of(fit: Any) -> str:
    """Give the formula as the engine of a fit wrote it; empty where it keeps none."""
    of = fit[0] if isinstance(fit, tuple) else fit
    found = getattr(of, "formula", None) or getattr(getattr(of, "model", None), "formula", None)
    return " ".join(str(found).split()) if isinstance(found, str) or type(found).__name__ == "Formula" else ""


def software(fit: Any, seen: FitView) -> str:
    """Name the software of a fit: package and version, and those of the language."""
    python = f"Python {platform.python_version()}"
    if seen.engine == "mmhelpers":
        return f"{_named('mmhelpers')} ({python})"
    if seen.engine.startswith("statsmodels"):
        return f"{_named('statsmodels')} ({python})"
    if seen.engine == "bambi":
        return f"{_named('bambi')} with {_named('pymc')} ({python})"
    through = f", through pymer4 {_version('pymer4')}" if hasattr(fit, "r_model") else ""
    r, packages = r_versions(*_r_packages(fit, seen))
    return f"{', '.join(packages)} (R {r}{through})" if packages else f"R {r}{through}"


def _r_packages(fit: Any, seen: FitView) -> tuple[str, ...]:
    """R packages that a fit rests on."""
    home, _, kind = seen.engine.partition(" ")
    if home == "lme4":
        return (
            ("lme4", "lmerTest")
            if "lmerTest" in kind or (hasattr(fit, "r_model") and seen.linear)
            else ("lme4",)
        )
    return (home,) if home != "R" else () if kind in {"lm", "glm", "negbin"} else (kind,)
