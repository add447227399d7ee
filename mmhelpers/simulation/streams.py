"""A stream of random numbers for each replicate: NumPy's seed sequences, many at a time.

Replicate i of a simulation with a seed draws from ``PCG64(SeedSequence(seed, spawn_key=(i,)))``. Making these objects
one by one costs twenty times as much as the numbers that they give, so the hash of `numpy.random.SeedSequence` (O'Neill
2015's ``seed_seq_fe``; NumPy keeps it stable) is computed here for all replicates at once, and one generator is set to each
state in turn. The tests hold it against NumPy, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)
_WORD = 0xFFFFFFFF
_PCG_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_MASK = (1 << 128) - 1
_POOL = 4  # words of SeedSequence's pool
_CALLS = _POOL + _POOL * (_POOL - 1)  # hashes that a seed of up to four words takes before its spawn key

Words = NDArray[np.uint32]


def cell_seed(seed: int, i: int, j: int) -> int:
    """Return the seed of design i with truth j: cells share no random numbers.

    Examples
    --------
    >>> cell_seed(1, 0, 0) != cell_seed(1, 0, 1)
    True
    """
    word = np.random.SeedSequence(seed, spawn_key=(i, j)).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))  # 63 bits: fits a signed integer


def child(seed: int, i: int) -> np.random.Generator:
    """Return the generator of replicate i.

    Examples
    --------
    >>> child(7, 41).integers(1000) == next(iter(children(7, 41, 1))).integers(1000)
    np.True_
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i,))))


def children(seed: int, start: int, n: int) -> Iterator[np.random.Generator]:
    """Yield the generators of replicates start to start + n - 1.

    Parameters
    ----------
    seed : int
    start, n : int

    Yields
    ------
    numpy.random.Generator
        The same object each time, in the state of the next replicate: draw from it before taking the next.

    Examples
    --------
    >>> [int(g.integers(1000)) for g in children(7, 0, 3)] == [int(child(7, i).integers(1000)) for i in range(3)]
    True
    """
    if seed.bit_length() > 32 * _POOL or (start + n).bit_length() > 32:
        yield from (child(seed, i) for i in range(start, start + n))
        return
    bits = np.random.PCG64(0)
    generator = np.random.Generator(bits)
    for high, low, inc_high, inc_low in seed_words(seed, start, n).tolist():
        inc = ((((inc_high << 64) | inc_low) << 1) | 1) & _MASK
        state = ((inc + ((high << 64) | low)) * _PCG_MULTIPLIER + inc) & _MASK
        bits.state = {
            "bit_generator": "PCG64", "state": {"state": state, "inc": inc}, "has_uint32": 0, "uinteger": 0
        }  # fmt: skip
        yield generator


def seed_words(seed: int, start: int, n: int) -> NDArray[np.uint64]:
    """Return ``SeedSequence(seed, spawn_key=(i,)).generate_state(4, np.uint64)`` for n replicates, shape (n, 4).

    Examples
    --------
    >>> import numpy as np
    >>> one = np.random.SeedSequence(7, spawn_key=(41,)).generate_state(4, np.uint64)
    >>> bool((seed_words(7, 41, 1)[0] == one).all())
    True
    """
    key = np.arange(start, start + n, dtype=np.uint64).astype(np.uint32)
    pool = np.random.SeedSequence(seed).pool[:, None]  # (4, 1): arrays wrap around without a warning
    const = _INIT_A * pow(_MULT_A, _CALLS, 1 << 32) & _WORD
    mixed = []
    for word in pool:  # the spawn key is mixed into each word of the pool
        hashed, const = _hash(key, const, _MULT_A)
        value = _MIX_L * word - _MIX_R * hashed
        mixed.append(value ^ (value >> _SHIFT))
    out = np.empty((n, 8), dtype=np.uint32)
    const = _INIT_B
    for j in range(8):
        out[:, j], const = _hash(mixed[j % _POOL], const, _MULT_B)
    return out.astype("<u4").view("<u8").astype(np.uint64)


def _hash(value: Words, const: int, multiplier: int) -> tuple[Words, int]:
    value = value ^ np.uint32(const)
    const = const * multiplier & _WORD
    value = value * np.uint32(const)
    return value ^ (value >> _SHIFT), const
