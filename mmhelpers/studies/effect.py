r"""Tests of one effect in many fits: t or F by Satterthwaite, Kenward-Roger or Wald, and the likelihood ratio.

An effect is a coefficient, or a model term whose coefficients are tested jointly. The likelihood ratio is of two
maximum likelihood fits: the model, and the model without the effect's columns of X, with the same random effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine import fit_matrices
from mmhelpers.fitting.wald import contrast_tests
from mmhelpers.inference.contrasts import f_test, t_test
from mmhelpers.inference.estimate import Estimate
from mmhelpers.inference.moments import Cross
from mmhelpers.inference.satterthwaite import combine_df
from mmhelpers.model import build_matrices
from mmhelpers.results import Fits, Matrices
from mmhelpers.studies.outcome import Outcome, outcome

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
TESTS = ("satterthwaite", "kenward-roger", "wald", "lrt")


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A mixed model on one design, and the effect that is tested in it.

    Attributes
    ----------
    matrices : Matrices
    columns : ndarray of int, shape (q,)
        Columns of X that the effect has.
    """

    matrices: Matrices
    columns: NDArray[np.intp]

    def fits(self, Y: Floats, reml: bool = True) -> Fits:
        """Fit the model to each data set; NaN in Y marks cells that a data set lacks."""
        with np.errstate(all="ignore"):  # a data set that cannot be fitted is a row that says so
            return fit_matrices(self.matrices, Y, reml, "drop" if np.isnan(Y).any() else "raise")

    def test(self, Y: Floats, tests: Sequence[str]) -> list[Outcome]:
        """Test the effect in each data set.

        Parameters
        ----------
        Y : ndarray, shape (R, n)
            NaN where a data set lacks a cell.
        tests : sequence of str
            Of `TESTS`.

        Returns
        -------
        list of Outcome
            In the order of `tests`.
        """
        fits = self.fits(Y) if any(test != "lrt" for test in tests) else None
        by_ml = (self.fits(Y, reml=False), self.smaller.fits(Y, reml=False)) if "lrt" in tests else None
        return self.outcomes(tests, fits, by_ml)

    @property
    def smaller(self) -> MixedModel:
        """The model without the effect."""
        return replace(self, matrices=without(self.matrices, self.columns))

    def outcomes(
        self, tests: Sequence[str], fits: Fits | None, by_ml: tuple[Fits, Fits] | None
    ) -> list[Outcome]:
        """Test the effect in fits: by REML, and by maximum likelihood with the effect and without."""
        out = []
        for test in tests:
            if test == "lrt" and by_ml is not None:
                out.append(self._lrt(*by_ml))
            elif fits is not None:
                out.append(self._wald(fits, test))
        return out

    def _wald(self, fits: Fits, test: str) -> Outcome:
        if test == "kenward-roger":
            numbers = kenward_roger(fits, self.columns)
        elif len(self.columns) == 1:
            numbers = {
                name: array[:, 0]
                for name, array in contrast_tests(fits, np.eye(self.matrices.p)[self.columns], test).items()
            }
        else:
            numbers = joint_test(fits, self.columns, test)
        return outcome(
            test, converged=fits.converged, singular=fits.singular, message=fits.message, **numbers
        )

    def _lrt(self, full: Fits, small: Fits) -> Outcome:
        from scipy.special import chdtrc

        q = len(self.columns)
        with np.errstate(invalid="ignore"):
            # two optima that agree to rounding may come out in either order
            statistic = np.maximum(small.criterion - full.criterion, 0.0)
        numbers: dict[str, Any] = {}
        if q == 1:
            numbers = {"estimate": full.beta[:, self.columns[0]], "se": full.se[:, self.columns[0]]}
        message = [
            one or (two and f"without the effect: {two}")
            for one, two in zip(full.message, small.message, strict=True)
        ]
        return outcome(
            "lrt",
            np.where(np.isnan(statistic), np.nan, chdtrc(q, np.nan_to_num(statistic))),
            df=float(q),
            statistic=statistic,
            converged=full.converged & small.converged,
            singular=full.singular,
            message=message,
            **numbers,
        )


def bind_model(formula: str, frame: pd.DataFrame, effect: str) -> MixedModel:
    """Build a model's matrices and find the effect in them.

    Raises
    ------
    ValueError
        If the formula does not fit the design, or the model has no such effect.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> frame = mm.cross(subject=6, dose=["none", "low", "high"]).data
    >>> bind_model("y ~ dose + (1 | subject)", frame, "dose").columns.tolist()
    [1, 2]
    """
    matrices = build_matrices(formula, frame, response=False)
    return MixedModel(matrices, effect_columns(matrices, effect))


