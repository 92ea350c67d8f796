"""Graphs: a move recorded once on a GPU and then played back, so that the host no longer starts its kernels one by one.

What is recorded is the move itself, as autograd makes it: terms, their weighted sum, its gradient, the norm. Nothing is
compiled or rewritten, so explicit penalties and networks with statistics are recorded like all others. The record reads
its inputs (the batch, the latents, the weights of the terms) from fixed places, into which each round writes its own;
and it draws from generators of its own, which each round seeds with the keys that it would have used.

Recording is asked for (`mintage train --compile graphs`) and never chosen by itself. Each record is compared, as a
compiled move is (`mintage.game.compiling`), with the move left to autograd, on draws and examples other than those it
was made with. What depends on the round in another way, and what the host remembers, is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from mintage.game.averages import Average
from mintage.game.clock import at
from mintage.game.compiling import Found, a_round, quicken
from mintage.game.round import Batches, Prior, Round
from mintage.game.rules import alternating, simultaneous, total_norm
from mintage.game.tracing import Listening, Untraceable

if TYPE_CHECKING:
    from mintage.game.game import Game

Work = Callable[[], list[Tensor]]
Recorder = Callable[[Work, Sequence[torch.Generator]], tuple[list[Tensor], Callable[[], None]]]
"""(work, the generators it draws from) -> (what it returns, in fixed places; a function that does it again)."""
WARM = 3  # plays before recording, in which libraries set themselves up


def unrecordable(device: torch.device) -> str:
    """Why nothing can be recorded on this device; empty where it can."""
    if device.type != "cuda":
        return f"graphs are recorded on CUDA devices, and this one is {device.type}"
    here = torch.cuda.current_device()
    return "" if device.index in (None, here) else f"graphs are recorded on the process's own device, cuda:{here}"


def graph_moves(game: Game, batches: Batches, *, seed: int = 0, only: Collection[int] | None = None,
                record: Recorder | None = None) -> list[Found]:
    """Record what can be recorded of `game`, whose state stays as it is.

    Args:
        only: the moves to record, by number; all by default.
        record: how; by torch's CUDA graphs by default.
    """
    return quicken(game, batches, lambda number: GraphedMove(game, number, batches, seed, record or recorded),
                   seed=seed, only=only, why="" if record else unrecordable(game.device))


def recorded(work: Work, generators: Sequence[torch.Generator]) -> tuple[list[Tensor], Callable[[], None]]:
    """By a CUDA graph, after a few plays on a stream beside the present one, as recording asks."""
    here, beside = torch.cuda.current_stream(), torch.cuda.Stream()
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        for _ in range(WARM):
            work()
    here.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        left = work()
    return left, graph.replay


class Overheard(Listening):
    """A round that also remembers which generators were asked for."""

    def generator(self, purpose: str, device: torch.device | str | None = None) -> torch.Generator:
        if device is not None and torch.device(device).type != self.device.type:
            raise Untraceable(f"its objective draws on another device ({purpose})")
        self.asked: list[str] = [*getattr(self, "asked", []), purpose]
        return super().generator(purpose, device)


class Stage:
    """What stands in for the round in a record: inputs in fixed places, generators of the record's own."""

    def __init__(self, batch: Any, latents: list[Tensor], generators: list[torch.Generator], like: Round) -> None:
        self.batch, self.size, self.device = batch, like.size, like.device
        self.stats: dict[str, Tensor] = {}
        self._latents, self._generators = iter(latents), iter(generators)

    def draw(self, prior: Prior, n: int | None = None) -> Tensor:
        return next(self._latents)

    def generator(self, purpose: str, device: Any = None) -> torch.Generator:
        return next(self._generators)

    def __getattr__(self, name: str) -> Any:
        raise Untraceable(f"its objective uses round.{name}, which is not the same in every round")


