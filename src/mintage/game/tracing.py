"""Tracing: a move as a flat list of tensor operations.

A move's loss L(w, b; c, x, z) is a function of the networks' weights w and buffers b, the weights c of its terms, the
round's batch x and the latents z that its objective draws. Traced once, with dL/dw of its player, it becomes a graph
without autograd whose inputs are these and whose outputs are

    L,  |dL/dw|,  dL/dw (one for each parameter it depends on),  the terms,  the statistics left for the log

What would differ from round to round in any other way (the clock, notes, a layer or a penalty that draws) cannot be
traced, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from mintage.game.clock import at
from mintage.game.controllers import Growth
from mintage.game.moves import Objective
from mintage.game.round import Prior, Round
from mintage.game.rules import total_norm

if TYPE_CHECKING:
    from mintage.game.game import Game


class Untraceable(ValueError):
    """A move that is more than a function of weights, batch and latents."""


def refuse_growth(game: Game) -> None:
    """Refuse networks that will not be computed tomorrow as today."""
    if any(isinstance(controller, Growth) for controller in game.controllers):
        raise Untraceable("its networks grow")


class Listening(Round):
    """A round that remembers which latents were drawn."""

    def draw(self, prior: Prior, n: int | None = None) -> Tensor:
        self.drawn: list[tuple[Prior, int]] = [*getattr(self, "drawn", []), (prior, n or self.size)]
        return super().draw(prior, n)


class Script:
    """What stands in for the round while a move is traced: a batch and latents that are inputs, and nothing else."""

    def __init__(self, batch: Any, latents: list[Tensor], size: int, device: torch.device) -> None:
        self.batch, self.latents, self.size, self.device = batch, iter(latents), size, device
        self.stats: dict[str, Tensor] = {}

    def draw(self, prior: Prior, n: int | None = None) -> Tensor:
        return next(self.latents)

    def generator(self, purpose: str, device: Any = None) -> Any:
        return Undrawn(purpose)

    def __getattr__(self, name: str) -> Any:
        raise Untraceable(f"its objective uses round.{name}, which is not the same in every round")


class Undrawn:
    """What stands in for a generator that an objective asks for: it may be handed on, and not be drawn from."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose

    def __getattr__(self, name: str) -> Any:
        raise Untraceable(f"its objective draws ({self._purpose}), and not latents only")


class Traced:
    """Move number `number` of `game` in the making: its inputs in a round, and the graph of what it computes.

    Raises:
        Untraceable: the move cannot be traced; the reason.
    """

    def __init__(self, game: Game, number: int, round: Listening) -> None:
        self.game, self.move, self.size = game, game.moves[number], round.size
        if game.parts > 1:
            raise Untraceable("its batch is split into parts")
        refuse_growth(game)
        if game._drawing:
            raise Untraceable(f"the layer {game._drawing[0][0]} draws")
        named = dict(game.nets.named_parameters()) | dict(game.nets.named_buffers())
        self.keys, self.held = list(named), [tensor.detach() for tensor in named.values()]
        place = {id(tensor): number for number, tensor in enumerate(named.values())}
        self.mine = [place[id(parameter)] for parameter in game.parameters[self.move.player]]
        self.wide = max((t.dtype for t in self.held if t.is_floating_point()), key=lambda d: d.itemsize,
                        default=torch.float32)
        game.begin(round, number, 0)
        with game.moving(self.move.player), game.autocast():
            self.terms = list(self.move.objective(game.nets, round))
        self.stats, self.drawn = list(round.stats), getattr(round, "drawn", [])
        self.leaves, self.structure = pytree.tree_flatten(round.batch)

    def inputs(self, round: Round) -> list[Tensor]:
        """What this round computes with, in the order of the graph.

        Raises:
            ValueError: a batch of another size than the one before.
        """
        weights = [self.move.every * at(self.move.weights.get(name, 1.0), round.clock) for name in self.terms]
        batch = [leaf for leaf in pytree.tree_leaves(round.batch) if isinstance(leaf, Tensor)]
        latents = [round.draw(prior, n) for prior, n in self.drawn]
        drawn = [*batch, *latents]
        sizes = [tensor.shape for tensor in drawn]
        self.sizes = getattr(self, "sizes", sizes)
        if sizes != self.sizes:
            raise ValueError(f"a compiled move was made for a batch of {self.size} and is played with one of "
                             f"{round.size}; compile the game again")
        return [*self.held, torch.tensor(weights, dtype=self.wide, device=round.device), *drawn]

    def graph(self, inputs: list[Tensor]) -> fx.GraphModule:
        """The move as a graph."""
        from torch.fx.experimental.proxy_tensor import make_fx

        graph = make_fx(self.whole)(*inputs)
        changing = {t.untyped_storage().data_ptr() for t in self.game.tensors().values()}
        for name in {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}:
            constant = getattr(graph, name)
            if isinstance(constant, Tensor) and constant.untyped_storage().data_ptr() in changing:
                raise Untraceable("its objective reads a tensor of the game that is not in a network")
        return graph

    def whole(self, *flat: Tensor) -> list[Tensor]:
        """The function that is traced."""
        rest = iter(flat)
        state = [next(rest) for _ in self.held]
        for place in self.mine:
            state[place] = state[place].detach().requires_grad_()
        weights = next(rest)
        batch = pytree.tree_unflatten([next(rest) if isinstance(leaf, Tensor) else leaf for leaf in self.leaves],
                                      self.structure)
        script = Script(batch, list(rest), self.size, self.game.device)
        named = {f"nets.{key}": tensor for key, tensor in zip(self.keys, state, strict=True)}
        with torch.enable_grad():
            with self.game.autocast():
                terms = _called(Whole(self.move.objective, self.game.nets), named, script)
            loss = (torch.stack([terms[name].to(self.wide) for name in self.terms]) * weights).sum()
            slopes = torch.autograd.grad(loss, [state[place] for place in self.mine], allow_unused=True)
        self.used = [slope is not None for slope in slopes]
        found = [slope for slope in slopes if slope is not None]
        found = [loss, total_norm(found), *found, *terms.values(), *script.stats.values()]
        return [tensor.detach() for tensor in found]


class Whole(nn.Module):
    """An objective and the networks it is a function of, as one module."""

    def __init__(self, objective: Objective, nets: nn.Module) -> None:
        super().__init__()
        self.objective, self.nets = objective, nets

    def forward(self, round: Any) -> Any:
        return self.objective(self.nets, round)


def _called(whole: Whole, named: dict[str, Tensor], script: Script) -> Any:
    try:
        return torch.func.functional_call(whole, named, (script,))
    except TypeError as error:
        if Undrawn.__name__ in str(error):  # torch's functions refuse what is no generator
            raise Untraceable("its objective draws, and not latents only") from error
        if "Multiple dispatch failed" in str(error):
            raise Untraceable("its objective differentiates by its own means, as an explicit penalty does") from error
        raise
