"""Modes of stacked MNIST: how many of its 1,000 classes a generator makes, and how evenly.

Notation: c_k of n stacks are of class k; t is the target, uniform or given; e = c / n is what was found.

    KL(e || t) = sum_k e_k log(e_k / t_k)        in nats; classes not found add nothing

A perfect sampler does not score 0: with n stacks its KL is about 999 / 2n, .0508 at n = 10,000 and .0194 at 26,000. So
n stands beside every figure, with the floor at that n, and `excess` is what is left of the KL above it. The protocol is
that of Unrolled Generative Adversarial Networks (Metz et al., 2017, https://arxiv.org/abs/1611.02163) and PacGAN: The
Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018, https://arxiv.org/abs/1712.04086); the floor
is ours. The other direction, KL(t || e), would be infinite where a class was not found, so there half a stack is added
to each class: e_k = (c_k + 1/2) / (n + 500).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mintage.evaluation.features.digit_net import DIGITS, SIDE, read_digits, shipped_net

CLASSES = DIGITS**3
CONFIDENT = 0.8
ROWS = 2_000
WIDTH = 12.0  # deviations of a count, on either side of its mean, that the sums of the floor run over


class Floor(NamedTuple):
    """What a perfect sampler scores with n stacks: means and deviations of both divergences, and classes found."""

    kl: float
    sd: float
    reverse: float
    reverse_sd: float
    modes: float


class StackedModes(NamedTuple):
    """Classes found, of 1,000, and how far their shares lie from the target's, in nats.

    `excess` is kl - floor, within about two `floor_sd` of 0 for a perfect sampler; `reverse` is KL(target || found)
    and `reverse_floor` its floor. `confident` is the share of stacks of which all three digits are seen with
    probability .8 or more: .98 of stacks of real digits. A low share says the digits are poor; a high one says nothing
    of pictures that are no digits at all.
    """

    modes: int
    kl: float
    floor: float
    floor_sd: float
    excess: float
    reverse: float
    reverse_floor: float
    confident: float
    n: int
    floor_modes: float


class Reading(NamedTuple):
    """The class of each stack, int64 [n], and the least of its three digits' probabilities [n]."""

    classes: Tensor
    sure: Tensor


def stacked_modes(x: Tensor, *, shares: Tensor | None = None, fit: Literal["resize", "crop"] = "resize",
                  net: nn.Module | None = None) -> StackedModes:
    """For stacks x [n, 3, H, W] in [-1, 1].

    Args:
        shares: the target: [10] of the digits, of which the product is taken, or [1000] of the classes. Uniform
            without it. A generator that learnt `stacked-mnist`, whose digits are not uniform, is judged by
            `digit_shares` of MNIST's labels: against uniform, MNIST itself is .0043 nats away.
        fit: how a side other than 28 is brought to it: "resize" (bilinear, antialiased), or "crop" for digits that were
            padded. A side under 28 is resized.
        net: another classifier of digits, x [N, 1, 28, 28] -> (features, logits [N, 10]).

    Raises:
        ValueError: shapes, values or shares that cannot be.
    """
    read = read_stacks(x, fit=fit, net=net)
    confident = float((read.sure >= CONFIDENT).double().mean())
    return modes_of_counts(read.classes.bincount(minlength=CLASSES), shares, confident)


def read_stacks(x: Tensor, *, fit: Literal["resize", "crop"] = "resize", net: nn.Module | None = None) -> Reading:
    """The class 100 a + 10 b + c of each stack x [n, 3, H, W] in [-1, 1], and how sure it is."""
    if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] != x.shape[3] or not len(x):
        raise ValueError(f"stacks must be square colour images [n, 3, H, H] with n >= 1, received {tuple(x.shape)}")
    if fit not in ("resize", "crop"):
        raise ValueError(f"fit is {fit!r}; allowed: 'resize', and 'crop' for digits that were padded")
    judge = (net or shipped_net()).to(x.device)
    classes, sure = [], []
    for part in x.split(ROWS):
        digits = _as_28(part.float(), fit).flatten(0, 1)[:, None]
        best = read_digits(digits, judge).view(-1, 3, DIGITS).max(2)
        classes.append(best.indices.cpu() @ torch.tensor([100, 10, 1]))
        sure.append(best.values.amin(1).cpu())
    return Reading(torch.cat(classes), torch.cat(sure))


def digit_shares(labels: Tensor) -> Tensor:
    """The share of each digit [10] in labels 0 to 9 [N]; the target of independent stacks is their product."""
    if labels.ndim != 1 or not len(labels) or int(labels.min()) < 0 or int(labels.max()) >= DIGITS:
        raise ValueError(f"labels must be [N] from 0 to 9, received {tuple(labels.shape)}; give those of the digits")
    return labels.cpu().bincount(minlength=DIGITS).double() / len(labels)


