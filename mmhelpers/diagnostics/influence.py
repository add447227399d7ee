"""Influence of observations and of groups on the fixed effects, without refitting; leverage; collinearity.

With the variances kept, leaving out rows I moves beta exactly by B X'V^-1 E (E'P E)^-1 E'P y, where E has a
dummy for each of the rows, B = (X'V^-1 X)^-1 and P = V^-1 - V^-1 X B X'V^-1: the rows are fitted by dummies
of their own. For one row of a linear model this is Cook's (1977) formula; for groups that of Banerjee &
Frees (1997).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..adapters import FitView, view
from ..adapters.families import Family
from ..residuals.basic import glm_leverage
from ..residuals.covariance import Whitened, error_variance, residual_variance, whiten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["collinearity", "influence", "leverage"]

Array = NDArray[np.float64]


def leverage(fit: Any) -> Array:
    """Leverage of each observation: the diagonal of the matrix that turns y into fitted values.

    Parameters
    ----------
    fit : a fit
        What `view` knows.

    Returns
    -------
    array, shape (n,)
        For a model without random effects between 0 and 1 with sum p. For a linear mixed model that of the
        conditional fitted values, d fitted / d y = I - R P, variances kept.

    References
    ----------
    Hoaglin & Welsch (1978), American Statistician 32:17-22; Nobre & Singer (2011), J. Applied Statistics
    38:1063-1072, for mixed models.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> leverage(smf.ols("y ~ x", pd.DataFrame({"x": [0.0, 1, 2], "y": [1.0, 2, 2]})).fit()).round(3)
    array([0.833, 0.333, 0.833])
    """
    seen = view(fit)
    if seen.linear and seen.correlation is None:
        # Var(e) = R P R, so that the diagonal of R P is Var(e) / R
        return np.asarray(1 - residual_variance(seen) / error_variance(seen))
    if seen.terms or seen.correlation is not None:
        raise ValueError(
            "leverage is defined here for models without random effects and for linear mixed models"
        )
    return glm_leverage(seen)


def influence(fit: Any, by: str | None = None, refit: bool = False) -> pd.DataFrame:
    """Measure how far each observation, or each group, pulls the fixed effects.

    Parameters
    ----------
    fit : a fit
        What `view` knows.
    by : str, optional
        Name of a variable or grouping factor: its levels are left out one at a time. Without it each
        observation.
    refit : bool
        Fit the model again without each level (slow), so that the variances change too. Without it linear models
        are exact with the variances kept, and generalised ones are taken one step from the estimates.

    Returns
    -------
    pandas.DataFrame
        One row a level or observation: "cooks distance" (shift of beta in units of its covariance, over p:
        Cook 1977) and a column "dfbetas NAME" for each fixed effect (its shift over its standard error; with
        the variances, sigma among them, as estimated from all data). Positive: the effect is larger with the
        row than without.

    Raises
    ------
    UnsupportedFitError
        With `refit`, if the engine cannot fit a part of the rows.

    Notes
    -----
    For a linear (mixed) model exact for the fixed effects with variances kept, in one pass for all levels: 1,000
    groups cost as much as one fit. For a generalised one the same formula is used on its working response and
    weights, the last step of its own iterations (Pregibon 1981), which is a good guide to who is influential and
    underestimates by how much. NaN where an effect cannot be estimated without the rows.

    References
    ----------
    Cook (1977), Technometrics 19:15-18; Pregibon (1981), Annals of Statistics 9:705-724; Banerjee & Frees (1997),
    JASA 92:999-1005; Demidenko & Stukel (2005), Statistics in Medicine 24:893-909.

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"x": [0.0, 1, 2, 9], "y": [1.0, 2, 2, 3]})
    >>> int(influence(smf.ols("y ~ x", data).fit())["cooks distance"].argmax())
    3
    """
    seen = view(fit)
    sets, labels = _sets(seen, by)
    if refit:
        B = seen.vcov
        shifts = _refitted_shifts(seen, sets)
    else:
        B, shifts = _one_step(seen if seen.linear else working(seen), sets)
    return _table(seen, B, shifts, labels, by)


def _table(seen: FitView, B: Array, shifts: Array, labels: list[Any], by: str | None) -> pd.DataFrame:
    import pandas as pd

    cook = np.einsum("jp,pq,jq->j", shifts, np.linalg.inv(B), shifts) / len(seen.beta)
    table = {"cooks distance": cook}
    for name, column, se in zip(seen.x_names, shifts.T, np.sqrt(np.diag(B)), strict=True):
        table[f"dfbetas {name}"] = column / se
    return pd.DataFrame(table, index=pd.Index(labels, name=by or "row"))


def _refitted_shifts(seen: FitView, sets: list[NDArray[np.intp]]) -> Array:
    """Difference of beta with and without each set of rows; NaN for effects that the rest cannot estimate."""
    from ..adapters import UnsupportedFitError

    if seen.without is None:
        raise UnsupportedFitError(
            f"fits of {seen.engine} cannot be fitted here to a part of their rows; leave refit out"
        )
    shifts = np.full((len(sets), len(seen.beta)), np.nan)
    for j, rows in enumerate(sets):
        keep = np.ones(seen.nobs, dtype=bool)
        keep[rows] = False
        if np.linalg.matrix_rank(seen.X[keep]) < seen.X.shape[1]:
            continue
        shifts[j] = seen.beta - seen.without(keep).beta
    return shifts


def working(seen: FitView) -> FitView:
    """Give the linear (mixed) model of the last step of a generalised one: working response and weights.

    McCullagh & Nelder (1989), section 2.5: z = eta + (y - mu) d eta / d mu with variance V(mu) (d eta / d mu)^2.
    """
    effects = sum((term.contribution(term.modes) for term in seen.terms), np.zeros(seen.nobs))
    eta = seen.X @ seen.beta + seen.offset + effects
    step = 1e-5 * np.maximum(1.0, np.abs(eta))
    slope = (seen.family.inverse_link(eta + step) - seen.family.inverse_link(eta - step)) / (2 * step)
    mu = seen.family.inverse_link(eta)
    variance = seen.family.variance(mu, seen.weights) / np.maximum(slope**2, 1e-300)
    fixed = eta - effects
    return replace(
        seen,
        observed=eta + (seen.observed - mu) / slope,
        fitted_marginal=fixed,
        fitted_conditional=eta,
        family=Family("gaussian", "identity", dispersion=1.0),
        weights=1 / variance,
        variance=None,
        correlation=None,
    )


def _one_step(seen: FitView, sets: list[NDArray[np.intp]]) -> tuple[Array, Array]:
    """Covariance of beta, and its shift by each set of rows, variances kept."""
    white = whiten(seen)
    VX, Py, inverse = _precision(seen, white)
    information = white.X.T @ white.X
    B = np.linalg.inv(information)
    block = np.empty(seen.nobs, dtype=np.intp)
    place = np.empty(seen.nobs, dtype=np.intp)
    for j, rows in enumerate(white.rows):
        block[rows], place[rows] = j, np.arange(len(rows))
    shifts = np.full((len(sets), len(seen.beta)), np.nan)
    for j, rows in enumerate(sets):
        # E' P E for the rows left out, E the dummies of those rows
        together = block[rows][:, None] == block[rows][None, :]
        M = np.zeros((len(rows), len(rows)))
        for b in np.unique(block[rows]):
            here = block[rows] == b
            at = place[rows[here]]
            M[np.ix_(here, here)] = (
                np.diag(inverse[b][at]) if inverse[b].ndim == 1 else inverse[b][np.ix_(at, at)]
            )
        M = np.where(together, M, 0.0)
        scale = float(np.diag(M).max())
        M = M - VX[rows] @ B @ VX[rows].T
        values, vectors = np.linalg.eigh((M + M.T) / 2)
        if values.min() <= 1e-10 * scale:
            continue  # beta cannot be estimated without these rows: there is no shift to give
        shifts[j] = B @ VX[rows].T @ (vectors @ ((vectors.T @ Py[rows]) / values))
    return np.asarray(B), shifts


def _sets(seen: FitView, by: str | None) -> tuple[list[NDArray[np.intp]], list[Any]]:
    """Rows of each set that is left out, and the name of the set."""
    import pandas as pd

    if by is None:
        return [np.array([i], dtype=np.intp) for i in range(seen.nobs)], list(range(seen.nobs))
    codes, labels = pd.factorize(np.asarray(seen.column(by, "by")), sort=True)
    if len(labels) < 2:
        raise ValueError(f"by is {by!r}, which has {len(labels)} level; nothing is left without it")
    order = np.argsort(codes, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return [np.asarray(rows, dtype=np.intp) for rows in sets], [str(label) for label in labels]


def _precision(seen: FitView, white: Whitened) -> tuple[Array, Array, list[Array]]:
    """V^-1 X, P y and V^-1 of each block (its diagonal for a block of independent rows)."""
    from scipy.linalg import solve_triangular

    VX = np.empty(seen.X.shape)
    Py = np.empty(seen.nobs)
    inverse: list[Array] = []
    Q, _ = np.linalg.qr(white.X)
    w = white.y - Q @ (Q.T @ white.y)
    for rows, root in zip(white.rows, white.roots, strict=True):
        if root.ndim == 1:
            VX[rows], Py[rows] = white.X[rows] / root[:, None], w[rows] / root
            inverse.append(1 / root**2)
            continue
        back = np.asarray(solve_triangular(root, np.eye(len(rows)), lower=True))
        VX[rows] = back.T @ white.X[rows]
        Py[rows] = back.T @ w[rows]
        inverse.append(back.T @ back)
    return VX, Py, inverse


def collinearity(fit: Any) -> pd.DataFrame:
    """Variance inflation of each term of the fixed part by the others.

    Parameters
    ----------
    fit : a fit
        What `view` knows.

    Returns
    -------
    pandas.DataFrame
        One row for each term of the formula (for each column of the design, where the engine does not tell the
        terms): "df", its number of columns; "vif", the factor by which the variance of its estimate is larger than
        if it were unrelated to the others (1); of a term with several columns the generalised one, for the volume
        of its confidence region, which does not depend on the reference level; and "se factor", the vif to the
        power 1 / (2 df): how much longer an interval is.

    Notes
    -----
    From the covariance matrix of the estimates (Davis et al. 1986), so that weights, links and random effects
    count: R's car::vif for the same models.

    References
    ----------
    Fox & Monette (1992), JASA 87:178-183; Davis, Hyde, Bangdiwala & Nelson (1986).

    Examples
    --------
    >>> import pandas as pd, statsmodels.formula.api as smf
    >>> data = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [0.0, 1, 2, 4], "y": [1.0, 2, 2, 3]})
    >>> bool(collinearity(smf.ols("y ~ a + b", data).fit())["vif"].min() > 20)
    True
    """
    import pandas as pd

    seen = view(fit)
    keep = [j for j, name in enumerate(seen.x_names) if name != "(Intercept)"]
    if len(keep) < 2:
        raise ValueError(
            f"the model has {len(keep)} fixed effects beside the intercept; collinearity needs two"
        )
    cov = seen.vcov[np.ix_(keep, keep)]
    scale = np.sqrt(np.diag(cov))
    R = cov / np.outer(scale, scale)
    labels = seen.x_terms if len(seen.x_terms) == len(seen.x_names) else seen.x_names
    of = [labels[j] for j in keep]
    names = list(dict.fromkeys(of))
    if len(names) < 2:
        raise ValueError(
            f"the model has one term, {names[0]!r}, beside the intercept; collinearity needs two"
        )
    rows = []
    for name in names:
        own = np.array([label == name for label in of])
        # Fox & Monette (1992), equation 10
        gvif = np.linalg.det(R[np.ix_(own, own)]) * np.linalg.det(R[np.ix_(~own, ~own)]) / np.linalg.det(R)
        df = int(own.sum())
        rows.append((df, float(gvif), float(gvif ** (1 / (2 * df)))))
    return pd.DataFrame(rows, columns=["df", "vif", "se factor"], index=pd.Index(names, name="term"))
