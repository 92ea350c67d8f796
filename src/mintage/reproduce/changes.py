"""A change to a baseline game, and the game with it: what is compared differs in what its change says and nothing else.

The baseline is the non-saturating game on plain networks: no penalty, no norm in the critic, one step of each player in
turn, equal rates that fall to a hundredth along half a cosine, samples from the weights as they stand. A `Change`
names parts by their names in the catalogues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mintage.data import DataSpec
from mintage.game import (
    Average,
    Game,
    Move,
    Optimizer,
    Player,
    adam,
    alternating,
    clip,
    consensus,
    cosine,
    derive,
    extragradient,
    optimistic,
    simultaneous,
    unrolled,
)
from mintage.game.rules import Rule
from mintage.lab.mixtures import KNOWN
from mintage.latent import normal
from mintage.networks import DCGANDiscriminator, DCGANGenerator, DCGANSize, MLPDiscriminator, MLPGenerator
from mintage.networks.spectral import spectral_norm
from mintage.objectives import ADVERSARIAL
from mintage.systems import moves
from mintage.systems.stabilisers import stabilise

RULES: dict[str, Callable[[], Rule]] = {
    "alternating": lambda: alternating, "simultaneous": lambda: simultaneous, "extragradient": lambda: extragradient,
    "optimistic": lambda: optimistic, "consensus": lambda: consensus(0.1)}


@dataclass(frozen=True)
class Change:
    """What differs from the baseline.

    Args:
        loss: a name of `ADVERSARIAL`.
        penalty, weight: a name of `PENALTIES`, or "r1 + r2", on the critic.
        norm: of the critic: "spectral" or, for images, "batch".
        stabiliser, settings: a name of `STABILISERS`, and its options.
        rule: how the moves combine.
        critic_steps: of D for each of G.
        critic_rate, rate: of D and of G, as multiples of the baseline's.
        limit: of the critic's weights, clipped; 0 for none.
        look_ahead, look_rate: steps of gradient descent of D that G foresees, and their rate.
        average: half-life of the average of G's weights that samples come from, as a share of the budget.
    """

    loss: str = "non-saturating"
    penalty: str = ""
    weight: float = 1.0
    norm: str = ""
    stabiliser: str = ""
    settings: tuple[tuple[str, Any], ...] = ()
    rule: str = "alternating"
    critic_steps: int = 1
    critic_rate: float = 1.0
    rate: float = 1.0
    limit: float = 0.0
    look_ahead: int = 0
    look_rate: float = 0.1
    average: float = 0.0

    def told(self) -> dict[str, Any]:
        """What differs from the baseline, as plain values."""
        plain = asdict(Change())
        return {name: value for name, value in asdict(self).items() if value != plain[name]}


@dataclass(frozen=True)
class Base:
    """The baseline of one kind of data: latent dimensions, Adam's rate and decays, size of the networks."""

    z_dim: int
    lr: float
    beta1: float = 0.5
    beta2: float = 0.999
    size: DCGANSize = "XS"
    width: int = 64


def game_of(change: Change, base: Base, spec: DataSpec, seed: int) -> Game:
    """The baseline with the change, its weights drawn from the seed.

    Raises:
        ValueError: the change does not fit: a part refuses what it was given, or does not exist.
    """
    prior, loss = normal(base.z_dim), ADVERSARIAL[change.loss]
    named = {"penalty": KNOWN[change.penalty]} if change.penalty else {}
    D, G = moves.critic(loss, prior, penalties=named), moves.generator(loss, prior)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("what works", seed))
        nets = networks(change, base, spec)
        game = Game(
            nets,
            {"D": Player("D", stepping(base, change.critic_rate), project=clip(change.limit) if change.limit else None),
             "G": Player("G", stepping(base, change.rate))},
            [Move("D", D, repeat=change.critic_steps, weights=dict.fromkeys(named, change.weight)),
             Move("G", unrolled(G, opponent="D", by=D, steps=change.look_ahead, lr=change.look_rate))],
            sampler=moves.sampler(prior),
            controllers=[Average("G", half_life=moves.share_of_budget(change.average))] if change.average else [],
            rule=RULES[change.rule](),
        )
        made = stabilise(game, spec, {change.stabiliser: dict(change.settings)} if change.stabiliser else {})
    if not isinstance(made, Game):
        raise ValueError("a stabilised game is one game")
    return made


def stepping(base: Base, times: float) -> Optimizer:
    """Adam from `times` the baseline's rate, falling to a hundredth of that."""
    return adam(cosine(base.lr * times, base.lr * times / 100), base.beta1, base.beta2)


def networks(change: Change, base: Base, spec: DataSpec) -> dict[str, nn.Module]:
    """DCGAN's pair for images, perceptrons of three hidden layers for points."""
    if spec.kind == "image":
        channels, height, width = spec.shape
        shape = (channels, height, width)
        nets: dict[str, nn.Module] = {
            "G": DCGANGenerator(shape, size=base.size, z_dim=base.z_dim),
            "D": DCGANDiscriminator(shape, size=base.size, batch_norm=change.norm == "batch")}
    elif change.norm == "batch":
        raise ValueError("the critic of points has no batch norm")
    else:
        nets = {"G": MLPGenerator(spec.shape, z_dim=base.z_dim, width=base.width),
                "D": MLPDiscriminator(spec.shape, width=base.width)}
    if change.norm == "spectral":
        nets["D"] = spectral_norm(nets["D"])
    return nets


def samples(game: Game, n: int, seed: int) -> Tensor:
    """n samples of a game, the same for the same seed."""
    from mintage.runs.judging import samples_of

    draw = samples_of(game, seed, "what works")
    return torch.cat([draw(min(500, n - start)).cpu() for start in range(0, n, 500)])
