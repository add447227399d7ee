"""Simulated responses: a design and a truth to Y."""

from mmhelpers.simulation.covariance import TruthError
from mmhelpers.simulation.draw import marginal_moments, replicates, simulate, simulate_data
from mmhelpers.simulation.families import (
    BetaBinomial,
    Binomial,
    Gaussian,
    NegativeBinomial,
    Poisson,
)
from mmhelpers.simulation.residual import AR1, VarIdent, VarPower
from mmhelpers.simulation.truth import Truth
from mmhelpers.simulation.zeros import Hurdle, Truncated, ZeroInflated

__all__ = [
    "AR1",
    "BetaBinomial",
    "Binomial",
    "Gaussian",
    "Hurdle",
    "NegativeBinomial",
    "Poisson",
    "Truncated",
    "Truth",
    "TruthError",
    "VarIdent",
    "VarPower",
    "ZeroInflated",
    "marginal_moments",
    "replicates",
    "simulate",
    "simulate_data",
]
