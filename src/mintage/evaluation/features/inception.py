"""Inception as an extractor: the features behind published FID and KID, by the user's own weight file.

Nothing ships with mintage: the network is `inception_net`, the file is read and its digest checked in
`inception_weights`. Two ways to bring a picture to 299 x 299 are in use and their scores must not be mixed, so the way
stands in the extractor's name: "tensorflow" (the asymmetric, aliasing resize of the first papers; torch-fidelity,
NVIDIA) and "clean" (Pillow's bicubic in float: On Aliased Resizing and Surprising Subtleties in GAN Evaluation, Parmar
et al., 2022, https://arxiv.org/abs/2104.11222).
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor, Seen, as_rgb, quantised
from mintage.evaluation.features.inception_net import CLASSES, DIM, SIDE, Inception
from mintage.evaluation.features.inception_weights import read_inception
from mintage.evaluation.features.resizing import antialiased, tensorflow_bilinear

RESIZES = {"tensorflow": "resized to 299x299 (bilinear as TensorFlow 1: asymmetric, not antialiased)",
           "clean": "resized to 299x299 (bicubic, antialiased, not rounded: clean-fid's)"}


def inception(weights: dict[str, Tensor]) -> Inception:
    """The network with these weights, frozen, in eval mode.

    Raises ValueError when a tensor is missing, too many, or of another shape.
    """
    weights = {name: weight for name, weight in weights.items() if not name.endswith("num_batches_tracked")}
    with torch.device("meta"):  # no memory and no random draws for weights that are replaced at once
        net = Inception()
    try:
        net.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ValueError(
            f"these are not the weights of the Inception of 2015-12-05 (2048 features, 1008 logits): "
            f"{' '.join(str(error).split())[:400]}. torchvision's Inception has 1000 classes and other weights."
        ) from error
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.6 times as fast on a CPU
    return net.eval().requires_grad_(False)


def seen_by_inception(x: Tensor, resize: str = "tensorflow") -> Tensor:
    """x [N, C, H, W] in [-1, 1], C from 1 to 4 -> [N, 3, 299, 299]: rounded, as RGB, resized, (rgb - 128) / 128."""
    rgb = ((as_rgb(quantised(x)) + 1) * 127.5).round()
    resized = tensorflow_bilinear(rgb, SIDE) if resize == "tensorflow" else antialiased(rgb, SIDE, "bicubic")
    return (resized - 128) / 128


def inception_features(path: str | Path, *, resize: str = "tensorflow", trust: str = "") -> Extractor:
    """2048 features and 1008 logits of the Inception of published scores, from the weight file at `path`.

    `path` is torch-fidelity's or pytorch-fid's .pth, NVIDIA's TorchScript .pt, or a .safetensors with the names of the
    .pth; `trust` is described at `read_inception`. The digest is the file's sha256. Features are compared only with
    features of the same file kind, the same `resize` and the same number of pictures.

    Raises:
        ValueError: another `resize`; no such file; a file that is not known and not trusted, or holds other weights.
    """
    if resize not in RESIZES:
        raise ValueError(f"Inception sees pictures resized by one of {', '.join(RESIZES)}, received {resize!r}. Use "
                         "'tensorflow' to compare with most papers, 'clean' to compare with clean-fid.")
    digest, weights = read_inception(path, trust=trust)
    nets = {torch.device("cpu"): inception(weights)}
    del weights

    def embed(x: Tensor) -> Seen:
        if x.device not in nets:
            nets[x.device] = copy.deepcopy(nets[torch.device("cpu")]).to(x.device)
        return nets[x.device](seen_by_inception(x, resize).contiguous(memory_format=torch.channels_last))

    return Extractor(f"inception-v3-{resize}", "2015-12-05", digest, DIM, embed, 16, CLASSES,
                     f"rounded to 256 levels, as RGB, {RESIZES[resize]}, (rgb - 128) / 128; logits without bias")
