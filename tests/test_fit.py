"""`mm.fit`, `mm.fit_many`, `mm.fit_arrays`: published numbers, what the names give, bad input."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mmhelpers as mm

# published.csv carries a tolerance a row: 1e-4 relative for most, from the digits that were printed.

FORMULAS = {
    ("sleepstudy", "fm1: Reaction~Days+(Days|Subject) REML"): ("Reaction ~ Days + (Days | Subject)", True),
    ("sleepstudy", "fm2: Reaction~Days+(Days||Subject) REML"): ("Reaction ~ Days + (Days || Subject)", True),
    ("sleepstudy", "fm3: Reaction~Days+(1|Subject) REML"): ("Reaction ~ Days + (1 | Subject)", True),
    ("sleepstudy", "fm1 ML"): ("Reaction ~ Days + (Days | Subject)", False),
    ("sleepstudy", "fm2 ML"): ("Reaction ~ Days + (Days || Subject)", False),
    ("sleepstudy", "fm3 ML"): ("Reaction ~ Days + (1 | Subject)", False),
    ("sleepstudy", "fm1 Satterthwaite"): ("Reaction ~ Days + (Days | Subject)", True),
    (
        "sleepstudy",
        "fm3 RI-only Satterthwaite (contrast with fm1: overconfident slope)",
    ): ("Reaction ~ Days + (1 | Subject)", True),
    ("Dyestuff", "Yield~1+(1|Batch) REML"): ("Yield ~ 1 + (1 | Batch)", True),
    ("Dyestuff", "Yield~1+(1|Batch) ML"): ("Yield ~ 1 + (1 | Batch)", False),
    ("Dyestuff", "Yield~1+(1|Batch) REML Satterthwaite"): ("Yield ~ 1 + (1 | Batch)", True),
    ("Dyestuff2", "Yield~1+(1|Batch) REML"): ("Yield ~ 1 + (1 | Batch)", True),
    ("Dyestuff2", "Yield~1+(1|Batch) ML"): ("Yield ~ 1 + (1 | Batch)", False),
    ("Penicillin", "diameter~1+(1|plate)+(1|sample) REML"): (
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        True,
    ),
    ("Penicillin", "diameter~1+(1|plate)+(1|sample) ML"): (
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        False,
    ),
    ("Oats", "yield~Variety*factor(nitro)+(1|Block)+(1|Block:Variety) REML"): (
        "yield ~ Variety * factor(nitro) + (1 | Block) + (1 | Block:Variety)",
        True,
    ),
    ("Oats", "yield~nitro+(1|Block)+(1|Block:Variety) REML"): (
        "yield ~ nitro + (1 | Block) + (1 | Block:Variety)",
        True,
    ),
    ("Rail", "travel~1+(1|Rail) REML"): ("travel ~ 1 + (1 | Rail)", True),
    ("Rail", "travel~1+(1|Rail) ML"): ("travel ~ 1 + (1 | Rail)", False),
    ("Orthodont", "distance~age+(1|Subject) REML"): ("distance ~ age + (1 | Subject)", True),
    ("carrots", "sec 8.3 Preference~sens1+sens2+(1+sens1+sens2|Consumer)+(1|Product)"): (
        "Preference ~ sens1 + sens2 + (1 + sens1 + sens2 | Consumer) + (1 | Product)",
        True,
    ),
}


def value_of(fit, quantity):
    """Our number for a quantity of published.csv."""
    kind, _, name = quantity.partition("_")
    name = name.replace("fn0", "factor(nitro)0")
    column = {"se": "se", "df": "df", "t": "statistic", "p": "p"}.get(kind)
    if kind == "fixef":
        return fit.beta[name]
    if column and name:
        return fit.coefficients().loc[name, column]
    if quantity == "sd_residual":
        return fit.sigma
    if kind == "sd":
        group, _, effect = name.partition("_")
        rows = fit.variances
        return rows[(rows["group"] == group.removesuffix(".1")) & (rows["name"] == effect)]["sd"].iloc[0]
    if kind == "corr" and "Subject" in name:
        return fit.variances["correlation"].dropna().iloc[0]
    if quantity == "corr_fixef":
        return fit.vcov.iloc[0, 1] / np.prod(fit.se)
    if quantity in {"REML_criterion", "minus2logLik_ML"}:
        return fit.criterion
    if quantity.startswith("theta"):
        return fit.theta[int(quantity.removeprefix("theta") or 1) - 1]
    if quantity.startswith("scaled_resid"):
        at = {"min": 0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1}[
            quantity.removeprefix("scaled_resid_")
        ]
        return np.quantile(fit.residuals / fit.sigma, at)
    return {
        "npar": lambda: fit.n_par,
        "nobs": lambda: fit.matrices.n,
        "AIC": lambda: fit.aic,
        "BIC": lambda: fit.bic,
        "leverage_sum": lambda: _leverage(fit),
    }[quantity]()


def _leverage(fit):
    """Trace of the hat matrix: the fitted values are linear in y once theta is given."""
    matrices = fit.matrices
    Z, L = matrices.Z().toarray(), matrices.Lambda(fit.theta).toarray()
    A = np.block([[Z @ L, matrices.X], [np.eye(matrices.q), np.zeros((matrices.q, matrices.p))]])
    return np.trace((A @ np.linalg.pinv(A))[: matrices.n, : matrices.n])


@pytest.mark.parametrize("key", list(FORMULAS), ids=lambda key: f"{key[0]}: {key[1][:40]}")
def test_published(key):
    rows = mm.load("published")
    rows = rows[(rows["dataset"] == key[0]) & (rows["model"] == key[1])]
    assert len(rows)
    formula, reml = FORMULAS[key]
    fit = mm.fit(formula, mm.load(key[0].lower()), reml=reml)
    wrong = [
        (row.quantity, row.value, value_of(fit, row.quantity))
        for row in rows.itertuples()
        if not abs(value_of(fit, row.quantity) - row.value) <= max(row.tolerance, 1e-9)
    ]
    assert not wrong


def test_published_profile_intervals():
    rows = mm.load("published")
    rows = rows[rows["model"] == "fm1 profile 95% CI (ML profile)"]
    ours = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy")).confint("profile")
    assert len(rows) == 12
    for row in rows.itertuples():
        name, side = row.quantity.removeprefix("profileCI_").rsplit("_", 1)
        assert ours.loc[name, {"lwr": "lower", "upr": "upper"}[side]] == pytest.approx(
            row.value, abs=row.tolerance
        )


@pytest.mark.parametrize(
    ("level", "lower", "upper"), [(0.95, -0.4815, 0.6850), (2 * stats.norm.cdf(1.96) - 1, -0.4815, 0.6850)]
)
def test_profile_interval_of_a_correlation_that_comes_near_minus_one(level, lower, upper):
    # the search for the lower end tries -1 first; from there it could not find back, and no bracket was left
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    row = fit.confint("profile", level=level).loc["cor_Days.(Intercept)|Subject"]
    assert row["lower"] == pytest.approx(lower, abs=1e-4)
    assert row["upper"] == pytest.approx(upper, abs=1e-4)


def test_profile_does_not_depend_on_where_it_was_before():
    import importlib

    profile = importlib.import_module("mmhelpers.fitting.profile")
    ml = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"), reml=False).fits
    correlation = profile.parameters(ml)[1]
    before = correlation.deviance(-0.38065635501322653)
    for far in (-1.0, -1.0):
        correlation.deviance(far)
    assert correlation.deviance(-0.38065635501322653) == pytest.approx(before, abs=1e-6)


def test_published_conditional_modes():
    rows = mm.load("published")
    rows = rows[rows["model"] == "fm1 conditional modes"]
    modes = mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy")).ranef["Subject"]
    assert len(rows) == 4
    for row in rows.itertuples():
        _, subject, effect = row.quantity.split("_")
        ours = modes.loc[subject, "(Intercept)" if effect == "Intercept" else effect]
        assert ours == pytest.approx(row.value, abs=row.tolerance)


def test_profile_of_a_variance_estimated_at_zero():
    """lme4 1.1-31: confint(lmer(Yield ~ 1 + (1 | Batch), Dyestuff2), oldNames = FALSE)."""
    ours = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2")).confint()
    assert ours.loc["sd_(Intercept)|Batch", ["lower", "upper"]].tolist() == pytest.approx(
        [0.0, 2.084043], abs=1e-4
    )
    assert ours.loc["sigma", ["lower", "upper"]].tolist() == pytest.approx([2.892831, 4.815833], abs=1e-3)


@pytest.fixture(scope="module")
def sleep():
    return mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


def test_summary_has_the_parts_of_lme4s(sleep):
    text = str(sleep)
    for part in (
        "fit by REML",
        "REML criterion at convergence: 1743.6",
        "Scaled residuals",
        "Subject",
        "Corr",
    ):
        assert part in text
    assert "251.41" in text
    assert "Number of obs: 180, groups: Subject, 18" in text
    assert "z value" in sleep.summary("wald")
    assert "Singular" in str(mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2")))


def test_fitted_values_are_the_references(sleep):
    oracle = mm.profiled_criterion(sleep.matrices, sleep.theta)
    expected = sleep.matrices.X @ oracle.beta + sleep.matrices.Z() @ oracle.b
    assert sleep.fitted == pytest.approx(expected, abs=1e-8)
    assert sleep.residuals == pytest.approx(sleep.matrices.y - expected, abs=1e-8)


def test_prediction(sleep):
    data = mm.load("sleepstudy")
    assert sleep.predict(data) == pytest.approx(sleep.fitted, abs=1e-9)
    assert sleep.predict() == pytest.approx(sleep.fitted, abs=1e-12)
    new = pd.DataFrame({"Subject": ["308", "a new one"], "Days": [20.0, 20.0]})
    average = sleep.beta["(Intercept)"] + 20 * sleep.beta["Days"]
    modes = sleep.ranef["Subject"].loc["308"]
    assert sleep.predict(new) == pytest.approx(
        [average + modes["(Intercept)"] + 20 * modes["Days"], average], rel=1e-12
    )
    assert sleep.predict(new, random=False) == pytest.approx([average, average], rel=1e-12)


def test_simulated_responses_have_the_models_moments(sleep):
    Y = sleep.simulate(20_000, rng=np.random.default_rng(1))
    Z, L = sleep.matrices.Z().toarray(), sleep.matrices.Lambda(sleep.theta).toarray()
    V = sleep.sigma**2 * (Z @ L @ L.T @ Z.T + np.eye(180))
    assert np.cov(Y[:, :10].T) == pytest.approx(V[:10, :10], abs=6 * V[:10, :10].max() * (2 / 20_000) ** 0.5)
    assert Y.mean(0) == pytest.approx(sleep.predict(random=False), abs=5 * (V.max() / 20_000) ** 0.5)
    kept = sleep.simulate(20_000, rng=np.random.default_rng(1), conditional=True)
    assert kept.mean(0) == pytest.approx(sleep.fitted, abs=5 * sleep.sigma / 20_000**0.5)
    with pytest.raises(TypeError, match="default_rng"):
        sleep.simulate(1, rng=1)


def test_bootstrap_and_wald_intervals(sleep):
    boot = sleep.confint("bootstrap", n_rep=2000, rng=np.random.default_rng(1))
    profile = sleep.confint("profile")
    assert boot.index.tolist() == profile.index.tolist()
    assert boot.loc["Days", "lower"] == pytest.approx(profile.loc["Days", "lower"], abs=0.5)
    table = sleep.coefficients()
    wald = sleep.confint("wald")
    # two-sided 95% quantile of t with 17 df
    assert wald.loc["Days", "upper"] == pytest.approx(
        table.loc["Days", "estimate"] + 2.109816 * table.loc["Days", "se"]
    )
    with pytest.raises(ValueError, match="rng"):
        sleep.confint("bootstrap")
    with pytest.raises(ValueError, match="'profile', 'wald' or 'bootstrap'"):
        sleep.confint("magic")


def test_refit_is_not_trapped_by_a_singular_fit():
    """lme4's refit() starts from the old theta; ours starts afresh."""
    base = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2"))
    assert base.singular
    other = base.refit(mm.load("dyestuff")["Yield"].to_numpy()[None])
    direct = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff"))
    assert other.criterion[0] == pytest.approx(direct.criterion, abs=1e-9)
    assert not other.singular[0]


