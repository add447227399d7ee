"""TestTable: frozen, refuses the impossible, prints what it holds."""

import dataclasses
import math

import pytest

from mmhelpers import TestRow, TestTable
from mmhelpers.testtable import format_number, format_p


def two() -> TestTable:
    return TestTable(
        (
            TestRow("A", 2.5, 0.03, df=1, df_den=17, statistic_name="F", n=20),
            TestRow("B", 1e-7, 0.0002, df=2, df_den=17, statistic_name="F", details={"effect": 3.0}),
        ),
        title="two tests",
    )


def test_one_row_gives_numbers_and_two_rows_refuse():
    one = TestTable((TestRow("A", 2.5, 0.03),))
    assert (one.statistic, one.p) == (2.5, 0.03)
    with pytest.raises(ValueError, match=r"table\['A'\]\.p"):
        _ = two().p
    assert two()["B"].details["effect"] == 3.0
    with pytest.raises(KeyError, match="no test named 'C'"):
        two()["C"]


def test_frozen_all_the_way_down():
    table = two()
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.title = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        table["B"].details["effect"] = 4.0  # type: ignore[index]
    with pytest.raises(TypeError):
        table.extras["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize("p", [-0.1, 1.2])
def test_a_p_value_is_a_probability(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        TestRow("A", 1.0, p)


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        TestTable(())


def test_frame_keeps_full_precision_and_details():
    frame = two().to_frame(details=True)
    assert list(frame["p"]) == [0.03, 0.0002]
    assert frame["statistic"][1] == 1e-7
    assert math.isnan(frame["effect"][0])
    assert frame["effect"][1] == 3.0


def test_text_and_html_show_the_same_numbers_and_escape():
    table = TestTable((TestRow("a < b", 45.8534, 1e-9, df=1, df_den=17),), title="<t>", note="n & m")
    text, page = str(table), table._repr_html_()
    for shown in ("45.85", "17", "<0.001"):
        assert shown in text
        assert shown.replace("<", "&lt;") in page
    assert "&lt;t&gt;" in page
    assert "n &amp; m" in page
    assert "<t>" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (math.inf, "inf"),
        (-0.00012345, "-0.0001234"),
        (123456.0, "123456"),
        (2.0000000000001, "2"),
    ],
)
def test_numbers(value, text):
    assert format_number(value) == text


def test_p_values():
    assert [format_p(p) for p in (0.00099, 0.001, 0.5, math.nan)] == ["<0.001", "0.001", "0.500", ""]
