"""Sampling, the verdict on the chains, and stored posteriors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers import datasets
from mmhelpers.bayes import stored

ROOT = Path(__file__).resolve().parents[1]


def made(spoil: str = "", chains: int = 4) -> Any:
    """Independent normal draws, spoilt in one way."""
    rng = np.random.default_rng(3)
    mu, b = rng.normal(size=(chains, 500)), rng.normal(size=(chains, 500, 3))
    diverging = np.zeros((chains, 500), bool)
    if spoil == "apart":
        b[0, :, 1] += 1
    if spoil == "slow":
        mu = np.cumsum(mu, axis=1)
    if spoil == "diverging":
        diverging[1, :7] = True
    if spoil == "nan":
        mu[0, 3] = np.nan
    posterior = {"mu": mu, "1|g": b, "fixed": np.ones((chains, 500))}
    kept: Any = az
    return kept.from_dict(
        posterior,
        sample_stats={"lp" if spoil == "untold" else "diverging": diverging},
        coords={"g__factor_dim": ["x", "y", "z"]},
        dims={"1|g": ["g__factor_dim"]},
    )


def test_good_chains_are_ok() -> None:
    check = mm.posterior_check(made())
    assert check.ok
    assert check.assert_ok() is check
    assert list(check.table.index) == ["mu", "1|g[x]", "1|g[y]", "1|g[z]"]  # what does not vary is left out
    assert "ok (4 chains of 500 draws)" in repr(check)
    rhat = az.rhat(made().posterior[["mu", "1|g"]])
    np.testing.assert_allclose(check.rhat, max(float(rhat[name].max()) for name in rhat))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("apart", "R-hat .* 1|g\\[y\\]"),
        ("slow", "effective sample size"),
        ("diverging", "7 of 2000 draws diverged"),
        ("nan", "R-hat"),
    ],
)
def test_bad_chains_are_not(spoil: str, says: str) -> None:
    check = mm.posterior_check(made(spoil))
    assert not check.ok
    with pytest.raises(AssertionError, match=says):
        check.assert_ok()
    assert repr(check).startswith("not to be used")


def test_divergences_that_were_not_recorded_are_not_called_none() -> None:
    check = mm.posterior_check(made("untold"))
    assert check.divergences is None
    assert check.ok
    assert "divergences not recorded" in repr(check)
    assert "no divergence" not in repr(check)


def test_what_is_no_posterior_is_refused() -> None:
    with pytest.raises(ValueError, match="one chain"):
        mm.posterior_check(made(chains=1))
    with pytest.raises(ValueError, match="without a posterior"):
        mm.posterior_check(mm.load("sleepstudy"))
    with pytest.raises(TypeError, match=r"wants a bambi\.Model"):
        mm.sample("y ~ x", seed=1)


@pytest.mark.parametrize("compiler", [True, False], ids=["compiler", "no compiler"])
def test_sampling_is_silent_and_repeatable(compiler: bool, tmp_path: Path) -> None:
    """In a process of its own, as a reader's kernel is; with and without a C++ compiler in the path."""
    script = """
import mmhelpers as mm
mm.use_bayes()
import bambi as bmb, numpy as np
model = bmb.Model("Yield ~ 1", mm.load("Dyestuff"))
one, two = (mm.sample(model, draws=300, tune=300, seed=5) for _ in range(2))
assert np.array_equal(one.posterior["Intercept"], two.posterior["Intercept"])
assert not [v for v in one.posterior if v.endswith("__")], list(one.posterior)
assert mm.posterior_check(one, min_ess=200).ok
y = mm.load("Dyestuff")["Yield"]
assert abs(one.posterior["Intercept"].mean().item() - y.mean()) < y.std() / 30**0.5 / 2
model.prior_predictive(draws=20, random_seed=1)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("PYTENSOR_FLAGS", None)
    if not compiler:
        env["PATH"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def test_pymc_gives_the_same_posterior() -> None:
    import bambi as bmb

    model = bmb.Model("Yield ~ 1", mm.load("Dyestuff"))
    fits = [mm.sample(model, draws=500, tune=500, seed=2, sampler=s) for s in ("pymc", "nutpie")]
    a, b = (mm.posterior_check(f).assert_ok().table for f in fits)
    error = np.hypot(a["mcse"], b["mcse"])
    assert (abs(a["mean"] - b["mean"]) < 5 * error).all()


# ---- stored ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(stored.registered()))
def test_stored_posteriors_are_the_registered_ones(name: str) -> None:
    about = stored.registered()[name]
    assert (ROOT / about["script"]).exists()
    idata = mm.load_posterior(name)
    assert idata.attrs["versions"] == about["versions"]
    mm.posterior_check(idata).assert_ok()


def test_every_stored_file_is_registered() -> None:
    files = {path.name for path in (ROOT / "data" / "posteriors").glob("*.nc")}
    assert files == {about["file"] for about in stored.registered().values()}


def test_store_and_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (datasets, stored):
        monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    first = stored.store_posterior(made(), "some", "data/make/some.py", "A test.", "nothing 1.0")
    digest = stored.registered()["some"]["sha256"]
    stored.store_posterior(made(), "some", "data/make/some.py", "A test.", "nothing 1.0")
    assert stored.registered()["some"]["sha256"] == digest, "the same draws give the same bytes"
    back = mm.load_posterior("some")
    np.testing.assert_allclose(back.posterior["mu"], made().posterior["mu"], rtol=1e-6)
    with pytest.raises(KeyError, match="stored are some"):
        mm.load_posterior("other")
    first.write_bytes(first.read_bytes() + b" ")
    with pytest.raises(ValueError, match="registered is"):
        mm.load_posterior("some")
