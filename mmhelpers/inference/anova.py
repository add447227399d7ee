"""ANOVA tables: F tests of the terms of the fixed effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmhelpers.inference.contrasts import f_test
from mmhelpers.inference.estimate import Ddf, as_estimate, check_ddf
from mmhelpers.inference.hypotheses import hypotheses

if TYPE_CHECKING:
    import pandas as pd


def anova(fit: Any, type: int | str = 3, ddf: Ddf = "satterthwaite") -> pd.DataFrame:
    """Test the terms of the fixed effects.

    Parameters
    ----------
    fit : fitted model
        From `mmhelpers.fit`.
    type : {1, 2, 3, "I", "II", "III"}
        Hypotheses, as `mmhelpers.inference.hypotheses` describes them.
    ddf : {"satterthwaite", "kenward-roger", "wald"}
        Method for the denominator df.

    Returns
    -------
    DataFrame
        Columns F, num_df, den_df, p; one row a term.  A term that is aliased with others has num_df = 0 and
        no F.

    Notes
    -----
    Matches ``anova()`` of lmerTest 3.1 (Kuznetsova, Brockhoff & Christensen 2017).
    """
    import pandas as pd

    check_ddf(ddf)
    estimate = as_estimate(fit)
    rows = {}
    for term, L in hypotheses(estimate, type).items():
        test = f_test(estimate, L, ddf=ddf)
        rows[term] = (test.F, test.num_df, test.den_df, test.p)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["F", "num_df", "den_df", "p"])
    table["num_df"] = table["num_df"].astype(int)
    return table
