"""R's nlme through rpy2: linear models and mixed models with variance functions and correlated errors.

`nlme` is the reference for what Zuur et al. (2009, chapters 4 to 7) do. It needs R; :func:`mmhelpers.fit_gls` fits
the same models without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmhelpers.r_link import r_frame, require_r

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Nlme", "nlme"]

# Everything a page prints of a fit, as plain vectors; structures in nlme's natural (constrained) parameters.
_PARTS = """
function(m) {
  s <- m$modelStruct
  pick <- function(x) if (is.null(x)) numeric(0) else coef(x, unconstrained = FALSE)
  ll <- logLik(m)
  variance <- pick(s$varStruct); correlation <- pick(s$corStruct)
  t <- summary(m)$tTable
  list(loglik = as.numeric(ll), df = attr(ll, "df"), aic = AIC(m), bic = BIC(m), sigma = m$sigma,
    variance = as.numeric(variance), variance_names = as.character(names(variance)),
    correlation = as.numeric(correlation), correlation_names = as.character(names(correlation)),
    t = as.numeric(t), t_rows = rownames(t), t_columns = colnames(t))
}
"""


@dataclass(frozen=True, eq=False, repr=False)
class Nlme:
    """A fit of nlme's ``gls`` or ``lme``; what `nlme` returns. `view`, `resid` and `agreement` take it.

    Attributes
    ----------
    call : str
        The call as R saw it.
    loglik, aic, bic, sigma : float
        Log-likelihood (restricted for REML), the criteria with all parameters counted, the residual
        standard deviation.
    n_par : int
        Number of parameters.
    variance, correlation : dict of str to float
        Parameters of the variance function and of the correlation structure, as ``summary`` in R prints them.
    coefficients : pandas.DataFrame
        Columns estimate, se, df (of lme only), statistic, p; one row a coefficient.
    r : rpy2 object
        The fit itself.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.nlme("distance ~ age", mm.load("Orthodont"), weights="varIdent(form = ~ 1 | Sex)")
    >>> list(fit.variance)
    ['Female']
    """

    call: str
    loglik: float
    aic: float
    bic: float
    sigma: float
    n_par: int
    variance: dict[str, float]
    correlation: dict[str, float]
    coefficients: pd.DataFrame
    r: Any = field(compare=False)

    def __fitview__(self) -> Any:
        """See the fit through the common protocol."""
        from mmhelpers.adapters.from_r import from_r

        return from_r(self.r)

    def __repr__(self) -> str:
        """Say in two lines what was fitted."""
        return f"{self.call}\nlog-likelihood {self.loglik:.3f}, {self.n_par} parameters, AIC {self.aic:.2f}"


def nlme(
    formula: str,
    data: pd.DataFrame,
    *,
    random: str | None = None,
    weights: str | None = None,
    correlation: str | None = None,
    reml: bool = True,
    control: str | None = None,
) -> Nlme:
    """Fit a model in R with nlme: ``lme`` where there are random effects, ``gls`` where there are none.

    Parameters
    ----------
    formula : str
        Fixed effects, ``"yield ~ nitro"``.
    data : pandas.DataFrame
        One row an observation; text and categorical columns become factors in the order of their categories.
    random, weights, correlation : str, optional
        nlme's arguments as R code: ``"~ age | Subject"``, ``"varIdent(form = ~ 1 | Sex)"``,
        ``"corAR1(form = ~ day | Subject)"``.
    reml : bool
        REML (True) or maximum likelihood.
    control : str, optional
        R code for the argument ``control``.

    Returns
    -------
    Nlme

    Raises
    ------
    RMissing
        If R or nlme is missing.
    ValueError
        If nlme refuses; the message is R's.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.nlme("distance ~ age", mm.load("Orthodont"), random="~ 1 | Subject")
    >>> fit.n_par, round(float(fit.coefficients.loc["age", "estimate"]), 2)
    (4, 0.66)
    """
    require_r("nlme")
    import numpy as np
    import pandas as pd
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    arguments = [
        formula,
        "data = data",
        f'method = "{"REML" if reml else "ML"}"',
        *(
            f"{name} = {code}"
            for name, code in (
                ("random", random),
                ("weights", weights),
                ("correlation", correlation),
                ("control", control),
            )
            if code is not None
        ),
    ]
    shown = ", ".join(part for part in arguments if part != "data = data")
    call = f"{'gls' if random is None else 'lme'}({shown})"
    with localconverter(robjects.default_converter):
        robjects.r("suppressPackageStartupMessages(library(nlme))")
        frame = r_frame(data)
        # evaluated as code, so that the fit keeps formulas that nlme can look into again
        code = _quoted(call.replace(", method", ", data = data, method", 1))
        fit = robjects.r(
            "function(data) tryCatch({"
            f"m <- eval(parse(text = {code}));"
            # gls keeps the name of its data only, and getData() looks for that name elsewhere
            "if (is.null(m$data)) m$data <- data; m"
            "}, error = function(e) conditionMessage(e))"
        )(frame)
        if isinstance(fit, robjects.StrVector):
            raise ValueError(f"nlme refused {call}: {str(fit[0]).strip()}")
        got = robjects.r(_PARTS)(fit)
        parts = {name: list(value) for name, value in zip(got.names, got, strict=True)}
    rows, names = parts["t_rows"], parts["t_columns"]
    table = pd.DataFrame(np.reshape(parts["t"], (len(rows), len(names)), order="F"), rows, names)
    table = table.rename(
        columns={
            "Value": "estimate",
            "Std.Error": "se",
            "DF": "df",
            "t-value": "statistic",
            "p-value": "p",
        }
    )
    return Nlme(
        call=call,
        loglik=float(parts["loglik"][0]),
        aic=float(parts["aic"][0]),
        bic=float(parts["bic"][0]),
        sigma=float(parts["sigma"][0]),
        n_par=int(parts["df"][0]),
        variance=_named(parts["variance_names"], parts["variance"]),
        correlation=_named(parts["correlation_names"], parts["correlation"]),
        coefficients=table,
        r=fit,
    )


def _named(names: list[str], values: list[float]) -> dict[str, float]:
    labels = names if len(names) == len(values) else [str(i + 1) for i in range(len(values))]
    return dict(zip(map(str, labels), map(float, values), strict=True))


def _quoted(text: str) -> str:
    """Give a text as an R string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
