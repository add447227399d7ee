"""The models of reference/inference_cases.R: data, matrices and R's numbers by name of the case."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mmhelpers as mm

FOLDER = Path(__file__).parent / "reference" / "inference"


@cache
def numbers(file: str) -> Any:
    return json.loads((FOLDER / f"{file}.json").read_text(encoding="utf8"))


@cache
def data(name: str, file: str = "anova") -> pd.DataFrame:
    case = numbers(file)[name]
    made_here = FOLDER / f"{case['data']}.csv"
    frame = pd.read_csv(made_here) if made_here.exists() else mm.load(case["data"])
    return frame.drop(index=[row - 1 for row in case["drop"]]).reset_index(drop=True)


@cache
def matrices(name: str, file: str = "anova") -> mm.Matrices:
    case = numbers(file)[name]
    out = mm.build_matrices(case["formula"], data(name), case["contrasts"] or None, missing="drop")
    assert list(out.x_names) == case["names"]
    return out


def complete(name: str, file: str = "anova") -> pd.DataFrame:
    """The rows that the model uses."""
    return data(name, file).iloc[matrices(name, file).rows].reset_index(drop=True)


def theta(name: str, file: str = "anova") -> np.ndarray:
    """R's theta in the order of our terms (lme4 sorts terms by their number of levels)."""
    case = numbers(file)[name]
    by_name = dict(zip(case["theta_names"], case["theta"], strict=True))
    return np.array([by_name[key.replace(" ", "")] for key in matrices(name, file).theta_names])
