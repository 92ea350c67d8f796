"""Optimizers: how the parameters w of a player move along their gradients g.

    Adam   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,
           w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
    Sgd    m <- momentum m + g (m = g at first),   w <- w - lr m

They are torch's Adam and SGD to the bit (the fused form: torch's fused form), state by the same names, and call the
same kernels. What is left out is what torch wraps around them: hooks, gradient scalers, the guards of its compiler. So
a step on small tensors costs less, and torch's compiler, which the first torch.optim.Optimizer imports (a second), is
not needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

State = dict[str, Any]


class Stepper(Protocol):
    """What a game asks of an optimizer; torch's own have it too."""

    param_groups: list[dict[str, Any]]
    state: Any

    def step(self) -> Any: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> None: ...


class Remembering:
    """The parameters, the rates (`param_groups`, one group) and what is remembered of each parameter (`state`)."""

    def __init__(self, parameters: Iterable[nn.Parameter], **rates: Any) -> None:
        self.parameters = list(parameters)
        self.param_groups: list[dict[str, Any]] = [{"params": self.parameters, **rates}]
        self.state: defaultdict[Tensor, State] = defaultdict(dict)

    def alike(self) -> list[list[Tensor]]:
        """The parameters with a gradient, those of one type and device together, as the kernels want them."""
        return alike(parameter for parameter in self.parameters if parameter.grad is not None)

    def state_dict(self) -> dict[str, Any]:
        """State and rates with parameters by number, as torch writes them."""
        number = {id(parameter): n for n, parameter in enumerate(self.parameters)}
        groups = [group | {"params": list(number.values())} for group in self.param_groups]
        return {"state": {number[id(p)]: state for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up a state; tensors but counts go to the device, type and layout of their parameter."""
        self.param_groups = [saved | {"params": self.parameters} for saved in state_dict["param_groups"]]
        self.state = defaultdict(dict)
        saved = {self.parameters[number]: entries for number, entries in state_dict["state"].items()}
        for name in dict.fromkeys(name for entries in saved.values() for name in entries):
            owners = [p for p, entries in saved.items() if isinstance(entries.get(name), Tensor)]
            places = self.places(name, owners)
            for parameter, entries in saved.items():
                if parameter in places:
                    self.state[parameter][name] = places[parameter].copy_(entries[name])
                elif name in entries:
                    self.state[parameter][name] = entries[name]

    def places(self, name: str, parameters: Sequence[Tensor]) -> dict[Tensor, Tensor]:
        """Room for the entry `name` of these parameters: zeros like them."""
        return side_by_side(parameters)


class Adam(Remembering):
    """Adam: A Method for Stochastic Optimization (Kingma and Ba, 2015), algorithm 1, https://arxiv.org/abs/1412.6980

    `fused` does it in one pass over memory, in another order of operations, so its last bits are others; it is used
    where torch has such a kernel, on a CPU and on CUDA.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, fused: bool = True) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, fused=fused)
        self._packs: dict[tuple[int, ...], list[Pack]] = {}

    @torch.no_grad()
    def step(self) -> None:
        (group,) = self.param_groups
        packs = self._packs.get(tuple(id(p) for p in self.parameters if p.grad is not None))
        if packs is None or not all(pack.current(self.state) for pack in packs):
            packs = self._known()
        for pack in packs:
            (_fused if group["fused"] and pack.fusible else _foreach)(group, pack)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._packs = {}

    def places(self, name: str, parameters: Sequence[Tensor]) -> dict[Tensor, Tensor]:
        return super().places(name, parameters) if name != "step" else self._counts(parameters)

    def _known(self) -> list[Pack]:
        """What is remembered of the parameters with a gradient, begun where it was not. What is there is never
        replaced: whoever takes a step back holds on to it."""
        for parameters in self.alike():
            new = [parameter for parameter in parameters if "step" not in self.state[parameter]]
            for name in ENTRIES:
                for parameter, zeros in self.places(name, new).items():
                    self.state[parameter][name] = zeros
        packs = [Pack(parameters, [self.state[parameter] for parameter in parameters]) for parameters in self.alike()]
        if len(self._packs) >= KEPT:
            self._packs.clear()
        self._packs[tuple(id(p) for p in self.parameters if p.grad is not None)] = packs
        return packs

    def _counts(self, parameters: Sequence[Tensor]) -> dict[Tensor, Tensor]:
        """Counts of steps; for the fused kernel beside the parameters, else on the host, where reading them is free."""
        counts: dict[Tensor, Tensor] = {}
        for group in alike(parameters):
            device = group[0].device
            home = device if self.param_groups[0]["fused"] and device.type in FUSED else torch.device("cpu")
            counts |= zip(group, torch.zeros(len(group), device=home).unbind(), strict=True)
        return counts


