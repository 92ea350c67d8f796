"""Networks that the classic systems share: DCGAN's pair for images, multilayer perceptrons for points.

The classic papers differ in what is lowered, not in who plays; one pair for all of them lets a table compare that.
"""

from __future__ import annotations

from torch import nn

from mintage.data import DataSpec
from mintage.networks import DCGANDiscriminator, DCGANGenerator, DCGANSize, MLPDiscriminator, MLPGenerator, Packed


def pair(spec: DataSpec, *, size: DCGANSize = "S", z_dim: int = 100, classes: int = 0, batch_norm: bool = False,
         outputs: int = 0, pack: int = 1, normed_points: bool = False) -> dict[str, nn.Module]:
    """{"G": x = G(z, y), "D": logits = D(x, y)} for the shape of the data.

    Args:
        size: width of DCGAN's networks; points get three hidden layers of 128 units whatever it is.
        classes: kinds of labels that both see; 0 for none.
        batch_norm: of the critic of images. Without it each logit depends on one example only, which penalties ask for.
        outputs: numbers that the critic returns for each example; 0 for one logit.
        pack: examples that the critic looks at together (mintage.networks.packing).
        normed_points: batch norm in the generator of points; that of images always has it.
    """
    if spec.kind == "image":
        channels, height, width = spec.shape
        G: nn.Module = DCGANGenerator((channels, height, width), size=size, z_dim=z_dim, classes=classes)
        D: nn.Module = DCGANDiscriminator((pack * channels, height, width), size=size, classes=classes,
                                          batch_norm=batch_norm, outputs=outputs)
    else:
        G = MLPGenerator(spec.shape, z_dim=z_dim, classes=classes, batch_norm=normed_points)
        D = MLPDiscriminator((pack * spec.shape[0],), classes=classes, outputs=outputs)
    return {"G": G, "D": Packed(D, pack) if pack > 1 else D}
