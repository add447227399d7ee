"""R2 and ICC of counts: the formulas written out."""

import numpy as np
import pytest

import mmhelpers as mm


def view_of(family: str, size: float = np.nan) -> mm.FitView:
    """Four rows in two groups, b ~ N(0, 0.5), without an engine."""
    from mmhelpers.adapters import RandomTerm
    from mmhelpers.adapters.families import Family

    X = np.column_stack([np.ones(4), [0.0, 1, 0, 1]])
    beta = np.array([1.0, 0.4])
    term = RandomTerm(
        "g",
        ("a", "b"),
        np.array([0, 0, 1, 1]),
        ("(Intercept)",),
        np.ones((4, 1)),
        np.array([[0.5]]),
        np.zeros((2, 1)),
    )
    mu = np.exp(X @ beta)
    return mm.FitView(
        "by hand", "y", np.ones(4), mu, mu, X, ("(Intercept)", "x"), beta, np.eye(2), (term,),
        Family(family, "log", size=size), np.ones(4), np.zeros(4),
    )  # fmt: skip


@pytest.mark.parametrize(("family", "size"), [("poisson", np.nan), ("negative binomial", 2.0)])
def test_counts_by_the_formula(family, size):
    """Nakagawa, Johnson & Schielzeth (2017), table 1: log(1 + 1 / mean + 1 / size)."""
    seen = view_of(family, size)
    extra = 1 / size if np.isfinite(size) else 0.0
    fixed = np.var(seen.X @ seen.beta, ddof=1)
    for mean in (3.0, None):
        at = mean or np.exp(seen.X @ seen.beta + 0.25).mean()
        error = np.log1p(1 / at + extra)
        total = fixed + 0.5 + error
        np.testing.assert_allclose(mm.r2(seen, mean=mean), [fixed / total, (fixed + 0.5) / total])
        assert mm.icc(seen, mean=mean)["icc"].iloc[0] == pytest.approx(0.5 / (0.5 + error))


def test_a_mean_that_no_count_has_is_refused():
    for share in (mm.r2, mm.icc):
        with pytest.raises(ValueError, match="mean is -1"):
            share(view_of("poisson"), mean=-1)  # type: ignore[operator]
