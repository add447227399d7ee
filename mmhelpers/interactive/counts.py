"""Counts to move: what more variance than Poisson's looks like, and what it does to a Poisson model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhelpers.plots.style import COLOURS

from .build import control, over_grid
from .look import empty, legend, line
from .record import Frame, Interactive

__all__ = ["explore_overdispersion"]


def explore_overdispersion(
    means: Sequence[int] = (2, 5, 10), factors: Sequence[float] = (1, 1.25, 1.5, 2, 3, 4, 5)
) -> Interactive:
    r"""Move the mean of a count and its variance over the mean, and see what a Poisson model makes of it.

    The counts are negative binomial with the variance :math:`\phi\mu`. A Poisson model takes the variance to be
    :math:`\mu`: its standard errors are too short by :math:`\sqrt\phi`.

    Parameters
    ----------
    means : sequence of int
    factors : sequence of float
        Variance over mean, from 1 on.

    Returns
    -------
    Interactive

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.explore_overdispersion().frame(5, 3).text.split(";")[0])
    The variance is 3 times the mean
    """
    from scipy.stats import nbinom, norm, poisson

    most = 3 * max(means)
    x = np.arange(most + 1)
    picture = empty("count", "share of the counts", (-0.5, most + 0.5), (0, 0.48))
    line(picture, "Poisson", "Poisson, same mean", COLOURS[1], "dashed")
    line(picture, "counts", "the counts", COLOURS[0])
    from bokeh.models import ColumnDataSource

    spikes = ColumnDataSource({}, name="spikes")
    picture.vbar(
        x="x", top="y", width=0.5, source=spikes, fill_color=COLOURS[0], fill_alpha=0.35, line_color=None
    )
    legend(picture)

    def frame(mean: int, phi: float) -> Frame:
        plain = poisson.pmf(x, mean)
        share = plain if phi == 1 else nbinom.pmf(x, mean / (phi - 1), 1 / phi)
        zero, expected = float(share[0]), float(plain[0])
        covered = float(1 - 2 * norm.sf(norm.isf(0.025) / np.sqrt(phi)))
        text = (
            f"The variance is {phi:g} times the mean; {100 * zero:.1f}% of the counts are zero where Poisson expects "
            f"{100 * expected:.1f}%. The Poisson model's standard errors are to be multiplied by {np.sqrt(phi):.2f}: its 95% "
            f"intervals hold the truth in about {100 * covered:.0f}% of large samples."
        )
        columns = {"x": x.tolist(), "y": share.round(6).tolist()}
        return Frame(
            {
                "counts": columns,
                "spikes": columns,
                "Poisson": {"x": x.tolist(), "y": plain.round(6).tolist()},
            },
            text,
        )

    return over_grid(
        "overdispersion",
        "Shares of counts with more variance than Poisson's beside those of a Poisson distribution of the same mean: more "
        "zeros, more large counts, fewer in the middle.",
        picture,
        [control("mean", means, 5), control("variance over mean", factors, 1)],
        frame,
    )