def test_fixed_names_of_fit_many():
    data = mm.cross(subject=8, day=range(5)).data
    Y = np.random.default_rng(1).normal(size=(7, 40))
    fits = mm.fit_many("y ~ day + (1 | subject) + (0 + day | subject)", data, Y)
    assert fits.criterion.shape == fits.sigma.shape == fits.singular.shape == fits.converged.shape == (7,)
    assert fits.beta.shape == fits.se.shape == (7, 2)
    assert list(fits.beta) == ["(Intercept)", "day"]
    assert fits.theta.shape == (7, 2)
    assert fits.ranef["subject"].shape == (7, 8, 2)
    table = fits.coefficients()
    assert table["rep"].tolist() == np.repeat(np.arange(7), 2).tolist()
    assert list(table.columns) == ["rep", "coefficient", "estimate", "se", "df", "statistic", "p"]
    assert "7 fits" in repr(fits)


def test_fit_arrays_equals_fit_many():
    data = mm.load("sleepstudy")
    z = np.column_stack([np.ones(180), data["Days"]])
    fits = mm.fit_arrays(z, [(data["Subject"], z)], data["Reaction"])
    assert fits.criterion[0] == pytest.approx(1743.628272, abs=1e-6)
    assert mm.satterthwaite(fits, np.array([0.0, 1.0]))[0, 0] == pytest.approx(17.0, abs=1e-4)


