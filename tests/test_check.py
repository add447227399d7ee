"""check(fit), envelopes and lineups: verdicts that hold their level, bands that hold whole curves."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import mmhelpers as mm
from mmhelpers.diagnostics.envelopes import global_envelope


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_fresh_curve_leaves_the_envelope_as_seldom_as_it_says():
    """Out of sample, curves with dependent points: 5% and 4 Monte Carlo SE."""
    rng = np.random.default_rng(1)
    out = 0
    for _ in range(400):
        curves = np.cumsum(rng.normal(size=(15, 200)), axis=0)
        low, high = global_envelope(curves[:, 1:])
        out += bool(((curves[:, 0] < low) | (curves[:, 0] > high)).any())
    assert out / 400 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)
    assert out / 400 > 0.005


def counts(fault: str | None, rng: np.random.Generator, n: int = 150) -> pd.DataFrame:
    x = rng.uniform(-1, 1, n)
    mu = np.exp(1 + 0.5 * x + (1.5 * x**2 if fault == "curve" else 0))
    mu = mu * rng.gamma(1.5, 1 / 1.5, n) if fault == "overdispersion" else mu
    y = rng.poisson(mu) * (rng.random(n) > (0.35 if fault == "zeros" else 0))
    return pd.DataFrame({"x": x, "y": y})


def poisson_fit(data: pd.DataFrame):
    return smf.glm("y ~ x", data, family=sm.families.Poisson()).fit()


@pytest.mark.parametrize(
    ("fault", "row"),
    [("overdispersion", "dispersion"), ("zeros", "zeros"), ("curve", "quantiles along the fit")],
)
def test_each_fault_is_named(fault, row):
    found = mm.check(poisson_fit(counts(fault, np.random.default_rng(2))), rng=1)
    assert not found.ok
    frame = found.to_frame().set_index("diagnosis")
    assert frame.loc[row, "verdict"] != "fine"
    assert frame.loc[row, "advice"]
    assert frame.loc["convergence", "verdict"] == "fine"


def test_sound_models_are_seldom_called_faulty():
    """Holm's correction over the diagnoses: at most 5% of sound fits are called faulty (4 SE)."""
    rng = np.random.default_rng(3)
    wrong = sum(not mm.check(poisson_fit(counts(None, rng, 80)), n_sim=99, rng=rng).ok for _ in range(100))
    assert wrong / 100 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)


@pytest.mark.filterwarnings("ignore")
def test_a_singular_fit_is_named_and_not_called_a_fault():
    fit = smf.mixedlm("Yield ~ 1", mm.load("dyestuff2"), groups="Batch").fit()
    frame = mm.check(fit).to_frame().set_index("diagnosis")
    assert frame.loc["singular fit", "verdict"] == "look"
    assert "Batch" in frame.loc["singular fit", "advice"]


@pytest.mark.filterwarnings("ignore")
def test_separation_is_named():
    data = pd.DataFrame({"x": np.r_[-2.0:-0.5:20j, 0.5:2.0:20j]})
    data["y"] = (data.x > 0).astype(int)
    for fit in (
        smf.glm("y ~ x", data, family=sm.families.Binomial()).fit(),
        smf.logit("y ~ x", data).fit(disp=0),
    ):
        frame = mm.check(fit, n_sim=50).to_frame().set_index("diagnosis")
        assert frame.loc["separation", "verdict"] == "fault"
    data["y"] = (data.x + np.random.default_rng(1).normal(size=40) > 0).astype(int)
    sound = mm.check(smf.glm("y ~ x", data, family=sm.families.Binomial()).fit(), n_sim=50).to_frame()
    assert "separation" not in set(sound["diagnosis"])


@pytest.mark.filterwarnings("ignore")
def test_a_single_group_is_named():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"x": rng.normal(size=40), "y": rng.normal(size=40), "g": "one"})
    found = mm.check(smf.mixedlm("y ~ x", data, groups="g").fit(), n_sim=50)
    frame = found.to_frame().set_index("diagnosis")
    assert frame.loc["singular fit", "verdict"] == "fault"
    assert "one level" in frame.loc["singular fit", "advice"]
    assert len(mm.plot_check(found).axes) == 4


