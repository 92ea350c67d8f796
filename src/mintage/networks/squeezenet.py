"""The features of SqueezeNet 1.1, a small classifier of photographs, from the user's own file of weights.

x [N, C, H, W] in [-1, 1] -> the maps after conv1, fire3, fire5 and fire9, each with its rectifier. A fire module
narrows to few channels (1 x 1) and widens by 1 x 1 and 3 x 3 side by side.

SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size (Iandola et al., 2016),
https://arxiv.org/abs/1602.07360
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

FIRES = ((2, 64, 16, 64), (3, 128, 16, 64), (4, 128, 32, 128), (5, 256, 32, 128), (6, 256, 48, 192), (7, 384, 48, 192),
         (8, 384, 64, 256), (9, 512, 64, 256))
POOLED, SHOWN = (3, 5), (3, 5, 9)
MEANS = (103.939, 116.779, 123.68)  # of blue, green, red, which is the order it reads them in
LEAST = 32


class Fire(nn.Module):
    """h [N, a, H, W] -> [N, 2 b, H, W]."""

    def __init__(self, a: int, narrow: int, b: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(a, narrow, 1)
        self.expand1x1, self.expand3x3 = nn.Conv2d(narrow, b, 1), nn.Conv2d(narrow, b, 3, 1, 1)

    def forward(self, h: Tensor) -> Tensor:
        h = relu(self.squeeze1x1(h))
        return relu(torch.cat([self.expand1x1(h), self.expand3x3(h)], 1))


class SqueezeFeatures(nn.Module):
    """Frozen features, see above. Grey images are repeated; of four channels the first three are seen.

    Args:
        path: a safetensors file with conv1 and fire2 ... fire9, each .weight (out, in, height, width) and .bias.

    Raises:
        ValueError: no such file, or other weights.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 2)
        for number, a, narrow, b in FIRES:
            self.add_module(f"fire{number}", Fire(a, narrow, b))
        try:
            self.load_state_dict({key: weight.float() for key, weight in load(Path(path).read_bytes()).items()})
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ValueError(f"{path} does not hold the features of SqueezeNet 1.1 ({str(error).splitlines()[0]}); "
                             "give the path of a safetensors file with conv1 and fire2 to fire9") from error
        self.register_buffer("means", torch.tensor(MEANS)[:, None, None], persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        rgb = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)
        h = relu(self.conv1((rgb.flip(1).float() + 1) * 127.5 - self.get_buffer("means")))
        maps = [h]
        h = max_pool2d(h, 3, 2)
        for number, *_ in FIRES:
            h = self.get_submodule(f"fire{number}")(h)
            if number in SHOWN:
                maps.append(h)
            if number in POOLED:
                h = max_pool2d(h, 3, 2)
        return maps
