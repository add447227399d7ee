"""Level and power of the residual tests on fitted models, at full size: data/studies/diagnostics_*.csv.

    python data/make/diagnostics_study.py level       # needs R with lme4
    python data/make/diagnostics_study.py level temporal spatial    # these tests again, on the same simulations
    python data/make/diagnostics_study.py refit [number of data sets]
    python data/make/diagnostics_study.py power [folder with DHARMa's R files, and a library with ape and lmtest]

Each data set has a seed of its own, (study, cell, number), so that any part can be run again; results are written as
they come, and a run that was stopped goes on where it was (so remove the file first to begin anew). ``summary``
writes the tables of rejection rates and the hashes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mmhelpers as mm
from mmhelpers.adapters import FitView, RandomTerm, RefitError
from mmhelpers.adapters.families import Family
from mmhelpers.adapters.laplace import InterceptModel
from mmhelpers.diagnostics.simulated import two_ways

HERE = Path(__file__).resolve().parents[1] / "studies"
SIZES = {"small": (10, 6), "large": (40, 10)}  # groups, rows a group
N_SIM = 99
TESTS = [
    "uniformity",
    "dispersion",
    "zeros",
    "outliers",
    "quantiles (fitted)",
    "quantiles (x)",
    "temporal",
    "spatial",
    "autocorrelation",
    "variance (levene)",
    "variance (bartlett)",
    "variance (fligner)",
    "normality",
    "random effects",
    "means (h)",
    "dispersion, groups kept",
    "uniformity, groups kept",
]
#: tests of the power study; DHARMa has the first six (its test of quantiles needs qgam, and is left out)
COMPARED = [
    "uniformity",
    "dispersion",
    "zeros",
    "outliers",
    "temporal",
    "spatial",
    "quantiles (x)",
    "autocorrelation",
    "variance (levene)",
    "variance (bartlett)",
    "variance (fligner)",
    "normality",
    "random effects",
    "means (h)",
]
#: the tests that are named for each fault, DHARMa's first; uniformity is looked at beside them
NAMED = {
    "overdispersion": ["dispersion"],
    "zeros": ["zeros"],
    "curve": ["quantiles (x)"],
    "time": ["temporal", "autocorrelation"],
    "space": ["spatial"],
    "outliers": ["outliers"],
    "tails": ["outliers", "normality"],
    "variance": ["variance (levene)", "variance (bartlett)", "variance (fligner)"],
    "means": ["means (h)"],
    "effects": ["random effects"],
}
ALPHA = 0.05

#: rows of the level study: family, size, number of data sets
LEVEL = [
    ("gaussian", "small", 2000),
    ("gaussian", "large", 500),
    ("poisson", "small", 300),
    ("binomial", "small", 300),
    ("poisson", "large", 100),
    ("binomial", "large", 150),
]
REFIT = [
    (family, size, n)
    for size, n in (("small", 1000), ("large", 400))
    for family in ("gaussian", "poisson", "binomial", "binomial 8", "poisson glm")
]
#: tests whose statistic has ties, or that look to both sides: 99 simulations cannot give them a level of exactly 5%
RANDOM = ["uniformity", "dispersion", "zeros", "outliers", "temporal", "spatial"]
AT_RANDOM = ", ties at random"
#: who fits the mixed models of counts; elsewhere InterceptModel, which gives glmer's fits in a hundredth of the time
BY = {"level": "lme4"}
#: faults of the power study, with three sizes each (0 is none), and number of data sets
POWER = {
    "overdispersion": (0.0, 0.15, 0.4),
    "zeros": (0.0, 0.1, 0.2),
    "curve": (0.0, 0.4, 0.8),
    "time": (0.0, 0.4, 0.8),
    "space": (0.0, 0.4, 0.8),
    "outliers": (0.0, 0.01, 0.03),
}
#: and of the gaussian and the binomial mixed model: sd of b ratio, share of heavy tails, difference of means ...
POWER_GAUSSIAN = {
    "curve": (0.0, 0.1, 0.2, 0.3),
    "time": (0.0, 0.3, 0.6, 0.9),
    "space": (0.0, 0.2, 0.4, 0.8),
    "outliers": (0.0, 0.01, 0.02, 0.04),
    "tails": (0.0, 0.25, 0.5, 1.0),
    "variance": (0.0, 0.3, 0.6, 0.9),
    "means": (0.0, 0.2, 0.4, 0.6),
    "effects": (0.0, 0.5, 0.75, 1.0),
}
POWER_BINOMIAL = {
    "overdispersion": (0.0, 0.15, 0.4, 0.8),
    "zeros": (0.0, 0.05, 0.1, 0.2),
    "curve": (0.0, 0.1, 0.2, 0.4),
    "time": (0.0, 0.3, 0.6, 0.9),
    "space": (0.0, 0.2, 0.4, 0.8),
}
#: models of the power study: rows of the large design, faults, number of data sets
POWER_CELLS = [
    ("poisson glm", 150, tuple(POWER), 200),
    ("poisson", 200, ("overdispersion",), 200),
    ("poisson", 200, ("zeros", "curve", "outliers"), 200),
    ("poisson", 200, ("time", "space"), 400),
    ("gaussian", 200, tuple(POWER_GAUSSIAN), 400),
    ("binomial 8", 200, tuple(POWER_BINOMIAL), 400),
]
N_SOUND = 50  # data sets without the fault, for each fault: their number adds up over the faults
N_PERFORMANCE = 100  # data sets that lme4 fits too
AGAIN = {
    "gaussian": 2000,
    "poisson": 300,
    "binomial": 300,
}  # data sets of a cell whose tests are computed again
BLOCK = 25  # data sets of a cell before the next cell has its turn


# --- data -----------------------------------------------------------------------------------------------------


def design(size: str) -> pd.DataFrame:
    """One table a size, the same for all data sets: groups, a covariate, a factor, time and place of each row."""
    groups, rows = SIZES[size]
    rng = np.random.default_rng(20240229)
    n = groups * rows
    table = pd.DataFrame({"g": np.repeat(np.arange(groups), rows), "x": rng.uniform(-1, 1, n)})
    table["h"] = np.arange(n) % 2
    table["time"] = rng.permutation(n).astype(float)
    table["east"], table["north"] = rng.random((2, n))
    return table


def generator(study: str, cell: str, number: int) -> np.random.Generator:
    """Generator of one data set."""
    key = [int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") for word in (study, cell)]
    return np.random.default_rng([*key, number])


def draw(
    family: str, table: pd.DataFrame, rng: np.random.Generator, fault: str = "", size: float = 0.0
) -> pd.DataFrame:
    """Responses of a mixed model with b ~ N(0, 0.6^2), and a fault of a given size in them."""
    n = len(table)
    spread = 0.0 if family.endswith("glm") else 0.6
    effects = rng.normal(0.0, spread, int(table.g.max()) + 1)
    if fault == "effects" and size:  # a share of skewness: the square of a normal, with the same variance
        effects = spread * (
            np.sqrt(1 - size) * effects / spread + np.sqrt(size / 2) * ((effects / spread) ** 2 - 1)
        )
    b = effects[table.g]
    eta = 0.8 + 0.5 * table.x.to_numpy() + b
    if fault == "overdispersion" and size:
        eta = eta + rng.normal(0.0, np.sqrt(size), n) - size / 2
    if fault == "curve":
        eta = eta + 3 * size * (table.x.to_numpy() ** 2 - 1 / 3)
    if fault == "time" and size:
        eta = eta + 0.7 * walk(n, size, rng)[table.time.to_numpy(int)]
    if fault == "space" and size:
        eta = eta + np.sqrt(size) * field(table, rng)
    if family == "gaussian":
        e = rng.normal(size=n)
        if fault == "tails" and size:  # Student's t with 3 / size degrees of freedom
            e = e / np.sqrt(rng.chisquare(3 / size, n) / (3 / size))
        if fault == "variance":  # sd at the levels of h: exp(-size / 2), exp(size / 2)
            e = e * np.exp(size * (table.h.to_numpy() - 0.5))
        if fault == "means":
            eta = eta + size * (table.h.to_numpy() - 0.5)
        y = eta + e
        out = y + 6 * (rng.random(n) < size) if fault == "outliers" else y
        return table.assign(y=out)
    if family.startswith("binomial"):
        trials = trials_of(family)
        out = rng.binomial(trials, 1 / (1 + np.exp(-eta + 0.8))) / trials
        return table.assign(y=out * (rng.random(n) >= size) if fault == "zeros" else out)
    y = rng.poisson(np.exp(eta)).astype(float)
    if fault == "zeros":
        y *= rng.random(n) >= size
    if fault == "outliers":
        y += 15 * (rng.random(n) < size)
    return table.assign(y=y)


def trials_of(family: str) -> int:
    """Trials of a row: "binomial" is 0 or 1, "binomial 8" a share of 8."""
    return int(family.split()[1]) if family.startswith("binomial ") else 1


def walk(n: int, rho: float, rng: np.random.Generator) -> Any:
    """First-order autoregression with variance 1."""
    e = rng.normal(size=n)
    for t in range(1, n):
        e[t] = rho * e[t - 1] + np.sqrt(1 - rho**2) * e[t]
    return e


def field(table: pd.DataFrame, rng: np.random.Generator) -> Any:
    """Gaussian field with variance 1 and correlation exp(-distance / 0.2)."""
    x, y = table.east.to_numpy(), table.north.to_numpy()
    S = np.exp(-np.hypot(x[:, None] - x, y[:, None] - y) / 0.2)
    return np.linalg.cholesky(S + 1e-9 * np.eye(len(x))) @ rng.normal(size=len(x))


# --- fits -----------------------------------------------------------------------------------------------------


def fitter(family: str, table: pd.DataFrame, by: str = "laplace") -> Callable[[pd.DataFrame], Any]:
    """Function that fits y ~ x with an intercept for each group: mmhelpers or statsmodels; for counts lme4 if asked."""
    if family == "gaussian":
        return lambda data: mm.view(mm.fit("y ~ x + (1 | g)", data))
    if family == "poisson glm":
        import statsmodels.api as sm

        X = np.column_stack([np.ones(len(table)), table.x])

        def glm(data: pd.DataFrame) -> FitView:
            seen = mm.view(sm.GLM(data.y.to_numpy(), X, family=sm.families.Poisson()).fit())
            return replace(seen, refit_many=lambda Y: (poisson_means(X, Y), np.ones(Y.shape[1])))

        return glm
    if by == "lme4":
        return lambda data: mm.view(glmer(data, family))
    index = table.g.to_numpy(dtype=np.intp)
    X = np.column_stack([np.ones(len(table)), table.x])
    trials = np.full(len(table), float(trials_of(family)))
    model = InterceptModel(family.split()[0], X, index, np.zeros(len(table)), trials)
    return lambda data: laplace(model, data.y.to_numpy())


def poisson_means(X: Any, Y: Any) -> Any:
    """Fitted means of Poisson regressions on every column of Y, shape (n, m): Newton's method, all at once."""
    beta = np.zeros((Y.shape[1], X.shape[1]))
    beta[:, 0] = np.log(Y.mean(axis=0))
    for _ in range(50):
        mu = np.exp(beta @ X.T)
        step = np.linalg.solve(np.einsum("ni,mn,nj->mij", X, mu, X), ((Y.T - mu) @ X)[:, :, None])[:, :, 0]
        beta += step
        if np.abs(step).max() < 1e-10:
            return np.exp(beta @ X.T).T
    raise RefitError("a refit did not converge")


