"""A classifier that is a critic too, and its generator: multilayer perceptrons whose weights are normed.

D: x [N, *shape] -> class logits [N, K]. Noise n ~ N(0, s^2), drawn anew in each pass of training, keeps the few
labelled examples from being learnt by heart; weights of fixed length let the rate be large. |V| is the length of a row:

    h_0 = x + n,   h_k = relu(g_k V_k h_{k-1} / |V_k| + b_k) + n,   logits = g V h / |V| + b

with g_k held in the hidden layers, so that their units begin at a deviation near 1, and g learned in the last.

G: z [N, z_dim] -> x [N, *shape].   h_k = softplus(bn(W_k h_{k-1}) + b_k),   x = tanh(g V h / |V| + b), g learned.

Improved Techniques for Training GANs (Salimans et al., 2016), section 6.1, https://arxiv.org/abs/1606.03498; weights:
Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep Neural Networks (Salimans and Kingma,
2016), https://arxiv.org/abs/1602.07868
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from mintage.networks.precision import outside_autocast, widened

START = 0.1  # deviation of the directions: the longer a row, the smaller a step turns it
FIRST = 2.5  # gain of the first layer: the pixels of a digit are .33 in root mean square


class GaussianNoise(nn.Module):
    """x + s e, e ~ N(0, I), in training; x in evaluation. It owns a generator, as `Dropout` does.

    Raises:
        ValueError: a deviation below 0.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__()
        if not 0 <= deviation < math.inf:
            raise ValueError(f"deviation of the noise is {deviation!r}; it is 0 (none) or more")
        self.deviation = deviation
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.deviation or x.device.type == "meta":
            return x
        if self.generator.device != x.device:
            self.generator = torch.Generator(x.device).manual_seed(self.generator.initial_seed())
        e = torch.randn(x.shape, generator=self.generator, device=x.device)
        return x + self.deviation * e.to(x.dtype)

    def extra_repr(self) -> str:
        return f"deviation={self.deviation}"


class NormedLinear(nn.Module):
    """y = g V x / |V| + b, |V| the length of each row.   [N, in] -> [N, out].

    Args:
        gain: g at the start; learned, one a row, where `learned`.
    """

    def __init__(self, width_in: int, width_out: int, *, gain: float = math.sqrt(2), learned: bool = False) -> None:
        super().__init__()
        self.directions = nn.Parameter(nn.init.normal_(torch.empty(width_out, width_in), 0.0, START))
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.gain = nn.Parameter(torch.full((width_out, 1), gain)) if learned else gain

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.gain * normalize(self.directions, dim=1), self.bias)


class NoisyClassifier(nn.Module):
    """logits = D(x).   x [N, *shape] -> [N, classes], float32; `hidden` gives the features [N, widths[-1]].

    Args:
        shape: of an example; images are in [-1, 1], and are read in [0, 1] as in the paper.
        classes: K.
        widths: units of the hidden layers; the paper's for MNIST by default.
        noise: deviation on the input, in its units of [0, 1]; `noise_within` on each hidden layer.

    Raises:
        ValueError: fewer than two classes, or examples of another shape.
    """

    def __init__(self, shape: Sequence[int], classes: int, *, widths: Sequence[int] = (1000, 500, 250, 250, 250),
                 noise: float = 0.3, noise_within: float = 0.5) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"a classifier of {classes} classes; it tells 2 or more apart")
        self.shape, self.classes = tuple(shape), classes
        sizes = [math.prod(self.shape), *widths]
        layers: list[nn.Module] = [GaussianNoise(noise)]
        for k, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
            gain = FIRST if len(self.shape) == 3 and not k else math.sqrt(2)
            layers += [NormedLinear(a, b, gain=gain), nn.ReLU(), GaussianNoise(noise_within)]
        self.hidden, self.noise = nn.Sequential(*layers[:-1]), layers[-1]  # features: before the last noise
        self.last = NormedLinear(sizes[-1], classes, gain=1.0, learned=True)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"examples of shape {tuple(x.shape[1:])} came to a network made for {self.shape}")
        h = self.noise(self.hidden((x.flatten(1) + 1) / 2 if len(self.shape) == 3 else x))
        with outside_autocast(x):
            return self.last(widened(h))


class NormedGenerator(nn.Module):
    """x = G(z).   z [N, z_dim] -> x [N, *shape], in (-1, 1) where the shape is an image's.

    Args:
        shape: of an example.
        width, depth: of the hidden layers; the paper's for MNIST by default.
    """

    def __init__(self, shape: Sequence[int], *, z_dim: int = 100, width: int = 500, depth: int = 2) -> None:
        super().__init__()
        self.shape, self.z_dim = tuple(shape), z_dim
        layers: list[nn.Module] = []
        for a in [z_dim] + [width] * (depth - 1):
            layers += [nn.Linear(a, width, bias=False), nn.BatchNorm1d(width), nn.Softplus()]
            nn.init.normal_(layers[-3].get_parameter("weight"), 0.0, START)
        self.hidden = nn.Sequential(*layers)
        self.last = NormedLinear(width, math.prod(self.shape), gain=1.0, learned=True)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.hidden(z)
        with outside_autocast(z):
            x = self.last(widened(h)).unflatten(1, self.shape)
        return x.tanh() if len(self.shape) == 3 else x
