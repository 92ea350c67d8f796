"""Objectives: pure functions of logits and tensors."""

from mintage.objectives.adversarial import Adversarial as Adversarial
from mintage.objectives.adversarial import logistic_critic as logistic_critic
from mintage.objectives.adversarial import minimax as minimax
from mintage.objectives.adversarial import non_saturating as non_saturating
from mintage.objectives.adversarial import relativistic_paired as relativistic_paired
