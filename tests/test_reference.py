"""The oracle itself: against the normal density written out, and against published criteria."""

from __future__ import annotations

import numpy as np
import pytest

import mmhelpers as mm

TOL = 1e-9  # two formulas for the same number, in double precision


def _density(matrices, theta, y, reml):
    """-2 log likelihood from the n x n covariance matrix, maximised over beta and sigma by hand."""
    Z, Lam = matrices.Z().toarray(), matrices.Lambda(theta).toarray()
    W = Z @ Lam @ Lam.T @ Z.T + np.eye(matrices.n)
    X, n, p = matrices.X, matrices.n, matrices.p
    Wi = np.linalg.inv(W)
    beta = np.linalg.solve(X.T @ Wi @ X, X.T @ Wi @ y)
    e = y - X @ beta
    m = n - p if reml else n
    sigma2 = e @ Wi @ e / m
    value = np.linalg.slogdet(W)[1] + m * np.log(2 * np.pi * sigma2) + m
    return (value + np.linalg.slogdet(X.T @ Wi @ X)[1] if reml else value), beta, sigma2**0.5


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("formula", "theta"),
    [
        ("y ~ day + (day | subject)", [0.8, -0.3, 0.5]),
        ("y ~ day + (1 | subject) + (1 | day)", [0.7, 0.0]),
        ("y ~ 1 + (1 | subject)", [3.0]),
    ],
)
def test_four_steps_equal_the_normal_density(formula, theta, reml):
    data = mm.cross(subject=4, day=range(5)).data
    matrices = mm.build_matrices(formula, data, response=False)
    y = 100 + np.random.default_rng(3).normal(size=20)
    ours = mm.profiled_criterion(matrices, theta, y, reml)
    value, beta, sigma = _density(matrices, np.array(theta), y, reml)
    assert ours.criterion == pytest.approx(value, abs=TOL)
    assert ours.beta == pytest.approx(beta, abs=1e-8)
    assert ours.sigma == pytest.approx(sigma, rel=1e-10)


def test_lme4s_optimum_of_sleepstudy():
    matrices = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    theta = [0.96673279, 0.01516906, 0.23090960]  # getME(fm1, "theta"), lme4 1.1-31
    fit = mm.profiled_criterion(matrices, theta)
    assert fit.criterion == pytest.approx(1743.628271, abs=1e-5)
    assert fit.beta == pytest.approx([251.405105, 10.467286], abs=1e-5)
    assert fit.b[:2] == pytest.approx([2.2585509, 9.1989758], abs=1e-4)


def test_minimum_is_not_above_lme4s():
    matrices = mm.build_matrices("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))
    _, fit = mm.minimise_criterion(matrices)
    assert fit.criterion < 1743.628271 + 1e-5


def test_no_response_is_an_error():
    matrices = mm.build_matrices("y ~ 1 + (1 | g)", mm.cross(g=3, i=4).data, response=False)
    with pytest.raises(ValueError, match="pass y"):
        mm.profiled_criterion(matrices, [1.0])
