"""Exercises of chapter 5_bayes/02_methylation: right answers by two routes, wrong ones by their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from test_loci import minus_log_posterior_of

import mmhelpers as mm



def hint(exercise: str, answer: object) -> str:
    """Return what a wrong answer is told, and make sure it is not what any wrong answer is told."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    other = mm.check_answer(exercise, 123456.0 if not isinstance(answer, list) else [9] * len(answer))
    assert verdict.message != other.message
    return verdict.message


def runs_off(columns: list[int], cell: int) -> int:
    """How many coefficients change without bound when the probability of one cell goes to zero."""
    rows = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], float)[:, columns]
    shares = np.array([0.4, 0.5, 0.6, 0.3])

    def estimate(p: float) -> np.ndarray:
        y = shares.copy()
        y[cell] = p
        beta = np.zeros(len(columns))
        for _ in range(60):  # Newton, equal numbers of reads
            fitted = special.expit(rows @ beta)
            W = fitted * (1 - fitted)
            beta = beta + np.linalg.solve(rows.T @ (rows * W[:, None]), rows.T @ (y - fitted))
        return beta

    return int((np.abs(estimate(1e-6) - estimate(1e-4)) > 1).sum())


def test_which_coefficients_run_off():
    full = [0, 1, 2, 3]
    by_limit = [runs_off(full, cell) for cell in (3, 1, 0)] + [runs_off([0, 1, 2], 3)]
    assert by_limit == [1, 2, 4, 0]
    assert mm.check_answer("methylation-1", by_limit)
    hint("methylation-1", [1, 1, 1, 0])
    assert "(d)" in hint("methylation-1", [1, 2, 4, 1])
    assert "(b)" in hint("methylation-1", [1, 1, 4, 0])
    assert "(c)" in hint("methylation-1", [1, 2, 3, 0])
    assert "(a)" in hint("methylation-1", [2, 2, 4, 0])


def test_none_of_sixty():
    by_formula = 1 - np.exp(-1.92 / 60)
    by_root = optimize.brentq(lambda p: 60 * np.log1p(-p) + 1.92, 1e-6, 0.5)
    assert by_formula == pytest.approx(by_root)
    for value in (by_formula, 0.031, 0.032, 1 - np.exp(-1.9207 / 60)):
        assert mm.check_answer("methylation-2", value)
    assert "rule of three" in hint("methylation-2", 1 - 0.05 ** (1 / 60))
    assert "rule of three" in hint("methylation-2", 3 / 60)
    hint("methylation-2", 1 - np.exp(-3.84 / 60))
    hint("methylation-2", special.logit(by_formula))
    hint("methylation-2", 0.0)


@pytest.fixture(scope="module")
def l11():
    data = mm.load("methylation")
    one = data[data["locus"] == "L11"]
    exposed = (one["treatment"] == "exposed").to_numpy(float)
    late = (one["time"] == "late").to_numpy(float)
    X = np.column_stack([np.ones(48), exposed, late, exposed * late])
    y, n = one["methylated"].to_numpy(float), one["reads"].to_numpy(float)
    return y, n, X, one["tank"].cat.codes.to_numpy()


def test_the_mirror_image(l11):
    fits = mm.fit_loci(*l11)
    found = fits.contrast([0, 1, 0, 1]).iloc[0]
    psi = np.r_[fits.beta[0], np.log([fits.sd_group[0], fits.sd_row[0]])]

    H, h = np.empty((6, 6)), 0.02  # another route to the standard error: Laplace by its definition, whole Hessian
    for i in range(6):
        for k in range(i + 1):
            e, f = h * np.eye(6)[i], h * np.eye(6)[k]
            corners = [minus_log_posterior_of(psi + s * e + t * f, *l11) for s in (1, -1) for t in (1, -1)]
            H[i, k] = H[k, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h * h)
    weights = np.array([0, 1, 0, 1, 0, 0.0])
    lower = float(found["estimate"]) - 1.96 * np.sqrt(weights @ np.linalg.inv(H) @ weights)
    assert lower == pytest.approx(found["lower"], abs=0.06)
    for value in (found["lower"], round(found["lower"], 1)):
        assert mm.check_answer("methylation-3", value)
    hint("methylation-3", fits.contrast([0, 0, 0, 1])["lower"].iloc[0])
    hint("methylation-3", mm.fit_loci(*l11, row_effect=False).contrast([0, 1, 0, 1])["lower"].iloc[0])
    hint("methylation-3", found["estimate"])
    hint("methylation-3", found["upper"])


def test_kinds_of_salamander():
    data = mm.load("Salamanders")
    data["seen"] = (data["count"] > 0).astype(int)
    visits = data.pivot_table(
        index="spp", columns="site", values="seen", aggfunc=["sum", "size"], observed=True
    )
    mined = data.groupby("site", observed=True)["mined"].first().loc[visits["sum"].columns]
    X = np.column_stack([np.ones(23), (mined == "no").to_numpy(float)])
    sites = visits["sum"].columns
    y, n = visits["sum"].to_numpy(float), visits["size"].to_numpy(float)
    fits = mm.fit_loci(y, n, X, sites, row_effect=False)
    effects = fits.contrast([0, 1])
    largest = int(effects["estimate"].argmax())
    assert visits["sum"].index[largest] == "GP"

    t, w = np.polynomial.hermite_e.hermegauss(40)  # the integral by quadrature, not by Laplace

    def minus(psi: np.ndarray) -> float:
        eta = (X @ psi[:2])[:, None] + np.exp(psi[2]) * t
        inside = y[largest][:, None] * eta - n[largest][:, None] * np.logaddexp(0, eta)
        likelihood = np.log(np.exp(inside) @ (w / w.sum())).sum()
        prior = -4 * np.log1p((psi[:2] / 2.5) ** 2 / 7).sum() + psi[2] - np.exp(2 * psi[2]) / 2
        return -float(likelihood + prior)

    exact = optimize.minimize(minus, [0.0, 1.0, -0.5], method="BFGS").x[1]
    assert exact == pytest.approx(effects["estimate"][largest], abs=0.06)
    for value in (effects["estimate"].max(), round(effects["estimate"].max(), 1)):
        assert mm.check_answer("methylation-4", value)
    hint("methylation-4", mm.fit_loci(y, n, X, sites).contrast([0, 1])["estimate"].max())
    hint("methylation-4", effects["se"][largest])
    hint("methylation-4", np.exp(effects["estimate"].max()))
    far = mm.fit_loci(y, n, X, sites, row_effect=False, scale=1e6).contrast([0, 1])["estimate"].max()
    hint("methylation-4", far)
    assert "5.2" in mm.check_answer("methylation-4", exact).message
    assert far == pytest.approx(5.2, abs=0.05)
