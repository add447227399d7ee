"""Simulation studies: draw many data sets from a known truth, fit models that may be wrong, count."""
