"""Accumulation: a round's batch in k equal parts, one after another, for batches that do not fit into memory.

A term that is a mean over N examples is the mean of its k means over N / k examples each, and so is its gradient:

    grad (1/N) sum_i l_i  =  (1/k) sum_j grad (k/N) sum_(i in part j) l_i

Objectives know nothing of it: each is called k times, and its round is a *part*, which has its own slice of the batch
and of the latents of the whole round: every k-th of them, so that a term on the first share of each part is the term on
the first share of the whole. Other draws are a part's own: a penalty on random mixtures is another estimate of the same
mean. What is not a mean over examples (statistics of a batch, relative averages) has another gradient in parts, and is
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils import _pytree as pytree

from mintage.game.round import Batches, Notes, Prior, Round

if TYPE_CHECKING:
    from mintage.game.game import Game

FEW = 16
TOLERANCE = 1e-4
EVEN = ("alternating", "simultaneous", "extragradient", "optimistic")


class Part(Round):
    """Part number `number` of `count` of a round: its slice of the batch and of the latents, and notes of its own."""

    def __init__(self, whole: Round, number: int, count: int) -> None:
        super().__init__(whole.index, whole.clock, whole.batches, whole.seed, whole.device)
        self.whole, self.number, self.count = whole, number, count
        self.notes = Notes()

    @property
    def size(self) -> int:
        return self.whole.size // self.count

    @property
    def examples(self) -> int:
        return self.whole.examples

    @property
    def batch(self) -> Any:
        return pytree.tree_map(lambda leaf: self._slice(leaf) if isinstance(leaf, Tensor) else leaf, self.whole.batch)

    def begin(self, move: int, turn: int) -> None:
        self._turn, self._calls, self.stats = (move, turn), {}, {}

    def draw(self, prior: Prior, n: int | None = None) -> Tensor:
        """This part's share of the latents that the whole round draws."""
        return self._slice(prior(self.count * (n or self.size), self.generator("latent")))

    def generator(self, purpose: str, device: torch.device | str | None = None) -> torch.Generator:
        """A generator of this part's own."""
        return super().generator(purpose if purpose == "latent" else f"{purpose}, part {self.number}", device)

    def _slice(self, tensor: Tensor) -> Tensor:
        return tensor[self.number::self.count]


def parts_of(round: Round, count: int) -> list[Round]:
    """The parts of a round, at the turn it is in. They are the same ones for all its moves: notes stay with them."""
    if count == 1:
        return [round]
    if len(round.parts) != count:
        round.parts = [Part(round, number, count) for number in range(count)]
    for part in round.parts:
        part.begin(*round._turn)
    return round.parts


def split(game: Game, count: int) -> Game:
    """Let `game` play its rounds in `count` parts.

    Raises:
        ValueError: a count below 1, a network that mixes the examples of a batch, or a rule that is not split.
    """
    if count < 1:
        raise ValueError(f"a round is split into {count} parts; give 1 or more")
    if count > 1:
        for name, module in game.nets.named_modules():
            if _mixes(module):
                raise ValueError(f"{name} ({type(module).__name__}) mixes the examples of a batch, so a batch in "
                                 f"{count} parts has other gradients; use a system without batch norm and minibatch "
                                 "statistics, or a smaller batch without --accumulate")
        if game.rule.__name__ not in EVEN:
            raise ValueError(f"the rule {game.rule.__name__!r} is not played in parts; one of {', '.join(EVEN)} is")
    game.parts = count
    return game


def check_parts(game: Game, batches: Batches, seed: int) -> None:
    """Whether the gradients of each move in parts are those of the whole, on the first few examples.

    A move that draws anything besides latents may draw otherwise in parts, so nothing can be told of it.

    Raises:
        ValueError: a batch size that is no multiple of the parts, or a move whose terms are not means over examples.
    """
    from mintage.game.ledger import Ledger

    if batches.size % game.parts:
        raise ValueError(f"a batch of {batches.size} is not {game.parts} equal parts; let --batch be a multiple of "
                         "--accumulate")
    few, count, ledger = Few(batches), game.parts, Ledger(game)
    if few.size < 4:
        return
    ledger.commit()
    try:
        whole, drew = _gradients(game, few, seed, 1)
        ledger.undo()
        parted, _ = _gradients(game, few, seed, 2)
    finally:
        game.parts = count
        ledger.undo()
    for move, one, other, free in zip(game.moves, whole, parted, drew, strict=True):
        off = float((one - other).norm() / one.norm().clamp_min(1e-12))
        if not (off <= (TOLERANCE if game.precision == "fp32" else 0.05) or free):
            raise ValueError(f"the objective of player {move.player!r} is not a mean over examples: in parts its "
                             f"gradient is off by {off:.1e}; play it without --accumulate")


class Few:
    """The first examples of each batch, an even number of them."""

    def __init__(self, batches: Batches) -> None:
        self.batches, self.size = batches, min(FEW, batches.size) // 2 * 2

    def __call__(self, position: int) -> Any:
        return pytree.tree_map(lambda leaf: leaf[:self.size] if isinstance(leaf, Tensor) else leaf,
                               self.batches(position))


def _gradients(game: Game, batches: Batches, seed: int, parts: int) -> tuple[list[Tensor], list[bool]]:
    """The gradients of all moves of a round in which nobody steps, one vector each, and which of them drew
    something besides latents."""
    from mintage.game.rules import gradients

    game.parts = parts
    round, found, drew = Round(game.index, game.clock(1 << 60), batches, seed, game.device), [], []
    for number, move in enumerate(game.moves):
        game.begin(round, number, 0)
        gradients(game, move, round)
        called = set().union(*(part._calls for part in [round, *round.parts]))
        drew.append(bool(called - {"latent"}))
        slopes = [p.grad for p in game.parameters[move.player] if p.grad is not None]
        found.append(torch.cat([slope.double().reshape(-1) for slope in slopes] or [torch.zeros(1).double()]))
    return found, drew


def _mixes(module: nn.Module) -> bool:
    batch = isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
    return batch or bool(getattr(module, "mixes_examples", False))
