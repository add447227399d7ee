"""Residual means by a factor: equal to the F test of adding it, exact in level, powerful, never silent."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm

# Rejection rates at 5% over 2,000 data sets have a Monte Carlo standard error of 0.0049; 4 of them are
# allowed.
N_SIM = 2000
FOUR_SE = 4 * np.sqrt(0.05 * 0.95 / N_SIM)


def bags(populations: int = 2, sites: int = 3, per_cell: int = 3, oysters: int = 6) -> pd.DataFrame:
    """Bags nested in the cells of a populations x sites experiment, some oysters lost."""
    rows = [
        (f"p{p}", f"s{s}", f"p{p}s{s}b{b}", o)
        for p in range(populations)
        for s in range(sites)
        for b in range(per_cell)
        for o in range(oysters - (b + s) % 2)
    ]
    return pd.DataFrame(rows, columns=["population", "site", "bag", "oyster"])


def rates(design: pd.DataFrame, formula: str, sd_bag: float, n_sim: int, seed: int) -> float:
    """Share of p < 0.05 of the test of bags among residuals of the fixed part."""
    rng = np.random.default_rng(seed)
    X = smf.ols(f"oyster ~ {formula}", design).exog
    hat = X @ np.linalg.pinv(X)
    code = pd.factorize(design.bag)[0]
    Y = rng.standard_normal((len(design), n_sim))
    Y += sd_bag * rng.standard_normal((code.max() + 1, n_sim))[code]
    R = Y - hat @ Y
    p = [mm.check_group_means(R[:, i], design.bag, design=X).p for i in range(n_sim)]
    return float(np.mean(np.array(p) < 0.05))


@pytest.mark.parametrize("formula", ["population * site", "population + site"])
def test_level_is_exact_for_bags_nested_in_fixed_effects(formula):
    assert abs(rates(bags(), formula, 0.0, N_SIM, seed=1) - 0.05) < FOUR_SE


def test_level_is_exact_with_three_bags_at_one_site():
    assert abs(rates(bags(1, 1, 3), "1", 0.0, N_SIM, seed=2) - 0.05) < FOUR_SE


def test_ignoring_the_design_makes_the_test_too_quiet():
    """What the exact test is for: residuals taken as independent deviations reject far too rarely."""
    design = bags()
    rng = np.random.default_rng(3)
    X = smf.ols("oyster ~ population * site", design).exog
    Y = rng.standard_normal((len(design), 500))
    R = Y - X @ np.linalg.pinv(X) @ Y
    p = np.array(
        [mm.check_group_means(R[:, i], design.bag, design=np.ones((len(X), 1))).p for i in range(500)]
    )
    assert np.mean(p < 0.05) < 0.02


def test_power_grows_with_the_bags_and_reaches_certainty():
    power = [rates(bags(), "population * site", sd, 300, seed=4) for sd in (0.0, 0.4, 0.8, 1.6)]
    assert power == sorted(power)
    assert power[1] > 0.2
    assert power[3] > 0.99


def test_it_is_the_f_test_of_adding_the_factor():
    design = bags()
    design["growth"] = np.random.default_rng(5).normal(size=len(design)) + design.oyster
    without = smf.ols("growth ~ population * site", design).fit()
    found = mm.check_group_means(without, "bag")
    within = smf.ols("growth ~ bag", design).fit()
    theirs = sm.stats.anova_lm(without, within).iloc[1]
    assert found.statistic == pytest.approx(theirs["F"], rel=1e-9)
    assert found.p == pytest.approx(theirs["Pr(>F)"], rel=1e-9)
    assert (found.df, found.df_den) == (theirs["df_diff"], within.df_resid)


def test_array_and_fit_agree_and_weights_count():
    design = bags()
    rng = np.random.default_rng(6)
    design["growth"], design["w"] = rng.normal(size=len(design)), rng.uniform(0.5, 2, len(design))
    fit = smf.ols("growth ~ population", design).fit()
    array = mm.check_group_means(fit.resid, design.bag, design=fit.model.exog)
    assert array.p == pytest.approx(mm.check_group_means(fit, "bag").p, rel=1e-9)
    weighted = smf.wls("growth ~ population", design, weights=design.w).fit()
    both = smf.wls("growth ~ population + bag", design, weights=design.w).fit()
    F = mm.check_group_means(weighted, "bag").statistic
    q = weighted.df_resid - both.df_resid
    assert pytest.approx((weighted.ssr - both.ssr) / q / (both.ssr / both.df_resid), rel=1e-8) == F


def test_means_and_their_chance_errors_are_right():
    """Standard errors of the means against their simulated spread, where fixed effects absorb part of it."""
    design = bags()
    X = smf.ols("oyster ~ population * site", design).exog
    rng = np.random.default_rng(7)
    Y = rng.standard_normal((len(design), 4000))
    R = Y - X @ np.linalg.pinv(X) @ Y
    means = pd.DataFrame(R).groupby(design.bag.to_numpy()).mean()
    test = mm.check_group_means(R[:, 0], design.bag, design=X)
    table = test.extras["means"].set_index(test.extras["means"].columns[0])
    np.testing.assert_allclose(table["mean"], means[0])
    sigma = (table["se by chance"] / means.std(axis=1)).to_numpy()
    # one sigma for all levels: the ratio is the same everywhere, up to 4 SE of a simulated sd (1 / sqrt(2 n))
    np.testing.assert_allclose(sigma / sigma.mean(), 1, atol=4 / np.sqrt(2 * 4000) * 1.5)
    spread = np.sqrt(means.var().mean())
    assert test.details["by chance"] / sigma.mean() == pytest.approx(spread, rel=0.03)


def test_the_band_holds_all_means_as_often_as_it_says():
    design = bags()
    X = smf.ols("oyster ~ population * site", design).exog
    rng = np.random.default_rng(8)
    Y = rng.standard_normal((len(design), 800))
    R = Y - X @ np.linalg.pinv(X) @ Y
    out = 0
    for i in range(800):
        table = mm.check_group_means(R[:, i], design.bag, design=X).extras["means"]
        out += bool(((table["mean"] > table["upper"]) | (table["mean"] < table["lower"])).any())
    # Šidák's band is conservative: at most 5%, and not absurdly wide
    assert out / 800 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 800)
    assert out / 800 > 0.005


def mixed(sd_bag: float, seed: int) -> tuple[pd.DataFrame, object]:
    design = bags(2, 3, 4, 6)
    rng = np.random.default_rng(seed)
    code = pd.factorize(design.bag)[0]
    design["growth"] = rng.normal(size=len(design)) + sd_bag * rng.normal(size=code.max() + 1)[code]
    design["tray"] = np.arange(len(design)) % 4
    return design, smf.mixedlm("growth ~ population * site", design, groups="bag").fit()


def test_after_adding_the_random_effect_the_means_spread_as_the_model_says():
    _, fit = mixed(1.0, 9)
    after = mm.check_group_means(fit, "bag")
    assert "conservative" in after.rows[0].method
    assert after.p > 0.2
    assert after.details["sd of means"] == pytest.approx(after.details["by chance"], rel=0.1)


def test_another_factor_in_a_mixed_model_is_tested_exactly():
    """Wald's test sweeps out the bags: the same F as with bags as fixed effects, whatever their variance."""
    design, fit = mixed(1.0, 10)
    found = mm.check_group_means(fit, "tray")
    theirs = sm.stats.anova_lm(
        smf.ols("growth ~ bag", design).fit(), smf.ols("growth ~ bag + C(tray)", design).fit()
    ).iloc[1]
    assert found.statistic == pytest.approx(theirs["F"], rel=1e-8)
    assert "exact" in found.rows[0].method


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.assign(bag="one"), "has 1 level"),
        (lambda d: d.assign(bag=d.bag.where(d.oyster > 0)), "missing values"),
        (lambda d: d.assign(bag=d.population), "already take up"),
        (lambda d: d.assign(bag=np.arange(len(d))), "one observation a level"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(change, words):
    design = change(bags())
    design["growth"] = np.arange(len(design)) ** 0.5
    fit = smf.ols("growth ~ population", design).fit()
    with pytest.raises(ValueError, match=words):
        mm.check_group_means(fit, "bag")


def test_unknown_names_and_shapes_are_refused_in_words():
    design = bags()
    design["growth"] = design.oyster * 1.0
    fit = smf.ols("growth ~ population", design).fit()
    with pytest.raises(KeyError, match="'cage', which the fit does not know"):
        mm.check_group_means(fit, "cage")
    with pytest.raises(ValueError, match="one level for each of the"):
        mm.check_group_means(fit, ["a", "b"])
    with pytest.raises(ValueError, match="pass the levels"):
        mm.check_group_means(np.zeros(4), "bag")
    with pytest.raises(ValueError, match="brings its own"):
        mm.check_group_means(fit, "bag", design=np.ones(len(design)))
    with pytest.raises(mm.UnsupportedFitError, match="no adapter knows"):
        mm.check_group_means("a fit", "bag")


def test_oysters():
    """The chapter's claim: bags move the means where there is a bag effect, and not where there is none."""
    seen = {}
    for name in ("oysters", "oysters_nobag"):
        fit = smf.ols("growth ~ population + site", mm.load(name)).fit()
        seen[name] = mm.check_group_means(fit, "bag").p
    assert seen["oysters"] < 1e-6
    assert seen["oysters_nobag"] > 0.05
