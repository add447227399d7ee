"""The two small samplers draw from the distribution they were given, and their pictures show what they are given."""

from __future__ import annotations

import arviz as az
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm

COV = np.array([[1, 0.6], [0.6, 2]])
FIVE_SIGMA = 5


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.mark.parametrize("sampler", ["random walk", "hamiltonian"])
def test_samplers_draw_from_the_distribution(sampler):
    """Means, variances and quantiles within five Monte Carlo standard errors, with the effective sample size."""
    if sampler == "random walk":
        walk = mm.random_walk(COV, [3, -3], 20_000, 1.5, seed=1)
    else:
        walk = mm.hamiltonian(COV, [3, -3], 4_000, 0.9, 6, seed=1)  # steps so large that some are refused
    assert 0 < walk.accepted.mean() < 1
    draws = walk.draws[200:]
    white = np.linalg.solve(np.linalg.cholesky(COV), draws.T)
    for z in white:
        n = float(az.ess(z))
        assert abs(z.mean()) < FIVE_SIGMA / n**0.5
        n2 = float(az.ess(z**2))
        assert abs((z**2).mean() - 1) < FIVE_SIGMA * (2 / n2) ** 0.5
        inside = abs(z) < 0.6745
        assert abs(inside.mean() - 0.5) < FIVE_SIGMA * 0.5 / float(az.ess(inside.astype(float))) ** 0.5
    cross = white[0] * white[1]
    assert abs(cross.mean()) < FIVE_SIGMA / float(az.ess(cross)) ** 0.5


def test_what_a_walk_records():
    walk = mm.random_walk(COV, [0, 0], 50, 2.0, seed=2)
    assert walk.draws.shape == (51, 2)
    for k, path in enumerate(walk.paths):
        np.testing.assert_array_equal(path[0], walk.draws[k])
        np.testing.assert_array_equal(path[-1] if walk.accepted[k] else path[0], walk.draws[k + 1])
    roll = mm.hamiltonian(COV, [1, 1], 30, 0.2, 10, seed=2)
    lengths = [len(path) - 1 for path in roll.paths]
    assert roll.evaluations == sum(lengths)
    assert (min(lengths), max(lengths)) == (5, 10)
    again = mm.hamiltonian(COV, [1, 1], 30, 0.2, 10, seed=2)
    np.testing.assert_array_equal(roll.draws, again.draws)


def test_leapfrog_keeps_the_energy_better_with_smaller_steps():
    refused = [1 - mm.hamiltonian(COV, [1, 1], 400, step, 8, seed=3).accepted.mean() for step in (0.2, 1.2)]
    assert refused[0] < 0.02 < refused[1]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="positive definite"):
        mm.random_walk([[1, 2], [2, 1]], [0, 0], 5, 0.1, seed=1)
    with pytest.raises(ValueError, match="2 x 2"):
        mm.hamiltonian(np.eye(3), [0, 0], 5, 0.1, 5, seed=1)
    with pytest.raises(ValueError, match="step above 0"):
        mm.random_walk(COV, [0, 0], 5, 0, seed=1)
    with pytest.raises(ValueError, match="leapfrog"):
        mm.hamiltonian(COV, [0, 0], 5, 0.1, 0, seed=1)


def test_walks_are_drawn():
    walks = {
        "one": mm.random_walk(COV, [0, 0], 12, 0.5, seed=1),
        "two": mm.hamiltonian(COV, [0, 0], 4, 0.2, 6, seed=1),
    }
    axes = mm.plot_walks(walks, COV)
    assert [ax.get_title(loc="left") for ax in axes] == ["one: 12 draws", "two: 4 draws"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    ring = np.array(axes[0].lines[0].get_data())
    level = np.einsum("ik,ij,jk->k", ring, np.linalg.inv(COV), ring)
    np.testing.assert_allclose(level, stats.chi2.ppf(0.5, 2))
    with pytest.raises(ValueError, match="two dimensions"):
        mm.plot_walks(walks, np.eye(3))


def test_ranks_are_those_of_all_draws():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(3, 100))
    draws[0] += 10
    axes = mm.plot_chains({"bad": draws}, bins=10)
    first = axes[1].patches[0].get_data()
    assert first.values.sum() == 100
    assert first.values[:6].sum() == 0  # the two other chains have the lowest 200 ranks
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), draws[1])
    with pytest.raises(ValueError, match=r"\(chains, draws\)"):
        mm.plot_chains({"one": draws[0]})


def test_funnel_marks_what_diverged():
    table = pd.DataFrame({"a": [0.0, 1, 2], "b": [3.0, 4, 5], "diverging": [False, True, False]})
    (ax,) = mm.plot_funnel({"only": table}, "a", "b")
    np.testing.assert_array_equal(ax.lines[1].get_data(), [[1], [4]])
    assert len(ax.lines[0].get_xdata()) == 2
    with pytest.raises(ValueError, match="diverging"):
        mm.plot_funnel({"only": table[["a", "b"]]}, "a", "b")
