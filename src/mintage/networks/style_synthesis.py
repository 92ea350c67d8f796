"""The generator of StyleGAN2, for images of any size: styles in, an image out.

w [N, w_dim], or [N, layers, w_dim] where layers have styles of their own (mixing); x [N, C, H, W]. A learned constant
stands on the starting grid of `grids.plan`. At each level of the grid two modulated convolutions follow, the first of
which doubles the sides (the starting level has one, which does not); after each come noise, a bias and a leaky
rectifier. Each level paints an image with a 1 x 1 modulated convolution, and the result is the sum of all, each doubled
by the FIR filter up to the last (skip architecture). The last layer's style is shared by nothing, others' paintings use
the style of the next convolution, so layers = 2 levels + 2.

Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020), https://arxiv.org/abs/1912.04958

With form="adain" a convolution's weights are not modulated: what follows the rectifier is standardised and restyled
instead, as in A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019),
https://arxiv.org/abs/1812.04948; the skip architecture stays.

Differences from the papers: the grid starts with 4 to 7 positions a side rather than always 4, and in evaluation noise
is the fixed map unless "drawn" is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from mintage.networks.filters import TAPS, convolved_up, upsample
from mintage.networks.grids import Grid, plan
from mintage.networks.modulation import Noise, NoiseMode, activated, adain, demodulation, modulated, painted
from mintage.networks.precision import outside_autocast, widened
from mintage.networks.sizes import row_of
from mintage.networks.style_mapping import EqualLinear, Mixing, StyleMapping

StyleSize = Literal["XS", "S", "M", "L"]
Form = Literal["modulated", "adain"]


@dataclass(frozen=True)
class StyleRow:
    """A size: min(`base` / side, `top`) channels on maps whose shorter side is `side`, in multiples of 8."""

    base: int
    top: int
    w_dim: int
    depth: int
    """Layers of the mapping network."""

    def widths(self, grid: Grid) -> list[int]:
        """Channels at each level, from the start (0) to the image."""
        sides = [min(grid.at(level)) for level in range(grid.levels + 1)]
        return [max(min(self.base // side, self.top) // 8 * 8, 8) for side in sides]


STYLE_SIZES: dict[str, StyleRow] = {
    "XS": StyleRow(512, 32, 64, 2),
    "S": StyleRow(2048, 128, 128, 2),
    "M": StyleRow(16384, 512, 512, 8),  # StyleGAN2's presets up to 256 x 256 ...
    "L": StyleRow(32768, 512, 512, 8),  # ... and for faces of 1024 x 1024
}


def style_row(size: str | StyleRow) -> StyleRow:
    """The row of a size.

    Raises:
        ValueError: a size that is not in the table.
    """
    return size if isinstance(size, StyleRow) else row_of(size, STYLE_SIZES, "a style network")


class StyleLayer(nn.Module):
    """A styled convolution of 3 x 3, noise, bias, leaky rectifier.   x [N, a, H, W], w [N, w_dim] -> [N, b, size]."""

    def __init__(self, a: int, b: int, w_dim: int, size: tuple[int, int], *, up: bool, form: Form) -> None:
        super().__init__()
        self.up, self.form, self.gain = up, form, 1 / math.sqrt(9 * a)
        self.affine = EqualLinear(w_dim, a, bias=1.0) if form == "modulated" else EqualLinear(w_dim, 2 * b)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(b, a, 3, 3)))
        self.bias = nn.Parameter(torch.zeros(b))
        self.noise = Noise(size)

    def forward(self, x: Tensor, w: Tensor, noise: NoiseMode | None = None) -> Tensor:
        with outside_autocast(w):
            style, weight = self.affine(w), self.weight * self.gain
        e = self.noise(len(w), noise)
        if self.form == "adain":
            y = convolved_up(x, weight, TAPS) if self.up else conv2d(x, weight, padding=1)
            return adain(activated(y, self.bias, noise=e), *style.chunk(2, 1))
        y = modulated(x, weight, style, demodulate=False, resample="up" if self.up else None)
        return activated(y, self.bias, scale=demodulation(weight, style), noise=e)


class ToImage(nn.Module):
    """A level's painting: 1 x 1, not demodulated.   x [N, a, H, W], w [N, w_dim] -> [N, C, H, W], float32."""

    def __init__(self, a: int, channels: int, w_dim: int, *, form: Form) -> None:
        super().__init__()
        self.gain = 1 / math.sqrt(a)
        self.affine = EqualLinear(w_dim, a, bias=1.0) if form == "modulated" else None
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(channels, a, 1, 1)))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        if self.affine is None:
            return widened(conv2d(x, self.weight * self.gain)) + self.bias[:, None, None]
        with outside_autocast(w):
            style = self.affine(w) * self.gain
        return widened(painted(x, self.weight, style)) + self.bias[:, None, None]


