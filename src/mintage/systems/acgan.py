"""GAN with an auxiliary classifier."""

from __future__ import annotations

from typing import Any

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import ClassNormed, DCGANSize, TwoHeaded
from mintage.objectives import auxiliary_class, non_saturating
from mintage.systems.labelled import classes_of
from mintage.systems.moves import Prior, Shown, generate, sampler, share_of_budget, shows, watch
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64
SPREAD = 0.3


def acgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    real_class: NotNegative = 1.0,
    fake_class: NotNegative = 0.0,
    asked_class: NotNegative = 1.0,
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Auxiliary classifier GAN: D is not told the class but says it, and G is to be read as the class it was asked for.

        D lowers  -E log D(x) - E log(1 - D(G(z, y))) - E log p(y | x) - c E log p(y | G(z, y)),  p D's class head;
        then G lowers  -E log D(G(z, y)) - E log p(y | G(z, y)).

    References:
        Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), https://arxiv.org/abs/1610.09585

    Differences from the paper:
        c is 0, where the paper has 1 (--fake-class 1): a head that also learns from samples agrees with G on a mark for
        each class, whatever the image. The class scales G's layers instead of entering beside z: batch norm keeps the
        share of the only input, where beside a class all samples of it became one. DCGAN's pair without noise and
        dropout. Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured to the end yet. Fashion-MNIST, size XS, 40,000 examples: shapes of clothes, 36 % of them of their
        class.

    Run:
        mintage train fmnist --system acgan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        real_class: Weight of D's class term on real examples.
        fake_class: Weight c of D's class term on samples.
        asked_class: Weight of G's class term.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, classes = normal(z_dim), classes_of(spec, "acgan")
    nets = pair(spec, size=size, z_dim=z_dim, batch_norm=True, normed_points=True)
    G, D = ClassNormed(nets["G"], classes, spread=SPREAD), TwoHeaded(nets["D"], spec.shape, classes)
    return Game(
        nets={"G": G, "D": D},
        players={"D": Player("D", adam(lr, beta1)), "G": Player("G", adam(lr, beta1))},
        moves=[Move("D", naming(prior), weights={"real class": real_class, "fake class": fake_class}),
               Move("G", named(prior), weights={"class": asked_class})],
        sampler=sampler(prior, classes),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def naming(prior: Prior) -> Objective:
    """The critic's side: real or fake, and the class of both."""

    @shows(non_saturating)
    @returns("loss", "real class", "fake class")
    def objective(nets: Any, round: Round) -> Terms:
        x, y = round.batch.x, round.batch.y
        fake = generate(nets, round.draw(prior), y)
        (a, on_real), (b, on_fake) = nets.D.both(x), nets.D.both(fake)
        watch(non_saturating, round, a, b, Shown(x, fake, y, a, b))
        round.stats["D/classes"] = (on_real.detach().argmax(1) == y).float().mean()
        return {"loss": non_saturating.critic(a, b), "real class": auxiliary_class(on_real, y),
                "fake class": auxiliary_class(on_fake, y)}

    return objective


def named(prior: Prior) -> Objective:
    """The generator's side: to be taken for real, and for the class."""

    @returns("loss", "class")
    def objective(nets: Any, round: Round) -> Terms:
        y = round.batch.y
        b, on_fake = nets.D.both(generate(nets, round.draw(prior), y))
        return {"loss": non_saturating.generator(None, b), "class": auxiliary_class(on_fake, y)}

    return objective