ENTRIES = ("step", "exp_avg", "exp_avg_sq")
FUSED = ("cpu", "cuda")
KEPT = 8  # sets of parameters that had a gradient together


class Pack:
    """Parameters of one type and device with what is remembered of them, in the lists that the kernels take."""

    def __init__(self, parameters: list[Tensor], known: list[State]) -> None:
        self.parameters, self.known, self.strides = parameters, known, [parameter.stride() for parameter in parameters]
        self.counts, self.means, self.squares = ([state[name] for state in known] for name in ENTRIES)
        self.fusible = parameters[0].device.type in FUSED and self.strides == [mean.stride() for mean in self.means]
        storage = self.counts[0].untyped_storage()
        one = all(c.untyped_storage().data_ptr() == storage.data_ptr() for c in self.counts)
        whole = one and storage.nbytes() == sum(c.nbytes for c in self.counts)
        self.count = [self.counts[0].new_empty(0).set_(storage, 0, (len(self.counts),), (1,))] if whole else self.counts

    def current(self, state: Mapping[Tensor, State]) -> bool:
        """Whether what is remembered is what `state` holds now."""
        return all(state.get(p) is known for p, known in zip(self.parameters, self.known, strict=True))

    def gradients(self) -> list[Any]:
        """Of each parameter, laid out like it: the fused kernel on a CPU goes by memory and not by strides."""
        return [g if g.stride() == stride else torch.empty_like(p).copy_(g)
                for p, stride in zip(self.parameters, self.strides, strict=True) if (g := p.grad) is not None]


def _fused(group: State, pack: Pack) -> None:
    beta1, beta2 = group["betas"]
    torch._foreach_add_(pack.count, 1)
    torch._fused_adam_(pack.parameters, pack.gradients(), pack.means, pack.squares, [], pack.counts, lr=group["lr"],
                       beta1=beta1, beta2=beta2, weight_decay=0.0, eps=group["eps"], amsgrad=False, maximize=False)


def _foreach(group: State, pack: Pack) -> None:
    (beta1, beta2), rate, g = group["betas"], group["lr"], pack.gradients()
    torch._foreach_add_(pack.count, 1)
    torch._foreach_lerp_(pack.means, g, 1 - beta1)
    torch._foreach_mul_(pack.squares, beta2)
    torch._foreach_addcmul_(pack.squares, g, g, 1 - beta2)
    times = [count.item() for count in pack.counts]
    below = torch._foreach_sqrt(pack.squares)
    torch._foreach_div_(below, [(1 - beta2**t) ** 0.5 for t in times])
    torch._foreach_add_(below, group["eps"])
    torch._foreach_addcdiv_(pack.parameters, pack.means, below, [-(rate / (1 - beta1**t)) for t in times])


class Sgd(Remembering):
    """Gradient descent, with momentum where it is not 0."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 1e-3, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum)

    @torch.no_grad()
    def step(self) -> None:
        (group,) = self.param_groups
        for parameters in self.alike():
            moves = [p.grad for p in parameters if p.grad is not None]
            if group["momentum"]:
                moves = self._with_momentum(parameters, moves, group["momentum"])
            torch._foreach_add_(parameters, moves, alpha=-group["lr"])

    def _with_momentum(self, parameters: list[Tensor], gradients: list[Tensor], momentum: float) -> list[Tensor]:
        begun = [(p, g) for p, g in zip(parameters, gradients, strict=True) if "momentum_buffer" in self.state[p]]
        for p, g in zip(parameters, gradients, strict=True):
            self.state[p].setdefault("momentum_buffer", g)
            if self.state[p]["momentum_buffer"] is g:
                self.state[p]["momentum_buffer"] = g.clone()
        if begun:
            buffers = [self.state[p]["momentum_buffer"] for p, _ in begun]
            torch._foreach_mul_(buffers, momentum)
            torch._foreach_add_(buffers, [g for _, g in begun])
        return [self.state[p]["momentum_buffer"] for p in parameters]


def alike(parameters: Iterable[Tensor]) -> list[list[Tensor]]:
    """Those of one type and device together."""
    groups: dict[Any, list[Tensor]] = {}
    for parameter in parameters:
        groups.setdefault((parameter.dtype, parameter.device), []).append(parameter)
    return list(groups.values())


def side_by_side(parameters: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """Zeros like each parameter, in its layout, those of one type and device in one block of memory: the ledger copies
    a block at once."""
    found: dict[Tensor, Tensor] = {}
    for group in alike(parameters):
        block = torch.zeros(sum(parameter.numel() for parameter in group), dtype=group[0].dtype, device=group[0].device)
        for parameter, part in zip(group, block.split([parameter.numel() for parameter in group]), strict=True):
            found[parameter] = part.as_strided(parameter.size(), torch.empty_like(parameter).stride())
    return found
