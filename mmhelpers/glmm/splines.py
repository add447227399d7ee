"""A smooth curve as a straight line plus random effects: the columns of a penalised spline."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["spline_columns"]


def spline_columns(x: ArrayLike, knots: ArrayLike) -> NDArray[np.float64]:
    r"""Give the columns that, with independent normal coefficients of one variance, bend a line into a smooth curve.

    The curve is ``a + b x + Z u`` with ``u ~ N(0, s^2 I)``, a natural cubic spline whose penalty is that of the smoothing
    spline, the integral of the squared second derivative; with a knot at every x it is the smoothing spline. A variance
    of zero leaves the line.

    Parameters
    ----------
    x : array (n,)
        Where the curve is wanted.
    knots : array (k,)
        Where it may bend; the same for data and for new values of x. At least three, all different.

    Returns
    -------
    array (n, k - 2)
        The columns Z. Their scale is that of x divided by the range of the knots.

    Raises
    ------
    ValueError
        If knots are missing, too few or not different.

    References
    ----------
    Ruppert, D., Wand, M. P. & Carroll, R. J. (2003). Semiparametric Regression. Cambridge University Press.

    Green, P. J. & Silverman, B. W. (1994). Nonparametric Regression and Generalized Linear Models. Chapman & Hall.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> import numpy as np
    >>> mm.spline_columns(np.linspace(0, 1, 50), knots=np.linspace(0.1, 0.9, 9)).shape
    (50, 7)
    """
    at = np.unique(np.asarray(knots, dtype=np.float64))
    if at.ndim != 1 or len(at) < 3 or len(at) < np.size(knots) or not np.isfinite(at).all():
        raise ValueError(f"knots must be at least three different numbers; got {np.asarray(knots).tolist()}")
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("x must be one row of numbers, without missing values")
    width = at[-1] - at[0]
    at, values = (at - at[0]) / width, (values - at[0]) / width
    # coefficients of |x - knot|^3 that are orthogonal to lines: the curve is straight outside of the knots
    free = np.linalg.qr(np.column_stack([np.ones_like(at), at]), mode="complete")[0][:, 2:]
    root = np.linalg.cholesky(free.T @ np.abs(np.subtract.outer(at, at)) ** 3 @ free)
    columns = np.abs(np.subtract.outer(values, at)) ** 3 @ free
    return np.asarray(np.linalg.solve(root, columns.T).T)
