"""The codebook: a table of everything that a simulation was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmhelpers.design import Design
from mmhelpers.results import Matrices
from mmhelpers.simulation.families import Gaussian
from mmhelpers.simulation.prepare import prepare

if TYPE_CHECKING:
    import pandas as pd

    from mmhelpers.simulation.truth import Truth


def codebook(design: Design | pd.DataFrame | Matrices, truth: Truth) -> pd.DataFrame:
    """Return every variable of the design and every parameter of the truth (see `Truth.codebook`)."""
    import pandas as pd

    matrices, bound, _ = prepare(design, truth)
    rows: list[tuple[str, str, str, object]] = [("model", "", truth.formula, f"{matrices.n} observations")]
    if isinstance(design, Design):
        rows += [("design", "", step, "") for step in design.steps]
        rows += [
            ("variable", "", str(row.variable), f"{row.kind}: {row.values}")
            for row in design.variables().itertuples()
        ]
    rows += [
        ("fixed effect", "beta", name, float(value))
        for name, value in zip(matrices.x_names, bound.beta, strict=True)
    ]
    for term, cov in zip(matrices.terms, bound.covariances, strict=True):
        sd = np.sqrt(np.diag(cov))
        rows += [
            (f"SD of {term.group}", "sqrt(diag(Sigma))", column, float(s))
            for column, s in zip(term.columns, sd, strict=True)
        ]
        for i in range(term.k):
            for j in range(i):
                r = cov[i, j] / (sd[i] * sd[j]) if sd[i] * sd[j] > 0 else 0.0
                rows.append(
                    (f"correlation of {term.group}", "rho", f"{term.columns[j]}, {term.columns[i]}", float(r))
                )
    if isinstance(truth.family, Gaussian):
        rows.append(("residual", "sigma", "standard deviation", bound.sigma))
    else:
        rows.append(("family", "", repr(truth.family), ""))
    rows += [
        ("residual", "", repr(part), "") for part in (truth.variance, truth.correlation) if part is not None
    ]
    return pd.DataFrame(rows, columns=["part", "symbol", "name", "value"])