def modes_of_counts(counts: Tensor, shares: Tensor | None = None, confident: float = math.nan) -> StackedModes:
    """The figures of stacks that were counted by another judge: c_k [1000]."""
    if counts.shape != (CLASSES,) or int(counts.min()) < 0 or int(counts.sum()) < 1:
        raise ValueError(f"counts must be [{CLASSES}], none negative and not all 0, received {tuple(counts.shape)}")
    n, c, target = int(counts.sum()), counts.cpu().double(), _target(shares)
    kl, reverse = float(_forward(c, n, target).sum()), float(_reverse(c, n, target).sum())
    floor = floor_at(n, shares)
    return StackedModes(int((c > 0).sum()), kl, floor.kl, floor.sd, kl - floor.kl, reverse, floor.reverse, confident, n,
                        floor.modes)


def floor_at(n: int, shares: Tensor | None = None) -> Floor:
    """What n stacks of a perfect sampler score: means exactly, deviations to first order in 1/n.

    c_k is binomial, so E KL = sum_k sum_c P(c) g_k(c) is a finite sum. For the deviation the counts are taken for
    Poisson variables given their sum n: var = sum_k var g_k(c_k) - (sum_k cov(g_k(c_k), c_k))^2 / n.

    Raises:
        ValueError: n under 1, or shares that cannot be.
    """
    if n < 1:
        raise ValueError(f"n is {n}; it must be 1 or more")
    p, times = _target(shares).unique(return_counts=True)
    binomial, poisson = (_table(n, p, kind) for kind in ("binomial", "poisson"))
    found: dict[str, float] = {}
    for name, gain in (("kl", _forward), ("reverse", _reverse)):
        c, weight = binomial
        found[name] = float((times * (weight * gain(c, n, p[:, None])).sum(1)).sum())
        c, weight = poisson
        g, off = gain(c, n, p[:, None]), c - n * p[:, None]
        centred = g - (weight * g).sum(1, keepdim=True)
        spread = float((times * (weight * centred.square()).sum(1)).sum())
        along = float((times * (weight * centred * off).sum(1)).sum())
        found[f"{name}_sd"] = math.sqrt(max(0.0, spread - along**2 / n))
    modes = float((times * (1 - (1 - p) ** n)).sum())
    return Floor(found["kl"], found["kl_sd"], found["reverse"], found["reverse_sd"], modes)


def _forward(c: Tensor, n: int, p: Tensor) -> Tensor:
    """Terms of KL(e || t)."""
    return torch.special.xlogy(c / n, c / (n * p))


def _reverse(c: Tensor, n: int, p: Tensor) -> Tensor:
    """Terms of KL(t || e), half a stack added to each class."""
    return p * (p * (n + CLASSES / 2) / (c + 0.5)).log()


def _table(n: int, p: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Counts c [m, w] within reach of their means n p [m], and their probabilities [m, w]."""
    mean = n * p
    reach = math.ceil(WIDTH * math.sqrt(float(mean.max())) + 2 * WIDTH)
    first = (mean - reach).floor().clamp(min=0)
    c = first[:, None] + torch.arange(2 * reach + 1, dtype=torch.float64)
    q = p[:, None]
    if kind == "poisson":
        return c, (torch.special.xlogy(c, n * q) - n * q - (c + 1).lgamma()).exp()
    rest = (n - c).clamp(min=0)
    choose = math.lgamma(n + 1) - (c + 1).lgamma() - (rest + 1).lgamma()
    return c, torch.where(c <= n, (choose + torch.special.xlogy(c, q) + torch.special.xlogy(rest, 1 - q)).exp(), 0.0)


def _target(shares: Tensor | None) -> Tensor:
    """t [1000], float64 on the CPU, summing to 1."""
    if shares is None:
        return torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64)
    p = shares.detach().cpu().double()
    if p.shape not in ((DIGITS,), (CLASSES,)) or not bool((p > 0).all()) or abs(float(p.sum()) - 1) > 1e-4:
        raise ValueError(f"shares must be [{DIGITS}] or [{CLASSES}], all above 0 and summing to 1, received "
                         f"{tuple(p.shape)} summing to {float(p.sum()):.4g}")
    p = p / p.sum()
    return p if len(p) == CLASSES else torch.einsum("a,b,c->abc", p, p, p).flatten()


def _as_28(x: Tensor, fit: str) -> Tensor:
    side = x.shape[-1]
    if side == SIDE:
        return x
    if fit == "crop" and side > SIDE:
        edge = (side - SIDE) // 2
        return x[:, :, edge : edge + SIDE, edge : edge + SIDE]
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
