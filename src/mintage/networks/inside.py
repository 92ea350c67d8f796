"""The inside of a critic, from outside: its features, and statistics of them beside its last layer.

f(x) [N, ...] are the *features*: what the last layer gives that has more than one number an example and derives from x.
A critic ends in a linear layer on them, so <u, s> added to its logits is the same as s put beside f in front of that
layer. Layers are looked at and changed by hooks: what the network is called, and how it is called, stays the same.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from mintage.networks.precision import outside_autocast, widened


def feature_layer(net: nn.Module, x: Tensor, y: Tensor | None = None) -> str:
    """The name of the layer whose result are the features; found with a copy of the network, which stays as it is.

    Args:
        x: a few examples [N, ...], 2 or more; y: labels [N] or None.

    Raises:
        ValueError: no layer gives more than one number an example.
    """
    found = [name for name, wide in _layers_met(net, x, y) if wide]
    if not found:
        raise ValueError(f"no layer of {type(net).__name__} gives more than one number an example, so it has no "
                         "features; a critic needs a hidden layer")
    return found[-1]


def first_layer(net: nn.Module, x: Tensor, y: Tensor | None = None) -> str:
    """The name of the first layer with a weight that meets the examples."""
    return next(name for name, _ in _layers_met(net, x, y)
                if any(True for _ in net.get_submodule(name).parameters()))


def with_features(net: nn.Module, layer: str, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(D(x), f(x)) in one pass.   Logits [N], features [N, ...]."""
    keep = _Keep()
    handle = net.get_submodule(layer).register_forward_hook(keep)
    try:
        logits = net(x) if y is None else net(x, y)
    finally:
        handle.remove()
    return logits, keep.take()[-len(logits):]


def add_statistic(net: nn.Module, statistic: nn.Module, layer: str, name: str = "statistic") -> nn.Module:
    """logits <- logits + <u, s>, s = statistic(f) [N, statistic.out], u learned and 0 at first -> net, in place.

    Its name is `name`, with a number where that is taken.

    Raises:
        ValueError: a network that is a plain sequence, or is also called by its parts.
    """
    _whole(net)
    if type(net).forward is nn.Sequential.forward:
        raise ValueError("a statistic is added to a whole critic, which cannot be a plain nn.Sequential; put it inside "
                         "a module")
    keep, name = _Keep(), _free(net, name)
    net.add_module(name, Beside(statistic))
    net.get_submodule(layer).register_forward_hook(keep)
    net.register_forward_hook(_Add(keep, name))
    return net


def see_through(net: nn.Module, change: nn.Module, name: str = "lens") -> nn.Module:
    """net(T(x)) in the place of net(x), for T the layer `change`, wherever the network is called -> net, in place.

    A second one stands in front of the first. Its name is `name`, with a number where that is taken.

    Raises:
        ValueError: a network that is a plain sequence, or is also called by its parts.
    """
    _whole(net)
    if type(net).forward is nn.Sequential.forward:
        raise ValueError("what a network sees is changed by a hook on the whole of it, which a plain nn.Sequential "
                         "cannot hold; put it inside a module")
    name = _free(net, name)
    net.add_module(name, change)
    net.register_forward_pre_hook(_Through(name), prepend=True)
    return net


def _whole(net: nn.Module) -> None:
    """Refuse a network that is also called by its parts (it says so by `in_parts`): hooks on the whole miss these."""
    if getattr(net, "in_parts", False):
        raise ValueError(f"{type(net).__name__} is also called by its parts, past what is put around the whole; choose "
                         "a system whose critic has one head, as dcgan or projection")


def _free(net: nn.Module, name: str) -> str:
    """`name`, with the first number that makes it new among the parts of the network."""
    taken = dict(net.named_children())
    return next(n for n in (name, *(f"{name}{k}" for k in range(2, len(taken) + 3))) if n not in taken)


class Beside(nn.Module):
    """<u, s(f)>.   f [N, ...] -> [N], float32 at least."""

    def __init__(self, statistic: nn.Module) -> None:
        super().__init__()
        self.statistic = statistic
        self.weight = nn.Parameter(torch.zeros(1, int(getattr(statistic, "out", 1))))

    def forward(self, f: Tensor) -> Tensor:
        with outside_autocast(f):
            return linear(widened(self.statistic(f)), self.weight).squeeze(1)


class _Keep:
    """A hook that keeps a layer's result until it is taken. A copy of a network copies it once, for both its hooks."""

    def __init__(self) -> None:
        self.held: list[Tensor] = []

    def __call__(self, module: nn.Module, inputs: Any, out: Tensor) -> None:
        self.held[:] = [out]

    def take(self) -> Tensor:
        return self.held.pop()


class _Add:
    def __init__(self, keep: _Keep, name: str) -> None:
        self.keep, self.name = keep, name

    def __call__(self, net: nn.Module, inputs: Any, logits: Tensor) -> Tensor:
        return logits + net.get_submodule(self.name)(self.keep.take()[-len(logits):])


class _Through:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, net: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return net.get_submodule(self.name)(inputs[0]), *inputs[1:]


@torch.enable_grad()
def _layers_met(net: nn.Module, x: Tensor, y: Tensor | None) -> list[tuple[str, bool]]:
    """The innermost layers whose results derive from x, in the order met, and whether these are wider than a number."""
    copied = copy.deepcopy(net).requires_grad_(False)
    met: list[tuple[str, bool]] = []
    beside = tuple(f"{name}." for name, module in copied.named_modules() if isinstance(module, Beside))
    for name, module in copied.named_modules():
        innermost = all(child == "parametrizations" for child, _ in module.named_children())
        if name and innermost and not name.startswith(beside):
            def note(module: nn.Module, inputs: Any, out: Any, name: str = name) -> None:
                if isinstance(out, Tensor) and out.requires_grad and out.ndim:
                    met.append((name, out.numel() > len(out)))

            module.register_forward_hook(note)
    x = x.detach().clone().requires_grad_(True)
    copied(x) if y is None else copied(x, y)
    return met
