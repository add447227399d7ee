"""Two conditions, a yes or no in each: the test of a logistic model with random intercepts, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmhelpers.exact.common import as_array, as_result


def paired_binary(up: ArrayLike, down: ArrayLike) -> Any:
    r"""p-value of a condition in a logistic model with random intercepts, one yes or no a subject and condition.

    The model is ``y ~ x + (1 | subject)`` with a Bernoulli response, tested by likelihood ratio.

    Parameters
    ----------
    up, down : int or array_like
        Subjects who say no in the first condition and yes in the second, and the other way round.

    Returns
    -------
    float or ndarray
        1 where nobody changes.

    Notes
    -----
    A data set is four counts of subjects, (no, no), (no, yes), (yes, no), (yes, yes), with three degrees of freedom.
    The model has three parameters, and fits the four counts exactly where the intercept variance is not
    estimated at zero (answers go together at least as often as by chance). Without the effect, it makes (no, yes)
    and (yes, no) equally likely and has two parameters for the rest. So the likelihood ratio is that of a fair coin
    thrown ``up + down`` times,

    .. math:: 2\left(u\log\frac{2u}{u+d} + d\log\frac{2d}{u+d}\right),

    McNemar's test in its likelihood ratio form.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> round(mm.exact.paired_binary(21, 9), 4)
    0.0263
    """
    from scipy import special

    u = as_array("up", up, 0, strict=False, integer=True)
    d = as_array("down", down, 0, strict=False, integer=True)
    u, d = np.broadcast_arrays(u, d)
    both = u + d
    ratio = 2 * (special.xlogy(u, u) + special.xlogy(d, d) - special.xlogy(both, both / 2))
    return as_result(special.chdtrc(1.0, np.maximum(ratio, 0.0)))
