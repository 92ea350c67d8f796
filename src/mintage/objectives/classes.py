"""Class terms: a critic that also says which of K classes an example is of.

l(x) are its class logits [N, K]; y the labels [N] as integers; s(t) = log(1 + e^t).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mintage.objectives.adversarial import logistic_critic


def auxiliary_class(logits: Tensor, y: Tensor) -> Tensor:
    """-E log softmax(l(x))_y: log K where D knows nothing of the classes, 0 where it is sure and right.

    D lowers it on real examples and on fakes, G on fakes, each beside its adversarial side; for fakes y is the class
    that was asked for.

    Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), eq. 3,
    https://arxiv.org/abs/1610.09585

    Args:
        logits: [N, K].
        y: [N], integers from 0 to K - 1.

    Raises:
        ValueError: shapes that do not fit, or labels that are not integers.
    """
    integers = not (y.is_floating_point() or y.is_complex() or y.dtype == torch.bool)
    if logits.ndim != 2 or y.shape != logits.shape[:1] or not integers:
        raise ValueError(f"a class term needs logits [N, K] and classes [N] as integers; received "
                         f"{tuple(logits.shape)} and {tuple(y.shape)} of {y.dtype}; of one-hot classes give argmax(1)")
    return cross_entropy(logits, y.long())


def realness(class_logits: Tensor) -> Tensor:
    """log sum_k exp l_k(x): the logit of "real" of K class logits, where "fake" is a class K + 1 whose logit is 0.

    Then D(x) = Z / (Z + 1) with Z = sum_k exp l_k(x). K + 1 free logits would be no richer: softmax does not see a
    constant. [N, K] -> [N], to be given to any adversarial objective.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 5, https://arxiv.org/abs/1606.03498
    """
    return class_logits.logsumexp(dim=1)


def semi_supervised(labelled: Tensor, y: Tensor, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """-E log softmax(l(x))_y on labelled examples, and E s(-lse l(x)) + E s(lse l(G(z))) elsewhere; lse is `realness`.

    What D lowers with a few labels: it tells K classes apart where it has them, and real from fake everywhere: the two
    halves of a softmax over K + 1 classes. Equilibrium of the second: log 4, at lse = 0. G best matches features.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 5, https://arxiv.org/abs/1606.03498

    Args:
        labelled: class logits [M, K] on labelled real examples.
        y: their labels [M].
        real: class logits [N, K] on real examples without labels.
        fake: class logits [N, K] on fakes.

    Returns:
        Two terms, named "supervised" and "unsupervised", to be weighted in the move.

    Raises:
        ValueError: shapes that do not fit, or labels that are not integers.
    """
    if not labelled.shape[1:] == real.shape[1:] == fake.shape[1:]:
        raise ValueError(f"the semi-supervised objective received {tuple(labelled.shape)}, {tuple(real.shape)} and "
                         f"{tuple(fake.shape)}; give class logits [N, K] of the same K on all three")
    return {"supervised": auxiliary_class(labelled, y),
            "unsupervised": logistic_critic(realness(real), realness(fake))}
