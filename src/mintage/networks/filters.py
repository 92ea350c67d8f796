"""Resampling of images by two with a finite filter (FIR), and with the convolution beside it.

x [N, C, H, W]; f are `taps` divided by their sum, an even number of them and symmetric, (1, 3, 3, 1) / 8 in StyleGAN2;
F = f f' acts depth-wise, with zeros around the image. Z puts a zero after every row and column, S keeps every second
one, K is a convolution of 3 x 3 without padding and K' the transposed one.

    blur x = F * x            up x = 4 F * Z x            down x = S (F * x)
    convolved_up x = 4 F * K' Z x = K~ (4 F * Z x)       convolved_down x = S K (F * x)

K~ is K with its kernels turned round. The filter before K or K~ leaves a margin of one position for it.

`upfirdn` is the definition of them all, by zeros and a plain convolution. What is fast on a CPU: depth-wise kernels on
channels-last tensors, both directions at once (a pass for each direction took up to twice as long), and the convolution
of 3 x 3 beside the filter, not folded into it (a kernel of 6 x 6 has four times the products, and took 1.2 to 1.9
times as long). torch's own gradient of a depth-wise convolution is slower than the convolution, in bfloat16 with a
stride twenty times slower than in float32: here the gradient of a filter is a filter run forwards. So bfloat16 images
are filtered in bfloat16, on the processor tried to the bits of the rounded float32 result.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019, section B),
https://arxiv.org/abs/1812.04948; Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020, section
B), https://arxiv.org/abs/1912.04958
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.overrides import handle_torch_function, has_torch_function_unary

from mintage.networks.precision import outside_autocast

TAPS = (1.0, 3.0, 3.0, 1.0)
_Kind = Literal["blur", "up", "down"]
_ADJOINT: dict[_Kind, _Kind] = {"blur": "blur", "up": "down", "down": "up"}


def upfirdn(x: Tensor, taps: Sequence[float] = TAPS, *, up: int = 1, down: int = 1,
            padding: tuple[int, int] = (0, 0), gain: float = 1.0) -> Tensor:
    """up - 1 zeros after each row and column, `padding` zeros before and after all, F with a gain, every `down`-th row
    and column: the definition.

    Nothing here is fast; the forms below are equal to it.   [N, C, H, W] -> [N, C, H', W'],
    H' = floor((up H + before + after - k) / down) + 1 for k taps.
    """
    n, c, h, w = x.shape
    spread = x.new_zeros(n, c, h, up, w, up)
    spread[:, :, :, 0, :, 0] = x
    padded = pad(spread.reshape(n * c, 1, h * up, w * up), padding * 2)
    f = torch.tensor(_checked(taps), dtype=x.dtype, device=x.device)
    y = conv2d(padded, gain * torch.outer(f, f)[None, None])[:, :, ::down, ::down]
    return y.reshape(n, c, *y.shape[2:])


def blur(x: Tensor, taps: Sequence[float] = TAPS, *, padding: int) -> Tensor:
    """F * x with `padding` zeros around, 0 to k - 1.   [N, C, H, W] -> [N, C, H + 2 padding - k + 1, ...]."""
    return _filtered(x, "blur", _checked(taps), padding, 1.0)


def upsample(x: Tensor, taps: Sequence[float] = TAPS) -> Tensor:
    """4 F * Z x, so that the inside of a constant image stays as it is.   [N, C, H, W] -> [N, C, 2H, 2W]."""
    return _filtered(x, "up", _checked(taps), len(taps) // 2 - 1, 4.0)


def downsample(x: Tensor, taps: Sequence[float] = TAPS) -> Tensor:
    """S (F * x).   [N, C, H, W] -> [N, C, H/2, W/2], for even sides.

    Raises:
        ValueError: an odd side.
    """
    _even(x)
    return _filtered(x, "down", _checked(taps), len(taps) // 2 - 1, 1.0)


def convolved_up(x: Tensor, weight: Tensor, taps: Sequence[float] = TAPS) -> Tensor:
    """4 F * K' Z x for `weight` [b, a, 3, 3].   [N, a, H, W] -> [N, b, 2H, 2W].

    The same as doubling first and then convolving with the kernels turned round, with a quarter of the multiplications.
    Kernels of 1 x 1 come first, at the small size.
    """
    if weight.shape[-1] == 1:
        return upsample(conv2d(x, weight), taps)
    y = conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    return _filtered(y, "blur", _checked(taps), len(taps) // 2 - 1, 4.0)


def convolved_down(x: Tensor, weight: Tensor, bias: Tensor | None = None, taps: Sequence[float] = TAPS) -> Tensor:
    """S K (F * x) for `weight` [b, a, 3, 3], and a bias [b].   [N, a, H, W] -> [N, b, H/2, W/2], for even sides.

    The filter's margin is the kernel's: blur with padding k / 2, convolve without. Kernels of 1 x 1 come last, at the
    small size.

    Raises:
        ValueError: an odd side.
    """
    if weight.shape[-1] == 1:
        return conv2d(downsample(x, taps), weight, bias)
    _even(x)
    return conv2d(blur(x, taps, padding=len(taps) // 2), weight, bias, stride=2)


class _Filter(Function):
    """One of the three filters, whose gradient is another of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: _Kind, f: tuple[float, ...], padding: int, gain: float) -> Tensor:
        ctx.of = kind, f, padding, gain
        return _apply(x, kind, f, padding, gain)

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        kind, f, padding, gain = ctx.of
        back = len(f) - 1 - padding if kind == "blur" else padding
        return _filtered(g[0], _ADJOINT[kind], f, back, gain), None, None, None, None


