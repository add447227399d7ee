"""Many loci at once: against quadrature, against a general optimiser, and against draws; the plain sampler."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import mmhelpers as mm

#: numerical optimisation of the same function by another route: rounding and its stopping rule
OPTIMISER = 2e-3
#: Laplace's approximation against quadrature, six groups of 15: about a hundredth of a log-likelihood unit each
LAPLACE = 0.1


@pytest.fixture(scope="module")
def design():
    group = np.repeat(np.arange(6), 4)
    treated = np.repeat([0.0, 1.0], 12)
    return group, np.column_stack([np.ones(24), treated])


@pytest.fixture(scope="module")
def data(design):
    group, X = design
    rng = np.random.default_rng(3)
    n = rng.integers(6, 25, (4, 24))
    eta = X @ [0.3, 0.8] + rng.normal(0, 0.5, (4, 6))[:, group] + rng.normal(0, 0.5, (4, 24))
    y = rng.binomial(n, 1 / (1 + np.exp(-eta)))
    y[1, 12:] = 0  # separated
    y[2] = n[2]  # all of it
    return y, n


def minus_log_posterior_of(psi, y, n, X, group, scale=2.5):
    """Laplace's approximation by its definition: a general optimiser, and the determinant of a full matrix."""
    p_ = X.shape[1]
    beta, su, sv = psi[:p_], np.exp(psi[p_]), np.exp(psi[p_ + 1])
    Z = np.column_stack([su * np.eye(group.max() + 1)[group], sv * np.eye(len(y))])

    def joint(b):
        eta = X @ beta + Z @ b
        p = 1 / (1 + np.exp(-eta))
        return -(y @ eta - n @ np.logaddexp(0, eta)) + b @ b / 2, -Z.T @ (y - n * p) + b

    best = optimize.minimize(joint, np.zeros(Z.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
    p = 1 / (1 + np.exp(-(X @ beta + Z @ best.x)))
    H = Z.T @ (Z * (n * p * (1 - p))[:, None]) + np.eye(Z.shape[1])
    prior = stats.t.logpdf(beta / scale, 7).sum() + stats.halfnorm.logpdf([su, sv]).sum() + psi[2] + psi[3]
    return best.fun + np.linalg.slogdet(H)[1] / 2 - prior


def test_the_maximum_is_that_of_a_general_optimiser(design, data):
    locus = 1  # the separated one
    group, X = design
    y, n = data
    fits = mm.fit_loci(y, n, X, group)
    here = np.r_[fits.beta[locus], np.log([fits.sd_group[locus], fits.sd_row[locus]])]
    args = (y[locus].astype(float), n[locus].astype(float), X, group)
    other = optimize.minimize(minus_log_posterior_of, here + 0.05, args=args, method="Nelder-Mead",
                              options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 500})  # fmt: skip
    assert other.x == pytest.approx(here, abs=OPTIMISER)


def test_standard_errors_are_the_curvature(design, data):
    group, X = design
    y, n = data
    fits = mm.fit_loci(y, n, X, group)
    here = np.r_[fits.beta[0], np.log([fits.sd_group[0], fits.sd_row[0]])]
    args = (y[0].astype(float), n[0].astype(float), X, group)
    H, h = np.empty((4, 4)), 0.01
    for i in range(4):
        for j in range(4):
            e, f = h * np.eye(4)[i], h * np.eye(4)[j]
            H[i, j] = (minus_log_posterior_of(here + e + f, *args) - minus_log_posterior_of(here + e - f, *args)
                       - minus_log_posterior_of(here - e + f, *args) + minus_log_posterior_of(here - e - f, *args)
                       ) / (4 * h * h)  # fmt: skip
    assert fits.vcov[0] == pytest.approx(np.linalg.inv(H)[:2, :2], rel=0.02, abs=1e-3)


def test_laplace_is_near_quadrature():
    """One row a group: the likelihood is a product of one-dimensional integrals."""
    y, n = np.array([3.0, 9, 12, 5, 8, 2]), np.full(6, 15.0)
    one = mm.loci.penalised._Laplace(
        y[None], n[None], np.ones((6, 1)), np.eye(6), rows=False, scale=2.5, df=7, sd=1
    )
    t, w = np.polynomial.hermite_e.hermegauss(60)
    for beta, sd in ((0.0, 0.7), (0.5, 1.2)):
        eta = beta + sd * t
        inside = y[:, None] * eta - n[:, None] * np.logaddexp(0, eta)
        exact = np.log(np.exp(inside) @ (w / w.sum())).sum()
        psi = np.array([[beta, np.log(sd)]])
        assert (one.value(psi) - one.prior(psi))[0] == pytest.approx(exact, abs=LAPLACE)


def test_every_locus_alone_is_what_it_is_among_others(design, data):
    group, X = design
    y, n = data
    together = mm.fit_loci(y, n, X, group)
    assert together.converged.all()
    for k in range(len(y)):
        alone = mm.fit_loci(y[k], n[k], X, group)
        assert alone.beta[0] == pytest.approx(together.beta[k], abs=1e-4)
        assert alone.vcov[0] == pytest.approx(together.vcov[k], rel=1e-2, abs=1e-4)


def test_turned_round_it_is_the_same(design, data):
    group, X = design
    y, n = data
    a, b = mm.fit_loci(y, n, X, group), mm.fit_loci(n - y, n, X, group)
    assert a.beta == pytest.approx(-b.beta, abs=1e-4)
    assert a.sd_row == pytest.approx(b.sd_row, abs=1e-3)


def test_a_wider_prior_lets_a_separated_estimate_go_further(design, data):
    group, X = design
    y, n = data
    found = [mm.fit_loci(y[1], n[1], X, group, scale=s).contrast([0, 1]) for s in (1.0, 2.5, 10.0)]
    effects = [float(f["estimate"].iloc[0]) for f in found]
    assert effects[0] > effects[1] > effects[2]
    assert all(np.isfinite(f.to_numpy()).all() for f in found)


def test_without_a_row_effect(design, data):
    group, X = design
    y, n = data
    fits = mm.fit_loci(y, n, X, group, row_effect=False)
    assert np.isnan(fits.sd_row).all()
    assert fits.converged.all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda y, n, X, g: (y + 100, n, X, g), "between 0 and n"),
        (lambda y, n, X, g: (y, n[:2], X, g), "same loci and rows"),
        (lambda y, n, X, g: (y, n, X[:5], g), "a row for each"),
        (lambda y, n, X, g: (y * np.nan, n, X, g), "missing values"),
    ],
)
def test_bad_input_is_named(design, data, change, says):
    group, X = design
    y, n = data
    with pytest.raises(ValueError, match=says):
        mm.fit_loci(*change(y, n, X, group))


