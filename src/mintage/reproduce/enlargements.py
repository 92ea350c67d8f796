"""Figures of enlargements: images four times as large against the originals, after the protocol of the field.

Pictures are rounded to 256 levels; Y is the luma of BT.601, 16 to 235; 4 pixels at each border are left out; PSNR is
10 log10(255^2 / mean squared difference), the mean over images. The small images are those that come with the set,
reduced by Matlab's bicubic.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mintage.data import DataSpec, sheet, to_uint8
from mintage.data.sources import PLACE
from mintage.lab.outcome import LabError
from mintage.networks import SqueezeFeatures, enlarged
from mintage.objectives import perceptual_distance
from mintage.reproduce.row import Figures
from mintage.runs import product
from mintage.runs.folder import Run
from mintage.runs.translating import Translator

SETS, FEATURES = "superres/set5_set14_x4.zip", "nets/squeezenet_v1.1_imagenet_features.safetensors"
BORDER, SHOWN = 4, 128


class Pair(NamedTuple):
    """A small image and its original, uint8 [3, h, w] and [3, 4h, 4w]."""

    small: Tensor
    large: Tensor


def pairs_of(name: str) -> list[Pair]:
    """The pairs of Set5 or Set14; a grey one as RGB.

    Raises:
        LabError: the file is not there.
    """
    path = Path(os.environ.get(PLACE, "")) / SETS
    if not path.is_file():
        raise LabError(f"{SETS} is not in the folder that {PLACE} names; put it there, or set {PLACE}")
    with zipfile.ZipFile(path) as archive:
        small = sorted(file for file in archive.namelist() if f"{name}/" in file and file.endswith("_LR.png"))
        return [Pair(*(_read(archive.read(one)) for one in (file, file.replace("_LR", "_HR")))) for file in small]


def _read(data: bytes) -> Tensor:
    with Image.open(io.BytesIO(data)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def luma(x: Tensor) -> Tensor:
    """Y of uint8 [3, H, W] -> [H, W]: 16 + (65.481 R + 128.553 G + 24.966 B) / 255."""
    red, green, blue = x.double()
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def psnr_of_luma(made: Tensor, real: Tensor) -> float:
    """PSNR of Y of two images uint8 [3, H, W], without their borders."""
    inside = slice(BORDER, -BORDER)
    off = (luma(made) - luma(real))[inside, inside].square().mean()
    return float(10 * (255**2 / off).log10())


def super_resolution(run: Run, seed: int) -> Figures:
    """PSNR and perceptual distance of Set5, beside those of the bicubic enlargement, and of Set14. A sheet of the
    middle of each image of Set5 is written into the run, enlargements.png: original, bicubic, made."""
    translate = Translator(product.load(run.path))
    see = SqueezeFeatures(Path(os.environ.get(PLACE, "")) / FEATURES)
    found, shown = _enlarged(translate, see, "Set5")
    page = torch.stack(shown) / 127.5 - 1
    sheet(page, DataSpec("image", tuple(page.shape[1:])), columns=3).save(run.path / "enlargements.png")
    return found | {f"{name}, Set14": value for name, value in _enlarged(translate, see, "Set14")[0].items()}


def _enlarged(translate: Translator, see: SqueezeFeatures, name: str) -> tuple[Figures, list[Tensor]]:
    """The figures of a set, and the middles of its images: original, bicubic, made."""
    found, shown = list[list[float]](), list[Tensor]()
    for small, large in pairs_of(name):
        c = small / 127.5 - 1
        plain, made = to_uint8(enlarged(c[None]))[0], translate(c)
        figures = []
        for one in (plain, made):
            figures += [psnr_of_luma(one, large), distance(see, one, large)]
        found.append(figures)
        shown += [_middle(one) for one in (large, plain, made)]
    means = torch.tensor(found).mean(0).tolist()
    names = ("psnr of bicubic", "distance of bicubic", "psnr", "distance")
    return dict(zip(names, means, strict=True)) | {"images": float(len(found))}, shown


@torch.no_grad()
def distance(see: SqueezeFeatures, a: Tensor, b: Tensor) -> float:
    """The perceptual distance of two images uint8 [3, H, W] in the maps of SqueezeNet, all layers' weights 1."""
    return float(perceptual_distance(*(see(one[None] / 127.5 - 1) for one in (a, b))))


def _middle(x: Tensor) -> Tensor:
    top, left = (x.shape[1] - SHOWN) // 2, (x.shape[2] - SHOWN) // 2
    return x[:, top:top + SHOWN, left:left + SHOWN]
