"""Posterior densities: each has its interval, mean, name and the region behind it."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmhelpers as mm

RNG = np.random.default_rng(2)
EFFECTS = {"warm": RNG.normal(2, 6, (2, 1000)), "hypoxic": RNG.normal(18, 6, (2, 1000))}


def test_means_intervals_and_names():
    ax = mm.plot_posteriors(EFFECTS, rope=(-5, 5), xlabel="strokes")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["hypoxic", "warm"]
    means = [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "o"]
    assert means == pytest.approx([x.mean() for x in EFFECTS.values()])
    rows = [c.get_segments()[0] for c in ax.collections if hasattr(c, "get_segments")]
    for segment, x in zip(rows, EFFECTS.values(), strict=True):
        assert segment[:, 0] == pytest.approx(np.quantile(x, [0.025, 0.975]))
    assert ax.get_xlabel() == "strokes"
    plt.close("all")


@pytest.mark.parametrize(("draws", "rope", "words"), [({}, None, "at least one"), (EFFECTS, (5, -5), "rope")])
def test_refuses_in_words(draws, rope, words):
    with pytest.raises(ValueError, match=words):
        mm.plot_posteriors(draws, rope=rope)
