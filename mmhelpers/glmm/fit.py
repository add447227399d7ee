"""Fit a random-intercept logistic model to many data sets on one design."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cells import Cells, cells, choose
from .families import BINOMIAL
from .maximise import hessian, maximise, pieces
from .pql import pql

__all__ = ["LogisticFits", "fit_logistic"]

FloatArray = NDArray[np.float64]
METHODS = ("quadrature", "laplace", "pql")
#: a standard deviation below this is zero: the maximum lies at the boundary
ZERO = 1e-4
#: coefficients beyond this have run away: some combination of the predictors separates the answers
FAR = 15.0


@dataclass(frozen=True)
class LogisticFits:
    """Random-intercept logistic models, one for each data set.

    Attributes
    ----------
    method : str
        "quadrature", "laplace" or "pql".
    beta, se : array (n_rep, p)
        Coefficients (log odds, given the cluster) and their standard errors.
    sigma : array (n_rep,)
        Standard deviation of the clusters' intercepts.
    loglik : array (n_rep,)
        Maximised log-likelihood; NaN for PQL, which has none.
    singular : array (n_rep,) of bool
        The standard deviation is estimated to be zero.
    converged : array (n_rep,) of bool
        The iteration came to rest, at coefficients that did not run away.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> import numpy as np
    >>> cbpp = mm.load("cbpp")
    >>> later = cbpp["period"].to_numpy() != "1"
    >>> x = np.column_stack([np.ones(len(cbpp)), later])
    >>> fits = mm.fit_logistic(cbpp["incidence"], x, cbpp["herd"], trials=cbpp["size"])
    >>> fits.beta.round(1), fits.sigma.round(1), bool(fits.converged[0])
    (array([[-1.4, -1.2]]), array([0.7]), True)
    """

    method: str
    beta: FloatArray
    se: FloatArray
    sigma: FloatArray
    loglik: FloatArray
    singular: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    x: FloatArray = field(repr=False)
    cluster: NDArray[np.intp] = field(repr=False)
    trials: FloatArray = field(repr=False)

    def simulate(self, n_rep: int, *, rng: np.random.Generator, which: int = 0) -> FloatArray:
        """Draw new data sets from one of the fitted models, with new clusters.

        Parameters
        ----------
        n_rep : int
            How many.
        rng : numpy.random.Generator
            Where chance comes from.
        which : int
            The number of the fitted data set.

        Returns
        -------
        array (n_rep, n)
            Successes.
        """
        b = self.sigma[which] * rng.standard_normal((n_rep, self.cluster.max() + 1))
        mu = BINOMIAL.mean(self.x @ self.beta[which] + b[:, self.cluster])
        return rng.binomial(self.trials.astype(int), mu).astype(np.float64)


def _checked(
    y: ArrayLike, x: ArrayLike, cluster: ArrayLike, trials: ArrayLike | None
) -> tuple[FloatArray, FloatArray, NDArray[np.intp], FloatArray]:
    try:
        many = np.atleast_2d(np.asarray(y, dtype=np.float64))
        design = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y and x must hold numbers ({error})") from None
    if design.ndim != 2:
        raise ValueError(f"x has {design.ndim} dimensions; give an array (n, p), the column of ones included")
    n = design.shape[0]
    names = np.asarray(cluster)
    if names.dtype == object or names.dtype.kind == "f":
        lacking = sum(name is None or name != name for name in names.ravel().tolist())
        if lacking:
            raise ValueError(f"cluster has {lacking} missing values; leave such rows out")
    found, codes = np.unique(names, return_inverse=True)
    owner = codes.ravel().astype(np.intp)
    if n and len(found) < 2:
        raise ValueError("cluster has one value: a variance between clusters needs several")
    total = np.ones(n) if trials is None else np.asarray(trials, dtype=np.float64)
    for name, length in (("y", many.shape[1]), ("cluster", len(owner)), ("trials", len(total))):
        if length != n:
            raise ValueError(f"{name} has {length} values a data set; x has {n} rows")
    if len(np.unique(owner)) < 2:
        raise ValueError("cluster has one value, so that a variance between clusters cannot be estimated")
    if np.isnan(many).any() or np.isnan(design).any() or np.isnan(total).any():
        raise ValueError("y, x and trials must not have missing values; leave such rows out")
    if not n:
        raise ValueError("x has no rows")
    if not (np.isfinite(many).all() and np.isfinite(design).all() and np.isfinite(total).all()):
        raise ValueError("y, x and trials must be finite numbers; leave other rows out")
    if (many < 0).any() or (many > total).any():
        raise ValueError("y must lie between 0 and trials (between 0 and 1 for answers of yes or no)")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError("the columns of x are linearly dependent; leave one out")
    return many, design, owner, total


def _plain_glm(data: Cells) -> FloatArray:
    """Fit without clusters, by a few steps of iteratively reweighted least squares."""
    p = data.x.shape[1]
    times = data.spread(np.broadcast_to(data.count, (data.n_rep, len(data.first))))
    beta = np.zeros((data.n_rep, p))
    for _ in range(12):
        mu = BINOMIAL.mean(beta @ data.x.T)
        w = times * data.weight * BINOMIAL.variance(mu)
        score = np.einsum("rm,mp->rp", times * (data.y - data.weight * mu), data.x)
        info = np.einsum("rm,mp,mq->rpq", w, data.x, data.x) + 1e-8 * np.eye(p)
        step = np.linalg.solve(info, score[..., None])[..., 0]
        beta = beta + np.clip(step, -1.0, 1.0)
    return np.clip(beta, -8.0, 8.0)


def fit_logistic(
    y: ArrayLike,
    x: ArrayLike,
    cluster: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    method: str = "quadrature",
    points: int = 25,
) -> LogisticFits:
    r"""Fit logit(p) = x beta + b, b ~ N(0, sigma^2) by cluster, to one data set or to many.

    Parameters
    ----------
    y : array (n,) or (n_rep, n)
        Answers, 0 or 1, or successes where `trials` are given; one row a data set.
    x : array (n, p)
        Predictors of the rows, a column of ones for the intercept included.
    cluster : array (n,)
        What the rows' cluster is called.
    trials : array (n,), optional
        Trials of each row, 1 if left out.
    method : {"quadrature", "laplace", "pql"}
        Adaptive Gauss-Hermite quadrature with `points` points; Laplace's approximation, which is quadrature with
        one point; or penalised quasi-likelihood as ``MASS::glmmPQL`` in R does it, with a residual scale that is
        estimated.
    points : int
        Points of the quadrature.

    Returns
    -------
    LogisticFits

    Raises
    ------
    ValueError
        If shapes do not fit, values are missing or impossible, columns of `x` are dependent, or the method is
        unknown.

    References
    ----------
    Breslow, N. E. & Clayton, D. G. (1993). Approximate inference in generalized linear mixed models. Journal of the
    American Statistical Association 88, 9-25.

    Pinheiro, J. C. & Bates, D. M. (1995). Approximations to the log-likelihood function in the nonlinear mixed-effects
    model. Journal of Computational and Graphical Statistics 4, 12-35.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> person = np.repeat(np.arange(200), 4)
    >>> x = np.column_stack([np.ones(800), np.tile([0, 0, 1, 1], 200)])
    >>> eta = x @ [-1, 1] + rng.normal(0, 2, 200)[person]
    >>> y = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    >>> fit = mm.fit_logistic(y, x, person)
    >>> bool(fit.converged[0]), bool(1.5 < fit.sigma[0] < 2.5)
    (True, True)
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; use one of {', '.join(map(repr, METHODS))}")
    if points < 1:
        raise ValueError(f"points is {points}; quadrature needs at least 1")
    many, design, owner, total = _checked(y, x, cluster, trials)
    data = cells(many, design, owner, total)
    n_rep, p = many.shape[0], design.shape[1]
    k = 1 if method == "laplace" else points
    beta, se = np.full((n_rep, p), np.nan), np.full((n_rep, p), np.nan)
    sigma, loglik = np.full(n_rep, np.nan), np.full(n_rep, np.nan)
    converged = np.zeros(n_rep, dtype=bool)
    for part in pieces(data, k):
        own = data.take(part)
        start = _plain_glm(own)
        if method == "pql":
            beta[part], sigma[part], covariance, converged[part] = pql(own, design.shape[0], start)
            covariance = covariance * (design.shape[0] / (design.shape[0] - p))  # as lme's summary does
        else:
            # Laplace's maximum is cheap and near: quadrature needs a step or two from there
            top = maximise(own, np.column_stack([start, np.ones(len(part))]), 1)
            if k > 1:
                psi = top.psi.copy()
                psi[:, -1] = np.maximum(
                    np.abs(psi[:, -1]), 0.1
                )  # zero is a saddle that Newton would not leave
                top = maximise(own, psi, k, np.sign(top.psi[:, -1:]) * top.modes)
            loglik[part], converged[part] = top.value, top.converged
            beta[part], sigma[part] = top.psi[:, :-1], np.abs(top.psi[:, -1])
            covariance = _inverse(-hessian(own, top, k))[:, :p, :p]
        se[part] = np.sqrt(np.maximum(np.einsum("rii->ri", covariance), 0.0))
    if method != "pql" and trials is not None:
        loglik += choose(total, many).sum(axis=1)
    singular = sigma < ZERO
    sigma = np.where(singular, 0.0, sigma)
    converged &= (np.abs(beta) < FAR).all(axis=1) & (sigma < FAR)
    return LogisticFits(method, beta, se, sigma, loglik, singular, converged, design, owner, total)


def _inverse(matrices: FloatArray) -> FloatArray:
    """Invert each; a flat direction gives NaN, which is not a standard error of zero."""
    try:
        return np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    except np.linalg.LinAlgError:
        out = np.full_like(matrices, np.nan)
        for i, one in enumerate(matrices):
            if np.linalg.matrix_rank(one) == one.shape[0]:
                out[i] = np.linalg.inv(one)
        return out
