"""Feature matching: fakes should have the features of real examples on average, inside a critic or any fixed network.

f(x) is [N, ...], the activations of one layer.
"""

from __future__ import annotations

from torch import Tensor


def feature_matching(f_real: Tensor, f_fake: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2, lowered by the generator; the critic keeps its own objective.

    0 where the mean features agree, as they do at p_model = p_data; the gradient of G does not fade where D is sure.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.1, https://arxiv.org/abs/1606.03498

    Args:
        f_real: [N, ...]; the sum of squares is over all axes but the first.
        f_fake: [M, ...].

    Raises:
        ValueError: features of different shapes.
    """
    if f_real.shape[1:] != f_fake.shape[1:]:
        raise ValueError(f"feature matching received features of shapes {tuple(f_real.shape[1:])} and "
                         f"{tuple(f_fake.shape[1:])} an example; give the same layer's for both")
    return (f_real.mean(0) - f_fake.mean(0)).square().sum()
