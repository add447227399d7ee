"""Numbers that would come out silently wrong, and arguments that nobody should pass: each is said in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mmhelpers as mm
from mmhelpers.fitting.wald import contrast_tests
from mmhelpers.inference import bootstrap, likelihood
from mmhelpers.studies.effect import joint_test


@pytest.fixture(scope="module")
def fit() -> mm.Fit:
    return mm.fit("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


@pytest.fixture(scope="module")
def smaller() -> mm.Fit:
    return mm.fit("Reaction ~ 1 + (Days | Subject)", mm.load("sleepstudy"))


def failing(matrices, Y, reml):
    return np.full(len(Y), np.nan)


def test_a_failed_refit_has_no_p_value_in_a_comparison(fit, smaller, monkeypatch):
    """It used to be 1, that of a ratio of zero."""
    monkeypatch.setattr(likelihood, "criteria", failing)
    table = mm.compare(smaller, fit)
    assert table["p"].isna().all()


def test_a_bootstrap_without_an_observed_ratio_is_refused(fit, smaller, monkeypatch):
    """No simulated ratio is as large as NaN: p used to be the smallest there is."""
    monkeypatch.setattr(bootstrap, "criteria", failing)
    with pytest.raises(ValueError, match="cannot be fitted to the data by ML"):
        mm.bootstrap_test(smaller, fit, n_rep=9, rng=np.random.default_rng(1))


def test_kenward_roger_is_not_answered_by_z(fit):
    with pytest.raises(ValueError, match="kenward_roger_coefficients"):
        contrast_tests(fit.fits, np.eye(2), "kenward-roger")


def test_satterthwaite_without_derivatives_is_not_answered_by_chi_square(fit):
    bare = replace(fit.fits, vcov_jacobian=None)
    columns = np.array([0, 1])
    assert np.isinf(joint_test(bare, columns, "wald")["df"]).all()
    with pytest.raises(ValueError, match="no derivatives"):
        joint_test(bare, columns, "satterthwaite")


@pytest.mark.parametrize(
    ("rhs", "says"), [([1.0, 2.0], "one number or 1"), (np.nan, "must be finite"), ("ten", "one number or 1")]
)
def test_hypothesised_values_fit_the_contrasts(fit, rhs, says):
    with pytest.raises(ValueError, match=f"rhs .*{says}|{says}"):
        mm.contrast(fit, [0, 1], rhs)


def test_refits_of_an_interval_that_fail_are_counted(fit, monkeypatch):
    with pytest.raises(ValueError, match="n_rep must be a whole number"):
        fit.confint("bootstrap", n_rep=0, rng=np.random.default_rng(1))
    refit = type(fit).refit

    def partly(self, Y):
        many = refit(self, Y)
        criterion = many.fits.criterion.copy()
        criterion[:3] = np.nan
        return mm.FitMany(replace(many.fits, criterion=criterion))

    monkeypatch.setattr(type(fit), "refit", partly)
    with pytest.warns(UserWarning, match="3 of 8 simulated data sets could not be fitted"):
        fit.confint("bootstrap", n_rep=8, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="none of the simulated"):
        fit.confint("bootstrap", n_rep=3, rng=np.random.default_rng(1))


@pytest.mark.parametrize("wrong", [{"n_points": 2}, {"reach": 0.0}, {"reach": float("nan")}])
def test_a_profile_has_points_and_a_reach(fit, wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        mm.profile(fit, **wrong)


@pytest.mark.parametrize(
    ("draws", "wrong", "says"),
    [
        (np.random.default_rng(1).normal(size=200), {"batches": 1}, "batches must be from 2 to 20"),
        (np.random.default_rng(1).normal(size=200), {"batches": 21}, "batches must be from 2 to 20"),
        (np.full(200, 0.3), {"method": "normal"}, "all the same, 0.3"),
    ],
)
def test_draws_that_give_no_density(draws, wrong, says):
    with pytest.raises(ValueError, match=says):
        mm.savage_dickey(draws, 0.1, **wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"X": [[1, np.nan], [1, 0], [1, 1], [1, 1]]}, "X must not have missing"),
        ({"scale": 0.0}, "scale must be above 0"),
        ({"df": np.nan}, "df must be above 0"),
        ({"sd_scale": -1.0}, "sd_scale must be above 0"),
    ],
)
def test_loci_say_what_was_wrong(wrong, says):
    good = {
        "y": [[1, 2, 8, 9]],
        "n": [[10] * 4],
        "X": [[1, 0], [1, 0], [1, 1], [1, 1]],
        "group": list("abcd"),
    }
    with pytest.raises(ValueError, match=says):
        mm.fit_loci(**{**good, **wrong})
    with pytest.raises(ValueError, match="level must lie"):
        mm.fit_loci(**good).contrast([0, 1], level=95)


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"warmup": -1}, {"step": 0.0}])
def test_a_walk_needs_steps(wrong):
    given = {"draws": 10, "warmup": 0, "rng": np.random.default_rng(1), **wrong}
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        mm.metropolis(lambda x: -float(x @ x), [0.0], **given)
