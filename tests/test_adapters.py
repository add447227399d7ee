"""Adapters: one contract for every engine, and the same numbers from each."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm
from mmhelpers.adapters.names import r_name

# Relative agreement of optimisers that stop at their own tolerances: statsmodels' bfgs leaves the criterion
# about 1e-9 too high on sleepstudy, which moves variances by 1e-5.
ENGINES = 1e-4
PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "data" / "published.csv")


@pytest.fixture(scope="module")
def pymer4() -> Any:
    """pymer4's models, or a skip that says what is missing."""
    try:
        link: Any = importlib.import_module("mmhelpers.r_link")
    except ImportError:
        link = None
    try:
        if link is not None:
            link.require_r("lme4", "lmerTest", "report")
        return importlib.import_module("pymer4.models")
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs R: {error}")


def polars(data: pd.DataFrame) -> Any:
    frame = data.copy()
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype(str)
    return importlib.import_module("polars").from_pandas(frame)


def sleep() -> pd.DataFrame:
    return mm.load("sleepstudy")


def published(model: str) -> dict[str, tuple[float, float]]:
    rows = PUBLISHED[(PUBLISHED.dataset == "sleepstudy") & PUBLISHED.model.str.startswith(model)]
    return {q: (v, t) for q, v, t in zip(rows.quantity, rows.value, rows.tolerance, strict=True)}


def as_published(seen: mm.FitView) -> dict[str, float]:
    out = {f"fixef_{n}": b for n, b in zip(seen.x_names, seen.beta, strict=True)}
    out |= {f"se_{n}": s for n, s in zip(seen.x_names, seen.se, strict=True)}
    for group, name, kind, value in seen.variance_components.itertuples(index=False):
        if group == "residual":
            out["sd_residual"] = value
        elif kind == "sd":
            out[f"sd_{group}_{name}"] = value
        else:
            out[f"corr_{group}_" + name.replace(", ", "_")] = value
    out["REML_criterion"] = -2 * seen.loglik
    out["nobs"] = seen.nobs
    for effect, short in (("(Intercept)", "Intercept"), ("Days", "Days")):
        if effect in seen.random_effects["Subject"]:
            for subject in ("308", "309"):
                out[f"ranef_{subject}_{short}"] = seen.random_effects["Subject"].loc[subject, effect]
    return out


def check_published(seen: mm.FitView, model: str) -> int:
    """Compare every quantity that both know; gives their number, so that none can be lost unnoticed."""
    reference = published(model)
    ours = as_published(seen)
    common = sorted(set(reference) & set(ours))
    for quantity in common:
        value, tolerance = reference[quantity]
        assert abs(ours[quantity] - value) <= tolerance + 1e-12, (quantity, ours[quantity], value)
    return len(common)


def fit_sleep(slopes: bool) -> Any:
    with np.errstate(all="ignore"):
        return smf.mixedlm(
            "Reaction ~ Days", sleep(), groups="Subject", re_formula="~Days" if slopes else None
        ).fit()


def test_sleepstudy_statsmodels_is_as_published():
    assert check_published(mm.view(fit_sleep(True)), "fm1: ") >= 10
    assert check_published(mm.view(fit_sleep(False)), "fm3: ") >= 8


@pytest.mark.r
def test_sleepstudy_pymer4_is_as_published(pymer4):
    for formula, model, at_least in (("(Days|Subject)", "fm1: ", 10), ("(1|Subject)", "fm3: ", 8)):
        fit = pymer4.lmer(f"Reaction~Days+{formula}", polars(sleep()))
        fit.fit()
        assert check_published(mm.view(fit), model) >= at_least
        table = mm.agreement({"statsmodels": fit_sleep("Days|" in formula), "lme4": fit})
        assert table["relative"].notna().all()
        assert table["relative"].max() < ENGINES


@pytest.mark.r
def test_nested_variance_components_have_lme4s_names_and_modes(pymer4):
    data = mm.load("pastes")
    ours = mm.view(
        smf.mixedlm(
            "strength ~ 1", data, groups="batch", vc_formula={"cask": "0 + C(cask)"}, re_formula="1"
        ).fit()
    )
    fit = pymer4.lmer("strength~1+(1|batch/cask)", polars(data))
    fit.fit()
    theirs = mm.view(fit)
    assert set(ours.random_effects) == set(theirs.random_effects) == {"batch", "cask:batch"}
    for group, table in theirs.random_effects.items():
        mine = ours.random_effects[group].loc[table.index]
        np.testing.assert_allclose(mine, table, atol=2e-3)
    np.testing.assert_allclose(ours.fitted(), theirs.fitted(), atol=1e-3)