def laplace(model: InterceptModel, y: Any) -> FitView:
    """Fit of glmer's model, in a hundredth of its time: tests/test_laplace.py holds the two against each other."""
    fits = model.fit(y[None, :], np.zeros(model.X.shape[1]), 0.6)
    if not fits.converged[0]:
        raise RefitError("the fit did not converge")

    def refit_many(Y: Any) -> Any:
        again = model.fit(Y.T, fits.beta[0], float(fits.theta[0]))
        if not again.converged.all():
            raise RefitError(f"{int((~again.converged).sum())} refits did not converge")
        return again.means.T, np.ones(Y.shape[1])

    family = Family(model.family, "log" if model.family == "poisson" else "logit")
    levels = tuple(str(j) for j in range(fits.modes.shape[1]))
    one = np.ones((len(y), 1))
    term = RandomTerm(
        "g", levels, model.index, ("(Intercept)",), one, fits.theta[:, None] ** 2, fits.modes[0][:, None]
    )
    return FitView(
        engine="Laplace",
        response="y",
        observed=y,
        fitted_marginal=family.inverse_link(model.X @ fits.beta[0]),
        fitted_conditional=fits.means[0],
        X=model.X,
        x_names=("(Intercept)", "x"),
        beta=fits.beta[0],
        vcov=np.full((2, 2), np.nan),
        terms=(term,),
        family=family,
        weights=model.weights,
        offset=model.offset,
        refit=lambda other: laplace(model, other),
        refit_many=refit_many,
    )


