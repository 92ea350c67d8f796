"""What rows of games share: a peer's loop over a loader in memory, our own loop, and how far the losses of two sides
lie apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from bench.pairing import Play
from mintage.data import Batches, Examples, open_data
from mintage.game import Game, Round, generator, play
from mintage.latent import normal

SIDE = 32
FOREVER = 1 << 60


def examples() -> Examples:
    """Handwritten digits at 32 x 32."""
    return open_data("digits", resolution=(SIDE, SIDE))


def endless(loader: Iterable[Any]) -> Iterator[Any]:
    """One epoch after another."""
    while True:
        yield from loader


def shuffled(batch: int) -> Iterator[Tensor]:
    """Reals as a peer's script gets them: from torch's loader over images in memory, shuffled, whole batches only."""
    data = examples()
    loader = DataLoader(TensorDataset(data.gather(torch.arange(len(data))).x), batch, shuffle=True, drop_last=True)
    return (real for (real,) in endless(loader))


def repeated(step: Callable[[], object]) -> Play:
    """A step, over and over."""

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    return steps


def played(game: Game, data: Examples, batch: int) -> Play:
    """Rounds of mintage's own loop on its own stream of batches."""
    rounds = play(game, Batches(data, batch, 0), FOREVER)
    return repeated(lambda: next(rounds))


def drawn(round: Round, move: int, turn: int = 0, *, like: tuple[int, int]) -> Tensor:
    """The first normal latents `like` [N, dimensions] that this turn of a round drew."""
    return normal(like[1])(like[0], generator(round.seed, round.index, move, turn, "latent", 0))


def apart(found: float | Tensor, expected: float, least: float = 1e-30) -> float:
    """How far two losses lie apart, relative to the expected one or to `least`."""
    return abs(float(found) - expected) / max(least, abs(expected))
