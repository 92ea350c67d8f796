"""The Dirac-GAN's plane: data at 0, a model at theta, D(x) = psi x; one point (theta, psi) a round.

Played by the library's own game from (1, 1) with steps of 0.1, the objectives and penalties as systems use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from mintage import objectives
from mintage.game import Game, Move, Player, alternating, play, sgd
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.streams import Stream
from mintage.systems.moves import critic, generator

RATE, ROUNDS, SIZE, WEIGHT = 0.1, 500, 16, 0.3
Track = list[tuple[float, float]]


class Theta(nn.Module):
    """G: every sample is theta."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.value.expand(len(z), 1)


class Psi(nn.Module):
    """D(x) = psi x."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.value * x.flatten(1).sum(1)


def nothing(n: int, generator: torch.Generator) -> Tensor:
    """n points at 0: the data, and latents that G does not look at."""
    return torch.zeros(n, 1, dtype=torch.float64)


def played(*, penalty: Any = None, rule: Any = alternating, loss: str = "non_saturating",
           controllers: Sequence[Any] = (), watch: Callable[[], float] | None = None) -> Track:
    """(theta, psi) after every round, the start included."""
    if penalty is None and not controllers:
        return _plain(rule, loss)
    return _track(penalty, rule, loss, controllers, watch)


@cache
def _plain(rule: Any, loss: str) -> Track:
    return _track(None, rule, loss, (), None)


def _track(penalty: Any, rule: Any, loss: str, controllers: Sequence[Any], watch: Callable[[], float] | None) -> Track:
    pair = getattr(objectives, loss)
    G, D = Theta(), Psi()
    penalties, weights = ({"penalty": penalty}, {"penalty": WEIGHT}) if penalty is not None else ({}, {})
    moves = [Move("D", critic(pair, nothing, penalties=penalties), weights=weights),
             Move("G", generator(pair, nothing))]
    players = {"D": Player("D", sgd(RATE)), "G": Player("G", sgd(RATE))}
    game = Game({"G": G, "D": D}, players, moves, rule=rule, controllers=list(controllers))
    track = [(G.value.item(), D.value.item())]
    for _ in play(game, Stream(nothing, SIZE, 0), ROUNDS * SIZE, seed=0):
        track.append((G.value.item(), D.value.item()))
        if watch:
            watch()
    return track


def watched(watch: Callable[[], float], controllers: Sequence[Any]) -> list[float]:
    """What `watch` says after every round of a game with these controllers."""
    said: list[float] = []
    played(controllers=controllers, watch=lambda: said.append(watch()) or 0.0)
    return said


def drawn(tracks: dict[str, Track]) -> Any:
    """The plane, and the distance from the equilibrium over the rounds."""
    figure, ((left, right),) = panels(2, width=3.9, height=3.3)
    colours = ["#aaaaaa", COLOURS[0]] if len(tracks) > 1 else [COLOURS[0]]
    reach = 1.6
    for colour, (name, track) in zip(colours, tracks.items(), strict=True):
        theta, psi = zip(*track, strict=True)
        left.plot(theta, psi, color=colour, linewidth=1.1, label=name)
        right.semilogy([max(1e-12, math.hypot(*point)) for point in track], color=colour, label=name)
    left.plot(1, 1, "o", color="#555", markersize=4)
    left.plot(0, 0, "+", color="#d55e00", markersize=10, markeredgewidth=1.8)
    left.set(xlabel="theta, the model", ylabel="psi, the critic", xlim=(-reach, reach), ylim=(-reach, reach),
             aspect="equal", title="From (1, 1); equilibrium at +")
    last = math.hypot(*track[-1])
    end = f"{last:.3g}" if last > 1e-12 else "below 1e-12"
    right.set(xlabel="rounds", ylabel="distance from the equilibrium",
              title=f"From 1.41 to {end} in {ROUNDS} rounds")
    right.legend()
    return figure
