"""The map of residuals draws each of them once, by its sign and size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm


def test_bubbles_tell_sign_and_size():
    data = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [0.0, 1, 0, 1], "r": [2.0, -1, 0.5, -2]})
    ax = mm.plot_bubbles(data, "x", "y", "r", xlabel="x (m)")
    above, below = ax.collections
    np.testing.assert_allclose(above.get_offsets(), [[0, 0], [2, 0]])
    np.testing.assert_allclose(below.get_offsets(), [[1, 1], [3, 1]])
    np.testing.assert_allclose(np.diff(above.get_sizes()), -165)  # area grows with the size
    assert above.get_sizes()[0] == below.get_sizes()[1]
    assert ax.get_xlabel() == "x (m)"
    assert ax.get_aspect() == 1.0
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["above 0", "below 0"]


def test_bubbles_need_their_columns():
    with pytest.raises(ValueError, match="r"):
        mm.plot_bubbles(pd.DataFrame({"x": [0], "y": [0]}), "x", "y", "r")
