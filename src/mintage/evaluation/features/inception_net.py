"""The Inception network of published scores, in plain torch: TensorFlow's graph of 2015-12-05.

Notation: x is [N, 3, 299, 299], (rgb - 128) / 128; h is a hidden map; f [N, 2048] is the mean over the last map; l
[N, 1008] the logits WITHOUT the bias of the last layer. The architecture is that of Rethinking the Inception
Architecture for Computer Vision (Szegedy et al., 2015, https://arxiv.org/abs/1512.00567), and its published weights are
what the Inception score and the Fréchet distance were first computed with; no other Inception gives their figures. It
differs from the one that model zoos ship: 1008 classes; average pools divide by the pixels that are there, without the
padding; the last block pools by maximum; and the original script of the score left the bias out of the softmax, so l
does too (torch-fidelity calls it "logits_unbiased", and it is its default for the score).

Module names are those of pytorch-fid's and torch-fidelity's file. Checked against torch-fidelity 0.4.0 on random
weights: features and logits agree to 6e-7 of the largest, the prepared pictures to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mintage.evaluation.features.extractors import Seen

DIM, CLASSES, SIDE = 2048, 1008, 299

Convolution = tuple[str, int, int, int]  # name, channels out, kernel height, kernel width
Step = tuple[Convolution, ...]  # one convolution; or two on the same map, laid side by side


class Kind(NamedTuple):
    """A kind of block: branches of steps on the same h, and one that pools. All are laid side by side in this order.

    Pools are 3 x 3: "average" and "maximum" keep the size and are followed by a 1 x 1 convolution; "halve" is a maximum
    with stride 2 and no padding, and the last convolution of each branch then has stride 2 and no padding too.
    """

    branches: tuple[tuple[Step, ...], ...]
    pool: str
    pooled: int = 0  # channels after the pool's 1 x 1 convolution


def _line(name: str, *shapes: tuple[int, int, int]) -> tuple[Step, ...]:
    """Convolutions one after another, called name_1, name_2, ...; a single one is called by the bare name."""
    if len(shapes) == 1:
        return (((name, *shapes[0]),),)
    return tuple(((f"{name}_{index}", *shape),) for index, shape in enumerate(shapes, start=1))


def _fork(name: str, index: int) -> Step:
    """A flat and a tall convolution on the same map: what the E blocks end their branches in."""
    return ((f"{name}_{index}a", 384, 1, 3), (f"{name}_{index}b", 384, 3, 1))


def kind_a(pooled: int) -> Kind:
    return Kind((_line("branch1x1", (64, 1, 1)), _line("branch5x5", (48, 1, 1), (64, 5, 5)),
                 _line("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3))), "average", pooled)


def kind_c(c: int) -> Kind:
    return Kind((_line("branch1x1", (192, 1, 1)), _line("branch7x7", (c, 1, 1), (c, 1, 7), (192, 7, 1)),
                 _line("branch7x7dbl", (c, 1, 1), (c, 7, 1), (c, 1, 7), (c, 7, 1), (192, 1, 7))), "average", 192)


def kind_e(pool: str) -> Kind:
    return Kind((_line("branch1x1", (320, 1, 1)),
                 ((("branch3x3_1", 384, 1, 1),), _fork("branch3x3", 2)),
                 (*_line("branch3x3dbl", (448, 1, 1), (384, 3, 3)), _fork("branch3x3dbl", 3))), pool, 192)


KIND_B = Kind((_line("branch3x3", (384, 3, 3)), _line("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3))), "halve")
KIND_D = Kind((_line("branch3x3", (192, 1, 1), (320, 3, 3)),
               _line("branch7x7x3", (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3))), "halve")
# The first layers: name, channels in, channels out, kernel, stride, padding; a pool 3 x 3 / 2 follows where said.
STEM = (("Conv2d_1a_3x3", 3, 32, 3, 2, 0), ("Conv2d_2a_3x3", 32, 32, 3, 1, 0), ("Conv2d_2b_3x3", 32, 64, 3, 1, 1),
        ("Conv2d_3b_1x1", 64, 80, 1, 1, 0), ("Conv2d_4a_3x3", 80, 192, 3, 1, 0))
POOL_AFTER = {"Conv2d_2b_3x3", "Conv2d_4a_3x3"}
BLOCKS = {"Mixed_5b": kind_a(32), "Mixed_5c": kind_a(64), "Mixed_5d": kind_a(64), "Mixed_6a": KIND_B,
          "Mixed_6b": kind_c(128), "Mixed_6c": kind_c(160), "Mixed_6d": kind_c(160), "Mixed_6e": kind_c(192),
          "Mixed_7a": KIND_D, "Mixed_7b": kind_e("average"), "Mixed_7c": kind_e("maximum")}


class NormedConv(nn.Module):
    """h -> max(0, BN(K * h)), K without bias, BN with epsilon 1e-3 and the file's running moments."""

    def __init__(self, i: int, o: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(i, o, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=1e-3)

    def forward(self, h: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(h)), inplace=True)


