"""Train the digit net that ships with mintage, from scratch, in one run on one thread, in about five minutes.

55,000 of MNIST's training images are learnt, turned, scaled, sheared and moved a little, with mild noise. The other
5,000 choose between the averaged weights after each epoch, by cross-entropy. The test images are met once, at the end,
by the weights that are written, rounded to half floats as they ship.

Run: python benchmarks/train_digit_net.py DATA OUT.safetensors   (DATA holds mnist/)
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn
from train_features import idx

from mintage.evaluation.features.digit_net import LAYERS, SIDE, DigitNet

HELD_OUT = 5_000


def digits(data: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images [N, 1, 28, 28] in [0, 1] and labels [N] of a part, "train" or "t10k"."""
    images = idx(data / "mnist" / f"{part}-images-idx3-ubyte.gz")
    return images[:, None].float() / 255, idx(data / "mnist" / f"{part}-labels-idx1-ubyte.gz").long()


def varied(x: Tensor, g: torch.Generator) -> Tensor:
    """x [N, 1, 28, 28] in [0, 1], turned <= 13 degrees, scaled <= 12 %, sheared, moved <= 2 pixels -> in [-1, 1]."""
    n = len(x)

    def spread(a: float) -> Tensor:
        return (2 * torch.rand(n, generator=g) - 1) * a

    angle, size, shear = spread(math.pi / 14), torch.exp(spread(0.12)), spread(0.15)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    theta = torch.stack([cos, -sin + shear, spread(4 / SIDE), sin, cos, spread(4 / SIDE)], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, [n, 1, SIDE, SIDE], align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    x = x + 0.06 * torch.rand(n, 1, 1, 1, generator=g) * torch.randn(x.shape, generator=g)
    return (x.clamp(0, 1) * 255).round() / 127.5 - 1


class Learner(nn.Module):
    """The digit net with batch normalisation after each convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DigitNet()
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(o) for name, _, o, *_ in LAYERS})

    def forward(self, x: Tensor) -> Tensor:
        for name, *_ in LAYERS:
            x = torch.relu(self.norms[name](self.net.convolutions[name](x)))
        return self.net.head(torch.relu(self.net.features(x.flatten(1))))

    @torch.no_grad()
    def folded(self) -> DigitNet:
        """The digit net alone, normalisations folded into its convolutions, rounded to half floats."""
        net = copy.deepcopy(self.net).float()
        for name, *_ in LAYERS:
            norm, convolution = self.norms[name], net.convolutions[name]
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            convolution.weight.mul_(gain[:, None, None, None])
            convolution.bias.copy_((convolution.bias - norm.running_mean) * gain + norm.bias)
        return net.half().float().eval()


@torch.no_grad()
def score(net: DigitNet, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Cross-entropy in nats and share of right answers on images in [0, 1]."""
    logits = torch.cat([net(2 * part - 1)[1] for part in x.split(500)])
    return float(F.cross_entropy(logits, y)), float((logits.argmax(1) == y).double().mean())


@torch.no_grad()
def averaged(average: Learner, learner: Learner, step: int, half_life: float) -> None:
    keep = min(0.5 ** (1 / half_life), step / (step + 10))
    for a, b in zip(average.state_dict().values(), learner.state_dict().values(), strict=True):
        a.copy_(torch.lerp(b, a, keep) if a.is_floating_point() else b)


def train(x: Tensor, y: Tensor, held: tuple[Tensor, Tensor], a: argparse.Namespace) -> DigitNet:
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed)
    learner = Learner().to(memory_format=torch.channels_last)
    average = copy.deepcopy(learner)
    steps, start = len(x) // a.batch, time.perf_counter()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=a.rate, weight_decay=0.03)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, a.rate, total_steps=a.epochs * steps, pct_start=0.2)
    best, chosen = math.inf, average.folded()
    for epoch in range(a.epochs):
        for k, rows in enumerate(torch.randperm(len(x), generator=g)[: steps * a.batch].split(a.batch)):
            with torch.autocast("cpu", torch.bfloat16, enabled=a.bfloat16):
                logits = learner(varied(x[rows], g).contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
            averaged(average, learner, epoch * steps + k, steps / 2)
        found = average.folded()
        nats, right = score(found, *held)
        if nats < best:
            best, chosen = nats, found
        print(f"epoch {epoch + 1}: held out {nats:.4f} nats, {right:.4f}  {time.perf_counter() - start:.0f} s",
              flush=True)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=True)
    a = parser.parse_args()
    torch.set_num_threads(1)
    x, y = digits(a.data, "train")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    held, learnt = order[:HELD_OUT], order[HELD_OUT:]
    start = time.perf_counter()
    net = train(x[learnt], y[learnt], (x[held], y[held]), a)
    seconds = time.perf_counter() - start
    data = save({name: weight.half().contiguous() for name, weight in net.state_dict().items()})
    a.out.write_bytes(data)
    nats, right = score(net, *digits(a.data, "t10k"))
    print(json.dumps({"file": a.out.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
                      "seconds": round(seconds), "t10k_accuracy": right, "t10k_nats": round(nats, 4)}))


if __name__ == "__main__":
    main()
