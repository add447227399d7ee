"""Residuals that are not alike or not independent: nlme's ``varIdent``, ``varPower``, ``corAR1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Column = Callable[[str], Any]


@dataclass(frozen=True)
class VarIdent:
    """A residual standard deviation of its own for each level of a factor.

    Attributes
    ----------
    by : str
        The factor's column.
    ratio : mapping
        Level to its standard deviation as a multiple of sigma (nlme's parametrisation).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ group", beta={"(Intercept)": 0, "groupold": 1}, sigma=2,
    ...                  variance=mm.VarIdent("group", {"young": 1, "old": 1.5}))
    >>> _, V = mm.marginal_moments(mm.cross(group=["young", "old"], case=range(2)), truth)
    >>> V.diagonal().tolist()
    [4.0, 4.0, 9.0, 9.0]
    """

    by: str
    ratio: Mapping[str, float]

    def __post_init__(self) -> None:
        for level, ratio in self.ratio.items():
            if not np.isfinite(ratio) or ratio <= 0:
                raise ValueError(f"VarIdent: the ratio of level {level!r} must be above 0, not {ratio}")

    def multiplier(self, column: Column) -> Floats:
        """Return the SD of each row over sigma, shape (n,)."""
        labels = [str(label) for label in column(self.by)]
        ratio = {str(level): value for level, value in self.ratio.items()}
        lacking = sorted(set(labels) - set(ratio))
        if lacking:
            raise ValueError(f"VarIdent: no ratio is given for level {', '.join(lacking)} of {self.by}")
        return np.array([ratio[label] for label in labels], dtype=float)


@dataclass(frozen=True)
class VarPower:
    """A residual standard deviation that is sigma times a power of a covariate's absolute value.

    Attributes
    ----------
    of : str
        The covariate's column.
    power : float
        0 is a constant variance, 0.5 a variance proportional to the covariate.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ 1", beta={"(Intercept)": 0}, sigma=1, variance=mm.VarPower("dose", 0.5))
    >>> _, V = mm.marginal_moments(mm.cross(dose=[1, 4, 9]), truth)
    >>> V.diagonal().round(12).tolist()
    [1.0, 4.0, 9.0]
    """

    of: str
    power: float

    def multiplier(self, column: Column) -> Floats:
        """Return the SD of each row over sigma, shape (n,)."""
        values = np.abs(np.asarray(column(self.of), dtype=float))
        with np.errstate(divide="ignore"):
            out = values**self.power
        if not np.isfinite(out).all() or (out <= 0).any():
            raise ValueError(
                f"VarPower: {self.of} is zero or not finite somewhere, so a power of it is no standard "
                "deviation; add a constant to it"
            )
        return np.asarray(out)


@dataclass(frozen=True)
class AR1:
    """Residuals of a group that form an autoregressive series of order 1.

    The correlation of two residuals of a group is ``phi ** |t_i - t_j|``.

    Attributes
    ----------
    phi : float
        Between -1 and 1.
    within : str
        Column of the group; groups are independent.
    time : str, optional
        Column of the time, whole numbers; the order of the rows if left out.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ 1", beta={"(Intercept)": 0}, sigma=1, correlation=mm.AR1(0.5, within="subject"))
    >>> _, V = mm.marginal_moments(mm.cross(subject=1, day=range(3)), truth)
    >>> V.tolist()
    [[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]
    """

    phi: float
    within: str
    time: str | None = None

    def __post_init__(self) -> None:
        if not -1 < self.phi < 1:
            raise ValueError(f"AR1: phi must lie between -1 and 1, not {self.phi}")

    def order(self, column: Column, n: int) -> tuple[NDArray[np.intp], Floats]:
        """Return the rows in order of group and time, and the correlation of each with the one before.

        Returns
        -------
        rows : ndarray of int, shape (n,)
        previous : ndarray, shape (n,)
            0 where a group begins.
        """
        _, group = np.unique(np.asarray(column(self.within)).astype(str), return_inverse=True)
        time = np.arange(n, dtype=float) if self.time is None else np.asarray(column(self.time), dtype=float)
        rows = np.lexsort([time, group])
        same = np.diff(group[rows]) == 0
        gap = np.diff(time[rows]) if self.time is not None else np.ones(n - 1)
        if self.time is not None and ((gap[same] <= 0).any() or (gap[same] % 1 != 0).any()):
            raise ValueError(
                f"AR1: {self.time} must be a whole number, each once within a {self.within}, to order the "
                "residuals"
            )
        return rows, np.concatenate([[0.0], np.where(same, self.phi ** np.where(same, gap, 1.0), 0.0)])


def autoregress(noise: Floats, rows: NDArray[np.intp], previous: Floats) -> Floats:
    """Turn independent standard normals into stationary series of variance 1.

    e_t = r_t e_{t-1} + sqrt(1 - r_t^2) u_t, with r_t the correlation with the residual before.

    Parameters
    ----------
    noise : ndarray, shape (n_rep, n)
    rows, previous : ndarray, shape (n,)
        From `AR1.order`.

    Returns
    -------
    ndarray, shape (n_rep, n)
    """
    out = np.array(noise)
    starts = np.flatnonzero(previous == 0)
    lengths = np.diff(np.append(starts, len(rows)))
    for step in range(1, int(lengths.max())):
        at = starts[lengths > step] + step  # the step-th residual of every group that has one
        r = previous[at]
        out[:, rows[at]] = r * out[:, rows[at - 1]] + np.sqrt(1 - r**2) * noise[:, rows[at]]
    return out


def correlations(rows: NDArray[np.intp], previous: Floats) -> Floats:
    """Return the correlation matrix of the series, shape (n, n)."""
    n = len(rows)
    out = np.eye(n)
    for start in range(n):
        r = 1.0
        for stop in range(start + 1, n):
            r *= previous[stop]
            if r == 0:
                break
            out[rows[start], rows[stop]] = out[rows[stop], rows[start]] = r
    return out
