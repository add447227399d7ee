"""Estimates against the truth: what is missed is marked and counted, and nothing outside is lost."""

from __future__ import annotations

import pandas as pd
import pytest

import mmhelpers as mm


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "method": ["a"] * 3 + ["b"] * 3,
            "truth": [0.0, 1.0, 2.0] * 2,
            "estimate": [0.1, 1.1, 3.0, 0.0, 1.0, 90.0],
            "lower": [-1.0, 0.0, 2.5, -1.0, 0.0, -500.0],
            "upper": [1.0, 2.0, 3.5, 1.0, 2.0, 600.0],
        }
    )


def test_titles_count_what_was_missed_and_what_is_off_the_scale(table):
    axes = mm.plot_recovery(table, "method", limits=(-5, 5))
    assert axes[0].get_title(loc="left") == "a\n1 of 3 missed"
    assert axes[1].get_title(loc="left") == "b\n0 of 3 missed, 1 off the scale"
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_every_estimate_is_drawn(table):
    axes = mm.plot_recovery(table, "method", limits=(-5, 5))
    for panel, rows in zip(axes, [table[:3], table[3:]], strict=True):
        drawn = sum(
            len(line.get_xdata()) for line in panel.lines if line.get_marker() not in ("", "None", None)
        )
        assert drawn == len(rows)


def test_a_missing_column_is_named(table):
    with pytest.raises(ValueError, match="width"):
        mm.plot_recovery(table, "method", upper="width")
