"""Residuals with the correlation of a model's groups taken out, so that other dependence can show.

Where random effects are drawn anew, rows of a group share their luck: V = I outside the groups, and within them the
correlation that the fitted model implies. It is read off the simulations themselves, which know link and distribution:

    V = D + sum over terms of Z_k diag(phi_k) Z_k',   phi_k >= 0,   diag(V) = 1.

A small dependence gamma C on top of V has the score statistic r' V^-1 C V^-1 r: the locally most powerful one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..residuals.quantile import QuantileResiduals

__all__ = ["whitened"]

Array = NDArray[np.float64]

LEAST = 0.05  # of the variance that is a row's own
TINY = 1e-300  # for a column of Z that is zero everywhere


def whitened(known: QuantileResiduals) -> Array | None:
    """V^-1 r of the observed and every simulated column, r being normal scores; None without shared effects.

    Parameters
    ----------
    known : QuantileResiduals
        With `terms`: the random effects that were drawn anew in the simulations.

    Returns
    -------
    array, shape (n, 1 + n_sim), or None

    References
    ----------
    Rao (1948), Proc. Cambridge Philosophical Society 44:50-57, for score tests.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"))
    >>> whitened(mm.quantile_residuals(fit, n_sim=99)).shape
    (30, 100)
    """
    from scipy import sparse
    from scipy.special import ndtri

    if not known.terms or known.refitted is not None:
        return None
    r = ndtri(known.columns)
    n = len(r)
    rows = np.arange(n)
    blocks = [
        sparse.csr_matrix((z, (rows, term.index)), shape=(n, len(term.levels)))
        for term in known.terms
        for z in (term.z / np.sqrt(np.maximum(np.mean(term.z**2, axis=0), TINY))).T
    ]
    phi = _components(r, blocks)
    keep = phi > 0
    if not keep.any():
        return np.asarray(r)
    used = [Z for Z, wanted in zip(blocks, keep, strict=True) if wanted]
    phi = phi[keep]
    taken = sum(
        (f * np.asarray(Z.multiply(Z).sum(axis=1)).ravel() for f, Z in zip(phi, used, strict=True)),
        np.zeros(n),
    )
    own = np.maximum(1 - taken, LEAST)
    return _solve(r, own, used, phi)


def _components(r: Array, blocks: list[Any]) -> Array:
    """Least squares, phi >= 0, of the products of different rows on those of the columns of Z."""
    from scipy.optimize import nnls

    squares = [np.asarray(Z.multiply(Z).sum(axis=1)).ravel() for Z in blocks]
    k = len(blocks)
    gram, right = np.empty((k, k)), np.empty(k)
    scale = float((r**2).mean())
    for a in range(k):
        sums = blocks[a].T @ r
        right[a] = ((sums**2).sum() - (squares[a] @ r**2).sum()) / (r.shape[1] * scale)
        for b in range(k):
            gram[a, b] = (blocks[a].T @ blocks[b]).power(2).sum() - squares[a] @ squares[b]
    # nnls of the normal equations, by their root
    values, vectors = np.linalg.eigh(gram)
    good = values > 1e-10 * max(float(values[-1]), 1e-300)
    root = np.sqrt(values[good])[:, None] * vectors[:, good].T
    phi, _ = nnls(root, (vectors[:, good].T @ right) / np.sqrt(values[good]))
    return np.asarray(phi, dtype=float)


def _solve(r: Array, own: Array, blocks: list[Any], phi: Array) -> Array:
    """(diag(own) + Z diag(phi) Z')^-1 r, by Woodbury's identity with a sparse factor."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    Z = sparse.hstack(blocks).tocsr()
    weight = np.repeat(1 / phi, [block.shape[1] for block in blocks])
    scaled = sparse.diags(1 / own) @ Z
    inner = (sparse.diags(weight) + Z.T @ scaled).tocsc()
    first = r / own[:, None]
    return np.asarray(first - scaled @ splu(inner).solve(np.asarray(scaled.T @ r)))
