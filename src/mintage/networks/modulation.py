"""Modulated convolution: one convolution whose input channels are scaled by a style, and what stands around it.

x [N, a, H, W], weight w [b, a, k, k], style s [N, a]. Each example n is convolved with weights of its own,

    w_n[j, i] = s_n[i] w[j, i],    w_n[j] <- w_n[j] d_n[j],   d_n[j] = (sum over i and k of w_n[j, i]^2 + 1e-8)^(-1/2),

so that, whatever the style, independent inputs of variance 1 give outputs of variance 1 (the demodulation d). The
scales of inputs and outputs commute with convolution and with resampling:

    w_n * x_n = d_n (w * (s_n x_n)),   d_n[j]^(-2) = sum over i of s_n[i]^2 (sum over k of w[j, i]^2) + 1e-8,

one dense convolution for the whole batch, where the definition needs N groups. Both are here and equal.

Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020, section 2.2, eq. 1 and 3),
https://arxiv.org/abs/1912.04958; AdaIN and noise: A Style-Based Generator Architecture for Generative Adversarial
Networks (Karras et al., 2019, eq. 1), https://arxiv.org/abs/1812.04948
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import conv2d, leaky_relu

from mintage.networks.activation import SLOPE
from mintage.networks.filters import TAPS, convolved_down, convolved_up, upfirdn
from mintage.networks.precision import outside_autocast, widened

Resampling = Literal["up", "down"]
NoiseMode = Literal["drawn", "fixed", "none"]
GAIN = math.sqrt(2)
TINY = 1e-8


def demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """d_n[j] = (sum over i of s_n[i]^2 sum over k of w[j, i]^2 + 1e-8)^(-1/2).   [b, a, k, k], [N, a] -> [N, b]."""
    with outside_autocast(weight):
        return (style.square() @ weight.square().sum((2, 3)).T + TINY).rsqrt()


def modulated(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool = True, resample: Resampling | None = None,
              taps: tuple[float, ...] = TAPS) -> Tensor:
    """d_n (w * (s_n x_n)), with sides kept, doubled or halved (`filters`).   [N, a, H, W] -> [N, b, H', W']."""
    y = _convolved(x * _over_positions(style, x), weight, resample, taps)
    return y * _over_positions(demodulation(weight, style), y) if demodulate else y


def modulated_by_weights(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool = True,
                         resample: Resampling | None = None, taps: tuple[float, ...] = TAPS) -> Tensor:
    """The definition of `modulated`: weights for each example, N groups, filters by zeros and plain convolution.

    Slow; it is what `modulated` is tested against.
    """
    n, b, k = len(x), len(weight), weight.shape[-1]
    own = weight * style[:, None, :, None, None]
    if demodulate:
        own = own * (own.square().sum((2, 3, 4), keepdim=True) + TINY).rsqrt()
    half, margin = len(taps) // 2, k // 2
    if resample == "up":  # the filter leaves a margin for the kernel, as it does on the way down
        x = upfirdn(x, taps, up=2, padding=(half + margin, half - 1 + margin), gain=4.0)
        own = own.flip(3, 4)
    if resample == "down":
        x = upfirdn(x, taps, padding=(half - 1 + margin,) * 2)
    stride = 2 if resample == "down" else 1
    y = conv2d(x.reshape(1, -1, *x.shape[2:]), own.flatten(0, 1), stride=stride, padding=0 if resample else margin,
               groups=n)
    return y.reshape(n, b, *y.shape[2:])


def painted(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    """`modulated` by 1 x 1 kernels without demodulation.   [N, a, H, W], [b, a, 1, 1], [N, a] -> [N, b, H, W].

    For the few channels b of an image, weights for each example are the cheap form: one small matrix product each, and
    the a channels are not written once more.
    """
    own = (weight.flatten(1) * style[:, None]).to(x.dtype)
    y = x.permute(0, 2, 3, 1).flatten(1, 2) @ own.transpose(1, 2)
    return y.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


def activated(y: Tensor, bias: Tensor, *, scale: Tensor | None = None, noise: Tensor | None = None,
              gain: float = GAIN, clamp: float | None = None) -> Tensor:
    """gain l(d y + e + b), cut to +-clamp where given; l(t) = t for t > 0 and 0.2 t below.   [N, C, H, W] -> the same.

    l commutes with positive factors, so the gain is put on the small d, e and b instead of on the maps.

    Args:
        bias: b [C].
        scale: d [N, C], such as the demodulation; 1 if not given.
        noise: e [N or 1, 1, H, W]; 0 if not given.
    """
    d = y.new_full((), gain) if scale is None else _over_positions(gain * scale, y)
    e = None if noise is None else gain * noise
    t = _Activated.apply(y, d, gain * bias, e)
    return t if clamp is None else t.clamp(-clamp, clamp)


def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """(1 + s) (x - mean x) / sd x + t over the positions of each map.   [N, C, H, W], s and t [N, C] -> [N, C, H, W].

    Karras et al., 2019, eq. 1, the scale counted from 1. Statistics are float32 at least.
    """
    wide = widened(x)
    variance, mean = torch.var_mean(wide, (2, 3), correction=0, keepdim=True)
    a = (1 + _over_positions(scale, wide)) * (variance + TINY).rsqrt()
    return torch.addcmul(_over_positions(shift, wide) - a * mean, wide, a).to(x.dtype)


class Noise(nn.Module):
    """e = strength n, n ~ N(0, 1) at each position and the same for all channels.   -> [N or 1, 1, H, W].

    "drawn" takes new numbers from `generator`, which the owner of the network may reseed or replace at any time;
    "fixed" uses a map that was drawn when the layer was made and is saved with the weights; "none" is 0. Unless said,
    noise is drawn in training and fixed in evaluation, so that a latent has one image.
    """

    fixed: Tensor

    def __init__(self, size: tuple[int, int], *, seed: int = 0) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed", nn.init.normal_(torch.empty(1, 1, *size)))
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, n: int, mode: NoiseMode | None = None) -> Tensor | None:
        mode = mode or ("drawn" if self.training else "fixed")
        if mode == "none":
            return None
        device = self.fixed.device
        if mode == "fixed" or device.type == "meta":
            return self.strength * self.fixed
        if self.generator.device != device:
            self.generator = torch.Generator(device).manual_seed(self.generator.initial_seed())
        shape = (n, *self.fixed.shape[1:])
        return self.strength * torch.randn(shape, generator=self.generator, device=device, dtype=self.fixed.dtype)


class _Activated(Function):
    """l(d y + e + b) in the layout of y.

    A chain of torch's own operations runs over the maps several times more, and adding [N, 1, H, W] to [C, 1, 1] first
    turns channels-last maps around.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, d: Tensor, b: Tensor, e: Tensor | None) -> Tensor:
        t = y * d
        t += b.to(y.dtype)[:, None, None]
        if e is not None:
            t += e.to(y.dtype)
        leaky_relu(t, SLOPE, inplace=True)
        ctx.save_for_backward(y, d, t)
        ctx.kinds = b.dtype, None if e is None else (e.dtype, len(e))
        return t

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        (y, d, t), (kind, noise) = ctx.saved_tensors, ctx.kinds
        # t is past the rectifier and has its signs; l'' = 0 almost everywhere, so no gradient goes through them.
        g_t = torch.ops.aten.leaky_relu_backward(g[0], t.detach(), SLOPE, True)
        g_d = (g_t * y).sum((2, 3), keepdim=True) if ctx.needs_input_grad[1] else None
        g_e = None
        if noise is not None:
            g_e = g_t.sum(1, keepdim=True).to(noise[0])  # a sum asked for in float32 would copy the maps first
            g_e = g_e.sum(0, keepdim=True) if noise[1] == 1 else g_e
        return g_t * d, g_d, g_t.sum((0, 2, 3)).to(kind), g_e


def _convolved(x: Tensor, weight: Tensor, resample: Resampling | None, taps: tuple[float, ...]) -> Tensor:
    if resample == "up":
        return convolved_up(x, weight, taps)
    if resample == "down":
        return convolved_down(x, weight, taps=taps)
    return conv2d(x, weight, padding=weight.shape[-1] // 2)


def _over_positions(v: Tensor, x: Tensor) -> Tensor:
    """[N, C] -> [N, C, 1, 1] in the type of x."""
    return v.to(x.dtype)[:, :, None, None]
