"""What follows from the choice between plain and residual networks, in games with spectrally normalised critics."""

from __future__ import annotations

from typing import Any, Literal

from mintage.data import DataSpec
from mintage.game import Optimizer, adam, linear

Networks = Literal["dcgan", "resnet"]


def deep(spec: DataSpec, networks: str) -> bool:
    """Whether the networks are residual; points have perceptrons only."""
    return networks == "resnet" and spec.kind == "image"


def settled(spec: DataSpec, networks: str) -> dict[str, tuple[Any, str]]:
    """Critic steps and Adam's decays, with reasons.

    Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018).
    https://arxiv.org/abs/1802.05957
    """
    far = deep(spec, networks)
    why = "the paper's for its residual networks" if far else "the paper's for its plain networks"
    return {"critic_steps": (5 if far else 1, why), "beta1": (0.0 if far else 0.5, why),
            "beta2": (0.9 if far else 0.999, why)}


def play_of(spec: DataSpec, networks: str, lr: float, critic_steps: int | None, beta1: float | None,
            beta2: float | None) -> tuple[Optimizer, int]:
    """Both players' optimizer, and how often D moves: what is given, and what follows where it is not.

    The rate of residual networks falls to 0 along a line; that of plain ones stays.
    """
    own = settled(spec, networks)
    repeat, first, second = (given if given is not None else own[name][0] for name, given in
                             (("critic_steps", critic_steps), ("beta1", beta1), ("beta2", beta2)))
    return adam(linear(lr, 0.0) if deep(spec, networks) else lr, first, second), int(repeat)
