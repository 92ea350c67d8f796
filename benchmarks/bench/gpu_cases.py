"""The games of the table of speed on a GPU: systems by name, and StyleGAN2 from its networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import softplus

from mintage.data import Batches, Examples
from mintage.game import Game, Move, Player, Stages, adam, returns
from mintage.latent import normal
from mintage.networks.style_discriminator import StyleDiscriminator
from mintage.networks.style_synthesis import StyleGenerator, StyleRow, style_row
from mintage.penalties import r1
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.start import resolve

CASES = {"r3gan M, 32 px": ("r3gan", 32, "M", (64, 256, 1024)), "r3gan M, 64 px": ("r3gan", 64, "M", (64, 256, 512)),
         "stylegan2 M, 64 px": ("style", 64, "M", (32, 128, 256)), "dcgan, 64 px": ("dcgan", 64, "", (128, 512, 2048))}
QUICK = {"stylegan2 XS, 16 px": ("style", 16, "XS", (4,)), "r3gan XS, 16 px": ("r3gan", 16, "XS", (8, 16)),
         "dcgan XS, 16 px": ("dcgan", 16, "XS", (16,))}
"""Name -> system, side of the images, size, batches."""


def made(name: str, device: torch.device, batch: int, quick: bool) -> tuple[Game, Batches]:
    """The game of a case and its batches, on the device."""
    system, side, size, _ = (QUICK if quick else CASES)[name]
    pixels = np.random.default_rng(0).integers(0, 256, (max(256, batch), 3, side, side), dtype=np.uint8)
    data = Examples.of_images(pixels, "noise")
    precision = machine.precisions(device)[0]
    if system == "style":
        game: Game | Stages = style((3, side, side), style_row(size)).to(device, precision)
    else:
        options, _ = resolve(system, {"size": size} if size else {}, data.spec, len(data), device)
        game = build_game(system, options, data.spec, seed=0, device=device, precision=precision)
    if isinstance(game, Stages):
        raise SystemExit(f"{name} is played in stages")
    return game, Batches(data.to(device), batch, 0)


def style(shape: tuple[int, int, int], size: StyleRow) -> Game:
    """StyleGAN2's networks, non-saturating, R1 every 16 rounds."""
    prior, gamma = normal(size.w_dim), 0.0002 * shape[1] ** 2 / 8

    def critic(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        fake = nets.G(round.draw(prior))
        return {"loss": softplus(-nets.D(round.batch.x)).mean() + softplus(nets.D(fake)).mean()}

    @returns("r1")
    def penalty(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return {"r1": r1(nets.D, round.batch.x)}

    def generator(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return {"loss": softplus(-nets.D(nets.G(round.draw(prior)))).mean()}

    step = adam(2e-3, 0.0, 0.99)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nets = {"G": StyleGenerator(shape, size=size), "D": StyleDiscriminator(shape, size=size)}
    return Game(nets, {"D": Player("D", step.lazy(16)), "G": Player("G", step)},
                [Move("D", critic), Move("D", penalty, every=16, weights={"r1": gamma}), Move("G", generator)])
