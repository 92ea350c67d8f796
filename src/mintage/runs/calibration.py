"""A short trial before a run: the fastest precision and number of threads, and the rate.

The trial plays games of its own and throws them away. What it finds is written into the settings and not asked again,
so that a run which goes on after an interruption is the run that began. Threads are part of it because two of them on
a busy machine, or on a small network, can be several times slower than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from mintage.data import Batches
from mintage.game import Game, Stages, play
from mintage.game.compiling import compile_moves, unable
from mintage.game.graphs import graph_moves
from mintage.runs import machine

FOREVER = 1 << 60
CLEARLY = 1.1  # a later candidate must be this much faster than the one before it
BEHIND = 0.8  # of the best so far: such a candidate is given up
SHORT = 0.02  # seconds; a longer round is spent in kernels that a compiler leaves as they are
COMPILES = 20.0  # seconds that compiling a pair of networks may take; it is tried in runs of ten times that or more
AGAIN = 3.0  # seconds to take up the kernels that were made in the trial
ROUNDS = 10 * COMPILES / SHORT  # fewer are not worth a trial: a run of short rounds would be over too soon


class Way(NamedTuple):
    """A way to compute: activations' precision and the number of threads."""

    precision: str
    threads: int

    def __str__(self) -> str:
        return f"{self.precision} on {self.threads} thread{'s' if self.threads > 1 else ''}"


def rate(game: Game | Stages, batches: Batches, *, seconds: float, warm: int = 2, beat: float = 0.0) -> float:
    """Examples a second, over about `seconds` after `warm` rounds. Stages are judged by the first of them.

    A game that after two rounds more is far behind `beat` examples a second is not watched to the end.
    """
    began, from_examples, rounds, found = 0.0, 0, 0, 0.0
    for _ in play(game, batches, FOREVER):
        rounds += 1
        if rounds == warm:
            began, from_examples = time.perf_counter(), game.examples
        elif rounds > warm:
            took = time.perf_counter() - began
            found = (game.examples - from_examples) / took
            if took >= seconds or (rounds >= warm + 2 and found < BEHIND * beat):
                break
    return found


def fastest(build: Callable[[str], Game | Stages], batches: Batches, precisions: Sequence[str], threads: Sequence[int],
            *, seconds: float) -> tuple[Way, dict[Way, float]]:
    """The fastest way, and the rate of each tried: first the precisions, then the best of them on other threads.

    What comes first is kept unless another is clearly faster. The process is left on the threads that were chosen.
    """
    rates: dict[Way, float] = {}

    def attempt(way: Way) -> None:
        torch.set_num_threads(way.threads)
        rates[way] = rate(build(way.precision), batches, seconds=seconds, beat=max(rates.values(), default=0.0))

    best = Way(precisions[0], threads[0])
    attempt(best)
    for precision in precisions[1:]:
        attempt(Way(precision, threads[0]))
        best = _clearer(best, Way(precision, threads[0]), rates)
    for count in threads[1:]:
        attempt(Way(best.precision, count))
        best = _clearer(best, Way(best.precision, count), rates)
    torch.set_num_threads(best.threads)
    return best, rates


class Compiled(NamedTuple):
    """The moves that are worth compiling, by number, the rate with them, and why."""

    moves: tuple[int, ...]
    rate: float
    said: str


def worth_compiling(build: Callable[[], Game | Stages], batches: Batches, examples: float, plain: float, *,
                    seconds: float, must: bool = False) -> Compiled:
    """Whether compiling pays back within `examples` more, at `plain` of them a second: by estimate, then by trying.

    Where `must` is set it is done whether it pays or not, as far as it can be.
    """
    game, each, left = build(), batches.size / plain, examples / plain

    def off(why: str) -> Compiled:
        return Compiled((), plain, f"compile: off ({why})")

    if isinstance(game, Stages):
        return off("stages are played as they are")
    if game.parts > 1:
        return off("rounds are played in parts")
    if why := unable(game.device):
        return off(why)
    if not must and each > SHORT:
        return off(f"a round takes {1e3 * each:.0f} ms, almost all of it in kernels; short rounds gain")
    if not must and left < 10 * COMPILES:
        return off(f"{left:.0f} seconds are too few to pay it back")
    machine.keep_kernels()
    found = compile_moves(game, batches)
    moves = tuple(number for number, one in enumerate(found) if not one.reason)
    what = "; ".join(map(str, found))
    if not moves:
        return off(what)
    cost, quick = sum(one.seconds for one in found), rate(game, batches, seconds=seconds)
    compared = f"{quick:,.0f} examples a second instead of {plain:,.0f}"
    if must or (quick > CLEARLY * plain and (left - cost) * (1 - plain / quick) > AGAIN):
        return Compiled(moves, quick, f"compile: on ({what}; {compared}, for {cost + AGAIN:.0f} seconds of compiling)")
    return off(f"{compared} are no clear gain; {cost:.0f} seconds went into trying")


def with_graphs(build: Callable[[], Game | Stages], batches: Batches, plain: float, *, seconds: float) -> Compiled:
    """The moves that can be recorded as graphs, and the rate with them."""
    game = build()
    if isinstance(game, Stages):
        return Compiled((), plain, "graphs: off (stages are played as they are)")
    found = graph_moves(game, batches)
    moves, what = tuple(number for number, one in enumerate(found) if not one.reason), "; ".join(map(str, found))
    if not moves:
        return Compiled((), plain, f"graphs: off ({what})")
    quick = rate(game, batches, seconds=seconds)
    return Compiled(moves, quick, f"graphs: on ({what.replace('compiled', 'recorded')}; {quick:,.0f} examples a second "
                                  f"instead of {plain:,.0f})")


def _clearer(best: Way, other: Way, rates: dict[Way, float]) -> Way:
    return other if rates[other] > CLEARLY * rates[best] else best
