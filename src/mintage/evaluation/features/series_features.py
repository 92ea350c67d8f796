"""Series features: windows x [n, T, d] as vectors f of what they hold and how they move.

With u = (x - m) / s, each channel by the mean and deviation of the reference over all windows and steps, f has, each
standardised by its own mean and deviation over the reference:

    value        u itself, where T d is at most 256
    mean, log_deviation, skewness, kurtosis    of the T values in a window, per channel
    log_increments                             the deviation of u_{t+1} - u_t
    autocorrelation_k                          at the lags k = 1, 2, 4, 8, 16 that are at most T / 2
    band_b                                     the share of the window's power in four bands of frequency
    correlation                                between each two channels; past 8 channels, of each with their mean

A set of windows in the wrong order of steps has the right values and the wrong autocorrelations, so both are there.
"""

from __future__ import annotations

import hashlib
import json

import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor
from mintage.evaluation.measures.frechet import float64

VERSION = "1"
MOST_VALUES = 256
MOST_CHANNELS = 8  # with all their correlations
LAGS = (1, 2, 4, 8, 16)
BANDS = 4
SMALL = 1e-3  # of the reference's deviation: what moves less stands still
CONSTANT = 1e-6  # what deviates by less does so by rounding: its unit is 1
SIGNIFICANT = 6  # digits of a constant, so that no machine's rounding changes a digest


def series_features(reference: Tensor, batch: int = 4096) -> Extractor:
    """The extractor of windows [n, T, d] alike those of the reference, n of 2 or more and T of 4 or more.

    Raises:
        ValueError: another shape, or values that are not finite; also when it is called.
    """
    if reference.ndim != 3 or len(reference) < 2 or reference.shape[1] < 4 or reference.shape[2] < 1:
        raise ValueError(f"series features need a reference [n, steps, channels] with n >= 2 and 4 steps or more; "
                         f"received shape {tuple(reference.shape)}.")
    if not bool(torch.isfinite(reference).all()):
        raise ValueError("the reference series hold NaN or infinite values; fill them or leave those windows out.")
    length, channels = reference.shape[1:]
    flat = float64(reference).flatten(0, 1)
    centre, scale = _rounded(flat.mean(0)), _rounded(flat.std(0))
    scale = torch.where(scale > CONSTANT * centre.abs(), scale, 1.0)

    def raw(x: Tensor) -> Tensor:
        wide = float64(x)
        u = (wide - centre.to(wide.device)) / scale.to(wide.device)
        return torch.cat(list(statistics(u).values()), 1)

    found = torch.cat([raw(part) for part in reference.split(batch)])
    mean, deviation = _rounded(found.mean(0)), _rounded(found.std(0))
    deviation = torch.where(deviation > CONSTANT, deviation, 1.0)

    def embed(x: Tensor) -> Tensor:
        if x.shape[1:] != reference.shape[1:]:
            raise ValueError(f"these series features are of windows [n, {length}, {channels}], as the reference; "
                             f"received {tuple(x.shape)}.")
        found = raw(x)
        return ((found - mean.to(found.device)) / deviation.to(found.device)).float().to(x.device)

    text = json.dumps([VERSION, length, channels, LAGS, BANDS, *(c.tolist() for c in (centre, scale, mean, deviation))])
    return Extractor("mintage-series", VERSION, hashlib.sha256(text.encode()).hexdigest(), len(mean), embed, batch,
                     preparation="values and statistics of windows, standardised by the reference")


def feature_names(length: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """What each feature is, in order, for windows of this length with channels of these names."""
    told = []
    for kind, found in statistics(torch.zeros(1, length, len(names), dtype=torch.float64)).items():
        if kind == "value":
            told += [f"value {name} at step {t}" for t in range(length) for name in names]
        elif kind == "correlation":
            told += [f"correlation {pair}" for pair in _pairs(names)]
        else:
            told += [f"{kind} {name}" for name in names[: found.shape[1]]]
    return tuple(told)


def statistics(u: Tensor) -> dict[str, Tensor]:
    """Each kind of statistic of windows u [n, T, d] in standardised units, [n, d], [n, T d] or [n, pairs]."""
    length, channels = u.shape[1:]
    found = {"value": u.flatten(1)} if length * channels <= MOST_VALUES else {}
    mean = u.mean(1)
    about = u - mean[:, None]
    deviation = about.square().mean(1).sqrt()
    z = about / (deviation + SMALL)[:, None]
    found |= {
        "mean": mean,
        "log_deviation": (deviation + SMALL).log(),
        "skewness": z.pow(3).mean(1),
        "kurtosis": z.pow(4).mean(1),
        "log_increments": (u.diff(dim=1).std(1, unbiased=False) + SMALL).log(),
    }
    found |= {f"autocorrelation_{k}": (z[:, k:] * z[:, :-k]).sum(1) / length for k in LAGS if k <= length // 2}
    found |= _bands(about)
    if channels > MOST_CHANNELS:
        whole = z.mean(2)
        whole = whole / (whole.square().mean(1).sqrt() + SMALL)[:, None]
        found["correlation"] = (z * whole[..., None]).mean(1)
    elif channels > 1:
        i, j = torch.tril_indices(channels, channels, -1, device=u.device)
        found["correlation"] = (torch.einsum("nti,ntj->nij", z, z) / length)[:, i, j]
    return found


def _bands(about: Tensor) -> dict[str, Tensor]:
    """The share of power in equal parts of the frequencies 1 ... T // 2; they sum to 1 where a window moves."""
    power = torch.fft.rfft(about, dim=1).abs().square()[:, 1:]
    total = power.sum(1) + SMALL**2
    parts = power.tensor_split(min(BANDS, power.shape[1]), 1)
    return {f"band_{b}": part.sum(1) / total for b, part in enumerate(parts)}


def _pairs(names: tuple[str, ...]) -> list[str]:
    if len(names) > MOST_CHANNELS:
        return [f"{name} and the mean of all" for name in names]
    return [f"{names[i]} and {names[j]}" for i in range(len(names)) for j in range(i)]


def _rounded(values: Tensor) -> Tensor:
    return torch.tensor([float(f"{v:.{SIGNIFICANT}g}") for v in values.tolist()], dtype=torch.float64)
