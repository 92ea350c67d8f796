"""Mutual information between a code c and the sample G(z, c), bounded from below by a network Q that reads c back.

    I(c; G(z, c)) >= H(c) + E log Q(c | G(z, c)) = H(c) - term

Each term is -E log Q(c | x) in nats, lowered by G and Q; it is tight where Q is the posterior. H(c) is log K for a
uniform code of K classes, k log 2 for k numbers uniform on (-1, 1), (k / 2) log(2 pi e) for k standard normal ones.

    InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets
    (Chen et al., 2016), eq. 4 and 5, https://arxiv.org/abs/1606.03657
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mintage.objectives.classes import auxiliary_class


def categorical_information(logits: Tensor, code: Tensor) -> Tensor:
    """-E log softmax(logits)_c, c one of K classes: log K where Q knows nothing, 0 where it is sure and right.

    The formula of `auxiliary_class`, of a class that no label gives: it was drawn with z.

    InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657

    Args:
        logits: Q's [N, K].
        code: [N], integers from 0 to K - 1.

    Raises:
        ValueError: shapes that do not fit, or a code that is not of integers.
    """
    return auxiliary_class(logits, code)


def gaussian_information(mean: Tensor, code: Tensor, log_variance: Tensor | float = 0.0) -> Tensor:
    """E sum_k [(c - mean)^2 / variance + log variance + log 2 pi] / 2 for a code of k numbers, Q a diagonal Gaussian.

    With a fixed variance this is the squared error, up to scale and constant.

    InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657

    Args:
        mean: Q's [N, k], or [N] for one number.
        code: the numbers, in the same shape.
        log_variance: Q's too, in the same shape, or one fixed number.

    Raises:
        ValueError: shapes that differ.
    """
    own = tuple(log_variance.shape) if isinstance(log_variance, Tensor) and log_variance.ndim else tuple(mean.shape)
    if mean.shape != code.shape or own != tuple(mean.shape):
        raise ValueError(f"a Gaussian code received means {tuple(mean.shape)}, codes {tuple(code.shape)} and "
                         f"log-variances {own}; give all in one shape, or one fixed log-variance")
    spread = torch.as_tensor(log_variance, dtype=mean.dtype, device=mean.device)
    density = ((code - mean).square() * (-spread).exp() + spread + math.log(2 * math.pi)) / 2
    return density.reshape(len(mean), -1).sum(1).mean()
