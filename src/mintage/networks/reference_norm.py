"""Reference and virtual batch norm: batch norm whose statistics come from a fixed reference batch.

x_i are the maps of example i at some layer, R reference examples that stay the same for the whole training are carried
through the network beside every batch. With mu, v the mean and variance a channel of the reference maps at that layer,
and mu_i, v_i those of x_i alone (over its positions; x_i itself and 0 where it has none),

    reference   y_i = w (x_i - mu) / sqrt(v + eps) + b
    virtual     the same with the moments of the references and x_i together: c = 1 / (R + 1),
                mu + c (mu_i - mu)   and   (1 - c) v + c v_i + c (1 - c) (mu_i - mu)^2

so no example depends on the others of its batch: samples drawn together have nothing in common, and a gradient per
example exists. The price is R examples more in each pass. References are normalised among themselves, and gradients
flow through their statistics.

Improved Techniques for Training GANs (Salimans et al., 2016), section 3.5, which uses virtual batch norm in the
generator only, for its cost, https://arxiv.org/abs/1606.03498; reference batch norm is set beside it in NIPS 2016
Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 4.3, https://arxiv.org/abs/1701.00160
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mintage.networks.precision import outside_autocast, widened

Kind = Literal["virtual", "reference"]


class ReferenceNorm(nn.Module):
    """One layer: the first `references` rows are the references.   [R + N, C, ...] -> the same.

    It takes over the scale, the shift and eps of a batch norm, not its running statistics.
    """

    def __init__(self, norm: _BatchNorm, references: int, kind: Kind) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.references, self.kind = references, kind

    def forward(self, x: Tensor) -> Tensor:
        with outside_autocast(x):
            wide, r = widened(x), self.references
            over = [0, *range(2, x.ndim)]
            v, mu = torch.var_mean(wide[:r], over, correction=0)
            mean, variance = mu.expand(len(x), -1), v.expand(len(x), -1)
            if self.kind == "virtual":
                mean, variance = self._with_itself(wide[r:], mean, variance)
            shape = (*mean.shape, *[1] * (x.ndim - 2))
            gain = (variance + self.eps).rsqrt()
            gain = gain if self.weight is None else gain * self.weight
            shift = -mean * gain if self.bias is None else self.bias - mean * gain
            return torch.addcmul(shift.view(shape), wide, gain.view(shape)).to(x.dtype)

    def _with_itself(self, rest: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """The moments of each row: of the references for themselves, of references and itself for each example."""
        r, c = self.references, 1 / (self.references + 1)
        if rest.ndim > 2:
            own_v, own = torch.var_mean(rest, list(range(2, rest.ndim)), correction=0)
        else:
            own, own_v = rest, torch.zeros_like(rest)
        off = own - mean[r:]
        mixed = (1 - c) * variance[r:] + c * own_v + c * (1 - c) * off.square()
        return torch.cat([mean[:r], mean[r:] + c * off]), torch.cat([variance[:r], mixed])

    def extra_repr(self) -> str:
        return f"{self.kind}, references={self.references}"


class References(nn.Module):
    """The reference batch of a network: x [R, ...], labels y [R] or None; `known` is 0 until it is set. All buffers."""

    x: Tensor
    y: Tensor | None
    known: Tensor

    def __init__(self, x: Tensor, y: Tensor | None, known: bool) -> None:
        super().__init__()
        self.register_buffer("x", x.detach().clone())
        self.register_buffer("y", None if y is None else y.clone())
        self.register_buffer("known", torch.tensor(float(known)))

    @torch.no_grad()
    def learn(self, x: Tensor, y: Tensor | None = None) -> None:
        """Take the first R of these examples (over again, where there are fewer) unless a batch has been set."""
        rows = torch.arange(len(self.x), device=x.device) % len(x)
        self.x.copy_(torch.where(self.known > 0, self.x, x[rows].to(self.x)))
        if self.y is not None and y is not None:
            self.y.copy_(torch.where(self.known > 0, self.y, y[rows].to(self.y)))
        self.known.fill_(1.0)


def reference_norm(net: nn.Module, x: Tensor, y: Tensor | None = None, *, kind: Kind = "virtual",
                   known: bool = True) -> nn.Module:
    """Put reference or virtual batch norm in the place of every batch norm of `net`, in place -> net.

    The references enter in front of each batch that `net(x)` or `net(x, y)` is called with, and leave with its result.

    Args:
        x: R references [R, ...], R of 2 or more; y: their labels [R], for a network with labels.
        known: False where x only says the shape, and `net.references.learn` will be given examples.

    Raises:
        ValueError: no batch norm, fewer than 2 references, an unknown kind, or a network that is a plain sequence.
    """
    norms = {name: module for name, module in net.named_modules() if isinstance(module, _BatchNorm)}
    if kind not in ("virtual", "reference"):
        raise ValueError(f"kind of a reference norm is {kind!r}; it is 'virtual' or 'reference'")
    if len(x) < 2:
        raise ValueError(f"{len(x)} references; statistics need 2 or more")
    if not norms:
        raise ValueError(f"{type(net).__name__} has no batch norm that another norm could stand in for; choose a "
                         "network that has one, such as those of --system dcgan")
    if type(net).forward is nn.Sequential.forward:
        raise ValueError("references enter by a hook on the whole network, which a plain nn.Sequential cannot hold; "
                         "put it inside a module")
    for name, norm in norms.items():
        net.set_submodule(name, ReferenceNorm(norm, len(x), kind))
    net.add_module("references", References(x, y, known))
    net.register_forward_pre_hook(_enter)
    net.register_forward_hook(_leave)
    return net


def _enter(net: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    held, (x, *rest) = net.references, inputs
    if rest and rest[0] is not None:
        if held.y is None:
            raise ValueError("labels were given to a network whose references have none; give reference_norm y=")
        rest[0] = torch.cat([held.y, rest[0]])
    return torch.cat([held.x.to(x.dtype), x]), *rest


def _leave(net: Any, inputs: tuple[Any, ...], out: Tensor) -> Tensor:
    return out[len(net.references.x):]
