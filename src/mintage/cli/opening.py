"""The options by which `evaluate` and `compare` open samples and real examples."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mintage.cli.train import resolution_of
from mintage.data import DataError, Fit
from mintage.data.decoded import cache_folder, usual_folder
from mintage.runs.asked import Asked, Kind
from mintage.runs.durable import TEMPORARY
from mintage.runs.errors import RunError
from mintage.runs.features import refuse_name
from mintage.runs.pairs import check_pair

FETCH = "fetch"
OF_RUNS = ("n", "seed", "features", "weights", "trust")
ARGUMENT = re.compile(r"\b(rate|length|resolution|channels|categorical)=(\[?[\w'\"]+\]?)")


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
        auto; for images also small, inception, inception-clean (resized as clean-fid does) or mobilenet; or your own as
        package.module:function, which returns a mintage.evaluation.Extractor.
    weights
        The file of the weights of inception or mobilenet; `fetch` downloads those of inception once (96 MB).
    trust
        The SHA-256 of a weight file of inception that is none of the known ones: you vouch for it.
    train
        The training examples of the samples, if known: then copies are looked for.
    kind
        auto, images, points, table, series or sound. auto goes by the files; a .csv is a table unless you say series.
    split
        The part of the real data, train or test, where they have both.
    target
        A column of a table that a classifier is to predict: words, or at most 20 different numbers.
    categorical
        A column of a table whose numbers are codes of categories; once for each.
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
    weights: str | None = None
    trust: str = ""
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

    def asked(self, samples: tuple[str, ...], real: str) -> Asked:
        """The same for `open_pair` of each of the samples; what can be refused before anything is read, is."""
        self._check()
        found = Asked(self.kind, resolution_of(self.resolution), self.fit, self.channels, self.split, self.named(),
                      None if self.weights is None else Path(self.weights), self.n, self.target, self.categorical,
                      self.rate, self.length, self.seed)
        for one in samples:
            check_pair(one, real, self.train, found)
        return replace(found, weights=self.weight_file())

    def refuse_for_runs(self) -> None:
        """Refuse what only samples and real examples take: a run knows its own data."""
        plain = Opening()
        told = next((name for name in self.__dataclass_fields__
                     if name not in OF_RUNS and getattr(self, name) != getattr(plain, name)), None)
        if told is not None:
            raise RunError(f"--{told} is for samples and real examples; a run knows its own data")
        self._check()

    def named(self) -> str:
        """The name of the features, with the digest that is trusted."""
        return f"{self.features}@{self.trust}" if self.trust else self.features

    def weight_file(self) -> Path | None:
        """The file of the weights, fetched if that was asked for and it is not there.

        Raises:
            RunError: features that have no weights to be fetched, or no network.
        """
        if self.weights != FETCH:
            return None if self.weights is None else Path(self.weights)
        from mintage.evaluation.features import inception_weights as known

        if not self.features.startswith("inception"):
            raise RunError(f"--weights fetch is for --features inception or inception-clean, not {self.features}")
        folder, file = cache(), known.KNOWN[known.FETCHED]
        if not (folder / file.name).is_file():
            print(f"fetching the weights of Inception once, {file.size / 1e6:.0f} MB from {known.URL}, into {folder}",
                  flush=True)
        try:
            return known.fetch_inception(folder)
        except ValueError as error:
            raise RunError(str(error)) from error

    def _check(self) -> None:
        if self.seed < 0:
            raise RunError(f"--seed is {self.seed}; it is 0 or more")
        if ":" not in self.features:
            refuse_name(self.named())
        elif self.trust:
            raise RunError("--trust is for the weights of --features inception; your own function finds its own")


def cache() -> Path:
    """Where mintage keeps what it fetched: beside the decoded images; in the usual place where none are kept."""
    return cache_folder() or usual_folder()


def check_place(out: Path) -> None:
    """Refuse a folder that cannot be written, before the work and not after it.

    Raises:
        RunError: there is a file of that name, or nothing can be written there.
    """
    above = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not above.is_dir():
        raise RunError(f"--out {out}: {above} is a file; give a folder")
    try:
        os.rmdir(tempfile.mkdtemp(prefix=TEMPORARY, dir=above))
    except OSError as error:
        raise RunError(f"--out {out}: {above} cannot be written ({error.strerror}); give another folder") from None


@contextmanager
def in_options() -> Iterator[None]:
    """What the library says of its arguments, such as rate=8000, said as options: --rate 8000."""
    try:
        yield
    except (DataError, RunError) as error:
        raise RunError(ARGUMENT.sub(lambda m: f"--{m[1]} " + m[2].strip("[]'\""), str(error))) from error
