"""Truncated samples: styles nearer to the mean style, for generators that have styles.

    w <- mean + psi (w - mean),   psi from 0 (one picture) to 1 (all of them)

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019), appendix B.
https://arxiv.org/abs/1812.04948
"""

from __future__ import annotations

from mintage.networks import StyleMapping
from mintage.runs.errors import RunError
from mintage.runs.product import Generator


def truncate(generator: Generator, psi: float) -> Generator:
    """The generator itself, whose samples are truncated by psi from now on.

    Raises:
        RunError: a psi outside [0, 1], or a generator without styles.
    """
    if not 0 <= psi <= 1:
        raise RunError(f"the truncation is {psi}; it lies between 0, one picture only, and 1, all that was learned")
    mappings = [module for net in vars(generator.game.current.mean_nets).values() for module in net.modules()
                if isinstance(module, StyleMapping) and module.z_dim]
    if not mappings:
        raise RunError("this generator has no styles, which --truncation draws nearer to their mean; those of "
                       "--system stylegan have")
    for mapping in mappings:
        mapping.psi = psi
    return generator
