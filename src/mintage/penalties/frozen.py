"""A piecewise-linear critic with its pieces frozen: the linear map it is around given examples.

Around x a critic of (leaky) rectifiers, maxima and linear layers is D(x + v) = D(x) + <g, v>, g = dD/dx, as long as
every unit stays on its piece. `along` finds g, then runs the critic once more on a direction v with every unit held on
the piece it had at x and with all constants dropped, which gives <g, v> as an ordinary first-order function of the
weights. The pieces are seen and held by watching the functions of torch that a critic calls; a tensor that derives from
its input is marked, all others (weights, labels) are constants.

Held are: relu, leaky_relu, abs, amax over one dimension, max_pool2d. Constants dropped are: the biases of linear layers
and convolutions, added constants, and constants that are concatenated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

Piece = Callable[[Tensor], Tensor]


class Marked(Tensor):
    """A tensor that derives from the critic's input; whatever is computed from it is marked too."""


def along(critic: Any, x: Tensor, y: Tensor | None = None,
          direction: Callable[[Tensor], Tensor] = lambda g: g) -> tuple[Tensor, Tensor]:
    """(g, <g, v>): the gradient of D at x, and its product with v = direction(g) as a function of the weights.

    Args:
        critic: piecewise linear in x, each logit from its own example.
        x: [N, ...]; y: labels [N] or None.

    Returns:
        g [N, ...], without a graph, and <g_i, v_i> [N], differentiable in the weights. The second is right only for a
        critic that `fitting.piecewise_linear` accepts.

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x.
    """
    x = x.detach().requires_grad_(True)
    with parametrize.cached():  # a parametrised weight (spectral norm moves with every use) is the same in both passes
        watching = _Watching()
        with watching:
            logits = _plain(_run(critic, x, y))
        g = gradient(logits, x)
        with _Holding(watching.pieces):
            product = _plain(_run(critic, direction(g), y))
    return g, product


def gradient(logits: Tensor, x: Tensor, *, create_graph: bool = False) -> Tensor:
    """dD(x_i)/dx_i for each example, [N, ...].

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x.
    """
    if logits.shape != x.shape[:1]:
        raise ValueError(f"logits of shape {tuple(logits.shape)} for {x.shape[0]} examples; a critic returns one "
                         f"number an example, shape ({x.shape[0]},)")
    if not x.requires_grad or not logits.requires_grad:
        raise ValueError("logits do not depend on x: call x.requires_grad_() before the critic, outside no_grad")
    (found,) = torch.autograd.grad(logits.sum(), x, create_graph=create_graph)
    return found


def _run(critic: Any, x: Tensor, y: Tensor | None) -> Tensor:
    marked = x.as_subclass(Marked)
    return critic(marked) if y is None else critic(marked, y)


def _plain(x: Tensor) -> Tensor:
    return x.as_subclass(Tensor)


class _Watching(TorchFunctionMode):
    """Computes as usual and notes the piece each unit is on, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[Piece] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in KINKS and args and isinstance(args[0], Marked):
            # In-place rectifiers keep the sign, so the values may be overwritten after this.
            self.pieces.append(KINKS[func](_plain(args[0].detach()), *args[1:], **kwargs))
        return func(*args, **kwargs)


class _Holding(TorchFunctionMode):
    """Computes the linear part: units stay on the noted pieces, constants are dropped."""

    def __init__(self, pieces: list[Piece]) -> None:
        super().__init__()
        self.pieces: Iterator[Piece] = iter(pieces)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in KINKS and args and isinstance(args[0], Marked):
            return self.next_piece()(_plain(args[0])).as_subclass(Marked)
        if func in WITH_BIAS and args and isinstance(args[0], Marked):
            return func(*args[:2], None, *args[3:], **{name: kwargs[name] for name in kwargs if name != "bias"})
        if func in SUMS and len(args) > 1 and isinstance(args[0], Marked) != isinstance(args[1], Marked):
            return _without_constant(func, *args[:2], **kwargs)
        if func in JOINS:
            return func([part if isinstance(part, Marked) else torch.zeros_like(part) for part in args[0]],
                        *args[1:], **kwargs)
        return func(*args, **kwargs)

    def next_piece(self) -> Piece:
        """The next unit's, in the order of the first pass."""
        piece = next(self.pieces, None)
        if piece is None:
            raise ValueError("the critic took other steps the second time it saw the same examples; the explicit "
                             "back-end needs a critic that does the same each time: use slope=autograd")
        return piece


def _without_constant(func: Any, a: Any, b: Any, **options: Any) -> Tensor:
    """a + b or a - b without the one that is constant, in the shape and type of the whole."""
    if isinstance(a, Marked):
        return func(a, torch.zeros_like(b) if isinstance(b, Tensor) and b.shape != a.shape else 0, **options)
    return func(torch.zeros_like(a) if isinstance(a, Tensor) and a.shape != b.shape else 0 * b.detach(), b, **options)


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