def glmer(data: pd.DataFrame, family: str = "poisson") -> Any:
    """Fit the same model by lme4."""
    from mmhelpers.r_link import require_r

    require_r("lme4")
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        fit = robjects.r(
            f"""function(y, x, g) suppressWarnings(suppressMessages(lme4::glmer(y ~ x + (1 | g), family = {family},
            data = data.frame(y = y, x = x, g = factor(g)), control = lme4::glmerControl(calc.derivs = FALSE))))"""
        )
        columns = (robjects.FloatVector(data[name].to_numpy(float)) for name in ("y", "x", "g"))
        return fit(*columns)


# --- tests ----------------------------------------------------------------------------------------------------


def p_values(
    seen: Any, data: pd.DataFrame, rng: np.random.Generator, refit: bool = False, n_sim: int = N_SIM
) -> dict[str, float]:
    """Every test of the package that the model allows, on one fit; NaN where one refuses."""
    r = mm.quantile_residuals(seen, n_sim=n_sim, rng=rng, refit=refit)
    linear = seen.linear
    tests: dict[str, Callable[[], Any]] = {
        "uniformity": lambda: mm.check_uniformity(r),
        "dispersion": lambda: mm.check_dispersion(r, exact=True),
        "outliers": lambda: mm.check_outliers(r, exact=True),
        "quantiles (fitted)": lambda: mm.check_quantiles(r)["all"],
        "quantiles (x)": lambda: mm.check_quantiles(r, data.x)["all"],
        "temporal": lambda: mm.check_temporal(r, data.time),
        "spatial": lambda: mm.check_spatial(r, data.east, data.north),
    }
    if seen.family.name == "poisson":
        tests["zeros"] = lambda: mm.check_zeros(r, exact=True)
    if not refit:
        source = seen if linear else r
        tests["autocorrelation"] = lambda: mm.check_autocorrelation(
            source, data.time, lags=5, n_sim=n_sim, rng=rng
        )
        for method in ("levene", "bartlett", "fligner"):
            tests[f"variance ({method})"] = lambda method=method: mm.check_homogeneity(
                source, data.h, method, n_sim, rng
            )
        tests["normality"] = lambda: mm.check_normality(source, n_sim, rng)
    if linear and not refit:
        tests["random effects"] = lambda: mm.check_random_effects(seen, n_sim, rng)
        tests["means (h)"] = lambda: mm.check_group_means(seen, data.h)
    if refit:
        place = [np.random.default_rng(int(seed)) for seed in rng.integers(2**62, size=len(RANDOM))]
        again: dict[str, Callable[..., Any]] = {
            "uniformity": lambda **ties: mm.check_uniformity(r, **ties),
            "dispersion": lambda **ties: mm.check_dispersion(r, **ties),
            "zeros": lambda **ties: mm.check_zeros(r, **ties),
            "outliers": lambda **ties: mm.check_outliers(r, **ties),
            "temporal": lambda **ties: mm.check_temporal(r, data.time, **ties),
            "spatial": lambda **ties: mm.check_spatial(r, data.east, data.north, **ties),
        }
        for name, own in zip(RANDOM, place, strict=True):
            if name in tests:
                tests[name + AT_RANDOM] = lambda name=name, own=own: again[name](ties="random", rng=own)
    found = {}
    for name, test in tests.items():
        try:
            found[name] = float(test().p)
        except (ValueError, mm.UnsupportedFitError):
            found[name] = float("nan")
    if not refit and seen.family.name != "gaussian":
        kept = mm.quantile_residuals(seen, n_sim=n_sim, rng=rng, conditional=True)
        if seen.family.name == "poisson":
            found["dispersion, groups kept"] = float(mm.check_dispersion(kept, exact=True).p)
        # as for residuals of which nothing is known; check_uniformity of a fit has Kolmogorov's own p-value here
        found["uniformity, groups kept"] = float(mm.check_uniformity(kept, method="simulation").p)
    return found


