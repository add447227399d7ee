"""The posterior of a gaussian random-intercept model by integration: no draws, no chains.

Everything that samplers approximate is known here to several digits, for this one model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mmhelpers.evidence.integrate import GridModel, Inside, Nodes
from mmhelpers.evidence.prior import GridPrior
from mmhelpers.model import build_matrices

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]

CHUNK = 200  # responses integrated at once


@dataclass(frozen=True)
class GridPosterior(GridModel):
    """Posterior of a gaussian random-intercept model; made by `grid_posterior`.

    Attributes
    ----------
    y : ndarray of shape (n,)
        Response.
    X : ndarray of shape (n, p)
        Fixed-effects design.
    x_names : tuple of str
        Names of its columns.
    group : ndarray of int of shape (n,)
        Group of each row.
    levels : tuple of str
        Names of the groups.
    prior : GridPrior
        Its priors.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> prior = mm.GridPrior({"(Intercept)": (1500, 200)}, group_sd=100, sigma=100)
    >>> post = mm.grid_posterior("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"), prior)
    >>> round(post.log_evidence, 1), post.leave_out("group")["n"].tolist()
    (-169.2, [5, 5, 5, 5, 5, 5])
    """

    @cached_property
    def _own(self) -> tuple[Nodes, Inside, Float]:
        """Nodes, what is known at each, and the posterior weights (G,) of the nodes."""
        nodes = self._nodes(self.y[:, None])
        inside = self._inside(self._sums(self.y[:, None]), nodes.tau, nodes.sigma)
        log_w = nodes.log_weight + inside.log_marginal[:, 0]
        return nodes, inside, np.asarray(np.exp(log_w - special.logsumexp(log_w)))

    # --- what it says ------------------------------------------------------------------------------------------

    @cached_property
    def log_evidence(self) -> float:
        """Log marginal likelihood, log p(y)."""
        return float(self._evidence(self.y[:, None], self._own[0])[0])

    def evidence_of(self, Y: ArrayLike) -> Float:
        """Log marginal likelihood of many responses on this design, shape (R, n) to (R,)."""
        many = self._many(Y)
        nodes = self._nodes(many.T)
        parts = [self._evidence(many[i : i + CHUNK].T, nodes) for i in range(0, len(many), CHUNK)]
        return np.concatenate(parts)

    def _many(self, Y: ArrayLike) -> Float:
        many = np.asarray(Y, dtype=float)
        if many.ndim != 2 or many.shape[1] != len(self.y) or not np.isfinite(many).all():
            raise ValueError(
                f"Y must be finite, of shape (responses, {len(self.y)}); it is of shape {many.shape}"
            )
        return many

    def density(self, name: str, at: ArrayLike) -> Any:
        """Posterior density of a coefficient: a mixture of the normal densities of all nodes."""
        j = self._column(name)
        _, inside, weight = self._own
        centre = self._mean_sd[0][j] + inside.mean[:, j, 0]
        sd = np.sqrt(inside.cov[:, j, j])
        x = np.asarray(at, dtype=float)
        z = (x[..., None] - centre) / sd
        value = (weight * np.exp(-0.5 * z**2) / (sd * np.sqrt(2 * np.pi))).sum(axis=-1)
        return float(value) if x.ndim == 0 else value

    def prior_density(self, name: str, at: ArrayLike) -> Any:
        """Prior density of a coefficient."""
        j = self._column(name)
        mean, sd = self._mean_sd[0][j], self._mean_sd[1][j]
        x = np.asarray(at, dtype=float)
        value = np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        return float(value) if x.ndim == 0 else value

    def table(self) -> pd.DataFrame:
        """Posterior mean and standard deviation of the coefficients, of tau and of sigma."""
        import pandas as pd

        nodes, inside, weight = self._own
        mean = weight @ inside.mean[:, :, 0]
        spread = inside.mean[:, :, 0] - mean
        var = weight @ (np.diagonal(inside.cov, axis1=1, axis2=2) + spread**2)
        rows = {
            n: (m + p, np.sqrt(v))
            for n, m, p, v in zip(self.x_names, self._mean_sd[0], mean, var, strict=True)
        }
        for name, value in (("tau", nodes.tau), ("sigma", nodes.sigma)):
            m = weight @ value
            rows[name] = (m, np.sqrt(weight @ (value - m) ** 2))
        return pd.DataFrame(rows, index=["mean", "sd"]).T

    def leave_out(self, unit: str = "group") -> pd.DataFrame:
        """Leave out each group, or each row, and predict it from the others, without approximation.

        Parameters
        ----------
        unit : {"group", "row"}
            What is left out at a time.

        Returns
        -------
        pandas.DataFrame
            One row a unit: ``unit`` (the group's name, or the row's number), ``n`` rows in it, and ``lpd``,
            log p(its rows | all others), a joint density where there are several rows.
        """
        import pandas as pd

        if unit not in {"group", "row"}:
            raise ValueError(f"unit must be 'group' or 'row', not {unit!r}")
        labels = self.group if unit == "group" else np.arange(len(self.y))
        names = self.levels if unit == "group" else tuple(range(len(self.y)))
        lpd = self.leave_out_of(self.y[None, :], unit)[0]
        count = np.bincount(labels)
        return pd.DataFrame({"unit": names, "n": count, "lpd": lpd})

    def leave_out_of(self, Y: ArrayLike, unit: str = "group") -> Float:
        """Do what `leave_out` does for many responses on this design, shape (R, n) to (R, units)."""
        if unit not in {"group", "row"}:
            raise ValueError(f"unit must be 'group' or 'row', not {unit!r}")
        many = self._many(Y)
        labels = self.group if unit == "group" else np.arange(len(self.y))
        out = []
        for i in range(0, len(many), CHUNK):
            part = many[i : i + CHUNK].T
            nodes = self._nodes(part)
            whole = self._evidence(part, nodes)
            without = [self._evidence(part, nodes, labels != k) for k in range(int(labels.max()) + 1)]
            out.append((whole - np.array(without)).T)
        return np.concatenate(out)

    # --- for draws ---------------------------------------------------------------------------------------------

    def log_density(self, u: ArrayLike) -> Float:
        """Log of p(y | u) p(u) with u = (coefficients, log tau, log sigma), shape (S, p + 2) to (S,).

        All constants are in it, and the Jacobian of the logarithms; the groups' effects are integrated out. It is what
        `bridge_sampling` asks for.
        """
        v = self._parameters(u)
        p = self.X.shape[1]
        mean, sd = self._mean_sd
        beta = v[:, :p]
        prior = (-0.5 * ((beta - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)).sum(axis=1)
        tau, sigma = np.exp(v[:, p]), np.exp(v[:, p + 1])
        likelihood = self.group_log_lik(v).sum(axis=1)
        return np.asarray(likelihood + prior + self._log_prior_sd(tau, sigma) + v[:, p] + v[:, p + 1])

    def group_log_lik(self, u: ArrayLike) -> Float:
        """Log p(rows of a group | u) with the group's effect integrated out, shape (S, p + 2) to (S, J)."""
        v = self._parameters(u)
        p = self.X.shape[1]
        t2, s2 = np.exp(2 * v[:, p])[:, None], np.exp(2 * v[:, p + 1])[:, None]
        rest = self.y - v[:, :p] @ self.X.T  # (S, n)
        Z = np.zeros((len(self.y), len(self.levels)))
        Z[np.arange(len(self.y)), self.group] = 1
        count = Z.sum(axis=0)
        total, squares = rest @ Z, rest**2 @ Z
        quadratic = (squares - t2 / (s2 + count * t2) * total**2) / s2
        log_det = (count - 1) * np.log(s2) + np.log(s2 + count * t2)
        return np.asarray(-0.5 * (count * np.log(2 * np.pi) + log_det + quadratic))

    def row_log_lik(self, u: ArrayLike, effects: ArrayLike) -> Float:
        """Log p(row | u, effects of the groups), shapes (S, p + 2) and (S, J) to (S, n)."""
        v, b = self._parameters(u), np.asarray(effects, dtype=float)
        p = self.X.shape[1]
        if b.shape != (len(v), len(self.levels)):
            raise ValueError(f"effects must be of shape {(len(v), len(self.levels))}; they are {b.shape}")
        s = np.exp(v[:, p + 1])[:, None]
        rest = self.y - v[:, :p] @ self.X.T - b[:, self.group]
        return np.asarray(-0.5 * np.log(2 * np.pi) - np.log(s) - 0.5 * (rest / s) ** 2)

    def _parameters(self, u: ArrayLike) -> Float:
        v = np.asarray(u, dtype=float)
        want = self.X.shape[1] + 2
        if v.ndim != 2 or v.shape[1] != want:
            raise ValueError(
                f"u must be of shape (draws, {want}): coefficients, log tau, log sigma; it is {v.shape}"
            )
        return v

    def draws(self, n: int, rng: np.random.Generator, *, cells: int = 200) -> Float:
        """Draw n independent values of u = (coefficients, log tau, log sigma), shape (n, p + 2).

        The two standard deviations come from a fine grid of `cells` by `cells` with uniform draws inside a cell, the
        coefficients from their normal posterior given both.
        """
        nodes, _, weight = self._own
        t_low, t_high = _reach(nodes.tau, weight)
        s_low, s_high = _reach(np.log(nodes.sigma), weight)
        if t_low < 0.2 * t_high:
            t_low = 0.0
        t_step, s_step = (t_high - t_low) / cells, (s_high - s_low) / cells
        t = t_low + (np.arange(cells) + 0.5) * t_step
        log_s = s_low + (np.arange(cells) + 0.5) * s_step
        tau, sigma = (g.ravel() for g in np.meshgrid(t, np.exp(log_s), indexing="ij"))
        sums = self._sums(self.y[:, None])
        log_p = self._inside(sums, tau, sigma).log_marginal[:, 0] + self._log_prior_sd(tau, sigma)
        log_p += np.log(sigma)  # the cells are of equal size in log sigma
        share = np.exp(log_p - special.logsumexp(log_p))
        chosen = np.asarray(rng.choice(len(tau), n, p=share), dtype=np.intp)
        drawn_t = tau[chosen] + (rng.random(n) - 0.5) * t_step
        drawn_s = np.exp(np.log(sigma[chosen]) + (rng.random(n) - 0.5) * s_step)
        inside = self._inside(sums, drawn_t, drawn_s)
        factor = np.linalg.cholesky(inside.cov)
        z = rng.standard_normal((n, self.X.shape[1], 1))
        beta = self._mean_sd[0] + inside.mean[:, :, 0] + (factor @ z)[:, :, 0]
        return np.column_stack([beta, np.log(drawn_t), np.log(drawn_s)])


