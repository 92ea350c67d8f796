"""Networks that grow: a generator and a critic of which only the first levels of a grid speak, as a knob says.

`level` is a number l + t in a 0-d buffer that both share: levels 0..l of the grid speak, and level l + 1 has faded in
by t, 0 <= t < 1. All levels are built at once, and those that do not speak are not computed. At level l

    G   h_0 = f_0(z / rms(z)),  h_i = f_i(up h_(i-1)),  image = T_l h_l
    D   h_l = F_l image,        h_(i-1) = g_i(h_i),     logit = g_0(h_0, deviation of h_0 over the batch)

T and F are convolutions of 1 x 1 from and to channels, up copies each position four times, g_i ends in means of 2 x 2.
While level l + 1 fades in, both of its ends are mixed, and real images likewise:

    G   image = t T_(l+1) h_(l+1) + (1 - t) up T_l h_l
    D   h_l   = t g_(l+1)(F_(l+1) image) + (1 - t) F_l pool(image)
    x         = t pool_(l+1)(x) + (1 - t) up pool_l(x)

G divides the channels at each position by their root mean square (pixel norm); weights of both have equalised rate.

Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018),
https://arxiv.org/abs/1710.10196

Differences from the paper: the grid starts with 4 to 7 positions a side, so that any image fits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from mintage.networks.activation import SLOPE
from mintage.networks.equalised import equalise
from mintage.networks.minibatch import MinibatchDeviation
from mintage.networks.precision import outside_autocast, widened
from mintage.networks.style_mapping import unit
from mintage.networks.style_synthesis import StyleRow, StyleSize, style_grid, style_row
from mintage.networks.upsampling import UpsampledConv2d


class PixelNorm(nn.Module):
    """x / rms(x) over the channels of each position.   [N, C, ...] -> the same.   Karras et al., 2018, section 4.2."""

    def forward(self, x: Tensor) -> Tensor:
        return unit(widened(x)).to(x.dtype)


class Progressive(nn.Module):
    """What both networks know of their level.

    Args:
        level: the knob, a 0-d float tensor to share; a new one of all levels if not given.

    Raises:
        ValueError: an unknown size, an impossible shape, or a knob that is not one number.
    """

    level: Tensor

    def __init__(self, shape: tuple[int, int, int], size: StyleSize | StyleRow, level: Tensor | None) -> None:
        super().__init__()
        self.row, self.grid = style_row(size), style_grid(shape)
        self.widths = self.row.widths(self.grid)
        knob = torch.tensor(float(self.grid.levels)) if level is None else level
        if knob.ndim or not knob.is_floating_point():
            raise ValueError(f"level is a tensor {tuple(knob.shape)} of {knob.dtype}; it is one float, shape ()")
        self.register_buffer("level", knob)

    def reached(self) -> tuple[int, float]:
        """(l, t): the last whole level, and how far the next has faded in, 0 <= t < 1."""
        level = min(max(float(self.level), 0.0), float(self.grid.levels))
        return int(level), level - int(level)

    @property
    def size(self) -> tuple[int, int]:
        """Sides of the images that are made and judged at the present level."""
        whole, fade = self.reached()
        return self.grid.at(whole + bool(fade))

    def equal(self, *ends: nn.Module) -> None:
        """Weights V from N(0, 1), used as sqrt(2 / n) V, n the fan-in; in the `ends`, which no rectifier follows, from
        N(0, 1/2). Biases are 0."""
        straight = {layer for end in ends for layer in end.modules()}
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if layer in straight else "relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        equalise(self)


class ProgressiveGenerator(Progressive):
    """x = G(z).   z [N, z_dim] -> [N, C, H, W], float32, not bounded; blocks of the level's pixels.

    Args:
        shape: (C, H, W) of the images.
        size: a row of `STYLE_SIZES`, or a row.
        z_dim: numbers in a latent; the row's w_dim if not given.

    Other arguments and errors as `Progressive`.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: StyleSize | StyleRow = "S", z_dim: int | None = None,
                 level: Tensor | None = None) -> None:
        super().__init__(shape, size, level)
        self.z_dim, start, top = z_dim or self.row.w_dim, self.grid.start, self.widths[0]

        def bend() -> list[nn.Module]:
            return [nn.LeakyReLU(SLOPE), PixelNorm()]

        self.first = nn.Sequential(nn.Linear(self.z_dim, top * math.prod(start)), nn.Unflatten(1, (top, *start)),
                                   *bend(), nn.Conv2d(top, top, 3, padding=1), *bend())
        self.blocks = nn.ModuleList([
            nn.Sequential(UpsampledConv2d(a, b, 3, padding=1), *bend(), nn.Conv2d(b, b, 3, padding=1), *bend())
            for a, b in zip(self.widths, self.widths[1:], strict=False)])
        self.paintings = nn.ModuleList([nn.Conv2d(width, shape[0], 1) for width in self.widths])
        self.equal(self.paintings)

    def grown(self, z: Tensor) -> Tensor:
        """The image at the present level's size.   [N, z_dim] -> [N, C, *size], float32."""
        whole, fade = self.reached()
        h = self.first(unit(widened(z)))
        for block in self.blocks[:whole]:
            h = block(h)
        image = widened(self.paintings[whole](h))
        if fade:
            finer = widened(self.paintings[whole + 1](self.blocks[whole](h)))
            image = fade * finer + (1 - fade) * double(image)
        return image

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        image = self.grown(z)
        return self.grid.crop(image if self.size == self.grid.padded else interpolate(image, self.grid.padded))