def one(study: str, family: str, size: str, number: int, made: Any, table: pd.DataFrame) -> dict[str, float]:
    """p-values of one data set of the level and refit studies."""
    rng = generator(study, f"{family} {size}", number)
    data = draw(family, table, rng)
    return p_values(made(data), data, rng, refit=study == "refit")


def run(study: str, cells: list[tuple[str, str, int]]) -> None:
    """Run a study, or the rest of it."""
    path = HERE / f"diagnostics_{study}_pvalues.csv"
    done: set[tuple[str, str, int]] = set()
    if path.exists():
        old = pd.read_csv(path)
        done = set(zip(old.family, old["size"], old.number, strict=True))
    columns = [*TESTS, *(test + AT_RANDOM for test in RANDOM)] if study == "refit" else TESTS
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(["family", "size", "number", "failed", *columns])
        tables = {size: design(size) for size in SIZES}
        fits = {
            (family, size): fitter(family, tables[size], BY.get(study, "laplace"))
            for family, size, _ in cells
        }
        for block in range(0, max(n for *_, n in cells), 4 * BLOCK):
            start = time.process_time()
            for family, size, n in cells:
                for number in range(block, min(block + 4 * BLOCK, n)):
                    if (family, size, number) in done:
                        continue
                    try:
                        found = one(study, family, size, number, fits[family, size], tables[size])
                        failed = ""
                    except RefitError as error:  # counted, not dropped
                        found, failed = {}, type(error).__name__
                    values = (written(found.get(test)) for test in columns)
                    writer.writerow([family, size, number, failed, *values])
                    file.flush()
            print(study, block, f"{time.process_time() - start:.0f} s", flush=True)


