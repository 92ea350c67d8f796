"""An extractor: examples x -> features f [n, dim] in which distances mean something. Every score names its extractor.

A score without its extractor, its version and n is not a figure, so an Extractor carries a name, a version and the
sha256 of its weights, and verdicts copy them. Images are float [N, C, H, W] in [-1, 1]; they are rounded to the 256
levels of a file before anything else, because what is shipped is a file and not a float.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mintage.evaluation.features.feature_net import DEEP, DIGEST, SHALLOW, SIDE, VERSION, shipped_net

if TYPE_CHECKING:
    from mintage.data.spec import DataSpec


class Seen(NamedTuple):
    """Features f [n, dim], and the logits [n, classes] of an extractor that also classifies."""

    features: Tensor
    logits: Tensor | None = None


@dataclass(frozen=True)
class Extractor:
    """A frozen map to features. Call it with any number of examples, on any device -> f [n, dim] float32 there.

    An extractor with `classes` also classifies: its `embed` returns Seen(features, logits), and `see` hands both on.
    """

    name: str
    version: str
    digest: str  # sha256 of the weights; of the definition, where there are no weights
    dim: int
    embed: Callable[[Tensor], Tensor | Seen]
    batch: int = 256
    classes: int = 0
    preparation: str = ""  # what is done to an example before the net sees it; stands on every metric card

    def __call__(self, x: Tensor) -> Tensor:
        """f [n, dim], computed `batch` examples at a time, without gradients, autocast or a mark on x.

        Raises ValueError when the map returns another shape than [n, dim].
        """
        return self.see(x).features

    def see(self, x: Tensor) -> Seen:
        """The same, with logits [n, classes] float32 where the extractor classifies.

        Raises ValueError when the map returns other shapes than it states.
        """
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            parts = [self._part(part) for part in x.split(self.batch)]
        if not len(x):
            parts = [Seen(x.new_empty((0, self.dim)), x.new_empty((0, self.classes)))]
        logits = [part.logits for part in parts if part.logits is not None]
        return Seen(torch.cat([part.features for part in parts]), torch.cat(logits) if self.classes else None)

    def _part(self, x: Tensor) -> Seen:
        found = self.embed(x)
        f, logits = found if isinstance(found, Seen) else Seen(found)
        if f.shape != (len(x), self.dim):
            raise ValueError(
                f"extractor {self.name!r} returned features of shape {tuple(f.shape)} for {len(x)} examples, expected "
                f"{(len(x), self.dim)}. Give the dim it really has, and pool or flatten maps to vectors."
            )
        if self.classes and (logits is None or logits.shape != (len(x), self.classes)):
            raise ValueError(
                f"extractor {self.name!r} states {self.classes} classes and returned logits of shape "
                f"{None if logits is None else tuple(logits.shape)} for {len(x)} examples."
            )
        return Seen(f.float(), logits.float() if self.classes and logits is not None else None)


def quantised(x: Tensor) -> Tensor:
    """x in [-1, 1] through uint8 and back: what is left after saving an image and opening it again."""
    return ((x.float() + 1) * 127.5).clamp(0, 255).round() / 127.5 - 1


def as_rgb(x: Tensor) -> Tensor:
    """x [N, C, H, W], C in 1..4 -> [N, 3, H, W].

    1 channel is grey, repeated. 2 channels (a, b) become (a, (a + b) / 2, b): grey where they agree, and nothing is
    lost. 3 are RGB. 4 are RGBA, laid on white.
    """
    channels = x.shape[1] if x.ndim == 4 else 0
    if channels == 1:
        return x.expand(-1, 3, -1, -1)
    if channels == 2:
        return torch.stack([x[:, 0], x.mean(1), x[:, 1]], dim=1)
    if channels == 3:
        return x
    if channels == 4:
        alpha = (x[:, 3:] + 1) / 2
        return x[:, :3] * alpha + (1 - alpha)
    raise ValueError(
        f"images for this extractor must be [N, C, H, W] with C from 1 to 4, received {tuple(x.shape)}. "
        "For more channels, give your own network through module_features(module, name, dim)."
    )


def seen_by_feature_net(x: Tensor) -> Tensor:
    """x [N, C, H, W] in [-1, 1], any size -> [N, 3, 32, 32]: rounded, as RGB, resized with antialiasing.

    The resize follows On Aliased Resizing and Surprising Subtleties in GAN Evaluation (Parmar et al., 2022,
    https://arxiv.org/abs/2104.11222). A picture that is not square is stretched.
    """
    x = as_rgb(quantised(x))
    if x.shape[-2:] == (SIDE, SIDE):
        return x
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def small_image_features() -> Extractor:
    """The packaged feature net: 128 features of a picture seen at 32 x 32 (see `feature_net`)."""
    nets: dict[torch.device, nn.Module] = {}

    def embed(x: Tensor) -> Tensor:
        if x.device not in nets:
            nets[x.device] = shipped_net().to(x.device)
        return nets[x.device](seen_by_feature_net(x).contiguous(memory_format=torch.channels_last))

    return Extractor("mintage-small", VERSION, DIGEST, DEEP + SHALLOW, embed,
                     preparation="rounded to 256 levels, as RGB, resized to 32x32 with antialiasing")


def standardised(spec: DataSpec) -> Extractor:
    """Points themselves, in the standardised units that examples have inside mintage: f = x [n, d].

    Raises ValueError for images, and later for points of another dimension than the data's.
    """
    if spec.kind != "points" or len(spec.shape) != 1:
        raise ValueError(
            f"standardised features are for points of shape (d,), received kind {spec.kind!r} with shape "
            f"{tuple(spec.shape)}. For images use small_image_features() or module_features(module, name, dim)."
        )
    d = spec.shape[0]
    text = f"standardised points {d} {list(spec.centre)} {list(spec.scale)}"
    return Extractor("points", "1", hashlib.sha256(text.encode()).hexdigest(), d, lambda x: x.flatten(1), 65536,
                     preparation="centred and scaled in each dimension")


def module_features(
    module: nn.Module, name: str, dim: int, *, classes: int = 0, version: str = "1", quantise: bool = True,
    batch: int = 256, preparation: str = ""
) -> Extractor:
    """Your own network as an extractor: f = module(x), [n, dim], from a frozen copy in eval mode.

    With `classes`, the module returns the pair (features [n, dim], logits [n, classes]).

    The module receives images as mintage holds them, [n, C, H, W] in [-1, 1], rounded to 256 levels first
    (`quantise`); resizing and its own normalisation are its business. The copy follows the examples' device.
    """
    module = copy.deepcopy(module).eval().requires_grad_(False)

    def embed(x: Tensor) -> Tensor | Seen:
        found = module.to(x.device)(quantised(x) if quantise else x)
        return Seen(*found) if classes else found

    said = preparation or ("rounded to 256 levels; the rest is the module's" if quantise else "left to the module")
    return Extractor(name, version, digest_of(module), dim, embed, batch, classes, said)


def digest_of(module: nn.Module) -> str:
    """SHA-256, in hex, over the names, types, shapes and bytes of a module's weights."""
    digest = hashlib.sha256()
    for key, weight in sorted(module.state_dict().items()):
        digest.update(f"{key} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def extractor_for(spec: DataSpec) -> Extractor:
    """The usual extractor for a kind of data: the packaged net for images, the points themselves for points."""
    if spec.kind == "image":
        if len(spec.shape) != 3 or not 1 <= spec.shape[0] <= 4:
            raise ValueError(
                f"no packaged features for images of shape {tuple(spec.shape)}; allowed are (C, H, W) with C from 1 "
                "to 4. Give your own network through module_features(module, name, dim)."
            )
        return small_image_features()
    return standardised(spec)
