"""Historical averaging: a player's parameters stay near the mean of what they have been.

theta [n] are all of a player's parameters as one vector, theta[i] what they were after i rounds. The penalty is

    | theta - (1/t) sum_(i <= t) theta[i] |^2,

with the mean held constant. In games that turn about an equilibrium the mean is nearer to it than the players are, so
this is what makes fictitious play come to rest.

Improved Techniques for Training GANs (Salimans et al., 2016), section 3.3. https://arxiv.org/abs/1606.03498
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class History:
    """The running mean of some parameters: mean <- mean + (theta - mean) / (t + 1), t counting what was taken up.

    Two tensors, `mean` [n] and `count` [], are all there is to save.

    Args:
        parameters: as they are now, the first of the history.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.mean = flat(parameters).detach().clone()
        self.count = torch.ones((), device=self.mean.device)

    @torch.no_grad()
    def update(self, parameters: Iterable[Tensor]) -> None:
        """Take up the parameters as they are now."""
        self.count += 1
        self.mean += (flat(parameters) - self.mean) / self.count.to(self.mean.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """What must be saved."""
        return {"mean": self.mean, "count": self.count}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what was saved."""
        self.mean.copy_(tensors["mean"])
        self.count.copy_(tensors["count"])


def historical(parameters: Iterable[Tensor], history: History) -> Tensor:
    """|theta - mean|^2, a scalar, the mean being `history`'s as it stands.

    Raises:
        ValueError: another number of parameters than the history is of.
    """
    theta = flat(parameters)
    if theta.shape != history.mean.shape:
        raise ValueError(f"{theta.numel()} parameters, and a history of {history.mean.numel()}; give the same "
                         "parameters in the same order")
    return (theta - history.mean.to(theta)).square().sum()


def flat(parameters: Iterable[Tensor]) -> Tensor:
    """All of them as one vector."""
    return torch.cat([p.reshape(-1) for p in parameters])