def ols_fit() -> Any:
    return smf.ols("Reaction ~ Days + C(Subject)", sleep()).fit()


def wls_fit() -> Any:
    data = sleep()
    return smf.wls("Reaction ~ Days", data, weights=1 + np.arange(len(data)) % 3).fit()


def missing_fit() -> Any:
    data = sleep()
    data.loc[3, "Reaction"] = np.nan
    return smf.mixedlm("Reaction ~ Days", data, groups="Subject", missing="drop").fit()


def crossed_fit() -> Any:
    data = mm.load("penicillin")
    vc = {"plate": "0 + C(plate)", "sample": "0 + C(sample)"}
    return smf.mixedlm("diameter ~ 1", data, groups=np.ones(len(data)), vc_formula=vc).fit()


def counts() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 300
    data = pd.DataFrame({"x": rng.normal(size=n), "t": rng.integers(2, 20, n), "e": rng.random(n) + 0.5})
    data["y"] = rng.poisson(np.exp(0.5 + 0.5 * data.x) * data.e)
    data["z"] = data.y * (rng.random(n) < 0.7)
    data["k"] = rng.binomial(data.t, 1 / (1 + np.exp(-data.x)))
    data["f"] = data.t - data.k
    data["b"] = (data.k > data.f).astype(int)
    data["g"] = np.arange(n) % 10
    return data


def zero_inflated(negative: bool) -> Any:
    from statsmodels.discrete import count_model

    data = counts()
    X = pd.DataFrame({"const": 1.0, "x": data.x})
    kind = count_model.ZeroInflatedNegativeBinomialP if negative else count_model.ZeroInflatedPoisson
    rng = np.random.default_rng(2)
    spread = rng.gamma(1.0, 1.0, len(data)) if negative else 1.0
    z = rng.poisson(np.exp(1 + 0.5 * data.x) * data.e * spread) * (rng.random(len(data)) < 0.7)
    return kind(z, X, exog_infl=np.ones((len(data), 1)), exposure=data.e).fit(disp=0, maxiter=500)


FITS: dict[str, Callable[[], Any]] = {
    "OLS": ols_fit,
    "WLS": wls_fit,
    "MixedLM slopes": lambda: fit_sleep(True),
    "MixedLM missing": missing_fit,
    "MixedLM crossed": crossed_fit,
    "GLM Poisson": lambda: smf.glm(
        "y ~ x", counts(), family=sm.families.Poisson(), exposure=counts().e
    ).fit(),
    "GLM binomial": lambda: smf.glm("k + f ~ x", counts(), family=sm.families.Binomial()).fit(),
    "GLM Gamma": lambda: smf.glm("e ~ x", counts(), family=sm.families.Gamma(sm.families.links.Log())).fit(),
    "GLM gaussian": lambda: smf.glm("e ~ x", counts()).fit(),
    "Poisson": lambda: smf.poisson("y ~ x", counts(), exposure=counts().e).fit(disp=0),
    "NegativeBinomial": lambda: smf.negativebinomial("y ~ x", counts()).fit(disp=0),
    "Logit": lambda: smf.logit("b ~ x", counts()).fit(disp=0),
    "Probit": lambda: smf.probit("b ~ x", counts()).fit(disp=0),
}


def test_crossed_components_stay_apart():
    seen = mm.view(crossed_fit())
    assert {t.group for t in seen.terms} == {"plate", "sample"}
    assert [len(t.levels) for t in seen.terms] == [24, 6]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("negative", [False, True])
def test_zero_inflated_counts_are_simulated_from_the_mixture(negative):
    fit = zero_inflated(negative)
    seen = mm.view(fit)
    draws = seen.simulate(2000, np.random.default_rng(1))
    np.testing.assert_allclose(seen.fitted(), np.asarray(fit.predict()), rtol=1e-10)
    zeros = np.asarray(fit.predict(which="prob-zero"))
    se = np.sqrt(zeros * (1 - zeros) / 2000)
    assert (np.abs((draws == 0).mean(axis=1) - zeros) < 5 * se).all()
    sd = draws.std(axis=1) / np.sqrt(2000)
    assert (np.abs(draws.mean(axis=1) - seen.fitted()) < 6 * sd).all()


