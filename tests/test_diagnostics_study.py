"""The studies of the residual tests: their files are whole, their tables follow, a first part comes out again."""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

ROOT = Path(__file__).parents[1]
STUDIES = ROOT / "data" / "studies"
FIRST = 2  # data sets of each cell that are computed again


@pytest.fixture(scope="module")
def study() -> Any:
    spec = importlib.util.spec_from_file_location(
        "diagnostics_study", ROOT / "data" / "make" / "diagnostics_study.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> pd.DataFrame:
    table = pd.read_csv(STUDIES / f"diagnostics_{name}_pvalues.csv")
    return table.melt(["family", "size", "number", "failed"], var_name="test", value_name="p").dropna(
        subset="p"
    )


def test_files_are_the_recorded_ones():
    record = json.loads((STUDIES / "diagnostics.json").read_text())
    assert set(record["sha256"]) == {p.name for p in STUDIES.glob("diagnostics_*.csv")}
    for name, digest in record["sha256"].items():
        assert hashlib.sha256((STUDIES / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("name", ["level", "refit"])
def test_tables_follow_from_the_p_values(name):
    table = mm.calibration(name).set_index(["family", "size", "test"])
    for key, part in rows(name).groupby(["family", "size", "test"]):
        p = part["p"].dropna()
        if len(p):
            assert table.loc[key, "data sets"] == len(p)
            assert table.loc[key, "rejected"] == pytest.approx((p <= 0.05).mean(), abs=1e-5)


def test_no_test_rejects_sound_models_above_its_level():
    """4 Monte Carlo SE; "groups kept" has no such promise, and is there to be seen."""
    for name in ("level", "refit"):
        table = mm.calibration(name)
        promised = table[~table["test"].str.contains("kept")]
        bound = 0.05 + 4 * np.sqrt(0.05 * 0.95 / promised["data sets"])
        assert (promised["rejected"] < bound).all(), promised[promised["rejected"] >= bound]


def test_power_grows_with_each_fault_and_is_not_below_dharmas():
    """On the same data and simulations, by no more than 2 paired SE, where DHARMa's test has its level."""
    power = mm.calibration("power")
    named = {"overdispersion": "dispersion", "zeros": "zeros", "time": "temporal", "space": "spatial"}
    own = power[power["test"] == power["fault"].map(named)]
    for _, part in own[own["simulations"] != "performance"].groupby(["family", "simulations", "fault"]):
        rates = part.sort_values("size")["ours"].to_numpy()
        se = np.sqrt(0.25 / part["data sets"].min())
        assert rates[-1] > rates[0] + 2 * se
        assert rates[1] > rates[0] - 2 * se
    both = own.dropna(subset=["theirs"])
    both = both[both["simulations"] != "performance"]
    faulty = both[both["size"] > 0]
    worse = faulty["difference"] < -2 * np.maximum(faulty["paired se"], 1 / faulty["data sets"])
    # With new groups DHARMa's tests of dependence take rows of a group as independent; the page says what that gains it.
    shared = (faulty["simulations"] == "groups new") & faulty["test"].isin(["temporal", "spatial"])
    assert not (worse & ~shared).any(), faulty[worse & ~shared]
    assert faulty.loc[shared, "difference"].min() > -0.1


def test_no_data_set_was_lost(study):
    """Every cell has all its numbers; those whose refits failed are named in the file."""
    for name, cells in (("level", study.LEVEL), ("refit", study.REFIT)):
        table = pd.read_csv(STUDIES / f"diagnostics_{name}_pvalues.csv")
        for family, size, n in cells:
            part = table.query("family == @family and size == @size")
            assert sorted(part["number"]) == list(range(n)), (name, family, size)
            assert part["failed"].notna().sum() <= 0.1 * n


def same(again: dict[str, float], stored: pd.DataFrame, where: str) -> None:
    again = {test: p for test, p in again.items() if not np.isnan(p)}
    known = dict(zip(stored["test"], stored["p"], strict=True))
    assert set(again) == set(known), where
    for test, p in again.items():
        # p-values are multiples of 1 / (n_sim + 1); a fit that differs in its last digits may move a rank
        assert p == pytest.approx(known[test], abs=0.021, nan_ok=True), (where, test)


@pytest.mark.filterwarnings("ignore")
def test_the_first_gaussian_data_sets_come_out_again(study):
    stored = rows("level").query("family == 'gaussian' and size == 'small'")
    table = study.design("small")
    made = study.fitter("gaussian", table)
    for number in range(FIRST):
        again = study.one("level", "gaussian", "small", number, made, table)
        same(again, stored[stored["number"] == number], f"gaussian {number}")


@pytest.mark.r
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_the_first_data_sets_of_mixed_models_come_out_again(study, family):
    if not mm.have_r():
        pytest.skip("needs R: lme4 fits the mixed models of counts")
    stored = rows("level").query("family == @family and size == 'small'")
    table = study.design("small")
    made = study.fitter(family, table, by="lme4")
    for number in range(FIRST):
        again = study.one("level", family, "small", number, made, table)
        same(again, stored[stored["number"] == number], f"{family} {number}")


@pytest.mark.filterwarnings("ignore")
def test_the_first_refits_come_out_again(study):
    for family in dict.fromkeys(cell[0] for cell in study.REFIT):
        stored = rows("refit").query("family == @family and size == 'small'")
        table = study.design("small")
        again = study.one("refit", family, "small", 0, study.fitter(family, table), table)
        same(again, stored[stored["number"] == 0], family)
