"""Hard cases, engine by engine: each is handled as it should be, or refused in one sentence.

``CASES`` is the matrix of engines and cases: rows dropped for missing values, weights, an offset, a single group, perfect
separation, a variance at its boundary. A case that an engine handles has no words; one that is refused has those of the
refusal, at the fit, at `mm.view`, or where simulations are asked for.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from test_adapters_bambi import draws

import mmhelpers as mm

pytestmark = pytest.mark.filterwarnings("ignore")

N_SIM = 400
# Variance of N_SIM draws over the model's, averaged over 60 rows: a few per cent of its own error
VARIANCE = 0.12
# Another run of an optimiser on the same data
AGAIN = 1e-4


# --- data -----------------------------------------------------------------------------------------------------------


def data_for(case: str) -> pd.DataFrame:
    """Sixty rows in six groups; columns called w and o, which an engine must not take for its own weights and offsets."""
    rng = np.random.default_rng(1)
    n = 60
    i = np.arange(n)
    b = rng.normal(size=6)[i % 6]
    d = pd.DataFrame({"x": rng.normal(size=n), "t": i // 6, "g": [f"g{k}" for k in i % 6], "w": 1.0 + i % 3})
    d["o"], d["tr"] = rng.random(n), rng.integers(3, 9, n)
    d["y"] = d.x + b + rng.normal(size=n)
    d["k"] = rng.poisson(np.exp(0.7 + 0.3 * d.x + 0.4 * b + d.o)).astype(float)
    d["b"] = (rng.random(n) < 1 / (1 + np.exp(-d.x - 0.8 * b))).astype(float)
    d["s"] = rng.binomial(d.tr, 1 / (1 + np.exp(-d.x - 0.5 * b))).astype(float)
    if case == "missing":
        d.loc[[3, 17], ["y", "k", "b", "s"]] = np.nan
        d.loc[5, "x"] = np.nan
    elif case == "one group":
        d["g"] = "one"
    elif case == "separation":
        d["b"] = (d.x > 0).astype(float)
        d["s"] = d.tr * d.b
    elif case == "boundary":  # every group has the same responses and the same x
        values = rng.normal(size=10)
        d["x"], d["y"] = np.repeat(values, 6), np.repeat(values + rng.normal(size=10), 6)
        d["k"] = np.repeat([2.0, 1, 3, 2, 2, 4, 1, 2, 3, 2], 6)
        d["tr"], d["s"] = 5, np.repeat([2.0, 1, 3, 2, 2, 1, 1, 2, 3, 2], 6)
    d["f"] = d.tr - d.s
    return d


# --- fits -----------------------------------------------------------------------------------------------------------

Made = Callable[[pd.DataFrame], Any]


def r(code: str) -> Made:
    """Fit of R on a data frame that R knows as d."""

    def made(data: pd.DataFrame) -> Any:
        from mmhelpers.r_link import r_frame, require_r

        require_r("nlme", "glmmTMB", "lme4", "gamm4")
        robjects = importlib.import_module("rpy2.robjects")
        converters = importlib.import_module("rpy2.robjects.conversion")
        with converters.localconverter(robjects.default_converter):
            robjects.r("suppressMessages({library(nlme); library(glmmTMB); library(lme4); library(gamm4)})")
            robjects.globalenv["d"] = r_frame(data)
            return robjects.r(f"suppressWarnings(suppressMessages({code}))")

    return made


def in_r(function: str, formula: str, **arguments: Any) -> Made:
    return lambda data: mm.fit_in_r(function, formula, data, **arguments)


def glm(family: str, formula: str, **columns: str) -> Made:
    def made(d: pd.DataFrame) -> Any:
        chosen = getattr(sm.families, family)()
        return smf.glm(formula, d, family=chosen, **{key: d[name] for key, name in columns.items()}).fit()

    return made


def discrete(kind: str, formula: str) -> Made:
    return lambda d: getattr(smf, kind)(formula, d).fit(disp=0)


def discrete_offset(kind: str, formula: str) -> Made:
    return lambda d: getattr(smf, kind)(formula, d, offset=d["o"]).fit(disp=0)


def inflated(kind: str, **options: Any) -> Made:
    def made(d: pd.DataFrame) -> Any:
        thinned = d.assign(k=d["k"] * (np.arange(len(d)) % 3 > 0))
        more = {key: thinned.get(v, v) for key, v in options.items()}
        steps = more.pop("maxiter", 300)
        return getattr(sm, kind).from_formula("k ~ x", thinned, **more).fit(disp=0, maxiter=steps)

    return made


def by_pymer4(kind: str, formula: str, **options: Any) -> Made:
    def made(d: pd.DataFrame) -> Any:
        from mmhelpers.r_link import require_r

        require_r("lme4", "lmerTest", "report")
        frame = importlib.import_module("polars").from_pandas(d.assign(share=d["s"] / d["tr"]))
        fit = getattr(importlib.import_module("pymer4.models"), kind)(formula, frame, **options)
        fit.fit()
        return fit

    return made


def bambi(formula: str, sd: float = 1.0, slope: float = 0.0, **options: Any) -> Made:
    """Bambi's model with draws made by hand, so that no chain has to run."""

    def made(d: pd.DataFrame) -> Any:
        model = importlib.import_module("bambi").Model(formula, d, **options)
        values = {"Intercept": (0.0, 0.1), "x": (slope, 0.1), "sigma": (1.0, 0.05)}
        groups = {}
        if "g)" in formula:
            component = model.components[model.family.likelihood.parent]
            levels = list(component.group_specific_terms["1|g"].groups)
            values["1|g_sigma"] = (sd, sd / 10)
            groups["1|g"] = ("g__factor_dim", levels, np.zeros(len(levels)), sd / 10)
        return model, draws(values, groups)

    return made


