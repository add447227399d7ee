"""Homogeneity, normality, influence, leverage, R2, ICC, VIF: R's numbers, refits, level and power."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

import mmhelpers as mm
from mmhelpers.diagnostics import distribution
from mmhelpers.residuals.covariance import covariance_block

# statsmodels' optimiser leaves variances of sleepstudy's slope model off by 1e-5, relative; R's by less
FITTED = 1e-4
EXACT = 1e-8

OWLS = "NegPerChick ~ FoodTreatment * SexParent + ArrivalTime"
REFERENCE = pd.read_csv(Path(__file__).parent / "reference" / "diagnostics.csv", dtype=str)


def reference(prefix: str) -> np.ndarray:
    rows = REFERENCE[REFERENCE.quantity.str.startswith(prefix)]
    assert len(rows) > 0, prefix
    return rows.value.astype(float).to_numpy()


@pytest.fixture(scope="module")
def fm1():
    return smf.mixedlm("Reaction ~ Days", mm.load("sleepstudy"), groups="Subject", re_formula="~Days").fit()


@pytest.fixture(scope="module")
def fm3():
    return smf.mixedlm("Reaction ~ Days", mm.load("sleepstudy"), groups="Subject").fit()


@pytest.mark.parametrize("name", ["fm1", "fm3"])
def test_r2_icc_and_leverage_are_those_of_performance_and_lme4(name, request):
    fit = request.getfixturevalue(name)
    r2 = mm.r2(fit)
    assert r2["marginal"] == pytest.approx(reference(f"{name} r2 marginal")[0], rel=FITTED)
    assert r2["conditional"] == pytest.approx(reference(f"{name} r2 conditional")[0], rel=FITTED)
    assert mm.icc(fit)["icc"].iloc[0] == pytest.approx(reference(f"{name} icc")[0], rel=FITTED)
    np.testing.assert_allclose(mm.leverage(fit)[:10], reference(f"{name} hat"), rtol=FITTED)


def test_linear_model_influence_is_rs():
    fit = smf.ols("Reaction ~ Days + I(Days**2) + C(Subject)", mm.load("sleepstudy")).fit()
    table = mm.influence(fit)
    np.testing.assert_allclose(table["cooks distance"][:20], reference("ols cook"), rtol=EXACT)
    np.testing.assert_allclose(mm.resid(fit, "studentized")[:20], reference("ols rstudent"), rtol=EXACT)
    # R's dfbetas use sigma without the row: rescale
    own = table["dfbetas Days"].to_numpy()
    without = mm.resid(fit, "standardized") / mm.resid(fit, "studentized")
    np.testing.assert_allclose((own / without)[:20], reference("ols dfbetas Days"), rtol=1e-7)


def test_collinearity_is_cars():
    fit = smf.ols("Reaction ~ Days + I(Days**2)", mm.load("sleepstudy")).fit()
    np.testing.assert_allclose(mm.collinearity(fit)["vif"], reference("vif"), rtol=EXACT)


@pytest.fixture(scope="module")
def owls():
    return mm.fit(OWLS + " + (1 | Nest)", mm.load("owls"))


def ovary() -> pd.DataFrame:
    data = mm.load("ovary")
    turn = 2 * np.pi * data["Time"]
    return data.assign(s=np.sin(turn), c=np.cos(turn), follicles=data["follicles"].astype(float))


def test_owls_and_ovary_are_performances(owls):
    for name, fit in (("owls", owls), ("ovary", mm.fit("follicles ~ s + c + (1 | Mare)", ovary()))):
        r2 = mm.r2(fit)
        assert r2["marginal"] == pytest.approx(reference(f"{name} r2 marginal")[0], rel=FITTED)
        assert r2["conditional"] == pytest.approx(reference(f"{name} r2 conditional")[0], rel=FITTED)
        assert mm.icc(fit)["icc"].iloc[0] == pytest.approx(reference(f"{name} icc")[0], rel=FITTED)


def test_generalised_vif_is_cars(owls):
    np.testing.assert_allclose(mm.collinearity(owls)["vif"], reference("owls vif"), rtol=FITTED)
    tv = mm.collinearity(mm.fit("Colourbalance ~ TVset * Picture + Repeat + (1 | Assessor)", mm.load("tvbo")))
    assert list(tv.index) == ["TVset", "Picture", "Repeat", "TVset:Picture"]
    np.testing.assert_allclose(tv["vif"], [16, 27, 1, 216], rtol=1e-6)
    np.testing.assert_allclose(tv["se factor"], reference("tvbo gvif power"), rtol=1e-6)


@pytest.mark.parametrize("nest", ["AutavauxTV", "Bochet", "Champmartin"])
def test_refitted_influence_is_rs(owls, nest):
    """The variances change too: R's fit without the nest; and the fast one is near it."""
    seen = mm.view(owls)
    assert seen.without is not None
    keep = seen.column("Nest").astype(str) != nest
    np.testing.assert_allclose(
        seen.without(keep).beta, reference(f"owls without {nest}"), rtol=1e-3, atol=1e-4
    )
    fast = mm.influence(owls, "Nest").loc[nest].to_numpy()
    shift = (seen.beta - reference(f"owls without {nest}")) / seen.se
    np.testing.assert_allclose(fast[1:], shift, atol=0.05)


