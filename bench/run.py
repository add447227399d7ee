"""Time mmhelpers beside lme4 with lmerTest, pymer4, statsmodels, mixedlm, glmm and mcpower, interleaved in one run.

``python bench/run.py`` (``make bench``) makes an environment for the peers under ``bench/.peers`` (they
never become dependencies), times every tool on the reference designs in turn, several rounds, one thread each, and writes
``bench/results.csv`` and ``bench/results.md``. Times are processor times of a single
thread, medians over rounds, a data set with both models
(intercepts, and intercepts with slopes) and their p-values; ratios are within a round, so that a busy machine
does little harm. ``--quick`` does two rounds of few fits.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from designs import CASES, Case, balanced, unbalanced  # noqa: E402

PEERS = ("mixedlm==1.3.0", "glmm==0.6.2", "mcpower==1.4.1")
# fits a round: enough for a second or so each
FITS = {
    "mmhelpers": 0, "mmhelpers_numba": 0, "mmhelpers_draws": 0, "mmhelpers_one": 5, "lmerTest": 5, "pymer4": 3, "statsmodels": 3,
    "mixedlm": 10, "glmm": 50, "mcpower": 50,
}  # fmt: skip
OUR_BATCHES = ("mmhelpers", "mmhelpers_numba", "mmhelpers_draws")
# data sets that mmhelpers fits together: studies have thousands, and formula and design cost once
OURS = {"balanced": 20_000, "crossed": 4000, "unbalanced": 2000, "crossed_missing": 400}
TARGETS = {
    "balanced": {"lmerTest": 10_000, "mixedlm": 600, "mcpower": 3},
    "crossed": {"lmerTest": 2000, "mixedlm": 450, "mcpower": 30},
    "unbalanced": {"lmerTest": 1000, "mixedlm": 60, "mcpower": 2},
    "crossed_missing": {"lmerTest": 100, "mixedlm": 20, "mcpower": 1.5},
}
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)


def peers_python() -> str | None:
    """Python of the peers' own environment, made if need be."""
    folder = HERE / ".peers"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        done = subprocess.run([str(python), "-m", "pip", "-q", "install", *PEERS, "pandas"], check=False)
        if done.returncode:
            shutil.rmtree(folder)
            return None
    return str(python)


