"""What a human test shows: images of a generator among held-out real ones, made alike in everything but their content.

Both kinds go through the same code from the same 8-bit pixels into PNG files without compression, so that not even
their sizes differ. Where the generator has classes, the fakes are of the classes that the real examples have, as often:
otherwise a class that is too frequent would tell.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mintage.data import DataError, Examples, open_data
from mintage.data.order import generator
from mintage.data.writing import pictures
from mintage.evaluation.measures.human import Trial
from mintage.runs import product
from mintage.runs.building import examples_of
from mintage.runs.errors import RunError
from mintage.runs.folder import Run

Draw = Callable[[Tensor | None, int, int], Tensor]
"""(classes [n] or None, n, seed) -> n fakes."""


@dataclass(frozen=True)
class Sources:
    """The two kinds: real examples, and what draws fakes.

    `identity` tells which generator (or which set of samples, against which real ones) answers are about; `home` is
    where they are kept.
    """

    name: str
    identity: str
    real: Examples
    draw: Draw
    matched: bool
    home: Path


def sources_of(source: str, real: str | None = None, device: str = "cpu", home: Path | None = None) -> Sources:
    """A run (against its held-out examples or `real`), a generator/ folder or a set of samples (against `real`).

    Answers are kept in `home`; by default in turing/ of the run, or here.

    Raises:
        RunError: they are not images, or `real` is needed and missing.
        DataError: what is there cannot be read.
    """
    path = Path(source)
    if (path / "settings.json").exists() or (path / "generator.json").exists():
        made = _of_generator(path, real, device)
        return made if home is None else replace(made, home=home)
    if real is None:
        if not path.exists():
            Run.open(path)  # says so, and what is near
        raise RunError(f"{source} is not a run; samples from elsewhere need real examples to stand among: "
                       f"mintage turing {source} --real FOLDER")
    return _of_samples(source, real, home or Path("turing"))


def stimuli(sources: Sources, order: Sequence[Trial], seed: int, sitting: int) -> list[bytes]:
    """A PNG for each trial. No real example comes twice; another sitting of the same seed draws others.

    Raises:
        RunError: there are fewer real examples than real trials.
    """
    key = generator(seed, "turing", sitting, sources.identity)
    reals = [trial.index for trial in order if trial.kind == "real"]
    fakes = [trial.index for trial in order if trial.kind == "fake"]
    if len(reals) > len(sources.real):
        raise RunError(f"{sources.real.name} holds {len(sources.real)} real examples and this test would show "
                       f"{len(reals)}; give a smaller --n, or --real with more of them")
    chosen = torch.randperm(len(sources.real), generator=key)[:len(reals)]
    images: dict[int, bytes] = {}
    if reals:
        images |= zip(reals, _encoded(sources.real.gather(chosen).x), strict=True)
    if fakes:
        like = torch.randint(len(sources.real), (len(fakes),), generator=key)
        classes = sources.real.labels[like] if sources.matched and sources.real.labels is not None else None
        start = int(torch.randint(2**31, (1,), generator=key))
        images |= zip(fakes, _encoded(sources.draw(classes, len(fakes), start)), strict=True)
    return [images[trial.index] for trial in order]


def _of_generator(path: Path, real: str | None, device: str) -> Sources:
    made = product.load(path, device=device)
    if made.spec.kind != "image":
        raise RunError(f"{path} makes {made.spec.kind} of shape {list(made.spec.shape)}, and the human test shows "
                       f"images; judge it by figures: mintage evaluate {path}")
    if real is not None:
        examples = _like(real, made.spec.shape)
    elif (path / "settings.json").exists():
        examples = examples_of(Run.open(path).settings)[1]
    else:
        raise RunError(f"{path} is a generator without its run, so its held-out examples are not known; give real ones "
                       f"with --real")
    matched = bool(made.classes) and examples.spec.labels == made.spec.labels

    def draw(classes: Tensor | None, n: int, seed: int) -> Tensor:
        if classes is None:
            return torch.cat(list(made.stream(n, seed=seed)))
        x = torch.empty(n, *made.spec.shape)
        for label in classes.unique().tolist():
            rows = (classes == label).nonzero()[:, 0]
            name = made.spec.labels[label]
            x[rows] = torch.cat(list(made.stream(len(rows), seed=seed + label, label=name)))
        return x

    return Sources(path.resolve().name, f"{made.facts['sha256'][:16]} {examples.fingerprint[:16]}",
                   examples, draw, matched, path / "turing")


def _of_samples(samples: str, real: str, home: Path) -> Sources:
    fake = open_data(samples)
    if fake.spec.kind != "image":
        raise RunError(f"{samples} holds {fake.spec.kind}, and the human test shows images; judge them by figures: "
                       f"mintage evaluate {samples} {real}")
    examples = _like(real, fake.spec.shape)

    def draw(classes: Tensor | None, n: int, seed: int) -> Tensor:
        if n > len(fake):
            raise RunError(f"{samples} holds {len(fake)} samples and this test shows {n}; give --n {len(fake)} or less")
        return fake.gather(torch.randperm(len(fake), generator=generator(seed))[:n]).x

    identity = f"{fake.fingerprint[:16]} {examples.fingerprint[:16]}"
    return Sources(fake.name, identity, examples, draw, False, home)


def _like(real: str, shape: tuple[int, ...]) -> Examples:
    """Real examples brought to the samples' shape [C, H, W]."""
    channels, height, width = shape
    examples = open_data(real, resolution=(height, width), channels=channels if channels in (1, 3, 4) else None)
    if examples.spec.shape != shape:
        raise DataError(f"the real examples have shape {list(examples.spec.shape)} and the samples {list(shape)}, "
                        "which would tell them apart; give real examples of the samples' shape")
    return examples


def _encoded(x: Tensor) -> list[bytes]:
    out = []
    for picture in pictures(x):
        file = io.BytesIO()
        picture.save(file, "png", compress_level=0)
        out.append(file.getvalue())
    return out
