r"""Frozen records that the other modules hand to each other.

The model, in the notation of Bates, Mächler, Bolker & Walker (2015), *Fitting linear
mixed-effects models using lme4*, J. Stat. Softw. 67(1), equations 2 to 4:

    (Y | B = b) ~ N(X beta + Z b + o, sigma^2 I),   B ~ N(0, sigma^2 Lambda Lambda'),

with ``theta`` the free elements of ``Lambda``. A `Matrices` is what a formula and a data
frame become (everything but ``y`` is fixed); a `Fits` is what the engine gives back for many
responses on one `Matrices`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Term:
    """One random-effects term, after ``||`` and ``/`` have been expanded.

    Its theta is the lower triangle of its block of Lambda, column by column (lme4's order).

    Attributes
    ----------
    label : str
        As lme4 prints it, ``"Days | Subject"``.
    group : str
        The grouping factor, ``"Subject"`` or ``"cask:batch"``.
    levels : tuple of str, length l
        Names of the levels.
    index : ndarray of int, shape (n,)
        The level that each row belongs to.
    columns : tuple of str, length k
        Names of the effects that a level has, ``("(Intercept)", "Days")``.
    z : ndarray, shape (n, k)
        Row i of the block of Z that belongs to the level of row i.

    Examples
    --------
    >>> import numpy as np
    >>> term = Term("1 | g", "g", ("a", "b"), np.array([0, 0, 1]), ("(Intercept)",), np.ones((3, 1)))
    >>> term.k, term.n_levels, term.n_theta
    (1, 2, 1)
    """

    label: str
    group: str
    levels: tuple[str, ...]
    index: NDArray[np.intp]
    columns: tuple[str, ...]
    z: Floats

    @property
    def k(self) -> int:
        """Number of effects a level (p_i in the lme4 paper)."""
        return len(self.columns)

    @property
    def n_levels(self) -> int:
        """Number of levels (l_i in the lme4 paper)."""
        return len(self.levels)

    @property
    def q(self) -> int:
        """Number of columns of Z (q_i = p_i l_i in the lme4 paper)."""
        return self.k * self.n_levels

    @property
    def n_theta(self) -> int:
        """Number of elements of theta, k(k+1)/2 (m_i in the lme4 paper)."""
        return self.k * (self.k + 1) // 2

    @property
    def theta_positions(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column in the k x k block of each element of theta, in order."""
        column, row = np.triu_indices(self.k)
        return row, column

    @property
    def theta_names(self) -> tuple[str, ...]:
        """A name for each element of theta, as ``getME(fit, "theta")`` has it in lme4."""
        row, column = self.theta_positions
        return tuple(
            f"{self.group}.{self.columns[r]}" + ("" if r == c else f".{self.columns[c]}")
            for r, c in zip(row, column, strict=True)
        )

    def block(self, theta: Floats) -> Floats:
        """Return the k x k lower triangular block of Lambda.

        Parameters
        ----------
        theta : ndarray, shape (..., n_theta)
            The elements of this term, column by column.

        Returns
        -------
        ndarray, shape (..., k, k)
        """
        theta = np.asarray(theta, dtype=float)
        out = np.zeros((*theta.shape[:-1], self.k, self.k))
        row, column = self.theta_positions
        out[..., row, column] = theta
        return out

    def Z(self) -> Any:
        """Return the sparse block of Z, shape (n, l k): level by level, effects within a level."""
        from scipy import sparse

        n = len(self.index)
        columns = self.index[:, None] * self.k + np.arange(self.k)
        rows = np.repeat(np.arange(n), self.k)
        return sparse.csr_array((self.z.ravel(), (rows, columns.ravel())), shape=(n, self.q))


@dataclass(frozen=True, eq=False)
class Matrices:
    """What a formula and a data frame become: response, X, random-effects terms.

    Attributes
    ----------
    formula : str
        As the user wrote it.
    response : str
        Name of the response, ``"Reaction"`` or ``"log(y)"``; empty if there is none.
    y : ndarray, shape (n,), or None
        None where the response is to be simulated or is handed over later.
    X : ndarray, shape (n, p)
        Fixed effects, of full column rank.
    x_names : tuple of str, length p
        Coefficients as lme4 prints them: ``"(Intercept)"``, ``"Days"``, ``"TVset2"``.
    x_terms : tuple of str
        Model terms without the intercept: ``("TVset", "Picture", "TVset:Picture")``.
    assign : tuple of int, length p
        Term of each column of X: 0 the intercept, i for ``x_terms[i - 1]``.
    terms : tuple of Term
        Random-effects terms in the order of the formula (lme4 sorts them by number of levels).
    offset : ndarray, shape (n,), or None
        Sum of the formula's ``offset()`` terms.
    aliased : tuple of str
        Columns of X that were linear combinations of earlier ones and were dropped, as lme4 does.
    rows : ndarray of int, shape (n,)
        Positions in the data frame of the rows that were used.
    n_data : int
        Rows that the data frame had; ``n_data - n`` had a missing value.
    spec : object
        How the columns were made, so that they can be made again for new data
        (see `mmhelpers.model.fixed_matrix`); None for hand-made matrices.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> data = mm.cross(subject=3, day=range(4)).data
    >>> matrices = mm.build_matrices("y ~ day + (day | subject)", data, response=False)
    >>> matrices.n, matrices.p, matrices.q, matrices.k, matrices.n_theta
    (12, 2, 6, 1, 3)
    """

    formula: str
    response: str
    y: Floats | None
    X: Floats
    x_names: tuple[str, ...]
    x_terms: tuple[str, ...]
    assign: tuple[int, ...]
    terms: tuple[Term, ...]
    offset: Floats | None
    aliased: tuple[str, ...]
    rows: NDArray[np.intp]
    n_data: int = -1
    spec: Any = field(default=None, repr=False)

    def __repr__(self) -> str:
        terms = ", ".join(f"{term.label} ({term.n_levels} levels)" for term in self.terms) or "none"
        return f"Matrices of {self.formula!r}: {self.n} rows; fixed effects {', '.join(self.x_names)}; random effects: {terms}"

    @property
    def n(self) -> int:
        """Number of observations."""
        return int(self.X.shape[0])

    @property
    def p(self) -> int:
        """Number of fixed-effects coefficients."""
        return int(self.X.shape[1])

    @property
    def q(self) -> int:
        """Number of random effects, columns of Z."""
        return sum(term.q for term in self.terms)

    @property
    def k(self) -> int:
        """Number of random-effects terms."""
        return len(self.terms)

    @property
    def n_theta(self) -> int:
        """Number of covariance parameters in theta (m in the lme4 paper)."""
        return sum(term.n_theta for term in self.terms)

    @property
    def theta_names(self) -> tuple[str, ...]:
        """A name for each element of theta, ``"Subject.Days.(Intercept)"`` and the like."""
        return tuple(name for term in self.terms for name in term.theta_names)

    @property
    def theta_lower(self) -> Floats:
        """Return the lower bound of each element of theta: 0 on the diagonal of a block, -inf off it."""
        bounds = [np.where(np.equal(*term.theta_positions), 0.0, -np.inf) for term in self.terms] or [
            np.zeros(0)
        ]
        return np.concatenate(bounds)

    def split_theta(self, theta: Floats) -> tuple[Floats, ...]:
        """Cut theta, shape (..., n_theta), into one part a term."""
        theta = np.asarray(theta, dtype=float)
        if theta.shape[-1:] != (self.n_theta,):
            raise ValueError(
                f"theta has {theta.shape[-1] if theta.ndim else 0} elements, this model has {self.n_theta}: "
                f"{', '.join(self.theta_names) or 'none'}"
            )
        cuts = np.cumsum([term.n_theta for term in self.terms])[:-1]
        return tuple(np.split(theta, cuts, axis=-1)) if self.terms else ()

    def Z(self) -> Any:
        """Return Z as a sparse array, shape (n, q), in lme4's order within a term.

        Examples
        --------
        >>> import mmhelpers as mm
        >>> matrices = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> matrices.Z().shape
        (180, 36)
        """
        from scipy import sparse

        if not self.terms:
            return sparse.csr_array((self.n, 0))
        return sparse.hstack([term.Z() for term in self.terms], format="csr")

    def Lambda(self, theta: Floats) -> Any:
        """Return the relative covariance factor as a sparse array, shape (q, q).

        Lambda is block diagonal, the lower triangular block of a term repeated for each of its
        levels (lme4 paper, equations 4 and 22 to 25).

        Examples
        --------
        >>> import mmhelpers as mm, numpy as np
        >>> matrices = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
        >>> matrices.Lambda(np.array([0.97, 0.015, 0.23])).toarray()[:2, :2]
        array([[0.97 , 0.   ],
               [0.015, 0.23 ]])
        """
        from scipy import sparse

        if not self.terms:
            return sparse.csr_array((0, 0))
        parts = zip(self.terms, self.split_theta(theta), strict=True)
        return sparse.block_diag(
            [sparse.kron(sparse.eye_array(term.n_levels), term.block(part)) for term, part in parts],
            format="csr",
        )

    def dimensions(self) -> pd.DataFrame:
        """Return the dimensions of the lme4 paper (its Tables 3 and 4) as a table.

        Returns
        -------
        DataFrame
            Columns ``symbol``, ``value``, ``meaning``: n, p, q, k and the length of theta, then
            for each term i its p_i (effects a level), l_i (levels), q_i = p_i l_i and m_i.
        """
        import pandas as pd

        rows: list[tuple[str, int, str]] = [
            ("n", self.n, "observations"),
            ("p", self.p, "fixed-effects coefficients"),
            ("q", self.q, "random effects"),
            ("k", self.k, "random-effects terms"),
            ("m", self.n_theta, "covariance parameters in theta"),
        ]
        for i, term in enumerate(self.terms, start=1):
            rows += [
                (f"p_{i}", term.k, f"effects a level of ({term.label})"),
                (f"l_{i}", term.n_levels, f"levels of {term.group}"),
                (f"q_{i}", term.q, f"random effects of ({term.label})"),
                (f"m_{i}", term.n_theta, f"covariance parameters of ({term.label})"),
            ]
        return pd.DataFrame(rows, columns=["symbol", "value", "meaning"])


@dataclass(frozen=True, eq=False)
class Fits:
    """What the engine gives for n_rep responses on one `Matrices`.

    No replicate is ever left out: one that failed has ``converged`` False, a message that says
    why, and NaN where there is no number.

    Attributes
    ----------
    matrices : Matrices
        The design, common to all replicates.
    reml : bool
        REML (True) or maximum likelihood.
    theta : ndarray, shape (n_rep, n_theta)
        In the order of `Matrices.terms`, diagonal elements not negative.
    beta : ndarray, shape (n_rep, p)
        Fixed effects.
    sigma : ndarray, shape (n_rep,)
        Residual standard deviation, in units of y.
    criterion : ndarray, shape (n_rep,)
        Deviance (-2 log likelihood) or REML criterion at the optimum.
    vcov : ndarray, shape (n_rep, p, p)
        Covariance matrix of beta.
    singular, converged : ndarray of bool, shape (n_rep,)
        Whether Lambda is of less than full rank; whether the optimum was reached.
    message : tuple of str, length n_rep
        Empty where there is nothing to say.
    gradient_max : ndarray, shape (n_rep,)
        Largest absolute element of the gradient at the optimum.
    hessian : ndarray, shape (n_rep, n_theta + 1, n_theta + 1), or None
        Second derivatives of the criterion in (theta, sigma), taken after the last step
        (Satterthwaite's degrees of freedom need them).
    vcov_varpar : ndarray, shape (n_rep, n_theta + 1, n_theta + 1), or None
        Covariance matrix of the estimates of (theta, sigma), twice the inverse of ``hessian`` with
        its null directions left out, as lmerTest does.
    vcov_jacobian : ndarray, shape (n_rep, n_theta + 1, p, p), or None
        Derivatives of ``vcov`` with respect to (theta, sigma).
    present : ndarray of bool, shape (n_rep, n), or None
        Which observations each replicate has; None where all have all.
    modes : callable or None
        Gives the conditional modes of the random effects, one array (n_rep, levels, k) a term;
        called when `ranef` is asked for.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> sleep = mm.load("sleepstudy")
    >>> fits = mm.fit("Reaction ~ Days + (Days | Subject)", sleep).fits
    >>> fits.theta.shape, fits.beta.shape, fits.vcov.shape, fits.converged
    ((1, 3), (1, 2), (1, 2, 2), array([ True]))
    """

    matrices: Matrices
    reml: bool
    theta: Floats
    beta: Floats
    sigma: Floats
    criterion: Floats
    vcov: Floats
    singular: Bools
    converged: Bools
    message: tuple[str, ...] = ()
    gradient_max: Floats | None = None
    hessian: Floats | None = None
    vcov_varpar: Floats | None = None
    vcov_jacobian: Floats | None = None
    present: Bools | None = None
    modes: Callable[[], tuple[Floats, ...]] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return (
            f"Fits({self.matrices.formula!r}, {'REML' if self.reml else 'ML'}: {len(self.sigma)} data sets)"
        )

    @property
    def n_rep(self) -> int:
        """Number of replicates."""
        return int(self.theta.shape[0])

    @property
    def se(self) -> Floats:
        """Standard errors of beta, shape (n_rep, p)."""
        return np.asarray(np.sqrt(np.diagonal(self.vcov, axis1=-2, axis2=-1)), dtype=float)

    @property
    def ranef(self) -> dict[str, Floats]:
        """Conditional modes by grouping factor, arrays of shape (n_rep, levels, effects).

        Terms that share a grouping factor are put side by side, as ``ranef()`` does in lme4.
        """
        if self.modes is None:
            raise ValueError("these fits carry no conditional modes: refit with the engine that gives them")
        out: dict[str, Floats] = {}
        for term, modes in zip(self.matrices.terms, self.modes(), strict=True):
            out[term.group] = (
                np.concatenate([out[term.group], modes], axis=-1) if term.group in out else modes
            )
        return out
