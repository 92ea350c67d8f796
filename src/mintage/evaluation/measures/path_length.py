"""The perceptual path length: how fast features of the picture change along a path between two latents.

    PPL = E |f(G(z(t + e))) - f(G(z(t)))|^2 / e^2,   z(t) from z_0 to z_1,  t uniform on [0, 1] (or 0: the ends)

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019), section 4.1,
https://arxiv.org/abs/1812.04948; Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020),
https://arxiv.org/abs/1912.04958, finds that shorter paths go with better pictures.

The distance is that of the extractor which is named beside it, so figures compare within one extractor only: the
papers' are those of a VGG16 with learned weights (LPIPS), and no other is near them. Steps this small vanish when
pictures are rounded to 256 levels, so the extractor must not round: `unrounded_image_features()`, or your own by
`module_features(..., quantise=False)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mintage.evaluation.features.extractors import Extractor, as_rgb, quantised
from mintage.evaluation.features.feature_net import DEEP, DIGEST, SHALLOW, SIDE, VERSION, shipped_net
from mintage.evaluation.measures.frechet import float64
from mintage.latent import slerp

TRIM = 0.01  # of the paths, at each end of the order, that the mean leaves out


class PathLength(NamedTuple):
    """The trimmed mean over n paths, its standard error, how many were kept, the untrimmed mean, and the extractor."""

    length: float
    error: float
    n: int
    kept: int
    untrimmed: float
    extractor: str


def path_length(
    generate: Callable[[Tensor], Tensor], draw: Callable[[int, torch.Generator], Tensor], extractor: Extractor, *,
    n: int = 10_000, step: float = 1e-4, ends: bool = False,
    between: Callable[[Tensor, Tensor, Tensor], Tensor] = slerp, batch: int = 64, device: torch.device | str = "cpu",
    seed: int = 0,
) -> PathLength:
    """Of generate(z) -> images, for z from draw(count, generator), over n paths.

    `generate` must be a function of z alone: the two ends of a step share labels and noise, so fix them. For the path
    length in w give the synthesis network, a draw that maps z to w, and `between=latent.linear`. `ends` keeps t at 0.
    The lowest and highest 1 % of the paths are left out, as in the published code.

    Raises:
        ValueError: n below 100, a step outside (0, 0.1], an extractor that rounds, or features not finite.
    """
    if n < 100 or not 0 < step <= 0.1:
        raise ValueError(f"a path length needs n >= 100 paths and a step in (0, 0.1]; received n = {n} and step {step}")
    g = torch.Generator().manual_seed(seed)
    squares: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, n, batch):
            count = min(batch, n - start)
            a, b = draw(count, g), draw(count, g)
            t = torch.zeros(count) if ends else torch.rand(count, generator=g)
            images = generate(_step(a, b, t, step, between).to(device))
            if not squares:
                _refuse_rounding(extractor, images, g)
            f = float64(extractor(images))
            squares.append((f[count:] - f[:count]).square().sum(1).cpu())
    return _trimmed(torch.cat(squares) / step**2, extractor.name)


def _step(
    a: Tensor, b: Tensor, t: Tensor, step: float, between: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Tensor:
    """Latents at t and then at t + step [2 n, ...]; in float64 until here, since the step is small."""
    wide, t = (a.double(), b.double()), t.double().reshape(-1, *[1] * (a.ndim - 2)).expand(a.shape[:-1])
    return torch.cat([between(*wide, t), between(*wide, t + step)]).to(a.dtype)


def _trimmed(lengths: Tensor, name: str) -> PathLength:
    if not bool(torch.isfinite(lengths).all()):
        raise ValueError("features along the path hold NaN or infinite values; look at what the generator returns")
    low, high = (float(lengths.quantile(q, interpolation=kind)) for q, kind in
                 ((TRIM, "lower"), (1 - TRIM, "higher")))
    kept = lengths[(lengths >= low) & (lengths <= high)]
    error = float(kept.std() / len(kept) ** 0.5)
    return PathLength(float(kept.mean()), error, len(lengths), len(kept), float(lengths.mean()), name)


def _refuse_rounding(extractor: Extractor, images: Tensor, g: torch.Generator) -> None:
    """A change below half a level that no feature of any picture notices: the extractor rounds."""
    if images.ndim != 4:
        return
    x = quantised(images)
    moved = x + 0.003 * torch.rand(x.shape, generator=g).to(x.device)
    if torch.equal(extractor(x), extractor(moved)):
        raise ValueError(f"extractor {extractor.name!r} rounds pictures to 256 levels, where the small steps of a path "
                         "vanish; use unrounded_image_features(), or module_features(..., quantise=False)")


def unrounded_image_features() -> Extractor:
    """The packaged feature net without the rounding, for differences smaller than a level."""
    nets: dict[torch.device, nn.Module] = {}

    def embed(x: Tensor) -> Tensor:
        if x.device not in nets:
            nets[x.device] = shipped_net().to(x.device)
        x = F.interpolate(as_rgb(x.float()), (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        return nets[x.device](x)

    return Extractor("mintage-small-unrounded", VERSION, DIGEST, DEEP + SHALLOW, embed,
                     preparation="as RGB, resized to 32x32 with antialiasing; not rounded")
