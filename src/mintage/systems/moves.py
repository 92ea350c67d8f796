"""Objectives that several systems share: the two sides of a game between a generator and a critic.

The loop lets gradients flow to the moving player's parameters only, so nothing is detached here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mintage.data import DataSpec
from mintage.game import Clock, Objective, Round, Sampler, Schedule, Terms, returns
from mintage.objectives import Adversarial
from mintage.penalties import Penalty, known, logits_and_slopes

Prior = Callable[[int, torch.Generator], Tensor]


def generate(nets: Any, z: Tensor, y: Tensor | None) -> Tensor:
    """x = G(z, y)."""
    return nets.G(z, y)


def sampler(prior: Prior, classes: int = 0) -> Sampler:
    """Samples of G, for latents from `prior`."""
    return Sampler(prior, generate, classes)


def critic(loss: Adversarial, prior: Prior, *, conditional: bool = False,
           penalties: Mapping[str, Penalty] | None = None) -> Objective:
    """D lowers `loss.critic(D(x), D(G(z)))` on the round's real examples and as many fakes, and named penalties.

    Each penalty is a term of its own, to be weighted in the move. One that cannot serve D is refused when the game is
    built. R1 and R2 through the explicit back-end share the loss's pass.
    """
    added = dict(penalties or {})

    def fits(nets: Any) -> None:
        for penalty in added.values():
            penalty.fits(nets.D)

    @shows(loss, joined=any(penalty.joins for penalty in added.values()))
    @returns("loss", *added, fits=fits)
    def objective(nets: Any, round: Round) -> Terms:
        x, y = labelled(round, conditional)
        fake = generate(nets, round.draw(prior), y)
        seen = {place: _seen(nets.D, points, y, any(p.joins == place for p in added.values()))
                for place, points in (("real", x), ("fake", fake))}
        real_logits, fake_logits = seen["real"][0], seen["fake"][0]
        watch(loss, round, real_logits, fake_logits, Shown(x, fake, y, real_logits, fake_logits))
        terms = {"loss": loss.critic(real_logits, fake_logits)}
        return terms | {name: penalty.term(nets.D, x, fake, y, round.generator(name),
                                           **(seen[penalty.joins][1] if penalty.joins else {}))
                        for name, penalty in added.items()}

    return objective


def _seen(D: Any, x: Tensor, y: Tensor | None, sloped: bool) -> tuple[Tensor, dict[str, Any]]:
    """The critic's logits, and how a penalty is told the slopes that were found with them."""
    if not sloped:
        return D(x, y), {}
    logits, slopes = logits_and_slopes(D, x, y)
    return logits, {"slope": known(slopes)}


def critic_on(loss: Adversarial, seen: Callable[[Any, Round], tuple[Tensor, Tensor]]) -> Objective:
    """D lowers `loss.critic(D(real), D(fake))` on what `seen(nets, round)` gives: (real, fake)."""

    @shows(loss)
    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        real, fake = seen(nets, round)
        a, b = nets.D(real), nets.D(fake)
        watch(loss, round, a, b, Shown(real, fake, None, a, b))
        return {"loss": loss.critic(a, b)}

    return objective


def generator(loss: Adversarial, prior: Prior, *, conditional: bool = False) -> Objective:
    """G lowers `loss.generator`; a loss of pairs also sees the critic's logits on the round's real examples."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        x, y = labelled(round, conditional) if loss.relative or conditional else (None, None)
        fake_logits = nets.D(generate(nets, round.draw(prior), y), y)
        return {"loss": loss.generator(nets.D(x, y) if loss.relative else None, fake_logits)}

    return objective


class Shown(NamedTuple):
    """What a critic's move shows to who listens: reals and fakes [N, ...], their logits a and b, and what the critic
    takes beside both: labels y [N], captions [N, d], or None."""

    real: Tensor
    fake: Tensor
    y: Tensor | None
    a: Tensor
    b: Tensor


_LISTENING: ContextVar[list[Shown] | None] = ContextVar("listening", default=None)


@contextlib.contextmanager
def listening() -> Iterator[list[Shown]]:
    """What critics' moves show while they are made inside this block, in order. Who listens outside hears it after."""
    shown: list[Shown] = []
    token = _LISTENING.set(shown)
    try:
        yield shown
    finally:
        _LISTENING.reset(token)
        outside = _LISTENING.get()
        if outside is not None:
            outside.extend(shown)


