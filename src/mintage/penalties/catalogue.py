"""The catalogue: each penalty on a critic by name, in one form that any game can use.

To add one, write its function in a file of its own and its row here; the tests of the family then look at it.
Penalties of another form stand beside the catalogue: `lecam` and `path_length` remember, `gradient_norm` is the
generator's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mintage.penalties.consistency import balanced_consistency, consistency, jitter
from mintage.penalties.fitting import anything, per_example, piecewise_linear
from mintage.penalties.noise import noise_penalty
from mintage.penalties.one_centred import dragan, gradient_penalty
from mintage.penalties.slopes import Slope, backend
from mintage.penalties.zero_centred import r1, r2


@dataclass(frozen=True)
class Penalty:
    """A penalty to be weighted in a move of the player named by `side`.

    Args:
        term: (critic, real [N, ...], fake [N, ...], y [N] or None, generator) -> scalar. Where `sloped`, it also takes
            slope=, a back-end of `slopes`.
        fits: raises ValueError with the remedy for a critic that cannot be served.
        source: the key of its paper in references.bib.
        side: whose loss it is added to, "critic" or "generator".
        sloped: whether it is a formula over the critic's slope.
        estimable: whether it is linear in the squared slope, so that an unbiased estimate of that will do.
        place: "real" or "fake" where it looks at that whole batch, as the loss does; "" where it looks elsewhere.
        joins: its `place`, where its back-end can find the slopes in the pass that finds the loss's logits
            (`joined.logits_and_slopes`); `term` then takes slope= as well.
    """

    term: Callable[..., Tensor]
    fits: Callable[[Any], None]
    source: str
    side: str = "critic"
    sloped: bool = False
    estimable: bool = False
    place: str = ""
    joins: str = ""

    def through(self, name: str, x: Tensor | None = None, y: Tensor | None = None) -> Penalty:
        """This penalty through the back-end of this name; directions of a finite difference come from the term's
        generator.

        For "explicit", x [n, ...] and y are a few examples, on which `fits` then tries the critic.

        Raises:
            ValueError: a penalty without slope, an estimate where it would be biased, "explicit" without examples, or
                an unknown name.
        """
        backend(name, generator=torch.Generator())
        if not self.sloped:
            raise ValueError("this penalty is no formula over the critic's slope, so it has no back-ends")
        if name == "finite-difference" and not self.estimable:
            raise ValueError("this penalty takes the root of the squared slope, and the root of an estimate is biased; "
                             "use 'autograd' or 'explicit'")
        if name == "explicit" and x is None:
            raise ValueError("the explicit back-end is tried on a few examples when a game is built: give x= (and y=)")

        def term(critic: Any, real: Tensor, fake: Tensor, labels: Tensor | None, generator: torch.Generator,
                 slope: Slope | None = None) -> Tensor:
            return self.term(critic, real, fake, labels, generator, slope=slope or backend(name, generator=generator))

        def fits(critic: Any) -> None:
            self.fits(critic)
            if name == "explicit" and x is not None:
                piecewise_linear(critic, x, y)

        return replace(self, term=term, fits=fits, joins=self.place if name == "explicit" else "")


Generator = torch.Generator
Labels = Tensor | None


def _r1(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator, **slope: Any) -> Tensor:
    return r1(critic, real, y, **slope)


def _r2(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator, **slope: Any) -> Tensor:
    return r2(critic, fake, y, **slope)


def _gradient_penalty(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator, **slope: Any) -> Tensor:
    return gradient_penalty(critic, real, fake, y, generator=generator, **slope)


def _dragan(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator, **slope: Any) -> Tensor:
    return dragan(critic, real, y, generator=generator, **slope)


def _noise(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator, **slope: Any) -> Tensor:
    return noise_penalty(critic, real, fake, y, **slope)


def _consistency(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator) -> Tensor:
    return consistency(critic, real, jitter(real, generator), y)


def _balanced(critic: Any, real: Tensor, fake: Tensor, y: Labels, generator: Generator) -> Tensor:
    return balanced_consistency(critic, real, fake, y, generator=generator)


PENALTIES: dict[str, Penalty] = {
    "r1": Penalty(_r1, per_example, "mescheder2018", sloped=True, estimable=True, place="real"),
    "r2": Penalty(_r2, per_example, "mescheder2018", sloped=True, estimable=True, place="fake"),
    "gradient-penalty": Penalty(_gradient_penalty, per_example, "gulrajani2017", sloped=True),
    "dragan": Penalty(_dragan, per_example, "kodali2017", sloped=True),
    "noise": Penalty(_noise, per_example, "roth2017", sloped=True, estimable=True),
    "consistency": Penalty(_consistency, anything, "zhang2020"),
    "balanced-consistency": Penalty(_balanced, anything, "zhao2021"),
}
