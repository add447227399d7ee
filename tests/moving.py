"""The figures to move, each as the chapter that has it makes it."""

from __future__ import annotations

from collections.abc import Callable

import mmhelpers as mm


def shrinkage() -> mm.Interactive:
    dyestuff = mm.load("Dyestuff")
    return mm.explore_shrinkage(dyestuff.groupby("Batch", observed=True)["Yield"].mean(), "g")


def deviance() -> mm.Interactive:
    return mm.explore_deviance(mm.build_matrices("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff")))


FIGURES: dict[str, Callable[[], mm.Interactive]] = {
    "type1-one-factor": lambda: mm.explore_type1(mm.load("type1_grid")),
    "type1-crossed": lambda: mm.explore_items(mm.load("type1_items_grid")),
    "power": lambda: mm.explore_power(mm.load("power_grid")),
    "shrinkage": shrinkage,
    "covariance": lambda: mm.explore_covariance([0, 1, 2, 3]),
    "reml": mm.explore_reml,
    "deviance": deviance,
    "overdispersion": mm.explore_overdispersion,
    "prior": lambda: mm.explore_prior(7, (11, 19)),
}
