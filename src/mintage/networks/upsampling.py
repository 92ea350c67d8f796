"""Resampling by two folded into the convolution beside it: the same function of the same weights in fewer products.

w [out, in, k, k] is an ordinary convolution's weight, p its padding, x [N, in, H, W]. Copying every pixel four times
makes neighbouring taps meet the same value, and averaging four outputs makes neighbouring taps share one output. So
with the running sums S_v = w_{v-1} + w_v of k taps (v = 0..k, w_{-1} = w_k = 0) in both directions

    conv(up(x), w)    = transposed convolution of x by S turned round, stride 2, padding k - 1 - p,
    pool(conv(x, w))  = convolution of x by S / 4, stride 2, padding p,

up: nearest neighbour, sides doubled; pool: means of 2 x 2. For k = 3 that is 16 products a position of the small grid
and pair of channels instead of 36. The kernels are made from w in each forward call, in float32 under autocast too, so
gradients of every order reach w.

A transposed 4 x 4 convolution of stride 2 and padding 1 is four 2 x 2 convolutions, one for each parity of row and
column (`by_phases`). On a CPU that is the quicker form where there are few outputs, as at a generator's end: 64
channels to one at 28 x 28, forward and backward, took 4.2 ms and 3.1 ms in bfloat16; with 64 outputs and more it is a
quarter to a half slower.

The sub-kernels are those of Is the deconvolution layer the same as a convolutional layer? (Shi et al., 2016),
https://arxiv.org/abs/1609.07009
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from mintage.networks.precision import outside_autocast

FEW = 4  # outputs up to which four 2 x 2 convolutions are quicker than one transposed convolution


class UpsampledConv2d(nn.Conv2d):
    """y = conv(up(x)), up: nearest neighbour.   [N, in, H, W] -> [N, out, 2H + 2p - k + 1, 2W + 2p - k + 1].

    The options, weights and names are `nn.Conv2d`'s.

    Raises:
        ValueError: options under which nothing can be folded: a stride, dilation or groups, a kernel that is not
            square, padding by anything but zeros, or by k or more.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wide, self.zeros = _foldable(self)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight  # once: a spectral norm iterates at each reading
        kernel = _kernel(weight)
        if self.wide == 3 and self.zeros == 1 and self.out_channels <= FEW:
            return by_phases(x, kernel, self.bias)
        turned = _laid_out(kernel.flip(2, 3).transpose(0, 1), weight)
        return conv_transpose2d(x, turned, self.bias, stride=2, padding=self.wide - 1 - self.zeros)


class PooledConv2d(nn.Conv2d):
    """y = pool(conv(x)), pool: means of 2 x 2, an odd last row or column left out.

    [N, in, H, W] -> [N, out, floor(h / 2), floor(w / 2)], h = H + 2p - k + 1, w alike.

    The options, weights, names and errors are those of `UpsampledConv2d`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wide, self.zeros = _foldable(self)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight  # once, as above
        return conv2d(x, _laid_out(_kernel(weight) / 4, weight), self.bias, stride=2, padding=self.zeros)


class DoublingConv2d(nn.ConvTranspose2d):
    """A transposed convolution 4 x 4 of stride 2 and padding 1: the sides double.   [N, in, H, W] -> [N, out, 2H, 2W].

    The same function, weights and names as `nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)`, in the quicker form.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.out_channels <= FEW and output_size is None:
            return by_phases(x, self.weight.transpose(0, 1).flip(2, 3), self.bias)
        return super().forward(x, output_size)


def by_phases(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """The transposed convolution of x by the 4 x 4 `kernel` [out, in, 4, 4] turned round, stride 2 and padding 1.

        y[2a + r, 2b + s] = sum over t, u in {0, 1} of kernel[2t + r, 2u + s] x[a + t + r - 1, b + u + s - 1]

    Four 2 x 2 convolutions as one, whose outputs are interleaved.   [N, in, H, W] -> [N, out, 2H, 2W].
    """
    outputs, (height, width) = kernel.shape[0], x.shape[2:]
    phases = kernel.unflatten(3, (2, 2)).unflatten(2, (2, 2))  # [out, in, t, r, u, s]
    weight = phases.permute(3, 5, 0, 1, 2, 4).flatten(0, 2)
    y = conv2d(x, weight, None if bias is None else bias.repeat(4), padding=1).unflatten(1, (2, 2, outputs))
    rows = [torch.stack([y[:, r, s, :, r:r + height, s:s + width] for s in (0, 1)], -1) for r in (0, 1)]
    return torch.stack(rows, 3).flatten(4, 5).flatten(2, 3)


def fold_upsampling(net: nn.Module) -> nn.Module:
    """Fold, in place, each doubling by nearest neighbour that stands before a convolution in an `nn.Sequential`.

    The function, the parameters and their names stay; an `nn.Identity` stands where the `nn.Upsample` was. A network
    without such neighbours stays as it is.
    """
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for place, (up, conv) in enumerate(zip(list(module), list(module)[1:], strict=False)):
                if _doubles(up) and type(conv) is nn.Conv2d and not _obstacles(conv):
                    module[place], module[place + 1] = nn.Identity(), _folded(conv)
    return net


def _folded(conv: nn.Conv2d) -> UpsampledConv2d:
    """An `UpsampledConv2d` that owns the very parameters of `conv`."""
    folded = UpsampledConv2d(conv.in_channels, conv.out_channels, conv.kernel_size[0], padding=conv.padding,
                             bias=conv.bias is not None, device="meta")
    folded.weight, folded.bias = conv.weight, conv.bias
    return folded.train(conv.training)


def _doubles(module: nn.Module) -> bool:
    return (isinstance(module, nn.Upsample) and module.mode == "nearest" and module.size is None
            and module.scale_factor in (2, (2.0, 2.0)))


def _kernel(weight: Tensor) -> Tensor:
    """S in both directions, [out, in, k + 1, k + 1], by one product of matrices: pads and sums took three times as long
    there and back."""
    taps = weight.shape[-1]
    each = torch.eye(taps, dtype=weight.dtype, device=weight.device)
    sums = pad(each, (0, 0, 1, 0)) + pad(each, (0, 0, 0, 1))  # of S_v = w_{v-1} + w_v: [k + 1, k]
    with outside_autocast(weight):
        return (weight.flatten(2) @ torch.kron(sums, sums).t()).unflatten(2, (taps + 1, taps + 1))


def _laid_out(kernel: Tensor, weight: Tensor) -> Tensor:
    """The kernel in the layout of the weight, which decides the layout of what a convolution returns."""
    last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return kernel.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _obstacles(conv: nn.Conv2d) -> str:
    """What of a convolution's options cannot be folded, in words; "" where it can."""
    k, p = conv.kernel_size, conv.padding
    if conv.stride != (1, 1) or conv.dilation != (1, 1) or conv.groups != 1:
        return f"stride {conv.stride}, dilation {conv.dilation}, groups {conv.groups}; each must be 1"
    if conv.padding_mode != "zeros" or isinstance(p, str):
        return f"padding {p!r} by {conv.padding_mode!r}; give a number of zeros"
    if k[0] != k[1] or p[0] != p[1] or not p[0] < k[0]:
        return f"kernel {k} and padding {p}; the kernel must be square, and wider than the padding, alike on all sides"
    return ""


def _foldable(conv: nn.Conv2d) -> tuple[int, int]:
    """(k, p), where resampling can be folded into this convolution."""
    wrong = _obstacles(conv)
    if wrong:
        raise ValueError(f"resampling cannot be folded into a convolution of {wrong}")
    return conv.kernel_size[0], int(conv.padding[0])