def test_refitted_influence_of_every_row_of_a_linear_model():
    data = mm.load("sleepstudy").head(30)
    fit = smf.ols("Reaction ~ Days", data).fit()
    fast, slow = mm.influence(fit), mm.influence(fit, refit=True)
    np.testing.assert_allclose(fast, slow, rtol=1e-8, atol=1e-10)


def test_generalised_influence_is_rs_and_near_the_refit():
    data = mm.load("owls")
    fit = smf.glm(
        "SiblingNegotiation ~ FoodTreatment + ArrivalTime",
        data,
        family=sm.families.Poisson(),
        offset=data.logBroodSize,
    ).fit()
    table = mm.influence(fit)
    # R keeps owls in the same order; its last iteration stops at 1e-8 of the deviance
    np.testing.assert_allclose(table["cooks distance"][:20], reference("owls glm cook"), rtol=1e-5)
    one, again = mm.influence(fit, "Nest"), mm.influence(fit, "Nest", refit=True)
    assert np.corrcoef(one["cooks distance"], again["cooks distance"])[0, 1] > 0.99
    with pytest.raises(mm.UnsupportedFitError, match="part of their rows"):
        mm.influence(smf.poisson("SiblingNegotiation ~ ArrivalTime", data).fit(disp=0), "Nest", refit=True)


