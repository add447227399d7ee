"""Methylation of many loci in an oyster exposure experiment: the data set of the chapter, and a recovery study.

    python data/make/methylation.py [FOLDER]              # methylation.csv and its truth
    python data/make/methylation.py run nuts glmer:extreme ...  # methods, over all or some kinds; goes on where it stopped
    python data/make/methylation.py table                 # data/studies/methylation*.csv and the hashes

**Design.** Twelve tanks, six with raised pCO2; from each tank two oysters are taken on day 9 and two others on day 80:
48 oysters. At every locus an oyster has 5 + NB(mean 12, size 1.5) reads, of which some are methylated.

**Truth, fixed before the first fit.** logit p = b0 + b1 exposed + b2 late + b3 exposed late + tank + oyster, tanks
N(0, sd_tank^2) and oysters N(0, sd_oyster^2), with sd_tank ~ U(0.1, 0.8) and sd_oyster ~ U(0.3, 1) at each locus. Four
kinds of loci (``KINDS``); all their draws are uniform, none is a draw from the priors of the fits.

- no effect: b0 ~ U(-2, 2), b2 ~ U(-1, 1), exposure does nothing at either time.
- effect: the same with exposure effects at day 80 of +-U(0.5, 2.5), and at day 9 a share U(0, 1) of it.
- extreme: the logit of exposed oysters at day 80 is +-U(5, 8), so that many loci are separated there; b0 ~ U(-2, 2),
  b2 ~ U(-1, 1), and at day 9 an exposure effect U(-1, 1).
- still: b0 = +-U(4, 7), nothing has an effect; most reads say the same, and whole cells do by chance.

Which loci are separated is decided by the data: a cell (treatment and time) all of whose reads say the same.
"""

from __future__ import annotations

import csv
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parents[1]
WORK = HERE.parent / "_build" / "methylation"
SEED = 20171009
KINDS = {"no effect": 120, "effect": 80, "extreme": 140, "still": 40}
TANKS, PER_CELL = 12, 2  # tanks; oysters a tank and time

# --- design and truth -----------------------------------------------------------------------------------------


def design() -> pd.DataFrame:
    """Return the 48 oysters: tank, treatment, day."""
    rows = [
        {
            "tank": f"T{tank + 1:02d}",
            "treatment": "control" if tank < TANKS // 2 else "exposed",
            "day": day,
            "oyster": f"O{tank * 2 * PER_CELL + number + 1:02d}",
        }
        for tank in range(TANKS)
        for number, day in enumerate(np.repeat([9, 80], PER_CELL))
    ]
    return pd.DataFrame(rows)


def matrix(table: pd.DataFrame) -> np.ndarray:
    """Columns of ``treatment * day`` with treatment contrasts: 1, exposed, late, exposed and late."""
    exposed = (table["treatment"] == "exposed").to_numpy(float)
    late = (table["day"] == 80).to_numpy(float)
    return np.column_stack([np.ones(len(table)), exposed, late, exposed * late])


