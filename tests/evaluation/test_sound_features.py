"""Sound features: the filterbank longhand, levels in closed form, and what the features tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.data.waves import Waves, open_waves
from mintage.evaluation.features.sound_features import hertz, log_mel, mel, mel_filters, mel_plan, sound_features
from mintage.evaluation.measures.frechet import frechet_distance

RATE = 8000
PLAN = mel_plan(RATE)


def noise(n: int, samples: int = 4000, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n, samples, generator=torch.Generator().manual_seed(seed))


def test_the_mel_scale():
    assert mel(0) == 0 and mel(700) == pytest.approx(2595 * math.log10(2)) and mel(1000) == pytest.approx(1000, abs=0.1)
    for f in (20.0, 440.0, 4000.0):
        assert float(hertz(torch.tensor(mel(f), dtype=torch.float64))) == pytest.approx(f)


def test_the_plan_follows_from_the_rate():
    assert mel_plan(8000) == (8000, 256, 64, 32) and mel_plan(16000) == (16000, 512, 128, 44)
    assert mel_plan(44100) == (44100, 1024, 256, 44)
    with pytest.raises(ValueError, match="1,000"):
        mel_plan(999)


@pytest.mark.parametrize("rate", [1000, 4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 192000])
def test_every_band_holds_a_bin_and_every_frequency_is_held(rate):
    filters = mel_filters(mel_plan(rate))
    assert filters.max(1).values.min() > 0.5 and filters.min() == 0 and filters.max() <= 1
    corners = hertz(torch.linspace(0, mel(rate / 2), len(filters) + 2, dtype=torch.float64))
    bins = torch.linspace(0, rate / 2, filters.shape[1], dtype=torch.float64)
    inner = (bins >= corners[1]) & (bins <= corners[-2])
    shared = filters.sum(0)[inner]  # neighbouring bands share what lies between their tops
    assert torch.allclose(shared, torch.ones_like(shared))


def test_the_filters_longhand():
    filters = mel_filters(PLAN)
    top = 2595 * math.log10(1 + 4000 / 700)
    corner = [700 * (10 ** (top * k / 33 / 2595) - 1) for k in range(34)]
    for band in (0, 7, 31):
        for k in range(129):
            f = k * 8000 / 256
            rising = (f - corner[band]) / (corner[band + 1] - corner[band])
            falling = (corner[band + 2] - f) / (corner[band + 2] - corner[band + 1])
            assert float(filters[band, k]) == pytest.approx(max(0.0, min(rising, falling)), abs=1e-9)


def test_levels_in_closed_form():
    """A sine on bin k has a^2 / 4 there and a^2 / 16 in the bins beside, by the transform of the Hann window."""
    k, a = 40, 0.5
    x = a * torch.sin(2 * torch.pi * k / 256 * torch.arange(4096, dtype=torch.float64))
    power = torch.zeros(129, dtype=torch.float64)
    power[[k - 1, k, k + 1]] = torch.tensor([a**2 / 16, a**2 / 4, a**2 / 16], dtype=torch.float64)
    expected = 10 * (mel_filters(PLAN) @ power).clamp(min=1e-8).log10()
    levels = log_mel(x[None], PLAN)
    assert levels.shape == (1, 32, 1 + 4096 // 64)
    heard = expected > -60
    assert heard.sum() >= 2 and (levels[0, :, 10:-10][heard] - expected[heard, None]).abs().max() < 0.01
    assert (log_mel(torch.zeros(1, 1000), PLAN) + 80).abs().max() < 1e-4


def test_features_are_three_statistics_standardised():
    x = noise(20)
    features = sound_features(x, RATE)
    f = features(x)
    assert f.shape == (20, 96) == (20, features.dim) and f.dtype == torch.float32
    assert f.mean(0).abs().max() < 1e-3 and (f.std(0) - 1).abs().max() < 1e-3
    levels = log_mel(x, PLAN).double()
    change = levels[..., 1:] - levels[..., :-1]
    raw = torch.cat([levels.mean(2), levels.std(2, correction=0), change.std(2, correction=0)], 1)
    assert torch.allclose((raw - raw.mean(0)) / raw.std(0), f.double(), atol=1e-3)


def test_the_digest_and_what_does_not_fit():
    x = noise(4)
    first = sound_features(x, RATE)
    assert first.digest == sound_features(x.clone(), RATE).digest != sound_features(x, 16000).digest
    assert "32 bands" in first.preparation and "frames of 256 by 64 at 8000 Hz" in first.preparation
    with pytest.raises(ValueError, match=r"sounds \[n, 4000\]"):
        first(noise(2, 3999))
    for bad in (x[0], x[:1], x[:, :100]):
        with pytest.raises(ValueError, match="n >= 2"):
            sound_features(bad, RATE)
    with pytest.raises(ValueError, match="NaN"):
        sound_features(torch.full_like(x, torch.nan), RATE)


def test_silence_throughout_does_not_blow_up():
    features = sound_features(torch.zeros(5, 4000), RATE)
    assert features(torch.zeros(5, 4000)).abs().max() < 1e-2
    assert 100 < features(noise(1)).abs().max() < 1e4


# -- spoken digits ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spoken(shared_data) -> tuple[Waves, torch.Tensor, np.ndarray]:
    """The recordings, their features by one half, and the indices in a random order."""
    waves = open_waves(shared_data / "audio" / "fsdd_recordings.zip")
    order = np.random.default_rng(0).permutation(3000)
    features = sound_features(waves.x[order[:1500]], waves.rate)
    return waves, features(waves.x), order


def test_half_against_half_digits_dropped_and_speakers_dropped(spoken):
    waves, f, order = spoken
    half, rest = order[:1500], order[1500:]
    speaker = np.array([name.split("_")[1] for name in waves.files])

    def distance(kept: np.ndarray, n: int = 600) -> float:
        return frechet_distance(f[half], f[rest[kept][:n]])

    floor = distance(np.ones(1500, bool))
    assert floor < 1.5 and distance(np.ones(1500, bool), 1500) < floor
    assert distance(waves.labels[rest] < 5) > 4 * floor
    assert distance(speaker[rest] != "george") > 2 * floor
    assert distance(np.isin(speaker[rest], ["george", "theo", "lucas"])) > 4 * floor


def test_white_noise_is_far(spoken):
    waves, f, order = spoken
    features = sound_features(waves.x[order[:1500]], waves.rate)
    assert frechet_distance(f[order[:1500]], features(noise(300, waves.samples.shape[1]))) > 100
