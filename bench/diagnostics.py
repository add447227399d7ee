"""Time quantile residuals beside DHARMa's, and influence by group beside refits by lme4: bench/diagnostics.md.

``python bench/diagnostics.py FOLDER`` with DHARMa's R files in ``FOLDER/DHARMa/R`` (they are sourced, never installed; its
imports ape, gap, lmtest are not needed here). Processor times of one thread, tools in turn within a round, medians over
the rounds. Both sides start from one lme4 fit and end with the residuals; ours includes reading the fit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mmhelpers as mm

ROWS, GROUPS, N_SIM = 10_000, 1000, 250
REFITS = 10  # groups that lme4 leaves out, of the GROUPS that it would have to

R = f"""
suppressMessages(library(lme4))
set.seed(1)
d <- data.frame(x = runif({ROWS}), g = factor(rep(seq_len({GROUPS}), {ROWS // GROUPS})))
d$count <- rpois({ROWS}, exp(.5 + d$x + rnorm({GROUPS}, 0, .5)[d$g]))
d$y <- 1 + d$x + rnorm({GROUPS}, 0, .5)[d$g] + rnorm({ROWS})
counts <- glmer(count ~ x + (1 | g), d, poisson, nAGQ = 0)
linear <- lmer(y ~ x + (1 | g), d)
"""


def cpu(task: Callable[[], Any]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    task()
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from mmhelpers.r_link import require_r

    require_r("lme4")
    from rpy2 import robjects

    robjects.r(R)
    robjects.r(
        f"""DH <- new.env(parent = globalenv())
        for (f in list.files("{options.folder}/DHARMa/R", "[.]R$", full.names = TRUE)) sys.source(f, envir = DH)
        invisible(suppressMessages(DH$simulateResiduals(counts, n = 20)))"""
    )
    counts, linear = robjects.r("counts"), robjects.r("linear")
    mm.quantile_residuals(counts, n_sim=20)
    theirs = f"invisible(suppressMessages(DH$simulateResiduals(counts, n = {N_SIM})))"
    left_out = f"for (j in seq_len({REFITS})) lmer(y ~ x + (1 | g), d[d$g != levels(d$g)[j], ])"
    tasks: dict[str, Callable[[], Any]] = {
        "residuals, mmhelpers": lambda: mm.quantile_residuals(counts, n_sim=N_SIM, conditional=True),
        "residuals, DHARMa": lambda: robjects.r(theirs),
        "influence, mmhelpers": lambda: mm.influence(linear, "g"),
        "influence, lme4": lambda: robjects.r(left_out),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(options.rounds):
        for name, task in tasks.items():
            factor = GROUPS / REFITS if name == "influence, lme4" else 1.0
            seconds[name].append(factor * cpu(task))
    print("| task | tool | seconds (range) | ratio (range) |\n| --- | --- | ---: | ---: |")
    for name, values in seconds.items():
        task, tool = name.split(", ")
        ratio = np.array(values) / np.array(seconds[f"{task}, mmhelpers"])
        print(
            f"| {task} | {tool} | {np.median(values):.3g} ({min(values):.3g} to {max(values):.3g}) | "
            f"{np.median(ratio):.3g} ({ratio.min():.3g} to {ratio.max():.3g}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
