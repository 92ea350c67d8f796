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
from collections.abc import Iterable, Mapping
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
        alike: dict[Any, list[Tensor]] = {}
        for parameter in self.parameters:
            if parameter.grad is not None:
                alike.setdefault((parameter.dtype, parameter.device), []).append(parameter)
        return list(alike.values())

    def state_dict(self) -> dict[str, Any]:
        """State and rates with parameters by number, as torch writes them."""
        number = {id(parameter): n for n, parameter in enumerate(self.parameters)}
        groups = [group | {"params": list(number.values())} for group in self.param_groups]
        return {"state": {number[id(p)]: state for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up a state; tensors but counts go to the device and type of their parameter."""
        self.state = defaultdict(dict)
        for number, saved in state_dict["state"].items():
            parameter = self.parameters[number]
            self.state[parameter] = {name: _placed(name, value, parameter) for name, value in saved.items()}
        self.param_groups = [saved | {"params": self.parameters} for saved in state_dict["param_groups"]]


class Adam(Remembering):
    """Adam: A Method for Stochastic Optimization (Kingma and Ba, 2015), algorithm 1, https://arxiv.org/abs/1412.6980

    `fused` does it in one pass over memory, in another order of operations, so its last bits are others.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, fused: bool = False) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, fused=fused)

    @torch.no_grad()
    def step(self) -> None:
        (group,) = self.param_groups
        for parameters in self.alike():
            known = [self._known(parameter, group["fused"]) for parameter in parameters]
            counts = [state["step"] for state in known]
            torch._foreach_add_(counts, 1)
            move = _fused if group["fused"] else _foreach
            move(group, counts, parameters, [p.grad for p in parameters], [state["exp_avg"] for state in known],
                 [state["exp_avg_sq"] for state in known])

    def _known(self, parameter: Tensor, fused: bool) -> State:
        state = self.state[parameter]
        home = parameter.device if fused else torch.device("cpu")  # a count on the host needs no wait for the device
        if "step" not in state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=home)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        elif state["step"].device != home:
            state["step"] = state["step"].to(home)
        return state


def _fused(group: State, counts: list[Tensor], w: Any, g: Any, m: list[Tensor], v: list[Tensor]) -> None:
    beta1, beta2 = group["betas"]
    torch._fused_adam_(w, g, m, v, [], counts, lr=group["lr"], beta1=beta1, beta2=beta2, weight_decay=0.0,
                       eps=group["eps"], amsgrad=False, maximize=False)


def _foreach(group: State, counts: list[Tensor], w: Any, g: Any, m: list[Tensor], v: list[Tensor]) -> None:
    (beta1, beta2), rate = group["betas"], group["lr"]
    torch._foreach_lerp_(m, g, 1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, g, g, 1 - beta2)
    times = [count.item() for count in counts]
    below = torch._foreach_sqrt(v)
    torch._foreach_div_(below, [(1 - beta2**t) ** 0.5 for t in times])
    torch._foreach_add_(below, group["eps"])
    torch._foreach_addcdiv_(w, m, below, [-(rate / (1 - beta1**t)) for t in times])


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


def _placed(name: str, value: Any, parameter: nn.Parameter) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value if name == "step" else value.to(parameter)
