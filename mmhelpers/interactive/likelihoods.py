"""Likelihoods to move: ML against REML, the profiled deviance over theta, and a prior where there is no maximum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.plots.style import COLOURS, INK
from mmhelpers.reference import profiled_criterion
from mmhelpers.results import Matrices

from .build import control, number, over_grid
from .look import empty, legend, line
from .record import Frame, Interactive

__all__ = ["explore_deviance", "explore_prior", "explore_reml"]

THETAS = (*(round(0.1 * step, 1) for step in range(26)),)

Floats = NDArray[np.float64]


def explore_reml(
    sizes: Sequence[int] = (6, 10, 20, 50, 100), coefficients: Sequence[int] = (1, 2, 3, 4, 5)
) -> Interactive:
    r"""Move observations and coefficients, and see where the estimates of a variance by ML and by REML fall.

    For a linear model with independent normal residuals both are known exactly: the residual sum of squares over
    :math:`\sigma^2` is chi-squared with n - p degrees of freedom; ML divides it by n, REML by n - p.

    Parameters
    ----------
    sizes : sequence of int
        Observations, n.
    coefficients : sequence of int
        Coefficients, p, fewer than the observations.

    Returns
    -------
    Interactive

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.explore_reml().frame(10, 4).text.split(":")[0])
    On average ML finds 60% of the variance, REML 100%
    """
    from scipy.stats import chi2

    x = np.linspace(0, 2.5, 126)
    picture = empty("estimated variance / true variance", "density", (0, 2.5), (0, 3.2))
    for name, colour in (("ML", COLOURS[1]), ("REML", COLOURS[0])):
        line(picture, name, name, colour)
        line(picture, f"mean {name}", f"average of {name}", colour, "dashed")
    legend(picture)

    def frame(n: int, p: int) -> Frame:
        sources: dict[str, dict[str, list[float]]] = {}
        for name, divisor in (("ML", n), ("REML", n - p)):
            height = chi2.pdf(x * divisor, n - p) * divisor
            average = (n - p) / divisor
            # a density that rises without end at zero is cut where the picture ends
            sources[name] = {
                "x": x.tolist(),
                "y": np.minimum(np.nan_to_num(height, posinf=9.9), 9.9).round(6).tolist(),
            }
            sources[f"mean {name}"] = {"x": [average, average], "y": [0.0, 3.2]}
        below = float(chi2.cdf(n, n - p))
        text = (
            f"On average ML finds {100 * (n - p) / n:.0f}% of the variance, REML 100%: n − p is {n - p}. "
            f"ML is too small in {100 * below:.0f}% of the studies, REML in {100 * float(chi2.cdf(n - p, n - p)):.0f}%."
        )
        return Frame(sources, text)

    return over_grid(
        "reml",
        "Densities of the variance estimated by ML and by REML, over the true one. With few observations for each "
        "coefficient the curve of ML lies to the left, and its average below 1.",
        picture,
        [control("observations n", sizes, 10), control("coefficients p", coefficients, 1)],
        frame,
    )


def explore_deviance(matrices: Matrices, thetas: Sequence[float] = THETAS) -> Interactive:
    r"""Move theta along the profiled deviance, and see the two terms that it is the sum of.

    Parameters
    ----------
    matrices : Matrices
        Of a model with one theta, with its response.
    thetas : sequence of float

    Returns
    -------
    Interactive

    Raises
    ------
    ValueError
        If the model has more than one theta, or no response.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> dye = mm.build_matrices("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"))
    >>> [c.label for c in mm.explore_deviance(dye).controls]
    ['theta', 'criterion']
    """
    if matrices.n_theta != 1 or matrices.y is None:
        raise ValueError(
            f"matrices: a model with one theta and a response is wanted, not {matrices.formula!r}"
        )
    fine = np.linspace(min(thetas), max(thetas), 51)
    curves = {name: _terms(matrices, fine, name == "REML") for name in ("ML", "REML")}
    at = {name: _terms(matrices, np.array(thetas, dtype=float), name == "REML") for name in ("ML", "REML")}
    values = np.concatenate([v - v[0] for terms in curves.values() for v in terms.values()])
    room = 0.08 * float(np.ptp(values))
    picture = empty(
        "theta",
        "change from the left end",
        (min(thetas), max(thetas)),
        (values.min() - room, values.max() + room),
    )
    looks = (("room", COLOURS[1], "dashed"), ("misfit", COLOURS[2], "dotdash"), ("sum", COLOURS[0], "solid"))
    for name, colour, dash in looks:
        line(picture, name, name, colour, dash)
    from bokeh.models import ColumnDataSource

    here = ColumnDataSource({}, name="here")
    picture.scatter("x", "y", source=here, color=INK, size=10)
    legend(picture)

    def frame(theta: float, criterion: str) -> Frame:
        terms, mine = curves[criterion], at[criterion]
        i = list(thetas).index(theta)
        change = {name: float(v[i] - terms[name][0]) for name, v in mine.items()}
        lowest = float(fine[np.argmin(terms["sum"])])
        sources = {name: {"x": fine.tolist(), "y": (v - v[0]).round(3).tolist()} for name, v in terms.items()}
        sources["here"] = {
            "x": [theta] * 3,
            "y": [round(change[name], 3) for name in ("room", "misfit", "sum")],
        }
        text = (
            f"At theta {theta:g} the price of room is {number(change['room'], '.2f')}, the misfit has changed by "
            f"{number(change['misfit'], '.2f')}, and the sum by {number(change['sum'], '.2f')}. "
            f"The sum is lowest near {lowest:.2f}."
        )
        return Frame(sources, text)

    return over_grid(
        "deviance",
        "The profiled deviance over theta as the sum of two curves: the price of room rises with theta, the misfit falls, "
        "and their sum has its lowest point where the two slopes cancel.",
        picture,
        [control("theta", thetas, 0.0), control("criterion", ("ML", "REML"), "ML")],
        frame,
    )


def _terms(matrices: Matrices, thetas: Floats, reml: bool) -> dict[str, Floats]:
    """Return log determinants, misfit and their sum at each theta."""
    df = matrices.n - (matrices.p if reml else 0)
    total, misfit = [], []
    for theta in thetas:
        found = profiled_criterion(matrices, [theta], reml=reml)
        total.append(found.criterion)
        misfit.append(df * np.log(found.pwrss))
    whole, part = np.array(total), np.array(misfit)
    return {"room": whole - part, "misfit": part, "sum": whole}


def explore_prior(
    n: int,
    reference: tuple[int, int],
    successes: Sequence[int] = (0, 1, 2, 3),
    prior_sds: Sequence[float] = (0.5, 1, 2.5, 5, 10, 25),
) -> Interactive:
    """Move the successes of a small group and the width of a prior, and see what is left of a runaway estimate.

    The parameter is the log odds ratio of the group against a reference group. Its likelihood is averaged over the
    reference group's logit (with a flat prior); its own prior is normal around zero.

    Parameters
    ----------
    n : int
        Trials in the small group.
    reference : tuple of int
        Successes and trials in the reference group; neither none nor all may be successes.
    successes : sequence of int
        In the small group.
    prior_sds : sequence of float
        Standard deviations of the prior.

    Returns
    -------
    Interactive

    Raises
    ------
    ValueError
        If the reference group has no success or no failure.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.explore_prior(7, (11, 19)).frame(0, 2.5).text.split(".")[0])
    0 of 7: the likelihood has no top, it rises to the left without end
    """
    hits, trials = reference
    if not 0 < hits < trials:
        raise ValueError(
            f"reference: {hits} of {trials} leaves its own logit without a maximum; take another group"
        )
    wide = np.linspace(-150, 40, 7601)  # of the log odds ratio; the picture shows a part
    logit = np.linspace(-6, 6, 241)
    shown = np.flatnonzero((wide >= -10) & (wide <= 4))[::4]
    picture = empty("log odds ratio", "height (highest point 1)", (-10, 4), (0, 1.08))
    looks = (
        ("likelihood", COLOURS[1], "solid"),
        ("prior", COLOURS[2], "dashed"),
        ("posterior", COLOURS[0], "solid"),
    )
    for name, colour, dash in looks:
        line(picture, name, name, colour, dash)
    legend(picture)
    likelihoods = {k: _likelihood(k, n, hits, trials, wide, logit) for k in successes}

    def frame(k: int, sd: float) -> Frame:
        likelihood = likelihoods[k]
        prior = np.exp(-0.5 * (wide / sd) ** 2)
        posterior = likelihood * prior
        share = np.cumsum(posterior) / posterior.sum()
        low, middle, high = (float(np.interp(q, share, wide)) for q in (0.025, 0.5, 0.975))
        heights = {"likelihood": likelihood, "prior": prior, "posterior": posterior}
        sources = {
            name: {"x": wide[shown].round(3).tolist(), "y": (h[shown] / h[shown].max()).round(5).tolist()}
            for name, h in heights.items()
        }
        top = (
            "the likelihood has no top, it rises to the left without end"
            if k == 0
            else f"the likelihood is highest near {number(float(wide[np.argmax(likelihood)]))}"
        )
        text = (
            f"{k} of {n}: {top}. With a prior of SD {sd:g} the posterior median is {number(middle)}, "
            f"the 95% interval reaches from {number(low)} to {number(high)}."
        )
        return Frame(sources, text)

    return over_grid(
        "prior",
        "Likelihood, prior and posterior of a log odds ratio. With no success in the small group the likelihood rises to the "
        "left without end; the posterior has a top as soon as there is a prior, and where it is depends on the prior.",
        picture,
        [control(f"successes of {n}", successes, successes[0]), control("SD of the prior", prior_sds, 2.5)],
        frame,
    )


def _likelihood(k: int, n: int, hits: int, trials: int, ratio: Floats, logit: Floats) -> Floats:
    """Likelihood of the log odds ratio, averaged over the reference group's logit; its highest value is 1."""

    def binomial(successes: int, size: int, eta: Floats) -> Any:
        return np.exp(successes * eta - size * np.logaddexp(0.0, eta))

    weight = binomial(hits, trials, logit)
    found = np.array([(weight * binomial(k, n, logit + delta)).sum() for delta in ratio])
    return np.asarray(found / found.max())
