"""Steps of a critic that were written down, and how each is run again with its pieces held.

A step is a function of torch with its arguments: a `Slot` stands for a value that derives from the critic's input, a
`Constant` for a tensor that needs a gradient, anything else for itself. t [N] scales every constant that is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Piece = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Slot:
    """The place of a value."""

    number: int


@dataclass(frozen=True)
class Constant:
    """The place of a constant that needs a gradient."""

    number: int


@dataclass
class Step:
    """A function of torch that was called on values, and what is needed to call it again.

    `results` are the slots it fills, `done` those not needed after it, `constants` the numbers of its constants, `edge`
    where the gradient of its result is met.
    """

    func: Any
    args: Any
    kwargs: Any
    piece: Piece | None
    constants: list[int]
    kind: str
    results: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    edge: Any = None
    cast: torch.dtype | None = None

    def __post_init__(self) -> None:
        if torch.is_autocast_enabled(self.kind):
            self.cast = torch.get_autocast_dtype(self.kind)

    def precision(self, kind: str) -> AbstractContextManager[object]:
        """The precision it was called in."""
        if torch.is_autocast_enabled(kind) == (self.cast is not None):
            return nullcontext()
        return torch.autocast(kind, self.cast, enabled=self.cast is not None)

    def slots(self) -> list[int]:
        """The slots it reads."""
        return [part.number for part in _flat((*self.args, *self.kwargs.values())) if isinstance(part, Slot)]


def run(step: Step, values: Mapping[int, Tensor], constants: Sequence[Tensor] | Mapping[int, Tensor],
        t: Tensor) -> Any:
    """The step again, on other values: its piece held, added constants scaled by t."""
    if step.piece is not None:
        return step.piece(values[step.args[0].number])

    def fill(part: Any) -> Any:
        if isinstance(part, Slot):
            return values[part.number]
        return constants[part.number] if isinstance(part, Constant) else part

    args, func = _each(step.args, fill), step.func
    kwargs = {name: _each(part, fill) for name, part in step.kwargs.items()}
    first = isinstance(step.args[0], Slot) if step.args else False
    if func in WITH_BIAS and first:
        return _with_bias(func, args, kwargs, t)
    if func in SUMS and len(args) > 1 and first != isinstance(step.args[1], Slot):
        args = (args[0], _scaled(args[1], t, args[0])) if first else (_scaled(args[0], t, args[1]), args[1])
    elif func in JOINS:
        parts = list(zip(step.args[0], args[0], strict=True))
        like = next(value for part, value in parts if isinstance(part, Slot))
        args = ([value if isinstance(part, Slot) else _scaled(value, t, like) for part, value in parts], *args[1:])
    return func(*args, **kwargs)


def _with_bias(func: Any, args: Any, kwargs: dict[str, Any], t: Tensor) -> Tensor:
    bias = args[2] if len(args) > 2 else kwargs.get("bias")
    h = func(*args[:2], None, *args[3:], **{name: part for name, part in kwargs.items() if name != "bias"})
    if bias is None:
        return h
    return h.add_(_scaled(bias if func is F.linear else bias.view(-1, *[1] * (h.ndim - 2)), t, h))


def _scaled(constant: Any, t: Tensor, like: Tensor) -> Tensor:
    """t_i times a constant, in the type of what it meets; examples stand first."""
    if len(like) != len(t):
        raise ValueError(f"a constant is added where examples do not stand first: {tuple(like.shape)} for {len(t)} "
                         "examples. The explicit back-end needs them there; use slope=autograd")
    return (t.view(-1, *[1] * (like.ndim - 1)) * constant).to(like.dtype)


def each_tensor(parts: Any) -> list[Tensor]:
    """The tensors among arguments."""
    return [part for part in _flat(parts) if isinstance(part, Tensor)]


def replaced(parts: Any, by: Mapping[int, Any]) -> Any:
    """Arguments with some objects put in for others, known by their identity."""
    if isinstance(parts, dict):
        return {name: _each(part, lambda part: by.get(id(part), part)) for name, part in parts.items()}
    return _each(parts, lambda part: by.get(id(part), part))


def _each(part: Any, change: Callable[[Any], Any]) -> Any:
    if type(part) in (list, tuple):
        return type(part)(_each(inner, change) for inner in part)
    return change(part)


def _flat(parts: Iterable[Any]) -> list[Any]:
    return [inner for part in parts for inner in (_flat(part) if type(part) in (list, tuple) else (part,))]


def piece_of(func: Any, args: Any, kwargs: Any) -> Piece | None:
    """The piece a unit is on, or None for what is no unit."""
    # In-place rectifiers keep the sign, so the values may be overwritten after this.
    return KINKS[func](args[0].detach(), *args[1:], **kwargs) if func in KINKS else None


def _leaky(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Piece:
    # torch's own backward of the rectifier is the rectifier with its piece held, in one pass over memory.
    return lambda v: torch.ops.aten.leaky_relu_backward(v, x, negative_slope, False)


def _relu(x: Tensor, inplace: bool = False) -> Piece:
    return lambda v: torch.ops.aten.threshold_backward(v, x, 0)


def _abs(x: Tensor) -> Piece:
    sign = x.sign()
    return lambda v: v * sign


def _largest(x: Tensor, dim: int = -1, keepdim: bool = False) -> Piece:
    place = x.argmax(dim, keepdim=True)
    return lambda v: v.gather(dim, place) if keepdim else v.gather(dim, place).squeeze(dim)


def _pooled(x: Tensor, *window: Any, **options: Any) -> Piece:
    place = F.max_pool2d(x, *window, **{**options, "return_indices": True})[1]
    return lambda v: v.flatten(2).gather(2, place.flatten(2)).view(place.shape)


KINKS: dict[Any, Callable[..., Piece]] = {
    F.leaky_relu: _leaky, torch.nn.functional.leaky_relu_: _leaky,
    F.relu: _relu, torch.relu: _relu, torch.relu_: _relu, Tensor.relu: _relu, Tensor.relu_: _relu,
    torch.abs: _abs, Tensor.abs: _abs, Tensor.__abs__: _abs,
    torch.amax: _largest, Tensor.amax: _largest,
    torch.max_pool2d: _pooled, F.max_pool2d: _pooled,
}
WITH_BIAS = {F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
SUMS = {torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__,
        torch.sub, Tensor.sub, Tensor.sub_, Tensor.__sub__, Tensor.__isub__, Tensor.__rsub__, torch.rsub}
JOINS = {torch.cat, torch.concat, torch.stack}