def test_engine_needs_numpy_and_scipy_alone():
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'pandas', 'formulae', 'matplotlib', 'numba'}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import numpy as np, mmhelpers as mm
fits = mm.fit_arrays(np.ones((12, 1)), [(np.repeat([0, 1, 2], 4), np.ones(12))], np.arange(12.0))
assert fits.converged.all() and len(fits.ranef["g1"][0]) == 3
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_replicates_in_chunks_equal_few():
    data = mm.cross(subject=6, day=range(4)).data
    Y = np.random.default_rng(1).normal(size=(20_000, 24))
    fits = mm.fit_many("y ~ day + (day | subject)", data, Y)
    assert fits.converged.all()
    few = mm.fit_many("y ~ day + (day | subject)", data, Y[-3:])
    assert few.criterion == pytest.approx(fits.criterion[-3:], abs=1e-9)


# --- bad input


def test_wrong_shape_of_responses():
    data = mm.cross(subject=6, day=range(4)).data
    with pytest.raises(ValueError, match=r"shape \(n_rep, 24\)"):
        mm.fit_many("y ~ day + (1 | subject)", data, np.zeros((3, 23)))
    with pytest.raises(ValueError, match="missing='drop'"):
        mm.fit_many("y ~ day + (1 | subject)", data, np.full((3, 24), np.nan))
    with pytest.raises(ValueError, match="infinite"):
        mm.fit_many("y ~ day + (1 | subject)", data, np.full((3, 24), np.inf))
    with pytest.raises(TypeError, match="numbers"):
        mm.fit_many("y ~ day + (1 | subject)", data, [["a"] * 24])
    with pytest.raises(ValueError, match="'raise' or 'drop'"):
        mm.fit_many("y ~ day + (1 | subject)", data, np.zeros((3, 24)), missing="skip")


