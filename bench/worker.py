"""Time one tool on one design in this process: both models, with p-values; prints JSON (seconds a fit).

Arguments: tool, folder with design.csv and Y.npy, formula of the intercept model, of the slope model, fits.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")


def mmhelpers(data, Y, formula):
    import mmhelpers as mm

    mm.fit_many(formula, data, Y[:50]).coefficients()
    started = time.process_time()
    for _ in range(3):  # a study goes on: the first call alone pays for new pages of memory
        fits = mm.fit_many(formula, data, Y)
        fits.coefficients()
    return (time.process_time() - started) / (3 * len(Y)), fits.criterion.tolist()


def mmhelpers_draws(data, Y, formula):
    """Sufficient statistics drawn instead of data: simulation, fit and p-values."""
    import mmhelpers as mm
    from mmhelpers.engine import prepare_draws
    from mmhelpers.fitting.many import FitMany

    truth = mm.Truth(
        "y ~ x + (x | g)",
        beta=[0.0, 0.0],
        sd={"g": {"(Intercept)": 1.0, "x": 0.5}},
        sigma=2.0,
    )
    matrices = mm.build_matrices(formula, data, response=False)
    generating = mm.build_matrices(truth.formula, data, response=False)
    rng = np.random.default_rng(1)
    prepare_draws([matrices], generating, truth.bind(generating)).fit(50, rng)
    started = time.process_time()
    for _ in range(3):
        source = prepare_draws([matrices], generating, truth.bind(generating))
        FitMany(source.fit(len(Y), rng)[0]).coefficients()
    return (time.process_time() - started) / (3 * len(Y)), []


def mmhelpers_one(data, Y, formula):
    """One data set at a time, formula and all."""
    import mmhelpers as mm

    mm.fit(formula, data.assign(y=Y[0])).coefficients()
    started = time.process_time()
    criterion = []
    for y in Y:
        fit = mm.fit(formula, data.assign(y=y))
        fit.coefficients()
        criterion.append(fit.criterion)
    return (time.process_time() - started) / len(Y), criterion


def statsmodels(data, Y, formula):
    import statsmodels.formula.api as smf

    fixed, _, random = formula.partition(" + (")
    effects, group = random.rstrip(")").split(" | ")
    started = time.process_time()
    for y in Y:
        frame = data.assign(y=y)
        model = smf.mixedlm(
            fixed, frame, groups=frame[group], re_formula=None if effects == "1" else f"~{effects}"
        )
        _ = model.fit().pvalues
    return (time.process_time() - started) / len(Y), []


def pymer4(data, Y, formula):
    import os

    from mmhelpers import r_link

    os.environ.update(r_link.variables())
    import polars as pl
    from pymer4.models import lmer

    def one(y):
        model = lmer(formula, data=pl.from_pandas(data.assign(y=y)))
        model.fit(summary=False)
        return model.result_fit["p_value"]

    one(Y[0])
    started = time.process_time()
    for y in Y:
        one(y)
    return (time.process_time() - started) / len(Y), []


def mixedlm(data, Y, formula):
    import mixedlm as tool

    def one(y):
        fit = tool.lmer(formula, data.assign(y=y))
        tool.satterthwaite_df(fit)
        return fit

    one(Y[0])
    started = time.process_time()
    fits = [one(y) for y in Y]
    return (time.process_time() - started) / len(Y), [float(tool.REMLcrit(fit)) for fit in fits]


def glmm(data, Y, formula):
    import glmm as tool

    columns = {name: data[name].to_numpy() for name in data}
    tool.fit(columns | {"y": Y[0]}, formula)
    started = time.process_time()
    for y in Y:
        tool.fit(columns | {"y": y}, formula)
    return (time.process_time() - started) / len(Y), []


def mcpower(data, Y, formula):
    """Simulates and fits, on a balanced design of its own making with the same sizes."""
    import mcpower as tool

    groups = [part.split("|")[1].strip(" )") for part in formula.split(" + ")[1:] if "|" in part]
    slopes = "(x |" in formula
    model = tool.MCPower(formula.replace("(x |", "(1 + x |"), family="lme")
    model.set_effects("x=0.2")
    for group in groups:
        extra = {"random_slopes": ["x"], "slope_variance": 0.1} if slopes else {}
        model.set_cluster(group, ICC=0.3, n_clusters=data[group].nunique(), **extra)
    model.find_power(sample_size=len(data), n_sims=50, verbose=False, progress_callback=False)
    n = max(20 * len(Y), 400)
    started = time.process_time()
    model.find_power(sample_size=len(data), n_sims=n, verbose=False, progress_callback=False)
    return (time.process_time() - started) / n, []


def main():
    tool, folder, intercepts, slopes, fits = sys.argv[1:]
    data = pd.read_csv(Path(folder) / "design.csv")
    Y = np.load(Path(folder) / "Y.npy")[: int(fits)]
    out = {}
    for model, formula in (("intercepts", intercepts), ("slopes", slopes)):
        try:
            seconds, criterion = globals()[tool](data, Y, formula)
            out[model] = {"seconds": seconds, "criterion": criterion}
        except Exception as error:
            out[model] = {"error": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
