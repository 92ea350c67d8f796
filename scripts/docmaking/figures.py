"""Figures of ideas: losses against the logit, Dirac-GAN trajectories, schedules, averages; through the library only."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import torch
from torch import Tensor

from docmaking import plane
from docmaking.ideas import Idea, ideas, kind
from mintage.game import Clock
from mintage.lab.drawing import COLOURS, STYLE, panels
from mintage.objectives import Adversarial

SPAN = torch.linspace(-6, 6, 241, dtype=torch.float64)


def draw_all(folder: Path) -> list[str]:
    """Draw every idea that has a figure; sentences about those that could not be drawn."""
    torch.set_num_threads(1)
    missed, drawn = [], set()
    for idea in ideas():
        draw = DRAW.get(kind(idea))
        if draw is None:
            continue
        try:
            with matplotlib.rc_context(STYLE):
                figure = draw(idea)
                if figure is not None:
                    figure.savefig(folder / f"{idea.slug}.svg", metadata={"Date": None, "Creator": None})
                    drawn.add(f"{idea.slug}.svg")
        except Exception as error:  # a page without its picture is better than no pages; what failed is said
            missed.append(f"no figure of {idea.slug}: {type(error).__name__}: {error}")
    for stale in (path for path in folder.glob("*.svg") if path.name not in drawn):
        stale.unlink()
    return missed


def losses(idea: Idea) -> Any:
    """Both sides' losses against one logit, and the generator's slope."""
    loss: Adversarial = idea.part
    zero = torch.zeros(1, dtype=torch.float64)
    if loss.relative and _compares_samples(loss):
        return _between_samples(loss)
    figure, ((left, right),) = panels(2, width=3.9, height=2.9)
    if loss.relative:
        left.plot(SPAN, _along(lambda t: loss.critic(zero, t)), label="critic")
    else:
        low_a, low_b = _lowest(lambda t: loss.critic(t, zero)), _lowest(lambda t: loss.critic(zero, t))
        left.plot(SPAN, _along(lambda t: loss.critic(t, low_b)), label="critic, on a real example")
        left.plot(SPAN, _along(lambda t: loss.critic(low_a, t)), label="critic, on a fake")
    against = zero if loss.relative else None
    left.plot(SPAN, _along(lambda t: loss.generator(against, t)), color=COLOURS[2], dashes=(3, 3), linewidth=2.2,
              label="generator")
    left.set(xlabel="b - a: how much more real the fake looks" if loss.relative else "logit", ylabel="loss",
             title="What each side lowers", ylim=(-6.5, 6.5))
    figure.legend(loc="outside lower left", ncols=3)
    slope = [abs(_slope(lambda t: loss.generator(against, t), float(at))) for at in SPAN]
    right.plot(SPAN, slope, color=COLOURS[2])
    right.set(xlabel=f"surely fake  \N{LEFTWARDS ARROW}  {'b - a' if loss.relative else 'logit b'}  "
                     "\N{RIGHTWARDS ARROW}  surely real",
              ylabel="|slope|", ylim=(0, 3), title=f"Generator's slope: {slope[0]:.2g} at sure fakes")
    return figure


def _compares_samples(loss: Adversarial) -> bool:
    """Whether a loss needs two examples or more of each kind."""
    try:
        loss.critic(torch.zeros(1), torch.zeros(1))
    except ValueError:
        return True
    return False


def _between_samples(loss: Adversarial) -> Any:
    """Both losses of two samples of normal scores, against the distance of their means."""
    scores = torch.special.ndtri((torch.arange(64, dtype=torch.float64) + 0.5) / 64)
    figure, ((axes,),) = panels(width=5.2, height=2.9)
    axes.plot(SPAN, [float(loss.critic(scores, scores + at)) for at in SPAN], label="critic")
    axes.plot(SPAN, [float(loss.generator(scores, scores + at)) for at in SPAN], color=COLOURS[2], label="generator")
    axes.set(xlabel="mean logit of 64 fakes minus that of 64 reals", ylabel="loss",
             title="The farther apart, the more the critic has to gain")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def divergence(idea: Idea) -> Any:
    """A divergence's f and the critic's best logit, against the ratio of densities."""
    ratio = torch.logspace(-2, 1, 241, dtype=torch.float64)
    figure, ((left, right),) = panels(2, width=3.9, height=2.9)
    left.plot(ratio, idea.part.f(ratio))
    left.set(xlabel="u = p / q", ylabel="f(u)", title="f, convex; 0 at no difference" if
             abs(float(idea.part.f(torch.ones((), dtype=torch.float64)))) < 1e-12 else "f, convex", xlim=(0, 6))
    right.semilogx(ratio, idea.part.derivative(ratio), color=COLOURS[2])
    right.set(xlabel="r = p / q", ylabel="t* = f'(r)", title="What the best critic says")
    return figure


def kernel(idea: Idea) -> Any:
    """A kernel against the distance."""
    part = idea.part if list(inspect.signature(idea.part).parameters)[:2] == ["x", "y"] else idea.part()
    distance = torch.linspace(0, 10, 201, dtype=torch.float64)
    figure, ((axes,),) = panels(width=4.6, height=2.9)
    axes.plot(distance, part(torch.zeros(1, 1, dtype=torch.float64), distance[:, None])[0])
    axes.set(xlabel="y, with x = 0", ylabel="k(x, y)", title=f"{idea.title}")
    return figure


def other(idea: Idea) -> Any:
    """Divergences and kernels; None for a part that has no picture."""
    if hasattr(idea.part, "conjugate"):
        return divergence(idea)
    return kernel(idea) if idea.home.__name__.endswith(".kernels") else None


def _along(side: Callable[[Tensor], Tensor]) -> list[float]:
    return [float(side(at.reshape(1))) for at in SPAN]


def _lowest(side: Callable[[Tensor], Tensor]) -> Tensor:
    """The logit at which a side of the critic's loss is nearly least; 0 where it falls without end."""
    loss = _along(side)
    at = min(range(len(loss)), key=loss.__getitem__)
    edge = at in (0, len(loss) - 1) and abs(_slope(side, float(SPAN[at]))) > 0.05
    return torch.zeros(1, dtype=torch.float64) if edge else SPAN[at].reshape(1) * (3 if at in (0, len(loss) - 1) else 1)


