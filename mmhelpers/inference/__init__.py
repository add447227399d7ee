"""Tests of fixed and random effects: contrasts, ANOVA, likelihood ratios, bootstrap, marginal means."""

from mmhelpers.inference.anova import anova
from mmhelpers.inference.bootstrap import BootstrapTest, bootstrap_test
from mmhelpers.inference.contrasts import coefficients, contrast, f_test, kenward_roger_coefficients, t_test
from mmhelpers.inference.estimate import Estimate
from mmhelpers.inference.hypotheses import hypotheses
from mmhelpers.inference.letters import letters
from mmhelpers.inference.likelihood import compare, ranova
from mmhelpers.inference.means import MarginalMeans, marginal_means, pairwise

__all__ = [
    "BootstrapTest",
    "Estimate",
    "MarginalMeans",
    "anova",
    "bootstrap_test",
    "coefficients",
    "compare",
    "contrast",
    "f_test",
    "hypotheses",
    "kenward_roger_coefficients",
    "letters",
    "marginal_means",
    "pairwise",
    "ranova",
    "t_test",
]
