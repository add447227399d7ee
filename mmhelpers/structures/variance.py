"""Variance functions: how the residual standard deviation depends on covariates and groups.

Written as in ``"varIdent(season) * varPower(length)"``, after nlme (Pinheiro & Bates 2000, section 5.2). A function
gives each row a multiplier of sigma; its parameters are free on the real line inside the optimiser, and reported on
the scale that nlme prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Piece", "variance_pieces"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """One factor of a structure, with its data bound.

    Attributes
    ----------
    names : tuple of str
        Parameters, as reported.
    start : ndarray
        Where the optimiser starts, on its own (unbounded) scale.
    natural : callable
        From the optimiser's scale to what is reported, elementwise.
    evaluate : callable
        For a variance function: parameters (optimiser's scale) to multipliers of sigma, shape (n,).
        For a correlation: parameters and distances of a block to its correlation matrix.
    """

    names: tuple[str, ...]
    start: Floats
    natural: Callable[[Floats], Floats]
    evaluate: Callable[..., Floats]


Column = Callable[[str], NDArray[np.generic]]
CALL = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*")


def variance_pieces(text: str | None, column: Column) -> tuple[Piece, ...]:
    """Read a product of variance functions.

    Parameters
    ----------
    text : str or None
        Factors joined by ``*``: ``varFixed(x)``, ``varIdent(factor)``, ``varPower(x)``, ``varExp(x)``,
        ``varConstPower(x)``; the last three also take ``x | factor``, a parameter of its own for each level.
    column : callable
        Gives the values of a column.

    Returns
    -------
    tuple of Piece

    Raises
    ------
    ValueError
        If a function is unknown, or a covariate cannot be used with it.
    """
    if text is not None and not isinstance(text, str):
        raise TypeError(f"variance must be a text such as 'varIdent(Sex)', not {text!r}")
    pieces: list[Piece] = []
    for part in (text or "").split("*") if text else []:
        found = CALL.fullmatch(part)
        if found is None or found[1] not in _MAKERS:
            raise ValueError(
                f"variance: {part.strip()!r} is none of {', '.join(f'{name}(...)' for name in _MAKERS)}; join several by *"
            )
        covariate, _, by = (side.strip() for side in found[2].partition("|"))
        pieces.append(_MAKERS[found[1]](found[1], covariate, by, column))
    return tuple(pieces)


def _numbers(name: str, covariate: str, column: Column, positive: bool) -> Floats:
    values = np.asarray(column(covariate), dtype=float)
    if not np.isfinite(values).all():
        raise ValueError(f"{name}({covariate}): the covariate has values that are not finite")
    if positive and (values == 0).any():
        raise ValueError(
            f"{name}({covariate}): {covariate} is zero somewhere, and so would the standard deviation be; "
            "use varExp, or varConstPower, or shift the covariate"
        )
    return values


def _levels(by: str, column: Column) -> tuple[list[str], NDArray[np.intp]]:
    if not by:
        return [""], np.zeros(0, dtype=np.intp)
    import pandas as pd

    factor = pd.Categorical(np.asarray(column(by)).astype(str), categories=_order(column(by)))
    return [str(level) for level in factor.categories], np.asarray(factor.codes, dtype=np.intp)


def _order(values: NDArray[np.generic]) -> list[str]:
    categories = getattr(values, "categories", None)
    present = list(dict.fromkeys(np.asarray(values).astype(str)))
    if categories is None:
        return sorted(present)
    return [str(c) for c in categories if str(c) in set(present)]


def _same(values: Floats) -> Floats:
    return values


def _fixed(name: str, covariate: str, by: str, column: Column) -> Piece:
    x = _numbers(name, covariate, column, positive=True)
    if by or (x < 0).any():
        raise ValueError(f"varFixed({covariate}) takes one covariate, which must be above 0")
    root = np.sqrt(x)
    return Piece((), np.zeros(0), _same, lambda _: root)


def _ident(name: str, covariate: str, by: str, column: Column) -> Piece:
    if by:
        raise ValueError("varIdent takes the factor alone: varIdent(season)")
    levels, code = _levels(covariate, column)
    if len(levels) < 2:
        raise ValueError(f"varIdent({covariate}): {covariate} has one level, nothing to compare")
    names = tuple(f"{covariate}{level}" for level in levels[1:])
    return Piece(
        names, np.zeros(len(names)), np.exp, lambda p: np.asarray(np.exp(np.concatenate([[0.0], p]))[code])
    )


def _per_level(p: Floats, code: NDArray[np.intp]) -> Floats | float:
    return p[code] if len(code) else float(p[0])


def _power(name: str, covariate: str, by: str, column: Column) -> Piece:
    size = np.log(np.abs(_numbers(name, covariate, column, positive=True)))
    levels, code = _levels(by, column)
    names = tuple(f"power {level}".strip() for level in levels)
    return Piece(
        names, np.zeros(len(levels)), _same, lambda p: np.asarray(np.exp(_per_level(p, code) * size))
    )


def _exp(name: str, covariate: str, by: str, column: Column) -> Piece:
    x = _numbers(name, covariate, column, positive=False)
    scale = max(float(np.std(x)), 1e-300)  # the optimiser sees steps of one standard deviation of x
    levels, code = _levels(by, column)
    names = tuple(f"expon {level}".strip() for level in levels)
    return Piece(
        names,
        np.zeros(len(levels)),
        lambda p: p / scale,
        lambda p: np.asarray(np.exp(_per_level(p, code) * (x / scale))),
    )


def _const_power(name: str, covariate: str, by: str, column: Column) -> Piece:
    if by:
        raise ValueError("varConstPower takes one covariate here")
    x = np.abs(_numbers(name, covariate, column, positive=False))
    log = np.log(np.where(x > 0, x, 1.0))

    def evaluate(p: Floats) -> Floats:
        return np.asarray(np.exp(p[0]) + np.where(x > 0, np.exp(p[1] * log), 0.0))

    return Piece(("const", "power"), np.array([0.0, 0.5]), lambda p: np.array([np.exp(p[0]), p[1]]), evaluate)


_MAKERS: dict[str, Callable[[str, str, str, Column], Piece]] = {
    "varFixed": _fixed,
    "varIdent": _ident,
    "varPower": _power,
    "varExp": _exp,
    "varConstPower": _const_power,
}