def _reach(value: Float, weight: Float) -> tuple[float, float]:
    """Values between which all but 2e-8 of the weight lies."""
    order = np.argsort(value)
    total = np.cumsum(weight[order])
    ends = np.searchsorted(total, [1e-8, 1 - 1e-8]).clip(max=len(order) - 1)
    low, high = value[order][ends]
    return float(low), float(high)


def grid_posterior(formula: str, data: pd.DataFrame, prior: GridPrior) -> GridPosterior:
    """Integrate the posterior of a gaussian model with one random intercept.

    Parameters
    ----------
    formula : str
        As in lme4, with one term ``(1 | group)``.
    data : pandas.DataFrame
        One row an observation.
    prior : GridPrior
        A prior for each coefficient and for both standard deviations.

    Returns
    -------
    GridPosterior
        With the log evidence, densities of coefficients, exact leave-one-out predictions, draws.

    Raises
    ------
    ValueError
        If the random effects are anything but one random intercept, there is an offset, or the priors are not of the
        model's coefficients.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> prior = mm.GridPrior({"(Intercept)": (1500, 200)}, group_sd=100, sigma=100)
    >>> post = mm.grid_posterior("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"), prior)
    >>> post.table().round(0)["mean"].to_dict()
    {'(Intercept)': 1527.0, 'tau': 51.0, 'sigma': 53.0}
    """
    if not isinstance(prior, GridPrior):
        raise TypeError(f"prior must be a mm.GridPrior, not {type(prior).__name__}")
    matrices = build_matrices(formula, data)
    terms = matrices.terms
    if matrices.y is None or len(terms) != 1 or terms[0].columns != ("(Intercept)",):
        raise ValueError(
            f"formula must have a response and one random intercept, such as (1 | group); {formula!r} has not"
        )
    if matrices.offset is not None and np.any(matrices.offset):
        raise ValueError("formula must have no offset here: subtract it from the response")
    missing = [name for name in matrices.x_names if name not in prior.beta]
    extra = [name for name in prior.beta if name not in matrices.x_names]
    if missing or extra:
        raise ValueError(
            f"prior.beta must have a prior for each of {', '.join(matrices.x_names)}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; of no such coefficient: {', '.join(extra)}" if extra else "")
        )
    return GridPosterior(matrices.y, matrices.X, matrices.x_names, terms[0].index, terms[0].levels, prior)
