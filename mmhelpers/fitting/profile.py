r"""Profile likelihood of one fit: the deviance with one parameter held fixed.

The parameters are those that lme4 profiles: standard deviations and correlations of the random effects,
sigma, and the fixed effects, by maximum likelihood whatever the fit was. The signed square root of the
change in deviance (Bates et al. 2015, section 5.1) is compared with normal quantiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import fit_matrices
from mmhelpers.engine.design import make_design
from mmhelpers.engine.prepare import choose_plan, prepare_complete
from mmhelpers.fitting.summary import covariances
from mmhelpers.given import whole
from mmhelpers.results import Fits, Matrices

if TYPE_CHECKING:
    import pandas as pd

    from mmhelpers.fitting.single import Fit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a profile.

    Attributes
    ----------
    name : str
        As ``confint()`` prints it in lme4 with ``oldNames = FALSE``: ``"sd_Days|Subject"``.
    estimate : float
    lower, upper : float
        The parameter space.
    scale : float
        A first guess of its standard error.
    deviance : callable
        Deviance, minimised over everything else, with the parameter at a value.
    """

    name: str
    estimate: float
    lower: float
    upper: float
    scale: float
    deviance: Callable[[float], float]


class VarianceProfile:
    """Deviance as a function of covariance matrices and sigma, and its minima with one of them fixed."""

    def __init__(self, ml: Fits) -> None:
        """Prepare from a fit by maximum likelihood."""
        self.matrices = ml.matrices
        terms = ml.matrices.terms
        self.sizes = [term.k for term in terms]
        design = make_design(
            ml.matrices.X, [t.index for t in terms], [t.z for t in terms], [t.n_levels for t in terms]
        )
        self.design = design
        self.prepared = prepare_complete(design, _response(ml.matrices)[None], choose_plan(design))
        self.B_inv = [np.asarray(np.linalg.inv(B)) for B in design.B]
        self.cov = covariances(ml)
        self.sigma = float(ml.sigma[0])

    def deviance(self, cov: list[Floats], sigma: float) -> float:
        """-2 log likelihood, maximised over beta."""
        G = [(b @ (c / sigma**2) @ b.T)[:, :, None] for b, c in zip(self.B_inv, cov, strict=True)]
        first = self.prepared.system.first(G)
        p, n = self.design.p, self.design.n
        M = first.M[:, :, 0]
        s = M[p, p] - M[p, :p] @ np.linalg.solve(M[:p, :p], M[:p, p])
        rss = float(s) * float(self.prepared.scale[0]) ** 2
        return float(first.log_det[0] + rss / sigma**2 + n * np.log(2 * np.pi * sigma**2))

    def minimum(self, kind: tuple[Any, ...], value: float, start: Floats | None) -> tuple[float, Floats]:
        """Minimise with one parameter at ``value``; also returns the free parameters, to start from."""
        from scipy.optimize import minimize

        free = self._free(kind) if start is None else start

        def f(free: Floats) -> float:
            with np.errstate(all="ignore"):
                cov, sigma = self._unpack(kind, value, free)
                found = self.deviance(cov, sigma)
            return found if np.isfinite(found) else 1e10

        best = minimize(f, free, method="BFGS", options={"gtol": 1e-5})
        if start is not None and f(afresh := self._free(kind)) < best.fun:
            # from a point that was near another value the search can end in a corner: begin again at the fit
            best = min(
                best, minimize(f, afresh, method="BFGS", options={"gtol": 1e-5}), key=lambda found: found.fun
            )
        return float(best.fun), np.asarray(best.x)

    def _order(self, kind: tuple[Any, ...], t: int) -> list[int]:
        """Order of the effects of a term that puts those of the parameter first."""
        first = [i for i in kind[2:] if kind[1] == t] if kind[0] != "sigma" else []
        return first + [i for i in range(self.sizes[t]) if i not in first]

    def _free(self, kind: tuple[Any, ...]) -> Floats:
        parts = []
        for t, cov in enumerate(self.cov):
            order = self._order(kind, t)
            ridge = 1e-3 * max(float(np.trace(cov)), 1e-3 * self.sigma**2)
            L = np.linalg.cholesky(cov[np.ix_(order, order)] + ridge * np.eye(len(cov)))
            rows = [L[i, : i + 1] / self.sigma for i in range(len(L))]
            if kind[0] == "sd" and kind[1] == t:
                rows = rows[1:]
            if kind[0] == "cor" and kind[1] == t:
                rows[1] = np.array([np.hypot(*rows[1])])
            parts += rows
        if kind[0] != "sigma":
            parts.append(np.zeros(1))
        return np.concatenate(parts) if parts else np.zeros(0)

    def _unpack(self, kind: tuple[Any, ...], value: float, free: Floats) -> tuple[list[Floats], float]:
        sigma = value if kind[0] == "sigma" else self.sigma * float(np.exp(np.clip(free[-1], -15, 15)))
        at = 0
        out = []
        for t, k in enumerate(self.sizes):
            L = np.zeros((k, k))
            for i in range(k):
                mine = kind[0] != "sigma" and kind[1] == t
                if mine and kind[0] == "sd" and i == 0:
                    L[0, 0] = value / self.sigma
                elif mine and kind[0] == "cor" and i == 1:
                    # the sign of the first pivot is free, so the correlation needs its own sign
                    sign = 1.0 if L[0, 0] >= 0 else -1.0
                    L[1, :2] = abs(free[at]) * np.array([sign * value, np.sqrt(max(0.0, 1 - value**2))])
                    at += 1
                else:
                    L[i, : i + 1] = free[at : at + i + 1]
                    at += i + 1
            back = np.argsort(self._order(kind, t))
            cov = self.sigma**2 * (L @ L.T)
            out.append(cov[np.ix_(back, back)])
        return out, sigma


