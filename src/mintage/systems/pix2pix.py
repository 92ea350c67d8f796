"""Image-to-image translation from pairs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Sampler, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import PatchCritic, UNet, UNetSize, halvings_for, joined
from mintage.objectives import Adversarial, l1_distance, non_saturating
from mintage.systems.moves import critic_on, image_shape, share_of_budget, source_shape
from mintage.systems.options import Decay, NotNegative, Positive, Share

BATCH = 4
GIVEN = "paired"
FORWARD = "G"


def pix2pix(
    spec: DataSpec,
    *,
    size: UNetSize = "S",
    l1: NotNegative = 100.0,
    adversarial: NotNegative = 1.0,
    dropout: Decay = 0.5,
    noisy: bool = True,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """A U-Net that makes x from an image c, and a critic that looks at patches of both.

        D lowers  (1/2) (-E log D(c, x) - E log(1 - D(c, G(c))));
        then G lowers  -E log D(c, G(c)) + 100 E |x - G(c)|.

    References:
        Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017),
        https://arxiv.org/abs/1611.07004

    Differences from the paper:
        The U-Net halves to 4 to 7 positions, not to one; a critic's patch is 70 pixels only from 96 pixels on, and 34
        or 16 below; instance norm, and batches of 4 instead of 1. Translations come from an average of G's weights;
        --ema 0 turns it off. As in the paper, dropout stays on in translation; --noisy false turns it off there.

    Expect:
        Nuclei at 64 x 64, --size XS --lr 0.001, 4,000 examples in about a minute of CPU time: Dice of masks of held-out
        photographs .84. docs/results.md.

    Run:
        mintage train MASKS --given PHOTOS --system pix2pix --minutes 30

    Args:
        size: Width of the networks: 16 (XS), 32 (S), 48 (M) or 64 (L) channels at half the image's size.
        l1: Weight of the mean absolute difference from x.
        adversarial: Weight of G's adversarial loss; 0 for a U-Net alone, without a critic.
        dropout: Probability of dropout in the innermost levels; the noise that G has.
        noisy: Dropout stays on when images are translated.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    (a, _, _), (b, height, width) = source_shape(spec, "pix2pix", paired=True), image_shape(spec, "pix2pix")
    G = UNet(a, b, (height, width), size=size, dropout=dropout, noisy=noisy)
    D = PatchCritic(a + b, width=G.width, halvings=halvings_for(height, width))
    step, critics = adam(lr, beta1), bool(adversarial)
    return Game(
        nets={"G": G, "D": D} if critics else {"G": G},
        players={"D": Player("D", step), "G": Player("G", step)} if critics else {"G": Player("G", step)},
        moves=[Move("D", critic_on(non_saturating, pairs), weights={"loss": 0.5}),
               Move("G", translator(non_saturating), weights={"adversarial": adversarial, "l1": l1})]
        if critics else [Move("G", imitator, weights={"l1": l1})],
        sampler=Sampler(normal(1), translate, given=True),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def pairs(nets: Any, round: Round) -> tuple[Tensor, Tensor]:
    """(c, x) and (c, G(c)), joined, as D sees them."""
    c, x = round.batch.c, round.batch.x
    return joined(c, x), joined(c, nets.G(c))


def translator(loss: Adversarial) -> Objective:
    """G's side."""

    @returns("adversarial", "l1")
    def objective(nets: Any, round: Round) -> Terms:
        c, x = round.batch.c, round.batch.x
        made = nets.G(c)
        real = nets.D(joined(c, x)) if loss.relative else None
        return {"adversarial": loss.generator(real, nets.D(joined(c, made))), "l1": l1_distance(made, x)}

    return objective


@returns("l1")
def imitator(nets: Any, round: Round) -> Terms:
    """G's side without a critic."""
    return {"l1": l1_distance(nets.G(round.batch.c), round.batch.x)}


def translate(nets: Any, z: Tensor, y: Tensor | None, c: Tensor) -> Tensor:
    """x = G(c). The noise is G's own."""
    return nets.G(c)
