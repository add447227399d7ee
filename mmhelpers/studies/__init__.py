"""Simulation studies: Type I error and power over grids of designs, truths, models and tests.

Data flow: ``plan`` (what is to be done, as plain data in ``record``), ``cells`` (a block of data sets drawn and
analysed; ``effect`` for mixed models, ``generators`` for published studies), ``executors`` and ``run`` (who computes
which block, ``checkpoint`` what is done), ``rows``, ``rates``, and ``store`` for files. ``rerun`` sends the published studies
the same way at full size.
"""

from mmhelpers.studies.again import Replay, replay
from mmhelpers.studies.api import power, study, type1
from mmhelpers.studies.grid import over, spread
from mmhelpers.studies.logistic import Logistic
from mmhelpers.studies.outcome import Analysis, outcome
from mmhelpers.studies.rates import binomial_interval, errors, pvalue_quantiles, rates
from mmhelpers.studies.store import content_hash, read_study

__all__ = [
    "Analysis",
    "Logistic",
    "Replay",
    "binomial_interval",
    "content_hash",
    "errors",
    "outcome",
    "over",
    "power",
    "pvalue_quantiles",
    "rates",
    "read_study",
    "replay",
    "spread",
    "study",
    "type1",
]