def run(tool: str, folder: str, case: Case, fits: int, peers: str | None) -> dict[str, dict[str, object]]:
    """Time one tool on one design in a process of its own."""
    models = [case.intercepts, case.slopes]
    if tool == "lmerTest":
        command = ["Rscript", str(HERE / "lmer.R"), folder, *models, str(fits)]
    else:
        python = peers if tool in {"mixedlm", "glmm", "mcpower"} else sys.executable
        name = "mmhelpers" if tool == "mmhelpers_numba" else tool
        command = [str(python), str(HERE / "worker.py"), name, folder, *models, str(fits)]
    switch = {"MMHELPERS_NUMBA": "1" if tool == "mmhelpers_numba" else "0"}
    env = os.environ | ONE_THREAD | switch | {"PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        return {m: {"error": done.stderr.strip()[-200:]} for m in ("intercepts", "slopes")}
    return json.loads(done.stdout.strip().splitlines()[-1])


def time_case(
    key: str, case: Case, tools: list[str], rounds: int, share: float, peers: str | None
) -> list[dict[str, object]]:
    """All tools on one design, in turn, ``rounds`` times."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        fits = {tool: max(2, int(FITS[tool] * share)) for tool in tools}
        fits |= {tool: int(OURS[key] * share) for tool in OUR_BATCHES if tool in tools}
        case.data.to_csv(Path(folder) / "design.csv", index=False)
        Y = case.simulate(max(fits.values()), np.random.default_rng(1))
        np.save(Path(folder) / "Y.npy", Y)
        np.savetxt(Path(folder) / "Y.csv", Y[: max(20, fits.get("lmerTest", 0))], delimiter=",", fmt="%.17g")
        for number in range(rounds):
            for tool in tools:
                out = run(tool, folder, case, fits[tool], peers)
                for model, cell in out.items():
                    rows.append({"case": key, "round": number, "tool": tool, "model": model, **cell})
    return rows


def simulation_cost(case: Case, n_rep: int = 2000) -> float:
    """Seconds to draw one response, for the comparison with tools that simulate as well."""
    rng = np.random.default_rng(1)
    started = time.process_time()
    case.simulate(n_rep, rng)
    return (time.process_time() - started) / n_rep


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Median milliseconds and the ratio to mmhelpers within a round."""
    whole = table.pivot_table(
        index=["case", "tool", "round"], columns="model", values="seconds", aggfunc="first"
    )
    whole["both"] = whole["intercepts"] + whole["slopes"]
    rows = []
    for (case, tool), part in whole.groupby(level=["case", "tool"], sort=False):
        ours = whole.loc[(case, "mmhelpers")]
        theirs = part.droplevel([0, 1])
        extra = simulation_cost(CASES[case]) if tool == "mcpower" and case in CASES else 0.0
        ratio = {m: theirs[m] / (ours[m] + extra) for m in ("intercepts", "slopes", "both")}
        row = {"case": case, "tool": tool}
        for model in ("intercepts", "slopes", "both"):
            row[f"{model}_ms"] = 1e3 * theirs[model].median()
            row[f"{model}_ratio"] = ratio[model].median()
        row |= {"both_ratio_low": ratio["both"].min(), "both_ratio_high": ratio["both"].max()}
        if (case, "mmhelpers_numba") in set(whole.index.droplevel(2)):
            numba = whole.loc[(case, "mmhelpers_numba")]
            row["both_ratio_numba"] = (theirs["both"] / (numba["both"] + extra)).median()
        row["target"] = TARGETS.get(case, {}).get(tool)
        rows.append(row)
    return pd.DataFrame(rows)


def worst_criterion(table: pd.DataFrame) -> dict[str, float]:
    """How far mmhelpers' REML criterion is above that of any tool that reports one, on the same data."""
    out = {}
    for (case, model), part in table.groupby(["case", "model"]):
        ours = part[(part["tool"] == "mmhelpers") & (part["round"] == 0)]["criterion"].iloc[0]
        for tool in ("lmerTest", "mixedlm"):
            other = part[(part["tool"] == tool) & (part["round"] == 0)].get("criterion")
            if other is not None and len(other) and isinstance(other.iloc[0], list):
                n = len(other.iloc[0])
                out[f"{case}, {model}, {tool}"] = float(np.max(np.array(ours[:n]) - np.array(other.iloc[0])))
    return out


def scaling(share: float) -> list[dict[str, object]]:
    """Microseconds a fit as replicates, groups and observations grow (slope model, p-values)."""
    import mmhelpers as mm

    rows = []

    def add(what: str, size: int, case: Case, n_rep: int) -> None:
        Y = case.simulate(n_rep, np.random.default_rng(1))
        mm.fit_many(case.slopes, case.data, Y[:20]).coefficients()
        started = time.process_time()
        mm.fit_many(case.slopes, case.data, Y).coefficients()
        rows.append({"what": what, "size": size, "us_a_fit": 1e6 * (time.process_time() - started) / n_rep})

    for n_rep in (100, 1000, 10_000, 100_000):
        add("replicates, balanced 18 x 10", n_rep, balanced(), n_rep)
    for groups in (18, 72, 288):
        add("groups, balanced of 10", groups, balanced(groups), int(4000 * share) + 200)
    for days in (5, 20, 80):
        add("observations a group, 18 groups", days, balanced(days=days), int(4000 * share) + 200)
    for groups in (45, 180, 720):
        add("groups, unbalanced", groups, unbalanced(groups), int(500 * share) + 50)
    return rows


def versions(peers: str | None) -> str:
    """What was timed."""
    ask = "from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in NAMES if n), sep=', ')"
    found = []
    for python, names in (
        (sys.executable, ["scipy", "statsmodels", "pymer4"]),
        (peers, [p.split("==")[0] for p in PEERS]),
    ):
        if python:
            command = [python, "-c", ask.replace("NAMES", repr(names))]
            found.append(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    if shutil.which("Rscript"):
        code = (
            "v <- function(p) as.character(packageVersion(p)); "
            "cat(sprintf('R %s, lme4 %s, lmerTest %s', getRversion(), v('lme4'), v('lmerTest')))"
        )
        found.append(
            subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False).stdout
        )
    return "; ".join(part for part in found if part)


def markdown(
    summary: pd.DataFrame, grown: pd.DataFrame, above: dict[str, float], rounds: int, beside: str
) -> str:
    """The table that the book shows."""
    lines = [
        f"Python {platform.python_version()}, NumPy {np.__version__}, one thread; "
        f"medians over {rounds} interleaved rounds.",
        f"{beside}.",
        "Milliseconds (processor time) a data set, with p-values; "
        "ratio: the tool's time over that of `mm.fit_many` in the same round.",
        "mcpower simulates as well, so our side of its ratio includes drawing the data; mmhelpers_draws draws",
        "sufficient statistics instead, and its time is for that and the fit together. mmhelpers_one fits one data",
        "set a call, formula and all. mmhelpers_numba is with MMHELPERS_NUMBA=1, which serves groups that all differ.",
        "",
        "| design | tool | intercepts | slopes | both | ratio (range) | ratio, numba on | target |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in summary.itertuples():
        target = "" if pd.isna(row.target) else f"{row.target:g}"
        cells = [
            f"{v:.3g}" if np.isfinite(v) else "cannot"
            for v in (row.intercepts_ms, row.slopes_ms, row.both_ms)
        ]
        ratio = (
            f"{row.both_ratio:,.3g} ({row.both_ratio_low:,.3g} to {row.both_ratio_high:,.3g})"
            if np.isfinite(row.both_ratio)
            else ""
        )
        numba = getattr(row, "both_ratio_numba", float("nan"))
        numba_text = f"{numba:,.3g}" if np.isfinite(numba) else ""
        name = CASES[row.case].name if row.case in CASES else row.case
        lines.append(f"| {name} | {row.tool} | {' | '.join(cells)} | {ratio} | {numba_text} | {target} |")
    lines += ["", "| what grows | size | microseconds a fit |", "| --- | ---: | ---: |"]
    lines += [f"| {r.what} | {r.size} | {r.us_a_fit:.1f} |" for r in grown.itertuples()]
    lines += [
        "",
        "REML criterion of mmhelpers above the tool's, largest over the data sets (negative: ours is lower):",
        "",
    ]
    lines += [f"- {name}: {value:.1e}" for name, value in above.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds of few fits")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--tools", nargs="*", help="only these, beside mmhelpers itself")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    args = parser.parse_args()
    rounds, share = (2, 0.25) if args.quick else (args.rounds, 1.0)
    peers = peers_python()
    tools = ["mmhelpers", "mmhelpers_one"]
    tools += ["lmerTest"] if shutil.which("Rscript") else []
    tools += ["pymer4"] if "lmerTest" in tools and importlib.util.find_spec("pymer4") else []
    tools += ["mixedlm", "glmm", "mcpower"] if peers else []
    rows = []
    for key in args.cases:
        here = tools + (
            ["mmhelpers_numba"] if key == "unbalanced" and importlib.util.find_spec("numba") else []
        )
        here += ["mmhelpers_draws", "statsmodels"] if not key.startswith("crossed") else []
        here = [tool for tool in here if not args.tools or tool in {"mmhelpers", *args.tools}]
        rows += time_case(key, CASES[key], here, rounds, share, peers)
        print(f"{key}: done", flush=True)
    table = pd.DataFrame(rows)
    if "error" in table:
        for row in table[table["error"].notna() & (table["round"] == 0)].itertuples():
            print(f"{row.case}, {row.tool}, {row.model}: {row.error}")
    summary = summarise(table)
    grown = pd.DataFrame([] if args.tools else scaling(share), columns=["what", "size", "us_a_fit"])
    text = markdown(summary, grown, worst_criterion(table), rounds, versions(peers))
    args.out.with_suffix(".md").write_text(text)
    summary.to_csv(args.out.with_suffix(".csv"), index=False, float_format="%.5g")
    print(text)


if __name__ == "__main__":
    main()
