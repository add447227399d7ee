"""Memory beside the result does not grow with the replicates, and neither does the cost of one."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.engine import fit_matrices, prepare_draws
from mmhelpers.engine.drawn import ARRAYS

BESIDE = 60e6  # bytes: some 20 arrays of CHUNK numbers; 1,000,000 replicates of data would be 200 MB


def _beside(run):
    """Peak of what was allocated, less the result."""
    tracemalloc.start()
    fits = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - sum(getattr(fits, name).nbytes for name in ARRAYS) - 8 * fits.n_rep


@pytest.fixture(scope="module")
def balanced():
    return mm.cross(g=6, x=[0.0, 1.0, 2.0, 3.0]).data


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)"])
def test_memory_of_data(balanced, formula):
    matrices = mm.build_matrices(formula, balanced, response=False)
    Y = np.random.default_rng(1).normal(size=(120_000, 24))
    few = _beside(lambda: fit_matrices(matrices, Y[:30_000]))
    many = _beside(lambda: fit_matrices(matrices, Y))
    assert many < BESIDE
    assert many < few + 5e6


def test_memory_of_draws(balanced):
    truth = mm.Truth("y ~ x + (1 | g)", beta=[0.0, 0.0], sd={"g": 1.0}, sigma=1.0)
    matrices = mm.build_matrices(truth.formula, balanced, response=False)
    source = prepare_draws([matrices], matrices, truth.bind(matrices))
    few, many = (_beside(lambda n=n: source.fit(n, np.random.default_rng(1))[0]) for n in (30_000, 120_000))
    assert many < BESIDE
    assert many < few + 5e6


def test_cost_of_a_replicate_does_not_grow(balanced):
    matrices = mm.build_matrices("y ~ x + (x | g)", balanced, response=False)
    Y = np.random.default_rng(1).normal(size=(100_000, 24))
    cost = {}
    for n_rep in (10_000, 100_000):
        times = []
        for _ in range(3):
            started = time.thread_time()
            fit_matrices(matrices, Y[:n_rep])
            times.append((time.thread_time() - started) / n_rep)
        cost[n_rep] = min(times)
    assert cost[100_000] < 2 * cost[10_000]
