"""Figures of a run: how its generator stands against the test images, which no training has seen.

Every figure is of the run's product, the averaged weights of its best mark. `frechet` is in the features of the shipped
network (`mintage-small`), so it compares only with figures of the same features and count; its floor is the distance
of as many training images. Nothing is divided: a figure and its floor stand side by side.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from mintage.data import Examples, open_data
from mintage.data.sources import STACKED
from mintage.evaluation import Extractor, extractor_for, parzen_likelihood, precision_recall_density_coverage
from mintage.evaluation.measures.frechet import Moments, frechet_distance
from mintage.evaluation.measures.stacked import digit_shares, stacked_modes
from mintage.lab.mixtures import SAMPLES, score
from mintage.reproduce.row import Figures
from mintage.runs import product
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run

MOST = 10_000
NEIGHBOURS, NEAR = 5, 5_000
VALIDATION = 1_000
STACKS = 26_000


def samples_of(run: Run, n: int, seed: int) -> Tensor:
    """n samples of the product, as networks see them."""
    return torch.cat(list(product.load(run.path).stream(n, seed=1000 + seed)))


@functools.cache
def opened(source: str, split: str) -> Examples:
    """Real examples, opened once a process."""
    return open_data(source, split=split)


@functools.cache
def seen(source: str, split: str, n: int) -> Tensor:
    """Features of the first n real examples."""
    examples = opened(source, split)
    return _features(examples.gather(torch.arange(n)).x, extractor_for(examples.spec))


def _features(x: Tensor, extractor: Extractor) -> Tensor:
    return torch.cat([extractor(part) for part in x.split(256)])


def fidelity(run: Run, seed: int) -> Figures:
    """Fréchet distance, precision and recall against the test images."""
    return fidelity_of(samples_of(run, MOST, seed), run.settings.data.source)


def fidelity_of(x: Tensor, source: str, n: int = MOST) -> Figures:
    """The same of samples at hand; n or fewer of each side."""
    n = min(n, len(x), len(opened(source, "test")), len(opened(source, "train")))
    real, fake = seen(source, "test", n), _features(x[:n], extractor_for(opened(source, "test").spec))
    few = min(n, NEAR)
    near = precision_recall_density_coverage(real[:few], fake[:few], NEIGHBOURS)
    return {"frechet": frechet_distance(Moments.of(real), Moments.of(fake)), "floor": floor(source, n),
            "precision": near.precision, "recall": near.recall}


@functools.cache
def floor(source: str, n: int) -> float:
    """The Fréchet distance of n training images from n test images."""
    return frechet_distance(Moments.of(seen(source, "train", n)), Moments.of(seen(source, "test", n)))


def parzen(run: Run, seed: int) -> Figures:
    """The estimate of 2014: 10,000 samples, sigma by cross-validation on examples held out, 10,000 test images."""
    source = run.settings.data.source
    held_out = opened(source, "train").split(run.settings.data.held_out)[1]
    chosen, test = (_unit(part.gather(torch.arange(min(n, len(part)))).x)
                    for part, n in ((held_out, VALIDATION), (opened(source, "test"), MOST)))
    found = parzen_likelihood(_unit(samples_of(run, MOST, seed)), chosen, test)
    return {"nats": found.nats, "error of nats": found.error, "sigma": found.sigma}


def _unit(x: Tensor) -> Tensor:
    return (x.float().cpu() + 1) / 2


def mixture(run: Run, seed: int) -> Figures:
    """Modes, share of high quality and reverse KL of 2,500 points (see `lab.mixtures`)."""
    found = score(samples_of(run, SAMPLES, seed), run.settings.data.source)
    return {"modes": found.covered, "high quality": found.high_quality, "reverse kl": found.reverse_kl}


def stacks(run: Run, seed: int) -> Figures:
    """Modes and KL of 26,000 stacks, with the floor at that n."""
    return stacks_of(samples_of(run, STACKS, seed))


@functools.cache
def shares() -> Tensor:
    """The shares of the digits in stacked-mnist."""
    y: Any = opened(STACKED, "train").labels
    return digit_shares(torch.cat([y // 100, y // 10 % 10, y % 10]))


def stacks_of(x: Tensor) -> Figures:
    """The same of stacks at hand."""
    found = stacked_modes(x, shares=shares())
    return {"modes": found.modes, "kl": found.kl, "floor": found.floor, "excess": found.excess, "n": found.n,
            "confident": found.confident}


BATCHES, OF = 400, (16, 64)


def correlation(run: Run, seed: int) -> Figures:
    """How alike the samples of one batch are, with the generator in the mode it is trained in."""
    game = best_game(run)[0].current
    found: Figures = {}
    for size in OF:
        found[f"correlation, batches of {size}"] = within_batches(game, size, BATCHES * OF[0] // size, seed)
    return found


@torch.no_grad()
def within_batches(game: Any, size: int, batches: int, seed: int) -> float:
    """The intra-class correlation r of batches, over all pixels together.

        r = (B - W) / (B + (m - 1) W),   B and W the mean squares between and within batches of m samples

    0 where a sample does not depend on the others of its batch, 1 where all of a batch are equal.
    """
    from mintage.game import generator

    means, within = [], 0.0
    for k in range(batches):
        z, y = game.sampler.latents(size, generator("correlation", seed, size, k))
        x = game.sampler.generate(game.nets, z, y).double().flatten(1)
        means.append(x.mean(0))
        within += float(x.var(0).sum()) / batches
    between = size * float(torch.stack(means).var(0).sum())
    return (between - within) / (between + (size - 1) * within)


FRAMES = (100, 1_000, 10_000, 50_000)


def film(run: Run, seed: int) -> Figures:
    """The frames of the film: which of the lectures' rounds it has, and whether its latents are always the same.

    The last frame was drawn while training, `best` by another reading of the last checkpoint.
    """
    frames = run.films()
    rounds = {int(path.stem.removeprefix("round-")) for path in frames}
    same = frames[-1].read_bytes() == (run.samples / "best.png").read_bytes()
    return {"frames": len(frames), "wanted frames": len(rounds & set(FRAMES)), "same latents": float(same)}
