"""Compiling: the weight gradients of a move by kernels made for it, once in a process.

A move that can be traced (`mintage.game.tracing`) becomes a graph without autograd, and torch's compiler fuses its
operations. So a round no longer pays for each operation and for recording it, which is most of the time of a small
network; large convolutions gain little.

No compiled move is used that was not compared, in this process and on this game's weights, with the same move left to
autograd: every weight gradient, term, statistic and buffer. That holds for graphs that contain a gradient of a gradient
as for all others. The networks stay what they are: no wrapper, the same names in their state.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, fx

from mintage.game.clock import Clock
from mintage.game.ledger import Ledger
from mintage.game.round import Batches, Round
from mintage.game.rules import account, gradients
from mintage.game.tracing import Listening, Traced, Untraceable

if TYPE_CHECKING:
    from mintage.game.game import Game

Quick = Callable[..., None]
"""A move made otherwise: (game, round, add=False) leaves the gradients and figures that the move would leave."""
Maker = Callable[[fx.GraphModule, list[Tensor]], Callable[..., Any]]
FOREVER = 1 << 60
TOLERANCE = {"fp32": 1e-4, "bf16": 5e-2}
"""How far a compiled tensor may be from autograd's, as a share of its norm and a hundredth of the largest gradient's,
for some gradients are zero but for rounding. In bf16 the two round in other places."""


class Found(NamedTuple):
    """What became of a move: the reason it is not compiled, empty where it is, and the seconds that took."""

    player: str
    reason: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.player}: not compiled ({self.reason})" if self.reason else f"{self.player}: compiled"


def unable(device: torch.device) -> str:
    """Why nothing can be compiled for this device here; empty where it can."""
    if device.type == "cuda":
        return "" if find_spec("triton") else "torch's compiler needs the package triton for a GPU"
    if device.type != "cpu":
        return f"torch's compiler is not used on {device.type}"
    asked = os.environ.get("CXX")
    if any(shutil.which(name) for name in ([asked] if asked else ["g++", "clang++", "cl"])):
        return ""
    return f"torch's compiler needs a C++ compiler on a CPU, and there is no {asked or 'g++ or clang++'} here"


def compile_moves(game: Game, batches: Batches, *, seed: int = 0, only: Collection[int] | None = None,
                  make: Maker | None = None) -> list[Found]:
    """Compile what can be compiled of `game`, whose state stays as it is.

    Args:
        only: the moves to compile, by number; all by default. A run that goes on compiles those it began with.
        make: makes a function of a graph and the inputs it was traced with; torch's compiler by default.
    """
    why = "" if make else unable(game.device)

    def build(number: int) -> Quick:
        traced = Traced(game, number, a_round(game, batches, seed, kind=Listening))
        first = a_round(game, batches, seed)
        game.begin(first, number, 0)
        inputs = traced.inputs(first)
        return CompiledMove(traced, (make or _inductor)(traced.graph(inputs), inputs))

    found = quicken(game, batches, build, seed=seed, only=only, why=why)
    if not (make or why):
        _put_away()
    return found


def quicken(game: Game, batches: Batches, build: Callable[[int], Quick], *, seed: int, only: Collection[int] | None,
            why: str = "") -> list[Found]:
    """Replace the moves of `game` by what `build` makes of their numbers, where that is found equal to the move.

    Args:
        why: the reason why nothing can be built here, if there is one.
    """
    game.compiled.clear()
    found, quick = [], {}
    for number, move in enumerate(game.moves):
        began, reason = time.perf_counter(), why
        if only is not None and number not in only:
            reason = "not asked for"
        if not reason:
            try:
                quick[number] = _checked(game, number, batches, seed, build)
            except Exception as error:  # noqa: BLE001 (a compiler fails in many ways; the move stays, and why is said)
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
        found.append(Found(move.player, reason, time.perf_counter() - began))
    game.compiled.update(quick)
    return found


class CompiledMove:
    """A move by its kernels."""

    def __init__(self, traced: Traced, function: Callable[..., Any]) -> None:
        self.traced, self.function = traced, function
        self.mine = traced.game.parameters[traced.move.player]
        self.names = [*(f"{traced.move.player}/{name}" for name in traced.terms), *traced.stats]

    def __call__(self, game: Game, round: Round, *, add: bool = False) -> None:
        """Leave the gradients in the player's parameters, and in the round's stats the terms, the statistics and the
        norm; added to the gradients of an earlier move where asked."""
        with torch.no_grad():
            loss, norm, *rest = self.function(*self.traced.inputs(round))
            slopes = iter(rest[:sum(self.traced.used)])
            for parameter, used in zip(self.mine, self.traced.used, strict=True):
                before = parameter.grad if add else None
                slope = next(slopes) if used else None
                parameter.grad = slope if before is None else before if slope is None else before + slope
        round.stats.update(zip(self.names, rest[sum(self.traced.used):], strict=True))
        if add:
            account(game, self.traced.move.player, loss, round)
        else:
            round.finite.append(loss + norm)
            round.stats[f"{self.traced.move.player}/gradient"] = norm


def _checked(game: Game, number: int, batches: Batches, seed: int, build: Callable[[int], Quick]) -> Quick:
    """The move as built, and found equal to itself on other draws and other examples than it was built with; the game
    is left as it was."""
    ledger = Ledger(game)
    ledger.commit()
    try:
        quick = build(number)
        ledger.undo()
        plain = _played(game, number, a_round(game, batches, seed + 1, later=1))
        ledger.undo()
        game.compiled[number] = quick
        compiled = _played(game, number, a_round(game, batches, seed + 1, later=1))
    finally:
        game.compiled.clear()
        ledger.undo()
        for parameter in game.parameters[game.moves[number].player]:
            parameter.grad = None
    largest = max((float(value.norm()) for name, value in plain.items() if name.startswith("gradient")), default=0.0)
    for name, expected in plain.items():
        size = float(expected.double().norm()) + (0.01 * largest if name.startswith("gradient") else 1e-3)
        off = float((compiled[name].double() - expected.double()).norm()) / size if size else 0.0
        if not off <= TOLERANCE[game.precision]:
            raise Untraceable(f"its {name} is off by {off:.1e} from autograd's")
    return quick


def _played(game: Game, number: int, round: Round) -> dict[str, Tensor]:
    """What a move leaves behind: gradients, statistics, buffers."""
    move = game.moves[number]
    game.begin(round, number, 0)
    gradients(game, move, round)
    left = {f"gradient {n}": p.grad for n, p in enumerate(game.parameters[move.player]) if p.grad is not None}
    left |= {f"term {name}": value for name, value in round.stats.items()}
    left |= {f"buffer {name}": buffer for name, buffer in game.nets.named_buffers()}
    return {name: value.detach().clone() for name, value in left.items()}


def a_round(game: Game, batches: Batches, seed: int, *, later: int = 0, kind: type[Round] = Round) -> Any:
    """The present round of a game or one a few batches later, outside of play."""
    return kind(game.index, Clock(game.examples + later * batches.size, FOREVER), batches, seed, game.device)


def _put_away() -> None:
    """End the threads and processes that torch's compiler keeps for its next work."""
    with suppress(ImportError, AttributeError):
        from torch._inductor.async_compile import AsyncCompile, shutdown_compile_workers

        shutdown_compile_workers()
        AsyncCompile.pool().shutdown()
        AsyncCompile.pool.cache_clear()


def _inductor(graph: fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
    """By torch's compiler; sizes are checked by `Traced.inputs`, once for the whole graph."""
    import torch._inductor as inductor

    return inductor.compile(graph, [*inputs], options={"size_asserts": False, "alignment_asserts": False})
