"""Figures of translators, on what their run held out: images that no training has seen.

a is what is given, b what is made from it. Sheets stand in the run: translations.png.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from mintage.data import DataSpec, Examples, sheet
from mintage.evaluation import extractor_for
from mintage.evaluation.measures.frechet import Moments, frechet_distance
from mintage.reproduce.row import Figures
from mintage.runs import product
from mintage.runs.building import examples_of
from mintage.runs.folder import Run

SHOWN = 12


def masks(run: Run, seed: int) -> Figures:
    """How well masks are made: Dice = 2 |P and Q| / (|P| + |Q|) of all pixels together, P made and Q drawn by hand."""
    c, x = held_out(run)
    made = product.load(run.path).generate(torch.zeros(len(c), 1), None, c)
    show(run.path, c, made, x)
    return {"dice": dice(made > 0, x > 0), "l1": float((made - x).abs().mean()), "held out": float(len(c))}


def dice(p: Tensor, q: Tensor) -> float:
    """2 |P and Q| / (|P| + |Q|) of two masks of truth values; 1 where both are empty."""
    both, each = float((p & q).sum()), float(p.sum() + q.sum())
    return 2 * both / each if each else 1.0


def photographs(run: Run, seed: int) -> Figures:
    """How real photographs look that are made: gradient energy, and Fréchet distance over the eight symmetries of the
    square, which change nothing about cells under a microscope and make eight images of one."""
    c, x = held_out(run)
    c, x = symmetries(c), symmetries(x)
    trained = product.load(run.path)
    made = torch.cat([trained.generate(torch.zeros(len(part), 1), None, part) for part in c.split(64)])
    show(run.path, c[:len(c) // 8], made, x)
    see = extractor_for(run.settings.spec)
    moments = [Moments.of(torch.cat([see(part) for part in side.split(256)])) for side in (x, made)]
    return {"energy": gradient_energy(made), "energy of real": gradient_energy(x),
            "frechet": frechet_distance(*moments), "l1": float((made - x).abs().mean())}


def symmetries(x: Tensor) -> Tensor:
    """All turns and mirror images of square images, [N, C, S, S] -> [8 N, C, S, S]."""
    turned = [x.rot90(k, (2, 3)) for k in range(4)]
    return torch.cat([*turned, *(one.flip(3) for one in turned)])


def gradient_energy(x: Tensor) -> float:
    """E |x(i + 1, j) - x(i, j)|^2 + E |x(i, j + 1) - x(i, j)|^2."""
    return float(x.diff(dim=2).square().mean() + x.diff(dim=3).square().mean())


def crossing(run: Run, side_of: Callable[[Tensor], Tensor]) -> Figures:
    """Whether translations are of the other side, by a classifier, and come back.

    Args:
        side_of: images [N, C, H, W] -> [N], 1 where they are of the side that is made, 0 of the side that is given.
    """
    nets = product.load(run.path).game.current.mean_nets
    a, b = sides(examples_of(run.settings)[1])
    with torch.no_grad():
        there, back = nets.AB(a), nets.BA(b)
        show(run.path, a, there, nets.BA(there))
        error = [(nets.BA(there) - a).abs().mean(), (nets.AB(back) - b).abs().mean()]
    right = {"a": side_of(a) == 0, "b": side_of(b) == 1}
    crossed = {"a": side_of(there) == 1, "b": side_of(back) == 0}
    return {"accuracy": float(torch.cat([*right.values()]).float().mean()),
            "crossed there": float(crossed["a"].float().mean()), "crossed back": float(crossed["b"].float().mean()),
            "cycle there": float(error[0]), "cycle back": float(error[1]),
            "change": float((there - a).abs().mean()), "held out": float(len(a) + len(b))}


def held_out(run: Run) -> tuple[Tensor, Tensor]:
    """(c, x) of all pairs that the run held out."""
    return pairs(examples_of(run.settings)[1])


def pairs(examples: Examples) -> tuple[Tensor, Tensor]:
    """(c, x) of all of them.

    Raises:
        ValueError: they are made from nothing.
    """
    batch = examples.gather(torch.arange(len(examples)))
    if batch.c is None:
        raise ValueError("a translation is judged beside what it is made from, and these examples have nothing given")
    return batch.c, batch.x


def sides(examples: Examples) -> tuple[Tensor, Tensor]:
    """All of the side that is given, and all of the side that is made, without pairs.

    Raises:
        ValueError: there is no other side.
    """
    if examples.origins is None:
        raise ValueError("there is no other side beside these examples")
    return (examples.origins.read(torch.arange(len(examples.origins))),
            examples.gather(torch.arange(len(examples))).x)


def show(place: Path, *rows: Tensor) -> None:
    """Write a sheet with one row for each of these sets of images, the first few of each."""
    shown = [x[:SHOWN].expand(-1, 3, -1, -1) if x.shape[1] == 1 else x[:SHOWN, :3] for x in rows]
    page = torch.cat(shown)
    sheet(page, DataSpec("image", tuple(page.shape[1:])), columns=len(shown[0])).save(place / "translations.png")
