"""Draw responses: many at once from one generator, or each from a seed of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from numpy.typing import NDArray

from mmhelpers.design import Design
from mmhelpers.given import room
from mmhelpers.results import Matrices
from mmhelpers.simulation.covariance import TruthError
from mmhelpers.simulation.families import Gaussian
from mmhelpers.simulation.prepare import prepare
from mmhelpers.simulation.residual import autoregress, correlations
from mmhelpers.simulation.streams import child, children
from mmhelpers.simulation.truth import Bound, Truth

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
CHUNK = 2**17  # numbers drawn at a time (1 MB): stays in the cache, and bounds memory beside the result


@overload
def simulate(
    design: Design | pd.DataFrame | Matrices,
    truth: Truth,
    n_rep: int = ...,
    *,
    rng: np.random.Generator | None = ...,
    seed: int | None = ...,
    start: int = ...,
    effects: Literal[False] = ...,
) -> Floats: ...
@overload
def simulate(
    design: Design | pd.DataFrame | Matrices,
    truth: Truth,
    n_rep: int = ...,
    *,
    rng: np.random.Generator | None = ...,
    seed: int | None = ...,
    start: int = ...,
    effects: Literal[True],
) -> tuple[Floats, dict[str, Floats]]: ...
def simulate(
    design: Design | pd.DataFrame | Matrices,
    truth: Truth,
    n_rep: int = 1,
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    start: int = 0,
    effects: bool = False,
) -> Floats | tuple[Floats, dict[str, Floats]]:
    """Simulate responses from a design and a truth.

    Parameters
    ----------
    design : Design, DataFrame or Matrices
        The rows to simulate for; missing values are refused. Matrices must be of the truth's formula.
    truth : Truth
        With the formula that generates the data.
    n_rep : int
        Number of data sets.
    rng : numpy.random.Generator
        Draw all replicates from this generator: the fast way.
    seed : int
        Or give each replicate a generator of its own: replicate i draws from
        ``SeedSequence(seed, spawn_key=(i,))``, so that any of them can be drawn again alone.
    start : int
        With `seed`: number of the first replicate. ``simulate(design, truth, 1, seed=7, start=41)`` is
        row 41 of ``simulate(design, truth, 1000, seed=7)``.
    effects : bool
        Return the random effects that were drawn, too.

    Returns
    -------
    Y : ndarray, shape (n_rep, n)
    effects : dict of ndarray, shape (n_rep, levels, k), if asked for
        By label of the term (``"day | subject"``), levels and effects as in `Matrices.terms`.

    Raises
    ------
    ValueError
        If the truth does not fit the design, or neither or both of `rng` and `seed` are given.

    Notes
    -----
    Y = X beta + o + Z b + e, b = sigma Lambda u, u ~ N(0, I) (lme4 paper, equations 2 to 4); for other
    families the first three terms are the linear predictor. For a gaussian response the first m
    replicates are the same whatever `n_rep`.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> design = mm.cross(bag=6, oyster=10)
    >>> truth = mm.Truth("length ~ 1 + (1 | bag)", beta={"(Intercept)": 30}, sd={"bag": 4}, sigma=2)
    >>> Y = mm.simulate(design, truth, n_rep=500, rng=np.random.default_rng(1))
    >>> Y.shape
    (500, 60)
    >>> one = mm.simulate(design, truth, seed=7, start=41)
    >>> bool((one[0] == mm.simulate(design, truth, 100, seed=7)[41]).all())
    True
    """
    if isinstance(design, Design) and design.fresh:
        names = ", ".join(recipe[0] for recipe in design.fresh)
        raise ValueError(
            f"{names} is to be drawn anew for each data set, so the data sets have no X in common: "
            "take mm.replicates(design, truth, n_rep, seed=...)"
        )
    matrices, bound, _ = prepare(design, truth)
    _check_run(n_rep, rng, seed, start)
    Y, drawn = draw(matrices, bound, n_rep, rng=rng, seed=seed, start=start, effects=effects)
    if not effects:
        return Y
    return Y, {term.label: store for term, store in zip(matrices.terms, drawn, strict=True)}


def draw(
    matrices: Matrices,
    bound: Bound,
    n_rep: int,
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    start: int = 0,
    effects: bool = False,
) -> tuple[Floats, list[Floats]]:
    """Draw responses for matrices and a truth that were brought together before (`prepare`).

    Parameters
    ----------
    matrices : Matrices
    bound : Bound
    n_rep, rng, seed, start
        As in `simulate`.
    effects : bool
        Keep the random effects.

    Returns
    -------
    Y : ndarray, shape (n_rep, n)
    effects : list of ndarray, shape (n_rep, levels, k)
        A term each; empty unless asked for.
    """
    room("n_rep", n_rep, matrices.n)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(matrices.X @ bound.beta).all():
            raise TruthError("beta: the means that it gives are too large for a computer; make it smaller")
    Y = np.empty((n_rep, matrices.n))
    drawn = [np.empty((n_rep, term.n_levels, term.k)) for term in matrices.terms] if effects else []
    gaussian = isinstance(bound.family, Gaussian)
    width = matrices.q + (matrices.n if gaussian else 0)
    chunk = max(1, CHUNK // max(1, width + matrices.n))
    for first in range(0, n_rep, chunk):
        rows = slice(first, min(first + chunk, n_rep))
        size = rows.stop - first
        sources: list[np.random.Generator] = []
        if rng is not None:
            noise, sources = rng.standard_normal((size, width)), [rng]
        else:
            noise = np.empty((size, width))
            at = int(seed or 0), start + first
            if not gaussian:  # these draw more, once their means are known
                sources = [child(at[0], at[1] + i) for i in range(size)]
            for row, source in zip(noise, sources or children(*at, size), strict=True):
                source.standard_normal(out=row)
        eta, b = _linear_predictor(noise[:, : matrices.q], matrices, bound)
        Y[rows] = _gaussian(eta, noise[:, matrices.q :], bound) if gaussian else _counts(eta, sources, bound)
        for store, block in zip(drawn, b, strict=effects):
            store[rows] = block
    return Y, drawn


def simulate_data(
    design: Design | pd.DataFrame,
    truth: Truth,
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    r"""Simulate one data set as a data frame: the design's columns and the response.

    Parameters
    ----------
    design : Design or DataFrame
    truth : Truth
    rng : numpy.random.Generator
        Or `seed`, as in `simulate`.
    seed : int
        The data are those of the first of `replicates`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("length ~ 1 + (1 | bag)", beta={"(Intercept)": 30}, sd={"bag": 4}, sigma=2)
    >>> mm.simulate_data(mm.cross(bag=2, oyster=2), truth, seed=1).columns.tolist()
    ['bag', 'oyster', 'length']
    """
    _check_run(1, rng, seed, 0)
    return _data_set(design, truth, rng if rng is not None else child(int(seed or 0), 0))


def replicates(
    design: Design | pd.DataFrame, truth: Truth, n_rep: int, *, seed: int, start: int = 0
) -> Iterator[pd.DataFrame]:
    """Yield data sets one by one, fresh covariates drawn anew in each.

    Parameters
    ----------
    design : Design or DataFrame
    truth : Truth
    n_rep : int
        Number of data sets.
    seed, start : int
        Replicate i draws from ``SeedSequence(seed, spawn_key=(i,))``, first its covariates, then its
        response; the first is number `start`.

    Yields
    ------
    DataFrame

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> design = mm.cross(subject=20, trial=5).covariate(
    ...     "subject", age=("normal", 40, 10), rng=np.random.default_rng(1), fresh=True
    ... )
    >>> truth = mm.Truth("y ~ age + (1 | subject)", beta=[0, 0.1], sd={"subject": 1}, sigma=1)
    >>> ages = [data.age.mean() for data in mm.replicates(design, truth, 3, seed=1)]
    >>> len(set(ages))
    3
    """
    _check_run(n_rep, None, seed, start)
    for i in range(start, start + n_rep):
        yield _data_set(design, truth, child(seed, i))


def marginal_moments(design: Design | pd.DataFrame | Matrices, truth: Truth) -> tuple[Floats, Floats]:
    """Return the mean and covariance matrix that a gaussian truth gives to a response.

    Parameters
    ----------
    design : Design, DataFrame or Matrices
    truth : Truth
        Of the gaussian family.

    Returns
    -------
    mean : ndarray, shape (n,)
        X beta + o.
    V : ndarray, shape (n, n)
        sigma^2 Z Lambda Lambda' Z' + S R S, with S the residual standard deviations and R their
        correlations (sigma^2 I where neither `variance` nor `correlation` is given).

    Examples
    --------
    >>> import mmhelpers as mm
    >>> truth = mm.Truth("y ~ 1 + (1 | bag)", beta={"(Intercept)": 30}, sd={"bag": 4}, sigma=2)
    >>> _, V = mm.marginal_moments(mm.cross(bag=2, oyster=2), truth)
    >>> V.round(12)
    array([[20., 16.,  0.,  0.],
           [16., 20.,  0.,  0.],
           [ 0.,  0., 20., 16.],
           [ 0.,  0., 16., 20.]])
    """
    matrices, bound, _ = prepare(design, truth)
    if not isinstance(bound.family, Gaussian):
        raise TruthError("the marginal moments have a closed form for the gaussian family only")
    mean = matrices.X @ bound.beta + (0.0 if matrices.offset is None else matrices.offset)
    ZL = matrices.Z() @ matrices.Lambda(bound.theta(matrices.terms))
    scale = bound.residual_scale(matrices.n)
    R = np.eye(matrices.n) if bound.order is None else correlations(*bound.order)
    V = bound.sigma**2 * (ZL @ ZL.T).toarray() + scale[:, None] * R * scale
    return np.asarray(mean), np.asarray(V)


def _linear_predictor(u: Floats, matrices: Matrices, bound: Bound) -> tuple[Floats, list[Floats]]:
    """Return X beta + o + Z b for each row of spherical effects u, and b by term."""
    eta = np.broadcast_to(matrices.X @ bound.beta, (len(u), matrices.n)).copy()
    if matrices.offset is not None:
        eta += matrices.offset
    effects, done = [], 0
    for term, factor in zip(matrices.terms, bound.factors, strict=True):
        b = u[:, done : done + term.q].reshape(len(u), term.n_levels, term.k) @ factor.T
        done += term.q
        for j in range(term.k):
            contribution = b[:, term.index, j]
            if not (term.z[:, j] == 1).all():
                contribution *= term.z[:, j]
            eta += contribution
        effects.append(b)
    return eta, effects


def _gaussian(eta: Floats, noise: Floats, bound: Bound) -> Floats:
    e = noise if bound.order is None else autoregress(noise, *bound.order)
    e *= bound.sigma
    if bound.multiplier is not None:
        e *= bound.multiplier
    eta += e
    return eta


def _counts(eta: Floats, sources: list[np.random.Generator], bound: Bound) -> Floats:
    mu = bound.family.linkinv(eta)
    largest = float(np.max(mu, initial=0.0))
    if not largest < 1e9:
        raise TruthError(
            f"a mean of {largest:.3g} came up on the response scale: beta or the standard deviations are too "
            "large for the link (they are on the log scale for counts)"
        )
    if len(sources) == 1:
        return bound.family.sample(sources[0], mu)
    return np.stack([bound.family.sample(source, row) for source, row in zip(sources, mu, strict=True)])


def _data_set(design: Design | pd.DataFrame, truth: Truth, rng: np.random.Generator) -> pd.DataFrame:
    if isinstance(design, Matrices):
        raise TypeError("design must be a Design or a DataFrame here: matrices have no columns to return")
    if isinstance(design, Design) and design.fresh:
        design = design.redraw(rng)
    frame = design.data if isinstance(design, Design) else design
    Y = simulate(frame, truth, 1, rng=rng)
    name = truth.formula.split("~")[0].strip()
    if not name.isidentifier():
        raise TruthError(f"the response of {truth.formula!r} must be a plain name to become a column")
    if isinstance(design, Design) and name in frame.columns:
        raise TruthError(
            f"the response {name!r} of {truth.formula!r} is a column of the design, which would be lost: rename one"
        )
    return frame.assign(**{name: Y[0]})


def _check_run(n_rep: int, rng: np.random.Generator | None, seed: int | None, start: int) -> None:
    if not isinstance(n_rep, (int, np.integer)) or isinstance(n_rep, bool) or n_rep < 1:
        raise ValueError(f"n_rep must be a whole number of at least 1, not {n_rep!r}")
    if (rng is None) == (seed is None):
        raise ValueError("give either rng=np.random.default_rng(...) or seed=<a whole number>")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, np.random.default_rng({rng!r}), not {type(rng).__name__}"
        )
    for name, value in (("seed", seed), ("start", start)):
        if value is not None and (
            not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0
        ):
            raise ValueError(f"{name} must be a whole number, 0 or above, not {value!r}")
    if rng is not None and start:
        raise ValueError("start goes with seed: replicates from one generator cannot be drawn alone")