@pytest.mark.parametrize(
    ("name", "made", "by"),
    [
        ("sleep", lambda: mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy")), "Subject"),
        ("owls", lambda: mm.fit(OWLS + " + (1 | Nest)", mm.load("owls")), "Nest"),
        ("ovary", lambda: mm.fit("follicles ~ s + c + (1 | Mare)", ovary()), "Mare"),
    ],
)
def test_cooks_distances_of_groups_are_lme4s(name, made, by):
    """lme4 leaves every group out, fits again, and scales by (m - p) / m, m groups; we by nothing, as for rows."""
    table = mm.influence(made(), by, refit=True)
    theirs = REFERENCE[REFERENCE.quantity.str.startswith(f"{name} group cook ")]
    levels = theirs.quantity.str.removeprefix(f"{name} group cook ")
    assert set(levels) == set(table.index.astype(str))
    m, p = len(table), table.shape[1] - 1
    ours = table["cooks distance"].set_axis(table.index.astype(str)).loc[levels] * (m - p) / m
    # each of the optima of two optimisers moves a little; squares of small shifts show it
    np.testing.assert_allclose(ours, theirs.value.astype(float), rtol=2e-3, atol=1e-5)


def test_collinearity_of_mixed_models_is_cars():
    sleep = mm.load("sleepstudy")
    quadratic = mm.fit("Reaction ~ Days + I(Days**2) + (1 | Subject)", sleep)
    np.testing.assert_allclose(mm.collinearity(quadratic)["vif"], reference("sleep mixed vif"), rtol=FITTED)
    series = mm.fit("follicles ~ s + c + (1 | Mare)", ovary())
    np.testing.assert_allclose(mm.collinearity(series)["vif"], reference("ovary mixed vif"), rtol=FITTED)


def test_blups_and_their_variances_are_lme4s(owls):
    ours = mm.blups(owls)
    order = ours.set_index("level")["sd"]
    names = [q.removeprefix("owls condsd ") for q in REFERENCE.quantity if q.startswith("owls condsd")]
    np.testing.assert_allclose(order.loc[names], reference("owls condsd"), rtol=1e-4)
    slopes = mm.blups(mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy")))
    np.testing.assert_allclose(slopes["sd"], reference("fm1 condsd"), rtol=1e-4)
    assert (slopes["se"] > slopes["sd"]).all()


def test_prediction_errors_of_blups_by_simulation():
    """Var(b^ - b) = Psi - Psi Z'P Z Psi: effects drawn, BLUPs computed with the variances known."""
    from mmhelpers.residuals.covariance import linear_modes

    data = mm.load("penicillin")
    seen = mm.view(mm.fit("diameter ~ 1 + (1 | plate) + (1 | sample)", data))
    rng, m = np.random.default_rng(9), 4000
    drawn = {t.group: rng.normal(0, np.sqrt(t.cov[0, 0]), (len(t.levels), m)) for t in seen.terms}
    Y = seen.sigma * rng.normal(size=(seen.nobs, m)) + sum(drawn[t.group][t.index] for t in seen.terms)
    for term, modes in zip(seen.terms, linear_modes(seen, Y + seen.beta[0]), strict=True):
        error = (modes[:, 0, :] - drawn[term.group]).std(axis=1)
        ours = mm.blups(seen).query("group == @term.group")["se"].to_numpy()
        np.testing.assert_allclose(ours, error, rtol=6 / np.sqrt(2 * m))


def test_generalised_residuals_are_rs():
    data = mm.load("cbpp")
    data["other"] = data["size"] - data["incidence"]
    fit = smf.glm("incidence + other ~ C(period)", data, family=sm.families.Binomial()).fit()
    np.testing.assert_allclose(
        mm.resid(fit, "standardized")[:20], reference("glm cbpp rstandard pearson"), rtol=1e-7
    )


def test_nlme_residuals(fm3):
    np.testing.assert_allclose(
        mm.resid(fm3, "pearson")[:10], reference("lme pearson"), rtol=FITTED, atol=1e-4
    )
    np.testing.assert_allclose(
        mm.resid(fm3, "normalized")[:10], reference("lme normalized"), rtol=FITTED, atol=1e-4
    )
    np.testing.assert_allclose(mm.resid(fm3, conditional=False)[:10], reference("lme marginal"), rtol=1e-6)


def test_nlme_normalised_residuals_of_a_series():
    """Ovary with AR(1) within mares: the same correlation matrix given to statsmodels' GLS."""
    data = mm.load("ovary")
    t = 2 * np.pi * data.Time
    X = np.column_stack([np.ones(len(data)), np.sin(t), np.cos(t)])
    phi = reference("ovary gls phi")[0]
    mare = data.Mare.astype(str).to_numpy()
    order = data.groupby(mare).cumcount().to_numpy()
    S = np.where(mare[:, None] == mare, phi ** np.abs(order[:, None] - order), 0.0)
    fit = sm.GLS(data.follicles.to_numpy(float), X, sigma=S).fit()
    np.testing.assert_allclose(fit.params, reference("ovary gls beta"), rtol=1e-6)
    assert np.sqrt(fit.scale) == pytest.approx(reference("ovary gls sigma")[0], rel=1e-6)
    np.testing.assert_allclose(mm.resid(fit, "normalized")[:30], reference("ovary gls normalized"), rtol=1e-5)


def ovary_by_mare() -> pd.DataFrame:
    """Mares in the order of their names as R sorts them, as the fixture has them."""
    data = ovary()
    return data.assign(mare=data["Mare"].astype(str)).sort_values(["mare", "Time"], ignore_index=True)


def test_nlmes_residuals_with_variance_and_correlation_structures():
    """Our own fit_gls: a variance that grows with the covariate, one for each level, AR(1) beside a random effect."""
    nests = mm.load("owls").sort_values("Nest", key=lambda nest: nest.astype(str), kind="stable")
    cases = {
        "sleep varPower": mm.fit_gls(
            "Reaction ~ Days + (1 | Subject)",
            mm.load("sleepstudy").assign(later=lambda d: d["Days"] + 1.0),
            variance="varPower(later)",
        ),
        "owls lme": mm.fit(OWLS + " + (1 | Nest)", nests),
        "owls varIdent": mm.fit_gls(OWLS, nests, variance="varIdent(FoodTreatment)"),
        "ovary AR1 lme": mm.fit_gls(
            "follicles ~ s + c + (1 | mare)", ovary_by_mare(), correlation="corAR1(1 | mare)"
        ),
    }
    for name, fit in cases.items():
        theirs = reference(f"{name} normalized")
        # two optimisers stop where the criterion is flat
        np.testing.assert_allclose(
            mm.resid(fit, "normalized")[: len(theirs)], theirs, atol=2e-3, err_msg=name
        )


def gls_without(seen: mm.FitView, rows: np.ndarray) -> np.ndarray:
    """Generalised least squares on the other rows with the same variances, written out."""
    keep = np.setdiff1d(np.arange(seen.nobs), rows)
    Vi = np.linalg.inv(covariance_block(seen, keep))
    X = seen.X[keep]
    return np.linalg.solve(X.T @ Vi @ X, X.T @ Vi @ seen.observed[keep])


@pytest.mark.parametrize("by", ["Subject", "Days", None])
def test_influence_is_the_fit_without(fm1, by):
    """By group, by a factor that cuts across groups, by observation: equal to the fit without."""
    seen = mm.view(fm1)
    table = mm.influence(fm1, by)
    columns = [c for c in table.columns if c.startswith("dfbetas")]
    V = covariance_block(seen, np.arange(seen.nobs))
    B = np.linalg.inv(seen.X.T @ np.linalg.solve(V, seen.X))
    values = np.arange(seen.nobs) if by is None else seen.column(by).astype(str)
    for level in list(table.index)[:4]:
        shift = seen.beta - gls_without(seen, np.flatnonzero(values == level))
        # beta itself comes from an optimiser: 1e-6 of a standard error
        np.testing.assert_allclose(table.loc[level, columns], shift / np.sqrt(np.diag(B)), atol=1e-6)
        assert table.loc[level, "cooks distance"] == pytest.approx(
            shift @ np.linalg.solve(B, shift) / 2, abs=1e-6
        )


def test_influence_by_group_is_rs(fm3):
    seen = mm.view(fm3)
    table = mm.influence(fm3, "Subject")
    for subject in ("308", "309", "335", "337"):
        shift = table.loc[subject, ["dfbetas (Intercept)", "dfbetas Days"]].to_numpy(float) * seen.se
        np.testing.assert_allclose(seen.beta - shift, reference(f"fm3 without {subject}"), rtol=1e-5)


def test_a_row_that_alone_estimates_an_effect_has_no_shift():
    data = pd.DataFrame({"y": [1.0, 2, 4, 7], "only": [0, 0, 0, 1]})
    table = mm.influence(smf.ols("y ~ only", data).fit())
    assert np.isnan(table["cooks distance"][3])
    assert np.isfinite(table["cooks distance"][:3]).all()


@pytest.mark.filterwarnings("ignore")
def test_icc_interval_covers_the_estimate_and_refits(fm3):
    small = smf.mixedlm("Yield ~ 1", mm.load("dyestuff"), groups="Batch").fit()
    table = mm.icc(small, n_boot=30, rng=np.random.default_rng(1))
    row = table.iloc[0]
    assert 0 <= row["lower"] < row["icc"] < row["upper"] <= 1


def test_binomial_variance_shares_are_on_the_latent_scale():
    seen = mm.view(smf.logit("y ~ x", pd.DataFrame({"y": [0, 1, 0, 1], "x": [0.0, 1, 2, 3]})).fit(disp=0))
    fixed = np.var(seen.X @ seen.beta, ddof=1)
    assert mm.r2(seen)["marginal"] == pytest.approx(fixed / (fixed + np.pi**2 / 3))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (distribution._levene, stats.levene),
        (distribution._bartlett, stats.bartlett),
        (distribution._fligner, stats.fligner),
    ],
)
def test_statistics_are_the_classical_ones(ours, theirs):
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=(61, 3)), rng.permutation(np.repeat([0, 1, 2], [20, 11, 30]))
    for column in range(3):
        expected = theirs(*[x[g == j, column] for j in range(3)]).statistic
        assert ours(x, g, 3)[column] == pytest.approx(expected, rel=1e-10)


