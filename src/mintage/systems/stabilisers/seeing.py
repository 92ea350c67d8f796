"""What D sees is changed, on reals and fakes alike, in its own moves and in G's.

The change stands in front of D wherever D is called, so a penalty on D's slope at x is one on that of D after the
change, as in the code of adaptive augmentation: R1 is 1/2 E |d D(T(x)) / dx|^2. With its draws held T is affine in x,
so the joint gradient of loss and penalty stays exact. T draws from the round's own generators; samples and judges see
none of it.
"""

from __future__ import annotations

from mintage.augment import POLICIES, AdaptiveAugment, DiffAugment, InstanceNoise
from mintage.data import DataSpec
from mintage.game import Adaptive, Game, Scheduled, linear
from mintage.networks import see_through
from mintage.systems.options import NotNegative, Positive, Share
from mintage.systems.stabilisers.remaking import loss_of, remade


def diffaug(game: Game, spec: DataSpec, *, policy: str = "+".join(POLICIES), p: Share = 1.0) -> Game:
    """D sees T(x): colours, place and a box cut out, at random and differentiably.

    Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), https://arxiv.org/abs/2006.10738

    Args:
        policy: Changes, joined by +: colour, translation, cutout.
        p: Probability of each change of each example.
    """
    see_through(game.net("D"), DiffAugment([name for name in policy.split("+") if name], p))
    return remade(game)


def ada(game: Game, spec: DataSpec, *, target: Share = 0.6, speed: Positive = 500_000.0, p: Share = 0.0) -> Game:
    """D sees T(x), each of eleven changes made with probability p, and p rises while E sign D(x) is above its target.

    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), https://arxiv.org/abs/2006.06676

    Args:
        target: Of E sign D(x) on reals; 0 says D does not overfit, 1 that it does.
        speed: Examples in which p can go from 0 to 1.
        p: The first probability.
    """
    if loss_of(game).relative:
        raise ValueError("it reads E sign D(x), and a relative objective leaves the critic's zero open; use diffaug, "
                         "or an objective with a logit for each example, as non-saturating")
    lens = AdaptiveAugment(p)
    see_through(game.net("D"), lens)
    return remade(game, controllers=[Adaptive(lens.p, "D/sign", target=target, speed=speed)])


def instance_noise(game: Game, spec: DataSpec, *, sigma: NotNegative = 0.1, share: Share = 0.5) -> Game:
    """D sees x + sigma e, e ~ N(0, I), with sigma falling to 0 over a share of the budget.

    Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2017), https://arxiv.org/abs/1610.04490

    Args:
        sigma: The first deviation, in the units of x (images lie in [-1, 1], points are standardised).
        share: Of the budget, after which there is no noise.
    """
    lens = InstanceNoise(sigma)
    see_through(game.net("D"), lens)
    return remade(game, controllers=[Scheduled(lens.sigma, linear(sigma, 0.0, fraction=share))])
