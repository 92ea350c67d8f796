"""A critic as a representation: what its last layer reads, for any examples.

f(x) [N, d], flattened, of a network in evaluation mode: examples do not see one another.

Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford et al., 2016),
section 5, https://arxiv.org/abs/1511.06434, which pools the maps of all layers; here it is the layer before the last
alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mintage.networks.inside import feature_layer, with_features


@torch.no_grad()
def critic_features(D: nn.Module, x: Tensor, y: Tensor | None = None, *, at_once: int = 256) -> Tensor:
    """f(x) [N, d], float32, on the device of x.

    The network's own `features(x, y)`, where it has such a method, else the result of its last wide layer.

    Args:
        D: logits = D(x) or D(x, y); it is left as it was.
        y: labels [N], for a critic of classes.

    Raises:
        ValueError: no layer gives more than one number an example, or labels are missing.
    """
    training = [module for module in D.modules() if module.training]
    D.eval()
    try:
        layer = "" if hasattr(D, "features") else feature_layer(D, x[:2].repeat(2, *[1] * (x.ndim - 1))[:2],
                                                               None if y is None else y[:2].repeat(2)[:2])
        parts = []
        for first in range(0, len(x), at_once):
            batch, labels = x[first:first + at_once], None if y is None else y[first:first + at_once]
            if layer:
                found = with_features(D, layer, batch, labels)[1]
            else:
                found = D.features(batch) if labels is None else D.features(batch, labels)  # type: ignore[operator]
            parts.append(found.flatten(1).float())
        return torch.cat(parts)
    finally:
        for module in training:
            module.training = True
