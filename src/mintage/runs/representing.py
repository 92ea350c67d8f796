"""A run's critic as a representation: what its last layer reads of any images of the run's kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mintage.data import Examples, open_data
from mintage.networks import critic_features
from mintage.runs.errors import RunError
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run

AT_ONCE = 1000


def critic_of(run: Run) -> nn.Module:
    """D at the run's best checkpoint.

    Raises:
        RunError: the system has no critic, or the run no checkpoint.
    """
    game: Any = best_game(run)[0].current
    if not hasattr(game.nets, "D"):
        raise RunError(f"{run.settings.system} has no critic D whose features could be taken; its networks are "
                       f"{', '.join(name for name, _ in game.nets.named_children())}")
    D: nn.Module = game.nets.D
    return D


def represent(D: nn.Module, x: Tensor) -> Tensor:
    """f(x) [N, d] on the CPU. A critic of classes is told class 0 of every example, so that no label leaks in."""
    classes = getattr(D, "classes", 0)
    device = next(D.parameters()).device
    parts = []
    for part in x.split(AT_ONCE):
        y = torch.zeros(len(part), dtype=torch.int64, device=device) if classes else None
        parts.append(critic_features(D, part.to(device), y).cpu())
    return torch.cat(parts)


def represented(run: Run, data: str | Path) -> tuple[Tensor, Examples]:
    """Features [N, d] of all examples of `data`, brought to the run's shape, and the examples.

    Raises:
        RunError: no critic, or data of another kind.
    """
    spec, D = run.settings.spec, critic_of(run)
    image = spec.kind == "image"
    examples = open_data(str(data), resolution=(spec.shape[1], spec.shape[2]) if image else None,
                         channels=spec.shape[0] if image else None)
    if examples.spec.shape != spec.shape:
        raise RunError(f"{data} has examples of shape {list(examples.spec.shape)} and this critic reads "
                       f"{list(spec.shape)}")
    every = torch.arange(len(examples))
    return torch.cat([represent(D, examples.gather(part).x) for part in every.split(AT_ONCE)]), examples
