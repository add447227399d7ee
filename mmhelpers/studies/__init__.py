"""Simulation studies: Type I error and power over grids of designs, truths, models and tests.

Data flow: ``plan`` (what is to be done, as plain data in ``record``), ``cells`` (a block of data sets drawn and
analysed; ``effect`` for mixed models, ``generators`` for published studies), ``executors`` and ``run`` (who computes
which block, ``checkpoint`` what is done), ``rows``, ``rates``, and ``store`` for files.
"""

from mmhelpers.studies.again import Replay, replay
from mmhelpers.studies.api import power, study, type1
from mmhelpers.studies.checkpoint import Checkpoint, CheckpointError
from mmhelpers.studies.generators import find_generator
from mmhelpers.studies.grid import over, spread
from mmhelpers.studies.outcome import Analysis, Outcome, outcome
from mmhelpers.studies.plan import Plan, make_plan
from mmhelpers.studies.rates import binomial_interval, errors, rates
from mmhelpers.studies.rows import Rows
from mmhelpers.studies.store import content_hash, read_study, write_rows

__all__ = [
    "Analysis",
    "Checkpoint",
    "CheckpointError",
    "Outcome",
    "Plan",
    "Replay",
    "Rows",
    "binomial_interval",
    "content_hash",
    "errors",
    "find_generator",
    "make_plan",
    "outcome",
    "over",
    "power",
    "rates",
    "read_study",
    "replay",
    "spread",
    "study",
    "type1",
    "write_rows",
]
