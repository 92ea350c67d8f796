"""What a round costs besides its networks: counted in operations, which no neighbour's load changes."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mintage.game import Game, Move, Player, adam, play

from .small_games import Points, cloud, mlp, normal


class Counting(TorchDispatchMode):
    """Counts the operations that reach a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def d(nets, round):
    return {"loss": (nets.D(nets.G(round.draw(normal(2)))) - nets.D(round.batch)).mean()}


def g(nets, round):
    return {"loss": -nets.D(nets.G(round.draw(normal(2)))).mean()}


def pair(fused: bool = False) -> Game:
    game = Game({"G": mlp(2, 8, 8, 3), "D": mlp(3, 8, 8, 1)},
                {"D": Player("D", adam(1e-3)), "G": Player("G", adam(1e-3))}, [Move("D", d), Move("G", g)])
    for optimizer in game.optimizers.values():
        optimizer.param_groups[0]["fused"] = fused
    return game


def operations(fused: bool) -> int:
    game = pair(fused)
    rounds = play(game, Points(cloud.law, 8), 1 << 30)
    next(rounds), next(rounds), next(rounds)
    with Counting() as counting:
        next(rounds)
    return counting.count


def bare() -> int:
    """Forward and backward of both moves, and torch's fused Adam: what cannot be left out."""
    game, batches = pair(), Points(cloud.law, 8)
    nets = game.nets
    steps = {name: torch.optim.Adam(owned, fused=True) for name, owned in game.parameters.items()}

    def once() -> None:
        draw = normal(2)
        for name in ("D", "G"):
            fake = nets.G(draw(8, torch.Generator().manual_seed(0)))
            with game.moving(name):
                (nets.D(fake).mean() - (nets.D(batches(0)).mean() if name == "D" else 0)).backward()
            steps[name].step()
            steps[name].zero_grad()

    once()
    with Counting() as counting:
        once()
    return counting.count


def test_a_round_does_little_besides_its_networks():
    """The ledger's copy, two norms and the finite check; two terms weighted, summed and kept for the log."""
    assert operations(fused=True) - bare() <= 30


def test_a_fused_step_is_two_operations():
    """Foreach Adam takes more, and reads each parameter's count."""
    assert operations(fused=False) - operations(fused=True) >= 2 * 6


def test_training_needs_no_compiler():
    """torch.optim would import torch's compiler, a second at the start of every run."""
    script = ("import sys, torch\nfrom torch import nn\nfrom mintage.game import *\n"
              "net = nn.Linear(2, 1)\n"
              "class Ones:\n    size = 4\n    def __call__(self, position): return torch.ones(4, 2)\n"
              "for kind in (adam(1e-3), sgd(1e-3, 0.9)):\n"
              "    game = Game({'G': net}, {'G': Player('G', kind)}, "
              "[Move('G', lambda n, r: {'loss': n.G(r.batch).mean()})], controllers=[Average('G', half_life=9)])\n"
              "    list(play(game, Ones(), 8))\n"
              "print([name for name in ('torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules])\n")
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
