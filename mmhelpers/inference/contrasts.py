"""t and F tests of linear functions of beta, by Wald, Satterthwaite or Kenward-Roger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mmhelpers.inference import kenward_roger, satterthwaite
from mmhelpers.inference.estimate import Ddf, Estimate, as_estimate, check_ddf
from mmhelpers.inference.moments import Cross
from mmhelpers.results import Fits

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TTest:
    """Tests of single contrasts, one an element.

    Attributes
    ----------
    estimate, se, df, statistic, p : ndarray of shape (c,)
        L beta - rhs is in units of y; df is infinite for Wald's z test.
    """

    estimate: Float
    se: Float
    df: Float
    statistic: Float
    p: Float

    def to_frame(self, names: Any = None) -> pd.DataFrame:
        """Return columns estimate, se, df, statistic, p; one row a contrast."""
        import pandas as pd

        columns = ("estimate", "se", "df", "statistic", "p")
        return pd.DataFrame({column: getattr(self, column) for column in columns}, index=names)


@dataclass(frozen=True)
class FTest:
    """Joint test of several contrasts.

    Attributes
    ----------
    F : float
        Statistic (for Wald: chi-square over its df).
    num_df : int
        Rank of L.
    den_df : float
        Infinite for Wald.
    p : float
    """

    F: float
    num_df: int
    den_df: float
    p: float


def t_test(estimate: Estimate, L: ArrayLike, rhs: ArrayLike = 0.0, ddf: Ddf = "satterthwaite") -> TTest:
    """Test each row of L beta = rhs.

    Parameters
    ----------
    estimate : Estimate
        The fit.
    L : array_like of shape (c, p)
        A contrast a row.
    rhs : array_like of shape (c,)
        Hypothesised values; the estimate shown is that of L beta.
    ddf : {"satterthwaite", "kenward-roger", "wald"}
        Method; Kenward-Roger adjusts the standard errors too.

    Returns
    -------
    TTest
    """
    check_ddf(ddf)
    L = np.atleast_2d(np.asarray(L, dtype=float))
    vcov = estimate.kr.vcov_adjusted if ddf == "kenward-roger" else estimate.vcov
    value = L @ estimate.beta
    se = np.sqrt(np.einsum("cp,pr,cr->c", L, vcov, L))
    if ddf == "wald":
        df = np.full(len(L), np.inf)
    elif ddf == "satterthwaite":
        df = estimate.satterthwaite_df(L)
    else:
        df = kenward_roger.contrast_df(L, estimate.kr)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (value - np.asarray(rhs, dtype=float)) / se
    return TTest(value, se, df, statistic, t_p(statistic, df))


def f_test(estimate: Estimate, L: ArrayLike, rhs: ArrayLike = 0.0, ddf: Ddf = "satterthwaite") -> FTest:
    """Test L beta = rhs jointly; rows of L may depend on each other.

    Parameters
    ----------
    estimate, L, rhs, ddf
        As in `t_test`.

    Returns
    -------
    FTest
        ``num_df`` is the rank of L; with rank 0, as for a term that is aliased with others, F is NaN.

    Raises
    ------
    ValueError
        If rows of L depend on each other and `rhs` contradicts that.

    Notes
    -----
    Satterthwaite: as ``contestMD`` in lmerTest (Kuznetsova et al. 2017, sec. 2.3), see
    `mmhelpers.inference.satterthwaite`.
    """
    check_ddf(ddf)
    L = np.asarray(L, dtype=float).reshape(-1, estimate.matrices.p)
    beta = estimate.beta
    if np.any(np.asarray(rhs) != 0):
        values = np.broadcast_to(np.asarray(rhs, dtype=float), (len(L),))
        shift = np.linalg.lstsq(L, values, rcond=None)[0]
        if not np.allclose(L @ shift, values):
            raise ValueError("rhs contradicts L: rows of L that depend on each other have values that do not")
        beta = beta - shift
    rotated, variances = satterthwaite.rotate(L, estimate.vcov)
    q = len(rotated)
    if q == 0:
        return FTest(np.nan, 0, np.nan, np.nan)
    if ddf == "kenward-roger":
        value, _, den_df, _ = kenward_roger.f_test(rotated, beta, estimate.kr)
    else:
        value, den_df = float(np.sum((rotated @ beta) ** 2 / variances) / q), np.inf
        if ddf == "satterthwaite":
            nu = estimate.satterthwaite_df(rotated)
            den_df = float(satterthwaite.combine_df(nu))
    return FTest(value, q, den_df, f_p(value, q, den_df))


def t_p(statistic: Float, df: Float) -> Float:
    """Two-sided p of t; of z where df is infinite."""
    t = np.abs(np.asarray(statistic, dtype=float))
    df = np.broadcast_to(np.asarray(df, dtype=float), t.shape)
    finite = np.isfinite(df)
    with np.errstate(invalid="ignore"):
        by_t = special.betainc(np.where(finite, df, 1.0) / 2, 0.5, np.where(finite, df, 1.0) / (df + t**2))
        return np.asarray(np.where(finite, by_t, 2 * special.ndtr(-t)))


def f_p(value: float, num_df: int, den_df: float) -> float:
    """Upper tail of F; of chi-square over its df where den_df is infinite."""
    if np.isinf(den_df):
        return float(special.chdtrc(num_df, value * num_df))
    return float(special.betainc(den_df / 2, num_df / 2, den_df / (den_df + num_df * value)))


def coefficients(fit: Any, ddf: Ddf = "satterthwaite") -> pd.DataFrame:
    """Test every coefficient against zero.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`.
    ddf : {"satterthwaite", "kenward-roger", "wald"}
        Method.

    Returns
    -------
    DataFrame
        Columns estimate, se, df, statistic (t; z for Wald), p; one row a coefficient.
    """
    estimate = as_estimate(fit)
    return t_test(estimate, np.eye(estimate.matrices.p), ddf=ddf).to_frame(list(estimate.names))


def kenward_roger_coefficients(fits: Fits) -> pd.DataFrame:
    """Test every coefficient of every replicate by Kenward-Roger.

    Parameters
    ----------
    fits : Fits
        REML fits, any number.

    Returns
    -------
    DataFrame
        Columns rep, coefficient, estimate, se, df, statistic, p; replicates outermost.  A fit that failed has
        NaN.
    """
    import pandas as pd

    names, columns = fits.matrices.x_names, ("estimate", "se", "df", "statistic", "p")
    cross, eye = Cross(fits.matrices), np.eye(len(names))
    values = np.full((fits.n_rep, len(names), len(columns)), np.nan)
    for rep in range(fits.n_rep):
        if np.isfinite(fits.theta[rep]).all() and np.isfinite(fits.sigma[rep]):
            test = t_test(Estimate.from_fits(fits, rep, cross=cross), eye, ddf="kenward-roger")
            values[rep] = np.column_stack([getattr(test, column) for column in columns])
    return pd.DataFrame(
        {
            "rep": np.repeat(np.arange(fits.n_rep), len(names)),
            "coefficient": np.tile(np.array(names, dtype=object), fits.n_rep),
            **dict(zip(columns, values.reshape(-1, len(columns)).T, strict=True)),
        }
    )


def contrast(
    fit: Any,
    L: ArrayLike | Mapping[str, Any] | pd.DataFrame,
    rhs: ArrayLike = 0.0,
    *,
    ddf: Ddf = "satterthwaite",
    joint: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Test linear functions of the fixed effects, one by one or jointly.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`.
    L : array_like of shape (p,) or (c, p), DataFrame, or mapping
        Weights of the coefficients: a contrast a row.  As a mapping: a name for each contrast, and its
        weights as an array or as a mapping from names of coefficients to weights (others are 0).
    rhs : float or array_like of shape (c,)
        Hypothesised values.
    ddf : {"satterthwaite", "kenward-roger", "wald"}
        Method for the degrees of freedom.
    joint : bool
        One F test that all contrasts hold, instead of a t test each.
    level : float
        Of the confidence intervals.

    Returns
    -------
    DataFrame
        Columns estimate, se, df, statistic, p, lower, upper, one row a contrast; with `joint` one row with F,
        num_df, den_df, p.

    Raises
    ------
    ValueError
        If L names an unknown coefficient or has not p columns, or rhs is not a number a contrast.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> mm.contrast(fit, {"day 9": {"(Intercept)": 1, "Days": 9}, "slope": {"Days": 1}}).round(3)
           estimate      se    df  statistic    p    lower    upper
    day 9   345.611  14.629  17.0     23.625  0.0  314.747  376.475
    slope    10.467   1.546  17.0      6.771  0.0    7.206   13.729
    """
    estimate = as_estimate(fit)
    weights, names = contrast_matrix(estimate.names, L)
    try:
        rhs = np.broadcast_to(np.asarray(rhs, dtype=float), (len(weights),))
    except (TypeError, ValueError):
        raise ValueError(f"rhs must be one number or {len(weights)}, one a contrast; got {rhs!r}") from None
    if not np.isfinite(rhs).all():
        raise ValueError(f"rhs must be finite; got {rhs.tolist()}")
    if joint:
        import pandas as pd

        test = f_test(estimate, weights, rhs, ddf)
        return pd.DataFrame([vars(test)], index=[", ".join(map(str, names))])
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    found = t_test(estimate, weights, rhs, ddf)
    half = t_quantile((1 + level) / 2, found.df) * found.se
    return found.to_frame(names).assign(lower=found.estimate - half, upper=found.estimate + half)


def t_quantile(p: float, df: Float) -> Float:
    """Quantile of t; of z where df is infinite."""
    df = np.asarray(df, dtype=float)
    return np.asarray(
        np.where(np.isfinite(df), special.stdtrit(np.where(np.isfinite(df), df, 1.0), p), special.ndtri(p))
    )


def contrast_matrix(names: tuple[str, ...], L: Any) -> tuple[Float, list[str]]:
    """Return weights, shape (c, p), and a name for each row."""
    import pandas as pd

    p = len(names)
    if isinstance(L, pd.DataFrame):
        L = {str(name): dict(row) for name, row in zip(L.index, L.to_dict("records"), strict=True)}
    if isinstance(L, Mapping):
        rows, labels = [], [str(label) for label in L]
        if (
            labels
            and set(labels) <= set(names)
            and all(np.ndim(w) == 0 and not isinstance(w, Mapping) for w in L.values())
        ):
            L, labels = {"contrast": L}, ["contrast"]
        for label, weights in L.items():
            if isinstance(weights, Mapping):
                unknown = [key for key in weights if key not in names]
                if unknown:
                    raise ValueError(
                        f"L: {label!r} names {unknown[0]!r}, which is no coefficient; "
                        f"they are {', '.join(names)}"
                    )
                try:
                    rows.append([float(weights.get(name, 0.0)) for name in names])
                except (TypeError, ValueError):
                    raise ValueError(
                        f"L: {label!r} must give a number for each coefficient, not {weights!r}"
                    ) from None
            else:
                rows.append(weights)
        L = rows
    else:
        labels = []
    try:
        matrix = np.atleast_2d(np.asarray(L, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(f"L must hold {p} numbers a row, one for each of {', '.join(names)}") from None
    if matrix.ndim != 2 or matrix.shape[1] != p or not np.isfinite(matrix).all():
        raise ValueError(
            f"L must hold {p} finite numbers a row, one for each of {', '.join(names)}; "
            f"it has shape {matrix.shape}"
        )
    labels = labels or [f"L{i + 1}" for i in range(len(matrix))]
    empty = np.flatnonzero(~matrix.any(axis=1))
    if empty.size:
        raise ValueError(
            f"L: {labels[empty[0]]!r} has no weight other than 0, so that there is nothing to test"
        )
    return matrix, labels or [f"L{i + 1}" for i in range(len(matrix))]
