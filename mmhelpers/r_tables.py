"""Tables of lmerTest for a model that R fitted: tests of fixed and random effects, as pandas tables.

R is optional; without it these functions raise `mmhelpers.RMissing`, one line that says how to get it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

from mmhelpers.r_link import R_PACKAGES, require_r

if TYPE_CHECKING:
    import pandas as pd

Table = Literal["coefficients", "anova", "ranova", "step random", "step fixed", "means", "differences"]
TABLES: tuple[str, ...] = (
    "coefficients", "anova", "ranova", "step random", "step fixed", "means", "differences",
)  # fmt: skip

#: Takes a fit, the name of a table and options; gives row names, column names and the columns.
_R = """
function(model, table, options) {
  call <- function(f) suppressMessages(do.call(f, c(list(model), options)))
  out <- switch(table,
    coefficients = stats::coef(call(summary)),
    anova = call(stats::anova), ranova = call(lmerTest::ranova),
    `step random` = call(lmerTest::step)$random, `step fixed` = call(lmerTest::step)$fixed,
    means = call(lmerTest::ls_means), differences = call(lmerTest::difflsmeans))
  out <- as.data.frame(out)
  list(rows = rownames(out), names = colnames(out),
       columns = lapply(out, function(x) if (is.numeric(x)) x else as.character(x)))
}
"""


@functools.cache
def _function() -> Any:
    from rpy2 import robjects

    return robjects.r(_R)


def lmertest(fit: Any, table: Table = "anova", **options: Any) -> pd.DataFrame:
    """Ask R's package lmerTest for one of its tables.

    Parameters
    ----------
    fit : pymer4 model
        From `mmhelpers.lmer`.
    table : str
        ``"coefficients"`` (``coef(summary(fit))``), ``"anova"``, ``"ranova"``, the tables of ``step`` for random
        and for fixed effects (``"step random"``, ``"step fixed"``), ``"means"`` (``ls_means``) or
        ``"differences"`` (``difflsmeans``).
    **options
        Handed to the function of R: ``ddf="Kenward-Roger"``, ``type=2``; an underscore stands for R's dot.

    Returns
    -------
    DataFrame
        With the names that R gives rows and columns.

    Raises
    ------
    RMissing
        If R or one of its packages is missing.
    ValueError
        If there is no such table.
    TypeError
        If `fit` is no fit of R's lme4.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.lmer("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    >>> mm.lmertest(fit, "anova", ddf="Kenward-Roger")[["NumDF", "DenDF", "F value"]].round(2).loc["Days"].tolist()
    [1.0, 17.0, 45.85]
    """
    if table not in TABLES:
        raise ValueError(f"table must be one of {', '.join(map(repr, TABLES))}, not {table!r}")
    model = getattr(fit, "r_model", None)
    if model is None:
        raise TypeError(f"fit must come from mm.lmer, which fits in R; it is a {type(fit).__name__}")
    require_r(*R_PACKAGES)
    import pandas as pd
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        wanted = robjects.ListVector({name.replace("_", "."): value for name, value in options.items()})
        found = _function()(model, table, wanted)
        rows, names, columns = (list(found.rx2(part)) for part in ("rows", "names", "columns"))
        values = {str(name): list(column) for name, column in zip(names, columns, strict=True)}
    return pd.DataFrame(values, index=[str(row) for row in rows])
