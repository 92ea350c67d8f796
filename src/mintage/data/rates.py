"""Rates: sound x [T] at one rate brought to another by a windowed sinc, evaluated only where samples are wanted.

With new / old = L / M in lowest terms, y_k = sum_j w(j - k M / L) x_j, w(t) = 2 f sinc(2 f t) cos^2(pi t / 2 h) for
|t| < h: f is the cut-off in cycles a sample of x, 0.475 times the lower of the two rates, and h 16 zero crossings of
the sinc. The phases k M mod L repeat, so L rows of weights suffice (a polyphase filter). Each row sums to 1.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from mintage.data.errors import DataError

CROSSINGS, ROLL_OFF = 16, 0.95
MOST_PHASES = 2000


def resampled(x: np.ndarray, old: int, new: int) -> np.ndarray:
    """x float32 [T] at `old` samples a second as [ceil(T new / old)] at `new`.

    Raises:
        DataError: rates whose ratio in lowest terms has a part above 2,000.
    """
    if old == new:
        return x
    weights = _phases(old, new)
    phases, step = weights.shape[0], old // math.gcd(old, new)
    half = (weights.shape[2] - step) // 2
    wanted = -(-len(x) * new // old)
    blocks = -(-wanted // phases)
    padded = F.pad(torch.from_numpy(x).double(), (half, max(0, blocks * step + half + step - len(x))))
    found = F.conv1d(padded[None, None], weights, stride=step)[0]
    return found.T.reshape(-1)[:wanted].float().numpy()


def _phases(old: int, new: int) -> torch.Tensor:
    """Weights float64 [L, 1, 2 h + M]: row i holds w at the distances from i M / L to the samples -h ... h + M - 1."""
    common = math.gcd(old, new)
    phases, step = new // common, old // common
    if max(phases, step) > MOST_PHASES:
        raise DataError(f"{old} and {new} samples a second are in the ratio {step}:{phases}, which has parts above "
                        f"{MOST_PHASES:,}; choose a rate with a simpler ratio")
    cut = 0.5 * ROLL_OFF * min(1.0, new / old)
    width = CROSSINGS / (2 * cut)
    half = math.ceil(width)
    at = torch.arange(-half, half + step, dtype=torch.float64) - torch.arange(phases)[:, None] * step / phases
    window = (torch.pi * (at / width).clamp(-1, 1) / 2).cos().square()
    weights = torch.sinc(2 * cut * at) * window
    return (weights / weights.sum(1, keepdim=True))[:, None]