class Mixed(nn.Module):
    """One block of a `Kind`: h [N, i, H, W] -> [N, width, H, W], or about half of H and W where it halves."""

    def __init__(self, i: int, kind: Kind) -> None:
        super().__init__()
        self.kind, self.width = kind, kind.pooled or i
        for branch in kind.branches:
            channels = i
            for step in branch:
                halves = kind.pool == "halve" and step is branch[-1]
                for name, o, height, width in step:
                    pad = (0, 0) if halves else (height // 2, width // 2)
                    self.add_module(name, NormedConv(channels, o, (height, width), 2 if halves else 1, pad))
                channels = sum(o for _, o, _, _ in step)
            self.width += channels
        if kind.pooled:
            self.add_module("branch_pool", NormedConv(i, kind.pooled, (1, 1), 1, (0, 0)))

    def forward(self, h: Tensor) -> Tensor:
        maps = []
        for branch in self.kind.branches:
            part = h
            for step in branch:
                sides = [self.get_submodule(name)(part) for name, *_ in step]
                part = sides[0] if len(sides) == 1 else torch.cat(sides, dim=1)
            maps.append(part)
        return torch.cat([*maps, self._pooled(h)], dim=1)

    def _pooled(self, h: Tensor) -> Tensor:
        if self.kind.pool == "halve":
            return F.max_pool2d(h, 3, 2)
        if self.kind.pool == "maximum":
            return self.get_submodule("branch_pool")(F.max_pool2d(h, 3, 1, padding=1))
        return self.get_submodule("branch_pool")(F.avg_pool2d(h, 3, 1, padding=1, count_include_pad=False))


class Inception(nn.Module):
    """x [N, 3, 299, 299], (rgb - 128) / 128 -> features [N, 2048] and logits without bias [N, 1008]."""

    def __init__(self) -> None:
        super().__init__()
        for name, i, o, kernel, stride, padding in STEM:
            self.add_module(name, NormedConv(i, o, (kernel, kernel), stride, (padding, padding)))
        channels = STEM[-1][2]
        for name, kind in BLOCKS.items():
            block = Mixed(channels, kind)
            self.add_module(name, block)
            channels = block.width
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Seen:
        h = x
        for name, *_ in STEM:
            h = self.get_submodule(name)(h)
            h = F.max_pool2d(h, 3, 2) if name in POOL_AFTER else h
        for name in BLOCKS:
            h = self.get_submodule(name)(h)
        f = h.mean((2, 3))
        return Seen(f, f @ self.fc.weight.T)


def graph_names() -> dict[str, str]:
    """Our name of each convolution -> its name in TensorFlow's graph, as NVIDIA's file has it.

    Mixed_5b.branch5x5_2 is mixed.tower.conv_1: blocks are numbered as they come, a branch of several convolutions is a
    tower, and the pool's is the last tower. The two blocks with forks are written flat: mixed_9.tower_mixed_conv_1.
    """
    names = {line[0]: _numbered("conv", index) for index, line in enumerate(STEM)}
    for index, (block, kind) in enumerate(BLOCKS.items()):
        forks = any(len(step) > 1 for branch in kind.branches for step in branch)
        theirs, dot, towers = _numbered("mixed", index), "_" if forks else ".", 0
        for branch in kind.branches:
            tower = "" if len(branch) == 1 else _numbered("tower", towers) + dot
            towers += len(branch) > 1
            for place, step in enumerate(branch):
                for side, (name, *_) in enumerate(step):
                    last = _numbered("conv", place) if len(step) == 1 else _numbered("mixed_conv", side)
                    names[f"{block}.{name}"] = f"{theirs}.{tower}{last}"
        if kind.pooled:
            names[f"{block}.branch_pool"] = f"{theirs}.{_numbered('tower', towers)}{dot}conv"
    return names


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name