def parameters(ml: Fits) -> list[Parameter]:
    """All parameters of a model fitted by maximum likelihood, in lme4's order."""
    engine = VarianceProfile(ml)
    out = []

    def add(
        name: str, kind: tuple[Any, ...], estimate: float, lower: float, upper: float, scale: float
    ) -> None:
        memory: dict[str, Floats | None] = {"start": None}

        def deviance(value: float) -> float:
            found, memory["start"] = engine.minimum(kind, value, memory["start"])
            return found

        out.append(Parameter(name, estimate, lower, upper, scale, deviance))

    for t, term in enumerate(ml.matrices.terms):
        sd = np.sqrt(np.diag(engine.cov[t]))
        for j, column in enumerate(term.columns):
            add(
                f"sd_{column}|{term.group}", ("sd", t, j), float(sd[j]), 0.0, np.inf,
                max(float(sd[j]), 0.1 * engine.sigma) / np.sqrt(2 * term.n_levels),
            )  # fmt: skip
            for i in range(j + 1, term.k):
                product = sd[i] * sd[j]
                cor = float(engine.cov[t][i, j] / product) if product > 0 else 0.0
                scale = 1 / np.sqrt(term.n_levels)
                add(f"cor_{term.columns[i]}.{column}|{term.group}", ("cor", t, j, i), cor, -1.0, 1.0, scale)
    add("sigma", ("sigma",), engine.sigma, 0.0, np.inf, engine.sigma / np.sqrt(2 * ml.matrices.n))
    for j, name in enumerate(ml.matrices.x_names):
        out.append(_fixed(ml, j, name))
    return out


