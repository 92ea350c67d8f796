"""Figures of a generator itself: how smooth it is in z, and which of the known modes of toy data it has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.data.sources import STACKED
from mintage.data.toys import TOYS
from mintage.evaluation import modes
from mintage.evaluation.measures.path_length import path_length, unrounded_image_features
from mintage.evaluation.measures.stacked import stacked_modes
from mintage.game import Game, Stages, generator
from mintage.latent import slerp
from mintage.runs.judging import draw_of
from mintage.runs.likelihoods import sentences
from mintage.runs.settings import Settings

PATHS = 1000
STACKS = 10_000
CHUNK = 250


def figures_of(game: Game | Stages, settings: Settings, seed: int, digits: Tensor | None = None) -> dict[str, Any]:
    """What can be said of this generator, as plain values; `digits` are the shares [10] of stacked digits."""
    found: dict[str, Any] = {}
    length = _path_length(game, settings, seed)
    if length is not None:
        found["path_length"] = length
    if settings.data.source in TOYS:
        toy = TOYS[settings.data.source]
        x = _draw(game, seed, 10_000)
        centres, sigma = toy.standardised()
        seen = modes(x, torch.from_numpy(centres), sigma)
        found["modes"] = {"covered": seen.covered, "of": len(centres), "high_quality": seen.high_quality, "n": len(x)}
    if settings.data.source == STACKED:
        found["stacked_modes"] = stacked_modes(_draw(game, seed, STACKS), shares=digits)._asdict()
    return found


def lines_of(figures: dict[str, Any]) -> list[str]:
    """The same in sentences."""
    lines = []
    if "path_length" in figures:
        p = figures["path_length"]
        lines.append(f"perceptual path length {p['mean']:,.0f} +- {p['error']:,.0f} ({p['n']:,} paths in z, features "
                     f"{p['features']}; it compares only within those)")
    if "parzen" in figures:
        lines += sentences(figures)
    for name, title in (("psnr", "PSNR, dB"), ("ssim", "SSIM")):
        if name in figures:
            f = figures[name]
            lines.append(f"{title} {f['mean']:.4g} +- {f['error']:.2g} over {f['n']:,} pairs")
    if "modes" in figures:
        m = figures["modes"]
        lines.append(f"{m['covered']} of {m['of']} modes, {m['high_quality']:.1%} of {m['n']:,} samples within three "
                     "deviations of one")
    if "stacked_modes" in figures:
        s = figures["stacked_modes"]
        lines.append(f"{s['modes']} of 1000 stacks, KL {s['kl']:.4f}; a perfect sampler of {s['n']:,} has "
                     f"{s['floor_modes']:.0f} and {s['floor']:.4f} +- {s['floor_sd']:.4f}")
    return lines


def _path_length(game: Game | Stages, settings: Settings, seed: int) -> dict[str, Any] | None:
    """Between latents of equal class; None where samples are no images, are made from
    something given, or the latents are not Gaussian."""
    sampler = game.sampler
    if sampler is None or sampler.given or settings.spec.kind != "image" or not 1 <= settings.spec.shape[0] <= 4:
        return None
    place = 0

    def draw(count: int, _: torch.Generator) -> Tensor:
        nonlocal place
        place += count
        return sampler.prior(count, generator(seed, "path", place))

    def along(z: Tensor) -> Tensor:
        y = (torch.arange(len(z) // 2) % sampler.classes).repeat(2) if sampler.classes else None
        return game.generate(z, y)

    if draw(1, torch.Generator()).ndim != 2:
        return None
    found = path_length(along, draw, unrounded_image_features(), n=PATHS, between=slerp, batch=CHUNK, seed=seed)
    return {"mean": found.length, "error": found.error, "n": found.n, "features": found.extractor}


def _draw(game: Game | Stages, seed: int, n: int) -> Tensor:
    draw = draw_of(game, seed, "figures")
    return torch.cat([draw(min(CHUNK, n - start))[0].cpu() for start in range(0, n, CHUNK)])