def again(tests: list[str]) -> None:
    """Compute tests of the level study again that need no randomness of their own, and put them in their place."""
    path = HERE / "diagnostics_level_pvalues.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    tables = {size: design(size) for size in SIZES}
    for (family, size), part in rows.groupby(["family", "size"], sort=False):
        made, table = fitter(family, tables[size], BY["level"]), tables[size]
        for i, number in zip(part.index, part.number.astype(int), strict=True):
            if rows.loc[i, "failed"] or number >= AGAIN[family]:
                rows.loc[i, tests] = ""
                continue
            rng = generator("level", f"{family} {size}", number)
            data = draw(family, table, rng)
            r = mm.quantile_residuals(made(data), n_sim=N_SIM, rng=rng)
            known = {
                "outliers": lambda r=r: mm.check_outliers(r, exact=True),
                "temporal": lambda r=r, data=data: mm.check_temporal(r, data.time),
                "spatial": lambda r=r, data=data: mm.check_spatial(r, data.east, data.north),
            }
            for test in tests:
                rows.loc[i, test] = written(known[test]().p)
        print("again", family, size, flush=True)
        rows.to_csv(path, index=False, lineterminator="\n")


def written(p: float | None) -> str:
    """Give a p-value as the files have it."""
    return "" if p is None or np.isnan(p) else f"{p:.4g}"


# --- power, beside DHARMa -------------------------------------------------------------------------------------


