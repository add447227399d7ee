"""The engine for plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmhelpers.engine.batch import fit_matrices
from mmhelpers.results import Fits, Matrices, Term


def fit_arrays(
    X: ArrayLike,
    terms: Sequence[tuple[ArrayLike, ArrayLike]],
    Y: ArrayLike,
    reml: bool = True,
    missing: str = "raise",
) -> Fits:
    """Fit a mixed model given as plain arrays; needs NumPy and SciPy alone.

    Parameters
    ----------
    X : array_like, shape (n, p)
        Fixed-effects model matrix.
    terms : sequence of (group, z)
        For each random-effects term the group of each row, shape (n,), of any type that sorts,
        and the columns that vary between groups, shape (n, k) or (n,): ``(subject, np.ones(n))``
        is ``(1 | subject)``.
    Y : array_like, shape (n_rep, n) or (n,)
        One response a row.
    reml : bool
        REML (True) or maximum likelihood.
    missing : {"raise", "drop"}
        What to do with NaN in Y: refuse, or leave the cell out of its replicate.

    Returns
    -------
    Fits

    Raises
    ------
    ValueError
        If shapes do not agree, X is not of full rank, or the data cannot carry the model.

    Examples
    --------
    >>> import numpy as np
    >>> import mmhelpers as mm
    >>> group = np.repeat(["a", "b", "c"], 4)
    >>> fits = mm.fit_arrays(np.ones((12, 1)), [(group, np.ones(12))], np.arange(12.0))
    >>> fits.beta.round(6).tolist(), fits.sigma.round(6).tolist()
    ([[5.5]], [1.290994])
    """
    from mmhelpers.model.checks import UnidentifiableError, check_identifiable

    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or not X.shape[0]:
        raise ValueError(f"X must have shape (n, p) with n at least 1, not {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError("X has values that are not finite: leave those rows out")
    n = len(X)
    scale = np.sqrt((X * X).sum(0))
    if X.shape[1] and (np.linalg.matrix_rank(X / np.where(scale > 0, scale, 1.0)) < X.shape[1]):
        raise UnidentifiableError(
            "the columns of X are linearly dependent: leave out those that others determine"
        )
    made = []
    for number, (group, columns) in enumerate(terms, start=1):
        z = np.asarray(columns, dtype=float)
        z = z[:, None] if z.ndim == 1 else z
        labels = np.asarray(group)
        if labels.shape != (n,) or z.ndim != 2 or len(z) != n:
            raise ValueError(
                f"term {number}: group and z must have the {n} rows of X, "
                f"not shapes {labels.shape} and {z.shape}"
            )
        if not np.isfinite(z).all():
            raise ValueError(f"term {number}: z has values that are not finite: leave those rows out")
        levels, index = np.unique(labels, return_inverse=True)
        names = tuple(f"z{j}" for j in range(1, z.shape[1] + 1))
        made.append(
            Term(
                f"{' + '.join(names)} | g{number}",
                f"g{number}",
                tuple(str(level) for level in levels),
                np.asarray(index, dtype=np.intp).ravel(),
                names,
                z,
            )
        )
    p = X.shape[1]
    matrices = Matrices(
        formula="arrays",
        response="y",
        y=None,
        X=X,
        x_names=tuple(f"x{j}" for j in range(1, p + 1)),
        x_terms=tuple(f"x{j}" for j in range(1, p + 1)),
        assign=tuple(range(1, p + 1)),
        terms=tuple(made),
        offset=None,
        aliased=(),
        rows=np.arange(n),
        n_data=n,
    )
    check_identifiable(matrices)
    return fit_matrices(matrices, Y, reml, missing)
