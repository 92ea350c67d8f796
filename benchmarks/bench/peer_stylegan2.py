"""StyleGAN2 at 64 x 64, batch 8, 128 channels: the reference operators written longhand, and mintage's networks with
the same weights.

    cd benchmarks && python -m bench.peer_stylegan2 [--threads 1] [--seconds 10] [--repeats 5] [--levers]
        [--out FILE.json]

The reference comes in two forms, because its two well-known versions differ:

*per-sample weights* (the textbook form, rosinality's stylegan2-pytorch): every modulated convolution has weights for
each example and as many groups; filters put zeros in and convolve each map as a batch of its own.

*shared weights* (what NVlabs' stylegan2-ada-pytorch trains G with, its plain operators): inputs scaled, one
convolution, outputs scaled; filters put zeros in and convolve depth-wise.

Both are float32 with channels first. A round is D's step (fakes made without a graph, reals and fakes apart), then G's
with D's weights frozen, non-saturating, Adam (2e-3; 0, .99); R1 by double backward every 16 rounds, no path length. Its
cost is measured apart and 1/16 of it is added. Left out on both sides: averages, augmentation, data.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear, pad, softplus

from bench.pairing import Play, Ratio, Row, Side, run_row, this_machine
from bench.printing import table
from mintage.networks.style_discriminator import StyleDiscriminator
from mintage.networks.style_synthesis import StyleGenerator, StyleRow

BATCH, SHAPE, LAZY = 8, (3, 64, 64), 16
SIZE = StyleRow(base=16384, top=128, w_dim=512, depth=8)
GAMMA = 0.0002 * SHAPE[1] ** 2 / BATCH


class Form(NamedTuple):
    """How the reference is written: weights for each example, filters map by map, the layout of maps."""

    grouped: bool
    planes: bool
    channels_last: bool = False


FORMS = {"per-sample": Form(True, True), "shared": Form(False, False),
         # Between them, to see what each lever buys (`--levers`):
         "per-sample, depth-wise filters": Form(True, False), "shared, filters by planes": Form(False, True),
         "shared, channels-last": Form(False, False, True)}
Networks = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]


def networks() -> tuple[StyleGenerator, StyleDiscriminator]:
    """The pair, its weights drawn from seed 0; noise given a strength, so that it counts in proofs."""
    torch.manual_seed(0)
    G, D = StyleGenerator(SHAPE, size=SIZE), StyleDiscriminator(SHAPE, size=SIZE)
    for layer in G.synthesis.convolutions:
        nn.init.constant_(layer.noise.strength, 0.1)
    return G, D


# -- the reference's operators ---------------------------------------------------------------------------------------


def filtered(x: Tensor, up: int, down: int, before: int, after: int, gain: float, planes: bool) -> Tensor:
    """Zeros put in, margins, the filter (1, 3, 3, 1) both ways, every down-th position."""
    n, c, h, w = x.shape
    x = pad(x.reshape(n, c, h, 1, w, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(n, c, h * up, w * up)
    x = pad(x, (before, after, before, after))
    f = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    kernel = torch.outer(f, f)[None, None] * gain
    if planes:
        y = conv2d(x.reshape(n * c, 1, *x.shape[2:]), kernel)
        return y.reshape(n, c, *y.shape[2:])[:, :, ::down, ::down]
    return conv2d(x, kernel.repeat(c, 1, 1, 1), groups=c)[:, :, ::down, ::down]


def fully(layer: Any, x: Tensor, activate: bool = False) -> Tensor:
    """A linear layer of equalised rate."""
    y = linear(x, layer.weight * (layer.rate / math.sqrt(x.shape[1])), layer.bias * layer.rate)
    return leaky_relu(y, 0.2) * math.sqrt(2) if activate else y


def modulate(x: Tensor, weight: Tensor, s: Tensor, *, demodulate: bool, up: bool, form: Form) -> Tensor:
    """A modulated convolution, by weights of each example or by scales around a shared convolution."""
    n, (b, a, k, _) = len(x), weight.shape
    own = weight[None] * s[:, None, :, None, None]
    d = (own.square().sum((2, 3, 4)) + 1e-8).rsqrt() if demodulate else x.new_ones(n, b)
    if not form.grouped:
        x = x * s[:, :, None, None]
        y = conv_transpose2d(x, weight.transpose(0, 1), stride=2) if up else conv2d(x, weight, padding=k // 2)
        y = filtered(y, 1, 1, 1, 1, 4.0, form.planes) if up else y
        return y * d[:, :, None, None]
    own = own * d[:, :, None, None, None]
    x = x.reshape(1, n * a, *x.shape[2:])
    if up:
        y = conv_transpose2d(x, own.transpose(1, 2).reshape(n * a, b, k, k), stride=2, groups=n)
        return filtered(y.reshape(n, b, *y.shape[2:]), 1, 1, 1, 1, 4.0, form.planes)
    y = conv2d(x, own.reshape(n * b, a, k, k), padding=k // 2, groups=n)
    return y.reshape(n, b, *y.shape[2:])


class Theirs:
    """The reference's networks, reading the parameters of ours."""

    def __init__(self, G: Any, D: Any, form: Form) -> None:
        self.nets, self.parts, self.form, self.planes = (G, D), G.synthesis, form, form.planes
        self.layout = torch.channels_last if form.channels_last else torch.contiguous_format

    def styles(self, z: Tensor) -> Tensor:
        """w."""
        h = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.nets[0].mapping.layers:
            h = fully(layer, h, activate=True)
        return h

    def make(self, z: Tensor, drawn: bool = True) -> Tensor:
        """x = G(z)."""
        w, image = self.styles(z), None
        x = self.parts.constant.repeat(len(z), 1, 1, 1).contiguous(memory_format=self.layout)
        for i, layer in enumerate(self.parts.convolutions):
            weight = layer.weight * (1 / math.sqrt(layer.weight[0].numel()))
            x = modulate(x, weight, fully(layer.affine, w), demodulate=True, up=layer.up, form=self.form)
            noise = torch.randn(len(x), 1, *x.shape[2:]) if drawn else layer.noise.fixed
            x = x + layer.noise.strength * noise
            x = leaky_relu(x + layer.bias[:, None, None], 0.2) * math.sqrt(2)
            if i % 2 == 0:
                painter = self.parts.paintings[i // 2]
                weight = painter.weight * (1 / math.sqrt(painter.weight.shape[1]))
                painted = modulate(x, weight, fully(painter.affine, w), demodulate=False, up=False, form=self.form)
                painted = painted + painter.bias[:, None, None]
                image = painted if image is None else filtered(image, 2, 1, 2, 1, 4.0, self.planes) + painted
        return image

    def convolve(self, layer: Any, x: Tensor) -> Tensor:
        """A layer of the critic."""
        weight = layer.weight * (1 / math.sqrt(layer.weight[0].numel()))
        k = weight.shape[-1]
        if layer.down and k == 1:
            x = conv2d(filtered(x, 1, 2, 1, 1, 1.0, self.planes), weight)
        elif layer.down:
            x = conv2d(filtered(x, 1, 1, 2, 2, 1.0, self.planes), weight, stride=2)
        else:
            x = conv2d(x, weight, padding=k // 2)
        return x if layer.bias is None else leaky_relu(x + layer.bias[:, None, None], 0.2) * math.sqrt(2)

    def judge(self, x: Tensor) -> Tensor:
        """logits = D(x)."""
        D = self.nets[1]
        h = self.convolve(D.first, x.contiguous(memory_format=self.layout))
        for block in D.blocks:
            branch, skip = self.convolve(block.second, self.convolve(block.first, h)), self.convolve(block.skip, h)
            h = (branch + skip) / math.sqrt(2)
        groups = h.reshape(4, -1, *h.shape[1:])
        deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(4)
        h = torch.cat([h, deviation.reshape(-1, 1, 1, 1).expand(-1, 1, *h.shape[2:])], 1)
        h = fully(D.dense, self.convolve(D.last, h).flatten(1), activate=True)
        return fully(D.out, h).squeeze(1)


# -- the work --------------------------------------------------------------------------------------------------------


def sides(form: str) -> tuple[tuple[Any, Any], Networks]:
    """((G, D), (make, judge)) of a row of FORMS, or of ours, "fp32" or "bf16"."""
    G, D = networks()
    if form in FORMS:
        them = Theirs(G, D, FORMS[form])
        return (G, D), (them.make, them.judge)

    def cast(net: nn.Module) -> Callable[[Tensor], Tensor]:
        def run(x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=form == "bf16"):
                return net(x)
        return run

    return (G, D), (cast(G), cast(D))


def latents() -> Tensor:
    """A batch of z."""
    return torch.randn(BATCH, SIZE.w_dim, generator=torch.Generator().manual_seed(1))


def reals() -> Tensor:
    """A batch in the place of real images."""
    return torch.randn(BATCH, *SHAPE, generator=torch.Generator().manual_seed(2)).clamp(-1, 1)


def generating(form: str) -> Play:
    """G forwards and backwards to its weights."""
    (G, _), (make, _) = sides(form)
    parameters, z, direction = list(G.parameters()), latents(), reals()

    def steps(count: int) -> None:
        for _ in range(count):
            torch.autograd.grad((make(z) * direction).sum(), parameters)

    return steps


def penalising(form: str) -> Play:
    """D's lazy step of R1, with Adam's."""
    (_, D), (_, judge) = sides(form)
    optimizer, real = adam(D, form), reals()

    def steps(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            r1(judge, real).backward()
            optimizer.step()

    return steps


def r1(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """16 gamma / 2 E |dD/dx|^2."""
    x = real.clone().requires_grad_()
    (g,) = torch.autograd.grad(judge(x).sum(), x, create_graph=True)
    return LAZY * GAMMA / 2 * g.square().sum((1, 2, 3)).mean()


def adam(net: nn.Module, form: str) -> torch.optim.Optimizer:
    """Adam; fused on our side, as mintage has it."""
    return torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.0, 0.99), fused=form not in FORMS)


def training(form: str) -> Play:
    """Rounds of D's and G's steps."""
    (G, D), (make, judge) = sides(form)
    for_g, for_d = adam(G, form), adam(D, form)
    real = reals()

    def steps(count: int) -> None:
        for _ in range(count):
            with torch.no_grad():
                fake = make(torch.randn(BATCH, SIZE.w_dim))
            for_d.zero_grad()
            (softplus(judge(fake)).mean() + softplus(-judge(real)).mean()).backward()
            for_d.step()
            for_g.zero_grad()
            D.requires_grad_(False)
            softplus(-judge(make(torch.randn(BATCH, SIZE.w_dim)))).mean().backward()
            D.requires_grad_(True)
            for_g.step()

    return steps


def proof() -> float:
    """How far we are from either reference, relative to its size: images and logits in float32, and the gradient of
    each weight in float64 (in float32 a few values near a rectifier's corner fall on its other side)."""
    z, x, differ = latents()[:4], reals()[:4], 0.0
    for dtype in (torch.float32, torch.float64):
        G, D = (net.to(dtype) for net in networks())
        weights = [*G.parameters(), *D.parameters()]

        def outcomes(make: Callable[[Tensor], Tensor], judge: Callable[[Tensor], Tensor]) -> list[Tensor]:
            image, logits = make(z.to(dtype)), judge(x.to(dtype))  # noqa: B023
            if dtype == torch.float32:  # noqa: B023
                return [image.detach(), logits.detach()]
            loss = softplus(-judge(image)).mean() + softplus(logits).mean() + r1(judge, x.to(dtype))  # noqa: B023
            return list(torch.autograd.grad(loss, weights))  # noqa: B023

        ours = outcomes(lambda z: G(z, noise="fixed"), D)  # noqa: B023
        for form in FORMS.values():
            them = Theirs(G, D, form)
            theirs = outcomes(lambda z: them.make(z, drawn=False), them.judge)  # noqa: B023
            differ = max(differ, *(float((a - b).norm() / b.norm()) for a, b in zip(ours, theirs, strict=True)))
    return differ


HERE = "bench.peer_stylegan2:"
TEXTBOOK = "per-sample weights, our allocator"
SIDES = {"per-sample weights": ("per-sample", False), TEXTBOOK: ("per-sample", True),
         "shared weights, our allocator": ("shared", True), "mintage fp32": ("fp32", True),
         "mintage bf16": ("bf16", True)}
EVERY = {form: (form, True) for form in FORMS} | {f"mintage {kind}": (kind, True) for kind in ("fp32", "bf16")}


def row(name: str, function: str, wanted: float | None = None, *, proved: bool = False, levers: bool = False) -> Row:
    """A row of the reference's forms and ours; with `levers` of all forms, each beside the textbook's."""
    of = EVERY if levers else SIDES
    names = list(of)
    ours = names[-2:]
    pairs = [(over, names[0]) for over in names[1:]] if levers else [
        (over, base) for over in ours for base in names if base not in ours]
    return Row(f"StyleGAN2 64 px: {name}",
               tuple(Side(side, HERE + function, BATCH, kept=kept, options={"form": form},
                          precision="bf16" if "bf16" in form else "fp32")
                     for side, (form, kept) in of.items()),
               tuple(Ratio(over, base, {1: wanted, 2: wanted} if wanted and base == TEXTBOOK else {})
                     for over, base in pairs),
               proof=HERE + "proof" if proved else "")


def rows(levers: bool = False) -> tuple[Row, Row, Row]:
    """G alone; a round without R1; R1 alone."""
    return (row("G there and back", "generating", None if levers else 1.5, levers=levers),
            row("round without R1", "training", None if levers else WANTED, proved=True, levers=levers),
            row("R1", "penalising", levers=levers))


WANTED = 2.5
ROWS = rows()
ROW = ROWS[1]


def whole(round: dict[str, Any], penalty: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Images a second with a sixteenth of R1, and how many times each reference's, by side of ours."""
    rate = {name: 1 / (1 / round["sides"][name]["rate"] + 1 / penalty["sides"][name]["rate"] / LAZY)
            for name in round["sides"]}
    ours = [name for name in rate if name.startswith("mintage")]
    return {"img/s": rate} | {name: {base: rate[name] / rate[base] for base in rate if base not in ours}
                              for name in ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each side of each row")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--levers", action="store_true", help="all forms of the reference, each a step from another")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    written: dict[str, Any] = {"machine": this_machine(max(asked.threads)), "rows": [], "whole": {}}
    for threads in asked.threads:
        records = []
        for each in rows(asked.levers):
            records.append(run_row(each, threads=threads, seconds=asked.seconds, repeats=asked.repeats))
            print(table(records[-1:]), flush=True)
        written["rows"] += records
        written["whole"][threads] = found = whole(*records[1:])
        print(f"whole training step, R1 every {LAZY}, {threads} threads (wanted {WANTED} x the per-sample reference):")
        for name, values in found.items():
            print(f"    {name:16s} " + "   ".join(f"{base}: {value:.2f}" for base, value in values.items()), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
