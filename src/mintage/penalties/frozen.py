"""A piecewise-linear critic with its pieces frozen: the linear map it is around given examples.

Around x a critic of (leaky) rectifiers, maxima and linear layers is D(x + v) = D(x) + <g, v>, g = dD/dx, as long as
every unit stays on its piece. `Frozen` runs the critic once and writes down what it did to its input: a list of steps,
each linear (or affine) with a constant from the weights, or a unit with the piece it was on. The steps can then be run
again on any other input u, with every piece held and every added constant scaled by a number t_i for each example:

    t_i = 0, u = v          gives <g_i, v_i>
    t_i = 1, u = x          gives D(x_i)
    any t, u = t x + v      gives t_i D(x_i) + <g_i, v_i>

A tensor that derives from the input is marked; all others (weights, labels) are constants. Only the functions of torch
that a critic calls on marked tensors are written down, so what happens among weights alone (a norm of a weight) is done
once, and its graph serves the gradient.

Held are: relu, leaky_relu, abs, amax over one dimension, max_pool2d. Constants scaled are: the biases of linear layers
and convolutions, added constants, and constants that are concatenated. Anything else is run as it is, which is right
for what is linear in the marked tensor; `fitting.piecewise_linear` finds out where it is not.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from mintage.penalties.steps import Constant, Slot, Step, each_tensor, piece_of, replaced, run


class Marked(Tensor):
    """A tensor that derives from the critic's input; whatever is computed from it is marked too."""

    slot: int


class Frozen:
    """What a critic did to its input x [N, ...], to be run again on its pieces.

    Args:
        critic: piecewise linear in x, each logit from its own example; run once, in its present mode and precision.
        x: [N, ...]; y: labels [N] or None.

    Attributes:
        logits: D(x) [N], without a graph.
        g: dD(x_i)/dx_i [N, ...], without a graph.
        constants: the tensors that took part and need a gradient, with the graphs that lead to the weights.

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x.
    """

    def __init__(self, critic: Any, x: Tensor, y: Tensor | None = None) -> None:
        self.x = x.detach()
        watching = _Watching(marked := x.detach().requires_grad_(True))
        with watching:
            logits = critic(marked) if y is None else critic(marked, y)
        self.steps, self.constants, self.last = watching.steps, watching.constants, watching.slot_of(logits)
        self.logits, marked = _plain(logits), _plain(marked)
        found = gradient(self.logits, marked, at=[step.edge for step in self.steps if step.edge is not None])
        self.g, pulls = found[0], iter(found[1:])
        self.pulls = [None if step.edge is None else next(pulls) for step in self.steps]
        for step in self.steps:  # the graph of the first pass has served
            step.edge = None
        self.logits = self.logits.detach()

    def again(self, t: Tensor, v: Tensor) -> Tensor:
        """t_i D(x_i) + <g_i, v_i> [N], without a graph, for t [N] and v [N, ...]."""
        return self._run(self._input(t, v), t, None)

    def weight_gradients(self, t: Tensor, v: Tensor) -> list[Tensor | None]:
        """The gradient of sum_i t_i D(x_i) + <g_i, v_i> in each of `constants`, for constant t [N] and v [N, ...].

        One forward pass. What a step sends to the logits, dD_i/d(its result), does not depend on what runs through
        it once the pieces are held, and was met when g was found; so nothing is sent back through the network again.
        """
        found: list[Tensor | None] = [None] * len(self.constants)
        self._run(self._input(t, v), t, found)
        return found

    def _input(self, t: Tensor, v: Tensor) -> Tensor:
        return torch.addcmul(v, t.to(v).view(-1, *[1] * (v.ndim - 1)), self.x.to(v))

    @torch.no_grad()
    def _run(self, u: Tensor, t: Tensor, found: list[Tensor | None] | None) -> Tensor:
        values: dict[int, Tensor] = {0: u}
        for step, pull in zip(self.steps, self.pulls, strict=True):
            with step.precision(u.device.type):
                if pull is None or found is None:
                    result = run(step, values, self.constants, t)
                else:
                    result = _learnt(step, values, self.constants, t, pull, found)
            for slot, value in zip(step.results, result if isinstance(result, list | tuple) else [result], strict=True):
                values[slot] = value
            for slot in step.done:
                values.pop(slot, None)
        return values[self.last]


