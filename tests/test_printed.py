"""Numbers in print: glue formats, published asserts."""

from __future__ import annotations

import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers.printed import PUBLISHED_MIME, Published

ROW = {"dataset": "sleepstudy", "model": "fm1: Reaction~Days+(Days|Subject) REML", "quantity": "fixef_Days"}


def published_row() -> pd.Series:
    table = mm.load("published")
    return table[(table[list(ROW)] == pd.Series(ROW)).all(axis=1)].iloc[0]


def test_glue_formats_once():
    assert mm.glue("a", 1 / 3, ".2f") == "0.33"
    assert mm.glue("b", -0.126, ".2f") == "−0.13"
    assert mm.glue("c", 0.256, ".0%") == "26%"
    assert mm.glue("d", 12) == "12"
    assert mm.glue("e", "Cape") == "Cape"


@pytest.mark.parametrize(
    ("value", "spec", "says"), [(float("nan"), ".2f", "not a number"), (1 / 3, "", "a format")]
)
def test_glue_refuses(value, spec, says):
    with pytest.raises(ValueError, match=says):
        mm.glue("x", value, spec)


def test_published_agrees_and_rounds_to_what_the_tolerance_means():
    row = published_row()
    record = mm.published(*ROW.values(), row["value"] + 0.9 * row["tolerance"])
    assert isinstance(record, Published)
    assert record.source == row["source"]
    assert record.ours == pytest.approx(row["value"] + 0.9 * row["tolerance"], abs=0.06 * row["tolerance"])


@pytest.mark.parametrize("sign", [-1, 1])
def test_published_refuses_what_moved_by_twice_the_tolerance(sign):
    row = published_row()
    with pytest.raises(AssertionError, match="fixef_Days of .* on sleepstudy: ours is"):
        mm.published(*ROW.values(), row["value"] + sign * 2 * row["tolerance"])


def test_published_takes_the_beginning_of_a_model_when_it_is_unique():
    assert mm.published("sleepstudy", "fm1: R", "fixef_Days", published_row()["value"]).model == ROW["model"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("sleep", "fm1", "fixef_Days"), "no data set 'sleep'; there are .*sleepstudy"),
        (("sleepstudy", "fm1", "fixef_Days"), "names .* models of sleepstudy"),
        (("sleepstudy", "fm9", "fixef_Days"), "names 0 models"),
        (("sleepstudy", ROW["model"], "slope"), "stands 0 times .*fixef_Days"),
    ],
)
def test_published_says_what_there_is(args, says):
    with pytest.raises(KeyError, match=says):
        mm.published(*args, 1.0)


def test_not_a_number_never_agrees():
    with pytest.raises(AssertionError):
        mm.published(*ROW.values(), float("nan"))


def test_the_record_reaches_the_notebook(monkeypatch):
    shown = []
    monkeypatch.setattr("mmhelpers.printed._display", lambda data, metadata=None: shown.append(data))
    mm.published(*ROW.values(), published_row()["value"])._ipython_display_()
    assert shown[0][PUBLISHED_MIME]["quantity"] == "fixef_Days"
    assert "agrees" in shown[0]["text/plain"]


def test_published_fit_asserts_every_number_that_a_fit_gives():
    fit = mm.fit("Reaction ~ Days + (Days || Subject)", mm.load("sleepstudy"), reml=False)
    found = mm.published_fit("sleepstudy", "fm2 ML", fit)
    assert found.left == ()
    assert {"sd_Subject.1_Days", "AIC", "BIC", "npar"} <= {record.quantity for record in found.records}
    assert {record.engine for record in found.records} == {"mmhelpers"}
    with pytest.raises(AssertionError, match="literature"):  # REML where ML is published
        mm.published_fit("sleepstudy", "fm2 ML", fit.with_reml(True))


def test_published_fit_takes_quantities_beside_the_fit():
    fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"), reml=False)
    model = "Yield~1+(1|Batch) ML"
    found = mm.published_fit("Dyestuff", model, fit, also={"theta": fit.theta[0]}, engine="ours")
    assert "theta" in {record.quantity for record in found.records}
    assert found.left == ("leverage_sum",)
    assert "not asked: leverage_sum" in str(found)
    with pytest.raises(KeyError, match="thetta"):
        mm.published_fit("Dyestuff", model, fit, also={"thetta": 0.75})
    with pytest.raises(KeyError, match="no such"):
        mm.published_fit("Dyestuff", "no such model", fit)


def test_a_note_goes_with_its_number_to_the_reader():
    row = ("carrots", "appendix C ranova", "LRT_(1 | Product)")
    record = mm.published(*row, 17.908, engine="lme4")
    assert "16.307" in record.note
    assert str(record).endswith(record.note)
    assert mm.published(*ROW.values(), published_row()["value"]).note == ""


def test_several_at_once_are_each_asserted_and_shown(monkeypatch):
    shown = []
    monkeypatch.setattr("mmhelpers.printed._display", lambda data, metadata=None: shown.append(data))
    ours = {"fixef_Days": 10.467, "nobs": 180}
    found = mm.published_rows("sleepstudy", ROW["model"], ours)
    found._ipython_display_()
    assert [s[PUBLISHED_MIME]["quantity"] for s in shown] == list(ours)
    assert len(str(found).splitlines()) == 2
    with pytest.raises(AssertionError, match="nobs"):
        mm.published_rows("sleepstudy", ROW["model"], ours | {"nobs": 181})
