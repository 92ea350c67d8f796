"""Improved GAN: the bag of tricks of 2016."""

from __future__ import annotations

from typing import Any, Literal

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, Stages, adam
from mintage.latent import uniform
from mintage.networks import DCGANSize
from mintage.objectives import non_saturating
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair
from mintage.systems.stabilisers import stabilise

BATCH = 100


def improved_gan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    feature_matching: bool = False,
    minibatch_discrimination: bool = True,
    history: NotNegative = 0.01,
    real_label: Share = 0.9,
    norm: Literal["virtual", "reference", "batch"] = "virtual",
    z_dim: Count = 100,
    lr: Positive = 3e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game | Stages:
    """Improved GAN: DCGAN with five tricks, each of which can be switched off or be the only one.

        D lowers  -0.9 E log D(x) - 0.1 E log(1 - D(x)) - E log(1 - D(G(z))) + c |theta_D - mean theta_D|^2;
        then G lowers  -E log D(G(z)), or |E f(x) - E f(G(z))|^2 of D's features f,  + c |theta_G - mean theta_G|^2.

    References:
        Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Differences from the paper:
        Without labels (with them: semi_supervised). DCGAN's critic without batch norm, not a deeper one with weight
        norm. The paper gives no c. Points get perceptrons. Samples come from an average of G's weights; --ema 0: none.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system improved_gan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        feature_matching: G matches the means of D's features instead of deceiving D.
        minibatch_discrimination: D also sees how near the examples of a batch are to one another.
        history: Weight c of historical averaging, for both players; 0 for none.
        real_label: What D is told of reals; 1 for no smoothing.
        norm: Of G: by a fixed reference batch and the example, by that batch alone, or by the batch itself.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = uniform(z_dim), adam(lr, beta1)
    tricks: dict[str, tuple[Any, dict[str, Any]]] = {
        f"{norm}-batch-norm": (norm != "batch", {}),
        "minibatch-discrimination": (minibatch_discrimination, {}),
        "feature-matching": (feature_matching, {}),
        "label-smoothing": (real_label < 1, {"target": real_label}),
        "historical-averaging": (history, {"weight": history}),
    }
    plain = Game(
        nets=pair(spec, size=size, z_dim=z_dim, normed_points=True),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(non_saturating, prior)), Move("G", generator(non_saturating, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
    return stabilise(plain, spec, {name: given for name, (asked, given) in tricks.items() if asked})
