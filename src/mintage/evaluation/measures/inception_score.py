"""The inception score: are samples of one class each, and of all classes together?

    IS = exp E_x KL(p(y|x) | p(y)),   p(y) = E_x p(y|x),   from 1 to the number of classes

Improved Techniques for Training GANs (Salimans et al., 2016), section 4. https://arxiv.org/abs/1606.03498
It needs a classifier and never looks at real data: a generator that shows one perfect example of each class scores the
highest. A Note on the Inception Score (Barratt and Sharma, 2018), https://arxiv.org/abs/1801.01973
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64


class InceptionScore(NamedTuple):
    """The mean over disjoint parts of the samples, and the deviation between the parts."""

    score: float
    spread: float
    n: int


def inception_score(logits: Tensor, *, parts: int = 10) -> InceptionScore:
    """From the classifier's logits [n, classes] in the order of the samples; `parts` as the papers take, 10.

    Raises:
        ValueError: fewer samples than parts, or values not finite.
    """
    if logits.ndim != 2 or not 1 <= parts <= len(logits):
        raise ValueError(f"the inception score needs logits [n, classes] with n >= parts = {parts}; received "
                         f"{tuple(logits.shape)}")
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("logits hold NaN or infinite values; look at the samples they were computed from")
    log_p = float64(logits).log_softmax(1)
    scores = torch.stack([_score(part) for part in log_p.tensor_split(parts)])
    return InceptionScore(float(scores.mean()), float(scores.std(correction=0)), len(logits))


def _score(log_p: Tensor) -> Tensor:
    log_mean = log_p.logsumexp(0) - torch.tensor(len(log_p), dtype=log_p.dtype).log()
    return (log_p.exp() * (log_p - log_mean)).sum(1).mean().exp()