def effect_columns(matrices: Matrices, effect: str) -> NDArray[np.intp]:
    """Return the columns of X that belong to a coefficient or, if it is none, to a model term."""
    if effect in matrices.x_names:
        return np.array([matrices.x_names.index(effect)])
    if effect in matrices.x_terms:
        columns = np.flatnonzero(np.array(matrices.assign) == 1 + matrices.x_terms.index(effect))
        if len(columns):
            return columns
    known = dict.fromkeys([*matrices.x_terms, *matrices.x_names])
    raise ValueError(f"effect: the model {matrices.formula!r} has no {effect!r}; it has {', '.join(known)}")


def without(matrices: Matrices, columns: NDArray[np.intp]) -> Matrices:
    """Return the matrices without some columns of X."""
    kept = [j for j in range(matrices.p) if j not in set(columns.tolist())]
    return replace(
        matrices,
        X=np.ascontiguousarray(matrices.X[:, kept]),
        x_names=tuple(matrices.x_names[j] for j in kept),
        assign=tuple(matrices.assign[j] for j in kept),
        spec=None,
    )


def joint_test(fits: Fits, columns: NDArray[np.intp], test: str) -> dict[str, Floats]:
    """F tests that several coefficients are zero, a data set each.

    Parameters
    ----------
    fits : Fits
    columns : ndarray of int, shape (q,)
        The coefficients.
    test : {"satterthwaite", "wald"}
        Denominator df after Fai & Cornelius (1996), as `mmhelpers.inference.satterthwaite` has them, or infinite.

    Returns
    -------
    dict
        statistic (F), df (of the denominator), p, each of shape (R,).
    """
    from scipy.special import chdtrc, fdtrc

    jacobian, varpar = fits.vcov_jacobian, fits.vcov_varpar
    if test != "wald" and (jacobian is None or varpar is None):
        raise ValueError(
            f"fits carry no derivatives of the criterion, which {test} needs: take the test 'wald'"
        )
    q, R = len(columns), fits.n_rep
    beta, vcov = fits.beta[:, columns], fits.vcov[:, columns[:, None], columns]
    usable = np.asarray(np.isfinite(vcov).all((1, 2)) & np.isfinite(beta).all(1), dtype=bool)
    value, vector = np.linalg.eigh(np.where(usable[:, None, None], vcov, np.eye(q)))
    with np.errstate(all="ignore"):
        rotated = np.einsum("rab,ra->rb", vector, beta) ** 2 / value
        F = np.where(usable, rotated.sum(1) / q, np.nan)
        if jacobian is None or varpar is None or test == "wald":
            df = np.full(R, np.inf)
            p = np.where(usable, chdtrc(q, np.where(usable, q * F, 1.0)), np.nan)
        else:
            jacobian = jacobian[:, :, columns[:, None], columns]
            gradient = np.einsum("ram,riab,rbm->rmi", vector, jacobian, vector, optimize=True)
            spread = np.einsum("rmi,rij,rmj->rm", gradient, varpar, gradient, optimize=True)
            df = np.where(usable, combine_df(2 * value**2 / spread), np.nan)
            p = fdtrc(q, df, F)
    return {"statistic": F, "df": df, "p": p}


def kenward_roger(fits: Fits, columns: NDArray[np.intp]) -> dict[str, Floats]:
    """T or F tests by Kenward-Roger, one data set after the other; arrays of shape (R,)."""
    names = ("estimate", "se", "df", "statistic", "p")
    out = {name: np.full(fits.n_rep, np.nan) for name in names}
    L, cross = np.eye(fits.matrices.p)[columns], Cross(fits.matrices)
    for rep in range(fits.n_rep):
        if not (np.isfinite(fits.theta[rep]).all() and np.isfinite(fits.sigma[rep])):
            continue
        estimate = Estimate.from_fits(fits, rep, cross=cross)
        if len(columns) == 1:
            single = t_test(estimate, L, ddf="kenward-roger")
            for name in names:
                out[name][rep] = getattr(single, name)[0]
        else:
            joint = f_test(estimate, L, ddf="kenward-roger")
            out["statistic"][rep], out["df"][rep], out["p"][rep] = joint.F, joint.den_df, joint.p
    return out