def _filtered(x: Tensor, kind: _Kind, f: tuple[float, ...], padding: int, gain: float) -> Tensor:
    if has_torch_function_unary(x):  # whoever watches the functions of torch is shown one linear step
        return handle_torch_function(_filtered, (x,), x, kind, f, padding, gain)
    with outside_autocast(x):
        return _Filter.apply(x, kind, f, padding, gain)


def _apply(x: Tensor, kind: _Kind, f: tuple[float, ...], padding: int, gain: float) -> Tensor:
    c = x.shape[1]
    taps = torch.tensor(f, dtype=torch.float32 if x.dtype.itemsize < 4 else x.dtype, device=x.device)
    kernel = (gain * torch.outer(taps, taps)).to(x.dtype).expand(c, 1, len(f), len(f))
    if kind == "down":
        return conv2d(x, kernel, stride=2, padding=padding, groups=c)
    if kind == "blur":
        return conv2d(x, kernel, padding=padding, groups=c)
    if x.dtype.itemsize >= 4:
        return conv_transpose2d(x, kernel, stride=2, padding=padding, groups=c)
    # In 16 bits the transposed depth-wise kernel is the slow one: put the zeros in, then filter forwards.
    n, _, h, w = x.shape
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    spread = torch.empty((n, c, 2 * h - 1, 2 * w - 1), dtype=x.dtype, device=x.device, memory_format=layout).zero_()
    spread[:, :, ::2, ::2] = x
    return conv2d(spread, kernel, padding=len(f) - 1 - padding, groups=c)


def _checked(taps: Sequence[float]) -> tuple[float, ...]:
    """Taps divided by their sum."""
    given = tuple(float(t) for t in taps)
    if len(given) < 2 or len(given) % 2 or given != given[::-1] or sum(given) == 0:
        raise ValueError(f"taps of a filter are {given}; resampling by two takes an even number of them, symmetric and "
                         "with a sum other than 0, such as (1, 3, 3, 1) or (1, 1)")
    return tuple(t / sum(given) for t in given)


def _even(x: Tensor) -> None:
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise ValueError(f"images of {x.shape[-2]} x {x.shape[-1]} cannot be halved: both sides must be even; networks "
                         "plan their sizes with `grids.plan`")