class ProgressiveDiscriminator(Progressive):
    """logits = D(x).   x [N, C, H, W], or images of the present level's size as they are -> [N], float32.

    Args:
        shape: (C, H, W) of the images.
        size: a row of `STYLE_SIZES`, or a row.
        group: examples of one minibatch deviation; the paper's is the batch.

    Other arguments and errors as `Progressive`.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: StyleSize | StyleRow = "S", group: int = 4,
                 level: Tensor | None = None) -> None:
        super().__init__(shape, size, level)
        top = self.widths[0]
        self.readings = nn.ModuleList([nn.Sequential(nn.Conv2d(shape[0], width, 1), nn.LeakyReLU(SLOPE))
                                       for width in self.widths])
        self.blocks = nn.ModuleList([
            nn.Sequential(nn.Conv2d(b, b, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Conv2d(b, a, 3, padding=1),
                          nn.LeakyReLU(SLOPE), nn.AvgPool2d(2))
            for a, b in zip(self.widths, self.widths[1:], strict=False)])
        self.deviation = MinibatchDeviation(group)
        self.last = nn.Sequential(nn.Conv2d(top + 1, top, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Flatten(),
                                  nn.Linear(top * math.prod(self.grid.start), top), nn.LeakyReLU(SLOPE))
        self.out = nn.Linear(top, 1)
        self.equal(self.out)

    def shown(self, x: Tensor) -> Tensor:
        """Real images at the present level's size, faded as the generator's.   [N, C, H, W] -> [N, C, *size]."""
        (whole, fade), x = self.reached(), self.grid.widen(x)
        times = 1 << (self.grid.levels - whole - bool(fade))
        x = avg_pool2d(x, times) if times > 1 else x
        return fade * x + (1 - fade) * double(avg_pool2d(x, 2)) if fade else x

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        whole, fade = self.reached()
        x = x if tuple(x.shape[-2:]) == self.size else self.shown(x)
        if fade:
            finer = self.blocks[whole](self.readings[whole + 1](x))
            h = fade * finer + (1 - fade) * self.readings[whole](avg_pool2d(x, 2))
        else:
            h = self.readings[whole](x)
        for number in reversed(range(whole)):
            h = self.blocks[number](h)
        sigma = self.deviation(h)[:, :, None, None].expand(-1, 1, *h.shape[2:])
        features = self.last(torch.cat([h, sigma.to(h.dtype)], 1))
        with outside_autocast(h):
            return self.out(widened(features)).squeeze(1)


def double(x: Tensor) -> Tensor:
    """Each position four times.   [N, C, H, W] -> [N, C, 2H, 2W]."""
    return interpolate(x, scale_factor=2.0, mode="nearest")
