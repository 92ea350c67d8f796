"""The options by which `evaluate` and `compare` open samples and real examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mintage.cli.train import resolution_of
from mintage.data import Fit
from mintage.runs.errors import RunError
from mintage.runs.pairs import Asked, Kind


@Parameter(name="*")
@dataclass(frozen=True)
class Opening:
    """How many, in which features, and how sources are read.

    Parameters
    ----------
    n
        How many samples; at most as many as there are real examples.
    seed
        Of the latents of a run, or of the order.
    features
        auto, small, inception, mobilenet, or your own as package.module:function.
    weights
        The file of the weights of inception or mobilenet.
    train
        The training examples of the samples, if known: then copies are looked for.
    kind
        auto, images, points, table, series or sound.
    split
        The part of the real data, train or test, where they have both.
    target
        A column of a table that a classifier is to predict.
    categorical
        Columns of a table whose numbers are codes of categories.
    rate
        Samples a second that sounds are brought to; without it, sounds of several rates are refused.
    length
        Samples of a sound, or steps of a window of series.
    resolution
        WIDTHxHEIGHT that all images are brought to; without it, images of several sizes are refused.
    fit
        How images of another shape are brought to it: crop, pad or stretch.
    channels
        1 (grey), 3 (RGB) or 4 (RGB and alpha).
    """

    n: Annotated[int, Parameter(name=["--n", "-n"])] = 10_000
    seed: int = 1
    features: str = "auto"
    weights: Path | None = None
    train: str | None = None
    kind: Kind = "auto"
    split: str | None = None
    target: str | None = None
    categorical: tuple[str, ...] = ()
    rate: int | None = None
    length: int | None = None
    resolution: str | None = None
    fit: Fit = "crop"
    channels: int | None = None

    def asked(self) -> Asked:
        """The same for `open_pair`."""
        return Asked(self.kind, resolution_of(self.resolution), self.fit, self.channels, self.split, self.features,
                     self.weights, self.n, self.target, self.categorical, self.rate, self.length, self.seed)

    def refuse_for_runs(self) -> None:
        """Refuse what only samples and real examples take: a run knows its own data."""
        plain = Opening(self.n, self.seed, self.features, self.weights)
        told = next((name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(plain, name)), None)
        if told is not None:
            raise RunError(f"--{told} is for samples and real examples; a run knows its own data")
