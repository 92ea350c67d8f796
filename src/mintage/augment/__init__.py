"""Augmentation that gradients pass through: what a critic sees is changed, reals and fakes alike."""

from mintage.augment.differentiable import POLICIES as POLICIES
from mintage.augment.differentiable import differentiable as differentiable
from mintage.augment.layers import AdaptiveAugment as AdaptiveAugment
from mintage.augment.layers import DiffAugment as DiffAugment
from mintage.augment.layers import InstanceNoise as InstanceNoise
from mintage.augment.pipeline import pipeline as pipeline
