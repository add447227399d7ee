"""bambi: the contract of every adapter, on draws made by hand, so that no chain has to run."""

from typing import Any

import arviz as az
import bambi as bmb
import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm

pytestmark = pytest.mark.filterwarnings("ignore")

CHAINS, DRAWS = 2, 100


def draws(values: dict[str, tuple[float, float]], groups: dict[str, Any], seed: int = 1) -> Any:
    """Independent normal draws: name -> (mean, sd); groups: name -> DataArray."""
    import xarray as xr

    rng = np.random.default_rng(seed)
    data = {
        name: (("chain", "draw"), mean + sd * rng.normal(size=(CHAINS, DRAWS)))
        for name, (mean, sd) in values.items()
    }
    set_ = xr.Dataset(data, coords={"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)})
    for name, (dim, levels, modes, sd) in groups.items():
        array = modes + sd * rng.normal(size=(CHAINS, DRAWS, len(levels)))
        set_[name] = xr.DataArray(array, dims=("chain", "draw", dim), coords={dim: levels})
    return az.InferenceData(posterior=set_)


def sleep() -> tuple[Any, Any]:
    """sleepstudy with random intercepts and slopes; draws around lme4's estimates."""
    data = mm.load("sleepstudy")
    model = bmb.Model("Reaction ~ Days + (Days | Subject)", data)
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", data)
    modes = mm.view(fit).random_effects["Subject"]
    levels = list(model.components["mu"].group_specific_terms["1|Subject"].groups)
    order = modes.loc[[str(level) for level in levels]]
    values = {
        "Intercept": (251.4, 6.8),
        "Days": (10.5, 1.5),
        "sigma": (25.6, 1.0),
        "1|Subject_sigma": (25.0, 2.0),
        "Days|Subject_sigma": (6.0, 0.5),
    }
    dim = "Subject__factor_dim"
    groups = {
        "1|Subject": (dim, levels, order["(Intercept)"].to_numpy(), 5.0),
        "Days|Subject": (dim, levels, order["Days"].to_numpy(), 1.0),
    }
    return model, draws(values, groups)


def herds() -> tuple[Any, Any]:
    data = mm.load("cbpp")
    data["period"] = data["period"].astype(str)
    model = bmb.Model("p(incidence, size) ~ period + (1 | herd)", data, family="binomial")
    levels = list(model.components["p"].group_specific_terms["1|herd"].groups)
    values = {"Intercept": (-1.4, 0.2), "1|herd_sigma": (0.6, 0.1)}
    idata = draws(values, {"1|herd": ("herd__factor_dim", levels, np.linspace(-0.5, 0.5, len(levels)), 0.2)})
    shift = draws({}, {"period": ("period_dim", ["2", "3", "4"], np.array([-1.0, -1.1, -1.6]), 0.3)})
    idata.posterior["period"] = shift.posterior["period"]
    return model, idata


def owls(family: str) -> tuple[Any, Any]:
    data = mm.load("owls").head(120)
    model = bmb.Model("SiblingNegotiation ~ ArrivalTime + offset(logBroodSize)", data, family=family)
    values = {"Intercept": (1.0, 0.1), "ArrivalTime": (-0.02, 0.004), "psi": (0.7, 0.01), "alpha": (1.0, 0.1)}
    return model, draws(values, {})


def test_estimates_are_posterior_means():
    fit = sleep()
    seen = mm.view(fit)
    posterior = fit[1].posterior
    assert seen.engine == "bambi"
    assert seen.x_names == ("(Intercept)", "Days")
    np.testing.assert_allclose(seen.beta, [posterior["Intercept"].mean(), posterior["Days"].mean()])
    np.testing.assert_allclose(seen.se[1], posterior["Days"].to_numpy().std(ddof=1))
    sd = seen.variance_components.set_index(["group", "name"])["value"]
    assert sd["Subject", "Days"] == pytest.approx(float(posterior["Days|Subject_sigma"].mean()))
    assert sd["residual", ""] == pytest.approx(float(posterior["sigma"].mean()))
    # at the posterior means of the effects; and for a linear model that is the posterior mean of the fitted values
    model, idata = fit
    mean = model.predict(idata, inplace=False).posterior["mu"].mean(("chain", "draw"))
    np.testing.assert_allclose(seen.fitted(), mean, rtol=1e-10)
    without = model.predict(idata, inplace=False, include_group_specific=False).posterior["mu"]
    np.testing.assert_allclose(seen.fitted(False), without.mean(("chain", "draw")), rtol=1e-10)


def test_simulations_are_the_posterior_predictive():
    """Mean and variance by hand: parameters vary, and groups are drawn anew unless they are kept."""
    seen = mm.view(sleep())
    day = np.asarray(seen.frame["Days"], float)
    kept = seen.simulate(2000, np.random.default_rng(2), True)
    new = seen.simulate(2000, np.random.default_rng(2), False)
    # draws of the parameters are reused: their means are off by their own Monte Carlo error, 200 draws
    np.testing.assert_allclose(kept.mean(axis=1), seen.fitted(True), atol=5 * 27 / np.sqrt(200))
    np.testing.assert_allclose(new.mean(axis=1), seen.fitted(False), atol=5 * 60 / np.sqrt(200))
    within = 25.6**2 + 6.8**2 + (1.5 * day) ** 2
    between = 25.0**2 + (6.0 * day) ** 2
    first = day == 0
    assert kept[first].var(axis=1).mean() == pytest.approx(within[first][0] + 25, rel=0.15)
    assert new[first].var(axis=1).mean() == pytest.approx((within + between)[first][0], rel=0.15)
    last = day == 9
    assert new[last].var(axis=1).mean() == pytest.approx((within + between)[last][0], rel=0.2)
    # new groups: rows of one group share their effect, rows of two do not
    pairs = np.corrcoef(new[[0, 1, 10]])
    assert pairs[0, 1] > 0.25
    assert abs(pairs[0, 2]) < 0.2


def test_zero_inflated_counts_bring_their_mean_and_variance():
    fit = owls("zero_inflated_poisson")
    seen = mm.view(fit)
    mu = np.exp(1.0 - 0.02 * seen.frame["ArrivalTime"] + seen.offset).to_numpy()
    np.testing.assert_allclose(seen.fitted(), 0.7 * mu, rtol=0.35)
    assert seen.fitted().mean() == pytest.approx(0.7 * mu.mean(), rel=0.05)
    assert seen.variance is not None
    assert seen.variance.mean() == pytest.approx((0.7 * (mu + 0.3 * mu**2)).mean(), rel=0.25)
    assert seen.family.discrete
    share = (seen.simulate(200, np.random.default_rng(3)) == 0).mean()
    assert share == pytest.approx(0.3 + 0.7 * np.exp(-mu).mean(), abs=0.05)


def test_negative_binomial_and_offset():
    seen = mm.view(owls("negativebinomial"))
    assert seen.family.name == "negative binomial"
    assert seen.family.size == pytest.approx(1.0, rel=0.05)
    np.testing.assert_allclose(seen.offset, seen.frame["logBroodSize"])


def test_residuals_and_checks_take_the_pair():
    fit = sleep()
    r = mm.quantile_residuals(fit, n_sim=99)
    assert 0 < r.values.min() < r.values.max() < 1
    found = mm.check(fit, n_sim=50).to_frame().set_index("diagnosis")
    assert found.loc["uniformity", "p"] > 0
    table = mm.agreement(
        {"bambi": fit, "lme4's": mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))}
    )
    assert table.loc["Days", "relative"] < 0.05


def test_refusals_in_words():
    model, idata = sleep()
    with pytest.raises(mm.UnsupportedFitError, match=r"pass the pair \(model, idata\)"):
        mm.view(model)
    with pytest.raises(mm.UnsupportedFitError, match="without posterior draws"):
        mm.view((model, 3))
    other = draws({"Intercept": (0.0, 1.0)}, {})
    with pytest.raises(mm.UnsupportedFitError, match="not of this model"):
        mm.view((model, other))
    with pytest.raises(mm.UnsupportedFitError, match="cannot be refitted"):
        mm.quantile_residuals((model, idata), n_sim=20, refit=True)
    student = bmb.Model(
        "Reaction ~ Days + (1 | Subject)",
        pd.DataFrame(mm.load("sleepstudy")),
        priors={"1|Subject": bmb.Prior("StudentT", nu=3, mu=0, sigma=bmb.Prior("HalfNormal", sigma=10))},
    )
    with pytest.raises(mm.UnsupportedFitError, match="known is Normal"):
        mm.view((student, idata))