def _learnt(step: Step, values: dict[int, Tensor], constants: list[Tensor], t: Tensor, pull: Tensor,
            found: list[Tensor | None]) -> Tensor:
    """One step again, and what it teaches its constants."""
    leaves = {k: constants[k].detach().requires_grad_(True) for k in step.constants}
    with torch.enable_grad():
        result = run(step, values, leaves, t)
        sent = _Sent.apply(result, pull.to(result.dtype))
    for k, part in zip(leaves, torch.autograd.grad(sent, list(leaves.values()), allow_unused=True), strict=True):
        found[k] = part
    return result.detach()


class _Sent(Function):
    """A stand-in for <result, pull>: a number whose gradient in the result is the pull.

    Given to `torch.autograd.grad` as they are, gradients of results are compared in shape with symbols, whose package
    takes half a second to import; the sum itself would take one more pass over memory.
    """

    @staticmethod
    def forward(ctx: Any, result: Tensor, pull: Tensor) -> Tensor:
        ctx.pull = pull
        return result.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *one: Any) -> Any:
        return ctx.pull, None


def gradient(logits: Tensor, x: Tensor, *, create_graph: bool = False, at: list[Any] | None = None) -> Any:
    """dD(x_i)/dx_i for each example, [N, ...]; with `at`, a list of it and of what reaches those edges (or None).

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x.
    """
    if logits.shape != x.shape[:1]:
        raise ValueError(f"logits of shape {tuple(logits.shape)} for {x.shape[0]} examples; a critic returns one "
                         f"number an example, shape ({x.shape[0]},)")
    if not x.requires_grad or not logits.requires_grad:
        raise ValueError("logits do not depend on x: call x.requires_grad_() before the critic, outside no_grad")
    found = torch.autograd.grad(logits.sum(), [x, *(at or ())], create_graph=create_graph, allow_unused=bool(at))
    return found[0] if at is None else list(found)


def _plain(x: Tensor) -> Tensor:
    if isinstance(x, Marked):
        setattr(x, "__class__", Tensor)  # noqa: B010  not as_subclass, whose view would make in-place layers copy
    return x


class _Watching(TorchFunctionMode):
    """Computes as usual, and writes down each step that starts from a marked tensor."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.constants: list[Tensor] = []
        self.slots = 0
        self._mark(x)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = each_tensor((*args, *kwargs.values()))
        marked = [tensor for tensor in tensors if isinstance(tensor, Marked)]
        if not marked:
            return func(*args, **kwargs)
        known: dict[int, Slot | Constant] = {id(tensor): Slot(tensor.slot) for tensor in marked}
        learnt: dict[int, Any] = {id(tensor): tensor for tensor in tensors
                                  if not isinstance(tensor, Marked) and tensor.requires_grad}
        with torch._C.DisableTorchFunctionSubclass():
            piece = piece_of(func, args, kwargs)
            detached = {key: tensor.detach() for key, tensor in learnt.items()}
            results = func(*replaced(args, detached), **replaced(kwargs, detached))
        outs = results if isinstance(results, list | tuple) else [results]
        if not all(isinstance(out, Tensor) and out.requires_grad for out in outs):
            return results  # a shape, a type, a constant
        for key, tensor in learnt.items():
            known[key] = Constant(len(self.constants))
            self.constants.append(tensor)
        step = Step(func, replaced(args, known), replaced(kwargs, known), piece,
                    [c.number for c in known.values() if isinstance(c, Constant)], marked[0].device.type)
        if learnt:
            if len(outs) > 1:
                raise ValueError(f"the explicit back-end cannot hold {getattr(func, '__name__', func)}, which makes "
                                 "several results with weights: use slope=autograd")
            step.edge = torch.autograd.graph.get_gradient_edge(outs[0])
        step.results = [self._mark(out) for out in outs]
        self.steps.append(step)
        return results

    def _mark(self, x: Tensor) -> int:
        x.__class__ = Marked
        x.slot = self.slots  # type: ignore[attr-defined]
        self.slots += 1
        return self.slots - 1

    def slot_of(self, logits: Tensor) -> int:
        """Where the logits stand, and when each value is last needed."""
        last = getattr(logits, "slot", 0)
        seen = {last}
        for step in reversed(self.steps):
            step.done = [slot for slot in {*step.slots(), *step.results} if slot not in seen]
            seen.update(step.done)
        return last
