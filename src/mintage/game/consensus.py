"""Consensus: the players also lower, together, how far their field is from rest.

v(w) is the field of the players' own gradients, w all players' parameters, J = dv/dw:

    w' = w - h (v + gamma grad 1/2 |v|^2)     with   grad 1/2 |v|^2 = J^T v

so that a centre of the flow (eigenvalues +-ic of a Dirac-GAN) becomes attracting: -gamma c^2 +- ic.

The Numerics of GANs (Mescheder, Nowozin and Geiger, 2017), section 4. https://arxiv.org/abs/1705.10461
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.game.round import Round
from mintage.game.rules import Rule, account, step

if TYPE_CHECKING:
    from mintage.game.game import Game


def consensus(gamma: float = 10.0) -> Rule:
    """All players at once, each along its own gradient and along gamma times that of 1/2 |v|^2.

    Each objective is computed once, and differentiated twice: it must be twice differentiable in all players'
    parameters, and an objective that detaches what another player made hides its part of J. The log has 1/2 |v|^2 as
    rule/energy, and the gradient of a player with its consensus part.

    Args:
        gamma: weight of 1/2 |v|^2, positive.

    Raises:
        ValueError: gamma is not a positive number.
    """
    if not (math.isfinite(gamma) and gamma > 0):
        raise ValueError(f"consensus has gamma={gamma!r}; it must be a positive number (0 is rule=simultaneous)")

    def rule(game: Game, round: Round) -> None:
        moved, v = field(game, round)
        energy = torch.stack([part.square().sum() for part in v]).sum() / 2
        for parameter, part, pull in zip(moved, v, _pulls(gamma * energy, moved), strict=True):
            parameter.grad = part.detach() + pull
        round.stats["rule/energy"] = energy.detach()
        for player in dict.fromkeys(move.player for move in game.moves):
            account(game, player, energy, round)
            step(game, player, round)

    rule.__name__ = rule.__qualname__ = f"consensus({gamma:g})"
    return rule


def _pulls(energy: Tensor, moved: list[Tensor]) -> tuple[Tensor, ...]:
    """The gradient of the energy; zeros where the field is constant."""
    if not energy.requires_grad:
        return tuple(torch.zeros_like(p) for p in moved)
    return torch.autograd.grad(energy, moved, materialize_grads=True)


def field(game: Game, round: Round) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters of all players that move, and v there, differentiable in them; each objective computed once."""
    losses: dict[str, Tensor] = {}
    for number, move in enumerate(game.moves):
        game.begin(round, number, 0)
        with game.autocast():
            terms = move.objective(game.nets, round)
        loss = move.loss(terms, round.clock)
        losses[move.player] = losses[move.player] + loss if move.player in losses else loss
        round.stats |= {f"{move.player}/{name}": term.detach() for name, term in terms.items()}
    moved: list[Tensor] = []
    v: list[Tensor] = []
    for player, loss in losses.items():
        moved += game.parameters[player]
        v += torch.autograd.grad(loss, game.parameters[player], create_graph=True, materialize_grads=True)
    return moved, v
