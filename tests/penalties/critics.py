"""Small critics for the tests of penalties: those every exact back-end can serve, and those some cannot."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu, max_pool2d, relu

from mintage.networks import MLPDiscriminator, ResidualDiscriminator
from mintage.networks.spectral import spectral_norm

IMAGE, CLASSES = (1, 28, 28), 3
Case = tuple[nn.Module, tuple[int, ...], int]


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Skips(nn.Module):
    """Convolutions with biases, average and maximum pools, a skip connection, an added and a concatenated constant."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(10, 8, 3, 2, 1)
        self.shift = nn.Parameter(draws(8, 1, 1).float())
        self.last = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = leaky_relu(self.a(x), 0.2)
        h = avg_pool2d(h + self.b(relu(h + self.shift)) / 2 - 0.1, 2)
        ones = torch.ones(len(x), 2, *h.shape[2:], dtype=h.dtype)
        h = max_pool2d(self.c(torch.cat([h, ones], 1)).abs(), 2)
        return self.last((0.5 + (1 - h)).mean((2, 3)))[:, 0]


def two_layers() -> nn.Module:
    """Linear, ReLU, linear, on 6 numbers."""
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 1), nn.Flatten(0))


def filled(net: nn.Module) -> nn.Module:
    """No parameter is zero, so that none of them hides a mistake."""
    for k, parameter in enumerate(net.parameters()):
        parameter.data += 0.1 * draws(*parameter.shape, seed=50 + k).to(parameter)
    return net


CRITICS: dict[str, Callable[[], Case]] = {
    "mlp": lambda: (MLPDiscriminator((6,), width=16, depth=2), (6,), 0),
    "maxout": lambda: (MLPDiscriminator((6,), width=12, depth=2, activation="maxout"), (6,), 0),
    "labelled mlp": lambda: (MLPDiscriminator((6,), width=16, depth=2, classes=CLASSES), (6,), CLASSES),
    "skips": lambda: (Skips(), (2, 12, 12), 0),
    "residual": lambda: (ResidualDiscriminator(IMAGE, size="XS"), IMAGE, 0),
    "labelled residual": lambda: (ResidualDiscriminator(IMAGE, size="XS", classes=CLASSES), IMAGE, CLASSES),
    "padded residual": lambda: (ResidualDiscriminator((2, 9, 11), size="XS"), (2, 9, 11), 0),
    "spectral": lambda: (spectral_norm(two_layers()).eval(), (6,), 0),
}


def case(name: str, dtype: torch.dtype, n: int = 5) -> tuple[nn.Module, Tensor, Tensor, Tensor | None]:
    """(critic, reals, fakes, labels)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, shape, classes = CRITICS[name]()
    net = filled(net).to(dtype)
    y = torch.arange(n) % classes if classes else None
    return net, draws(n, *shape, seed=1).to(dtype), draws(n, *shape, seed=2).to(dtype), y


def weight_gradient(net: nn.Module, value: Tensor) -> Tensor:
    """d value / d weights, one vector."""
    parameters = list(net.parameters())
    found = zip(torch.autograd.grad(value, parameters, allow_unused=True), parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in found])
