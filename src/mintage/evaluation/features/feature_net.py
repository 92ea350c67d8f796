"""The feature net: a small frozen convolutional network that turns an image into 128 numbers.

Notation: x is [N, 3, 32, 32] in [-1, 1]; h is a hidden map; f is [N, 128]. The first 96 numbers are means of the last
map (what is shown, in which colours), the last 32 are means of an early map (how sharp and how noisy the picture is).
Each is shifted and scaled to mean 0 and deviation 1 over the mixed pictures it was trained on, so no part outweighs
another in a distance.

The weights `features_v1.safetensors` ship with the package. They come from `benchmarks/train_features.py`, trained on
Fashion-MNIST (MIT), MNIST and EmojiOne 2 artwork (CC BY 4.0, JoyPixels), without any ImageNet pictures or classes: a
distance in these features cannot be lowered by matching ImageNet's class histogram (The Role of ImageNet Classes in
Fréchet Inception Distance, Kynkäänniemi et al., 2023, https://arxiv.org/abs/2203.06026). It is a judge of small
pictures; it sees 32 x 32 pixels and knows nothing of faces or photographs.

Measured with its own heads on test images: Fashion-MNIST 91.1 %, MNIST 99.2 %; a linear probe on scikit-learn's 8 x 8
digits, which it never saw, 98.5 %.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mintage.evaluation.features.shipped import shipped_weights

SIDE = 32
DEEP, SHALLOW = 96, 32
VERSION = "1"
FILE = "features_v1.safetensors"
DIGEST = "c2600e16e935d022f8cba0bddca189340e36da2ff7c9eb88f86941338c17f6e4"
# (name, channels in, channels out, kernel, stride): 13.6 million multiplications a picture, 0.34 million weights.
LAYERS = (
    ("stem", 3, 32, 4, 2),
    ("fine", 32, SHALLOW, 3, 1),
    ("down1", SHALLOW, 96, 3, 2),
    ("mid", 96, 96, 3, 1),
    ("down2", 96, 128, 3, 2),
    ("last", 128, DEEP, 3, 1),
)


class FeatureNet(nn.Module):
    """Six convolutions with rectifiers; `mid` is residual. x [N, 3, 32, 32] in [-1, 1] -> f [N, 128]."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict({name: nn.Conv2d(i, o, k, s, padding=1) for name, i, o, k, s in LAYERS})
        self.register_buffer("shift", torch.zeros(DEEP + SHALLOW))
        self.register_buffer("scale", torch.ones(DEEP + SHALLOW))

    def forward(self, x: Tensor) -> Tensor:
        h, fine = x, x
        for name, *_ in LAYERS:
            out = torch.relu(self.convolutions[name](h))
            h = out + h if name == "mid" else out
            if name == "fine":
                fine = h
        f = torch.cat([h.mean((2, 3)), fine.mean((2, 3))], dim=1)
        return (f - self.get_buffer("shift")) * self.get_buffer("scale")


def shipped_net() -> FeatureNet:
    """A fresh FeatureNet with the packaged weights (kept as half floats, used as floats), frozen, in eval mode."""
    net = FeatureNet()
    net.load_state_dict(shipped_weights(FILE, DIGEST))
    return net.eval().requires_grad_(False)
