"""Progressive growing of GANs."""

from __future__ import annotations

from typing import Any

import torch

from mintage.data import DataSpec
from mintage.game import Average, Game, Growth, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import ProgressiveDiscriminator, ProgressiveGenerator
from mintage.networks.style_synthesis import StyleSize
from mintage.objectives import wasserstein
from mintage.penalties import gradient_penalty
from mintage.systems.moves import Prior, Shown, image_shape, sampler, share_of_budget, shows, watch
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share

BATCH = 16
PAPER = ("M", "L")  # sizes whose networks, and so whose rates, are the paper's


def progan(
    spec: DataSpec,
    *,
    size: StyleSize = "S",
    growing: Share = 0.6,
    penalty: NotNegative = 10.0,
    drift: NotNegative = 1e-3,
    z_dim: Count | None = None,
    lr: Positive | None = None,
    beta2: Decay = 0.99,
    ema: Share = 0.03,
) -> Game:
    """Progressive growing: both networks begin with images of 4 x 4, and finer levels fade in one after another.

        D lowers  E D(G(z)) - E D(x) + 10 E (|dD/dx'| - 1)^2 + 0.001 E D(x)^2,  x' = e x + (1 - e) G(z);
        then G lowers  -E D(G(z));   x and G(z) at the level's size, and faded as the level is.

    References:
        Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018),
        https://arxiv.org/abs/1710.10196

    Differences from the paper:
        Levels share the budget: each is held and faded in for equal parts of `growing` of it, and the last is held for
        the rest. Images of any size, on a starting grid of 4 to 7 positions a side. XS and S are narrow, so that a CPU
        trains them within minutes, at three times the rate; M and L have the paper's widths. One batch size for all
        levels; minibatch deviations over groups of 4; Adam goes on across levels; the average's half-life follows the
        budget.

    Expect:
        Fashion-MNIST, size XS, after 33,000 images (about two minutes of one core): sliced Wasserstein distances
        of 0.03, 0.05 and 0.07 at the three levels of the pyramid (training images: 0.02, 0.02, 0.03).

    Run:
        mintage train fmnist --system progan --size XS --minutes 15

    Args:
        size: Size of the networks, XS to L.
        growing: Share of the budget in which the networks grow.
        penalty: Weight of the gradient penalty, lambda.
        drift: Weight of the critic's squared logits on real examples.
        z_dim: Latent dimensions. Default: from the size.
        lr: Learning rate of both players. Default: the paper's 0.001 for its widths, 0.003 for XS and S.
        beta2: Adam's second decay; the first is 0.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    shape, level = image_shape(spec, "progan"), torch.zeros(())
    lr = lr or float(automatic(spec, 0, "", {"size": size})["lr"][0])
    G = ProgressiveGenerator(shape, size=size, z_dim=z_dim, level=level)
    D = ProgressiveDiscriminator(shape, size=size, level=level)
    prior, step, growth = normal(G.z_dim), adam(lr, 0.0, beta2), Growth(level, G.grid.levels + 1, share=growing)
    return Game(
        nets={"G": G, "D": D},
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(prior), weights={"gradient-penalty": penalty, "drift": drift}),
               Move("G", generator(prior))],
        sampler=sampler(prior),
        controllers=[growth, *([Average("G", half_life=share_of_budget(ema))] if ema else [])],
    )


def critic(prior: Prior) -> Objective:
    """D's side, at the present level's size."""

    @shows(wasserstein)
    @returns("loss", "gradient-penalty", "drift")
    def objective(nets: Any, round: Round) -> Terms:
        x, fake = nets.D.shown(round.batch.x), nets.G.grown(round.draw(prior))
        a, b = nets.D(x), nets.D(fake)
        watch(wasserstein, round, a, b, Shown(x, fake, None, a, b))
        round.stats["level"] = nets.D.level.clone()
        slope = gradient_penalty(nets.D, x, fake, generator=round.generator("gradient-penalty"))
        return {"loss": wasserstein.critic(a, b), "gradient-penalty": slope, "drift": a.square().mean()}

    return objective


def generator(prior: Prior) -> Objective:
    """G's side."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        return {"loss": wasserstein.generator(None, nets.D(nets.G.grown(round.draw(prior))))}

    return objective


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What is decided from the size of the networks, with reasons."""
    size = given.get("size") or "S"
    return {"lr": (1e-3 if size in PAPER else 3e-3, f"for networks of size {size}")}