def dharma(folder: str) -> Callable[[Any, pd.DataFrame, int, str], dict[str, float]]:
    """DHARMa's tests on given simulations (createDHARMa), from its source files."""
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        robjects.r(f'.libPaths(c("{folder}/lib", .libPaths()))')
        robjects.r(
            f"""suppressMessages({{library(lme4); library(lmtest); library(ape)}})
            DH <- new.env(parent = globalenv())
            for (f in list.files("{folder}/DHARMa/R", "[.]R$", full.names = TRUE)) sys.source(f, envir = DH)"""
        )
        tests = robjects.r(
            """function(simulated, observed, fitted, integer, time, x, y, seed, named)
            suppressWarnings(suppressMessages({
            set.seed(seed)
            r <- DH$createDHARMa(simulated, observed, fitted, integerResponse = integer)
            p <- switch(named, dispersion = DH$testDispersion(r, plot = FALSE)$p.value,
              zeros = DH$testZeroInflation(r, plot = FALSE)$p.value,
              outliers = DH$testOutliers(r, plot = FALSE)$p.value,
              temporal = DH$testTemporalAutocorrelation(r, time, plot = FALSE)$p.value,
              spatial = DH$testSpatialAutocorrelation(r, x, y, plot = FALSE)$p.value, NaN)
            c(uniformity = DH$testUniformity(r, plot = FALSE)$p.value, named = p)}))"""
        )

    def asked(r: Any, data: pd.DataFrame, seed: int, named: str) -> dict[str, float]:
        with localconverter(robjects.default_converter):
            n, m = r.simulated.shape
            simulated = robjects.r.matrix(robjects.FloatVector(r.simulated.ravel(order="F")), nrow=n, ncol=m)
            answer = tests(
                simulated,
                robjects.FloatVector(r.observed),
                robjects.FloatVector(r.fitted),
                r.discrete,
                robjects.FloatVector(data.time),
                robjects.FloatVector(data.east),
                robjects.FloatVector(data.north),
                seed,
                named,
            )
            return dict(zip(("uniformity", named), map(float, answer), strict=True))

    return asked


def power(folder: str | None) -> None:
    """Rejections of ours and of DHARMa's tests on the same data and the same simulations, beside each other."""
    path = HERE / "diagnostics_power_pvalues.csv"
    done: set[tuple[str, str, float, int]] = set()
    if path.exists():
        old = pd.read_csv(path)
        done = set(zip(old.family, old.fault, old["size"], old.number, strict=True))
    theirs = dharma(folder) if folder else None
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            heads = [f"{who} {test}" for test in COMPARED for who in ("ours", "theirs")]
            writer.writerow(["family", "fault", "size", "number", "simulations", *heads])
        for family, rows, faults, n in POWER_CELLS:
            table = design("large").head(rows)
            table = table.assign(time=table.time.rank().to_numpy() - 1)
            made = fitter(family, table)
            for block in range(0, n, BLOCK):
                start = time.process_time()
                for fault in faults:
                    for size in sizes_of(family)[fault]:
                        for number in range(block, min(block + BLOCK, n if size else sound_of(family))):
                            if (family, fault, size, number) not in done:
                                found = one_power(family, fault, size, number, made, table, theirs)
                                for how, p in found.items():
                                    writer.writerow([family, fault, size, number, how, *map(written, p)])
                                file.flush()
                print("power", family, faults, block, f"{time.process_time() - start:.0f} s", flush=True)


def sizes_of(family: str) -> dict[str, tuple[float, ...]]:
    """Sizes of each fault."""
    return {"gaussian": POWER_GAUSSIAN, "binomial 8": POWER_BINOMIAL}.get(family, POWER)


def sound_of(family: str) -> int:
    """Data sets without the fault, for each fault: their number adds up over the faults."""
    return 100 if family in {"gaussian", "binomial 8"} else N_SOUND


