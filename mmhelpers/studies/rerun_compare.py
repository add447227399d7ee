"""The published rates of the studies that were run again, beside those that came out."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def load_study(study: str, part: str = "") -> pd.DataFrame:
    """Read what came out of a published study that the course has run again, or of the course's own.

    Parameters
    ----------
    study : {"barr2013", "matuschek2017", "methylation"}
    part : {"", "first", "pvalues", "real", "fits", "truth"}
        Of ``"methylation"``, the recovery of simulated effects over many loci: bias and coverage of each method
        (""), its estimates at each locus ("fits"), and the truth ("truth"). Of the others: the rates, the p-values
        of the first data sets, all p-values counted in bins, or (of ``"barr2013"``) what Barr et al. found in 13
        real experiments: the residual variance, and variances of intercepts and slopes of subjects and items over
        it.

    Returns
    -------
    DataFrame
        With what was run (sizes, processor time, versions) in ``attrs["record"]``.

    Raises
    ------
    ValueError
        If there is no such study or part, or its file is not the one that was recorded.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> rates = mm.load_study("barr2013")
    >>> sorted(set(rates["cell"]))
    ['wsbi12', 'wsbi24', 'wswi12', 'wswi24']
    """
    import pandas as pd

    from mmhelpers.datasets import data_folder

    folder = Path(str(data_folder())) / "studies"
    names = ["barr2013", "matuschek2017", "methylation"]
    if study not in names:
        raise ValueError(f"study must be one of {', '.join(names)}, not {study!r}")
    record = json.loads((folder / f"{study}.json").read_text(encoding="utf8"))
    name = f"{study}{'_' if part else ''}{part}.csv"
    if name not in record["sha256"]:
        parts = [file.removeprefix(study).removeprefix("_").removesuffix(".csv") for file in record["sha256"]]
        raise ValueError(f"part must be one of {', '.join(map(repr, parts))}, not {part!r}")
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"][name]:
        raise ValueError(f"data/studies/{name} is not the file that {study}.json records: it has changed")
    out = pd.read_csv(io.BytesIO(content))
    out.attrs["record"] = record
    return out


def compare_study(study: str) -> pd.DataFrame:
    """Published rates of a study beside those of the rerun, with the difference in standard errors.

    Parameters
    ----------
    study : {"barr2013", "matuschek2017"}

    Returns
    -------
    DataFrame
        As `compare` gives it, one row a published number.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> both = mm.compare_study("matuschek2017")
    >>> bool((both["z"].abs() < 4).all())
    True
    """
    from mmhelpers.datasets import load

    theirs = numbers_of(load("published"))
    return compare(load_study(study), theirs[theirs["study"] == study])


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Published rates beside ours, with the difference in standard errors, both taken together.

    Parameters
    ----------
    ours : DataFrame
        From `table`.
    theirs : DataFrame
        From `numbers_of`, of the same study.

    Returns
    -------
    DataFrame
        The columns of ``theirs``, ``rate``, ``se``, ``n`` and ``z``. The standard error of a published rate is
        that of a proportion from its number of data sets, taken at the mean of both rates; a corrected power
        is given ours, in proportion to the numbers of data sets.
    """
    keys = ["cell", "analysis", "quantity", "alpha"]
    both = theirs.merge(ours[[*keys, "n", "rate", "se"]], on=keys, how="left", validate="many_to_one")
    middle = (both["n"] * both["rate"] + both["n_published"] * both["published"]) / (
        both["n"] + both["n_published"]
    )
    variance = middle * (1 - middle) * (1 / both["n"] + 1 / both["n_published"])
    corrected = both["se"] ** 2 * (1 + both["n"] / both["n_published"])
    variance = variance.where(both["quantity"] != "corrected_power", corrected)
    both["z"] = (both["rate"] - both["published"]) / np.sqrt(variance)
    return both


def numbers_of(published: pd.DataFrame) -> pd.DataFrame:
    """The published rates of both studies, in the terms of `table`.

    Parameters
    ----------
    published : DataFrame
        ``mm.load("published")``.

    Returns
    -------
    DataFrame
        Columns ``study``, ``cell``, ``analysis``, ``quantity``, ``alpha``, ``published``, ``n_published``
        (data sets behind it), ``evidence``; and ``dataset``, ``model``, ``name`` by which
        `mmhelpers.published` finds the row. Analyses by MCMC are left out: the software that did them no
        longer exists.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for row in published.fillna({"note": ""}).to_dict("records"):
        found = _barr_row(row) or _matuschek_row(row)
        if found is not None and "MCMC" not in found["analysis"]:
            rows.append(
                found
                | {"published": float(row["value"]), "evidence": row["evidence"]}
                | {"dataset": row["dataset"], "model": row["model"], "name": row["quantity"]}
            )
    return pd.DataFrame(rows)


def _barr_row(row: Mapping[Any, Any]) -> dict[str, Any] | None:
    if not str(row["dataset"]).startswith("Barr2013"):
        return None
    kind, items = str(row["dataset"]).split()[1], str(row["dataset"]).split(" x ")[1].split()[0]
    model = str(row["model"])
    alpha = float(model.split()[0].removeprefix("alpha=")) if model.startswith("alpha=") else 0.05
    quantity = {"typeI": "type1", "power_eff0.8": "power", "corrected_power_eff0.8": "corrected_power"}
    note = str(row["note"])
    n = int(note.removeprefix("n=").split(",")[0]) if note.startswith("n=") else 100_000
    return {
        "study": "barr2013", "cell": kind + items, "analysis": model.split()[-1],
        "quantity": quantity[str(row["quantity"])], "alpha": alpha, "n_published": n,
    }  # fmt: skip


def _matuschek_row(row: Mapping[Any, Any]) -> dict[str, Any] | None:
    if not str(row["source"]).startswith("Matuschek"):
        return None
    subjects, items = (str(row["dataset"]).split()[i] for i in (1, 4))
    sd = str(row["model"]).split("=")[1]
    kind, analysis = str(row["quantity"]).split("_", 1)
    quantity, alpha = {"typeI": "type1", "power": "power"}[kind], 0.05
    if analysis.startswith("selRI_"):
        quantity, alpha, analysis = "keeps_no_slope", float("nan"), analysis.removeprefix("selRI_")
    return {
        "study": "matuschek2017", "cell": f"{subjects}x{items}sd{sd}",
        "analysis": {"Max": "max"}.get(analysis, analysis),
        "quantity": quantity, "alpha": alpha, "n_published": 10_000,
    }  # fmt: skip
