"""R3GAN, the modern baseline, and the default."""

from __future__ import annotations

from typing import Any

import torch

from mintage.data import DataSpec
from mintage.game import (
    LONGEST,
    Game,
    Move,
    Objective,
    Player,
    PowerAverage,
    Round,
    Terms,
    adam,
    cosine,
    returns,
    warm_up,
)
from mintage.latent import normal
from mintage.networks import (
    MLPDiscriminator,
    MLPGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
    Size,
    renormalise,
)
from mintage.objectives import relativistic_paired
from mintage.penalties import known, on_pair, per_example, r1, r2
from mintage.systems.moves import Prior, Shown, generate, generator, labelled, sampler, shows, watch
from mintage.systems.options import Count, Positive, Share

BATCH = 64
PAPER = ("L", "XL", "XXL")  # sizes whose networks, and so whose rates, are the paper's


def r3gan(
    spec: DataSpec,
    *,
    size: Size | None = None,
    conditional: bool | None = None,
    gamma: Positive | None = None,
    penalised: Share = 0.25,
    lr: Positive | None = None,
    z_dim: Count = 64,
    ema: Share = 0.063,
) -> Game:
    """R3GAN: the paired relativistic loss with two zero-centred penalties, on norm-free residual networks.

        D lowers  E s(D(G(z)) - D(x)) + gamma (R1 + R2),   s(t) = log(1 + e^t),
        G lowers  E s(D(x) - D(G(z))),
        R1 = 1/2 E |dD/dx|^2 on real examples, R2 the same on fakes.

    References:
        The GAN is dead; long live the GAN! A Modern Baseline GAN (Huang et al., 2024), https://arxiv.org/abs/2501.05441

    Differences from the paper:
        Sizes XS, S and M are made to learn within minutes on a CPU, with weights of fixed size and a hundred times the
        rate (mintage.networks.residual says how and why); L, XL and XXL are the paper's networks. Penalties look at a
        part of each batch, an unbiased estimate. Both players see the round's batch. Rates, gamma and the average
        follow the budget instead of a fixed number of images. Points get multilayer perceptrons.

    Expect:
        Fashion-MNIST, two CPU cores, 8 minutes: Fréchet distance 0.46 (real 0.015), 79 % recognised (real 83 %);
        docs/results.md.

    Run:
        mintage train fmnist --minutes 8

    Args:
        size: Size of the networks, XS to XXL. Default: S on a CPU, M on a GPU.
        conditional: Use the labels. Default: where there are labels, with enough examples of each.
        gamma: Weight of both penalties at the start; it falls to half. Default: from the number of pixels.
        penalised: The part of each batch that the penalties look at.
        lr: Learning rate of both players. Default: 0.02, 2e-4 for the paper's sizes, 1e-3 for points.
        z_dim: Latent dimensions.
        ema: Length of the average of G's weights, its deviation over the time trained, up to 0.2886; another can be
            chosen after the run (mintage average). 0.063 halves a weight's share in a twentieth of the time. 0: none.
    """
    prior, classes = normal(z_dim), len(spec.labels) if conditional else 0
    size, gamma = size or "S", gamma or 1.0
    weight = cosine(gamma, gamma / 2)
    step = adam(warm_up(cosine(lr or 0.02, (lr or 0.02) / 10), fraction=0.02), 0.0, 0.99)
    G, D = networks(spec, size, z_dim, classes)
    return Game(
        nets={"G": G, "D": D},
        players={"D": Player("D", step, project=renormalise), "G": Player("G", step, project=renormalise)},
        moves=[Move("D", critic(prior, penalised, bool(classes)), weights={"r1": weight, "r2": weight}),
               Move("G", generator(relativistic_paired, prior, conditional=bool(classes)))],
        sampler=sampler(prior, classes),
        controllers=[PowerAverage("G", lengths=(ema, min(2 * ema, LONGEST)))] if ema else [],
    )


def critic(prior: Prior, share: float, conditional: bool) -> Objective:
    """The critic's side: the paired loss on reals and fakes and a penalty on a part of each, in one pass.

    The critics of this system are piecewise linear, so loss and penalties also share their gradient
    (mintage.penalties.joined).
    """

    @shows(relativistic_paired, joined=True)
    @returns("loss", "r1", "r2", fits=lambda nets: per_example(nets.D))
    def objective(nets: Any, round: Round) -> Terms:
        x, y = labelled(round, conditional)
        fake = generate(nets, round.draw(prior), y)
        a, b, on_real, on_fake = on_pair(nets.D, x, fake, y, share)
        watch(relativistic_paired, round, a, b, Shown(x, fake, y, a, b))
        return {"loss": relativistic_paired.critic(a, b), "r1": r1(nets.D, x, y, slope=known(on_real)),
                "r2": r2(nets.D, fake, y, slope=known(on_fake))}

    return objective


def networks(spec: DataSpec, size: Size, z_dim: int, classes: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The pair for images, or multilayer perceptrons for points."""
    if spec.kind == "image":
        channels, height, width = spec.shape
        return (ResidualGenerator((channels, height, width), size=size, z_dim=z_dim, classes=classes),
                ResidualDiscriminator((channels, height, width), size=size, classes=classes))
    return (MLPGenerator(spec.shape, z_dim=z_dim, classes=classes, activation="leaky_relu"),
            MLPDiscriminator(spec.shape, classes=classes))


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What is decided from the data and the machine where the user leaves it open, with reasons."""
    image = spec.kind == "image"
    size = given.get("size") or ("S" if device == "cpu" else "M")
    paper = image and size in PAPER
    enough = 2 <= len(spec.labels) <= 1000 and count >= 20 * len(spec.labels)
    labels = "20 examples or more of each label" if enough else "no labels, or too few examples of each"
    pixels = spec.shape[1] * spec.shape[2] if image else 0
    gamma = float(f"{pixels / 784:.3g}") if image else 0.1
    rate = 2e-4 if paper else 0.02 if image else 1e-3
    return {
        "size": (size, f"for a {device}"),
        "conditional": (enough, labels),
        "gamma": (gamma, f"{pixels} pixels / 784" if image else "for points"),
        "lr": (rate, f"for networks of size {size}" if image else "for points"),
    }
