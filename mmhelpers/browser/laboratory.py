"""The Type I error laboratory: one grouping factor, a covariate within groups, two models; with NumPy and SciPy alone.

It draws the data sets that `mmhelpers.type1` draws from the same seed and fits them with the same engine. Only what
stands around is missing (formulas, tables), and with it pandas and formulae: a browser would have to load
them first. `Setting.code` gives the lines that do the same with `mmhelpers.type1`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmhelpers.engine.batch import fit_matrices
from mmhelpers.engine.satterthwaite import contrast_df
from mmhelpers.results import Matrices, Term
from mmhelpers.simulation.covariance import factor_of
from mmhelpers.simulation.draw import draw
from mmhelpers.simulation.families import Gaussian
from mmhelpers.simulation.streams import cell_seed
from mmhelpers.simulation.truth import Bound

Floats = NDArray[np.float64]

#: Labels of the two models, and their formulas.
MODELS = {"slope-less": "y ~ x + (1 | group)", "maximal": "y ~ x + (x | group)"}
#: Numbers in the responses of a block: small, so that a page can say how far it is.
BLOCK_NUMBERS = 100_000


@dataclass(frozen=True)
class Setting:
    """What the form of the laboratory holds: a design, a truth in which x has no effect, and how many data sets.

    Attributes
    ----------
    groups, observations : int
        The covariate x takes `observations` equally spaced values from 0 to 1 in each group.
    slope_sd, intercept_sd, correlation, sigma : float
        Standard deviations of slopes and intercepts, their correlation, and the residual standard deviation.
    data_sets, seed : int
    alpha : float
        Level of the test.

    Examples
    --------
    >>> Setting(groups=2)
    Traceback (most recent call last):
    ...
    ValueError: groups: 2 is not between 3 and 200
    """

    groups: int = 18
    observations: int = 10
    slope_sd: float = 1.0
    intercept_sd: float = 1.0
    correlation: float = 0.0
    sigma: float = 1.0
    data_sets: int = 5000
    seed: int = 1
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name}: {value} is not between {low:g} and {high:g}")
        for field in fields(self):
            if field.type == "int" and getattr(self, field.name) != int(getattr(self, field.name)):
                raise ValueError(f"{field.name}: {getattr(self, field.name)} is not a whole number")

    @classmethod
    def from_form(cls, values: Mapping[str, Any]) -> Setting:
        """Make a setting from a form's fields; numbers come as they were typed."""
        whole = {field.name for field in fields(cls) if field.type == "int"}
        return cls(**{name: int(v) if name in whole and v == int(v) else v for name, v in values.items()})

    @property
    def x(self) -> Floats:
        """Values of the covariate within a group, shape (observations,)."""
        return np.linspace(0, 1, self.observations)

    def code(self) -> str:
        """Return Python that does the same with `mmhelpers.type1`.

        Examples
        --------
        >>> print(Setting().code().splitlines()[4])
        design = mm.cross(group=18, x=list(np.linspace(0, 1, 10)))
        """
        return f"""import numpy as np

import mmhelpers as mm

design = mm.cross(group={self.groups}, x=list(np.linspace(0, 1, {self.observations})))
truth = mm.Truth(
    "{MODELS["maximal"]}",
    beta={{"(Intercept)": 0, "x": 0}},
    sd={{"group": {{"(Intercept)": {plain(self.intercept_sd)}, "x": {plain(self.slope_sd)}}}}},
    corr={{"group": {plain(self.correlation)}}},
    sigma={plain(self.sigma)},
)
models = {{
    "slope-less": "{MODELS["slope-less"]}",
    "maximal": "{MODELS["maximal"]}",
}}
rates = mm.type1(
    design,
    truth,
    models,
    effect="x",
    tests=("satterthwaite",),
    alpha={plain(self.alpha)},
    n_rep={self.data_sets},
    seed={self.seed},
)
print(rates[["model", "rate", "lower", "upper", "n", "failed", "singular"]])
rates.attrs["rows"].to_csv("type1.csv", index=False)
"""


def plain(value: float) -> str:
    """Write a number as one would, a whole one without a point.

    Examples
    --------
    >>> plain(1.0), plain(0.05)
    ('1', '0.05')
    """
    return str(int(value)) if value == int(value) else repr(float(value))


LIMITS: dict[str, tuple[float, float]] = {
    "groups": (3, 200),
    "observations": (3, 100),
    "slope_sd": (0, 20),
    "intercept_sd": (0, 20),
    "correlation": (-1, 1),
    "sigma": (0.01, 20),
    "data_sets": (100, 20_000),
    "seed": (0, 2**31),
    "alpha": (0.001, 0.5),
}


@dataclass(frozen=True)
class Block:
    """What was found in one model and some data sets; arrays of shape (R,)."""

    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    converged: NDArray[np.bool_]
    singular: NDArray[np.bool_]