@pytest.mark.filterwarnings("ignore")
def test_every_diagnosis_takes_a_singular_fit_and_one_with_missing_rows():
    sleep = mm.load("sleepstudy")
    sleep.loc[[3, 50], "Reaction"] = np.nan
    for fit, group in (
        (mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("dyestuff2")), "Batch"),
        (mm.fit("Reaction ~ Days + (1 | Subject)", sleep), "Subject"),
    ):
        n = mm.view(fit).nobs
        assert len(mm.leverage(fit)) == len(mm.influence(fit)) == n
        assert np.isfinite(mm.blups(fit)["mode"]).all()
        assert len(mm.influence(fit, group, refit=True)) == len(mm.view(fit).random_effects[group])
        assert len(mm.acf(fit, group=group, n_sim=20)) > 2
        assert 0 < mm.check_autocorrelation(fit, group=group, n_sim=20).p <= 1
        assert 0 < mm.quantile_residuals(fit, n_sim=20, rotation="model").values.max() < 1
        assert mm.icc(fit)["icc"].iloc[0] >= 0


@pytest.mark.parametrize(
    "fault", ["overdispersion", "zeros", "curve", "variance", "tails", "effects", "time", "space", "means"]
)
def test_example_data_have_the_fault_they_are_named_for_and_no_other(fault):
    def poisson(data):
        return smf.glm("y ~ x", data, family=sm.families.Poisson()).fit()

    def mixed(data):
        return mm.fit("y ~ x + (1 | g)", data)

    tests = {
        "overdispersion": (poisson, lambda f, d: mm.check_dispersion(f, exact=True).p),
        "zeros": (poisson, lambda f, d: mm.check_zeros(f, exact=True).p),
        "curve": (mixed, lambda f, d: mm.check_quantiles(f, "x")["all"].p),
        "variance": (mixed, lambda f, d: mm.check_homogeneity(f, "h").p),
        "tails": (mixed, lambda f, d: mm.check_normality(f).p),
        "effects": (mixed, lambda f, d: mm.check_random_effects(f).p),
        "time": (mixed, lambda f, d: mm.check_autocorrelation(f, "day", "g", lags=3).p),
        "means": (mixed, lambda f, d: mm.check_group_means(f, "h").p),
        "space": (mixed, lambda f, d: mm.check_spatial(f, d.east, d.north).p),
    }
    fit, test = tests[fault]
    sound, faulty = (mm.faulty(fault, size) for size in (0, 1))
    assert test(fit(sound), sound) > 0.05
    assert test(fit(faulty), faulty) < 0.05
    others = [c for c in sound.columns if c != "y"]
    pd.testing.assert_frame_equal(sound[others], faulty[others])


def test_the_group_with_a_slope_of_its_own_is_found_and_words_for_what_is_unknown():
    table = mm.influence(mm.fit("y ~ x + (1 | g)", mm.faulty("group")), "g")
    assert table["cooks distance"].idxmax() == "g08"
    with pytest.raises(ValueError, match="fault is 'bad'"):
        mm.faulty("bad")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="study is 'x'"):
        mm.calibration("x")


def test_pairs_share_the_scale_that_is_asked_for():
    rng = np.random.default_rng(7)
    tables = mm.qq_table(rng.normal(size=50)), mm.qq_table(5 * rng.normal(size=50))
    for share, same in (("y", True), ("both", True), ("x", False), ("none", False)):
        left, right = mm.plot_pair(mm.plot_qq, *tables, share=share).axes
        assert (left.get_ylim() == right.get_ylim()) == same
        assert share not in {"x", "both"} or left.get_xlim() == right.get_xlim()


def test_the_same_call_gives_the_same_verdicts_and_they_print():
    fit = poisson_fit(counts("zeros", np.random.default_rng(4)))
    one, two = mm.check(fit), mm.check(fit)
    assert str(one) == str(two)
    assert "zeros" in str(one)
    page = one._repr_html_()
    assert all(v.name in page and v.advice.split("'")[0] in page for v in one.verdicts)
    assert 'colspan="3"' in page  # what to try has a row of its own, and wraps
    assert "white-space:normal" in page