def test_binomial_refit_keeps_the_trials():
    seen = mm.view(smf.glm("k + f ~ x", counts(), family=sm.families.Binomial()).fit())
    np.testing.assert_array_equal(seen.weights, counts().t)
    assert seen.refit is not None
    np.testing.assert_allclose(seen.refit(seen.observed).beta, seen.beta, rtol=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_a_failed_fit_is_refused_in_words():
    from dataclasses import replace

    seen = mm.view(ols_fit())
    with pytest.raises(mm.UnsupportedFitError, match="1 values of beta are not finite"):
        replace(seen, beta=np.append(seen.beta[:-1], np.nan))


def test_agreement_refuses_in_words():
    with pytest.raises(ValueError, match="at least two"):
        mm.agreement({"one": ols_fit()})
    with pytest.raises(ValueError, match="different numbers of observations"):
        mm.agreement({"all": fit_sleep(False), "without": missing_fit()})


def test_protocol_hook_is_honoured_and_checked():
    class Mine:
        def __init__(self, what: Any) -> None:
            self.what = what

        def __fitview__(self) -> Any:
            return self.what

    seen = mm.view(ols_fit())
    assert mm.view(Mine(seen)) is seen
    with pytest.raises(mm.UnsupportedFitError, match="not a FitView"):
        mm.view(Mine(3))


def test_agreement_finds_a_planted_difference():
    data = sleep()
    other = data.assign(Reaction=data.Reaction * 1.01)
    table = mm.agreement(
        {"a": smf.ols("Reaction ~ Days", data).fit(), "b": smf.ols("Reaction ~ Days", other).fit()}
    )
    assert table.loc["Days", "relative"] == pytest.approx(0.01 / 1.01, rel=1e-6)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("C(pop, Treatment(reference='A'))[T.B]:x", "popB:x"),
        ("C(a)[T.1]:C(b)[T.2]", "a1:b2"),
        ("np.log(x)", "np.log(x)"),
        ("a[x]", "ax"),
    ],
)
def test_names(theirs, ours):
    assert r_name(theirs) == ours


WITHOUT: dict[str, Callable[[], Any]] = {
    name: FITS[name] for name in ("OLS", "WLS", "MixedLM slopes", "GLM Poisson", "GLM binomial", "GLM Gamma")
} | {"mmhelpers": lambda: mm.fit("Reaction ~ Days + (Days | Subject)", sleep())}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WITHOUT)
def test_a_fit_to_a_part_of_the_rows_is_the_model_on_that_part(name):
    seen = mm.view(WITHOUT[name]())
    assert seen.without is not None
    keep = np.ones(seen.nobs, dtype=bool)
    keep[:10] = False
    less = seen.without(keep)
    assert less.nobs == seen.nobs - 10
    np.testing.assert_allclose(less.observed, seen.observed[keep])
    np.testing.assert_allclose(less.weights, seen.weights[keep])
    np.testing.assert_allclose(less.offset, seen.offset[keep])
    if not seen.terms and name != "OLS":  # OLS loses the column of a subject
        # the score equations of the remaining rows hold at its estimates
        mu = less.fitted()
        slope = {"log": mu, "identity": np.ones_like(mu), "logit": mu * (1 - mu)}[less.family.link]
        score = less.X.T @ ((less.observed - mu) * slope / less.family.variance(mu, less.weights))
        scale = np.abs(less.X).T @ (
            np.abs(less.observed - mu) * slope / less.family.variance(mu, less.weights)
        )
        assert (np.abs(score) < 1e-5 * scale).all()
    if name == "mmhelpers":
        again = mm.fit("Reaction ~ Days + (Days | Subject)", sleep()[keep])
        np.testing.assert_allclose(less.beta, mm.view(again).beta)


def test_terms_of_columns_are_told():
    assert mm.view(ols_fit()).x_terms[:3] == ("(Intercept)", "Subject", "Subject")
    assert mm.view(fit_sleep(True)).x_terms == ("(Intercept)", "Days")
    seen = mm.view(mm.fit("growth ~ site * population + (1 | bag)", mm.load("oysters")))
    assert set(seen.x_terms) == {"(Intercept)", "site", "population", "site:population"}
    assert len(seen.x_terms) == len(seen.x_names)