# --- level and power ----------------------------------------------------------------------------------------


def small_mixed(rng: np.random.Generator, fault: str | None, size: float) -> pd.DataFrame:
    data = pd.DataFrame({"g": np.repeat(np.arange(12), 6), "x": np.tile(np.linspace(-1, 1, 6), 12)})
    data["h"] = np.arange(len(data)) % 2
    e = rng.normal(size=len(data))
    b = rng.normal(size=12)
    if fault == "variance":
        e *= np.where(data.h == 1, 1 + size, 1.0)
    if fault == "tails":
        e = rng.standard_t(2.2, len(data)) if size else e
    if fault == "curve":
        e += size * 2 * (data.x**2 - (data.x**2).mean())
    data["y"] = 1 + data.x + b[data.g] + e
    return data


def share(fault: str | None, size: float, check, n_data: int, seed: int = 1) -> float:
    rng = np.random.default_rng(seed)
    hits = []
    for _ in range(n_data):
        data = small_mixed(rng, fault, size)
        X = np.column_stack([data.x, np.eye(12)[data.g]])
        fit = sm.OLS(data.y.to_numpy(), X).fit()
        hits.append(check(fit, data) <= 0.05)
    return float(np.mean(hits))


CHECKS = {
    "variance": lambda fit, data: mm.check_homogeneity(fit, data.h, n_sim=99).p,
    "tails": lambda fit, data: mm.check_normality(fit, n_sim=99).p,
}


