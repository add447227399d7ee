"""Compare engine, reference and, where R is present, lme4 and lmerTest on random designs.

``python tools/fuzz.py --seed 1 --n 2000`` draws designs (nested, crossed, unbalanced, with missing cells,
slopes, zero variances), fits each by REML or ML with the engine, and counts as wrong every fit whose
criterion is more than 1e-6 above the best that anyone found, that failed, or whose estimates differ from
lme4's where the two criteria agree. It prints a summary and ends with status 1 if there was one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from designs import RandomDesign, random_design

import mmhelpers as mm

CRITERION = 1e-6
ESTIMATE = 1e-4  # of beta and SE against lme4, whose optimiser stops earlier; relative to the SE
DF = 1e-2  # lmerTest differentiates numerically, at lme4's optimum

R_SCRIPT = r"""
suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
args <- commandArgs(TRUE)
cases <- fromJSON(file.path(args[1], "cases.json"), simplifyVector = TRUE)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE,
  check.conv.singular = "ignore", check.rankX = "silent.drop.cols")
rows <- lapply(seq_len(nrow(cases)), function(i) {
  data <- read.csv(file.path(args[1], cases$file[i]), stringsAsFactors = TRUE)
  fit <- try(suppressWarnings(suppressMessages(
    lmerTest::lmer(as.formula(cases$formula[i]), data, REML = cases$reml[i], control = tight))),
    silent = TRUE)
  if (inherits(fit, "try-error")) return(list(error = as.character(fit)))
  co <- coef(summary(fit))
  crit <- if (cases$reml[i]) REMLcrit(fit) else deviance(fit)
  list(criterion = unname(crit), beta = unname(fixef(fit)), se = unname(co[, 2]), df = unname(co[, 3]),
       theta = unname(getME(fit, "theta")), singular = isSingular(fit))
})
write(toJSON(rows, digits = 15, auto_unbox = TRUE), file.path(args[1], "out.json"))
"""


def lme4_fits(cases: list[RandomDesign], reml: list[bool]) -> list[dict[str, object]]:
    """Fit all cases in one R process."""
    with tempfile.TemporaryDirectory() as folder:
        index = []
        for i, case in enumerate(cases):
            case.data.to_csv(Path(folder) / f"{i}.csv", index=False)
            index.append({"file": f"{i}.csv", "formula": case.formula, "reml": reml[i]})
        (Path(folder) / "cases.json").write_text(json.dumps(index))
        (Path(folder) / "fit.R").write_text(R_SCRIPT)
        subprocess.run(["Rscript", str(Path(folder) / "fit.R"), folder], check=True, capture_output=True)
        return json.loads((Path(folder) / "out.json").read_text())


def compare(
    case: RandomDesign, reml: bool, lme4: dict[str, object] | None, oracle: bool
) -> dict[str, object]:
    """Fit one case and compare; ``problem`` is empty where all is well."""
    row: dict[str, object] = {"kind": case.kind, "reml": reml, "problem": ""}
    try:
        fit = mm.fit(case.formula, case.data, reml=reml)
    except ValueError as error:
        row |= {"problem": "" if lme4 and "error" in lme4 else f"refused: {error}", "refused": True}
        return row
    here = mm.profiled_criterion(fit.matrices, fit.theta, reml=reml).criterion
    best = fit.criterion
    row |= {"criterion": fit.criterion, "singular": fit.singular, "n": fit.matrices.n, "refused": False}
    row["reference_error"] = abs(here - fit.criterion)
    if not fit.converged:
        row["problem"] = f"not converged: {fit.message}"
    if row["reference_error"] > 1e-7 * (1 + abs(here)):
        row["problem"] = f"criterion {fit.criterion} where the reference has {here}"
    if oracle:
        best = min(best, mm.minimise_criterion(fit.matrices, reml=reml)[1].criterion)
    if lme4 and "error" not in lme4:
        best = min(best, float(lme4["criterion"]))  # type: ignore[arg-type]
        row["lme4_above"] = float(lme4["criterion"]) - fit.criterion  # type: ignore[arg-type]
        if abs(row["lme4_above"]) < 1e-7:
            table = fit.coefficients()
            se = np.atleast_1d(lme4["se"])
            error = np.max(np.abs(table["estimate"] - np.atleast_1d(lme4["beta"])) / se)
            error = max(error, np.max(np.abs(table["se"] / se - 1)))
            row["estimate_error"] = error
            df = np.atleast_1d(np.array(lme4["df"], dtype=float))
            row["df_error"] = np.nanmax(np.abs(table["df"] / df - 1))
            if error > ESTIMATE:
                row["problem"] = f"estimates differ by {error:.1e}"
            elif not row["df_error"] < DF:
                row["df_note"] = (
                    f"df {table['df'].round(3).tolist()} against {df.round(3).tolist()}, "
                    f"theta {fit.theta.round(6).tolist()} against {lme4['theta']}"
                )
    row["above_best"] = fit.criterion - best
    if row["above_best"] > CRITERION:
        row["problem"] = f"criterion {row['above_best']:.2e} above the best known"
    return row


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument(
        "--oracle-every", type=int, default=5, help="run the slow reference optimiser on one case in so many"
    )
    parser.add_argument("--out", type=Path, help="write the summary to this file as well")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    cases = [random_design(rng) for _ in range(args.n)]
    reml = [bool(rng.random() < 0.7) for _ in cases]
    lme4: list[dict[str, object] | None] = [None] * args.n
    if shutil.which("Rscript"):
        lme4 = list(lme4_fits(cases, reml))
    started = time.perf_counter()
    rows = [
        compare(c, r, l, i % args.oracle_every == 0)
        for i, (c, r, l) in enumerate(zip(cases, reml, lme4, strict=True))
    ]
    table = pd.DataFrame(rows)
    lines = [
        f"fuzz: seed {args.seed}, {args.n} designs, lme4 {'absent' if lme4[0] is None else 'compared'}, "
        f"{time.perf_counter() - started:.0f} s",
        f"wrong: {int((table['problem'] != '').sum())}; singular: {int(table['singular'].sum())}; "
        f"refused by both: {int((table['refused'] & (table['problem'] == '')).sum())}",
        f"largest criterion above the best known: {table['above_best'].max():.2e}",
    ]
    if "lme4_above" in table:
        lines.append(
            f"lme4 (tight) above ours by more than 1e-6: {int((table['lme4_above'] > 1e-6).sum())}, at most "
            f"{table['lme4_above'].max():.2e}; largest difference of estimates {table['estimate_error'].max():.1e} "
            f"SE; "
            f"df off by more than {DF}: {int((table['df_error'] > DF).sum())}"
        )
    for i, row in table[table["problem"] != ""].iterrows():
        lines.append(f"  case {i} ({row['kind']}, {'REML' if row['reml'] else 'ML'}): {row['problem']}")
    for i, note in table.get("df_note", pd.Series(dtype=object)).dropna().items():
        lines.append(f"  df, case {i} ({table['kind'][i]}): {note}")
    text = "\n".join(lines)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")
    return int((table["problem"] != "").any())


if __name__ == "__main__":
    sys.exit(main())
