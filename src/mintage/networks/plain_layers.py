"""The plain linear layers and convolutions of a network, for what is put on each of their weights."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrize

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)
Layer = (nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)


def plain_layers(net: nn.Module, purpose: str) -> list[Layer]:
    """All linear layers and convolutions of `net`, their weights free.

    Args:
        purpose: what they are wanted for, as the beginning of a refusal: "spectral norm".

    Raises:
        ValueError: there is no such layer, or one has a weight that is parametrised already.
    """
    layers = {name: module for name, module in net.named_modules() if isinstance(module, LAYERS)}
    if not layers:
        raise ValueError(f"{purpose} found no linear layer or convolution in {type(net).__name__}; networks of "
                         "UnitConv2d and of StyleGAN hold the size of their weights already")
    for name, layer in layers.items():
        if parametrize.is_parametrized(layer, "weight"):
            raise ValueError(f"the weight of {name or type(net).__name__} is parametrised already; apply {purpose} "
                             "to plain layers, once, and not together with another such remedy")
    return list(layers.values())
