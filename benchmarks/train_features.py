"""Train the small feature net that ships with mintage, from scratch, in one run on one thread.

The net learns, from one picture: what it shows (10 garments, 10 digits, the emoji's category), the hue of its ink and
of its ground, and how far it was blurred or made noisy. Half of the garments and digits stay as they are; the others
are recoloured, turned, scaled and moved. The four tasks are what the features must react to when they judge a
generator: contents, colour, sharpness, noise.

Run: python benchmarks/train_features.py DATA OUT.safetensors   (DATA holds mnist/, fmnist/, captioned/)
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import math
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn

from mintage.evaluation.features.feature_net import DEEP, LAYERS, SHALLOW, SIDE, FeatureNet

HUES = 8  # bins around the colour circle; one more stands for grey
SHARE = {"fmnist": 0.55, "mnist": 0.35}  # the rest of a batch is emoji


def idx(path: Path) -> Tensor:
    """An IDX file of bytes (images or labels), gzipped, as a uint8 tensor."""
    with gzip.open(path) as file:
        data = file.read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy())


def emoji(path: Path) -> tuple[Tensor, Tensor]:
    """All emoji as uint8 RGBA [N, 4, 32, 32] and their category's index, categories in alphabetical order."""
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open("captions.csv"), "utf-8")))
        names = {Path(name).name: name for name in archive.namelist()}
        categories = sorted({row["category"] for row in rows})
        pictures = []
        for row in rows:
            with Image.open(archive.open(names[Path(row["file"]).name])) as picture:
                small = picture.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.BOX)
            pictures.append(torch.from_numpy(np.array(small)).permute(2, 0, 1))
    return torch.stack(pictures), torch.tensor([categories.index(row["category"]) for row in rows])