def draw_truth(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Draw b0 to b3 and the two standard deviations of a locus of one kind."""
    sign = rng.choice([-1.0, 1.0])
    b0, b2 = rng.uniform(-2, 2), rng.uniform(-1, 1)
    at_9 = at_80 = 0.0
    if kind == "effect":
        at_80 = sign * rng.uniform(0.5, 2.5)
        at_9 = at_80 * rng.uniform(0, 1)
    elif kind == "extreme":
        at_9 = rng.uniform(-1, 1)
        at_80 = sign * rng.uniform(5, 8) - b0 - b2
    elif kind == "still":
        b0, b2 = sign * rng.uniform(4, 7), 0.0
    sds = {"sd_tank": rng.uniform(0.1, 0.8), "sd_oyster": rng.uniform(0.3, 1.0)}
    return {"b0": b0, "b1": at_9, "b2": b2, "b3": at_80 - at_9, **sds}


@dataclass(frozen=True)
class Locus:
    """One locus: its number, kind, truth, reads and methylated reads (48 each)."""

    number: int
    kind: str
    truth: dict[str, float]
    n: np.ndarray
    y: np.ndarray


def locus(number: int, kind: str) -> Locus:
    """Simulate a locus; it depends on (SEED, number) alone."""
    rng = np.random.default_rng([SEED, number])
    table = design()
    truth = draw_truth(kind, rng)
    tank = rng.normal(0, truth["sd_tank"], TANKS)[table["tank"].factorize()[0]]
    oyster = rng.normal(0, truth["sd_oyster"], len(table))
    eta = matrix(table) @ [truth[name] for name in ("b0", "b1", "b2", "b3")] + tank + oyster
    n = 5 + rng.negative_binomial(1.5, 1.5 / (1.5 + 12), len(table))
    return Locus(number, kind, truth, n, rng.binomial(n, 1 / (1 + np.exp(-eta))))


def loci() -> list[Locus]:
    """All loci of the study."""
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    return [locus(number, kind) for number, kind in enumerate(kinds)]


def data(folder: Path) -> None:
    """Write the chapter's data set: twelve more loci of the same kinds, in a mixed order, and their truth."""
    kinds = ["no effect"] * 5 + ["effect"] * 3 + ["extreme"] * 3 + ["still"]
    mixed = [kinds[k] for k in np.random.default_rng(SEED).permutation(len(kinds))]
    table, frames, truths = design(), [], {}
    for k, kind in enumerate(mixed):
        one, name = locus(1000 + k, kind), f"L{k + 1:02d}"
        frames.append(table.assign(locus=name, reads=one.n, methylated=one.y))
        truths[name] = {"kind": kind} | {key: round(value, 4) for key, value in one.truth.items()}
    columns = ["locus", "oyster", "tank", "treatment", "time", "reads", "methylated"]
    long = pd.concat(frames).assign(time=lambda d: np.where(d["day"] == 80, "late", "early"))[columns]
    (folder / "methylation.csv").write_bytes(long.to_csv(index=False, lineterminator="\n").encode())
    truth = {
        "script": "data/make/methylation.py",
        "formula": "methylated of reads ~ treatment * time + (1 | tank) + (1 | oyster), logit link",
        "design": "12 tanks, six of them exposed; on day 9 (early) and day 80 (late) two other oysters from each tank",
        "reads": "5 + negative binomial, mean 12, size 1.5",
        "seed": SEED,
        "loci": truths,
    }
    (folder / "methylation.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())


def separated(one: Locus) -> list[str]:
    """Cells all of whose reads say the same, as ``exposed 80: 0%``."""
    table = design().assign(n=one.n, y=one.y)
    sums = table.groupby(["treatment", "day"])[["y", "n"]].sum()
    share = sums["y"] / sums["n"]
    return [f"{where[0]} {where[1]}: {value:.0%}" for where, value in share.items() if value in (0.0, 1.0)]


# --- fits -----------------------------------------------------------------------------------------------------

#: what is estimated, as weights of b0 to b3
ESTIMANDS = {
    "exposure at day 9": np.array([0.0, 1.0, 0.0, 0.0]),
    "exposure at day 80": np.array([0.0, 1.0, 0.0, 1.0]),
    "interaction": np.array([0.0, 0.0, 0.0, 1.0]),
}
SHORT = {"exposure at day 9": "d9", "exposure at day 80": "d80", "interaction": "int"}
Row = dict[str, Any]


def wald(beta: np.ndarray, vcov: np.ndarray) -> Row:
    """Estimate and +-1.96 standard errors of the three estimands."""
    row: Row = {}
    for name, weights in ESTIMANDS.items():
        variance = float(weights @ vcov @ weights)
        se = np.sqrt(variance) if variance >= 0 else np.nan
        value = float(weights @ beta)
        row |= {f"{SHORT[name]}": value, f"{SHORT[name]}_lo": value - 1.959964 * se}
        row |= {f"{SHORT[name]}_hi": value + 1.959964 * se}
    return row


R_FIT = """function(engine, y, n, exposed, late, tank, oyster, extra) {
  d <- data.frame(y = y, m = n - y, exposed = exposed, late = late, tank = factor(tank), oyster = factor(oyster))
  f <- cbind(y, m) ~ exposed * late + (1 | tank)
  if (extra) f <- update(f, . ~ . + (1 | oyster))
  said <- character()
  keep <- function(w) { said <<- c(said, conditionMessage(w)); invokeRestart("muffleWarning") }
  quiet <- function(m) invokeRestart("muffleMessage")
  fit <- tryCatch(withCallingHandlers(switch(engine,
      glmer = lme4::glmer(f, d, binomial),
      glmmTMB = glmmTMB::glmmTMB(f, d, binomial),
      betabinomial = glmmTMB::glmmTMB(f, d, glmmTMB::betabinomial())), warning = keep, message = quiet),
    error = function(e) { said <<- c(said, paste("error:", conditionMessage(e))); NULL })
  if (is.null(fit)) return(list(rep(NaN, 4), diag(NaN, 4), NaN, NaN, 0, paste(said, collapse = " | ")))
  if (engine == "glmer") {
    b <- lme4::fixef(fit); V <- as.matrix(suppressWarnings(vcov(fit))); v <- lme4::VarCorr(fit)
    fine <- length(fit@optinfo$conv$lme4$messages) == 0 && fit@optinfo$conv$opt == 0
    if (lme4::isSingular(fit)) { said <- c(said, "singular"); fine <- !any(grepl("fail|Model is nearly|converge",
        unlist(fit@optinfo$conv$lme4$messages))) && fit@optinfo$conv$opt == 0 }
  } else {
    b <- glmmTMB::fixef(fit)$cond; V <- suppressWarnings(vcov(fit))$cond; v <- glmmTMB::VarCorr(fit)$cond
    fine <- fit$fit$convergence == 0 && isTRUE(fit$sdr$pdHess)
  }
  sds <- sapply(c("tank", "oyster"), function(g) if (g %in% names(v)) attr(v[[g]], "stddev")[[1]] else NaN)
  list(as.numeric(b), matrix(as.numeric(V), 4), sds[[1]], sds[[2]], as.numeric(fine), paste(said, collapse = " | "))
}"""


def in_r(engine: str, extra: bool) -> Callable[[Locus], Row]:
    """Fit of lme4 or glmmTMB with all its warnings."""
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    from mmhelpers.r_link import require_r

    require_r("lme4", "glmmTMB")
    warnings.simplefilter("ignore")
    table = design()
    X = matrix(table)
    with localconverter(robjects.default_converter):
        function = robjects.r(R_FIT)

    def fit(one: Locus) -> Row:
        with localconverter(robjects.default_converter):
            answer = function(
                engine,
                robjects.FloatVector(one.y.astype(float)),
                robjects.FloatVector(one.n.astype(float)),
                robjects.FloatVector(X[:, 1]),
                robjects.FloatVector(X[:, 2]),
                robjects.StrVector(table["tank"].tolist()),
                robjects.StrVector(table["oyster"].tolist()),
                extra,
            )
            beta, vcov = np.array(answer[0]), np.array(answer[1]).reshape(4, 4)
            row = wald(beta, vcov)
            row |= {"sd_tank": answer[2][0], "sd_oyster": answer[3][0]}
            message = " ".join(str(answer[5][0]).split())[:160].replace(",", ";")
            return row | {"converged": int(answer[4][0]), "message": message}

    return fit


def nuts(extra: bool, scale: float) -> Callable[[Locus], Row]:
    """Sample with NUTS, Student-t(7) prior of the given scale: one compiled model, given the data of each locus."""
    import nutpie
    import pymc as pm

    table = design()
    X, tank = matrix(table), table["tank"].factorize()[0]
    zero = np.zeros(len(table), dtype=np.int64)
    with pm.Model() as model:
        y, n = pm.Data("y", zero), pm.Data("n", zero + 1)
        spread = pm.Data("scale", 2.5)
        beta = pm.StudentT("beta", nu=7, mu=0, sigma=spread, shape=4)
        sd_tank = pm.HalfNormal("sd_tank", 1.0)
        eta = X @ beta + sd_tank * pm.Normal("u", shape=TANKS)[tank]
        if extra:
            eta = eta + pm.HalfNormal("sd_oyster", 1.0) * pm.Normal("v", shape=len(table))
        pm.Binomial("methylated", n=n, logit_p=eta, observed=y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = nutpie.compile_pymc_model(model)

    def fit(one: Locus) -> Row:
        # again, longer, and then more carefully, where R-hat or a divergence asks for it
        for tune, draws, target in ((400, 1000, 0.9), (400, 3000, 0.9), (1500, 6000, 0.99)):
            answer = nutpie.sample(
                compiled.with_data(y=one.y.astype(np.int64), n=one.n.astype(np.int64), scale=scale),
                tune=tune,
                draws=draws,
                chains=4,
                cores=1,
                seed=SEED + one.number,
                target_accept=target,
                progress_bar=False,
            )
            row = posterior(answer, extra)
            if row["rhat"] < 1.01 and row["divergences"] == 0:
                break
        return row | {"converged": int(row["rhat"] < 1.01 and row["divergences"] == 0), "draws": 4 * draws}

    return fit


def posterior(answer: Any, extra: bool) -> Row:
    """Posterior means, 95% intervals and diagnostics of the three estimands and the standard deviations."""
    import arviz as az

    beta = answer.posterior["beta"].to_numpy()  # chains, draws, 4
    drawn = {SHORT[name]: beta @ weights for name, weights in ESTIMANDS.items()}
    drawn |= {"sd_tank": answer.posterior["sd_tank"].to_numpy()}
    if extra:
        drawn |= {"sd_oyster": answer.posterior["sd_oyster"].to_numpy()}
    row: Row = {}
    for name in SHORT.values():
        lo, hi = np.quantile(drawn[name], [0.025, 0.975])
        row |= {name: drawn[name].mean(), f"{name}_lo": lo, f"{name}_hi": hi}
    row |= {name: drawn[name].mean() for name in ("sd_tank", "sd_oyster") if name in drawn}
    row["rhat"] = float(max(az.rhat(values) for values in drawn.values()))
    row["ess"] = float(min(az.ess(values) for values in drawn.values()))
    row["divergences"] = int(answer.sample_stats["diverging"].sum())
    return row | {"message": ""}


#: methods by their short names: what the tables call them, and a function that makes the fit
METHODS: dict[str, tuple[str, Callable[[], Callable[[Locus], Row]]]] = {
    "nuts": ("NUTS, tank + oyster", lambda: nuts(True, 2.5)),
    "glmer": ("glmer, tank + oyster", lambda: in_r("glmer", True)),
    "nuts-tank": ("NUTS, tank", lambda: nuts(False, 2.5)),
    "glmer-tank": ("glmer, tank", lambda: in_r("glmer", False)),
    "betabinomial": ("glmmTMB beta-binomial, tank", lambda: in_r("betabinomial", False)),
    "tmb": ("glmmTMB, tank + oyster", lambda: in_r("glmmTMB", True)),
    "nuts-narrow": ("NUTS, tank + oyster, scale 1", lambda: nuts(True, 1.0)),
    "nuts-wide": ("NUTS, tank + oyster, scale 10", lambda: nuts(True, 10.0)),
}
COLUMNS = ["locus", *(f"{s}{end}" for s in SHORT.values() for end in ("", "_lo", "_hi"))]
COLUMNS += ["sd_tank", "sd_oyster", "converged", "rhat", "ess", "divergences", "draws", "seconds", "message"]


def written(value: Any) -> str:
    """Five digits are enough; an empty field is a missing value."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.5g}"
    return str(value)


def run(name: str, kinds: list[str] | None = None) -> None:
    """Fit the loci of some kinds by one method, those that are not done yet, in an order that mixes the kinds."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.csv"
    done = set(pd.read_csv(path)["locus"]) if path.exists() else set()
    every = loci()
    order = np.random.default_rng(SEED).permutation(
        len(every)
    )  # a part of the loci is as good as a smaller study
    mixed = [every[k] for k in order if every[k].kind in (kinds or KINDS)]
    todo = [one for one in mixed if one.number not in done]
    if not todo:
        return
    fit = METHODS[name][1]()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for one in todo:
            start = time.process_time()
            row = fit(one) | {"locus": one.number}
            row["seconds"] = time.process_time() - start
            writer.writerow([written(row.get(column, "")) for column in COLUMNS])
            file.flush()
    print(name, len(todo), "loci", flush=True)


# --- tables ---------------------------------------------------------------------------------------------------

STUDIES = HERE / "studies"
NAMES = ("b0", "b1", "b2", "b3")
#: penalised Laplace fits, which take a second for all loci together: row effect, scale of the prior
PENALISED = {
    "penalised, tank + oyster": (True, 2.5),
    "penalised, tank": (False, 2.5),
    "penalised, tank + oyster, scale 1": (True, 1.0),
    "penalised, tank + oyster, scale 10": (True, 10.0),
}


def truths() -> pd.DataFrame:
    """One row a locus: kind, truth, number of reads, separated cells."""
    rows = [
        {"locus": one.number, "kind": one.kind}
        | {key: round(value, 4) for key, value in one.truth.items()}
        | {"reads": int(one.n.sum()), "separated": "; ".join(separated(one))}
        for one in loci()
    ]
    return pd.DataFrame(rows)


def penalised() -> pd.DataFrame:
    """The penalised fits of all loci."""
    from mmhelpers.loci import fit_loci

    table, every = design(), loci()
    y, n = np.array([one.y for one in every]), np.array([one.n for one in every])
    frames = []
    for name, (extra, scale) in PENALISED.items():
        start = time.process_time()
        fits = fit_loci(y, n, matrix(table), table["tank"], row_effect=extra, scale=scale)
        seconds = (time.process_time() - start) / len(every)
        frame = pd.DataFrame({"method": name, "locus": [one.number for one in every]})
        for estimand, weights in ESTIMANDS.items():
            found = fits.contrast(list(weights))
            frame[SHORT[estimand]] = found["estimate"]
            frame[f"{SHORT[estimand]}_lo"], frame[f"{SHORT[estimand]}_hi"] = found["lower"], found["upper"]
        frame["sd_tank"], frame["sd_oyster"] = fits.sd_group, fits.sd_row
        frames.append(frame.assign(converged=fits.converged.astype(int), seconds=seconds))
    return pd.concat(frames)


#: methods that are compared on the same loci: where exposure does nothing, and where the truth is to be found
ALARMS = ("nuts", "nuts-tank", "glmer", "glmer-tank", "betabinomial", "penalised")
RECOVERY = ("nuts", "glmer", "penalised")
SAME = ", same loci"


def usable(fits: pd.DataFrame) -> pd.Series:
    """Say of each fit whether it has finite intervals, and for NUTS chains that may be used."""
    ends = [f"{short}_{end}" for short in SHORT.values() for end in ("lo", "hi")]
    fine = np.isfinite(fits[ends].astype(float)).all(axis=1)
    return fine & (~fits["method"].str.startswith("NUTS") | (fits["converged"] == 1))


def common(fits: pd.DataFrame, names: tuple[str, ...]) -> set[int]:
    """Return the loci at which every one of these methods has a fit that can be used."""
    labels = {METHODS[name][0] for name in names if name in METHODS}
    if "penalised" in names:
        labels |= {"penalised, tank", "penalised, tank + oyster"}
    own = fits[usable(fits) & fits["method"].isin(labels)]
    return set.intersection(*[set(part["locus"]) for _, part in own.groupby("method")])


def summary(fits: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Bias, coverage and rejections of each method over groups of loci.

    bias is the mean of the estimate less the truth, turned so that positive means too far from zero (where the truth
    is zero, as it is); middle is the median of the same. failed: no finite interval, or (NUTS) R-hat of 1.01 or more
    or a divergence after the third run. warned: the program itself reported that it did not converge.
    Groups that end in "same loci" hold the loci at which all methods of `ALARMS` (for "no effect") or of `RECOVERY`
    have a fit that can be used, and only methods that have one at each of them.
    """
    cells = truth["separated"] != ""
    groups = {"unseparated": ~cells, "separated": cells}
    groups |= {kind: truth["kind"] == kind for kind in KINDS}
    groups["extreme, separated"] = (truth["kind"] == "extreme") & cells
    groups["extreme, not separated"] = (truth["kind"] == "extreme") & ~cells
    both = {"no effect": ALARMS} | dict.fromkeys(("unseparated", "separated"), RECOVERY)
    for group, names in both.items():
        groups[group + SAME] = groups[group] & truth["locus"].isin(common(fits, names))
    rows = []
    for method, own in fits.groupby("method", sort=False):
        joined = own.merge(truth, on="locus", suffixes=("", "_true"))
        for group, chosen in groups.items():
            part = joined[joined["locus"].isin(truth.loc[chosen, "locus"])]
            if group.endswith(SAME) and (len(part) < chosen.sum() or not usable(part).all()):
                continue
            if len(part):
                rows += [
                    {"loci": group, "method": method, "estimand": estimand} | measure(part, estimand)
                    for estimand in ESTIMANDS
                ]
    return pd.DataFrame(rows)


def measure(part: pd.DataFrame, estimand: str) -> Row:
    """One row of the summary."""
    short, true = SHORT[estimand], part[list(NAMES)].to_numpy() @ ESTIMANDS[estimand]
    lo, hi = part[f"{short}_lo"].to_numpy(float), part[f"{short}_hi"].to_numpy(float)
    fine = np.isfinite(lo) & np.isfinite(hi)
    if part["method"].iloc[0].startswith("NUTS"):
        fine &= part["converged"].to_numpy() == 1
    n = int(fine.sum())
    row: Row = {"n": n, "failed": len(part) - n, "warned": int((part["converged"] == 0).sum())}
    if not n:
        return row
    error = ((part[short] - true) * np.where(true < 0, -1, 1)).to_numpy()[fine]
    row |= {"bias": error.mean(), "bias_se": error.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan}
    row |= {"middle": np.median(error), "width": np.median((hi - lo)[fine])}
    for name, hit in (("coverage", (lo < true) & (true < hi)), ("rejected", (lo > 0) | (hi < 0))):
        rate = float(hit[fine].mean())
        row |= {name: rate, f"{name}_se": np.sqrt(rate * (1 - rate) / n)}
    return row


def tables() -> None:
    """Write the tables and what was run."""
    import hashlib
    from importlib.metadata import version

    truth = truths()
    frames = [
        pd.read_csv(WORK / f"{name}.csv").assign(method=label)
        for name, (label, _) in METHODS.items()
        if (WORK / f"{name}.csv").exists()
    ]
    fits = pd.concat([*frames, penalised()]).sort_values(["method", "locus"])
    fits = fits[["method", *COLUMNS]]
    for column in ("divergences", "draws", "converged"):
        fits[column] = fits[column].astype("Int64")
    names = ["methylation.csv", "methylation_fits.csv", "methylation_truth.csv"]
    for name, table in zip(names, (summary(fits, truth), fits, truth), strict=True):
        text = table.to_csv(index=False, float_format="%.5g", lineterminator="\n")
        (STUDIES / name).write_bytes(text.encode())
    record = {
        "study": "methylation",
        "command": "python data/make/methylation.py run; python data/make/methylation.py table",
        "seed": SEED,
        "loci": KINDS,
        "prior": "coefficients Student t, 7 df, scale 2.5 (unless the method says otherwise); SDs half-normal(1)",
        "nuts": "4 chains of 1000 draws after 400; again with 3000, then 6000 (target 0.99), if R-hat >= 1.01 or divergent",
        "processor_seconds_a_locus": {
            str(method): round(float(part["seconds"].mean()), 4) for method, part in fits.groupby("method")
        },
        "versions": {name: version(name) for name in ("numpy", "scipy", "pymc", "nutpie", "arviz")},
        "r": "R 4.2.2, lme4 1.1-31, glmmTMB 1.1.5",
        "sha256": {name: hashlib.sha256((STUDIES / name).read_bytes()).hexdigest() for name in names},
    }
    (STUDIES / "methylation.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf8")


def main() -> None:
    """Do what the command line says."""
    what, *names = sys.argv[1:] or [str(HERE)]
    if what == "run":
        for job in names or METHODS:
            name, _, kinds = job.partition(":")
            run(name, kinds.split(",") if kinds else None)
    elif what == "table":
        tables()
    else:
        data(Path(what))


if __name__ == "__main__":
    main()
