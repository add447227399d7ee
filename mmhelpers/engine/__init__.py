"""The engine: many mixed models on one design at once, by ML or REML, with exact derivatives.

Data flow: ``design`` (what does not change), ``blocks`` (structure of Z'Z), ``prepare`` (responses to statistics; the
path is chosen here), ``pooled``, ``distinct`` or ``schur`` (log|W| and U'W^{-1}U with their derivatives),
``criterion`` (f, gradient, Hessian in theta), ``start``, ``newton`` and ``optimum`` (or ``closed_form``), ``numbers``
(back to the user's units). ``draws`` and ``drawn`` draw the statistics instead of the data; ``fast`` is the switch for
numba.

What was learned, for whoever works on it next:

- Starts from the moment equations halve the number of Newton steps (3 for one factor, 4 to 5 for crossed slopes).
- Responses are reduced in pieces that stay in the cache (100,000 numbers), the optimiser takes as many replicates
  together as memory allows: one size for both cost a factor of 2 to 4. Arrays of small matrices have the replicates last.
- 180 groups that all differ: 45 microseconds an evaluation with the replicates last, 11 with the groups last (``distinct``:
  sums over groups are matrix products then), 4 with numba, whose loops run over the groups of one replicate.
- The functions of G that 180 different 2 x 2 groups contribute are of rank 26 to four digits, but 174 to twelve: replacing
  the groups by fewer that stand for them is no way to exact fits; as a start it was not tried.
- A vanishing first pivot of T with a second that does not vanish makes a curved valley, in which Newton's method creeps:
  see ``optimum``. With fewer than about eight levels the criterion has several minima now and then: other starts.
- einsum with the replicates last is as fast as loops written out; from 16 blocks on, matrix products are faster.
- lme4 with bobyqa and a tight tolerance ends up to 6 above the optimum in 3-4% of the fuzz run's
  designs (few levels, singular fits); compare criteria before comparing estimates.
"""

from mmhelpers.engine.arrays import fit_arrays
from mmhelpers.engine.batch import fit_matrices
from mmhelpers.engine.drawn import prepare_draws
from mmhelpers.engine.satterthwaite import contrast_df, satterthwaite

__all__ = ["contrast_df", "fit_arrays", "fit_matrices", "prepare_draws", "satterthwaite"]
