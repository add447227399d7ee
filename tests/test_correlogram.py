"""Autocorrelation with gaps, Ljung-Box, variogram: nlme's numbers, definitions, level and power."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm

REFERENCE = pd.read_csv(Path(__file__).parent / "reference" / "diagnostics.csv", dtype=str)
# statsmodels' variances of Ovary agree with nlme's to 1e-5, relative
FITTED = 1e-4


def reference(prefix: str) -> np.ndarray:
    rows = REFERENCE[REFERENCE.quantity.str.startswith(prefix)]
    assert len(rows) > 0, prefix
    return rows.value.astype(float).to_numpy()


def ovary() -> pd.DataFrame:
    data = mm.load("ovary")
    data["mare"] = data["Mare"].astype(str)
    data["s"], data["c"] = np.sin(2 * np.pi * data.Time), np.cos(2 * np.pi * data.Time)
    data["follicles"] = data["follicles"].astype(float)
    data["day"] = data.groupby("mare").cumcount().astype(float)
    return data


@pytest.fixture(scope="module")
def lme():
    return smf.mixedlm("follicles ~ s + c", ovary(), groups="mare").fit()


def test_acf_and_variogram_of_a_mixed_model_are_nlmes(lme):
    table = mm.acf(lme, group="mare", max_lag=8, n_sim=20)
    np.testing.assert_allclose(table["acf"], reference("ovary lme acf"), rtol=FITTED)
    np.testing.assert_allclose(table["pairs"], reference("ovary lme pairs"))
    by_day = mm.variogram(lme, "day", group="mare", bins=60, n_sim=20)
    np.testing.assert_allclose(by_day["value"][:8], reference("ovary lme variogram"), rtol=FITTED)
    one = mm.variogram(lme, "Time", group="mare", bins=1, cutoff=0.3, n_sim=20)
    assert one["value"].iloc[0] == pytest.approx(reference("ovary lme near")[0], rel=FITTED)
    assert one["pairs"].iloc[0] == reference("ovary lme near")[1]


def test_acf_and_variogram_of_sleepstudy_and_owls_are_nlmes():
    sleep = mm.fit("Reaction ~ Days + (1 | Subject)", mm.load("sleepstudy"))
    table = mm.acf(sleep, "Days", group="Subject", max_lag=6, n_sim=20)
    np.testing.assert_allclose(table["acf"], reference("sleep lme acf"), rtol=FITTED, atol=1e-6)
    by_day = mm.variogram(sleep, "Days", group="Subject", bins=60, n_sim=20)
    np.testing.assert_allclose(by_day["value"][:6], reference("sleep lme variogram"), rtol=FITTED)
    owls = mm.load("owls").sort_values("Nest", key=lambda nest: nest.astype(str), kind="stable")
    nests = mm.fit("NegPerChick ~ FoodTreatment * SexParent + ArrivalTime + (1 | Nest)", owls)
    table = mm.acf(nests, group="Nest", max_lag=6, n_sim=20)
    np.testing.assert_allclose(table["acf"], reference("owls lme acf"), rtol=FITTED, atol=1e-6)
    np.testing.assert_allclose(table["pairs"], reference("owls lme pairs"))
    near = mm.variogram(nests, "ArrivalTime", group="Nest", bins=1, cutoff=0.5, n_sim=20)
    assert near["value"].iloc[0] == pytest.approx(reference("owls lme near")[0], rel=FITTED)
    assert near["pairs"].iloc[0] == reference("owls lme near")[1]


def test_normalised_acf_with_ar1_in_a_mixed_model_is_nlmes():
    data = ovary().sort_values(["mare", "Time"], ignore_index=True)
    fit = mm.fit_gls("follicles ~ s + c + (1 | mare)", data, correlation="corAR1(1 | mare)")
    table = mm.acf(fit, group="mare", max_lag=6, n_sim=20)
    # two optimisers stop where the criterion is flat
    np.testing.assert_allclose(table["acf"], reference("ovary AR1 lme acf"), atol=1e-3)


def test_normalised_acf_of_a_series_model_is_nlmes():
    data = ovary()
    phi = reference("ovary gls phi")[0]
    same = data.mare.to_numpy()[:, None] == data.mare.to_numpy()
    lag = np.abs(data.day.to_numpy()[:, None] - data.day.to_numpy())
    X = np.column_stack([np.ones(len(data)), data.s, data.c])
    fit = sm.GLS(data.follicles, X, sigma=np.where(same, phi**lag, 0.0)).fit()
    table = mm.acf(fit, group=data.mare, max_lag=8, n_sim=20)
    np.testing.assert_allclose(table["acf"], reference("ovary gls acf"), rtol=1e-4, atol=1e-6)


def test_gaps_are_no_neighbours():
    """Series with missing times: the acf is that of the pairs that are there, written out."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"g": np.repeat(["a", "b"], 40), "t": np.tile(np.arange(40) * 0.5, 2)})
    frame["e"] = rng.normal(size=80)
    frame = frame.sample(55, random_state=1)  # a third is missing, and the order is lost
    table = mm.acf(frame.e.to_numpy(), frame.t, frame.g, max_lag=5, n_sim=20).set_index("lag")
    pairs = frame.merge(frame, on="g")
    for lag in range(1, 6):
        at = pairs[np.isclose(pairs.t_y - pairs.t_x, lag * 0.5)]
        assert table.loc[lag, "pairs"] == len(at)
        assert table.loc[lag, "acf"] == pytest.approx(
            (at.e_x * at.e_y).mean() / (frame.e**2).mean(), rel=1e-10
        )


