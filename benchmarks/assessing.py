"""Assess samples by an independent classifier: how sure it is of them, which classes they are, and how far they lie.

The classifier is trained here, from the real training split, and never meets a generator: it is a second opinion beside
the features that ship with the package. A classifier is a net that returns (features [n, d], logits [n, classes]).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mintage.evaluation.measures.frechet import Moments, frechet_distance

CONFIDENT = 0.8


class Split:
    """Real images, uint8 [N, H, W], and their labels [N]."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels.long()


def read(net: nn.Module, images: Tensor, to_input: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Features [n, d] and class probabilities [n, classes] of uint8 images [n, H, W]."""
    net.eval()
    with torch.inference_mode():
        outputs = [net(to_input(part)) for part in images.split(500)]
    return torch.cat([f for f, _ in outputs]), torch.cat([logits.softmax(1) for _, logits in outputs])


def accuracy(net: nn.Module, split: Split, to_input: Callable[[Tensor], Tensor]) -> float:
    """Share of right answers."""
    return float((read(net, split.images, to_input)[1].argmax(1) == split.labels).double().mean())


def fit(
    net: nn.Module,
    split: Split,
    augmented: Callable[[Tensor, torch.Generator], Tensor],
    *,
    epochs: int,
    size: int,
    rate: float,
    seed: int,
) -> None:
    """Train by cross-entropy with AdamW and one cycle of the learning rate; bf16 where it is a matter of speed only."""
    g = torch.Generator().manual_seed(seed)
    steps = len(split.labels) // size
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps, pct_start=0.2)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(split.labels), generator=g)[: steps * size].split(size):
            with torch.autocast("cpu", torch.bfloat16):
                _, logits = net(augmented(split.images[rows], g))
            loss = F.cross_entropy(logits.float(), split.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()


def assess(
    samples: np.ndarray, net: nn.Module, train: Split, test: Split, to_input: Callable[[Tensor], Tensor]
) -> dict[str, Any]:
    """Figures of samples uint8 [n, H, W], each beside the figure of real images.

    fd is the Fréchet distance to the test images in the classifier's features; fd_floor the same from as many training
    images (at most all there are). Both fall with n: compare equal n. The classifier has learnt the training images, so
    the floor is a little higher than that of fresh real ones.
    """
    shape = tuple(test.images.shape[1:])
    if samples.dtype != np.uint8 or samples.ndim != 3 or samples.shape[1:] != shape:
        raise ValueError(f"samples are {samples.dtype} {samples.shape}; give uint8 [n, {shape[0]}, {shape[1]}].")
    n = len(samples)
    f, p = read(net, torch.from_numpy(samples), to_input)
    f_test, p_test = read(net, test.images, to_input)
    chosen = torch.randperm(len(train.images), generator=torch.Generator().manual_seed(0))[:n]
    f_train, _ = read(net, train.images[chosen], to_input)
    reference = Moments.of(f_test)
    shares = torch.bincount(p.argmax(1), minlength=p.shape[1]).double() / n
    return {
        "n": n,
        "fd": frechet_distance(reference, f),
        "fd_floor": frechet_distance(reference, f_train),
        "fd_floor_n": len(chosen),
        "confident": float((p.amax(1) >= CONFIDENT).double().mean()),
        "confident_real": float((p_test.amax(1) >= CONFIDENT).double().mean()),
        "class_shares": [round(float(s), 4) for s in shares],
        "class_share_min": float(shares.min()),
        "class_share_max": float(shares.max()),
    }


def weights_at(path: Path, net: nn.Module, script: str) -> nn.Module:
    """The net with the weights stored at `path`; FileNotFoundError with the command that makes them."""
    if not path.exists():
        raise FileNotFoundError(f"no classifier at {path}; train it: python benchmarks/{script} train --weights {path}")
    net.load_state_dict(load_file(path))
    return net.eval()


def save_weights(net: nn.Module, path: Path) -> None:
    """Write the net's weights as safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in net.state_dict().items()}, path)


def command_line(
    doc: str | None, name: str, train: Callable[[Path], dict[str, Any]], assess: Callable[..., dict[str, Any]]
) -> None:
    """`train` and `assess SAMPLES.npy [MORE.npy ...]`, one JSON line each."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("train", "assess"):
        sub = verbs.add_parser(verb)
        sub.add_argument("--weights", type=Path, default=Path.home() / ".cache" / "mintage" / f"{name}.safetensors")
        if verb == "assess":
            sub.add_argument("samples", type=Path, nargs="+", help="uint8 .npy files [n, H, W] or [n, 1, H, W]")
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.verb == "train":
        print(json.dumps(train(a.weights)))
        return
    for path in a.samples:
        samples = np.load(path, allow_pickle=False)
        if samples.ndim == 4 and samples.shape[1] == 1:
            samples = samples[:, 0]
        print(json.dumps({"file": str(path)} | assess(samples, a.weights)))
