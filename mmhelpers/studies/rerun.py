"""Published simulation studies at full size: from p-values to a table of rates.

The numbers of the two studies that the course reruns are in ``data/studies``; `load_study` reads them.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.studies import barr, chunks, matuschek

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Config = Mapping[str, Any]

#: Width of the bins of `histogram`.
BIN = 0.05
#: Data sets of each cell whose p-values are kept.
FIRST = 5


def read_config(path: Path) -> dict[str, Any]:
    """Read a study's configuration."""
    return tomllib.loads(path.read_text(encoding="utf8"))


def compute(config: Config, piece: chunks.Piece) -> chunks.Arrays:
    """p-values of the data sets of one piece."""
    replicates = range(piece.first, piece.stop)
    if config["study"] == "barr2013":
        cell = next(cell for cell in barr.CELLS if cell.name == piece.cell)
        return barr.p_values(cell, barr.draw(cell, config["seed"], replicates), config["cells"][piece.cell])
    of_slopes = next(cell for cell in matuschek.CELLS if cell.name == piece.cell)
    return matuschek.p_values(of_slopes, matuschek.draw(of_slopes, config["seed"], replicates))


def plan(config: Config) -> list[chunks.Piece]:
    """The pieces of a study, in the order in which they are computed."""
    return chunks.pieces(list(config["cells"]), config["n_rep"], config["piece"])


def run(config: Config, folder: Path, report: Callable[[str], None] = print) -> float:
    """Compute what is missing of a study; returns the processor time spent, in seconds."""
    return chunks.run(plan(config), lambda piece: compute(config, piece), folder, report)


def wilson(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927).

    Examples
    --------
    >>> tuple(round(x, 4) for x in wilson(50, 1000))
    (0.0381, 0.0653)
    """
    z = 1.959963984540054
    p = count / n
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float((centre - half) / (1 + z * z / n)), float((centre + half) / (1 + z * z / n))


def corrected_power(p0: Floats, p1: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """Power at the cut-off that gives a test its nominal level, and the standard error of that.

    A test that rejects too often under the null hypothesis (``p0``) is held to the alpha quantile of those
    p-values, one that does not to alpha itself, as Barr et al. (2013) do.

    Parameters
    ----------
    p0, p1 : ndarray, shape (n_rep,)
        p-values of the same data sets without and with the effect.
    alpha : float

    Returns
    -------
    power, se : float

    Examples
    --------
    >>> grid = np.linspace(0.0, 1.0, 1001)
    >>> round(corrected_power(grid**2, grid**4)[0], 3)
    0.224
    """
    if (p0 <= alpha).mean() <= alpha:
        power = float((p1 <= alpha).mean())
        return power, float(np.sqrt(power * (1 - power) / len(p1)))
    cut, low, high = np.quantile(p0, [alpha, 0.9 * alpha, 1.1 * alpha])
    hit0, hit1 = p0 <= cut, p1 <= cut
    slope = ((p1 <= high).mean() - (p1 <= low).mean()) / (0.2 * alpha)  # d power / d level
    return float(hit1.mean()), float(np.std(hit1 - slope * hit0) / np.sqrt(len(p0)))


def table(config: Config, results: Mapping[str, chunks.Arrays]) -> pd.DataFrame:
    """Rates of every cell and analysis.

    Parameters
    ----------
    config : mapping
    results : mapping
        Of cells to arrays, as `mmhelpers.studies.chunks.collect` gives them.

    Returns
    -------
    DataFrame
        Columns ``cell``, ``analysis``, ``quantity`` (``"type1"``, ``"power"``, ``"corrected_power"``, or
        ``"keeps_no_slope"``: how often a selection ends at the model without slopes), ``alpha``, ``n``
        (data sets with a p-value), ``count``, ``rate``, ``se``, ``lower``, ``upper`` (95 % Wilson), and of all
        data sets of the cell how many were ``failed`` and ``singular``, and in how many slopes were
        ``dropped`` because a fit failed.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell, arrays in results.items():
        for name in (k for k, v in arrays.items() if v.ndim == 2 and len(v) == 2):
            counts = _counts(arrays, name)
            for quantity, p in zip(("type1", "power"), arrays[name], strict=True):
                p = p[~np.isnan(p)]
                for alpha in config["alpha"]:
                    rows.append(
                        {"cell": cell, "analysis": name, "quantity": quantity, "alpha": alpha}
                        | _rate(int((p <= alpha).sum()), len(p))
                        | counts
                    )
            both = arrays[name][:, ~np.isnan(arrays[name]).any(0)]
            power, se = corrected_power(*both)
            rows.append(
                {"cell": cell, "analysis": name, "quantity": "corrected_power", "alpha": 0.05}
                | {"n": both.shape[1], "count": round(power * both.shape[1]), "rate": power, "se": se}
                | {"lower": power - 1.96 * se, "upper": power + 1.96 * se}
                | counts
            )
        for name in ("AIC", "LRT"):
            if f"{name}.model" in arrays:
                chosen = arrays[f"{name}.model"]
                rows.append(
                    {"cell": cell, "analysis": name, "quantity": "keeps_no_slope", "alpha": np.nan}
                    | _rate(int((chosen == len(matuschek.MODELS) - 1).sum()), len(chosen))
                    | _counts(arrays, name)
                )
    return pd.DataFrame(rows)