def logistic(d: pd.DataFrame) -> Any:
    x = np.column_stack([np.ones(len(d)), d["x"]])
    return mm.fit_logistic(d["s"], x, d["g"], trials=d["tr"])


AR1 = "correlation = corAR1(form = ~ t | g)"
FREE = "control = lmerControl(check.nlev.gtr.1 = 'ignore')"
FREE_G = "control = glmerControl(check.nlev.gtr.1 = 'ignore')"
REPEAT = "repeat the rows"
ONE_LEVEL = "has one level"
#: engine -> case -> the fit, and the words of its refusal
PYTHON: dict[str, dict[str, tuple[Made, str | None]]] = {
    "mmhelpers fit": {
        "missing": (lambda d: mm.fit("y ~ x + (1 | g)", d), None),
        "offset": (lambda d: mm.fit("y ~ x + offset(o) + (1 | g)", d), None),
        "one group": (lambda d: mm.fit("y ~ x + (1 | g)", d), ONE_LEVEL),
        "boundary": (lambda d: mm.fit("y ~ x + (1 | g)", d), None),
    },
    "mmhelpers fit_gls": {
        "missing": (lambda d: mm.fit_gls("y ~ x + (1 | g)", d, correlation="corCAR1(t | g)"), None),
        "weights": (lambda d: mm.fit_gls("y ~ x", d, variance="varFixed(w)"), None),
        "offset": (lambda d: mm.fit_gls("y ~ x + offset(o)", d, variance="varIdent(g)"), None),
        "one group": (lambda d: mm.fit_gls("y ~ x + (1 | g)", d), ONE_LEVEL),
        "boundary": (lambda d: mm.fit_gls("y ~ x + (1 | g)", d), None),
    },
    "mmhelpers fit_logistic": {
        "missing": (logistic, "must not have missing values"),
        "one group": (logistic, "one value"),
        "weights": (logistic, "many data sets at once"),
        "separation": (logistic, "many data sets at once"),
        "boundary": (logistic, "many data sets at once"),
    },
    "statsmodels OLS, WLS": {
        "missing": (lambda d: smf.ols("y ~ x", d).fit(), None),
        "weights": (lambda d: smf.wls("y ~ x", d, weights=d.w).fit(), None),
    },
    "statsmodels GLS": {
        "missing": (lambda d: smf.gls("y ~ x", d).fit(), None),
        "weights": (lambda d: smf.gls("y ~ x", d, sigma=1 / d.w).fit(), None),
    },
    "statsmodels GLM gaussian": {
        "missing": (glm("Gaussian", "y ~ x"), None),
        "weights": (glm("Gaussian", "y ~ x", var_weights="w"), None),
        "rows that count": (glm("Gaussian", "y ~ x", freq_weights="w"), REPEAT),
        "offset": (glm("Gaussian", "y ~ x", offset="o"), None),
    },
    "statsmodels GLM Poisson": {
        "missing": (glm("Poisson", "k ~ x"), None),
        "weights": (glm("Poisson", "k ~ x", var_weights="w"), REPEAT),
        "rows that count": (glm("Poisson", "k ~ x", freq_weights="w"), REPEAT),
        "offset": (glm("Poisson", "k ~ x", offset="o"), None),
    },
    "statsmodels GLM negative binomial": {
        "missing": (glm("NegativeBinomial", "k ~ x"), None),
        "weights": (glm("NegativeBinomial", "k ~ x", var_weights="w"), REPEAT),
        "offset": (glm("NegativeBinomial", "k ~ x", offset="o"), None),
    },
    "statsmodels GLM binomial": {
        "missing": (glm("Binomial", "s + f ~ x"), None),
        "weights": (glm("Binomial", "s + f ~ x"), None),
        "rows that count": (glm("Binomial", "b ~ x", freq_weights="w"), REPEAT),
        "shares of a trial": (glm("Binomial", "b ~ x", var_weights="o"), "not whole"),
        "offset": (glm("Binomial", "s + f ~ x", offset="o"), None),
        "separation": (glm("Binomial", "b ~ x"), None),
    },
    "statsmodels GEE": {
        "missing": (lambda d: smf.gee("k ~ x", "g", d, family=sm.families.Poisson()).fit(), "working correlation"),
        "offset": (
            lambda d: smf.gee("k ~ x", "g", d, family=sm.families.Poisson(), offset=d.o).fit(),
            "working correlation",
        ),
        "one group": (lambda d: smf.gee("k ~ x", "g", d, family=sm.families.Poisson()).fit(), "working correlation"),
        "separation": (
            lambda d: smf.gee("b ~ x", "g", d, family=sm.families.Binomial()).fit(), "not finite|working correlation",
        ),
    },
    "statsmodels Poisson": {
        "missing": (discrete("poisson", "k ~ x"), None),
        "offset": (discrete_offset("poisson", "k ~ x"), None),
    },
    "statsmodels NegativeBinomial": {
        "missing": (discrete("negativebinomial", "k ~ x"), None),
        "offset": (discrete_offset("negativebinomial", "k ~ x"), None),
    },
    "statsmodels Logit": {
        "missing": (discrete("logit", "b ~ x"), None),
        "offset": (discrete_offset("logit", "b ~ x"), None),
        "separation": (discrete("logit", "b ~ x"), None),
    },
    "statsmodels Probit": {
        "missing": (discrete("probit", "b ~ x"), None),
        "offset": (discrete_offset("probit", "b ~ x"), None),
        "separation": (discrete("probit", "b ~ x"), None),
    },
    "statsmodels MixedLM": {
        "missing": (lambda d: smf.mixedlm("y ~ x", d, groups="g", missing="drop").fit(), None),
        "one group": (lambda d: smf.mixedlm("y ~ x", d, groups="g").fit(), None),
        "boundary": (lambda d: smf.mixedlm("Yield ~ 1", mm.load("dyestuff2"), groups="Batch").fit(), None),
    },
    "statsmodels zero-inflated Poisson": {
        "missing": (inflated("ZeroInflatedPoisson", missing="drop"), None),
        "offset": (inflated("ZeroInflatedPoisson", offset="o"), None),
    },
    "statsmodels zero-inflated negative binomial": {
        "missing": (inflated("ZeroInflatedNegativeBinomialP", missing="drop"), None),
        "no Hessian": (inflated("ZeroInflatedNegativeBinomialP", offset="o", maxiter=2), None),
        "offset": (inflated("ZeroInflatedNegativeBinomialP", offset="o"), "its size is -"),
    },
    "bambi": {
        "missing": (bambi("y ~ x", dropna=True), None),
        "weights": (bambi("weighted(y, w) ~ x"), "weighted"),
        "offset": (bambi("k ~ x + offset(o)", family="poisson"), None),
        "one group": (bambi("y ~ x + (1|g)"), None),
        "separation": (bambi("b ~ x", slope=4000.0, family="bernoulli"), None),
        "boundary": (bambi("y ~ x + (1|g)", sd=1e-7), None),
    },
}  # fmt: skip
R: dict[str, dict[str, tuple[Made, str | None]]] = {
    "R lm": {
        "missing": (r("lm(y ~ x, d)"), None),
        "weights": (r("lm(y ~ x, d, weights = w)"), None),
        "no weight": (r("lm(y ~ x, d, weights = w - 1)"), "20 of the 60 rows have no weight"),
        "offset": (r("lm(y ~ x + offset(o), d)"), None),
    },
    "R glm Poisson": {
        "missing": (r("glm(k ~ x, poisson, d)"), None),
        "weights": (r("glm(k ~ x, poisson, d, weights = w)"), REPEAT),
        "offset": (r("glm(k ~ x, poisson, d, offset = o)"), None),
    },
    "R glm binomial": {
        "missing": (r("glm(s / tr ~ x, binomial, d, weights = tr)"), None),
        "weights": (r("glm(s / tr ~ x, binomial, d, weights = tr)"), None),
        "shares of a trial": (r("glm(b ~ x, binomial, d, weights = o)"), "not whole"),
        "offset": (r("glm(b ~ x + offset(o), binomial, d)"), None),
        "separation": (r("glm(b ~ x, binomial, d)"), None),
    },
    "R glm.nb": {
        "missing": (r("MASS::glm.nb(k ~ x, d)"), None),
        "weights": (r("MASS::glm.nb(k ~ x, d, weights = w)"), REPEAT),
        "offset": (r("MASS::glm.nb(k ~ x + offset(o), d)"), None),
    },
    "lme4 lmer": {
        "missing": (r("lmer(y ~ x + (1 | g), d)"), None),
        "weights": (r("lmer(y ~ x + (1 | g), d, weights = w)"), None),
        "offset": (r("lmer(y ~ x + (1 | g), d, offset = o)"), None),
        "one group": (r(f"lmer(y ~ x + (1 | g), d, {FREE})"), None),
        "one group, as it comes": (in_r("lme4::lmer", "y ~ x + (1 | g)"), "grouping factors must have > 1"),
        "boundary": (r("lmer(y ~ x + (1 | g), d)"), None),
    },
    "lme4 glmer Poisson": {
        "missing": (r("glmer(k ~ x + (1 | g), d, poisson)"), None),
        "weights": (r("glmer(k ~ x + (1 | g), d, poisson, weights = w)"), REPEAT),
        "offset": (r("glmer(k ~ x + offset(o) + (1 | g), d, poisson)"), None),
        "one group": (r(f"glmer(k ~ x + (1 | g), d, poisson, {FREE_G})"), None),
        "boundary": (r("glmer(k ~ x + (1 | g), d, poisson)"), None),
    },
    "lme4 glmer binomial": {
        "missing": (r("glmer(b ~ x + (1 | g), d, binomial)"), None),
        "weights": (r("glmer(s / tr ~ x + (1 | g), d, binomial, weights = tr)"), None),
        "offset": (r("glmer(b ~ x + (1 | g), d, binomial, offset = o)"), None),
        "one group": (r(f"glmer(b ~ x + (1 | g), d, binomial, {FREE_G})"), None),
        "separation": (in_r("lme4::glmer", "b ~ x + (1 | g)", family="binomial"), "lme4::glmer refused b ~ x"),
        "boundary": (r("glmer(cbind(s, f) ~ x + (1 | g), d, binomial)"), None),
    },
    "lme4 glmer.nb": {
        "missing": (r("glmer.nb(k ~ x + (1 | g), d[complete.cases(d), ])"), None),
        "offset": (r("glmer.nb(k ~ x + offset(o) + (1 | g), d)"), None),
        "boundary": (r("glmer.nb(k ~ x + (1 | g), d)"), None),
    },
    "pymer4": {
        "missing": (by_pymer4("lmer", "y~x+(1|g)"), None),
        "weights": (by_pymer4("glmer", "share~x+(1|g)", family="binomial", weights="tr"), None),
        "boundary": (by_pymer4("lmer", "y~x+(1|g)"), None),
    },
    "nlme gls": {
        "missing": (r(f"gls(y ~ x, d, {AR1}, na.action = na.omit)"), None),
        "missing, varIdent": (r("gls(y ~ x, d, weights = varIdent(form = ~ 1 | g), na.action = na.omit)"), None),
        "weights": (r("gls(y ~ x, d, weights = varFixed(~ w))"), None),
        "offset": (in_r("nlme::gls", "y ~ x + offset(o)"), r"offset\(\) terms are not supported"),
        "one group": (r(f"gls(y ~ x, transform(d, t = seq_along(t)), {AR1})"), None),
    },
    "nlme lme": {
        "missing": (r(f"lme(y ~ x, d, ~ 1 | g, {AR1}, na.action = na.omit)"), None),
        "missing, varIdent": (r("lme(y ~ x, d, ~ 1 | g, weights = varIdent(form = ~ 1 | g), na.action = na.omit)"), None),
        "weights": (r("lme(y ~ x, d, ~ 1 | g, weights = varFixed(~ w))"), None),
        "offset": (in_r("nlme::lme", "y ~ x + offset(o)", random="~ 1 | g"), r"offset\(\) terms are not supported"),
        "one group": (r("lme(y ~ x, d, ~ 1 | g)"), None),
        "boundary": (r("lme(y ~ x, d, ~ 1 | g)"), None),
    },
    "glmmTMB gaussian": {
        "missing": (r("glmmTMB(y ~ x + (1 | g), d)"), None),
        "weights": (r("glmmTMB(y ~ x + (1 | g), d, weights = w)"), REPEAT),
        "weights, dispformula": (r("glmmTMB(y ~ x + (1 | g), d, dispformula = ~ factor(w))"), None),
        "offset": (r("glmmTMB(y ~ x + offset(o) + (1 | g), d)"), None),
        "one group": (r("glmmTMB(y ~ x + (1 | g), d)"), None),
        "boundary": (r("glmmTMB(y ~ x + (1 | g), d)"), None),
    },
    "glmmTMB counts": {
        "missing": (r("glmmTMB(k ~ x + (1 | g), d, family = nbinom2, ziformula = ~ 1)"), None),
        "weights": (r("glmmTMB(k ~ x + (1 | g), d, family = poisson, weights = w)"), REPEAT),
        "weights, dispformula": (r("glmmTMB(k ~ x + (1 | g), d, family = nbinom2, dispformula = ~ x)"), "dispformula"),
        "offset": (r("glmmTMB(k ~ x + offset(o) + (1 | g), d, family = poisson)"), None),
        "one group": (r("glmmTMB(k ~ x + (1 | g), d, family = poisson)"), None),
        "boundary": (r("glmmTMB(k ~ x + (1 | g), d, family = poisson)"), None),
    },
    "glmmTMB binomial": {
        "missing": (r("glmmTMB(b ~ x + (1 | g), d, family = binomial)"), None),
        "weights": (r("glmmTMB(s / tr ~ x + (1 | g), d, family = binomial, weights = tr)"), None),
        "offset": (r("glmmTMB(b ~ x + (1 | g), d, family = binomial, offset = o)"), None),
        "separation": (in_r("glmmTMB::glmmTMB", "b ~ x + (1 | g)", family="binomial"), "glmmTMB refused b ~ x"),
        "boundary": (r("glmmTMB(cbind(s, f) ~ x + (1 | g), d, family = binomial)"), None),
    },
    "gamm4": {
        "missing": (r("gamm4(y ~ s(x, k = 4), data = d, random = ~ (1 | g))"), None),
        "weights": (r("{w <- d$w; gamm4(y ~ s(x, k = 4), data = d, random = ~ (1 | g), weights = w)}"), None),
        "offset": (r("gamm4(k ~ s(x, k = 4) + offset(o), family = poisson, data = d, random = ~ (1 | g))"), None),
        "boundary": (r("gamm4(y ~ s(x, k = 4), data = d, random = ~ (1 | g))"), None),
    },
}  # fmt: skip
CASES = [
    pytest.param(engine, case, made, words, id=f"{engine}, {case}", marks=[pytest.mark.r] if table is R else [])
    for table in (PYTHON, R)
    for engine, cases in table.items()
    for case, (made, words) in cases.items()
]  # fmt: skip