class GraphedMove:
    """A move by its record.

    Raises:
        Untraceable: the move cannot be recorded; the reason.
    """

    def __init__(self, game: Game, number: int, batches: Batches, seed: int, record: Recorder) -> None:
        refuse(game)
        self.game, self.move = game, game.moves[number]
        self.mine = game.parameters[self.move.player]
        heard = a_round(game, batches, seed, kind=Overheard)
        game.begin(heard, number, 0)
        heard.asked = []
        with game.moving(self.move.player), game.autocast():
            self.terms = list(self.move.objective(game.nets, heard))
        self.stats, self.drawn = list(heard.stats), getattr(heard, "drawn", [])
        self.purposes = [purpose for purpose in heard.asked if purpose != "latent"]
        self.wide = max((p.dtype for p in self.mine), key=lambda kind: kind.itemsize)
        self.weights: list[float] = [1.0] * len(self.terms)
        self.scale = torch.ones(len(self.terms), dtype=self.wide, device=game.device)
        leaves, self.structure = pytree.tree_flatten(heard.batch)
        self.leaves = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        first = a_round(game, batches, seed)
        game.begin(first, number, 0)
        self.latents = [first.draw(prior, n).clone() for prior, n in self.drawn]
        self.of_layers = [torch.Generator(device=game.device) for _ in game._drawing]
        self.of_objective = [torch.Generator(device=game.device) for _ in self.purposes]
        self.seed(first)
        left, self.replay = record(self.work, [*self.of_layers, *self.of_objective])
        self.figures, self.slopes = left[0], left[1:]

    def work(self) -> list[Tensor]:
        """The move: its figures in one tensor (loss, norm, terms, statistics), and the gradients there are."""
        for (_, module), generator in zip(self.game._drawing, self.of_layers, strict=True):
            module.generator = generator
        stage: Any = Stage(pytree.tree_unflatten(self.leaves, self.structure), self.latents, self.of_objective,
                           a_round(self.game, _Sized(self.size), 0))
        with torch.enable_grad(), self.game.moving(self.move.player):
            with self.game.autocast():
                terms = self.move.objective(self.game.nets, stage)
            loss = (torch.stack([terms[name].to(self.wide) for name in self.terms]) * self.scale).sum()
            slopes = torch.autograd.grad(loss, self.mine, allow_unused=True)
        self.used = [slope is not None for slope in slopes]
        found = [slope for slope in slopes if slope is not None]
        figures = [loss, total_norm(found), *terms.values(), *(stage.stats[name] for name in self.stats)]
        return [torch.stack([figure.detach().to(self.wide) for figure in figures]), *found]

    @property
    def size(self) -> int:
        """Examples in the batch that was recorded."""
        return next(len(leaf) for leaf in self.leaves if isinstance(leaf, Tensor))

    def seed(self, round: Round) -> None:
        """Seed the record's generators as this turn would seed its own."""
        for (_, module), generator in zip(self.game._drawing, self.of_layers, strict=True):
            generator.manual_seed(module.generator.initial_seed())
        for purpose, generator in zip(self.purposes, self.of_objective, strict=True):
            generator.manual_seed(round.generator(purpose).initial_seed())

    def write(self, round: Round) -> None:
        """Write what this round computes with into the fixed places.

        Raises:
            ValueError: a batch of another size than the recorded one.
        """
        if round.size != self.size:
            raise ValueError(f"a recorded move was made for a batch of {self.size} and is played with one of "
                             f"{round.size}; record the game again")
        weights = [self.move.every * at(self.move.weights.get(name, 1.0), round.clock) for name in self.terms]
        if weights != self.weights:
            self.weights = weights
            self.scale.copy_(torch.tensor(weights, dtype=self.wide))
        for place, leaf in zip(self.leaves, pytree.tree_leaves(round.batch), strict=True):
            if isinstance(place, Tensor):
                place.copy_(leaf)
        for latent, (prior, n) in zip(self.latents, self.drawn, strict=True):
            latent.copy_(round.draw(prior, n))
        self.seed(round)

    @torch.no_grad()
    def __call__(self, game: Game, round: Round, *, add: bool = False) -> None:
        """Leave the gradients in the player's parameters and the figures in the round, as `rules.gradients` does."""
        self.write(round)
        self.replay()
        slopes = iter(self.slopes)
        for parameter, used in zip(self.mine, self.used, strict=True):
            before, slope = parameter.grad if add else None, next(slopes) if used else None
            parameter.grad = slope if before is None else before if slope is None else before + slope
        loss, norm, *figures = self.figures.clone().unbind()  # the next play writes over what is recorded
        player = self.move.player
        round.stats.update(zip([*(f"{player}/{name}" for name in self.terms), *self.stats], figures, strict=True))
        if add:
            norm = total_norm([p.grad for p in self.mine if p.grad is not None])
        round.finite.append(loss + norm)
        round.stats[f"{player}/gradient"] = norm


def refuse(game: Game) -> None:
    """Refuse games whose moves depend on more than a record can read.

    Raises:
        Untraceable: the reason.
    """
    if game.parts > 1:
        raise Untraceable("its batch is split into parts")
    if game.memory:
        raise Untraceable("the game remembers between rounds")
    if game.rule not in (alternating, simultaneous):
        raise Untraceable(f"the rule {game.rule.__name__!r} keeps gradients, which a record writes over")
    if any(not isinstance(controller, Average) and controller.tensors() for controller in game.controllers):
        raise Untraceable("a controller turns a knob that the host may have read")


class _Sized:
    """The size of a batch, where nothing is drawn from it."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, position: int) -> Any:
        raise Untraceable("a record asks for a batch")