def profile(fit: Fit, *, n_points: int = 15, reach: float = 3.2) -> pd.DataFrame:
    """Profile every parameter of a fit: zeta, the signed square root of the rise in deviance, at many values.

    Parameters
    ----------
    fit : Fit
        From `mmhelpers.fit`; profiled by maximum likelihood, whatever it was fitted by, as in lme4.
    n_points : int
        Values of each parameter.
    reach : float
        How far zeta is followed to either side, unless the parameter space ends before.

    Returns
    -------
    DataFrame
        Columns ``name`` (as in `Fit.confint`), ``value``, ``deviance`` and ``zeta``.

    Raises
    ------
    ValueError
        If there are fewer than 3 points or no reach.

    References
    ----------
    Bates et al. (2015), section 5.1.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> table = mm.profile(mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff")), n_points=9)
    >>> table.groupby("name", sort=False).size().to_dict()
    {'sd_(Intercept)|Batch': 9, 'sigma': 9, '(Intercept)': 9}
    """
    import pandas as pd

    from mmhelpers.fitting.single import Fit

    if not isinstance(fit, Fit):
        raise TypeError(
            f"fit must be a fitted model, as mm.fit(formula, data) gives it, not {type(fit).__name__}"
        )
    whole("n_points", n_points, 3)
    if not isinstance(reach, (int, float, np.number)) or not 0 < reach < np.inf:
        raise ValueError(f"reach must be a number above 0, not {reach!r}")
    ml = fit.with_reml(False).fits
    best = float(ml.criterion[0])
    out = []
    for p in parameters(ml):
        low, high = (_end(p, best, reach, side) for side in (-1, 1))
        # from the estimate outwards, so that every search starts near its end
        below, above = (
            np.linspace(p.estimate, low, n_points // 2 + 1),
            np.linspace(p.estimate, high, n_points - n_points // 2),
        )
        rows = [(v, p.deviance(v)) for v in below] + [(v, p.deviance(v)) for v in above[1:]]
        out += [
            (p.name, v, d, float(np.sign(v - p.estimate) * np.sqrt(max(0.0, d - best))))
            for v, d in sorted(rows)
        ]
    return pd.DataFrame(out, columns=["name", "value", "deviance", "zeta"])


def _fixed(ml: Fits, j: int, name: str) -> Parameter:
    """Hold one coefficient fixed by taking its column, times its value, from the response."""
    matrices = ml.matrices
    keep = [i for i in range(matrices.p) if i != j]
    reduced = replace(
        matrices,
        X=matrices.X[:, keep],
        x_names=tuple(matrices.x_names[i] for i in keep),
        assign=tuple(matrices.assign[i] for i in keep),
        offset=None,
    )
    y = _response(matrices)

    def deviance(value: float) -> float:
        return float(fit_matrices(reduced, y - value * matrices.X[:, j], reml=False).criterion[0])

    return Parameter(name, float(ml.beta[0, j]), -np.inf, np.inf, float(ml.se[0, j]), deviance)


def interval(parameter: Parameter, best: float, level: float) -> tuple[float, float]:
    """Where the signed root of the change in deviance passes the normal quantiles."""
    from scipy.special import ndtri

    bound = float(ndtri(0.5 + level / 2))
    return _end(parameter, best, bound, -1), _end(parameter, best, bound, 1)


def _end(parameter: Parameter, best: float, bound: float, side: int) -> float:
    from scipy.optimize import brentq

    limit = parameter.lower if side < 0 else parameter.upper

    known: dict[float, float] = {parameter.estimate: -bound}

    def excess(value: float) -> float:
        if value not in known:  # the ends of a bracket keep their signs
            known[value] = float(np.sqrt(max(0.0, parameter.deviance(value) - best))) - bound
        return known[value]

    inside, step = parameter.estimate, bound * max(parameter.scale, 1e-8)
    for _ in range(40):
        outside = inside + side * step
        if (outside - limit) * side >= 0:
            if excess(limit) <= 0:
                return limit
            outside = limit
        if excess(outside) > 0:
            return float(
                brentq(excess, inside, outside, xtol=1e-6 * max(abs(outside), parameter.scale), rtol=1e-9)
            )
        inside, step = outside, 1.5 * step
    return float("nan")


def _response(matrices: Matrices) -> Floats:
    if matrices.y is None:
        raise ValueError("these matrices have no response: build them with response=True")
    return matrices.y if matrices.offset is None else matrices.y - matrices.offset