def one_power(
    family: str, fault: str, size: float, number: int, made: Any, table: pd.DataFrame, theirs: Any
) -> dict[str, list[float | None]]:
    """p-values on one data set by the way of simulating: ours and theirs of each test, in the order of the file."""
    rng = generator("power", f"{family} {fault} {size}", number)
    data = draw(family, table, rng, fault, size)
    seen = made(data)
    named = [test for test in NAMED[fault] if test in COMPARED[:7]]
    if not seen.terms:
        ours, other, _ = both(seen, data, rng, False, number, theirs, named)
        return {"no groups": row(ours, other)}
    new, new_theirs, r_new = both(seen, data, rng, False, number, theirs, named)
    kept, kept_theirs, r_kept = both(seen, data, rng, True, number, theirs, named)
    found = {"groups new": row(new, new_theirs), "groups kept": row(kept, kept_theirs)}
    if fault == "overdispersion":
        # what each package does when it is handed the fit: DHARMa 0.5.0 keeps the groups; for ours see check_dispersion
        handed = {
            "dispersion": two_ways(r_kept, r_new, "two-sided", exact=False).p,
            "uniformity": kept["uniformity"],
        }
        found["by default"] = row(handed, kept_theirs)
    if seen.linear and (handed := of_the_fit(seen, data, rng, fault)):
        found["by default"] = row(handed, {})
    if family == "poisson" and fault == "overdispersion" and number < N_PERFORMANCE:
        found["performance"] = row({}, {"dispersion": performance(glmer(data))})
    return found


def of_the_fit(seen: Any, data: pd.DataFrame, rng: np.random.Generator, fault: str) -> dict[str, float]:
    """p-values of the tests that take the fit of a linear model, as the fault names them; DHARMa has none of them."""
    tests: dict[str, Callable[[], Any]] = {
        "normality": lambda: mm.check_normality(seen, 250, rng),
        "random effects": lambda: mm.check_random_effects(seen, 250, rng),
        "means (h)": lambda: mm.check_group_means(seen, data.h),
        "autocorrelation": lambda: mm.check_autocorrelation(seen, data.time, lags=5, n_sim=250, rng=rng),
    }
    for method in ("levene", "bartlett", "fligner"):
        tests[f"variance ({method})"] = lambda method=method: mm.check_homogeneity(
            seen, data.h, method, 250, rng
        )
    found = {}
    for name in NAMED[fault]:
        if name in tests:
            try:
                found[name] = float(tests[name]().p)
            except ValueError:  # a variance of zero has no effects to look at
                found[name] = 1.0
    return found


def both(
    seen: Any,
    data: pd.DataFrame,
    rng: np.random.Generator,
    kept: bool,
    number: int,
    theirs: Any,
    named: list[str],
) -> tuple[dict[str, float], dict[str, float], Any]:
    """Our p-values and DHARMa's on the same simulations, and these."""
    r = mm.quantile_residuals(seen, n_sim=250, rng=rng, conditional=kept)
    tests = {
        "dispersion": lambda: mm.check_dispersion(r).p,
        "zeros": lambda: mm.check_zeros(r).p,
        "outliers": lambda: mm.check_outliers(r).p,
        "temporal": lambda: mm.check_temporal(r, data.time).p,
        "spatial": lambda: mm.check_spatial(r, data.east, data.north).p,
        "quantiles (x)": lambda: mm.check_quantiles(r, data.x)["all"].p,
    }
    ours = {"uniformity": mm.check_uniformity(r).p, **{test: tests[test]() for test in named}}
    return ours, theirs(r, data, number, named[0] if named else "nothing") if theirs else {}, r


def row(ours: dict[str, Any], theirs: dict[str, Any]) -> list[float | None]:
    """Values in the order of the file: ours and theirs of each test."""
    return [value for test in COMPARED for value in (ours.get(test), theirs.get(test))]


def performance(fit: Any) -> float:
    """p of performance::check_overdispersion."""
    from rpy2 import robjects
    from rpy2.robjects.conversion import localconverter

    with localconverter(robjects.default_converter):
        return float(robjects.r("function(m) performance::check_overdispersion(m)$p_value")(fit)[0])


# --- tables ---------------------------------------------------------------------------------------------------