class Laboratory:
    """A run of the laboratory, a block of data sets at a time.

    Parameters
    ----------
    setting : Setting

    Examples
    --------
    >>> run = Laboratory(Setting(groups=6, observations=5, data_sets=200))
    >>> [done for done in run.blocks()]
    [200]
    >>> [row["model"] for row in run.rates()]
    ['slope-less', 'maximal']
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.models = {label: matrices(setting, label == "maximal") for label in MODELS}
        self.found: dict[str, list[Block]] = {label: [] for label in MODELS}

    def blocks(self) -> Iterator[int]:
        """Draw and fit block by block; yield how many data sets are done."""
        s = self.setting
        cov = np.diag([s.intercept_sd**2, s.slope_sd**2])
        cov[0, 1] = cov[1, 0] = s.correlation * s.intercept_sd * s.slope_sd
        law = Bound(np.zeros(2), (cov,), (factor_of(cov, "x | group"),), s.sigma, Gaussian(), None, None)
        seed = cell_seed(s.seed, 0, 0)
        size = int(np.clip(BLOCK_NUMBERS // (s.groups * s.observations), 50, 500))
        for start in range(0, s.data_sets, size):
            n = min(size, s.data_sets - start)
            Y, _ = draw(self.models["maximal"], law, n, seed=seed, start=start)
            for label, model in self.models.items():
                self.found[label].append(analyse(model, Y))
            yield start + n

    def rates(self) -> list[dict[str, Any]]:
        """Return one row a model: rate, lower, upper (Wilson's 95% interval), n, failed, singular."""
        out = []
        for label in MODELS:
            p, converged, singular = (self._column(label, name) for name in ("p", "converged", "singular"))
            good = converged.astype(bool) & ~np.isnan(p)
            n, hits = int(good.sum()), int((p[good] < self.setting.alpha).sum())
            low, high = wilson(hits, n)
            out.append(
                {
                    "model": label, "formula": MODELS[label], "rate": hits / n if n else math.nan,
                    "lower": low, "upper": high, "n": n, "failed": int((~good).sum()),
                    "singular": int((singular.astype(bool) & good).sum()),
                }
            )  # fmt: skip
        return out

    def table(self) -> str:
        """Return one line a data set and model as CSV, numbers in full."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        names = ("estimate", "se", "df", "p", "converged", "singular")
        writer.writerow(["rep", "model", *names])
        columns = {label: [self._column(label, name).tolist() for name in names] for label in MODELS}
        for rep in range(len(columns["maximal"][0])):
            for label, several in columns.items():
                writer.writerow([rep, label, *(column[rep] for column in several)])
        return file.getvalue()

    def _column(self, label: str, name: str) -> NDArray[Any]:
        blocks = self.found[label]
        return np.concatenate([getattr(block, name) for block in blocks]) if blocks else np.zeros(0)


def matrices(setting: Setting, slopes: bool) -> Matrices:
    """Build the matrices of one of the two models, as `mmhelpers.build_matrices` would."""
    n, m = setting.observations, setting.groups
    X = np.column_stack([np.ones(n * m), np.tile(setting.x, m)])
    names = ("(Intercept)", "x")
    k = 2 if slopes else 1
    label = "x | group" if slopes else "1 | group"
    index = np.repeat(np.arange(m), n)
    levels = tuple(str(i + 1) for i in range(m))
    term = Term(label, "group", levels, index, names[:k], np.ascontiguousarray(X[:, :k]))
    return Matrices(
        formula=MODELS["maximal" if slopes else "slope-less"], response="y", y=None, X=X, x_names=names,
        x_terms=("x",), assign=(0, 1), terms=(term,), offset=None, aliased=(), rows=np.arange(n * m), n_data=n * m,
    )  # fmt: skip


def analyse(model: Matrices, Y: Floats) -> Block:
    """Fit a model by REML to each data set and test x with Satterthwaite's degrees of freedom."""
    from scipy.special import stdtr

    with np.errstate(all="ignore"):
        fits = fit_matrices(model, Y)
        if fits.vcov_jacobian is None or fits.vcov_varpar is None:
            raise RuntimeError("the engine gave no derivatives of the criterion")
        L = np.array([[0.0, 1.0]])
        variance, df = contrast_df(fits.vcov, fits.vcov_jacobian, fits.vcov_varpar, L)
        estimate, se, df = fits.beta[:, 1], np.sqrt(variance[:, 0]), df[:, 0]
        p = 2 * stdtr(df, -np.abs(estimate / se))
    return Block(estimate, se, df, p, fits.converged, fits.singular)


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (1927), as `mmhelpers.binomial_interval` has it.

    Examples
    --------
    >>> [round(x, 4) for x in wilson(8, 100)]
    [0.0411, 0.15]
    """
    if not n:
        return math.nan, math.nan
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (hits + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * math.sqrt(hits * (1 - hits / n) + z**2 / 4)
    return max(centre - half, 0.0), min(centre + half, 1.0)