def test_the_page_draws_every_kind_of_fit():
    fits = [
        poisson_fit(counts(None, np.random.default_rng(5))),
        smf.ols("growth ~ site", mm.load("oysters")).fit(),
        smf.mixedlm("growth ~ site", mm.load("oysters"), groups="bag").fit(),
    ]
    for fit in fits:
        figure = mm.plot_check(mm.check(fit, n_sim=50))
        assert len(figure.axes) == 4
        assert all(ax.get_title(loc="left") for ax in figure.axes)


def test_points_outside_the_band_are_marked():
    rng = np.random.default_rng(6)
    table = mm.qq_table(np.append(rng.normal(size=60), 9.0))
    ax = mm.plot_qq(table)
    marked = next(line for line in ax.lines if line.get_marker() == "D")
    assert 9.0 in marked.get_ydata()
    sound = mm.plot_qq(mm.qq_table(rng.normal(size=60)))
    assert len(next(line for line in sound.lines if line.get_marker() == "D").get_ydata()) == 0


def test_equal_values_of_the_predictor_stay_in_one_slice():
    y = np.random.default_rng(7).poisson(2.0, (100, 51))
    r = mm.quantile_residuals(y[:, 0], y[:, 1:], fitted=np.repeat([1.0, 2.0], [70, 30]))
    table = mm.quantile_table(r)
    assert sorted(table["predictor"].unique()) == [1.0, 2.0]


def test_lineup_hides_the_data_where_it_says_and_nowhere_else():
    data = mm.load("oysters")
    fit = smf.ols("growth ~ population + site", data).fit()
    hidden = mm.lineup(fit, "bag", rng=1)
    ours = mm.resid(fit, "standardized")
    for panel, rows in hidden.table.groupby("panel"):
        assert np.allclose(rows["residual"], ours) == (panel == hidden.answer)
    assert str(hidden.answer) not in repr(hidden).replace("9 panels", "")
    assert len(mm.plot_lineup(hidden).axes) == 9
    answers = {mm.lineup(fit, "bag", rng=seed).answer for seed in range(30)}
    assert len(answers) > 5


def test_refusals_in_words():
    with pytest.raises(ValueError, match="at least one other panel"):
        mm.lineup(np.zeros(3), np.zeros(3), panels=1)
    with pytest.raises(ValueError, match="give `by`"):
        mm.lineup(np.arange(30.0))
    gee = smf.gee(
        "y ~ x", np.arange(150) % 10, counts(None, np.random.default_rng(8)), family=sm.families.Poisson()
    )
    with pytest.raises(mm.UnsupportedFitError, match="no distribution"):
        mm.check(gee.fit())


def test_pictures_of_simulated_statistics_name_the_data_and_count_whole_numbers_in_whole_bins():
    import matplotlib.pyplot as plt

    test = mm.check_zeros(poisson_fit(mm.faulty("zeros", 0.2)))
    ax = mm.plot_simulated(test)
    assert [text.get_text() for text in ax.texts] == ["data"]
    edges = np.unique(ax.patches[0].get_xy()[:, 0])
    assert np.allclose(edges % 1, 0.5)
    assert np.allclose(np.diff(edges), np.diff(edges)[0])
    plt.close("all")


def test_a_quartile_outside_its_band_has_a_diamond_there():

    table = pd.DataFrame({"predictor": [0.0, 1, 2], "quantile": 0.5, "value": [0.5, 0.9, 0.5]})
    ax = mm.plot_residual_quantiles(table.assign(lower=0.3, upper=0.7, expected=0.5))
    diamonds = [line for line in ax.lines if line.get_marker() == "D"]
    assert [list(line.get_xdata()) for line in diamonds] == [[1.0]]


def test_the_page_of_counts_has_a_band_for_every_tenth():
    tenths = mm.check(poisson_fit(mm.faulty("zeros", 0))).tables["tenths"]
    assert tenths["rows"].sum() == len(mm.faulty("zeros", 0))
    assert (tenths["lower"] <= tenths["rows"]).all()
    assert (tenths["rows"] <= tenths["upper"]).all()
    out = mm.check(poisson_fit(mm.faulty("overdispersion", 1)), n_sim=99).tables["tenths"]
    assert (out["rows"] > out["upper"]).any()