def rates(rows: pd.DataFrame, by: list[str], column: str) -> Iterator[list[Any]]:
    """Rejection rates with their Monte Carlo SE."""
    for key, part in rows.groupby(by, sort=False):
        p = part[column].dropna()
        if len(p):
            rate = float((p <= ALPHA).mean())
            yield [
                *key,
                len(p),
                rate,
                float(np.sqrt(max(rate * (1 - rate), ALPHA * (1 - ALPHA) * (rate == 0)) / len(p))),
            ]


def long(study: str) -> pd.DataFrame:
    """Read the p-values of the level or refit study, one row a test."""
    rows = pd.read_csv(HERE / f"diagnostics_{study}_pvalues.csv")
    return rows.melt(["family", "size", "number", "failed"], var_name="test", value_name="p").dropna(
        subset="p"
    )


def power_table() -> pd.DataFrame:
    """Rejection rates of both packages, and their difference with its paired SE."""
    rows = pd.read_csv(HERE / "diagnostics_power_pvalues.csv")
    out = []
    for key, part in rows.groupby(["family", "simulations", "fault", "size"], sort=False):
        for test in COMPARED:
            own, other = part[f"ours {test}"], part[f"theirs {test}"]
            if own.isna().all() and other.isna().all():
                continue
            ours = np.nan if own.isna().all() else float((own <= ALPHA).mean())
            theirs = np.nan if other.isna().all() else float((other <= ALPHA).mean())
            both = (own <= ALPHA).astype(float) - (other <= ALPHA).astype(float)
            both = both[own.notna() & other.notna()]
            mean, se = (
                (both.mean(), both.std(ddof=1) / np.sqrt(len(both))) if len(both) > 1 else (np.nan, np.nan)
            )
            out.append([*key, test, len(part), ours, theirs, mean, se])
    columns = [
        "family",
        "simulations",
        "fault",
        "size",
        "test",
        "data sets",
        "ours",
        "theirs",
        "difference",
        "paired se",
    ]
    return pd.DataFrame(out, columns=columns)


def summary() -> None:
    """Write the tables of rates and the hashes."""
    for study in ("level", "refit"):
        path = HERE / f"diagnostics_{study}_pvalues.csv"
        if path.exists():
            key = ["family", "size", "test"]
            out = list(rates(long(study), key, "p"))
            table = pd.DataFrame(out, columns=[*key, "data sets", "rejected", "se"]).round(5)
            if study == "refit":
                ending = table["test"].str.endswith(AT_RANDOM)
                random = table[ending].assign(test=table["test"].str.removesuffix(AT_RANDOM))
                random = random.rename(columns={"rejected": "ties at random", "se": "se at random"})
                table = table[~ending].merge(random.drop(columns="data sets"), "left", key)
            table.to_csv(HERE / f"diagnostics_{study}.csv", index=False, lineterminator="\n")
    if (HERE / "diagnostics_power_pvalues.csv").exists():
        power_table().round(5).to_csv(HERE / "diagnostics_power.csv", index=False, lineterminator="\n")
    hashes = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(HERE.glob("diagnostics_*.csv"))
    }
    record = {
        "study": "diagnostics",
        "command": "python data/make/diagnostics_study.py level; ... refit; ... power FOLDER",
        "n_sim": {"level": N_SIM, "refit": N_SIM, "power": 250},
        "alpha": ALPHA,
        "theirs": "DHARMa 0.5.0, its R files at commit 746f969 sourced with ape 5.7 and lmtest 0.9.40 of Debian 12; "
        "testQuantiles left out (needs qgam). For 'performance': check_overdispersion of performance 0.10.2",
        "sha256": hashes,
    }
    (HERE / "diagnostics.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    HERE.mkdir(exist_ok=True)
    what = sys.argv[1]
    if what == "power":
        power(sys.argv[2] if len(sys.argv) > 2 else None)
    elif what == "level" and sys.argv[2:]:
        again(sys.argv[2:])
    elif what == "level":
        run(what, LEVEL)
    elif what == "refit":
        most = int(sys.argv[2]) if len(sys.argv) > 2 else 10**6
        run(what, [(family, size, min(n, most)) for family, size, n in REFIT])
    summary()
