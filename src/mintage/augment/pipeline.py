"""The pipeline of adaptive augmentation: eleven changes of images, each made with one probability p.

x [N, C, H, W] in [-1, 1] -> the same shape. Each change is made to each example with probability p, with draws of its
own (n ~ N(0, 1), u ~ U(0, 1)), in the order of the paper's set "bgc":

    pixels      mirrored (1 in 2); turned by a multiple of 90 degrees; shifted by whole pixels, up to 1/8 of each side
    geometry    scaled by 2^(n/5); turned; stretched by 2^(n/5) one way and its inverse the other; turned again; shifted
                by n/8 of each side. The two turns are made with probability 1 - sqrt(1 - p) each, so that p is the
                probability of either.
    colour      + n/5; times 2^(n/2); mirrored at the plane of equal luma (1 in 2); turned about the luma axis; the
                part off that axis times 2^n

Positions are composed to one affine map, which is read back bilinearly with the image reflected at its edges; colours
are composed to one affine map of the channels. So with the draws held all of it is affine in x.

Different from the paper: no wavelet filter around the geometric map. Turning and stretching colours is for images of
three channels or more and touches the first three; fewer channels are all treated alike.

Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), appendix B.
https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mintage.augment.differentiable import images, taken

SHIFT = 1 / 8
STRETCH = 0.2
BRIGHTNESS = 0.2
CONTRAST = 0.5


def pipeline(x: Tensor, generator: torch.Generator, p: float | Tensor) -> Tensor:
    """The whole pipeline.   [N, C, H, W] -> the same; p a number or a 0-d tensor in [0, 1].

    p = 0 is the identity to the bit.

    Raises:
        ValueError: x is no batch of images.
    """
    images(x)
    with torch.autocast(x.device.type, enabled=False):
        draws = _Draws(len(x), generator, p, x)
        source, moved = positions(draws, x.shape[2], x.shape[3])
        x = torch.where(moved.view(-1, 1, 1, 1), warped(x, source), x)
        matrix, shift, dyed = colours(draws, min(x.shape[1], 3))
        return torch.where(dyed.view(-1, 1, 1, 1), _dyed(x, matrix, shift), x)


def positions(draws: _Draws, height: int, width: int) -> tuple[Tensor, Tensor]:
    """(A [N, 2, 3], moved [N]): the pixel at q = (x, y) from the middle is read at A (q, 1); moved where A is not the
    identity."""
    side = torch.tensor([width, height])
    either = 1 - (1 - draws.p) ** 0.5
    steps = [
        lambda on: _diagonal(1 - 2 * on * draws.whole(2), torch.ones_like(on)),
        lambda on: _turned(on * draws.whole(4) * (math.pi / 2)),
        lambda on: _shifted((on[:, None] * (2 * draws.uniform(2) - 1) * SHIFT * side.to(on)).round()),
        lambda on: _diagonal(*[2 ** -(on * draws.normal() * STRETCH)] * 2),
        lambda on: _turned(on * (2 * draws.uniform() - 1) * math.pi),
        lambda on: _stretched(2 ** (on * draws.normal() * STRETCH)),
        lambda on: _turned(on * (2 * draws.uniform() - 1) * math.pi),
        lambda on: _shifted(on[:, None] * draws.normal(2) * SHIFT * side.to(on)),
    ]
    whole = torch.eye(3, dtype=draws.p.dtype, device=draws.device).expand(draws.n, 3, 3)
    moved = torch.zeros(draws.n, dtype=draws.p.dtype, device=draws.device)
    for number, step in enumerate(steps):
        on = draws.gate(either if number in (4, 6) else draws.p)
        whole, moved = whole @ step(on), moved + on
    return whole[:, :2], moved > 0


def warped(x: Tensor, source: Tensor) -> Tensor:
    """x read bilinearly at A (q, 1), reflected at the edges.   [N, C, H, W], [N, 2, 3] -> [N, C, H, W].

    By gathering rather than by torch's grid_sample, whose gradient cannot be differentiated again.
    """
    _, _, height, width = x.shape
    rows = torch.arange(height, dtype=source.dtype, device=source.device) - (height - 1) / 2
    columns = torch.arange(width, dtype=source.dtype, device=source.device) - (width - 1) / 2
    s = source[..., None, None]
    u, v = (s[:, k, 0] * columns + s[:, k, 1] * rows[:, None] + s[:, k, 2] for k in (0, 1))
    (left, right, a), (top, bottom, b) = _between(u, width), _between(v, height)
    a, b = a[:, None].to(x.dtype), b[:, None].to(x.dtype)
    upper = (1 - a) * taken(x, top * width + left) + a * taken(x, top * width + right)
    lower = (1 - a) * taken(x, bottom * width + left) + a * taken(x, bottom * width + right)
    return (1 - b) * upper + b * lower


def colours(draws: _Draws, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """(M [N, c, c], t [N, c], dyed [N]): the colour k of a pixel becomes M k + t; c = 3, or 1 for fewer channels."""
    c = 3 if channels == 3 else 1
    one = torch.eye(c, dtype=draws.p.dtype, device=draws.device)
    luma = torch.full((c, c), 1 / c, dtype=draws.p.dtype, device=draws.device)  # v v', v = (1, ..., 1) / sqrt(c)
    on = [draws.gate(draws.p) for _ in range(5 if c == 3 else 3)]
    t = (on[0] * draws.normal() * BRIGHTNESS)[:, None].expand(-1, c)
    whole = (2 ** (on[1] * draws.normal() * CONTRAST)).view(-1, 1, 1) * one
    whole = (one - 2 * (on[2] * draws.whole(2)).view(-1, 1, 1) * luma) @ whole
    if c == 3:
        whole = _about_luma(on[3] * (2 * draws.uniform() - 1) * math.pi, one, luma) @ whole
        whole = (luma + (one - luma) * (2 ** (on[4] * draws.normal())).view(-1, 1, 1)) @ whole
    return whole, (whole @ t[..., None]).squeeze(2), torch.stack(on).sum(0) > 0


class _Draws:
    """The draws of n examples, each [n, ...]."""

    def __init__(self, n: int, generator: torch.Generator, p: float | Tensor, x: Tensor) -> None:
        self.n, self.generator, self.device = n, generator, x.device
        self.p = torch.as_tensor(p, dtype=torch.float32, device=x.device)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(self.n, *shape, generator=self.generator, device=self.generator.device).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.n, *shape, generator=self.generator, device=self.generator.device).to(self.device)

    def whole(self, below: int) -> Tensor:
        return (self.uniform() * below).floor()

    def gate(self, p: Tensor) -> Tensor:
        return (self.uniform() < p).float()


def _diagonal(a: Tensor, b: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([a, b, torch.ones_like(a)], 1))


def _stretched(s: Tensor) -> Tensor:
    return _diagonal(1 / s, s)


def _turned(angle: Tensor) -> Tensor:
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([c, -s, zero, s, c, zero, zero, zero, one], 1).view(-1, 3, 3)


def _shifted(by: Tensor) -> Tensor:
    eye = torch.eye(3, dtype=by.dtype, device=by.device).expand(len(by), 3, 3)
    return eye + torch.nn.functional.pad(by[..., None], (2, 0, 0, 1))


def _about_luma(angle: Tensor, one: Tensor, luma: Tensor) -> Tensor:
    """The rotation of colours about (1, 1, 1) (Rodrigues)."""
    cross = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=one.dtype, device=one.device) / math.sqrt(3)
    c, s = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    return c * one + s * cross + (1 - c) * luma


def _between(u: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two places around u, a coordinate from the middle, reflected at the edges; how far it is to the second."""
    u = torch.remainder(u + side / 2, 2 * side)
    u = (side - (u - side).abs() - 0.5).clamp(0, side - 1)
    nearest = u.round()
    u = torch.where((u - nearest).abs() < 1e-4, nearest, u)  # whole pixels stay whole
    low = u.floor()
    return low.long(), (low + 1).clamp(max=side - 1).long(), u - low


def _dyed(x: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    c = matrix.shape[1]
    if c == 1:
        return x * matrix.view(-1, 1, 1, 1).to(x.dtype) + shift.view(-1, 1, 1, 1).to(x.dtype)
    first = (matrix.to(x.dtype) @ x[:, :c].flatten(2) + shift[..., None].to(x.dtype)).unflatten(2, x.shape[2:])
    return first if x.shape[1] == c else torch.cat([first, x[:, c:]], 1)
