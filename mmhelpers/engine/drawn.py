"""Fit models to statistics that were drawn (see ``draws``) instead of to data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import distinct, pooled
from mmhelpers.engine.batch import fit_prepared
from mmhelpers.engine.criterion import System
from mmhelpers.engine.design import Design, design_of
from mmhelpers.engine.draws import Common, Draw, draw, find_common
from mmhelpers.engine.ordinary import fit_sums
from mmhelpers.engine.prepare import Prepared, choose_plan
from mmhelpers.engine.start import Start, make_start
from mmhelpers.results import Fits, Matrices

if TYPE_CHECKING:
    from mmhelpers.simulation.truth import Bound

Floats = NDArray[np.float64]

# Data sets that are drawn together.
CHUNK = 4096
ARRAYS: tuple[str, ...] = (
    "theta",
    "beta",
    "sigma",
    "criterion",
    "vcov",
    "singular",
    "converged",
    "gradient_max",
)
ARRAYS += ("hessian", "vcov_varpar", "vcov_jacobian")


@dataclass(frozen=True, eq=False)
class Fitted:
    """One model that is to be fitted, and where its columns are among the common ones.

    Attributes
    ----------
    matrices : Matrices
    design : Design, or None
        None for a model without random effects.
    plan : Plan, or None
    start : Start, or None
    to_q : ndarray, shape (P, p)
        From the common columns of X to the orthonormal ones of this model.
    to_z : tuple of ndarray, shape (K, k)
        From the common columns of Z to the whitened ones of each term.
    """

    matrices: Matrices
    design: Design | None
    plan: pooled.Plan | None
    start: Start | None
    to_q: Floats
    to_z: tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """Draws data sets of one truth for one or more models, as their sufficient statistics.

    Made by `prepare_draws`; `fit` gives one `Fits` a model.

    Attributes
    ----------
    common : Common
    models : tuple of Fitted
    beta : ndarray, shape (P,)
        Fixed effects of the truth, of the common columns.
    covariance : ndarray, shape (K, K)
        Covariance matrix of a group's effects, of the common columns.
    sigma : float
        Residual standard deviation.
    """

    common: Common
    models: tuple[Fitted, ...]
    beta: Floats
    covariance: Floats
    sigma: float

    def fit(self, n_rep: int, rng: np.random.Generator, reml: bool = True) -> list[Fits]:
        """Draw ``n_rep`` data sets and fit every model to each of them.

        Parameters
        ----------
        n_rep : int
        rng : numpy.random.Generator
        reml : bool

        Returns
        -------
        list of Fits
            One a model, in order; they carry no conditional modes, as there are no data.
        """
        if n_rep < 1:
            raise ValueError(f"n_rep must be at least 1, not {n_rep}")
        arrays: list[dict[str, Any]] = [{} for _ in self.models]
        messages: list[list[str]] = [[] for _ in self.models]
        for at in range(0, n_rep, CHUNK):
            drawn = draw(self.common, self.covariance, self.sigma, min(CHUNK, n_rep - at), rng)
            for model, whole, said in zip(self.models, arrays, messages, strict=True):
                part = _fit(model, self, drawn, reml)
                said += part.message
                for name in ARRAYS:
                    value = getattr(part, name)
                    if name not in whole:
                        whole[name] = np.empty((n_rep, *value.shape[1:]), dtype=value.dtype)
                    whole[name][at : at + part.n_rep] = value
        return [
            Fits(matrices=model.matrices, reml=reml, message=tuple(said), **whole)
            for model, whole, said in zip(self.models, arrays, messages, strict=True)
        ]


def prepare_draws(models: Sequence[Matrices], generating: Matrices, truth: Bound) -> Source:
    """Get ready to draw sufficient statistics instead of data: the same law, at a fraction of the cost.

    For one grouping factor and a normal response. The cost of a data set does not depend on the numbers of
    groups and observations where groups have few patterns of ``Z_i'Z_i``, and grows with the number of patterns
    otherwise.

    Parameters
    ----------
    models : sequence of Matrices
        The models that are to be fitted; what they leave out of the truth (a random slope, say) has
        its effect. A model without random effects is fitted by least squares.
    generating : Matrices
        Of the truth, on the same rows.
    truth : Bound
        ``Truth.bind(generating)``.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        If the truth is not normal with one variance and independent residuals, there is more than one
        grouping factor, or an offset: data must be drawn then.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=18, day=range(10)).data
    >>> truth = mm.Truth("y ~ day + (day | subject)", beta=[250, 10], sd={"subject": {"(Intercept)": 25, "day": 6}}, sigma=25)
    >>> generating = mm.build_matrices(truth.formula, data, response=False)
    >>> slopeless = mm.build_matrices("y ~ day + (1 | subject)", data, response=False)
    >>> source = prepare_draws([slopeless, generating], generating, truth.bind(generating))
    >>> fits = source.fit(1000, np.random.default_rng(1))
    >>> [fit.beta.shape for fit in fits]
    [(1000, 2), (1000, 2)]
    """
    from mmhelpers.simulation.families import Gaussian

    if not isinstance(truth.family, Gaussian) or truth.multiplier is not None or truth.order is not None:
        raise ValueError(
            "statistics can be drawn for a normal response with one variance and independent residuals only: "
            "draw data (mmhelpers.simulate)"
        )
    everything = [generating, *models]
    designs = [design_of(matrices) if matrices.terms else None for matrices in models]
    plans = [None if design is None else choose_plan(design) for design in designs]
    labels = []
    for matrices, plan in zip(models, plans, strict=True):
        if matrices.terms and plan is None:
            raise ValueError(f"statistics cannot be drawn for {matrices.formula!r}: draw data")
        if plan is not None:
            labels.append(_block_of_level(plan, matrices))
    common = find_common(everything, labels)
    P, K = len(common.x_scale), len(common.z_scale)
    beta = np.zeros(P)
    beta[common.x_columns[0]] = truth.beta
    beta *= common.x_scale
    covariance, at = np.zeros((K, K)), 0
    for block in truth.covariances:
        where = common.z_columns[0][at : at + len(block)]
        covariance[np.ix_(where, where)] += block
        at += len(block)
    covariance *= common.z_scale[:, None] * common.z_scale
    fitted = []
    for i, (matrices, design, plan) in enumerate(zip(models, designs, plans, strict=True), start=1):
        R_inv = np.linalg.inv(np.linalg.qr(matrices.X, mode="r")) if design is None else design.R_inv
        to_q = np.zeros((P, matrices.p))
        to_q[common.x_columns[i]] = common.x_scale[common.x_columns[i], None] * R_inv
        to_z, at = [], 0
        for t, term in enumerate(matrices.terms):
            where = common.z_columns[i][at : at + term.k]
            part = np.zeros((K, term.k))
            assert design is not None
            part[where] = common.z_scale[where, None] * design.B[t]
            to_z.append(part)
            at += term.k
        start = None if design is None else make_start(design)
        fitted.append(Fitted(matrices, design, plan, start, to_q, tuple(to_z)))
    return Source(common, tuple(fitted), beta, covariance, truth.sigma)


def _vectors_of(
    plan: pooled.Plan, block: Any, matrices: Matrices
) -> tuple[NDArray[np.intp], list[tuple[int, int]]]:
    """Levels (m,) of the vectors of a block, and (term, effect) of their elements."""
    starts = np.cumsum([0, *(term.q for term in matrices.terms)])
    rows = np.concatenate([source.rows for source in block.sources])
    columns = rows if plan.reduce is None else plan.reduce.tocsr().indices[rows]
    terms = np.searchsorted(starts, columns[0], side="right") - 1
    k = np.array([term.k for term in matrices.terms])[terms]
    local = columns - starts[terms]
    return (local // k)[:, 0], list(zip(terms.tolist(), (local % k)[0].tolist(), strict=True))


def _block_of_level(plan: pooled.Plan, matrices: Matrices) -> NDArray[np.intp]:
    """Number of the block that each level is in, the last one where there are several."""
    out = np.zeros(matrices.terms[0].n_levels, dtype=np.intp)
    number = 0
    for stack in plan.stacks:
        for gather in stack.gathers:
            out[_vectors_of(plan, gather.block, matrices)[0]] = number
            number += 1
    return out


def _fit(model: Fitted, source: Source, drawn: Draw, reml: bool) -> Fits:
    """Statistics of one model, in the order of `pooled`, and its fits."""
    common, Q = source.common, model.to_q
    # what the fixed effects explain of the truth's is exact; only the rest goes through the sums
    parts = [pattern.c @ Q for pattern in common.patterns]  # (rho, r, p)
    within = common.W @ Q
    exact = within.T @ (common.W @ source.beta)
    for pattern, part in zip(common.patterns, parts, strict=True):
        exact = exact + np.einsum("orp,or->p", part, pattern.c @ source.beta)
    left = source.beta - Q @ exact
    o = [w + (pattern.c @ left)[:, :, None] for pattern, w in zip(common.patterns, drawn.o, strict=True)]
    v = drawn.v + (common.W @ left)[:, None]
    change = within.T @ v
    for part, vectors in zip(parts, o, strict=True):
        change = change + np.einsum("orp,orR->pR", part, vectors)
    o = [vectors - np.einsum("orp,pR->orR", part, change) for part, vectors in zip(parts, o, strict=True)]
    v = v - within @ change
    SSP = [S + np.einsum("oiR,ojR->ijR", vectors, vectors) for S, vectors in zip(drawn.S, o, strict=True)]
    rr = drawn.rss + np.einsum("wR,wR->R", v, v) + sum(np.einsum("iiR->R", part) for part in SSP)
    coef = exact[:, None] + change
    if model.design is None or model.plan is None:
        beta = coef.T @ np.linalg.inv(np.linalg.qr(model.matrices.X, mode="r")).T
        return fit_sums(model.matrices, beta, rr, reml)
    scale = np.sqrt(rr / common.n)
    system = _statistics(model, source, [w / scale for w in o], [part / scale**2 for part in SSP])
    moments = _moments(model, source, [part / scale**2 for part in SSP])
    design = model.design
    prepared = Prepared(system, coef, scale, design.R_inv[None], np.array([design.log_det_XX]), moments)
    assert model.start is not None
    return fit_prepared(model.matrices, model.start, prepared, reml)


def _statistics(model: Fitted, source: Source, o: list[Floats], SSP: list[Floats]) -> System:
    plan, patterns = model.plan, source.common.patterns
    assert plan is not None
    R = o[0].shape[2]
    all_gr, all_SSP = [], []
    for stack in plan.stacks:
        _, size, B = stack.F.shape
        gr = np.zeros((size, stack.gx.shape[1], B, R))
        total = np.zeros((size, size, B, R))
        for b, gather in enumerate(stack.gathers):
            levels, effects = _vectors_of(plan, gather.block, model.matrices)
            E = np.column_stack([model.to_z[t][:, a] for t, a in effects])
            U = np.concatenate(gather.U)
            place = {level: i for i, level in enumerate(levels.tolist())}
            for pattern, vectors, part in zip(patterns, o, SSP, strict=True):
                if int(pattern.groups[0]) not in place:
                    continue
                rows = [place[level] for level in pattern.groups.tolist()]
                J = gather.F_inv @ E.T @ pattern.T.T
                turn = U[rows].T @ pattern.V
                gr[:, : U.shape[1], b] += np.einsum("ij,xo,ojR->ixR", J, turn, vectors, optimize=True)
                total[:, :, b] += np.einsum("ia,abR,jb->ijR", J, part, J, optimize=True)
        all_gr.append(gr)
        all_SSP.append(total)
    n = np.full(R, float(source.common.n))
    together = pooled.assemble(plan, all_gr, all_SSP, n)
    return distinct.from_pooled(together) if distinct.applies(plan) else together


def _moments(model: Fitted, source: Source, SSP: list[Floats]) -> Floats:
    """Sums over levels of Z'r r'Z, a term, and r'r: see `Start`."""
    out = []
    for to_z in model.to_z:
        total: Any = 0.0
        for pattern, part in zip(source.common.patterns, SSP, strict=True):
            J = (pattern.T @ to_z).T
            total = total + np.einsum("ia,abR,jb->ijR", J, part, J, optimize=True)
        out.append(total.reshape(-1, total.shape[2]))
    return np.concatenate([*out, np.full((1, SSP[0].shape[2]), float(source.common.n))])
