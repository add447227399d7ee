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
AT_RANDOM = ", ties at random"
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
    for (family, size, test), part in rows(name).groupby(["family", "size", "test"]):
        p, key = part["p"].dropna(), (family, size, test.removesuffix(AT_RANDOM))
        column = "rejected" if key[-1] == test else "ties at random"
        assert table.loc[key, "data sets"] == len(p)
        assert table.loc[key, column] == pytest.approx((p <= 0.05).mean(), abs=1e-5)


def test_no_test_rejects_sound_models_above_its_level():
    """4 Monte Carlo SE; "groups kept" has no such promise, and is there to be seen."""
    for name in ("level", "refit"):
        table = mm.calibration(name)
        promised = table[~table["test"].str.contains("kept")]
        bound = 0.05 + 4 * np.sqrt(0.05 * 0.95 / promised["data sets"])
        assert (promised["rejected"] < bound).all(), promised[promised["rejected"] >= bound]


def test_with_refits_every_test_rejects_at_its_level():
    """4 Monte Carlo SE, both sides. Where a statistic has ties, or 99 simulations no 5% on two sides, with ties at random;
    the plain p never above it (see above)."""
    table = mm.calibration("refit")
    rate = table["ties at random"].fillna(table["rejected"])
    bound = 4 * np.sqrt(0.05 * 0.95 / table["data sets"])
    assert (table["data sets"] > 304).all()  # with fewer, 5% - 4 SE lies below 0
    assert set(table["size"]) == {"small", "large"}
    assert ((rate - 0.05).abs() < bound).all(), table[(rate - 0.05).abs() >= bound]
    random = table.dropna(subset="ties at random")
    assert set(random["test"]) == {"uniformity", "dispersion", "zeros", "outliers", "temporal", "spatial"}
    # a plain p is twice the larger rank at least; what a random place adds is chance
    assert (random["rejected"] <= random["ties at random"]).all()


def trend(x: np.ndarray, rates: np.ndarray, n: np.ndarray) -> float:
    """Cochran and Armitage's z for a trend of shares along x."""
    pooled, centred = (rates * n).sum() / n.sum(), x - (x * n).sum() / n.sum()
    top = (centred * n * rates).sum()
    return float(top / np.sqrt(pooled * (1 - pooled) * (n * centred**2).sum()))


def test_power_grows_with_each_fault_and_is_not_below_dharmas(study):
    """On the same data and simulations, by no more than 2 paired SE."""
    power = mm.calibration("power")
    own = power[[row.test in study.NAMED[row.fault] for row in power.itertuples()]]
    own = own[own["simulations"] != "performance"]
    ours = own.dropna(subset=["ours"])
    for key, part in ours.groupby(["family", "simulations", "fault", "test"]):
        part = part.sort_values("size")
        assert len(part) >= 3, key
        rates = part["ours"].to_numpy()
        se = np.sqrt(0.25 / part["data sets"].min())
        assert trend(part["size"].to_numpy(), rates, part["data sets"].to_numpy()) > 2, (key, rates)
        assert (np.diff(rates) > -2 * se).all(), (key, rates)
        if key[-1] != "uniformity":  # which is looked at beside the test that is named for the fault
            assert rates[-1] > rates[0] + 2 * se, (key, rates)
    faulty = ours.dropna(subset=["theirs"]).query("size > 0")
    worse = faulty["difference"] < -2 * np.maximum(faulty["paired se"], 1 / faulty["data sets"])
    assert not worse.any(), faulty[worse]
    families = {"gaussian", "poisson", "poisson glm", "binomial 8"}
    assert set(faulty["family"]) == families


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
