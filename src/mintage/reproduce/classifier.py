"""Classifiers: what class a sample is of, by a small convolutional network that was trained on real images.

It is a game of one, trained once a place of cells and kept there; its accuracy on the test images is a figure beside
every figure that rests on it. The network is DCGAN's critic with one output a class, and is no system.

    PLACE/classifier-DATA.safetensors
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from mintage.data import Batches, DataSpec
from mintage.game import Game, Move, Player, Round, Terms, adam, cosine, derive, play
from mintage.lab.outcome import LabError
from mintage.networks import DCGANDiscriminator
from mintage.objectives import auxiliary_class
from mintage.reproduce.figures import opened, samples_of
from mintage.reproduce.row import Figures
from mintage.runs import machine, product
from mintage.runs.durable import write_file
from mintage.runs.folder import Run

EPOCHS, BATCH = 6, 128
MIRRORED = ("fmnist",)
"""Data whose classes stay what they are in the mirror: shown both ways in training."""
ASKED = 5_000


@dataclass(frozen=True)
class Classifier:
    """A trained network, and its accuracy on the test images."""

    net: nn.Module
    accuracy: float

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """The class of each image [N, C, H, W] -> [N]."""
        return torch.cat([self.net(part).argmax(1) for part in x.split(500)])


def game_of(spec: DataSpec) -> Game:
    """The game of one: C lowers -E log p(y | x)."""
    C = DCGANDiscriminator((spec.shape[0], spec.shape[1], spec.shape[2]), size="S", outputs=len(spec.labels))

    def objective(nets: Any, round: Round) -> Terms:
        return {"loss": auxiliary_class(nets.C(round.batch.x), round.batch.y)}

    return Game({"C": C}, {"C": Player("C", adam(cosine(2e-3, 0.0), 0.9))}, [Move("C", objective)])


@functools.cache
def classifier(place: Path, source: str) -> Classifier:
    """The classifier of `source` that is kept in `place`; trained where there is none yet."""
    train, test, file = opened(source, "train"), opened(source, "test"), place / f"classifier-{source}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("classifier", source))
        game = game_of(train.spec)
    if file.exists():
        game.net("C").load_state_dict(safetensors.torch.load(file.read_bytes()))
    else:
        game.to("cpu", machine.precisions(torch.device("cpu"))[0])
        batches = Batches(train, BATCH, derive("classifier", "order"), flip=source in MIRRORED)
        for _ in play(game, batches, EPOCHS * len(train)):
            pass
        weights = {name: tensor.contiguous() for name, tensor in game.net("C").state_dict().items()}
        place.mkdir(parents=True, exist_ok=True)
        write_file(file, safetensors.torch.save(weights), point="classifier")
    batch, net = test.gather(torch.arange(len(test))), game.net("C").eval()
    if batch.y is None:
        raise LabError(f"a classifier learns from labels, and {source} has none; give data with class folders")
    return Classifier(net, float((Classifier(net, 0.0)(batch.x) == batch.y).float().mean()))


def class_as_asked(run: Run, seed: int) -> Figures:
    """The share of samples that the classifier takes for the class they were asked for, over all and of the worst."""
    judge, made = classifier(run.path.parents[2], run.settings.data.source), product.load(run.path)
    y = torch.arange(ASKED) % made.classes
    right = (judge(samples_of(run, ASKED, seed)) == y).float()
    each = [float(right[y == k].mean()) for k in range(made.classes)]
    return {"class as asked": float(right.mean()), "worst class": min(each), "classifier": judge.accuracy}
