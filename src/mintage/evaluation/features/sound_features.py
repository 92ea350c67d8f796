"""Sound features: sounds x [n, T] at one rate as statistics of their log-mel spectrum.

Frames of N samples, a hop of N / 4, a periodic Hann window h; P_k = |STFT_k|^2 / (sum h)^2, so that a sine of
amplitude 1 has 1/4 in its bin. Band b sums P_k under a triangle of height 1 whose corners are spaced evenly on the mel
scale, from 0 to half the rate; L_b = 10 log10(max(sum, 1e-8)) decibels. N is the power of two nearest to 32 ms (256 at
8 kHz, 512 at 16 kHz, 1024 at 44.1 kHz). There are as many bands, a multiple of 4 and at most 64, as leave the lowest
triangles 1.25 bins between corners (32 at 8 kHz, 44 at 16 and 44.1 kHz).

f is, per band, the mean of L_b over time, its deviation, and the deviation of its change from frame to frame, each
standardised by the reference (a deviation below 0.1 dB counts as 0.1). The order of the frames hardly counts: this
tells timbre, loudness and pace, not words.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor

VERSION = "1"
SECONDS = 0.032
MOST_BANDS = 64
LEAST_BINS = 1.25
FLOOR = 1e-8
LEAST = 0.1  # decibels: a band that is silent throughout the reference deviates by rounding only
SIGNIFICANT = 6  # digits of a constant, so that no machine's rounding changes a digest


class MelPlan(NamedTuple):
    """The rate, and what follows from it: samples in a frame and in a hop, and the number of bands."""

    rate: int
    frame: int
    hop: int
    bands: int


def mel(hertz: float) -> float:
    """The mel scale of the HTK book (Young et al., 2006): 2595 log10(1 + f / 700)."""
    return 2595 * math.log10(1 + hertz / 700)


def hertz(mels: Tensor) -> Tensor:
    """Its inverse: 700 (10^(m / 2595) - 1)."""
    return 700 * (10 ** (mels / 2595) - 1)


def mel_plan(rate: int) -> MelPlan:
    """The frame, hop and bands at this rate.

    Raises:
        ValueError: a rate below 1,000 samples a second.
    """
    if rate < 1000:
        raise ValueError(f"sound features are for 1,000 samples a second or more, received {rate}.")
    frame = 2 ** round(math.log2(SECONDS * rate))
    bands = mel(rate / 2) / mel(LEAST_BINS * rate / frame) - 1
    return MelPlan(rate, frame, frame // 4, min(MOST_BANDS, int(bands) // 4 * 4))


def mel_filters(plan: MelPlan) -> Tensor:
    """Triangles float64 [bands, frame / 2 + 1]: band b rises from corner b to 1 at corner b + 1, and falls to b + 2."""
    corners = hertz(torch.linspace(0, mel(plan.rate / 2), plan.bands + 2, dtype=torch.float64))
    bins = torch.arange(plan.frame // 2 + 1, dtype=torch.float64) * plan.rate / plan.frame
    low, top, high = (corners[k:k + plan.bands, None] for k in range(3))
    return torch.minimum((bins - low) / (top - low), (high - bins) / (high - top)).clamp(min=0)


def log_mel(x: Tensor, plan: MelPlan) -> Tensor:
    """L [n, bands, 1 + T // hop] in decibels, float32, of sounds x [n, T]; silence lies before and after them."""
    window = torch.hann_window(plan.frame, device=x.device)
    spectrum = torch.stft(x.float(), plan.frame, plan.hop, window=window, center=True, pad_mode="constant",
                          return_complex=True)
    power = spectrum.abs().square() / window.sum().square()
    return 10 * (mel_filters(plan).float().to(x.device) @ power).clamp(min=FLOOR).log10()


def sound_features(reference: Tensor, rate: int, batch: int = 128) -> Extractor:
    """The extractor of sounds [n, T] of the reference's length, at `rate` samples a second: f [n, 3 bands].

    Raises:
        ValueError: fewer than two sounds, another shape or length, values that are not finite, or a rate below 1,000.
    """
    plan = mel_plan(rate)
    length = reference.shape[-1]
    if reference.ndim != 2 or len(reference) < 2 or length < 2 * plan.hop:
        raise ValueError(f"sound features need a reference [n, samples] with n >= 2 and {2 * plan.hop} samples or more "
                         f"at {rate:,} a second; received shape {tuple(reference.shape)}.")
    found = torch.cat([_statistics(part, plan) for part in reference.split(batch)]).double()
    if not bool(torch.isfinite(found).all()):
        raise ValueError("the reference sounds hold NaN or infinite values; leave those sounds out.")
    mean, deviation = _rounded(found.mean(0)), _rounded(found.std(0))
    deviation = deviation.clamp(min=LEAST)
    text = json.dumps([VERSION, plan, length, FLOOR, LEAST, mean.tolist(), deviation.tolist()])
    centre, scale = mean.float(), deviation.float()

    def embed(x: Tensor) -> Tensor:
        if x.shape[1:] != (length,):
            raise ValueError(f"these sound features are of sounds [n, {length}] at {rate:,} samples a second, as the "
                             f"reference; received {tuple(x.shape)}.")
        return (_statistics(x, plan) - centre.to(x.device)) / scale.to(x.device)

    said = f"log-mel, {plan.bands} bands, frames of {plan.frame} by {plan.hop} at {rate} Hz, standardised"
    return Extractor("mintage-sound", VERSION, hashlib.sha256(text.encode()).hexdigest(), 3 * plan.bands, embed, batch,
                     preparation=said)


def _statistics(x: Tensor, plan: MelPlan) -> Tensor:
    levels = log_mel(x, plan)
    return torch.cat([levels.mean(2), levels.std(2, unbiased=False), levels.diff(dim=2).std(2, unbiased=False)], 1)


def _rounded(values: Tensor) -> Tensor:
    return torch.tensor([float(f"{v:.{SIGNIFICANT}g}") for v in values.tolist()], dtype=torch.float64)
