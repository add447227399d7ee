"""TestTable: frozen, refuses the impossible, prints what it holds."""

import dataclasses
import math

import pytest

from mmhelpers import TestRow, TestTable
from mmhelpers.testtable import format_number, format_p, p_phrase


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


@pytest.mark.parametrize(
    ("smallest", "text"),
    [(1 / 250, "<0.004"), (2 / 250, "<0.008"), (1 / 99, "<0.011"), (1 / 5000, "<0.001"), (0.0, "<0.001")],
)
def test_no_p_is_printed_smaller_than_its_simulations_can_say(smallest, text):
    """0 of 250 says less than 1 in 250; rounded up, so that what is printed holds."""
    assert format_p(0.0, smallest) == text
    assert float(text[1:]) >= smallest
    assert format_p(max(smallest, 0.001), smallest) == f"{max(smallest, 0.001):.3f}"
    row = TestRow("zeros", 2.0, 0.0, smallest_p=smallest)
    assert text in str(TestTable((row,)))
    assert text.replace("<", "&lt;") in TestTable((row,))._repr_html_()
    assert p_phrase(0.0, smallest) == f"p < {text[1:]}"


def test_every_simulated_test_knows_how_small_its_p_can_be():
    import numpy as np

    import mmhelpers as mm

    rng = np.random.default_rng(1)
    y = rng.negative_binomial(0.4, 0.1, 100) * (rng.random(100) > 0.5)
    r = mm.quantile_residuals(y, rng.poisson(2.0, (100, 250)))
    tests = {
        "zeros": mm.check_zeros,
        "dispersion": mm.check_dispersion,
        "outliers": mm.check_outliers,
        "largest": lambda r, *of, **options: mm.check_statistic(r, np.max, *of, **options),
    }
    for name, test in tests.items():
        assert test(r).p == 0, name
        # both sides count twice, but for outliers: fewer than none cannot be
        least = "0.004" if name == "outliers" else "0.008"
        assert f"<{least}" in str(test(r)), name
        assert "<0.004" in str(test(r, "greater")), name
        exact = test(r, "greater", exact=True)
        assert exact.p == pytest.approx(1 / 251), name
        assert str(exact).split()[-1] == "0.004", name
        assert mm.plot_simulated(test(r)).get_title(loc="left") == f"p < {least}"
