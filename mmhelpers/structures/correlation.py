"""Correlation structures of the residuals within groups, in time and in space.

Written as in ``"corAR1(day | bird)"``, after nlme (Pinheiro & Bates 2000, section 5.3). Groups are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmhelpers.structures.variance import CALL, Column, Floats, Piece

__all__ = ["Correlation", "correlation_of"]


@dataclass(frozen=True, eq=False)
class Correlation:
    """A correlation structure with its data bound.

    Attributes
    ----------
    piece : Piece
        Parameters; `evaluate` takes them and the distances of a block, shape (m, m).
    group : ndarray of int, shape (n,)
        Group of each row.
    place : ndarray, shape (n, d)
        Times or coordinates; distances are Euclidean.
    """

    piece: Piece
    group: NDArray[np.intp]
    place: Floats

    def distances(self, rows: NDArray[np.intp]) -> Floats:
        """Return the distances between some rows, shape (m, m)."""
        at = self.place[rows]
        return np.asarray(np.sqrt(((at[:, None, :] - at[None, :, :]) ** 2).sum(axis=2)))


def correlation_of(text: str | None, column: Column, n: int) -> Correlation | None:
    """Read a correlation structure.

    Parameters
    ----------
    text : str or None
        ``corCompSymm(1 | g)``, ``corAR1(t | g)``, ``corCAR1(t | g)``, ``corARMA11(t | g)``,
        ``corExp(x | g)``, ``corGaus(x, y | g)``, ``corSpher(x, y)``; the spatial ones take a last word
        ``nugget``. Without ``| g`` all rows are one group.
    column : callable
        Gives the values of a column.
    n : int
        Number of rows.

    Raises
    ------
    ValueError
        If the structure is unknown, or its times or places cannot be used.
    """
    if text is None:
        return None
    found = CALL.fullmatch(text)
    if found is None or found[1] not in _MAKERS:
        raise ValueError(f"correlation: {text!r} is none of {', '.join(f'{name}(...)' for name in _MAKERS)}")
    inside, _, by = (side.strip() for side in found[2].partition("|"))
    words = [word.strip() for word in inside.split(",") if word.strip()]
    nugget = "nugget" in words
    words = [word for word in words if word != "nugget"]
    labels = np.zeros(n, dtype=int) if not by else np.asarray(column(by)).astype(str)
    group = np.unique(labels, return_inverse=True)[1].astype(np.intp)
    places = [np.asarray(column(word), dtype=float) for word in words if word != "1"]
    place = np.column_stack(places) if places else np.zeros((n, 1))
    if not np.isfinite(place).all():
        raise ValueError(f"correlation {text!r}: a time or place is not finite")
    kind = found[1]
    if kind not in _SPATIAL and nugget:
        raise ValueError(f"correlation {text!r}: a nugget goes with corExp, corGaus and corSpher")
    if kind in {"corAR1", "corARMA11"}:
        if not places:  # the order of the rows
            place = np.zeros((n, 1))
            for level in np.unique(group):
                place[group == level, 0] = np.arange((group == level).sum())
        if not np.allclose(place, np.rint(place)):
            raise ValueError(
                f"{text!r}: times must be whole numbers; corCAR1 or corExp take any, and time * k may do"
            )
    if kind != "corCompSymm":
        _no_ties(text, group, place)
    return Correlation(_MAKERS[kind](nugget, group, place), group, place)


def _no_ties(text: str, group: NDArray[np.intp], place: Floats) -> None:
    both = np.column_stack([group, place])
    if len(np.unique(both, axis=0)) < len(both):
        raise ValueError(
            f"correlation {text!r}: two rows of one group have the same time or place, so their correlation would "
            "be 1; name the group that tells them apart, after |"
        )


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))  # no overflow at the border


def _comp_symm(_: bool, group: NDArray[np.intp], __: Floats) -> Piece:
    low = -1 / max(int(np.bincount(group).max()) - 1, 1)  # below this the matrix is no correlation matrix

    def rho(p: Floats) -> Floats:
        return np.asarray(low + (1 - low) * _expit(p))

    def evaluate(p: Floats, distance: Floats) -> Floats:
        return np.asarray(np.where(np.eye(distance.shape[-1]) > 0, 1.0, rho(p)[0]))

    return Piece(("Rho",), np.array([np.log((0.1 - low) / 0.9)]), rho, evaluate)


def _ar1(_: bool, __: NDArray[np.intp], ___: Floats) -> Piece:
    return Piece(("Phi",), np.array([0.2]), np.tanh, lambda p, d: _signed_power(np.tanh(p[0]), d))


def _signed_power(base: float, lag: Floats) -> Floats:
    lag = np.rint(lag)
    sign = np.where((lag % 2 == 1) & (base < 0), -1.0, 1.0)
    return np.asarray(sign * np.abs(base) ** lag)


def _car1(_: bool, __: NDArray[np.intp], place: Floats) -> Piece:
    step = _typical(place)
    return Piece(
        ("Phi",), np.array([0.0]), lambda p: _expit(p) ** (1 / step), lambda p, d: _expit(p)[0] ** (d / step)
    )


def _arma11(_: bool, __: NDArray[np.intp], ___: Floats) -> Piece:
    def evaluate(p: Floats, distance: Floats) -> Floats:
        phi, theta = np.tanh(p)
        first = (1 + phi * theta) * (phi + theta) / (1 + 2 * phi * theta + theta**2)
        lag = np.rint(distance)
        out = first * _signed_power(phi, np.maximum(lag - 1, 0))
        return np.asarray(np.where(lag == 0, 1.0, out))

    return Piece(("Phi1", "Theta1"), np.array([0.2, 0.05]), np.tanh, evaluate)


def _typical(place: Floats) -> float:
    """Return a scale for distances: the mean step between neighbours of a sorted coordinate."""
    spread = np.ptp(place, axis=0)
    size = max(len(np.unique(place, axis=0)), 2)
    return float(max(np.sqrt((spread**2).sum()) / size ** (1 / place.shape[1]), 1e-300))


def _spatial(shape: Callable[[Floats], Floats]) -> Callable[[bool, NDArray[np.intp], Floats], Piece]:
    def make(nugget: bool, _: NDArray[np.intp], place: Floats) -> Piece:
        step = _typical(place)

        def evaluate(p: Floats, distance: Floats) -> Floats:
            keep = 1 - _expit(p[1:])[0] if nugget else 1.0
            out = keep * shape(distance / (step * np.exp(p[0])))
            return np.asarray(np.where(np.eye(distance.shape[-1]) > 0, 1.0, out))

        def natural(p: Floats) -> Floats:
            return np.concatenate([step * np.exp(p[:1]), _expit(p[1:])])

        if nugget:
            return Piece(("range", "nugget"), np.array([np.log(2.0), -1.5]), natural, evaluate)
        return Piece(("range",), np.array([np.log(2.0)]), natural, evaluate)

    return make


def _spherical(s: Floats) -> Floats:
    return np.asarray(np.where(s < 1, 1 - 1.5 * s + 0.5 * s**3, 0.0))


_SPATIAL = {
    "corExp": _spatial(lambda s: np.asarray(np.exp(-s))),
    "corGaus": _spatial(lambda s: np.asarray(np.exp(-(s**2)))),
    "corSpher": _spatial(_spherical),
}
_MAKERS: dict[str, Callable[[bool, NDArray[np.intp], Floats], Piece]] = {
    "corCompSymm": _comp_symm,
    "corAR1": _ar1,
    "corCAR1": _car1,
    "corARMA11": _arma11,
    **_SPATIAL,
}
