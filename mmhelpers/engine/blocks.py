r"""Structure of a design: small independent blocks, and how often each occurs.

``Z'Z`` of a planned experiment is full of symmetry. Two levels of a grouping factor are of one
type if exchanging them leaves ``Z'Z`` unchanged (the same block on the diagonal, the same cross
products with every level of the other factors). An orthonormal change of coordinates of the
levels of a type, their mean and n - 1 contrasts, then splits the problem: contrasts couple with
nothing, so each of them is a k x k block of its own, and only the means stay coupled. What is
left falls into connected components, and equal components are one pattern. So

- one grouping factor: a k x k block a pattern of ``Z_i'Z_i``, whatever the number of groups;
- nested factors: a block a pattern of the highest level;
- complete crossed designs: a k x k block a factor and one small joint block, whatever the number
  of subjects and items.

All n - 1 contrasts and all equal components share one block, and only the sums over them of
cross products with the data are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.design import Design

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Cross products that agree to this share of the largest are equal (sums of the same products in
# another order differ by 1e-16).
EQUAL = 1e-10
# Types are looked for up to this many random effects.
MAX_TYPES = 4000


@dataclass(frozen=True, eq=False)
class Source:
    """Vectors that share a block.

    Attributes
    ----------
    rows : ndarray of int, shape (m, d)
        Positions in Z'r (``level`` True) or in the reduced coordinates (False).
    level : bool
        The levels of one type, of which the mean is to be taken away (m - 1 contrasts).
    """

    rows: Ints
    level: bool


@dataclass(frozen=True, eq=False)
class Block:
    """One pattern.

    Attributes
    ----------
    A : ndarray, shape (d, d)
        Its block of Z'Z.
    slots : tuple of int
        The term of each of its levels; d is the sum of their numbers of effects.
    copies : int
        How often it occurs.
    sources : tuple of Source
        The vectors that belong to it.
    """

    A: Floats
    slots: tuple[int, ...]
    copies: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, eq=False)
class Structure:
    """All blocks of a design.

    Attributes
    ----------
    Z : sparse array, shape (n, q)
        Whitened, ordered by term, level, effect.
    reduce : sparse array, shape (q', q)
        To the means of types (and levels that have no equal).
    blocks : tuple of Block
    """

    Z: Any
    reduce: Any
    blocks: tuple[Block, ...]

    @property
    def largest(self) -> int:
        """Size of the largest block."""
        return max(len(block.A) for block in self.blocks)


def find_structure(design: Design, limit: int | None = None) -> Structure | None:
    """Split a design into blocks.

    Parameters
    ----------
    design : Design
    limit : int, optional
        Largest block that is of use.

    Returns
    -------
    Structure, or None
        None where a block is larger than the limit.

    Examples
    --------
    Four subjects by three items, one observation a cell: contrasts of subjects, contrasts of
    items, and the two means together.

    >>> import numpy as np
    >>> from mmhelpers.engine.design import make_design
    >>> subject, item = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    >>> design = make_design(np.ones((12, 1)), [subject, item], [np.ones((12, 1))] * 2, [4, 3])
    >>> [(block.slots, block.copies) for block in find_structure(design).blocks]
    [((0,), 3), ((1,), 2), ((0, 1), 1)]
    """
    from scipy import sparse

    Z = sparse_z(design)
    A = (Z.T @ Z).tocsr()
    A = _drop_rounding(A)
    starts = np.cumsum([0, *(k * l for k, l in zip(design.k, design.levels, strict=True))])
    q = int(starts[-1])
    groups_of_terms = factors(design)
    top = float(np.abs(A.data).max()) if A.nnz else 1.0
    found: dict[Any, list[Any]] = {}
    reduced_rows: list[Any] = []
    slot_terms: list[int] = []
    slot_first: list[int] = []
    at = 0
    for terms in groups_of_terms:
        columns = _level_columns(design, starts, terms)  # (l, K)
        types = _types(A, columns, q, top) if len(groups_of_terms) > 1 and q <= MAX_TYPES else None
        if types is None:  # every level for itself
            l, K = columns.shape
            reduced_rows.append((np.arange(at, at + l * K), columns.ravel(), np.ones(l * K)))
            slot_terms += list(terms) * l
            offsets = np.cumsum([0, *(design.k[t] for t in terms[:-1])])
            slot_first += (at + K * np.arange(l)[:, None] + offsets).ravel().tolist()
            at += l * K
            continue
        for levels in types:
            size = len(levels)
            if size > 1:
                rows = columns[levels]
                own = A[rows[0]][:, rows[0]].toarray()
                for part, part_terms in _split_own(own, design, terms):
                    _add(
                        found, own[np.ix_(part, part)], part_terms, size - 1, Source(rows[:, part], True), top
                    )
            offset = 0
            for t in terms:
                k = design.k[t]
                slot_terms.append(t)
                slot_first.append(at)
                for a in range(k):
                    reduced_rows.append(
                        (np.full(size, at + a), columns[levels, offset + a], np.full(size, size**-0.5))
                    )
                at += k
                offset += k
    rows, cols, values = (np.concatenate([part[i] for part in reduced_rows]) for i in range(3))
    reduce = sparse.csr_array((values, (rows, cols)), shape=(at, q))
    small = _drop_rounding((reduce @ A @ reduce.T).tocsr())
    if not _components(found, small, np.array(slot_terms), np.array(slot_first), design, top, limit):
        return None
    blocks = []
    for slots_key, entries in found.items():
        block_A = entries[0][0]
        plain = [e[2].rows for e in entries if not e[2].level]
        sources = [e[2] for e in entries if e[2].level]
        if plain:
            sources.append(Source(np.concatenate(plain), False))
        blocks.append(Block(block_A, slots_key[0], sum(e[1] for e in entries), tuple(sources)))
    return Structure(Z, reduce, tuple(blocks))


def unpool(structure: Structure) -> Structure:
    """Give every vector of reduced coordinates a block of its own, equal or not."""
    blocks: list[Block] = []
    for block in structure.blocks:
        if any(source.level for source in block.sources):
            blocks.append(block)
        else:
            rows = np.concatenate([source.rows for source in block.sources])
            blocks += [Block(block.A, block.slots, 1, (Source(row[None], False),)) for row in rows]
    return Structure(structure.Z, structure.reduce, tuple(blocks))


def sparse_z(design: Design) -> Any:
    """Whitened Z, (n, q), ordered by term, level, effect."""
    from scipy import sparse

    n = design.n
    parts = []
    for index, z, levels in zip(design.index, design.z, design.levels, strict=True):
        k = z.shape[1]
        columns = index[:, None] * k + np.arange(k)
        rows = np.repeat(np.arange(n), k)
        parts.append(sparse.csr_array((z.ravel(), (rows, columns.ravel())), shape=(n, levels * k)))
    return sparse.hstack(parts, format="csr")


def _drop_rounding(A: Any) -> Any:
    """Set entries to zero that are rounding next to their diagonal elements."""
    A = A.tocoo()
    diagonal = np.maximum(A.diagonal(), 0.0)
    bound = 1e-13 * np.sqrt(diagonal[A.row] * diagonal[A.col])
    A.data = np.where(np.abs(A.data) > bound, A.data, 0.0)
    A = A.tocsr()
    A.eliminate_zeros()
    return A


def factors(design: Design) -> list[tuple[int, ...]]:
    """Terms by grouping factor."""
    groups: list[list[int]] = []
    for t, index in enumerate(design.index):
        for group in groups:
            if design.levels[t] == design.levels[group[0]] and np.array_equal(design.index[group[0]], index):
                group.append(t)
                break
        else:
            groups.append([t])
    return [tuple(group) for group in groups]


def _level_columns(design: Design, starts: NDArray[Any], terms: Sequence[int]) -> Ints:
    """Columns of Z of each level of a factor, (l, K)."""
    l = design.levels[terms[0]]
    return np.hstack(
        [starts[t] + np.arange(l)[:, None] * design.k[t] + np.arange(design.k[t]) for t in terms]
    ).astype(np.intp)


def _round(values: Floats, top: float) -> NDArray[np.int64]:
    return np.round(values / (EQUAL * top)).astype(np.int64)


def _types(A: Any, columns: Ints, q: int, top: float) -> list[Ints]:
    """Levels that can be exchanged, as arrays of levels."""
    l, K = columns.shape
    rows = A[columns.ravel()].toarray().reshape(l, K, q)
    own = np.take_along_axis(rows, np.broadcast_to(columns[:, None, :], (l, K, K)), axis=2)
    rows[:, :, columns.ravel()] = 0.0
    key = _round(np.concatenate([own.reshape(l, -1), rows.reshape(l, -1)], axis=1), top)
    found: dict[bytes, list[int]] = {}
    for level in range(l):
        found.setdefault(key[level].tobytes(), []).append(level)
    return [np.array(levels) for levels in found.values()]


def _split_own(own: Floats, design: Design, terms: Sequence[int]) -> list[tuple[Ints, tuple[int, ...]]]:
    """Terms of one factor that its own block does not couple."""
    starts = np.cumsum([0, *(design.k[t] for t in terms)])
    linked = [
        [
            bool(np.any(own[starts[i] : starts[i + 1], starts[j] : starts[j + 1]])) or i == j
            for j in range(len(terms))
        ]
        for i in range(len(terms))
    ]
    left = list(range(len(terms)))
    out = []
    while left:
        part = [left.pop(0)]
        for i in part:
            part += [j for j in left if linked[i][j]]
            left = [j for j in left if j not in part]
        part.sort()
        rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in part])
        out.append((rows, tuple(terms[i] for i in part)))
    return out


def _components(
    found: dict[Any, list[Any]],
    A: Any,
    terms: Ints,
    first: Ints,
    design: Design,
    top: float,
    limit: int | None,
) -> bool:
    """Add the connected components of the reduced problem to ``found``; False where one is too large."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    sizes = np.array(design.k)[terms]
    slot_of = np.repeat(np.arange(len(terms)), sizes)
    coo = A.tocoo()
    graph = sparse.csr_array(
        (np.ones(coo.nnz), (slot_of[coo.row], slot_of[coo.col])), shape=(len(terms), len(terms))
    )
    count, label = connected_components(graph, directed=False)
    if count == len(terms) and len(set(terms.tolist())) == 1:  # one term: all blocks at once
        _single_slots(found, A, int(terms[0]), first, int(sizes[0]), top)
        return limit is None or int(sizes[0]) <= limit
    if limit is not None and np.bincount(label, weights=sizes).max() > limit:
        return False
    order = np.argsort(label, kind="stable")
    own = _round(A.diagonal(), top)
    for part in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        ranked = sorted(
            part.tolist(), key=lambda s: (terms[s], own[first[s] : first[s] + sizes[s]].tolist(), s)
        )
        rows = np.concatenate([np.arange(first[s], first[s] + sizes[s]) for s in ranked])
        block = A[rows][:, rows].toarray()
        _add(found, block, tuple(int(terms[s]) for s in ranked), 1, Source(rows[None], False), top)
    return True


def _single_slots(found: dict[Any, list[Any]], A: Any, term: int, first: Ints, k: int, top: float) -> None:
    """Block diagonal A of one term."""
    rows = first[:, None] + np.arange(k)
    blocks = np.empty((len(first), k, k))
    for a in range(k):
        for b in range(k):
            blocks[:, a, b] = A.diagonal(b - a)[first + min(a, b)] if len(first) * k > abs(b - a) else 0.0
    _, inverse = np.unique(_round(blocks.reshape(len(first), -1), top), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    order = np.argsort(inverse, kind="stable")
    for number, part in enumerate(np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1)):
        found[(term,), number] = [(blocks[part[0]], len(part), Source(rows[part], False))]


def _add(
    found: dict[Any, list[Any]], A: Floats, slots: tuple[int, ...], copies: int, source: Source, top: float
) -> None:
    key = (slots, _round(A, top).tobytes())
    found.setdefault(key, []).append((A, copies, source))
