"""Tests of fixed and random effects: contrasts, ANOVA, likelihood ratios, bootstrap, marginal means."""

from mmhelpers.inference.anova import anova
from mmhelpers.inference.contrasts import coefficients, contrast, f_test, kenward_roger_coefficients, t_test
from mmhelpers.inference.estimate import Estimate
from mmhelpers.inference.hypotheses import hypotheses

__all__ = [
    "Estimate",
    "anova",
    "coefficients",
    "contrast",
    "f_test",
    "hypotheses",
    "kenward_roger_coefficients",
    "t_test",
]