class StyleSynthesis(nn.Module):
    """x = g(w).   w [N, w_dim] or [N, layers, w_dim] -> x [N, C, H, W], float32, not bounded.

    Args:
        shape: (C, H, W) of the images.
        size: a row of `STYLE_SIZES`, or a row.
        form: "modulated" (StyleGAN2) or "adain" (StyleGAN).

    Raises:
        ValueError: an unknown size or form, an impossible shape, or styles of another shape.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: StyleSize | StyleRow = "S",
                 form: Form = "modulated") -> None:
        super().__init__()
        if form not in get_args(Form):
            raise ValueError(f"form of a style network is {form!r}; it is one of {', '.join(get_args(Form))}")
        row, self.grid = style_row(size), style_grid(shape)
        widths, d = row.widths(self.grid), row.w_dim
        self.w_dim, self.layers = d, 2 * self.grid.levels + 2
        self.constant = nn.Parameter(nn.init.normal_(torch.empty(widths[0], *self.grid.start)))
        convolutions = [StyleLayer(widths[0], widths[0], d, self.grid.start, up=False, form=form)]
        for level in range(1, self.grid.levels + 1):
            a, b, at = widths[level - 1], widths[level], self.grid.at(level)
            convolutions += [StyleLayer(a, b, d, at, up=True, form=form), StyleLayer(b, b, d, at, up=False, form=form)]
        self.convolutions = nn.ModuleList(convolutions)
        self.paintings = nn.ModuleList([ToImage(width, shape[0], d, form=form) for width in widths])

    def forward(self, w: Tensor, noise: NoiseMode | None = None) -> Tensor:
        ws = self._by_layer(w)
        x = self.constant.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image = None
        for i, layer in enumerate(self.convolutions):
            x = layer(x, ws[i], noise)
            if i % 2 == 0:  # the last convolution of a level
                painting = self.paintings[i // 2](x, ws[i + 1])
                image = painting if image is None else upsample(image, TAPS) + painting
        return self.grid.crop(image if image is not None else x)

    def _by_layer(self, w: Tensor) -> tuple[Tensor, ...]:
        expected = [(self.w_dim,), (self.layers, self.w_dim)]
        if tuple(w.shape[1:]) not in expected:
            raise ValueError(f"styles of shape {tuple(w.shape)} came to a network of {self.layers} layers; it takes "
                             f"[N, {self.w_dim}] or [N, {self.layers}, {self.w_dim}]")
        return (w,) * self.layers if w.ndim == 2 else w.unbind(1)


class StyleGenerator(nn.Module):
    """x = g(f(z, y)).   z [N, z_dim], y [N] or None -> x [N, C, H, W]; `mapping` is f, `synthesis` is g.

    Args:
        z_dim: numbers in a latent; the row's w_dim if not given.
        classes: kinds of labels; 0 for none.
        mixing: share of the examples that have two styles, in training.

    Other arguments and errors as `StyleSynthesis`, `StyleMapping` and `Mixing`.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: StyleSize | StyleRow = "S", z_dim: int | None = None,
                 classes: int = 0, form: Form = "modulated", mixing: float = 0.0) -> None:
        super().__init__()
        row = style_row(size)
        self.z_dim, self.classes = row.w_dim if z_dim is None else z_dim, classes
        self.mapping = StyleMapping(self.z_dim, row.w_dim, depth=row.depth, classes=classes)
        self.synthesis = StyleSynthesis(shape, size=row, form=form)
        self.mixing = Mixing(self.synthesis.layers, mixing) if mixing else None

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """w [N, w_dim]; in training, where styles are mixed, [N, layers, w_dim]."""
        return self.mixing(self.mapping, z, y) if self.mixing is not None and self.training else self.mapping(z, y)

    def forward(self, z: Tensor, y: Tensor | None = None, noise: NoiseMode | None = None) -> Tensor:
        return self.synthesis(self.styles(z, y), noise)


def style_grid(shape: tuple[int, int, int]) -> Grid:
    """The grid of images (C, H, W).

    Raises:
        ValueError: no channel, or a side `grids.plan` refuses.
    """
    if len(shape) != 3 or shape[0] < 1:
        raise ValueError(f"images have shape {tuple(shape)}; a style network needs (channels, height, width) with 1 "
                         "channel or more")
    return plan(shape[1], shape[2])
