"""Fit a generalised model in R from Python: one function for glm, glmer, glmmTMB, gam and their kin."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..r_link import r_frame, require_r
from .view import FitView

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RFit", "fit_in_r"]


@dataclass(frozen=True)
class RFit:
    """A model fitted by a function of R.

    Attributes
    ----------
    call : str
        The function and the formula, as R would be asked.
    table : pandas.DataFrame
        Columns component ("mean"; "zero" and "dispersion" for glmmTMB's other parts; "cut" for an ordinal model),
        name, estimate, se.
    loglik, df, deviance : float
        Maximised log-likelihood, number of parameters, deviance; NaN where R's function gives none.
    spread : float
        What the model has beside the mean: sigma of glmmTMB (the size of ``nbinom2``, the precision of a beta),
        theta of ``glm.nb``, the dispersion of ``glm``, the residual standard deviation of a gaussian.
    said : tuple of str
        Warnings and messages of R while it fitted.
    r : rpy2 object
        The fit itself.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit_in_r("stats::glm", "count ~ mined", mm.load("Salamanders"), family="poisson")
    >>> fit.spread, fit.said, round(fit.df)
    (1.0, (), 2)
    """

    call: str
    table: pd.DataFrame = field(repr=False)
    loglik: float
    df: float
    deviance: float
    spread: float
    said: tuple[str, ...]
    r: Any = field(repr=False, compare=False)
    data: pd.DataFrame = field(repr=False, compare=False)

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 loglik + 2 df."""
        return -2 * self.loglik + 2 * self.df

    def coefficients(self, component: str = "mean") -> pd.DataFrame:
        """Estimates of one part of the model: columns estimate, se, z, p (normal), one row a coefficient.

        Parameters
        ----------
        component : str
            "mean", or another that `table` names.

        Raises
        ------
        ValueError
            If the model has no such part.
        """
        from scipy.stats import norm

        parts = list(dict.fromkeys(self.table["component"]))
        if component not in parts:
            raise ValueError(f"component is {component!r}; this model has {', '.join(map(repr, parts))}")
        own = self.table[self.table["component"] == component].set_index("name")[["estimate", "se"]]
        z = own["estimate"] / own["se"]
        return own.assign(z=z, p=2 * norm.sf(z.abs()))

    @property
    def variances(self) -> pd.DataFrame:
        """Standard deviations and correlations of the random effects: columns group, name, kind, value."""
        return self.__fitview__().variance_components

    def __fitview__(self) -> FitView:
        from .from_r import from_r

        return from_r(self.r, self.data)

    def __str__(self) -> str:
        words = "".join(f"\nR said: {line}" for line in self.said)
        return f"{self.call}\nlog-likelihood {self.loglik:.2f}, {self.df:.0f} parameters, AIC {self.aic:.1f}{words}"


def fit_in_r(function: str, formula: str, data: pd.DataFrame, **arguments: Any) -> RFit:
    """Fit a model with a function of R, on a table of Python.

    Parameters
    ----------
    function : str
        Package and function, such as ``"glmmTMB::glmmTMB"``, ``"lme4::glmer"``, ``"stats::glm"``, ``"MASS::glm.nb"``,
        ``"mgcv::gam"``.
    formula : str
        The formula, in R's words.
    data : pandas.DataFrame
        One row an observation. Categorical columns become factors with their categories as levels; text becomes
        factors with sorted levels.
    **arguments
        Handed to the function. A text that is the name of a column stands for that column (``weights="size"``); a
        text that begins with ``~`` is a formula (``ziformula="~ mined"``); anything else is handed over as it is
        (``family="poisson"``).

    Returns
    -------
    RFit
        Known to `view`, and so to all that works on fits: `agreement`, `quantile_residuals`, the checks.

    Raises
    ------
    RMissing
        If R or the package is not installed.
    ValueError
        If `function` does not name its package, or R refuses the fit: with R's words.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit_in_r("stats::glm", "count ~ mined", mm.load("Salamanders"), family="poisson")
    >>> fit.coefficients().index.tolist()
    ['(Intercept)', 'minedno']
    """
    package, mark, name = function.partition("::")
    if not (package and mark and name):
        raise ValueError(f"function is {function!r}; name the package too, as in 'lme4::glmer'")
    require_r(package)
    import pandas as pd
    from rpy2 import robjects
    from rpy2.rinterface_lib.embedded import RRuntimeError
    from rpy2.robjects.conversion import localconverter

    from .from_r import _plain

    with localconverter(robjects.default_converter):
        columns = [
            key for key, value in arguments.items() if isinstance(value, str) and value in data.columns
        ]
        formulas = [k for k, v in arguments.items() if isinstance(v, str) and v.lstrip().startswith("~")]
        try:
            done = _script()(
                function,
                formula,
                r_frame(data),
                robjects.ListVector({key: _r_value(value) for key, value in arguments.items()}),
                robjects.StrVector(columns),
                robjects.StrVector(formulas),
            )
        except RRuntimeError as error:
            words = " ".join(str(error).split())
            raise ValueError(f"{function} refused {formula}: {words}") from error
        names = list(done.names)
        parts = {key: done[names.index(key)] for key in names}
        table = pd.DataFrame(_plain(parts["coefficients"]))
    number = {key: float(parts[key][0]) for key in ("loglik", "df", "deviance", "spread")}
    said = tuple(str(line) for line in parts["said"])
    shown = "".join(f", {key}={value!r}" for key, value in arguments.items())
    return RFit(f"{function}({formula}{shown})", table, said=said, r=parts["fit"], data=data, **number)


@functools.cache
def _script() -> Any:
    from rpy2 import robjects

    return robjects.r(resources.files(__package__).joinpath("fit_in_r.R").read_text(encoding="utf-8"))


def _r_value(value: Any) -> Any:
    """Give a Python value as R would write it."""
    from rpy2 import robjects

    if isinstance(value, bool):
        return robjects.BoolVector([value])
    if isinstance(value, list | tuple):
        kind = robjects.StrVector if all(isinstance(v, str) for v in value) else robjects.FloatVector
        return kind(list(value))
    if isinstance(value, str):
        return robjects.StrVector([value])
    return value
