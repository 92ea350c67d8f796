"""The LeCam penalty: the critic's logits stay near what they used to be on the *other* kind of examples.

a = D(x), b = D(G(z)) are logits [N]; alpha_R, alpha_F the anchors, exponential moving averages of E a and E b.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu


class Anchors:
    """alpha_R and alpha_F: moving averages of the critic's mean logits on reals and on fakes.

    alpha <- d alpha + (1 - d) E logits, started from 0 and divided by 1 - d^k after k updates, so that the first
    anchors are the first means. A game lists this in its `memory`, so that it is saved.

    Args:
        decay: d in [0, 1).

    Raises:
        ValueError: another decay.
    """

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay of the anchors is {decay!r}; it lies in [0, 1), 0.99 in the paper")
        self.decay = decay
        self.sums = torch.zeros(2)
        self.weight = torch.zeros(())

    def update(self, a: Tensor, b: Tensor) -> None:
        """Take up a round's logits on reals and on fakes."""
        means = torch.stack([a.detach().float().mean(), b.detach().float().mean()])
        self.sums = self.sums.to(means).lerp(means, 1 - self.decay)
        self.weight = self.weight.to(means).lerp(torch.ones_like(self.weight).to(means), 1 - self.decay)

    @property
    def real(self) -> Tensor:
        """alpha_R, a 0-d tensor."""
        return self.sums[0] / self.weight

    @property
    def fake(self) -> Tensor:
        """alpha_F, a 0-d tensor."""
        return self.sums[1] / self.weight

    def tensors(self) -> dict[str, Tensor]:
        """What must be saved."""
        return {"sums": self.sums, "weight": self.weight}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what was saved."""
        self.sums, self.weight = tensors["sums"].clone(), tensors["weight"].clone()


def lecam(a: Tensor, b: Tensor, anchors: Anchors, *, one_sided: bool = True) -> Tensor:
    """E max(0, a - alpha_F)^2 + E max(0, alpha_R - b)^2, a scalar; update the anchors with a and b first.

    Beside the Wasserstein objective it makes G lower a weighted LeCam divergence between data and model. The paper's
    equation has plain squares, E (a - alpha_F)^2 + E (b - alpha_R)^2 (`one_sided=False`); the authors' code has the
    rectifiers, which leave logits alone that have crossed the anchor.

    Regularizing Generative Adversarial Networks under Limited Data (Tseng et al., 2021).
    https://arxiv.org/abs/2104.03310

    Raises:
        ValueError: anchors that have seen no logits.
    """
    if float(anchors.weight) == 0:
        raise ValueError("the anchors have seen no logits: call anchors.update(a, b) before the penalty")
    over, under = a - anchors.fake, anchors.real - b
    if one_sided:
        over, under = relu(over), relu(under)
    return over.square().mean() + under.square().mean()
