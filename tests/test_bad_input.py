"""Bad input gets one line that names what is wrong, from the package itself: no traceback of a library, no silent NaN."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from typer.testing import CliRunner

import mmhelpers as mm
from mmhelpers import given
from mmhelpers.__main__ import app

PACKAGE = str(Path(mm.__file__).parent)
RNG = np.random.default_rng(1)
GROUP = np.repeat([f"s{i}" for i in range(10)], 6)
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=60) + np.repeat(RNG.normal(size=10), 6),
        "x": np.tile(np.arange(6.0), 10),
        "g": GROUP,
        "c": np.tile(["a", "b", "d"], 20),
    }
)
DESIGN = mm.cross(g=10, x=range(4))
MODEL = "y ~ x + (x | g)"


def data(**columns):
    return DATA.assign(**columns)


def rng():
    return np.random.default_rng(1)


def fit(formula="y ~ x * c + (1 | g)", frame=DATA, **options):
    return mm.fit(formula, frame, **options)


def truth(**changes):
    base = {"formula": MODEL, "beta": [0, 1], "sd": {"g": {"(Intercept)": 1, "x": 0.5}}, "sigma": 1}
    return mm.Truth(**(base | changes))


def simulate(n_rep=2, **changes):
    return mm.simulate(DESIGN, truth(**changes), n_rep, seed=1)


def power(**changes):
    base = {
        "designs": DESIGN,
        "truths": truth(),
        "models": {"m": MODEL},
        "effect": "x",
        "n_rep": 5,
        "seed": 1,
    }
    return mm.power(**(base | changes))


def rows():
    return mm.study(DESIGN, truth(), {"m": MODEL}, "x", n_rep=5, seed=1)


#: What is done, and words that the message must have.
CASES = {
    # fitting
    "timedelta": (lambda: fit("y ~ x + (1 | g)", data(x=pd.to_timedelta(range(60), "D"))), "x holds dates"),
    "period": (lambda: fit("y ~ x + (1 | g)", data(x=pd.period_range("2020", periods=60, freq="M"))), "x holds dates"),
    "complex": (lambda: fit("y ~ x + (1 | g)", data(y=DATA.y + 1j)), "y holds complex numbers"),
    "lists": (lambda: fit("y ~ x + (1 | g)", data(x=[[1]] * 60)), "x holds lists"),
    "numbers as text": (lambda: fit("y ~ x + (1 | g)", data(x=[str(i) for i in range(60)])), "x is text"),
    "huge y": (lambda: fit("y ~ x + (1 | g)", data(y=DATA.y * 1e300)), "the response y goes up to"),
    "tiny y": (lambda: fit("y ~ x + (1 | g)", data(y=DATA.y * 1e-300)), "multiply it"),
    "huge x": (lambda: fit("y ~ x + (1 | g)", data(x=DATA.x * 1e200)), "x goes up to"),
    "no named columns": (lambda: fit("y ~ x", pd.concat({"a": DATA}, axis=1)), "no column whose name is a text"),
    "reml": (lambda: fit(reml="yes"), "reml must be True"),
    "contrasts": (lambda: fit(contrasts=["sum"]), "contrasts must be a mapping"),
    "predict from a list": (lambda: fit().predict([1]), "data must be a pandas DataFrame"),
    "predict from text": (lambda: fit().predict(data(x="a")), "x holds labels"),
    "means at text": (lambda: mm.marginal_means(fit(), "c", at={"x": "a"}), "x holds labels"),
    "simulate fewer than none": (lambda: fit().simulate(-1, rng=rng()), "n_rep must be a whole number"),
    "simulate a half": (lambda: fit().simulate(1.5, rng=rng()), "n_rep must be a whole number"),
    "simulate too many": (lambda: fit().simulate(10**12, rng=rng()), "more than fits into memory"),
    "bootstrap of none": (lambda: fit().confint("bootstrap", n_rep=0, rng=rng()), "n_rep must be a whole number"),
    "profile of text": (lambda: mm.profile("fit"), "fit must be a fitted model"),
    "profile backwards": (lambda: mm.profile(fit(), reach=-1), "reach must be a number above 0"),
    "profile of one point": (lambda: mm.profile(fit(), n_points=1), "n_points must be a whole number"),
    # tests of fits
    "contrast of nothing": (lambda: mm.contrast(fit(), [0] * 6), "nothing to test"),
    "contrast with text": (lambda: mm.contrast(fit(), {"one": {"x": "a"}}), "must give a number"),
    "rhs": (lambda: mm.contrast(fit(), {"x": 1}, rhs=[1, 2]), "rhs must be one number"),
    "letters": (lambda: mm.letters("a"), "means must come from mm.marginal_means"),
    # designs
    "too many rows": (lambda: mm.cross(a=10**6, b=10**6), "1,000,000,000,000 rows"),
    "too many levels": (lambda: mm.cross(a=10**13), "the most is"),
    "too many nested": (lambda: mm.cross(a=10**4).nest(b=10**5, within="a"), "the most is"),
    "a set": (lambda: mm.cross(a={"x", "y"}), "a list of levels"),
    "arrays as levels": (lambda: mm.cross(a=np.zeros((2, 2))), "a must be a plain list"),
    "rng of between": (lambda: DESIGN.between("g", c=["a", "b"], rng=1), "rng must be a numpy Generator"),
    "rng of missing": (lambda: DESIGN.missing(0.1, rng=1), "rng must be a numpy Generator"),
    "half a row": (lambda: DESIGN.missing(n=1.5, rng=rng()), "n must be a whole number"),
    "where is a number": (lambda: DESIGN.missing(where=3), "where must be a condition in quotes"),
    "where is a sum": (lambda: DESIGN.missing(where="x + 1"), "is no condition"),
    "negative spread": (lambda: DESIGN.covariate("g", a=("normal", 0, -1), rng=rng()), "does not take"),
    "too many parameters": (lambda: DESIGN.covariate("g", a=("normal", 0, 1, 2), rng=rng()), "does not take"),
    "missing covariate": (lambda: DESIGN.covariate("g", a=[np.nan] * 10), "a has values that are infinite"),
    "assign fails": (lambda: DESIGN.assign(z=lambda d: d.q), "z cannot be computed from the columns g, x"),
    "assign too few": (lambda: DESIGN.assign(z=[1, 2]), "z cannot be computed"),
    "assign nothing": (lambda: DESIGN.assign(z=np.nan), "z is missing in 40 of 40 rows"),
    # simulation
    "correlation is text": (lambda: simulate(corr={"g": "a"}), "must be a number between -1 and 1"),
    "structure is text": (lambda: simulate(correlation="ar1"), "correlation must be AR1"),
    "variance is text": (lambda: simulate(variance="group"), "variance must be VarIdent"),
    "infinite means": (lambda: simulate(beta=[1e308, 1e308]), "too large for a computer"),
    "too many data sets": (lambda: simulate(10**13), "more than fits into memory"),
    "true as seed": (lambda: mm.simulate(DESIGN, truth(), 1, seed=True), "seed must be a whole number"),
    "response in the design": (
        lambda: mm.simulate_data(mm.cross(g=5, y=range(3), x=range(2)), truth(), seed=1),
        "is a column of the design, which would be lost",
    ),
    # studies
    "tests is a number": (lambda: power(tests=3), "tests must be names of tests"),
    "no such column of an analysis": (lambda: power(models={"a": mm.ByUnits("z", "g")}), "subject is 'z'"),
    "nor of another": (lambda: power(models={"a": mm.SlopeSelection("g", "z")}), "item is 'z'"),
    "missing of power": (lambda: power(missing=15), "missing must be a share"),
    "over a number": (lambda: mm.over(lambda n: n, n=3), "give a sequence of values"),
    "over without a function": (lambda: mm.over(3, n=[1]), "make must be a function"),
    "over by another name": (lambda: mm.over(lambda n: n, m=[1]), "make does not take m"),
    "over twice the same": (lambda: mm.over(lambda n: n, n=[1, 1]), "comes twice"),
    "spread of a number": (lambda: mm.spread(3), "table must be a pandas DataFrame"),
    "rates of text": (lambda: mm.rates("a"), "rows must be a pandas DataFrame, as mm.study gives it"),
    "quantiles of nothing": (lambda: mm.pvalue_quantiles(pd.DataFrame()), "take the rows of mm.study"),
    "replay of text": (lambda: mm.replay(rows(), "a"), "i must be the position of a row"),
    "more hits than trials": (lambda: mm.binomial_interval(8, 5), "hits must lie between 0 and n"),
    "hits that are missing": (lambda: mm.binomial_interval(np.nan, 5), "hits must lie between 0 and n"),
    "hits of text": (lambda: mm.binomial_interval("a", 5), "hits and n must be numbers"),
    "hits of two shapes": (lambda: mm.binomial_interval([1, 2], [5, 6, 7]), "of one shape"),
    # the rest
    "structures of one fit": (lambda: mm.compare_structures(fit()), "fits must be a mapping from names"),
    "no structure": (lambda: mm.compare_structures({}), "fits is empty"),
    "structure against none": (lambda: mm.compare_structures({"a": fit()}, against="z"), "against is 'z'"),
    "variance is a number": (lambda: mm.fit_gls("y ~ x", DATA, variance=3), "variance must be a text"),
    "reml of gls": (lambda: mm.fit_gls("y ~ x", DATA, reml="a"), "reml must be True"),
    "counts of one fit": (lambda: mm.count_table(fit()), "fits must be a mapping"),
    "agreement of a list": (lambda: mm.agreement([1, 2]), "fits must be a mapping"),
    "intervals of one fit": (lambda: mm.intervals(fit()), "fits must be a mapping"),
    "intervals of none": (lambda: mm.intervals({}), "fits is empty"),
    "draws in a list": (lambda: mm.summarise_draws([1, 2]), "draws must be a mapping"),
    "rope": (lambda: mm.summarise_draws({"a": RNG.normal(size=200)}, rope=3), "rope must be"),
    "band of 95": (lambda: mm.acf(fit(), "x", "g", confidence=95), "confidence must lie between 0 and 1"),
    "another of 95": (lambda: mm.qq_table(fit(), confidence=95), "confidence must lie between 0 and 1"),
    "no points": (lambda: mm.qq_table(fit(), points=0), "points must be a whole number"),
    "effects at level 95": (lambda: mm.effect_table(fit(), "x", level=95), "level must lie between 0 and 1"),
    "effects at no points": (lambda: mm.effect_table(fit(), "x", points=0), "points must be a whole number"),
    "one cluster": (lambda: mm.fit_logistic([0, 1] * 5, np.ones((10, 1)), np.ones(10)), "cluster has one value"),
    "missing cluster": (
        lambda: mm.fit_logistic([0, 1] * 5, np.ones((10, 1)), [np.nan] + [1.0] * 9),
        "cluster has 1 missing values",
    ),
    "answers of text": (lambda: mm.fit_logistic(["a"] * 4, np.ones((4, 1)), [1, 1, 2, 2]), "must hold numbers"),
    "infinite x": (lambda: mm.fit_logistic([0, 1] * 5, np.full((10, 1), np.inf), [1, 2] * 5), "finite numbers"),
    "loci of text": (lambda: mm.fit_loci("a", np.ones((2, 4)), np.ones((4, 1)), [1, 1, 2, 2]), "must hold numbers"),
    "walk without chance": (lambda: mm.metropolis(lambda x: -x @ x, [0.0], 9, 9, 3), "rng must be a numpy Generator"),
    "walk of no steps": (lambda: mm.metropolis(lambda x: -x @ x, [0.0], 0, 9, rng()), "draws must be a whole number"),
    "walk from nowhere": (lambda: mm.metropolis(lambda x: np.nan, [0.0], 9, 9, rng()), "start: log_density"),
    "bridge without chance": (
        lambda: mm.bridge_sampling(RNG.normal(size=(99, 1)), lambda x: x[:, 0], rng=1),
        "rng must be a numpy Generator",
    ),
    "prior is a number": (lambda: mm.grid_posterior("y ~ x + (1 | g)", DATA, 3), "prior must be a mm.GridPrior"),
    # figures
    "figure of a list": (lambda: mm.plot_fit([1], "x", "y"), "must be a pandas DataFrame"),
    "check of a fit": (lambda: mm.plot_check(fit()), "check must come from mm.check"),
    "lineup of a fit": (lambda: mm.plot_lineup(fit()), "lineup must come from mm.lineup"),
    "residuals of a fit": (lambda: mm.plot_residuals_by(fit()), "pass what check_group_means gives"),
    "simulated of a fit": (lambda: mm.plot_simulated(fit()), "pass what check_statistic"),
    "posteriors in a list": (lambda: mm.plot_posteriors([1]), "draws must be a mapping"),
    # the logistic model of a study
    "slopes": (lambda: power(models={"l": mm.Logistic("y ~ x + (x | g)")}), "one term of random intercepts"),
    "no such trials": (lambda: power(models={"l": mm.Logistic("y ~ x + (1 | g)", trials="n")}), "trials is 'n'"),
    "no such effect": (lambda: power(models={"l": mm.Logistic("y ~ 1 + (1 | g)")}), "has no 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_line_that_names_it(name):
    call, words = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
    said = str(caught.value)
    assert words in said
    assert "\n" not in said
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename.startswith(PACKAGE), f"raised in {last.filename}"


def test_numbers_that_pandas_keeps_as_objects_are_numbers():
    odd = data(x=DATA.x.astype(object))
    assert fit("y ~ x + (1 | g)", odd).beta.equals(fit("y ~ x + (1 | g)").beta)


def test_no_rows_to_predict_give_no_predictions():
    assert fit().predict(DATA.iloc[:0]).shape == (0,)


def test_spread_takes_the_truths_where_designs_have_no_names():
    truths = mm.over(lambda e: truth(beta=[0, e]), e=[0.5, 1.5])
    assert mm.spread(power(truths=truths))["e"].tolist() == [0.5, 1.5]


def test_over_keeps_values_that_differ_late():
    assert len(mm.over(lambda n: n, n=[0.1234561, 0.1234562])) == 2


def test_power_loses_cells_as_a_study_does():
    table = power(missing=0.2, n_rep=50)
    rates = mm.rates(mm.study(DESIGN, truth(), {"m": MODEL}, "x", n_rep=50, seed=1, missing=0.2))
    assert table["rate"].tolist() == rates["rate"].tolist()


def test_a_test_without_estimates_has_no_sign():
    table = power(designs=mm.cross(g=8, item=6, x=[-0.5, 0.5]), models={"anova": mm.ByUnits("g", "item")}, n_rep=20,
                  effect="x")  # fmt: skip
    assert table["wrong_sign"].isna().all()


@pytest.mark.parametrize(
    "thing",
    [fit().matrices, fit().fits, mm.view(fit()), mm.quantile_residuals(fit(), rng=1),
     mm.view(smf.ols("y ~ x", DATA).fit())],
    ids=["matrices", "fits", "view", "residuals", "view of OLS"],
)  # fmt: skip
def test_what_is_shown_at_the_prompt_is_short(thing):
    assert len(repr(thing)) < 300
    assert "\n" not in repr(thing)


def test_the_command_line_says_which_data_sets_there_are():
    done = CliRunner().invoke(app, ["data", "slepstudy"])
    assert done.exit_code == 2
    assert "did you mean sleepstudy" in done.output
    assert "Traceback" not in done.output


def test_a_count_is_no_truth_value():
    with pytest.raises(ValueError, match="whole number"):
        given.whole("n", True)
