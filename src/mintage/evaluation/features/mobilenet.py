"""MobileNetV2 as an extractor: what a small ImageNet classifier sees in a photograph.

Notation: x is [N, 3, S, S], (rgb - 128) / 128; h is a hidden map; f [N, 1280] is the mean over the last map, l
[N, 1001] the logits; class 0 is "background". The network is table 2 of MobileNetV2: Inverted Residuals and Linear
Bottlenecks (Sandler et al., 2018, https://arxiv.org/abs/1801.04381). A block widens h ("expand", 1 x 1), filters each
channel ("depthwise", 3 x 3) and narrows it ("project", 1 x 1, no rectifier); it adds its input where the shapes agree.

The weights are the user's file: safetensors, batch norms folded into the convolutions, named conv0,
block0 ... block16 (.expand, .depthwise, .project), conv1 and logits, each with .weight (out, in, height, width) and
.bias. Padding is TensorFlow's SAME, one pixel less above and left when the stride is 2 and the size even. Its figures
are not Inception's and compare only with one another. Like Inception it knows ImageNet's classes, so its distances can
be lowered by matching them (see `feature_net`).
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from mintage.evaluation.features.extractors import Extractor, Seen, as_rgb, quantised
from mintage.evaluation.features.resizing import antialiased

DIM, CLASSES = 1280, 1001
SMALLEST, SIDE = 32, 224
IN_CACHE = 4 * SIDE**2  # pixels at a time on a CPU: twice as fast at 224 as 32 pictures whose maps leave the cache
# (channels out, stride) of block 0 to 16; every block but the first widens its input six times.
BLOCKS = ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1),
          (96, 1), (160, 2), (160, 1), (160, 1), (320, 1))


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: ceil(n / stride) places, the odd pixel of padding below and right.

    In all p = max((ceil(n / stride) - 1) stride + kernel - n, 0) pixels are added, floor(p / 2) of them before.
    """

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for n, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads) if any(pads) else x)


class Block(nn.Module):
    """h [N, i, H, W] -> [N, o, H / stride, W / stride]: expand, depthwise, project, and the input where it fits."""

    def __init__(self, i: int, o: int, stride: int, widen: int) -> None:
        super().__init__()
        wide = i * widen
        self.expand = SameConv(i, wide, 1) if widen > 1 else None
        self.depthwise = SameConv(wide, wide, 3, stride, groups=wide)
        self.project = SameConv(wide, o, 1)
        self.adds = stride == 1 and i == o

    def forward(self, h: Tensor) -> Tensor:
        wide = h if self.expand is None else F.relu6(self.expand(h))
        out = self.project(F.relu6(self.depthwise(wide)))
        return out + h if self.adds else out


class MobileNet(nn.Module):
    """x [N, 3, S, S], (rgb - 128) / 128 -> features [N, 1280] and logits [N, 1001]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = SameConv(3, 32, 3, 2)
        channels = 32
        for index, (out, stride) in enumerate(BLOCKS):
            setattr(self, f"block{index}", Block(channels, out, stride, 6 if index else 1))
            channels = out
        self.conv1 = SameConv(channels, DIM, 1)
        self.logits = SameConv(DIM, CLASSES, 1)

    def forward(self, x: Tensor) -> Seen:
        h = F.relu6(self.conv0(x))
        for index in range(len(BLOCKS)):
            h = getattr(self, f"block{index}")(h)
        f = F.relu6(self.conv1(h)).mean((2, 3), keepdim=True)
        return Seen(f.flatten(1), self.logits(f).flatten(1))


def seen_by_mobilenet(x: Tensor, side: int = SIDE) -> Tensor:
    """x [N, C, H, W] in [-1, 1], C from 1 to 4 -> [N, 3, side, side]: rounded, as RGB, resized, (rgb - 128) / 128."""
    rgb = ((as_rgb(quantised(x)) + 1) * 127.5).round()
    return (antialiased(rgb, side) - 128) / 128


def mobilenet(data: bytes, name: str = "the file") -> MobileNet:
    """The network with the weights of a safetensors file, as floats, frozen, in eval mode.

    Raises ValueError when the bytes are no such file or hold other weights.
    """
    with torch.device("meta"):  # no memory and no random draws for weights that are replaced at once
        net = MobileNet()
    try:
        net.load_state_dict({key: weight.float() for key, weight in load(data).items()}, assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"{name} does not hold the weights of this MobileNetV2: {str(error).strip()[:400]}. Expected is a "
            "safetensors file with conv0, block0 ... block16, conv1 and logits, batch norms folded in."
        ) from error
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU
    return net.eval().requires_grad_(False)


def mobilenet_features(path: str | Path, side: int = SIDE) -> Extractor:
    """1280 features and 1001 logits of MobileNetV2 from the weight file at `path`; the digest is the file's sha256.

    `side` is the size pictures are seen at, 32 to 224: 224 is what the network was trained at (some 60 pictures a
    second on one core), 96 sees 300 to 350 a second and is fit for small pictures. It stands in the name, because
    features at different sides are not comparable.

    Raises:
        ValueError: no such file, another file, or a side outside 32 to 224.
    """
    path = Path(path)
    if not SMALLEST <= side <= SIDE:
        raise ValueError(f"MobileNetV2 sees pictures at a side from {SMALLEST} to {SIDE}, received {side}.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the weights of MobileNetV2 cannot be read from {path}: {error}. Give the path of the "
                         "safetensors file.") from error
    digest = hashlib.sha256(data).hexdigest()
    nets = {torch.device("cpu"): mobilenet(data, path.name)}

    def embed(x: Tensor) -> Seen:
        if x.device not in nets:
            nets[x.device] = copy.deepcopy(nets[torch.device("cpu")]).to(x.device)
        few = max(IN_CACHE // side**2, 1) if x.device.type == "cpu" else len(x)
        seen = [nets[x.device](seen_by_mobilenet(part, side).contiguous(memory_format=torch.channels_last))
                for part in x.split(few)]
        return Seen(torch.cat([part.features for part in seen]), torch.cat([part.logits for part in seen]))

    return Extractor(f"mobilenet-v2-{side}", "1", digest, DIM, embed, 64, CLASSES,
                     f"rounded to 256 levels, as RGB, resized to {side}x{side} (bilinear, antialiased), "
                     "(rgb - 128) / 128")
