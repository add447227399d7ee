"""Closed-form Bayes factors: against quadrature, simulation, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

import mmhelpers as mm

# adaptive quadrature of smooth functions
QUADRATURE = 1e-8
# a share from 200,000 draws has a standard error of at most 0.0011; five of them
SIMULATED = 0.0056


@pytest.mark.parametrize(("b", "s", "w"), [(6, 3, 10), (0, 1, 1), (-8, 2, 3), (2, 1, 100)])
def test_bayes_factor_is_a_ratio_of_two_integrals(b, s, w):
    top, _ = integrate.quad(
        lambda x: stats.norm.pdf(b, x, s) * stats.norm.pdf(x, 0, w), b - 12 * s, b + 12 * s, epsabs=1e-13
    )
    assert mm.exact.bayes_factor_normal(b, s, w) == pytest.approx(top / stats.norm.pdf(b, 0, s), rel=1e-7)


@pytest.mark.parametrize(("b", "s", "w"), [(6, 3, 10), (-1, 2, 0.5)])
def test_bayes_factor_is_the_savage_dickey_ratio(b, s, w):
    share = w**2 / (s**2 + w**2)
    posterior = stats.norm.pdf(0, share * b, np.sqrt(share) * s)
    assert mm.exact.bayes_factor_normal(b, s, w) == pytest.approx(stats.norm.pdf(0, 0, w) / posterior)


def test_no_width_is_no_evidence_and_too_much_width_is_evidence_for_nothing():
    assert mm.exact.bayes_factor_normal(6, 3, 0) == 1
    assert mm.exact.bayes_factor_normal(12, 3, 1e9) < 1e-4


@pytest.mark.parametrize(("b", "k"), [(0, 3), (0, 1 / 3), (10, 3), (4, 1), (0, 0.01)])
def test_rate_agrees_with_simulation(b, k):
    z = np.random.default_rng(7).normal(b, 3, 200_000)
    share = (mm.exact.bayes_factor_normal(z, 3, 10) > k).mean()
    assert mm.exact.bayes_factor_rate(b, 3, 10, k) == pytest.approx(share, abs=SIMULATED)


def test_under_the_null_a_bayes_factor_above_k_is_rarer_than_one_in_k():
    k = np.array([1.5, 3, 10, 30, 100])
    for w in (0.5, 3, 10, 100):
        assert np.all(mm.exact.bayes_factor_rate(0, 3, w, k) <= 1 / k)


def _evidence_by_quadrature(y, X, m, P, a, b):
    """p(y) = integral over the residual precision of a normal density."""
    V = np.eye(len(y)) + X @ np.linalg.solve(P, X.T)

    def at(q):
        density = stats.multivariate_normal.pdf(y, X @ m, V / q)
        return density * stats.gamma.pdf(q, a, scale=1 / b)

    return np.log(integrate.quad(at, 0, np.inf, epsabs=0, epsrel=1e-10, limit=400)[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_linear_evidence_agrees_with_quadrature(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(9), rng.normal(size=9)])
    y, m = rng.normal(1, 2, 9), rng.normal(size=2)
    half = rng.normal(size=(2, 2))
    P = half @ half.T + 0.1 * np.eye(2)
    found = mm.exact.log_evidence_linear(y, X, mean=m, precision=P, shape=2.5, rate=3.0)
    assert found == pytest.approx(_evidence_by_quadrature(y, X, m, P, 2.5, 3.0), abs=QUADRATURE * 100)


def test_evidence_of_nothing_added_up_is_evidence_at_once():
    """p(y1, y2) = p(y1) p(y2 | y1): with the second factor from the first one's posterior."""
    y, X = np.array([1.0, 2.5, 0.5, 3.0]), np.column_stack([np.ones(4), np.arange(4.0)])
    P, m, a, b = np.eye(2), np.zeros(2), 2.0, 1.0
    Pn = P + X[:2].T @ X[:2]
    mn = np.linalg.solve(Pn, P @ m + X[:2].T @ y[:2])
    bn = b + (y[:2] @ y[:2] + m @ P @ m - mn @ Pn @ mn) / 2
    first = mm.exact.log_evidence_linear(y[:2], X[:2], mean=m, precision=P, shape=a, rate=b)
    second = mm.exact.log_evidence_linear(y[2:], X[2:], mean=mn, precision=Pn, shape=a + 1, rate=bn)
    whole = mm.exact.log_evidence_linear(y, X, mean=m, precision=P, shape=a, rate=b)
    assert first + second == pytest.approx(whole, abs=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mm.exact.bayes_factor_normal(1, 0, 1), "se must be"),
        (lambda: mm.exact.bayes_factor_normal(1, 1, -1), "prior_sd must be"),
        (lambda: mm.exact.bayes_factor_rate(0, 1, 0, 3), "prior_sd must be"),
        (lambda: mm.exact.log_evidence_linear([1, 2], [[1.0]], mean=[0], precision=[[1]], shape=1, rate=1), "a row"),
        (lambda: mm.exact.log_evidence_linear([1], [[1.0]], mean=[0], precision=[[0]], shape=1, rate=1), "flat prior"),
        (lambda: mm.exact.log_evidence_linear([1], [[1.0]], mean=[0, 1], precision=[[1]], shape=1, rate=1), "mean must"),
    ],
)  # fmt: skip
def test_refuses_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
