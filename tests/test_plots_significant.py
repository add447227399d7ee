"""The histogram of estimates: every study is in a bar, the significant ones in their colour, failed fits nowhere."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm


def test_bars_count_the_studies():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"estimate": rng.normal(-8, 10, 500), "p": rng.random(500)})
    table.loc[[3, 9], "p"] = np.nan
    ax = mm.plot_significant(table, truth=-8, alpha=0.2, bins=20)
    quiet, loud = (sum(bar.get_height() for bar in group) for group in ax.containers)
    assert loud == (table["p"] < 0.2).sum()
    assert quiet + loud == 498
    assert ax.lines[0].get_xdata()[0] == -8
    share = (table["p"].dropna() < 0.2).mean()
    assert f"significant ({share:.0%})" in [t.get_text() for t in ax.get_legend().get_texts()]
    plt.close("all")


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="'p'"):
        mm.plot_significant(pd.DataFrame({"estimate": [1.0]}), truth=0)