@pytest.mark.parametrize("fault", CHECKS)
def test_level_and_power_in_a_linear_model(fault):
    n = 300
    none = share(None, 0.0, CHECKS[fault], n)
    assert abs(none - 0.05) < 4 * np.sqrt(0.05 * 0.95 / n)
    assert share(fault, 1.0, CHECKS[fault], 60) > 0.6


def test_classical_levene_is_not_exact_where_ours_is():
    """Few residuals and many parameters: the textbook's F is off its level, the calibrated one is not."""
    rng = np.random.default_rng(2)
    g, h = np.repeat(np.arange(10), 3), np.tile([0, 0, 1], 10)
    X = np.column_stack([h, np.eye(10)[g]])
    ours, textbook = [], []
    for _ in range(800):
        fit = sm.OLS(rng.normal(size=30), X).fit()
        ours.append(mm.check_homogeneity(fit, h, n_sim=99).p <= 0.05)
        r = fit.resid
        textbook.append(stats.levene(r[h == 0], r[h == 1]).pvalue <= 0.05)
    se = np.sqrt(0.05 * 0.95 / 800)
    assert abs(np.mean(ours) - 0.05) < 4 * se
    assert abs(np.mean(textbook) - 0.05) > 4 * se


@pytest.mark.filterwarnings("ignore")
def test_plug_in_levels_in_a_mixed_model():
    """With estimated variances no check rejects above its level (4 SE)."""
    rng = np.random.default_rng(3)
    n = 120
    hits = dict.fromkeys(("homogeneity", "normality", "effects", "quantiles", "uniformity", "dispersion"), 0)
    for _ in range(n):
        data = small_mixed(rng, None, 0.0)
        fit = mm.view(smf.mixedlm("y ~ x", data, groups="g").fit())
        r = mm.quantile_residuals(fit, n_sim=99, rng=rng)
        p = {
            "homogeneity": mm.check_homogeneity(fit, "h", n_sim=99, rng=rng).p,
            "normality": mm.check_normality(fit, n_sim=99, rng=rng).p,
            "effects": mm.check_random_effects(fit, n_sim=99, rng=rng).p
            if fit.terms[0].cov[0, 0] > 0
            else 1.0,
            "quantiles": mm.check_quantiles(r)["all"].p,
            "uniformity": mm.check_uniformity(r).p,
            "dispersion": mm.check_dispersion(r, exact=True).p,
        }
        for name, value in p.items():
            hits[name] += value <= 0.05
    for name, k in hits.items():
        assert k / n < 0.05 + 4 * np.sqrt(0.05 * 0.95 / n), (name, k)


@pytest.mark.filterwarnings("ignore")
def test_quantiles_find_a_missing_curve():
    rng = np.random.default_rng(4)
    data = small_mixed(rng, "curve", 1.2)
    fit = smf.mixedlm("y ~ x", data, groups="g").fit()
    assert mm.check_quantiles(fit, "x")["all"].p < 0.05
    assert mm.check_quantiles(fit, rng.normal(size=len(data)))["all"].p > 0.05


def test_refusals_in_words(fm1):
    with pytest.raises(ValueError, match="has one residual"):
        mm.check_homogeneity(np.arange(3.0), ["a", "a", "b"])
    with pytest.raises(ValueError, match="method is 'cochran'"):
        mm.check_homogeneity(fm1, "Subject", method="cochran")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="collinearity needs two"):
        mm.collinearity(fm1)
    with pytest.raises(ValueError, match="no random effects"):
        mm.icc(smf.ols("Reaction ~ Days", mm.load("sleepstudy")).fit())
    with pytest.raises(KeyError, match="'Group'"):
        mm.influence(fm1, "Group")
    with pytest.raises(ValueError, match="each lies between 0 and 1"):
        mm.check_quantiles(fm1, quantiles=(0.0,))
