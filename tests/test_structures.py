"""fit_gls against nlme, closed forms and the engine of `fit`; its simulated truths are found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmhelpers as mm

# Two optimisers stop where the criterion is flat: likelihoods agree far better than parameters do.
LOGLIK = 1e-5
PARAMETER = 2e-3
CLOSED = 1e-8

BODY = "weight ~ Time * Diet"
OVARY = "follicles ~ s + c"
#: data, formula, random, variance, correlation, and nlme's words for the last two
AGAINST_NLME = {
    "varIdent in lme": ("Orthodont", "distance ~ age * Sex", "~ age | Subject", "varIdent(Sex)", None,
                        "varIdent(form = ~ 1 | Sex)", None),
    "corCompSymm": ("Orthodont", "distance ~ age * Sex", None, None, "corCompSymm(1 | Subject)", None,
                    "corCompSymm(form = ~ 1 | Subject)"),
    "varPower and corExp in lme": ("BodyWeight", BODY, "~ Time | Rat", "varPower(Time)", "corExp(Time | Rat)",
                                   "varPower(form = ~ Time)", "corExp(form = ~ Time | Rat)"),
    "varExp by level": ("BodyWeight", BODY, None, "varExp(Time | Diet)", None, "varExp(form = ~ Time | Diet)", None),
    "varComb": ("BodyWeight", BODY, None, "varIdent(Diet) * varExp(Time)", None,
                "varComb(varIdent(form = ~ 1 | Diet), varExp(form = ~ Time))", None),
    "varFixed": ("BodyWeight", BODY, None, "varFixed(Time)", None, "varFixed(~ Time)", None),
    "nugget": ("BodyWeight", BODY, "~ 1 | Rat", None, "corExp(Time, nugget | Rat)", None,
               "corExp(form = ~ Time | Rat, nugget = TRUE)"),
    "corCAR1": ("BodyWeight", BODY, None, None, "corCAR1(Time | Rat)", None, "corCAR1(form = ~ Time | Rat)"),
    "corAR1 in lme": ("Ovary", OVARY, "~ 1 | Mare", None, "corAR1(1 | Mare)", None, "corAR1(form = ~ 1 | Mare)"),
    "corARMA": ("Ovary", OVARY, "~ 1 | Mare", None, "corARMA11(1 | Mare)", None,
                "corARMA(form = ~ 1 | Mare, p = 1, q = 1)"),
    "corGaus": ("Ovary", OVARY, "~ 1 | Mare", None, "corGaus(Time | Mare)", None, "corGaus(form = ~ Time | Mare)"),
    "corSpher": ("Ovary", OVARY, "~ 1 | Mare", None, "corSpher(Time | Mare)", None, "corSpher(form = ~ Time | Mare)"),
}  # fmt: skip


def data_of(name: str) -> pd.DataFrame:
    data = mm.load(name)
    if name == "Ovary":
        turn = 2 * np.pi * data["Time"]
        data = data.assign(s=np.sin(turn), c=np.cos(turn))
    return data


@pytest.mark.r
@pytest.mark.parametrize("case", AGAINST_NLME)
def test_equals_nlme(case):
    name, fixed, random, variance, correlation, weights, structure = AGAINST_NLME[case]
    data = data_of(name)
    formula = fixed if random is None else f"{fixed} + ({random[2:]})"
    ours = mm.fit_gls(formula, data, variance, correlation)
    theirs = mm.nlme(fixed, data, random=random, weights=weights, correlation=structure)
    assert ours.converged
    assert ours.loglik == pytest.approx(theirs.loglik, abs=LOGLIK)
    assert (ours.n_par, ours.aic) == (theirs.n_par, pytest.approx(theirs.aic, abs=2 * LOGLIK))
    assert ours.bic == pytest.approx(theirs.bic, abs=2 * LOGLIK)
    parameters = [*theirs.variance.values(), *theirs.correlation.values()]
    np.testing.assert_allclose(ours.structure, parameters, rtol=PARAMETER)
    table = theirs.coefficients
    np.testing.assert_allclose(ours.se, table["se"], rtol=PARAMETER)
    np.testing.assert_allclose(ours.beta, table["estimate"], atol=PARAMETER * table["se"].min())
    seen = mm.agreement({"ours": ours, "nlme": theirs})
    if case != "nugget":  # its variance of rats is estimated as zero: two tiny numbers have no ratio
        assert seen["relative"].max() < 0.01


@pytest.mark.r
def test_nlme_refuses_in_words():
    with pytest.raises(ValueError, match="nlme refused gls"):
        mm.nlme("distance ~ agex", mm.load("Orthodont"))


@pytest.mark.parametrize("reml", [True, False])
def test_without_structure_it_is_the_engine(reml):
    sleep = mm.load("sleepstudy")
    for formula in ("Reaction ~ Days", "Reaction ~ Days + (Days | Subject)"):
        ours, engine = mm.fit_gls(formula, sleep, reml=reml), mm.fit(formula, sleep, reml=reml)
        assert ours.criterion == pytest.approx(engine.criterion, abs=1e-6)
        np.testing.assert_allclose(ours.se, engine.se, rtol=1e-4)
        np.testing.assert_allclose(mm.view(ours).fitted(), engine.fitted, rtol=1e-5)


def test_var_fixed_is_weighted_least_squares():
    rats = mm.load("BodyWeight")
    ours = mm.fit_gls(BODY, rats, variance="varFixed(Time)")
    weighted = smf.wls(BODY, rats, weights=1 / rats["Time"]).fit()
    names = [
        name.replace("[T.", "").replace("]", "").replace("Intercept", "(Intercept)")
        for name in weighted.params.index
    ]
    np.testing.assert_allclose(ours.beta[names], weighted.params, rtol=CLOSED)
    np.testing.assert_allclose(ours.se[names], weighted.bse, rtol=CLOSED)


def test_var_ident_with_a_mean_for_each_group_is_a_variance_for_each_group():
    rats = mm.load("BodyWeight")
    last = rats[rats["Time"] == 64]
    ours = mm.fit_gls("weight ~ Diet", last, variance="varIdent(Diet)")
    sd = last.groupby("Diet", observed=True)["weight"].std()
    np.testing.assert_allclose(ours.structure, (sd / sd.iloc[0]).iloc[1:], rtol=1e-4)
    assert ours.sigma == pytest.approx(sd.iloc[0], rel=1e-4)


def test_compound_symmetry_is_a_random_intercept():
    children = mm.load("Orthodont")
    as_correlation = mm.fit_gls("distance ~ age", children, correlation="corCompSymm(1 | Subject)")
    as_effect = mm.fit("distance ~ age + (1 | Subject)", children)
    assert as_correlation.criterion == pytest.approx(as_effect.criterion, abs=1e-6)
    between, within = as_effect.variances["variance"]
    assert as_correlation.structure["Rho"] == pytest.approx(between / (between + within), rel=1e-4)


def test_a_simulated_truth_lies_in_its_intervals():
    rng = np.random.default_rng(8)
    plan = mm.cross(site=30, day=range(20)).data
    truth = mm.Truth("y ~ 1", beta=[5.0], sigma=2, correlation=mm.AR1(0.6, within="site", time="day"))
    plan["y"] = mm.simulate(plan, truth, n_rep=1, rng=rng)[0]
    low, high = mm.fit_gls("y ~ 1", plan, correlation="corAR1(day | site)").intervals().iloc[0, 1:]
    assert low < 0.6 < high
    assert high - low < 0.2
    left = mm.resid(mm.fit_gls("y ~ 1", plan, correlation="corAR1(day | site)"), "normalized")
    series = left.reshape(30, 20)
    assert abs(np.mean(series[:, 1:] * series[:, :-1])) < 0.1
    assert left.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("variance", "correlation", "says"),
    [
        ("varpower(Time)", None, "is none of varFixed"),
        ("varPower(Hour)", None, "no column 'Hour'"),
        ("varPower(zero)", None, "zero somewhere"),
        ("varIdent(one)", None, "has one level"),
        (None, "corAR(Time)", "is none of corCompSymm"),
        (None, "corAR1(half | Rat)", "whole numbers"),
        (None, "corExp(Time)", "same time or place"),
        (None, "corAR1(Time, nugget | Rat)", "nugget goes with"),
    ],
)
def test_bad_structures_are_refused_in_words(variance, correlation, says):
    rats = mm.load("BodyWeight").assign(zero=0.0, one="a")
    rats["half"] = rats["Time"] / 2
    with pytest.raises(ValueError, match=says):
        mm.fit_gls("weight ~ Time", rats, variance, correlation)


def test_comparisons_that_mean_nothing_are_refused():
    rats = mm.load("BodyWeight")
    plain, more = mm.fit_gls("weight ~ Time", rats), mm.fit_gls("weight ~ Time + Diet", rats)
    with pytest.raises(ValueError, match="other fixed effects"):
        mm.compare_structures({"a": plain, "b": more})
    with pytest.raises(ValueError, match="some by ML"):
        mm.compare_structures({"a": plain, "b": mm.fit_gls("weight ~ Time", rats, reml=False)})
    table = mm.compare_structures({"a": plain, "b": mm.fit_gls("weight ~ Time", rats, "varIdent(Diet)")})
    assert table["df"].tolist() == [0, 2]
    assert table["chi2"].iloc[1] > 0