# --- promises -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "case", "made", "words"), CASES)
def test_hard_case(engine, case, made, words):
    kind = case.split(",")[0]
    data = data_for(kind)
    if words is not None:
        with pytest.raises(
            (mm.UnsupportedFitError, ValueError), match=re.compile(words, re.DOTALL)
        ) as refusal:
            mm.view(made(data)).simulate(1, np.random.default_rng(1))
        one_sentence(str(refusal.value))
        return
    seen = mm.view(made(data))
    found = mm.check(seen, n_sim=39).to_frame().set_index("diagnosis")
    if kind != "separation":  # there is no variance left
        variance_is_drawn(seen)
    refit_repeats(seen, kind)
    PROMISES[kind](seen, found, data)


def one_sentence(words: str) -> None:
    assert len(words) < 400
    assert "Traceback" not in words
    assert len(words.split(". ")) <= 2, words


def variance_is_drawn(seen: mm.FitView) -> None:
    """What is drawn scatters as the model says, row by row: weights and offsets are in it."""
    y = seen.simulate(N_SIM, np.random.default_rng(1), True)
    if seen.variance is not None:
        model = seen.variance
    elif seen.correlation is not None:
        model = seen.sigma**2 * np.diag(seen.correlation)
    else:
        model = seen.family.variance(seen.fitted(True), seen.weights)
    alive = model > 1e-4 * model.max()
    ratio = (y.var(axis=1, ddof=1) / model)[alive].mean()
    # a posterior predictive has the parameters' scatter on top
    assert 1 - VARIANCE < ratio < 1 + (0.6 if seen.engine == "bambi" else VARIANCE)


