"""Networks are given other layers, before anything is trained; their weights are drawn as those of any network."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn

from mintage.data import DataSpec
from mintage.game import Clock, Game, Number, Optimizer, Player, Round, Terms, generator
from mintage.game.clock import at
from mintage.networks import (
    MinibatchDeviation,
    MinibatchDiscrimination,
    ReferenceNorm,
    References,
    add_statistic,
    equalise,
    feature_layer,
    first_layer,
    pack_first,
    reference_norm,
    spectral_norm,
    with_features,
)
from mintage.systems.options import Count, Positive
from mintage.systems.stabilisers.remaking import free_weights, remade, replaced, trial

Which = Literal["D", "G", "both"]


def minibatch_discrimination(game: Game, spec: DataSpec, *, kernels: Count = 100, dims: Count = 5) -> Game:
    """D also knows, for each example, how near the others of its batch are in its features.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2, https://arxiv.org/abs/1606.03498

    Args:
        kernels: Numbers that tell the nearness.
        dims: Of the space that each is measured in.
    """
    D, (x, y) = game.net("D"), trial(game, spec)
    layer = feature_layer(D, x, y)
    add_statistic(D, MinibatchDiscrimination(_width(D, layer, x, y), kernels, dims), layer)
    return remade(game)


def minibatch_stddev(game: Game, spec: DataSpec, *, group: Count = 4) -> Game:
    """D also knows how much the examples of a group differ in its features, as one number.

    Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 3,
    https://arxiv.org/abs/1710.10196

    Args:
        group: Examples in a group, or fewer where the batch does not divide.
    """
    D, (x, y) = game.net("D"), trial(game, spec)
    add_statistic(D, MinibatchDeviation(group), feature_layer(D, x, y))
    return remade(game)


def packing(game: Game, spec: DataSpec, *, m: Count = 2) -> Game:
    """D looks at m examples of one kind at once.

    PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018),
    https://arxiv.org/abs/1712.04086

    Args:
        m: Examples in a pack; the batch is a multiple of it.
    """
    D, (x, y) = game.net("D"), trial(game, spec)
    if y is not None:
        raise ValueError("its critic takes labels, codes or captions beside examples, and those of a pack differ; "
                         "train it without labels (conditional off), or choose a system without them")
    if getattr(D, "in_parts", False):
        raise ValueError("its critic also tells something of each example, and a pack has one voice; choose a system "
                         "whose critic has one head, as dcgan")
    if any(isinstance(module, ReferenceNorm) for module in D.modules()):
        raise ValueError("references cannot be packed with the batch they stand in front of; keep the norm for G alone")
    pack_first(D, first_layer(D, x, y), m)
    return remade(game)


def spectrally(game: Game, spec: DataSpec, *, of: Which = "D") -> Game:
    """Every linear layer and convolution is divided by its largest singular value.

    Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), https://arxiv.org/abs/1802.05957

    Args:
        of: The networks: D as in the paper, G, or both.
    """
    for name in _chosen(game, of):
        free_weights(game.net(name), "spectral norm")
        spectral_norm(game.net(name))
    return remade(game)


def equalised(game: Game, spec: DataSpec, *, factor: Positive = 5.0, of: Which = "both") -> Game:
    """Weights are stored in units of He's initialisation, so that a step means the same in every layer.

    Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 4.1,
    https://arxiv.org/abs/1710.10196

    Args:
        factor: On the rate of the networks' players; 5 makes the paper's 0.001 of the usual 0.0002.
        of: The networks: D, G, or both as in the paper.
    """
    players = dict(game.players)
    for name in _chosen(game, of):
        free_weights(game.net(name), "equalised rate")
        equalise(game.net(name))
        for key, player in game.players.items():
            if name in player.nets:
                if player.project is not None:
                    raise ValueError(f"player {key!r} bounds its weights after each step, and they would be stored in "
                                     "other units; choose a system without weight clipping")
                players[key] = replace(player, optimizer=faster(player.optimizer, factor))
    return remade(game, players=players)


def virtual_batch_norm(game: Game, spec: DataSpec, *, references: Count = 32, of: Which = "G") -> Game:
    """Batch norm takes its statistics from a fixed reference batch and the example itself.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.5, https://arxiv.org/abs/1606.03498

    Args:
        references: Examples in the reference batch, 2 or more; they make each pass longer.
        of: The networks: G as in the paper, D, or both.
    """
    return _referred(game, spec, "virtual", references, of)


def reference_batch_norm(game: Game, spec: DataSpec, *, references: Count = 32, of: Which = "G") -> Game:
    """Batch norm takes its statistics from a fixed reference batch alone.

    NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), https://arxiv.org/abs/1701.00160

    Args:
        references: Examples in the reference batch, 2 or more; they make each pass longer.
        of: The networks: G, D, or both.
    """
    return _referred(game, spec, "reference", references, of)


def faster(optimizer: Optimizer, factor: float) -> Optimizer:
    """The optimizer at `factor` times its rate."""
    rate = optimizer.rates["lr"]

    def scaled(clock: Clock) -> float:
        return factor * at(rate, clock)

    lr: Number = scaled
    return replace(optimizer, rates={**optimizer.rates, "lr": lr})


def quickened(player: Player, factor: float) -> Player:
    """The player at `factor` times its rate."""
    return replace(player, optimizer=faster(player.optimizer, factor))


def _chosen(game: Game, of: Which) -> list[str]:
    """The networks that are asked for and there."""
    own = dict(game.nets.named_children())
    wanted: list[str] = ["D", "G"] if of == "both" else [of]
    names = [name for name in wanted if name in own]
    if not names:
        raise ValueError(f"it has no network {of} (its networks: {', '.join(own)}); choose another with of=, or "
                         "another system")
    return names


def _width(D: nn.Module, layer: str, x: torch.Tensor, y: torch.Tensor | None) -> int:
    with torch.no_grad():
        return with_features(copy.deepcopy(D), layer, x, y)[1][0].numel()


def _referred(game: Game, spec: DataSpec, kind: Literal["virtual", "reference"], references: int, of: Which) -> Game:
    """D's references are the first real examples that are played; G's are latents, and classes in equal parts."""
    if game.sampler is not None and game.sampler.given:
        raise ValueError("its samples are made from something given, and references would be of latents alone; choose "
                         "a system that is sampled from latents")
    for name in _chosen(game, of):
        net = game.net(name)
        if name == "G" and game.sampler is not None:
            z, y = game.sampler.latents(references, generator("references", torch.initial_seed()))
            reference_norm(net, z, y, kind=kind)
        else:
            classes = int(getattr(net, "classes", 0))
            labels = torch.zeros(references, dtype=torch.int64) if classes else None
            reference_norm(net, torch.zeros(references, *spec.shape), labels, kind=kind, known=False)
    return _learning(game) if "D" in _chosen(game, of) else remade(game)


def _learning(game: Game) -> Game:
    """Whoever moves first shows D's references to it."""
    moves = []
    for move in game.moves:
        def objective(nets: Any, round: Round, inner: Any = move.objective) -> Terms:
            references: References = nets.D.references
            references.learn(round.batch.x, round.batch.y)
            return inner(nets, round)

        moves.append(replaced(move, objective, {}))
    return remade(game, moves=moves)
