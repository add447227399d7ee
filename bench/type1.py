"""Time a whole Type I study beside lmerTest fitting a sample of the same data sets, interleaved in one run.

``python bench/type1.py``: 10,000 data sets on the design of the sleepstudy data, two models, Satterthwaite p-values,
from the formula to the table of rates, drawing included, on one core; lmerTest fits a sample of the same data (its
time leaves the drawing out). Processor times, medians over rounds; writes ``bench/type1.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
MODELS = {"slope-less": "y ~ Days + (1 | Subject)", "maximal": "y ~ Days + (Days | Subject)"}

STUDY = """
import json, sys, time
import mmhelpers as mm
n_rep, models, folder, sample = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
design = mm.cross(Subject=18, Days=range(10))
truth = mm.Truth("y ~ Days + (Days | Subject)", beta=[251.4, 0], sigma=25.6,
                 sd={"Subject": {"(Intercept)": 24.7, "Days": 5.92}}, corr={"Subject": 0.07})
mm.type1(design, truth, models, "Days", tests=("satterthwaite",), n_rep=20, seed=2)  # imports
wall, cpu = time.perf_counter(), time.process_time()
table = mm.type1(design, truth, models, "Days", tests=("satterthwaite",), n_rep=n_rep, seed=1)
seconds = time.process_time() - cpu, time.perf_counter() - wall
mm.study(design, truth, models, "Days", n_rep=20, seed=2, statistics=True)
cpu = time.process_time()
mm.study(design, truth, models, "Days", n_rep=n_rep, seed=1, statistics=True)
short = time.process_time() - cpu
rows = table.attrs["rows"]
import numpy as np
Y = mm.simulate(design, truth, sample, seed=int(rows.seed[0]))
np.savetxt(folder + "/Y.csv", Y, delimiter=",", fmt="%.17g")
design.data.to_csv(folder + "/design.csv", index=False)
print(json.dumps({"cpu": seconds[0], "wall": seconds[1], "short": short, "rates": dict(zip(table.model, table.rate))}))
"""


def one_round(n_rep: int, sample: int) -> dict[str, float]:
    """Our study, then lmerTest on its first data sets."""
    env = os.environ | ONE_THREAD | {"PYTHONPATH": str(HERE.parent)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", STUDY, str(n_rep), json.dumps(MODELS), folder, str(sample)]
        ours = json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
        command = ["Rscript", str(HERE / "lmer.R"), folder, *MODELS.values(), str(sample)]
        out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        theirs = json.loads(out.strip().splitlines()[-1])
    a_set = sum(theirs[model]["seconds"] for model in ("intercepts", "slopes"))
    return {
        "ours": ours["cpu"],
        "wall": ours["wall"],
        "lmerTest": a_set * n_rep,
        "ratio": a_set * n_rep / ours["cpu"],
        "short": ours["short"],
        "short ratio": a_set * n_rep / ours["short"],
        **{f"rate, {model}": rate for model, rate in ours["rates"].items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n-rep", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=20, help="data sets that lmerTest fits a round")
    parser.add_argument("--out", type=Path, default=HERE / "type1.md")
    args = parser.parse_args()
    table = pd.DataFrame([one_round(args.n_rep, args.sample) for _ in range(args.rounds)])
    middle = table.median()
    text = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, one thread; processor times, medians over "
        f"{args.rounds} interleaved rounds.\n\n"
        f"Type I study, {args.n_rep:,} data sets x {len(MODELS)} models with Satterthwaite p-values, sleepstudy design "
        f"(18 subjects, 10 days), drawing and table included:\n\n"
        f"| | seconds |\n| --- | ---: |\n"
        f"| `mm.type1` | {middle['ours']:.2f} ({table['ours'].min():.2f} to {table['ours'].max():.2f}) |\n"
        f"| lmerTest, fits alone, from {args.sample} data sets a round | {middle['lmerTest']:,.0f} |\n"
        f"| ratio | {middle['ratio']:,.0f} ({table['ratio'].min():,.0f} to {table['ratio'].max():,.0f}) |\n"
        f"| `mm.study`, statistics drawn instead of data | {middle['short']:.2f} |\n"
        f"| ratio | {middle['short ratio']:,.0f} |\n"
    )
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