def rgb_of_hue(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """HSV in [0, 1] -> RGB [N, 3] in [0, 1]."""
    k = (torch.tensor([5.0, 3.0, 1.0]) + 6 * hue[:, None]) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def colours(n: int, light: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random RGB [n, 3], light or dark, with the hue's bin [n]; a quarter are greys (bin HUES)."""
    hue = torch.rand(n, generator=g)
    grey = torch.rand(n, generator=g) < 0.25
    saturation = torch.where(grey, 0.0, 0.5 + 0.5 * torch.rand(n, generator=g))
    value = torch.where(light, 0.7 + 0.3 * torch.rand(n, generator=g), 0.35 * torch.rand(n, generator=g))
    return rgb_of_hue(hue, saturation, value), torch.where(grey, HUES, (hue * HUES).long().clamp(max=HUES - 1))


def moved(x: Tensor, some: Tensor, g: torch.Generator) -> Tensor:
    """x [N, C, h, w] onto 32 x 32; the pictures marked in `some` are turned <= 14 degrees, scaled, moved <= 12 %."""
    n = len(x)

    def spread(a: float) -> Tensor:
        return (2 * torch.rand(n, generator=g) - 1) * a * some

    angle, size = spread(math.pi / 13), torch.exp(spread(0.22))
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    theta = torch.stack([cos, -sin, spread(0.24), sin, cos, spread(0.24)], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, [n, x.shape[1], SIDE, SIDE], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def spoiled(x: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """x [N, 3, 32, 32] in [0, 1]; a third blurred, a third made noisy -> x, blur's level 0..2, noise's level 0..2."""
    blur = torch.randint(0, 6, (len(x),), generator=g).sub(3).clamp(min=0)
    noise = torch.randint(0, 6, (len(x),), generator=g).sub(3).clamp(min=0)
    for level, sigma in ((1, 0.7), (2, 1.4)):
        t = torch.arange(-4, 5) / sigma
        kernel = torch.softmax(-t * t / 2, 0).expand(3, 1, 1, 9)
        rows = (blur == level).nonzero()[:, 0]
        wide = F.conv2d(F.pad(x[rows], (4, 4, 4, 4), mode="replicate"), kernel, groups=3)
        x[rows] = F.conv2d(wide, kernel.transpose(2, 3), groups=3)
    strength = torch.tensor([0.0, 0.06, 0.15])[noise.clamp(max=2)][:, None, None, None]
    x = x + strength * torch.randn(x.shape, generator=g)
    return x.clamp(0, 1), blur.clamp(max=2), noise.clamp(max=2)


class Stream:
    """Batches of the three sets: x [n, 3, 32, 32] in [-1, 1] and the targets of the five heads."""

    def __init__(self, data: Path, seed: int) -> None:
        self.g = torch.Generator().manual_seed(seed)
        self.sets = {
            k: (idx(data / k / "train-images-idx3-ubyte.gz"), idx(data / k / "train-labels-idx1-ubyte.gz"))
            for k in ("fmnist", "mnist")
        }
        self.emoji, self.category = emoji(data / "captioned" / "emojione_v2_64.zip")
        self.classes = 20 + int(self.category.max()) + 1

    def ink(self, name: str, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        images, labels = self.sets[name]
        rows = torch.randint(0, len(images), (n,), generator=self.g)
        changed = torch.rand(n, generator=self.g) < 0.5
        ink = moved(images[rows][:, None].float() / 255, changed, self.g)
        light = torch.rand(n, generator=self.g) < 0.6
        fore, fore_hue = colours(n, light, self.g)
        back, back_hue = colours(n, ~light, self.g)
        plain = (~changed)[:, None]
        fore, back = torch.where(plain, 1.0, fore), torch.where(plain, 0.0, back)
        x = back[:, :, None, None] + ink * (fore - back)[:, :, None, None]
        y = labels[rows].long() + (0 if name == "fmnist" else 10)
        return x, y, torch.where(changed, fore_hue, HUES), torch.where(changed, back_hue, HUES)

    def emojis(self, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows = torch.randint(0, len(self.emoji), (n,), generator=self.g)
        rgba = self.emoji[rows].float() / 255
        rgba = moved(rgba, torch.rand(n, generator=self.g) < 0.7, self.g)
        light = torch.rand(n, generator=self.g) < 0.7
        back, back_hue = colours(n, light, self.g)
        white = torch.rand(n, generator=self.g) < 0.5
        back = torch.where(white[:, None], 1.0, back)
        alpha = rgba[:, 3:]
        x = rgba[:, :3] * alpha + back[:, :, None, None] * (1 - alpha)
        return x, self.category[rows] + 20, torch.full((n,), -100), torch.where(white, HUES, back_hue)

    def batch(self, n: int) -> tuple[Tensor, list[Tensor]]:
        a, b = int(n * SHARE["fmnist"]), int(n * SHARE["mnist"])
        parts = zip(self.ink("fmnist", a), self.ink("mnist", b), self.emojis(n - a - b), strict=True)
        x, *targets = (torch.cat(part) for part in parts)
        x, blur, noise = spoiled(x, self.g)
        return (x * 255).round() / 127.5 - 1, [*targets, blur, noise]


class Learner(nn.Module):
    """The feature net with batch normalisation after each convolution, and five linear heads.

    Sharpness and noise are read from the early features only: read from all, they took over the deep ones, and a blur
    that the eye hardly sees cost more than three missing classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.net = FeatureNet()
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(o) for name, _, o, *_ in LAYERS})
        self.heads = nn.ModuleList(nn.Linear(DEEP, k) for k in (classes, HUES + 1, HUES + 1))
        self.heads.extend(nn.Linear(SHALLOW, 3) for _ in range(2))

    def features(self, x: Tensor) -> Tensor:
        h, fine = x, x
        for name, *_ in LAYERS:
            out = torch.relu(self.norms[name](self.net.convolutions[name](h)))
            h = out + h if name == "mid" else out
            fine = h if name == "fine" else fine
        return torch.cat([h.mean((2, 3)), fine.mean((2, 3))], 1).float()

    def forward(self, x: Tensor) -> list[Tensor]:
        f = self.features(x)
        return [head(f[:, :DEEP] if i < 3 else f[:, DEEP:]) for i, head in enumerate(self.heads)]

    @torch.no_grad()
    def folded(self, stream: Stream) -> FeatureNet:
        """The feature net alone: normalisations folded into the convolutions, features standardised."""
        net = FeatureNet()
        for name, *_ in LAYERS:
            old, norm, new = self.net.convolutions[name], self.norms[name], net.convolutions[name]
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            new.weight.copy_(old.weight * gain[:, None, None, None])
            new.bias.copy_((old.bias - norm.running_mean) * gain + norm.bias)
        f = torch.cat([net(stream.batch(512)[0]) for _ in range(16)]).double()
        net.shift.copy_(f.mean(0))
        net.scale.copy_(1 / f.std(0).clamp(min=1e-3))
        return net


def train(data: Path, steps: int, size: int, seed: int) -> tuple[Learner, FeatureNet]:
    torch.manual_seed(seed)
    stream = Stream(data, seed)
    learner = Learner(stream.classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=4e-3, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.15)
    start = time.process_time()
    for step in range(steps):
        x, targets = stream.batch(size)
        with torch.autocast("cpu", torch.bfloat16):
            logits = learner(x.contiguous(memory_format=torch.channels_last))
        losses = [F.cross_entropy(a.float(), t) for a, t in zip(logits, targets, strict=True)]
        loss = losses[0] + 0.3 * (losses[1] + losses[2]) + 0.1 * (losses[3] + losses[4])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
        if step % 100 == 99:
            parts = " ".join(f"{a.item():.3f}" for a in losses)
            print(f"step {step + 1}/{steps}  losses {parts}  {time.process_time() - start:.0f} s", flush=True)
    learner.eval()
    return learner, learner.folded(stream)


def report(learner: Learner, net: FeatureNet, data: Path) -> None:
    """Accuracy of the net's own class head on Fashion-MNIST's and MNIST's test images."""
    for name, offset in (("fmnist", 0), ("mnist", 10)):
        x = idx(data / name / "t10k-images-idx3-ubyte.gz")[:, None].float() / 127.5 - 1
        y = idx(data / name / "t10k-labels-idx1-ubyte.gz").long()
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True).expand(-1, 3, -1, -1)
        with torch.inference_mode():
            f = torch.cat([net(part) for part in x.split(500)]) / net.scale + net.shift
            guess = learner.heads[0](f[:, :DEEP]).argmax(1) - offset
        print(f"{name} t10k accuracy of the net's own head: {(guess == y).double().mean():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=3400)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(1)
    learner, net = train(a.data, a.steps, a.batch, a.seed)
    data = save({name: weight.half().contiguous() for name, weight in net.state_dict().items()})
    a.out.write_bytes(data)
    print(f"{a.out.name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    rounded = {name: weight.half().float() for name, weight in net.state_dict().items()}
    net.load_state_dict(rounded)
    report(learner, net, a.data)


if __name__ == "__main__":
    main()
