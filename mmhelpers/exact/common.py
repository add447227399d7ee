"""Checks of arguments and distribution functions that the closed forms share."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Float = NDArray[np.float64]
Test = Literal["F", "z", "LRT"]
Method = Literal["ANOVA", "REML", "ML"]


def as_array(name: str, value: ArrayLike, low: float, *, strict: bool, integer: bool = False) -> Float:
    """Return `value` as floats after checking its range."""
    try:
        out = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a number or an array of numbers, not {value!r}") from error
    bound = f"{'greater than' if strict else 'at least'} {low:g}"
    bad = ~np.isfinite(out) | ((out <= low) if strict else (out < low))
    if np.any(bad):
        raise ValueError(f"{name} must be finite and {bound}; got {out[bad].flat[0]:g}")
    if integer and np.any(out != np.floor(out)):
        raise ValueError(f"{name} must be a whole number; got {out[out != np.floor(out)].flat[0]:g}")
    return out


def as_level(alpha: ArrayLike) -> Float:
    """Return the nominal level, which lies between 0 and 1."""
    out = as_array("alpha", alpha, 0, strict=True)
    if np.any(out >= 1):
        raise ValueError(f"alpha must lie between 0 and 1; got {out[out >= 1].flat[0]:g}")
    return out


def choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")


def as_result(value: Any) -> Any:
    """Give a scalar back as a float, an array as an array."""
    value = np.asarray(value, dtype=float)
    return float(value) if value.ndim == 0 else value


def f_sf(f: Any, df1: Any, df2: Any) -> Float:
    """P(F > f); `special.fdtrc` in a form that accepts f = 0 and f = inf."""
    with np.errstate(invalid="ignore"):
        return np.asarray(special.betainc(df2 / 2, df1 / 2, df2 / (df2 + df1 * f)))


def critical_f(test: Test, df2: Float, n_lrt: Float, alpha: Float) -> Float:
    """Smallest F (1 numerator df) that each test calls significant.

    F: the alpha quantile of F(1, df2).  z: the square of the normal quantile.  LRT: with ML variances the
    statistic is ``n_lrt * log(1 + F / df2)``, referred to chi-square with 1 df.
    """
    chi2 = special.chdtri(1.0, alpha)
    if test == "F":
        return np.asarray(special.fdtri(1.0, df2, 1 - alpha))
    if test == "z":
        return np.broadcast_to(chi2, np.broadcast(chi2, df2).shape).astype(float)
    return np.asarray(df2 * np.expm1(chi2 / n_lrt))
