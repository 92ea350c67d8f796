"""Faces: the judge that says whether a face is of a man or a woman, and the simpler reader that names samples.

The judge is a committee of small convolutional networks trained on real faces, each on faces mirrored and shifted at
random; its accuracy is that on a fifth of the faces, which it has not seen. The reader is a linear probe on pixels,
fitted to the same faces: what codes are named by and what counts the result are not the same thing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from mintage.data import Batches, DataSpec, Examples, open_data
from mintage.data.labels import with_labels
from mintage.evaluation.probe import Probe, linear_probe
from mintage.game import Game, Move, Player, Round, Terms, adam, cosine, derive, play
from mintage.networks import DCGANDiscriminator, DCGANSize
from mintage.objectives import auxiliary_class
from mintage.runs.durable import write_file

PASSES, BATCH, SHIFT, HELD_OUT, MEMBERS = 30, 64, 2, 0.2, 3
SIZE: DCGANSize = "S"


@dataclass(frozen=True)
class Judges:
    """The network, its accuracy on faces it has not seen, and the reader."""

    net: nn.Module
    accuracy: float
    reader: Probe

    def score(self, x: Tensor) -> Tensor:
        """The judge's logit of class 1 over class 0 of each image [N, C, H, W] -> [N]."""
        return logit(self.net, x)


def labelled(source: str, table: str, side: int) -> Examples:
    """Faces of side x side pixels with the labels of a table."""
    return with_labels(open_data(source, resolution=(side, side)), source, table)


@functools.cache
def judges(place: Path, source: str, table: str, side: int) -> Judges:
    """The judge that is kept in `place`, trained where there is none yet, and the reader."""
    train, test = labelled(source, table, side).split(HELD_OUT)
    game, file = game_of(train.spec), place / f"judge-{side}.safetensors"
    if not file.exists():
        batches = Batches(train, BATCH, derive(0, "judge"), flip=True)
        for _ in play(game, batches, PASSES * len(train), seed=0):
            pass
        batches.close()
        weights = {name: tensor.contiguous() for name, tensor in game.net("C").state_dict().items()}
        place.mkdir(parents=True, exist_ok=True)
        write_file(file, safetensors.torch.save(weights), point="judge")
    game.net("C").load_state_dict(safetensors.torch.load(file.read_bytes()))
    net = game.net("C").eval().requires_grad_(False)
    known, unseen = every(train), every(test)
    right = ((logit(net, unseen.x) > 0) == (unseen.y == 1)).double().mean()
    return Judges(net, float(right), linear_probe(known.x, known.y, len(train.spec.labels)))


@torch.no_grad()
def logit(net: nn.Module, x: Tensor) -> Tensor:
    """The logit of class 1 over class 0, over the image and its mirror image together.   [N, C, H, W] -> [N]."""
    logits = torch.cat([net(part) + net(part.flip(3)) for part in x.split(500)])
    return logits[:, 1] - logits[:, 0]


class Committee(nn.Module):
    """Mean logits of several networks.   [N, C, H, W] -> [N, classes]."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([member(x) for member in self.members]).mean(0)


def game_of(spec: DataSpec) -> Game:
    """The game of one: each member lowers -E log p(y | x), on faces shifted by up to two pixels, each by others."""
    channels, height, width = spec.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(0, "judge's weights"))
        C = Committee([DCGANDiscriminator((channels, height, width), size=SIZE, outputs=len(spec.labels))
                       for _ in range(MEMBERS)])

    def objective(nets: Any, round: Round) -> Terms:
        losses = []
        for member in nets.C.members:
            moved = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=round.generator("shift", "cpu")).tolist()
            losses.append(auxiliary_class(member(round.batch.x.roll(moved, (2, 3))), round.batch.y))
        return {"loss": torch.stack(losses).sum()}

    return Game({"C": C}, {"C": Player("C", adam(cosine(2e-3, 0.0), 0.9))}, [Move("C", objective)])


def every(examples: Examples) -> Any:
    """All examples at once."""
    return examples.gather(torch.arange(len(examples)))