def shows(loss: Adversarial, *, joined: bool = False) -> Callable[[Objective], Objective]:
    """Declare that a critic's move lowers `loss` and shows its logits by `watch`, so that terms on them can be added.

    Args:
        joined: its gradient cannot be differentiated again (mintage.penalties.joined).
    """

    def declare(objective: Objective) -> Objective:
        setattr(objective, "loss", loss)  # noqa: B010 (mypy knows no attributes of functions)
        setattr(objective, "joined", joined)  # noqa: B010
        return objective

    return declare


def watch(loss: Adversarial, round: Round, a: Tensor, b: Tensor, shown: Shown | None = None) -> None:
    """Leave what the critic's logits tell, for the log and for controllers, and `shown` for who listens.

    D/wins is the share of pairs in which the real example has the higher logit: 1/2 where it cannot tell. D/sign is
    E sign D(x), the sign of overfitting of ADA (Karras et al., 2020, eq. 1, https://arxiv.org/abs/2006.06676); a
    relative objective leaves the critic's zero open, and has none.
    """
    listener = _LISTENING.get()
    if listener is not None and shown is not None:
        listener.append(shown)
    a, b = a.detach(), b.detach()
    round.stats["D/wins"] = (a > b).float().mean()
    if not loss.relative:
        round.stats["D/sign"] = a.sign().float().mean()


def labelled(round: Round, conditional: bool) -> tuple[Tensor, Tensor | None]:
    """The round's real examples, with their labels where the system uses them."""
    return round.batch.x, round.batch.y if conditional else None


@contextlib.contextmanager
def resting(net: nn.Module) -> Iterator[None]:
    """Inside, the network is in evaluation mode and no gradient is recorded; afterwards it is as it was."""
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def share_of_budget(share: float) -> Schedule:
    """So many examples: a share of the budget."""

    def examples(clock: Clock) -> float:
        return share * clock.budget

    return examples


def image_shape(spec: DataSpec, system: str) -> tuple[int, int, int]:
    """(C, H, W) of the images.

    Raises:
        ValueError: the data are not images.
    """
    if spec.kind != "image":
        raise ValueError(f"{system} is made for images and these data are {spec.kind}; use --system gan")
    channels, height, width = spec.shape
    return channels, height, width


def source_shape(spec: DataSpec, system: str, *, paired: bool, factor: int = 1) -> tuple[int, int, int]:
    """(C, H, W) of the images c that the images x are made from, of their size divided by `factor`.

    Raises:
        ValueError: the data are not images, or no images are given with them, or of another size.
    """
    _, height, width = image_shape(spec, system)
    given, wanted = spec.given, "an image for each example" if paired else "images of the other side, without pairs"
    if given is None or given.kind != "image":
        raise ValueError(f"{system} makes images from images, and none are given with these data; say " + (
            f"--given FOLDER ({wanted})" if factor == 1 else "mintage train, which reduces them by itself, or use "
            "mintage.data.reductions.with_reduced"))
    if given.paired != paired:
        raise ValueError(f"{system} needs {wanted}; use --system {'cyclegan' if paired else 'pix2pix'} for these data")
    if given.shape[1:] != (-(-height // factor), -(-width // factor)):
        raise ValueError(f"{system} makes images {factor} times the size of those given, and these are {height} x "
                         f"{width} from {given.shape[1]} x {given.shape[2]} (height x width); give both one "
                         "--resolution")
    return given.shape[0], given.shape[1], given.shape[2]
