"""The engine: many mixed models on one design at once, by ML or REML, with exact derivatives.

Data flow: ``design`` (what does not change), ``blocks`` (structure of Z'Z), ``prepare`` (responses to statistics; the
path is chosen here), ``pooled`` or ``schur`` (log|W| and U'W^{-1}U with their derivatives), ``criterion`` (f, gradient,
Hessian in theta), ``start``, ``newton`` and ``optimum`` (or ``closed_form``), ``numbers`` (back to the user's units).

What was learned, for whoever works on it next:

- Starts from the moment equations halve the number of Newton steps (3 for one factor, 4 to 5 for crossed slopes).
- numba was tried on the two inner loops of the pooled path (180 different groups, one thread) and was no faster than
  NumPy, with the loop lengths known to the compiler or not (230 microseconds a fit against 223), so it is not used.
- A vanishing first pivot of T with a second that does not vanish makes a curved valley, in which Newton's method creeps:
  see ``optimum``. With fewer than about eight levels the criterion has several minima now and then: other starts.
- einsum with the replicates last is as fast as loops written out; from 16 blocks on, matrix products are faster.
- Chunks of 400,000 numbers in the largest array were best on every path; smaller ones pay for Python's overhead.
- lme4 with bobyqa and a tight tolerance ends up to 6 above the optimum in 3-4% of the fuzz run's
  designs (few levels, singular fits); compare criteria before comparing estimates.
"""

from mmhelpers.engine.arrays import fit_arrays
from mmhelpers.engine.batch import fit_matrices
from mmhelpers.engine.drawn import prepare_draws
from mmhelpers.engine.satterthwaite import contrast_df, satterthwaite

__all__ = ["contrast_df", "fit_arrays", "fit_matrices", "prepare_draws", "satterthwaite"]
