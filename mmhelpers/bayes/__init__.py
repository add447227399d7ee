"""Bayesian models: sampling without noise on the page, a verdict on the chains, stored posteriors, and how samplers move.

bambi and PyMC do the work; what is here is what several chapters need around them.
"""

from __future__ import annotations

from .chains import PosteriorCheck, posterior_check
from .sampling import sample, use_bayes
from .stored import load_posterior
from .walks import Walk, hamiltonian, random_walk

__all__ = [
    "PosteriorCheck",
    "Walk",
    "hamiltonian",
    "load_posterior",
    "posterior_check",
    "random_walk",
    "sample",
    "use_bayes",
]