def test_ljung_box_is_the_classical_one_for_one_series():
    from statsmodels.stats.diagnostic import acorr_ljungbox

    e = np.random.default_rng(2).normal(size=90)
    e -= e.mean()  # the classical one centres
    ours = mm.check_autocorrelation(e, lags=7, n_sim=1999)
    theirs = acorr_ljungbox(e, lags=[7])
    assert ours.statistic == pytest.approx(float(theirs["lb_stat"].iloc[0]), rel=1e-10)
    assert ours.p == pytest.approx(float(theirs["lb_pvalue"].iloc[0]), abs=0.05)


def test_variogram_is_half_the_mean_squared_difference():
    rng = np.random.default_rng(3)
    x, y, e = rng.random((3, 40))
    table = mm.variogram(e, x, y, bins=4, cutoff=0.6, n_sim=20)
    i, j = np.triu_indices(40, 1)
    d, v = np.hypot(x[i] - x[j], y[i] - y[j]), (e[i] - e[j]) ** 2 / 2
    near = d <= 0.6
    assert table["pairs"].sum() == near.sum()
    assert (table["pairs"] * table["value"]).sum() == pytest.approx(v[near].sum(), rel=1e-10)
    assert (table["pairs"] * table["distance"]).sum() == pytest.approx(d[near].sum(), rel=1e-10)
    assert (np.diff(table["distance"]) > 0).all()
    assert table["pairs"].max() - table["pairs"].min() <= 2


def series(rho: float, rng: np.random.Generator, groups: int = 8, length: int = 12) -> pd.DataFrame:
    e = rng.normal(size=(groups, length))
    for t in range(1, length):
        e[:, t] = rho * e[:, t - 1] + np.sqrt(1 - rho**2) * e[:, t]
    frame = pd.DataFrame({"g": np.repeat(np.arange(groups), length), "t": np.tile(np.arange(length), groups)})
    frame["y"] = rng.normal(size=groups)[frame.g] + 0.1 * frame.t + e.ravel()
    return frame[rng.random(len(frame)) > 0.1]  # gaps


def test_level_and_power_of_ljung_box_in_a_mixed_model():
    """Residuals of a mixed model are correlated by themselves: the calibrated test does not mistake that."""
    rng = np.random.default_rng(4)
    rates = []
    for rho, n in ((0.0, 150), (0.3, 50), (0.7, 50)):
        hits = []
        for _ in range(n):
            fit = mm.fit("y ~ t + (1 | g)", series(rho, rng))
            hits.append(mm.check_autocorrelation(fit, "t", "g", lags=2, n_sim=99, rng=rng).p <= 0.05)
        rates.append(float(np.mean(hits)))
    assert rates[0] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] > 0.6


def test_band_of_the_variogram_holds_sound_models_and_not_faulty_ones():
    rng = np.random.default_rng(5)
    n, out = 90, {0.0: [], 0.9: []}
    for share, found in out.items():
        for _ in range(60):
            x, y = rng.random((2, n))
            S = share * np.exp(-np.hypot(x[:, None] - x, y[:, None] - y) / 0.3) + (1 - share) * np.eye(n)
            frame = pd.DataFrame({"x": x, "v": np.linalg.cholesky(S + 1e-9 * np.eye(n)) @ rng.normal(size=n)})
            table = mm.variogram(smf.ols("v ~ 1", frame).fit(), x, y, bins=4, cutoff=0.3, n_sim=99, rng=rng)
            found.append(bool(((table["value"] < table["lower"]) | (table["value"] > table["upper"])).any()))
    assert np.mean(out[0.0]) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(out[0.9]) > 0.7


def test_counts_have_a_correlogram_too():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"t": np.arange(200)})
    e = np.zeros(200)
    for t in range(1, 200):
        e[t] = 0.8 * e[t - 1] + 0.6 * rng.normal()
    frame["y"] = rng.poisson(np.exp(2 + 0.7 * e))
    fit = smf.glm("y ~ t", frame, family=sm.families.Poisson()).fit()
    assert mm.check_autocorrelation(fit, "t", n_sim=99).p <= 0.02
    table = mm.acf(fit, "t", n_sim=99)
    assert table["acf"].iloc[1] > table["upper"].iloc[1]


def test_pictures_mark_what_leaves_the_band():
    wave = np.sin(np.arange(60) / 4)
    for ax, table in (
        (mm.plot_acf(mm.acf(wave, max_lag=6)), 6),
        (mm.plot_variogram(mm.variogram(wave, np.arange(60.0), bins=10)), 10),
    ):
        marked = next(line for line in ax.lines if line.get_marker() == "D")
        assert 0 < len(marked.get_ydata()) <= table


def test_refusals_in_words(lme):
    with pytest.raises(ValueError, match="not on a regular grid"):
        mm.acf(lme, "Time", "mare")
    with pytest.raises(ValueError, match="give `group`"):
        mm.acf(lme, "day")
    with pytest.raises(KeyError, match="'horse'"):
        mm.acf(lme, "day", "horse")
    with pytest.raises(ValueError, match="must be numbers"):
        mm.variogram(np.arange(3.0), ["a", "b", "c"])
    with pytest.raises(ValueError, match="cutoff is 0"):
        mm.variogram(np.arange(5.0), np.zeros(5))
    with pytest.raises(ValueError, match="as near as cutoff"):
        mm.variogram(np.arange(5.0), np.arange(5.0), cutoff=0.5)
    with pytest.raises(ValueError, match="at least one is needed"):
        mm.acf(np.arange(9.0), max_lag=0)
    with pytest.raises(ValueError, match="kind is 'raw'"):
        mm.acf(lme, kind="raw")  # type: ignore[arg-type]
