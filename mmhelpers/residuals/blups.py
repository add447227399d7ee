"""Best linear unbiased predictions of random effects, with their variances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import view
from .covariance import whiten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["blups"]


def blups(fit: Any) -> pd.DataFrame:
    """Give the random effects of a linear mixed model (BLUPs) with their standard errors.

    Parameters
    ----------
    fit : a fit of a linear mixed model
        What `view` knows.

    Returns
    -------
    pandas.DataFrame
        One row for each grouping factor, level and effect: group, level, effect, "mode" (the BLUP), "sd" (the
        effect's standard deviation given the responses, fixed effects taken as known: lme4's ``condVar``), "se" (of
        the difference between BLUP and effect, with the fixed effects estimated), and "reliability", the share of
        the effect's variance that the data tell, 1 - se^2 / Psi.

    Notes
    -----
    Var(b | y) = Psi - Psi Z'V^-1 Z Psi, and Var(b^ - b) = Psi - Psi Z'P Z Psi; variances of the model taken as known.

    References
    ----------
    Laird & Ware (1982), equations 3.2 and 3.3; Searle, Casella & McCulloch (1992), section 7.4.

    Examples
    --------
    >>> from mmhelpers import fit, load
    >>> table = blups(fit("Reaction ~ Days + (Days | Subject)", load("sleepstudy")))
    >>> table.head(2).round(2).values.tolist()
    [['Subject', '308', '(Intercept)', 2.26, 12.07, 13.1, 0.72], ['Subject', '308', 'Days', 9.2, 2.3, 2.64, 0.8]]
    """
    import pandas as pd

    seen = view(fit)
    if not seen.linear or not seen.random:
        raise ValueError("BLUPs with their variances are given here for linear mixed models")
    white = whiten(seen)
    q, _ = np.linalg.qr(white.X)
    of = np.empty(seen.nobs, dtype=np.intp)
    for j, block in enumerate(white.rows):
        of[block] = j
    rows = []
    for term in seen.random:
        k = len(term.columns)
        design = np.zeros((seen.nobs, k))
        for level, name in enumerate(term.levels):
            own = np.flatnonzero(term.index == level)
            design[own] = term.z[own] @ term.cov
            if len(own) == 0:
                known = estimated = np.zeros((k, k))
            else:
                block, root = white.rows[of[own[0]]], white.roots[of[own[0]]]
                C = design[block] / root[:, None] if root.ndim == 1 else np.linalg.solve(root, design[block])
                known = C.T @ C
                inside = q[block].T @ C
                estimated = known - inside.T @ inside
            design[own] = 0.0
            sd = np.sqrt(np.clip(np.diag(term.cov - known), 0, None))
            se = np.sqrt(np.clip(np.diag(term.cov - estimated), 0, None))
            for j, column in enumerate(term.columns):
                prior = term.cov[j, j]
                told = 1 - se[j] ** 2 / prior if prior > 0 else np.nan
                rows.append((term.group, name, column, term.modes[level, j], sd[j], se[j], told))
    names = ["group", "level", "effect", "mode", "sd", "se", "reliability"]
    return pd.DataFrame(rows, columns=names)