def _rate(count: int, n: int) -> dict[str, Any]:
    rate = count / n
    lower, upper = wilson(count, n)
    return {
        "n": n, "count": count, "rate": rate, "se": float(np.sqrt(rate * (1 - rate) / n)),
        "lower": lower, "upper": upper,
    }  # fmt: skip


def _counts(arrays: chunks.Arrays, analysis: str) -> dict[str, int]:
    """Failed and singular fits of the model behind an analysis, and fall-backs."""
    out = {"failed": 0, "singular": 0, "dropped": 0}
    model = analysis.split(".")[0]
    if f"{model}.singular" in arrays:
        for what in out:
            out[what] = int((arrays[f"{model}.{what}"] > 0).sum())
    elif "deviance" in arrays:
        names = list(matuschek.MODELS)
        for what in ("failed", "singular"):
            if model in names:
                out[what] = int(arrays[what][names.index(model)].sum())
            elif f"{model}.model" in arrays:
                chosen = arrays[f"{model}.model"].astype(int)
                out[what] = int(np.take_along_axis(arrays[what], chosen[None], axis=0).sum())
    return out


def histogram(results: Mapping[str, chunks.Arrays]) -> pd.DataFrame:
    """Counts of p-values in bins of width `BIN`: cell, analysis, effect (0 or 1), lower, count."""
    import pandas as pd

    edges = np.linspace(0.0, 1.0, round(1 / BIN) + 1)
    rows = []
    for cell, arrays in results.items():
        for name in (k for k, v in arrays.items() if v.ndim == 2 and len(v) == 2):
            for effect, p in enumerate(arrays[name]):
                counts, _ = np.histogram(p[~np.isnan(p)], edges)
                rows += [
                    {
                        "cell": cell,
                        "analysis": name,
                        "effect": effect,
                        "lower": round(low, 2),
                        "count": int(n),
                    }
                    for low, n in zip(edges[:-1], counts, strict=True)
                ]
    return pd.DataFrame(rows)


def first_rows(results: Mapping[str, chunks.Arrays], n: int = FIRST) -> pd.DataFrame:
    """p-values of the first data sets of every cell: cell, rep, analysis, p0, p1 (without and with the effect)."""
    import pandas as pd

    rows = [
        {"cell": cell, "rep": rep, "analysis": name, "p0": arrays[name][0, rep], "p1": arrays[name][1, rep]}
        for cell, arrays in results.items()
        for name in (k for k, v in arrays.items() if v.ndim == 2 and len(v) == 2)
        for rep in range(min(n, arrays[name].shape[1]))
    ]
    return pd.DataFrame(rows)


def write_tables(config: Config, pieces: Path, folder: Path) -> None:
    """Write the tables of a study, and a file that says what was run."""
    import scipy

    import mmhelpers

    results, sizes = chunks.collect(plan(config), pieces)
    n = min(sizes.values())  # all cells alike
    results = {
        cell: {name: v if name == "seconds" else v[..., :n] for name, v in arrays.items()}
        for cell, arrays in results.items()
    }
    tables = {"": table(config, results), "_first": first_rows(results), "_pvalues": histogram(results)}
    record: dict[str, Any] = {
        "study": config["study"],
        "seed": config["seed"],
        "n_rep": n,
        "wanted": config["n_rep"],
        "processor_seconds": {cell: round(float(a["seconds"]), 1) for cell, a in results.items()},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "mmhelpers": mmhelpers.__version__,
        },
        "sha256": {},
    }
    for suffix, frame in tables.items():
        path = folder / f"{config['study']}{suffix}.csv"
        frame.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
        record["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    real = folder / f"{config['study']}_real.csv"
    if real.exists():
        record["sha256"][real.name] = hashlib.sha256(real.read_bytes()).hexdigest()
    text = json.dumps(record, indent=2) + "\n"
    (folder / f"{config['study']}.json").write_text(text, encoding="utf8")


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


def load_study(study: str, part: str = "") -> pd.DataFrame:
    """Read what came out of a published study that the course has run again, or of the course's own.

    Parameters
    ----------
    study : {"barr2013", "matuschek2017", "methylation"}
    part : {"", "first", "pvalues", "real", "fits", "truth"}
        Of ``"methylation"``, the recovery of simulated effects over many loci: bias and coverage of each method
        (""), its estimates at each locus ("fits"), and the truth ("truth"). Of the others:
        The rates (`table`), the p-values of the first data sets (`first_rows`), all p-values counted in
        bins (`histogram`), or (of ``"barr2013"``) what Barr et al. found in 13 real experiments: the residual
        variance, and variances of intercepts and slopes of subjects and items over it.

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


def labels(cells: Sequence[str]) -> dict[str, str]:
    """Words for the names of Barr et al.'s cells.

    Examples
    --------
    >>> labels(["wswi24"])
    {'wswi24': 'within items, 24 items'}
    """
    return {
        name: f"{'within' if 'wi' in name else 'between'} items, {name.removeprefix('wswi').removeprefix('wsbi')} items"
        for name in cells
    }
