"""The recovery study of methylation: its truth comes again from the seed, and its tables from its fits."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers.datasets import data_folder

#: stored with five digits, and maxima found by steps of finite differences
STORED = 1e-3
#: posterior means and ends of two runs with different seeds, in Monte Carlo errors
RUNS = 5.0


@pytest.fixture(scope="module")
def script():
    path = data_folder() / "make" / "methylation.py"
    spec = importlib.util.spec_from_file_location("make_methylation", str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_methylation"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fits():
    return mm.load_study("methylation", "fits")


@pytest.fixture(scope="module")
def truth():
    return mm.load_study("methylation", "truth").fillna({"separated": ""})


def test_the_truth_comes_again_from_the_seed(script, truth):
    made = script.truths()
    pd.testing.assert_frame_equal(made, truth, check_exact=False, rtol=1e-4, atol=1e-4)


def test_the_design_is_what_it_says(script, truth):
    assert truth["kind"].value_counts().to_dict() == script.KINDS
    one = script.locus(200, "extreme")
    assert len(one.n) == 48
    assert (one.n >= 5).all()
    assert (one.y <= one.n).all()
    null = truth[truth["kind"] == "no effect"]
    assert (null["b1"] == 0).all()
    assert (null["b3"] == 0).all()
    extreme = truth[truth["kind"] == "extreme"]
    logit = extreme[["b0", "b1", "b2", "b3"]].sum(axis=1).abs()
    assert logit.between(5 - 1e-3, 8 + 1e-3).all()
    assert (extreme["separated"] != "").sum() >= 80


def test_separated_means_a_whole_cell(script):
    one = script.locus(200, "extreme")
    cell = np.arange(48) % 4 // 2 + 2 * (np.arange(48) >= 24)
    y = np.where(cell == 3, 0, np.maximum(one.y, 1))
    y[cell == 0] = np.minimum(y, one.n - 1)[cell == 0]
    alone = script.Locus(0, "extreme", one.truth, one.n, y)
    assert "exposed 80: 0%" in script.separated(alone)
    y[np.flatnonzero(cell == 3)[0]] = 1
    assert "exposed 80: 0%" not in script.separated(alone)


@pytest.mark.parametrize("number", [0, 150, 205, 350])
def test_penalised_rows_are_computed_again(script, fits, number):
    kinds = [kind for kind, count in script.KINDS.items() for _ in range(count)]
    one, table = script.locus(number, kinds[number]), script.design()
    for name, (extra, scale) in script.PENALISED.items():
        found = mm.fit_loci(one.y, one.n, script.matrix(table), table["tank"], row_effect=extra, scale=scale)
        stored = fits[(fits["method"] == name) & (fits["locus"] == number)].iloc[0]
        for estimand, weights in script.ESTIMANDS.items():
            row, short = found.contrast(list(weights)).iloc[0], script.SHORT[estimand]
            assert [row["estimate"], row["lower"], row["upper"]] == pytest.approx(
                [stored[short], stored[f"{short}_lo"], stored[f"{short}_hi"]], rel=STORED, abs=STORED
            )


def test_glmer_rows_are_computed_again(script, fits):
    mm.require_r("lme4", "glmmTMB")
    fit = script.in_r("glmer", True)
    stored = fits[fits["method"] == "glmer, tank + oyster"].set_index("locus")
    for number, kind in ((0, "no effect"), (150, "effect")):
        row = fit(script.locus(number, kind))
        for name in ("d9", "d80", "int"):
            ours = [row[name], row[f"{name}_lo"], row[f"{name}_hi"]]
            theirs = stored.loc[number, [name, f"{name}_lo", f"{name}_hi"]].tolist()
            assert ours == pytest.approx(theirs, rel=0.02, abs=0.01)


def test_a_nuts_row_is_drawn_again(script, fits):
    pytest.importorskip("nutpie")
    stored = fits[(fits["method"] == "NUTS, tank + oyster") & (fits["converged"] == 1)].set_index("locus")
    number = int(stored.index[0])
    kinds = [kind for kind, count in script.KINDS.items() for _ in range(count)]
    mm.use_bayes()
    row = script.nuts(True, 2.5)(script.locus(number, kinds[number]))
    assert row["rhat"] < 1.01
    assert row["divergences"] == 0
    for name in ("d9", "d80", "int"):
        width = stored.loc[number, f"{name}_hi"] - stored.loc[number, f"{name}_lo"]
        error = width / 4 / np.sqrt(stored.loc[number, "ess"])  # of the mean; the ESS is the smallest of all
        assert row[name] == pytest.approx(stored.loc[number, name], abs=RUNS * error)


def test_the_summary_is_that_of_the_fits(script, fits, truth):
    again = script.summary(fits, truth).reset_index(drop=True)
    stored = mm.load_study("methylation")
    pd.testing.assert_frame_equal(again, stored, check_exact=False, rtol=2e-3, atol=2e-3, check_dtype=False)


def test_methods_are_compared_at_the_same_loci(script, fits, truth):
    table = mm.load_study("methylation")
    shared = table[table["loci"].str.endswith(", same loci")]
    assert (shared["failed"] == 0).all()
    assert (shared.groupby("loci")["n"].nunique() == 1).all()
    null = {script.METHODS[name][0] for name in script.ALARMS if name != "penalised"}
    found = {script.METHODS[name][0] for name in script.RECOVERY if name != "penalised"}
    penalised = {"penalised, tank", "penalised, tank + oyster"}
    ends = ["d9_lo", "d9_hi", "d80_lo", "d80_hi", "int_lo", "int_hi"]
    for group, methods, chosen in (
        ("no effect", null | penalised, truth["kind"] == "no effect"),
        ("separated", found | penalised, truth["separated"] != ""),
    ):
        rows = shared[shared["loci"] == f"{group}, same loci"]
        assert methods <= set(rows["method"])
        loci = set(truth.loc[chosen, "locus"])
        for method in methods:
            own = fits[(fits["method"] == method) & fits[ends].notna().all(axis=1)]
            if method.startswith("NUTS"):
                own = own[own["converged"] == 1]
            loci &= set(own["locus"])
        assert rows["n"].iloc[0] == len(loci) >= 80


def test_the_summary_by_hand(fits, truth):
    own = fits[fits["method"] == "penalised, tank + oyster"].merge(truth, on="locus")
    own = own[own["separated"] != ""]
    true = own["b1"] + own["b3"]
    stored = mm.load_study("methylation").set_index(["loci", "method", "estimand"])
    row = stored.loc[("separated", "penalised, tank + oyster", "exposure at day 80")]
    inside = (own["d80_lo"] < true) & (true < own["d80_hi"])
    error = (own["d80"] - true) * np.where(true < 0, -1, 1)
    assert row["n"] == len(own)
    assert row["coverage"] == pytest.approx(inside.mean(), abs=1e-3)
    assert row["coverage_se"] == pytest.approx(
        np.sqrt(inside.mean() * (1 - inside.mean()) / len(own)), abs=1e-3
    )
    assert row["bias"] == pytest.approx(error.mean(), abs=1e-2)


def test_enough_loci_and_sound_chains(fits):
    own = fits[fits["method"] == "NUTS, tank + oyster"]
    good = own[own["converged"] == 1]
    assert len(good) >= 200
    assert (good["rhat"] <= 1.01).all()  # below it before it was rounded to five digits
    assert (good["divergences"] == 0).all()
    assert not own["locus"].duplicated().any()


def test_what_the_chapter_says_of_it():
    table = mm.load_study("methylation").set_index(["loci", "method", "estimand"])["rejected"]
    null = table.loc["no effect"].xs("interaction", level="estimand")
    assert null["glmer, tank"] > null["glmer, tank + oyster"] + 0.03
    width = mm.load_study("methylation").set_index(["loci", "method", "estimand"])["width"]
    at = ("separated", "glmer, tank + oyster", "exposure at day 80")
    assert width[at] > 1000