def refit_repeats(seen: mm.FitView, kind: str) -> None:
    """A refit to its own response is the fit again: with its weights, offset and rows, whatever columns are called."""
    if seen.refit is None or kind in {"separation", "one group", "boundary", "no Hessian"}:
        return
    again = seen.refit(seen.observed)
    np.testing.assert_allclose(again.beta, seen.beta, rtol=AGAIN, atol=AGAIN)
    np.testing.assert_allclose(again.weights, seen.weights, rtol=0.01)
    np.testing.assert_allclose(again.offset, seen.offset)


def missing(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    kept = data.dropna()
    assert seen.nobs == len(kept) == 57
    response = {"s / tr": kept["s"] / kept["tr"]}.get(seen.response, kept.get(seen.response))
    if response is not None and "zero-inflated" not in seen.engine and "ZeroInflated" not in seen.engine:
        np.testing.assert_allclose(seen.observed, response)
    if "gamm4" not in seen.engine:
        np.testing.assert_allclose(seen.X[:, 1], kept["x"])
    assert seen.frame is not None
    np.testing.assert_allclose(np.asarray(seen.frame["x"], float), kept["x"])
    for labels in seen.groups.values():
        assert list(labels) == list(kept["g"])
    assert found.loc["convergence", "verdict"] == "fine" or seen.engine == "bambi"  # draws by hand do not mix


def weights(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    """The variance of a row is that of its weight: w, 1 / w where it is a variance, or the number of trials."""
    precision = seen.weights if seen.correlation is None else 1 / np.diag(seen.correlation)
    wanted = {
        "binomial": data["tr"],
        "mmhelpers fit_gls": 1 / data["w"],
        "nlme gls": 1 / data["w"],
        "nlme lme": 1 / data["w"],
    }
    ratio = precision / wanted.get(seen.family.name, wanted.get(seen.engine, data["w"]))
    if seen.engine == "R glmmTMB" and seen.linear:  # a standard deviation estimated for each of three
        assert len(np.unique(np.round(seen.weights, 8))) == 3
        assert np.mean(1 / seen.weights) == pytest.approx(1)
        return
    np.testing.assert_allclose(ratio / ratio[0], 1, rtol=1e-8)


def offset(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    np.testing.assert_allclose(seen.offset, data["o"], atol=1e-12)
    mean = seen.family.inverse_link(seen.X @ seen.beta + data["o"].to_numpy())
    curves = sum((t.contribution(t.modes) for t in seen.terms if t.smooth), np.zeros(seen.nobs))
    if not curves.any() and seen.variance is None:
        np.testing.assert_allclose(mean, seen.fitted(False), rtol=1e-6, atol=1e-9)


def one_group(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    if not seen.random:
        assert seen.correlation is not None
        return
    assert found.loc["singular fit", "verdict"] == "fault"
    assert "one level" in found.loc["singular fit", "advice"]


def separation(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    assert found.loc["separation", "verdict"] == "fault"
    assert "infinity" in found.loc["separation", "advice"]


def boundary(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    assert found.loc["singular fit", "verdict"] == "look"
    assert "boundary" in found.loc["singular fit", "advice"]
    np.testing.assert_allclose(seen.fitted(True), seen.fitted(False), atol=1e-2 * np.ptp(seen.observed))


def no_hessian(seen: mm.FitView, found: pd.DataFrame, data: pd.DataFrame) -> None:
    assert found.loc["convergence", "verdict"] == "fault"


PROMISES = {
    "no Hessian": no_hessian,
    "missing": missing,
    "weights": weights,
    "offset": offset,
    "one group": one_group,
    "separation": separation,
    "boundary": boundary,
}


def test_what_is_no_fit_of_this_package_is_refused():
    with pytest.raises(mm.UnsupportedFitError, match="fit is a TestTable, which is not a fit"):
        mm.view(mm.TestTable((mm.TestRow("a", 1.0, 0.5),)))


def test_plain_functions_take_the_simulations_of_many_fits():
    """What fit_logistic gives is diagnosed through arrays."""
    d = data_for("weights")
    fits = logistic(d)
    simulated = fits.simulate(99, rng=np.random.default_rng(1)).T
    residuals = mm.quantile_residuals(d["s"], simulated)
    assert residuals.values.shape == (60,)
    assert mm.check_uniformity(residuals).p > 0.01