def test_weights_of_the_wrong_length(design, data):
    group, X = design
    with pytest.raises(ValueError, match="2 numbers"):
        mm.fit_loci(*data, X, group).contrast([1.0])


def test_the_posterior_density_is_the_sum_of_its_parts(design, data):
    group, X = design
    y, n = data
    one = mm.LocusPosterior(y[0].astype(float), n[0].astype(float), X, group)

    def by_scipy(x):
        beta, sd, u, v = x[:2], np.exp(x[2:4]), x[4:10], x[10:]
        p = 1 / (1 + np.exp(-(X @ beta + sd[0] * u[group] + sd[1] * v)))
        return (
            stats.binom.logpmf(y[0], n[0], p).sum()
            + stats.t.logpdf(beta / 2.5, 7).sum()
            + stats.halfnorm.logpdf(sd).sum()
            + x[2:4].sum()
            + stats.norm.logpdf(x[4:]).sum()
        )

    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, one.size)) * 0.5
    assert one.size == 34
    assert one(a) - one(b) == pytest.approx(by_scipy(a) - by_scipy(b))


def test_metropolis_finds_a_known_distribution():
    sd = np.array([1.0, 2.0])
    draws, accepted = mm.metropolis(
        lambda x: float(-((x / sd) ** 2).sum() / 2), [3.0, -3.0], 60_000, 4000, np.random.default_rng(2)
    )
    assert 0.15 < accepted < 0.35
    assert draws.std(0) == pytest.approx(sd, rel=0.06)
    assert draws.mean(0) == pytest.approx([0, 0], abs=0.12)


def test_metropolis_is_reproducible():
    a, _ = mm.metropolis(lambda x: float(-x @ x / 2), [0.0], 50, 10, np.random.default_rng(1))
    b, _ = mm.metropolis(lambda x: float(-x @ x / 2), [0.0], 50, 10, np.random.default_rng(1))
    assert (a == b).all()
