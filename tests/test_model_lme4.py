"""Model matrices against lme4's, case by case (reference/model_matrices.R made the numbers)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

# R prints 15 significant digits; poly() and scale() differ in the order of their sums
RTOL = 1e-12
ATOL = 1e-12

REFERENCE = json.loads((Path(__file__).parent / "reference" / "model_matrices.json").read_text())
CASES = REFERENCE["cases"]


def frame(name):
    columns = {}
    for column, content in REFERENCE["frames"][name].items():
        values = content["values"]
        if content["levels"] is not None:
            values = pd.Categorical(values, categories=content["levels"], ordered=content["ordered"])
        columns[column] = values
    return pd.DataFrame(columns)


CONTRASTS = {
    "base b": ("treatment", "b"),
    "custom named": pd.DataFrame({"_one": [-1, 0.5, 0.5], "_two": [0, -0.5, 0.5]}),
    "custom": [[-1, 0], [0.5, -0.5], [0.5, 0.5]],
}


def built(case):
    contrasts = {name: CONTRASTS.get(c, c) for name, c in (case.get("contrasts") or {}).items()}
    return mm.build_matrices(case["formula"], frame(case["data"]), contrasts, missing="drop", check=False)


def case_id(case):
    return f"{case['data']}: {case['formula']} {case.get('contrasts') or ''}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_fixed_effects_are_lme4s(case):
    m = built(case)
    assert list(m.x_names) == case["x_names"]
    assert list(m.aliased) == case["aliased"]
    assert list(m.x_terms) == case["x_terms"]
    assert list(m.rows) == case["rows"]
    if m.terms:  # lFormula subsets assign with the columns; the lm-like case has them all
        assert list(m.assign) == case["assign"]
    np.testing.assert_allclose(m.X, np.array(case["X"]).T.reshape(m.X.shape), rtol=RTOL, atol=ATOL)
    np.testing.assert_allclose(m.y, case["y"], rtol=RTOL)
    if "offset" in case:
        np.testing.assert_allclose(m.offset, case["offset"], rtol=RTOL, atol=ATOL)
    else:
        assert m.offset is None


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_random_effects_are_lme4s(case):
    m = built(case)
    for term, expected in zip(m.terms, case["terms"], strict=True):
        assert term.label == expected["label"]
        assert term.group == expected["group"]
        assert list(term.columns) == expected["columns"]
        assert list(term.levels) == expected["levels"]
    Zt = case["Zt"]
    dense = np.zeros(Zt["dim"])
    dense[Zt["i"], Zt["j"]] = Zt["x"]
    assert m.q == Zt["dim"][0]
    np.testing.assert_allclose(m.Z().toarray().T, dense, rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("case", [c for c in CASES if c["terms"]], ids=case_id)
def test_theta_stands_where_lme4_puts_it(case):
    m = built(case)
    assert m.n_theta == case["n_theta"] == len(m.theta_names)
    L = np.zeros((m.q, m.q))
    L[case["Lambdat"]["j"], case["Lambdat"]["i"]] = case["Lambdat"]["x"]
    np.testing.assert_array_equal(m.Lambda(np.arange(1, m.n_theta + 1)).toarray(), L)
    np.testing.assert_array_equal(np.isfinite(m.theta_lower), np.array(case["lower"]) == 0)
