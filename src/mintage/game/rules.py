"""Rules: how the moves of a round combine. w are all players' parameters, v(w) the field of their own gradients.

    alternating    the players move one after another, each seeing the moves before its own (Goodfellow et al. 2014,
                   https://arxiv.org/abs/1406.2661)
    simultaneous   w' = w - h v(w)
    extragradient  w' = w - h v(w - h v(w))   (Korpelevich 1976; Gidel et al. 2019, https://arxiv.org/abs/1802.10551)
    optimistic     w' = w - h (2 v_k - v_{k-1})   (Daskalakis et al. 2018, https://arxiv.org/abs/1711.00141)

Here h v stands for whatever the players' optimizers make of the gradients. The rule of consensus has a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.game.accumulation import parts_of
from mintage.game.moves import Move
from mintage.game.round import Round

if TYPE_CHECKING:
    from mintage.game.game import Game

Rule = Callable[["Game", Round], None]


def alternating(game: Game, round: Round) -> None:
    """One player after another; a repeated move sees fresh examples each turn."""
    for number, move in enumerate(game.moves):
        if move.due(round.index):
            for turn in range(move.repeat):
                if turn:
                    round.refresh()
                game.begin(round, number, turn)
                gradients(game, move, round)
                step(game, move.player, round)


def simultaneous(game: Game, round: Round) -> None:
    """All players at once, from the same point."""
    _field(game, round, turn=0)
    for player in _movers(game):
        step(game, player, round)


def extragradient(game: Game, round: Round) -> None:
    """Look one step ahead, then step from where the players stood with the gradients found there.

    Weights and optimizers go back; batch statistics and memory take in both looks.
    """
    go_back = _footing(game)
    simultaneous(game, round)
    _field(game, round, turn=1)
    go_back()
    for player in _movers(game):
        step(game, player, round)


def optimistic(game: Game, round: Round) -> None:
    """All players at once, along 2 v_k - v_{k-1}: extragradient's look ahead at no second gradient; v_{-1} = v_0.

    The optimizer is handed the extrapolated gradient, and keeps the last one beside its own state of each parameter, as
    "previous". A parameter without a gradient in this round stays as it is.

    Training GANs with Optimism (Daskalakis et al., 2018), eq. 6, https://arxiv.org/abs/1711.00141, whose Adam
    extrapolates Adam's steps instead; A Variational Inequality Perspective on GANs (Gidel et al., 2019),
    https://arxiv.org/abs/1802.10551
    """
    _field(game, round, turn=0)
    for player in _movers(game):
        state = game.optimizers[player].state
        field = {p: p.grad for p in game.parameters[player] if p.grad is not None}
        for p, v in field.items():
            p.grad = torch.lerp(state[p]["previous"], v, 2.0) if "previous" in state[p] else v.clone()
        step(game, player, round)
        for p, v in field.items():
            if "previous" in state[p]:  # in place, because the ledger keeps a hold of what is there
                state[p]["previous"].copy_(v)
            else:
                state[p]["previous"] = v


def gradients(game: Game, move: Move, round: Round, *, add: bool = False) -> None:
    """Leave the gradients of the move's loss in its player's parameters, and its terms in the round's stats.

    Everything of a move happens here: terms are weighted and summed before one backward pass.
    """
    quick = game.compiled.get(round.move)
    if quick is not None:
        quick(game, round, add=add)
        return
    if not add:
        for parameter in game.parameters[move.player]:
            parameter.grad = None
    parts = parts_of(round, game.parts)
    losses = []
    with game.moving(move.player):
        for part in parts:
            with game.autocast():
                terms = move.objective(game.nets, part)
            loss = move.loss(terms, round.clock)
            losses.append(loss.detach())
            (loss if len(parts) == 1 else loss / len(parts)).backward()
            for name, term in terms.items():
                part.stats[f"{move.player}/{name}"] = term.detach()
    if len(parts) > 1:
        round.stats |= {name: torch.stack([part.stats[name] for part in parts]).mean() for name in parts[0].stats}
    account(game, move.player, losses[0] if len(parts) == 1 else torch.stack(losses).mean(), round)


def account(game: Game, player: str, loss: Tensor, round: Round) -> None:
    """The norm of the player's gradient for the log; with the loss added, it is finite where both are."""
    norm = total_norm([p.grad for p in game.parameters[player] if p.grad is not None])
    round.finite.append(loss.detach() + norm)
    round.stats[f"{player}/gradient"] = norm


def total_norm(tensors: list[Tensor]) -> Tensor:
    """The Euclidean norm of all tensors as one, a scalar; 0 of none."""
    if not tensors:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))


def step(game: Game, player: str, round: Round) -> None:
    """One step of the player's optimizer at the rates of this moment, then its projection."""
    described, optimizer = game.players[player], game.optimizers[player]
    described.optimizer.set(optimizer, round.clock)
    optimizer.step()
    if described.project is not None:
        with torch.no_grad():
            for name in described.nets:
                described.project(game.net(name))


def _movers(game: Game) -> list[str]:
    return list(dict.fromkeys(move.player for move in game.moves))


def _field(game: Game, round: Round, turn: int) -> None:
    seen: set[str] = set()
    for number, move in enumerate(game.moves):
        game.begin(round, number, turn)
        gradients(game, move, round, add=move.player in seen)
        seen.add(move.player)


def _footing(game: Game) -> Callable[[], None]:
    """Where the players stand now, weights and optimizers; called, it takes them back there, in place."""
    optimizers = list(game.optimizers.values())
    live: list[Tensor] = [p.detach() for owned in game.parameters.values() for p in owned]
    live += [entry for optimizer in optimizers for state in optimizer.state.values()
             for entry in state.values() if isinstance(entry, Tensor)]
    stood = [tensor.clone() for tensor in live]
    known = [set(optimizer.state) for optimizer in optimizers]

    def go_back() -> None:
        torch._foreach_copy_(live, stood)
        for optimizer, before in zip(optimizers, known, strict=True):
            for parameter in set(optimizer.state) - before:
                del optimizer.state[parameter]

    return go_back
