"""The first generative adversarial network."""

from __future__ import annotations

from typing import Literal

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam, sgd
from mintage.latent import normal, uniform
from mintage.networks import MLPDiscriminator, MLPGenerator
from mintage.objectives import minimax, non_saturating
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share


def gan(
    spec: DataSpec,
    *,
    loss: Literal["non-saturating", "minimax"] = "non-saturating",
    critic_steps: Count = 1,
    z_dim: Count = 100,
    prior: Literal["uniform", "normal"] = "uniform",
    width: Count = 512,
    depth: Count = 2,
    dropout: Share = 0.3,
    optimizer: Literal["adam", "sgd"] = "adam",
    lr: Positive = 2e-4,
    momentum: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Generative adversarial network: Algorithm 1, with multilayer perceptrons.

        D lowers -E log D(x) - E log(1 - D(G(z))), k times; then G lowers -E log D(G(z)), or E log(1 - D(G(z))).

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661

    Differences from the paper:
        Adam by default (the paper's momentum is --optimizer sgd). For images in [-1, 1] G ends in tanh, not a sigmoid.
        Widths fit a CPU. Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        handwritten digits 8 x 8, one CPU core, 1 minute: half readable, some classes nearly lost; see docs/results.md.

    Run:
        mintage train digits --system gan --minutes 4

    Args:
        loss: What G lowers: the heuristic of section 3, or the value function itself.
        critic_steps: k, the critic's moves for each of the generator's.
        z_dim: Latent dimensions.
        prior: Distribution of z: uniform in [-1, 1], as in the paper's code, or normal.
        width: Units of a hidden layer of G; D's maxout layers have a fifth of it, of five pieces each.
        depth: Hidden layers of each network.
        dropout: Probability of dropping a unit of D.
        optimizer: Adam, or gradient descent with momentum as in the paper.
        lr: Learning rate of both players.
        momentum: Momentum, or Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    draw = (uniform if prior == "uniform" else normal)(z_dim)
    objective = non_saturating if loss == "non-saturating" else minimax
    step = adam(lr, momentum) if optimizer == "adam" else sgd(lr, momentum)
    output: Literal["tanh", "none"] = "tanh" if spec.kind == "image" else "none"
    return Game(
        nets={
            "G": MLPGenerator(spec.shape, z_dim=z_dim, width=width, depth=depth, output=output),
            "D": MLPDiscriminator(spec.shape, width=max(1, width // 5), depth=depth, activation="maxout",
                                  dropout=dropout),
        },
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(objective, draw), repeat=critic_steps), Move("G", generator(objective, draw))],
        sampler=sampler(draw),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
