"""The closed form of a logistic model with random intercepts, against a fit of it by quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

import mmhelpers as mm

# Maximum likelihood by 80-point Gauss-Hermite quadrature: the quadrature's own error for intercepts of this spread.
ATOL = 1e-4


def deviance(counts, effect):
    """-2 log-likelihood of y ~ x + (1 | subject) at its maximum, from (no, no), (no, yes), (yes, no), (yes, yes)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def value(par):
        intercept, log_sd = par[0], par[1]
        slope = par[2] if effect else 0.0
        first = special.expit(intercept + np.exp(log_sd) * nodes)
        second = special.expit(intercept + slope + np.exp(log_sd) * nodes)
        cells = [
            (1 - first) * (1 - second), (1 - first) * second, first * (1 - second), first * second,
        ]  # fmt: skip
        p = np.array([weights @ cell for cell in cells])
        return -2 * special.xlogy(counts, p).sum()

    starts = ([0.0, 0.0, 0.0], [0.5, -2.0, 0.2], [-0.5, 1.0, -0.2])
    found = [
        optimize.minimize(value, s[: 2 + effect], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000})
        for s in starts
    ]  # fmt: skip
    return min(f.fun for f in found)


@pytest.mark.parametrize("counts", [(20, 21, 9, 50), (35, 12, 14, 39), (10, 18, 17, 70), (30, 5, 15, 20)])
def test_likelihood_ratio_is_mcnemars(counts):
    n00, up, down, n11 = counts
    assert n00 * n11 > up * down  # answers go together: the intercept variance is above zero
    by_fit = deviance(np.array(counts), False) - deviance(np.array(counts), True)
    assert abs(mm.exact.paired_binary(up, down) - stats.chi2.sf(by_fit, 1)) < ATOL


def test_where_answers_repel_each_other_the_closed_form_is_not_the_fit():
    counts = np.array([5, 40, 25, 30])
    by_fit = deviance(counts, False) - deviance(counts, True)
    assert abs(mm.exact.paired_binary(40, 25) - stats.chi2.sf(by_fit, 1)) > 0.005


def test_nobody_changes_and_arrays():
    assert mm.exact.paired_binary(0, 0) == 1.0
    p = mm.exact.paired_binary([3, 9], [9, 3])
    assert p[0] == p[1] == pytest.approx(stats.chi2.sf(2 * (3 * np.log(0.5) + 9 * np.log(1.5)), 1))


def test_only_counts():
    with pytest.raises(ValueError, match="up must be a whole number"):
        mm.exact.paired_binary(0.5, 1)
    with pytest.raises(ValueError, match="down must be finite and at least 0"):
        mm.exact.paired_binary(1, -1)
