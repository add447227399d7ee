"""`mm.in_r`: R hears our tables, and we hear all that R says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

pytestmark = pytest.mark.r


def test_values_print_and_warnings():
    answer = mm.in_r("x <- c(1, 4)\nsqrt(x)\nsqrt(-x)")
    assert "[1] 1 2" in answer.printed
    assert answer.said == ("Warning: NaNs produced",)
    assert str(answer).endswith("Warning: NaNs produced")
    assert np.isnan(answer.numbers).all()


def test_objects_stay_and_tables_keep_their_types():
    data = pd.DataFrame(
        {"g": pd.Categorical(["b", "a", None], ["b", "a"]), "t": list("uvw"), "z": [True, False, True]}
    )
    answer = mm.in_r("list(levels(d$g), sum(is.na(d$g)), class(d$t), class(d$z))", d=data.assign(x=[1, 2, 3]))
    assert '"b" "a"' in answer.printed
    assert '"character"' in answer.printed
    assert '"logical"' in answer.printed
    assert mm.in_r("matrix(d$x[1:2], 1)").numbers.tolist() == [[1.0, 2.0]]


def test_errors_are_raised_or_written_down():
    with pytest.raises(RuntimeError, match="no such luck"):
        mm.in_r("stop('no such luck')")
    answer = mm.in_r("1\nstop('no such luck')\n2", errors="show")
    assert answer.said == ("Error: no such luck",)
    assert "[1] 2" not in answer.printed


def test_a_fit_can_be_viewed():
    data = mm.load("Dyestuff")
    fit = mm.in_r("lme4::lmer(Yield ~ 1 + (1 | Batch), dye)", dye=data).value
    ours = mm.fit("Yield ~ 1 + (1 | Batch)", data)
    assert mm.agreement({"lme4": fit, "mmhelpers": ours})["relative"].max() < 1e-4
