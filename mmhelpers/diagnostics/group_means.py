"""Test whether the means of the residuals differ between the levels of a factor more than chance.

The recipe "boxplot the residuals by the factor, and look whether the means move" has no scale on it: means
of a few residuals always move. Here is the scale. Residuals r = M y of a linear model have covariance
sigma^2 M, M = I - X (X'X)^- X', so their means by level, m = D r (D averages within levels), have covariance
C = sigma^2 D M D': smaller than sigma^2 / n_j wherever the fixed effects already took up differences between
levels, and correlated. The test of m is exactly the F test of adding the factor to X.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..adapters import FitView, is_fit, view
from ..residuals.covariance import residual_covariance
from ..testtable import TestRow, TestTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_group_means"]

Array = NDArray[np.float64]

_EXACT = "F test of adding {factor} to the design: exact for independent normal errors of equal variance"
_SWEPT = (
    "F test of adding {factor} to the design after fixed and random effects are swept out (Wald's test): "
    "exact whatever the variances of the random effects"
)
_PLUG_IN = (
    "chi-square with the estimated variances taken as known; conservative, since the model already has "
    "random effects that follow the levels of {factor}"
)


_NOTHING_LEFT = (
    "the model's effects already take up every difference between the levels of {factor!r}: the mean "
    "residual of each level is zero (or fixed) whatever the data, so there is nothing to test. This "
    "happens with one level of the factor in each cell of the design: the two cannot be told apart"
)


class _NothingLeftError(ValueError):
    """The factor lies in the span of the effects that are in the model."""


@dataclass(frozen=True)
class _Levels:
    """Levels of a factor, and which row belongs to which."""

    name: str
    levels: tuple[str, ...]
    index: NDArray[np.intp]

    @property
    def indicator(self) -> Array:
        """Indicator matrix, shape (n, l)."""
        return np.eye(len(self.levels))[self.index]

    @property
    def counts(self) -> NDArray[np.intp]:
        return np.bincount(self.index, minlength=len(self.levels))

    @property
    def average(self) -> Array:
        """Matrix that averages within levels, shape (l, n)."""
        return np.asarray(self.indicator.T / self.counts[:, None])


def check_group_means(
    fit: Any,
    factor: Any,
    design: Any = None,
    conditional: bool = True,
    confidence: float = 0.95,
) -> TestTable:
    """Test whether the mean residual differs between the levels of a factor more than chance.

    Parameters
    ----------
    fit : object or array of shape (n,)
        A fit of a linear or linear mixed model (anything that `view` knows) without the factor, or the
        residuals themselves.
    factor : str or array of shape (n,)
        Name of a variable of the fit's data, or the level of each row.
    design : array of shape (n, p), optional
        With residuals given as an array: the design matrix of the model they come from. Without it they are
        taken as deviations from one mean, which is wrong (too few rejections) if the model had fixed effects
        that follow the levels.
    conditional : bool
        For a mixed model: residuals with the random effects taken out, or around the fixed part alone.
    confidence : float
        Probability that chance alone leaves the means of *all* levels inside their bands.

    Returns
    -------
    TestTable
        One row: F (or chi-square), its degrees of freedom and p. Its details: "sd of means", the observed
        standard deviation of the level means, and "by chance", the one expected from the errors alone (root
        of the expected variance; both in units of the response). ``extras["means"]`` is a data frame with,
        for each level, n, mean, the standard error that chance alone gives the mean, and the ends of the band
        (Šidák's simultaneous band, 1967); ``extras["residuals"]`` has the level and the residual of each row.

    Raises
    ------
    ValueError
        If the factor has one level, or missing values, or the model's fixed effects already take up all
        differences between its levels, so that the means are zero whatever the data.

    Notes
    -----
    For residuals of a linear model the p-value is exact, with few levels and with levels nested in fixed
    effects too. For a mixed model the random effects are swept out with the fixed effects, which makes the
    test exact (Seely & El-Bassiouni, 1983), unless they follow the factor: then the row says so. A small p
    says that the factor matters in these data. A large one does not say that it can be left out: with few
    levels a real spread is often missed, and the design decides what belongs in the model.

    After the factor has entered the model as a random effect the test says nothing any more: in a balanced
    design chi-square then equals its degrees of freedom, because that is how the variance was estimated. Look
    at the picture instead: the means now spread as little as the errors make them.

    References
    ----------
    Seely & El-Bassiouni (1983), Annals of Statistics 11:197-201; Šidák (1967), JASA 62:626-633.

    Examples
    --------
    >>> import numpy as np
    >>> residuals = np.array([-3.0, -1, -2, 0, 2, 4])
    >>> check_group_means(residuals, factor=list("aabbcc"))
    residual means by factor
    test    F  sd of means  by chance  df  df_den      p
    factor  7        2.646          1   2       3  0.074
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1")
    if not is_fit(fit) and np.ndim(fit) == 1:
        return _from_array(np.asarray(fit, dtype=float), factor, design, confidence)
    if design is not None:
        raise ValueError("design goes with residuals given as an array; a fit brings its own design matrix")
    seen = view(fit)
    if not seen.linear:
        raise ValueError(
            f"the fit is {seen.family.name} with link {seen.family.link}; this test is for gaussian models. "
            "For others give quantile residuals to check_group_means as an array of normal scores"
        )
    groups = _levels(seen, factor)
    if seen.terms or seen.correlation is not None:
        return _mixed(seen, groups, conditional, confidence)
    root = np.sqrt(seen.weights)
    return _linear(
        seen.observed - seen.fitted_marginal,
        root,
        seen.X,
        np.empty((seen.nobs, 0)),
        groups,
        confidence,
        _EXACT,
    )


def _from_array(residuals: Array, factor: Any, design: Any, confidence: float) -> TestTable:
    n = len(residuals)
    if not np.all(np.isfinite(residuals)):
        raise ValueError(
            "the residuals have missing or infinite values; leave those rows out of both arguments"
        )
    X = np.ones((n, 1)) if design is None else np.asarray(design, dtype=float).reshape(n, -1)
    if isinstance(factor, str):
        raise ValueError("factor is a name, but residuals given as an array have no data: pass the levels")
    groups = _as_levels(np.asarray(factor), getattr(factor, "name", None) or "factor", n)
    # what is left of the residuals outside X: nothing changes if they come from a model with this design
    q, _ = np.linalg.qr(X)
    residuals = residuals - q @ (q.T @ residuals)
    return _linear(residuals, np.ones(n), X, np.empty((n, 0)), groups, confidence, _EXACT)


def _levels(seen: FitView, factor: Any) -> _Levels:
    if isinstance(factor, str):
        return _as_levels(seen.column(factor), factor, seen.nobs)
    return _as_levels(np.asarray(factor), str(getattr(factor, "name", None) or "factor"), seen.nobs)


def _as_levels(values: NDArray[Any], name: str, n: int) -> _Levels:
    import pandas as pd

    if values.shape != (n,):
        raise ValueError(f"factor has shape {values.shape}; it needs one level for each of the {n} residuals")
    codes, levels = pd.factorize(values, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"factor {name!r} has {(codes < 0).sum()} missing values; leave those rows out first"
        )
    if len(levels) < 2:
        raise ValueError(
            f"factor {name!r} has {len(levels)} level; means can differ between two levels or more"
        )
    return _Levels(name, tuple(str(level) for level in levels), np.asarray(codes, dtype=np.intp))


def _orthonormal(A: Array) -> Array:
    """Orthonormal basis of the columns of A, aliased ones left out."""
    scale = np.sqrt((A**2).sum(axis=0))
    U, s, _ = np.linalg.svd(A / np.where(scale > 0, scale, 1), full_matrices=False)
    return np.asarray(U[:, s > 1e-9 * max(s[0], 1e-300)]) if A.size else np.empty((A.shape[0], 0))


def _linear(
    residuals: Array, root: Array, X: Array, Z: Array, groups: _Levels, confidence: float, method: str
) -> TestTable:
    """F test of the factor after [X Z], and the spread of the means of the residuals of that projection."""
    n = len(residuals)
    base = _orthonormal(root[:, None] * np.column_stack([X, Z]))
    r = root * residuals
    r = r - base @ (base.T @ r)  # removes Z where there is one; no change otherwise
    D = root[:, None] * groups.indicator
    rest = D - base @ (base.T @ D)
    # relative to the columns of D, so that rounding noise is not taken for a direction
    U, s, _ = np.linalg.svd(rest / np.sqrt((D**2).sum(axis=0)), full_matrices=False)
    added = U[:, s > 1e-8]
    q, df_den = added.shape[1], n - base.shape[1] - added.shape[1]
    if q == 0:
        raise _NothingLeftError(_NOTHING_LEFT.format(factor=groups.name))
    if df_den < 1:
        raise ValueError(
            f"no degrees of freedom are left within the levels of {groups.name!r}: with one observation a "
            "level, a level's mean cannot be told from the errors"
        )
    explained = float(((added.T @ r) ** 2).sum())
    within = max(float((r**2).sum()) - explained, 0.0) / df_den
    # covariance of the level means, per unit of sigma^2
    A = groups.average / root
    inside = A @ base
    C = A @ A.T - inside @ inside.T
    from scipy import stats

    F = explained / q / within if within > 0 else np.inf
    means = groups.average @ (r / root)
    table = _means_table(groups, means, np.sqrt(within * np.clip(np.diag(C), 0, None)), confidence, df_den)
    row = TestRow(
        name=groups.name,
        statistic=F,
        p=float(stats.f.sf(F, q, df_den)),
        df=q,
        df_den=df_den,
        n=n,
        statistic_name="F",
        method=method.format(factor=groups.name),
        details=_spread(means, within * C),
    )
    return TestTable(
        (row,),
        title=f"residual means by {groups.name}",
        extras={"means": table, "residuals": _rows(groups, r / root)},
    )


def _spread(means: Array, C: Array) -> dict[str, float]:
    """Give the standard deviation of the level means, and the root of its expected square by chance."""
    l = len(means)
    expected = (np.trace(C) - C.sum() / l) / (l - 1)
    return {"sd of means": float(np.std(means, ddof=1)), "by chance": float(np.sqrt(max(expected, 0.0)))}


def _means_table(groups: _Levels, means: Array, se: Array, confidence: float, df: float) -> pd.DataFrame:
    import pandas as pd
    from scipy import stats

    # Šidák: bands that all hold at once with at least this confidence
    each = confidence ** (1 / len(means))
    half = se * (stats.t.ppf((1 + each) / 2, df) if np.isfinite(df) else stats.norm.ppf((1 + each) / 2))
    return pd.DataFrame(
        {
            groups.name: list(groups.levels),
            "n": groups.counts,
            "mean": means,
            "se by chance": se,
            "lower": -half,
            "upper": half,
        }
    )


def _mixed(seen: FitView, groups: _Levels, conditional: bool, confidence: float) -> TestTable:
    """Exact F test where the random effects leave something of the factor; a plug-in test otherwise."""
    from scipy import stats

    A = groups.average
    means = A @ (seen.observed - seen.fitted(conditional))
    C = residual_covariance(seen, A, conditional)
    residuals = seen.observed - seen.fitted(conditional)
    se = np.sqrt(np.clip(np.diag(C), 0, None))
    extras = {
        "means": _means_table(groups, means, se, confidence, np.inf),
        "residuals": _rows(groups, residuals),
    }
    title = f"residual means by {groups.name}"
    if seen.correlation is None:
        Z = np.column_stack([_dense_z(term.z, term.index, len(term.levels)) for term in seen.terms])
        try:
            exact = _linear(
                seen.observed - seen.offset, np.sqrt(seen.weights), seen.X, Z, groups, confidence, _SWEPT
            )
        except _NothingLeftError:
            pass
        else:
            row = replace(exact.rows[0], details=_spread(means, C))
            return TestTable((row,), title=title, extras=extras)
    values, vectors = np.linalg.eigh((C + C.T) / 2)
    keep = values > 1e-8 * max(values.max(), seen.sigma**2 * 1e-6)
    if not keep.any():
        raise ValueError(_NOTHING_LEFT.format(factor=groups.name))
    scores = vectors[:, keep].T @ means
    chi2, q = float((scores**2 / values[keep]).sum()), int(keep.sum())
    row = TestRow(
        name=groups.name,
        statistic=chi2,
        p=float(stats.chi2.sf(chi2, q)),
        df=q,
        n=seen.nobs,
        statistic_name="chi2",
        method=_PLUG_IN.format(factor=groups.name),
        details=_spread(means, C),
    )
    return TestTable((row,), title=title, extras=extras)


def _rows(groups: _Levels, residuals: Array) -> pd.DataFrame:
    """Residual and level of each row, for the picture."""
    import pandas as pd

    return pd.DataFrame({groups.name: [groups.levels[i] for i in groups.index], "residual": residuals})


def _dense_z(z: Array, index: NDArray[np.intp], n_levels: int) -> Array:
    n, k = z.shape
    out = np.zeros((n, n_levels, k))
    out[np.arange(n), index] = z
    return out.reshape(n, n_levels * k)