def test_no_random_effects_is_least_squares_not_an_error():
    """tests/test_ordinary.py compares with statsmodels; here a constant response is reported, not fitted."""
    data = mm.cross(subject=6, day=range(4)).data
    Y = np.vstack([np.zeros(24), np.random.default_rng(1).normal(size=24)])
    fits = mm.fit_many("y ~ day", data, Y)
    assert fits.theta.shape == (2, 0)
    assert fits.converged.tolist() == [False, True]
    assert "exactly" in fits.message[0]


def test_a_replicate_that_cannot_be_fitted_is_reported_not_dropped():
    data = mm.cross(subject=6, day=range(4)).data
    Y = np.random.default_rng(1).normal(size=(3, 24))
    Y[1] = 2.0 + 3.0 * data["day"].to_numpy(dtype=float)  # the fixed effects fit it exactly
    fits = mm.fit_many("y ~ day + (1 | subject)", data, Y)
    assert fits.converged.tolist() == [True, False, True]
    assert np.isnan(fits.criterion).tolist() == [False, True, False]
    assert "exactly" in fits.message[1]
    assert fits.coefficients()["p"].isna().tolist() == [False, False, True, True, False, False]


def test_missing_cells_that_leave_an_effect_without_data():
    data = mm.cross(subject=6, day=range(4)).data
    data["late"] = (data["day"] == 3).astype(float)
    Y = np.random.default_rng(1).normal(size=(2, 24))
    Y[0, data["day"].to_numpy() == 3] = np.nan
    fits = mm.fit_many("y ~ late + (1 | subject)", data, Y, missing="drop")
    assert fits.converged.tolist() == [False, True]
    assert "cannot be estimated" in fits.message[0]


@pytest.mark.parametrize(
    ("X", "terms", "match"),
    [
        (np.ones((4, 2)), [(np.arange(4) % 2, np.ones(4))], "dependent"),
        (np.ones(4), [(np.arange(4) % 2, np.ones(4))], "shape"),
        (np.ones((4, 1)), [(np.arange(3), np.ones(4))], "4 rows"),
        (np.ones((4, 1)), [(np.arange(4) % 2, np.array([1, np.nan, 1, 1]))], "not finite"),
        (np.ones((4, 1)), [(np.zeros(4), np.ones(4))], "one level"),
        (np.ones((4, 1)), [(np.arange(4), np.ones(4))], "4 levels for 4 observations"),
        (np.eye(4), [(np.arange(4) % 2, np.ones(4))], "residual variance"),
        (np.full((4, 1), np.nan), [(np.arange(4) % 2, np.ones(4))], "not finite"),
    ],
)
def test_bad_arrays(X, terms, match):
    with pytest.raises(ValueError, match=match):
        mm.fit_arrays(X, terms, np.arange(4.0))


def test_unknown_method():
    data = mm.cross(subject=6, day=range(4)).data
    fits = mm.fit_many("y ~ day + (1 | subject)", data, np.random.default_rng(1).normal(size=(2, 24)))
    with pytest.raises(ValueError, match="ddf must be one of"):
        fits.coefficients("kenward")