def _slope(side: Callable[[Tensor], Tensor], at: float) -> float:
    point = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(side(point), point)
    return float(gradient)


def penalised(idea: Idea) -> Any:
    """The Dirac-GAN with a penalty, beside the one without."""
    if idea.entry is None or idea.entry.side != "critic":
        return None
    without, under = plane.played(), plane.played(penalty=idea.entry)
    return plane.drawn({"without": without, f"with {idea.code}, weight {plane.WEIGHT:g}": under})


def ruled(idea: Idea) -> Any:
    """The Dirac-GAN under a rule, beside the simultaneous one."""
    from mintage.game import simultaneous

    takes = list(inspect.signature(idea.part).parameters)
    part, name = (idea.part, idea.code) if takes == ["game", "round"] else \
        (idea.part(gamma=1.0), f"{idea.code}(gamma=1)") if takes == ["gamma"] else (idea.part(), idea.code)
    tracks = {} if part is simultaneous else {"simultaneous": plane.played(rule=simultaneous, loss="wasserstein")}
    return plane.drawn(tracks | {name: plane.played(rule=part, loss="wasserstein")})


def scheduled(idea: Idea) -> Any:
    """A schedule over the budget."""
    takes = list(inspect.signature(idea.part).parameters)
    schedules = {f"{idea.code}(1.0, 0.1)": idea.part(1.0, 0.1)} if takes[:2] == ["start", "end"] else \
        {f"{idea.code}(1.0, {name}={part:g})": idea.part(1.0, **{name: part})
         for name in takes[1:] if name in ("fraction", "after") for part in (0.02, 0.2)}
    figure, ((axes,),) = panels(width=4.6, height=2.9)
    spent = [k / 400 for k in range(401)]
    for name, schedule in schedules.items():
        axes.plot(spent, [schedule(Clock(round(part * 100_000), 100_000)) for part in spent], label=name)
    axes.set(xlabel="share of the budget", ylabel="value", title=f"{idea.title} schedule", ylim=(0, 1.05))
    axes.legend()
    return figure


def controlled(idea: Idea) -> Any:
    """What an average makes of a circling generator, or how a knob moves; None for what needs more of a game."""
    takes = inspect.signature(idea.part).parameters
    if "names" in takes:
        return _averaged(idea, "half_life" in takes)
    if list(takes)[:2] == ["knob", "signal"]:
        return _steered(idea, "low" in takes)
    if list(takes)[:2] == ["level", "levels"]:
        level = torch.zeros(())
        seen = plane.watched(lambda: float(level), controllers=[idea.part(level, 4)])
        figure, ((axes,),) = panels(width=4.6, height=2.9)
        axes.plot([k / len(seen) for k in range(len(seen))], seen)
        axes.set(xlabel="share of the budget", ylabel="level", title="Four levels: faded in, held, faded in")
        return figure
    return None


def _steered(idea: Idea, positive: bool) -> Any:
    """A knob moved by a statistic that swings about its target."""
    rounds, target = 300, 0.6
    knob = torch.ones(()) if positive else torch.zeros(())
    bounds = {"low": 0.1, "high": 10.0} if positive else {}
    controller = idea.part(knob, "signal", target=target, speed=20.0 if positive else 150.0, **bounds)
    signal = [target + 0.4 * math.sin(2 * math.pi * k / 150) for k in range(rounds)]
    moved = []
    for value in signal:
        controller(None, SimpleNamespace(stats={"signal": torch.tensor(value)}, examples=1))
        moved.append(float(knob))
    figure, ((axes,),) = panels(width=5.2, height=2.9)
    axes.plot(signal, color="#aaa", label="the statistic")
    axes.axhline(target, color="#555", linewidth=0.8, linestyle=":", label="its target")
    axes.plot(moved, color=COLOURS[0], label="the knob")
    axes.set(xlabel="rounds", ylabel="value", title="The knob rises while the statistic is above its target",
             yscale="log" if positive else "linear")
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _averaged(idea: Idea, timed: bool) -> Any:
    controller = idea.part("G", half_life=60 * plane.SIZE, ramp=math.inf) if timed else idea.part("G")
    kept: list[list[float]] = []

    def watch() -> float:
        kept.append([float(tensor.item()) for tensor in controller.tensors().values()])
        return 0.0

    track = plane.played(loss="wasserstein", controllers=[controller], watch=watch)
    live = [theta for theta, _ in track]
    figure, ((axes,),) = panels(width=5.2, height=2.9)
    axes.plot(live[1:], color="#bbb", label="theta, circling")
    for number in range(len(kept[0])):
        label = "its average" if len(kept[0]) == 1 else f"length {controller.lengths[number]:g}"
        axes.plot([each[number] for each in kept], label=label)
    axes.axhline(0, color="#555", linewidth=0.8, linestyle=":")
    axes.set(xlabel="rounds", ylabel="G's weight theta", title="The player circles; its average comes closer to 0")
    figure.legend(loc="outside lower left", ncols=4)
    return figure


DRAW: dict[str, Callable[[Idea], Any]] = {
    "adversarial": losses, "penalty": penalised, "rule": ruled, "schedule": scheduled, "controller": controlled,
    "part": other,
}
