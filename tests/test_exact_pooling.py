"""Mean squared error of group means with and without pooling: against simulation, quadrature and limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

import mmhelpers as mm

# simulation: 20,000 data sets; the largest standard error of the ratio below is about 0.006
SIMULATED = 0.025
# 200 nodes after a change of variable whose derivative is unbounded at one end, against nested adaptive quadrature
QUADRATURE = 1e-5


@pytest.mark.parametrize(("k", "n", "tau2"), [(2, 5, 1.0), (3, 2, 5.0), (6, 5, 0.1), (20, 3, 0.5)])
def test_agrees_with_simulation(k, n, tau2):
    rng = np.random.default_rng(k)
    b = rng.normal(0, np.sqrt(tau2), (20_000, k))
    y = b[..., None] + rng.normal(size=(20_000, k, n))
    run = mm.exact.anova_estimators(y)
    own = y.mean(axis=2)
    centre = own.mean(axis=1, keepdims=True)
    share = run.tau2["REML"] / (run.tau2["REML"] + run.sigma2["REML"] / n)
    true = tau2 / (tau2 + 1 / n)
    found = {
        "none": own,
        "complete": np.broadcast_to(centre, own.shape),
        "known": centre + true * (own - centre),
        "estimated": centre + share[:, None] * (own - centre),
    }
    for how, estimate in found.items():
        expected = mm.exact.pooling_error(k, n, tau2, 1, how)
        assert np.mean((estimate - b) ** 2) == pytest.approx(expected, rel=SIMULATED), how


@pytest.mark.parametrize(("k", "n", "tau2"), [(2, 2, 0.0), (4, 5, 1.0)])
def test_agrees_with_double_integral(k, n, tau2):
    a, b, lam = k - 1, k * (n - 1), 1 + n * tau2
    true = n * tau2 / lam

    def given_mse(v):  # E over SSB of (share hat - share)^2 SSB, for SSE = v
        def inner(u):
            share = max(0.0, 1 - (v / b) / (lam * u / a))
            return (share - true) ** 2 * lam * u * stats.chi2.pdf(u, a)

        kink = v / b * a / lam
        top = max(stats.chi2.isf(1e-13, a), 2 * kink)
        return sum(integrate.quad(inner, lo, hi, limit=200)[0] for lo, hi in ((0, kink), (kink, top)))

    low, high = stats.chi2.ppf([1e-12, 1 - 1e-12], b)
    price = integrate.quad(lambda v: given_mse(v) * stats.chi2.pdf(v, b), low, high, limit=200)[0] / (n * k)
    expected = mm.exact.pooling_error(k, n, tau2, 1, "known") + price
    assert mm.exact.pooling_error(k, n, tau2, 1) == pytest.approx(expected, rel=QUADRATURE)


def test_limits_and_order():
    k = np.array([2, 4, 10, 100])
    none, known, estimated, complete = (
        mm.exact.pooling_error(k, 5, 0.0, 2.0, how) for how in ("none", "known", "estimated", "complete")
    )
    np.testing.assert_allclose(known, complete)  # no groups to tell apart
    assert (known < estimated).all()
    assert (estimated < none).all()
    far = mm.exact.pooling_error(k, 5, 1e6, 2.0) / mm.exact.pooling_error(k, 5, 1e6, 2.0, "none")
    np.testing.assert_allclose(far, 1, atol=1e-3)
    # few groups that differ much: the estimated share loses, as the docstring says
    assert mm.exact.pooling_error(4, 5, 5, 1) > mm.exact.pooling_error(4, 5, 5, 1, "none")


def test_refusals_in_words():
    with pytest.raises(ValueError, match="pooling must be one of"):
        mm.exact.pooling_error(6, 5, 1, 1, "some")
    with pytest.raises(ValueError, match="n_groups must be finite and at least 2"):
        mm.exact.pooling_error(1, 5, 1, 1)
