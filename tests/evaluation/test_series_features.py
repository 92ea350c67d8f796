"""Series features against longhand, and what they tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from mintage.data.series import open_series
from mintage.evaluation.features.series_features import SMALL, feature_names, series_features, statistics
from mintage.evaluation.measures.frechet import frechet_distance
from mintage.evaluation.measures.two_sample import classifier_test


def autoregressive(phi: float, n: int, seed: int, length: int = 24, channels: int = 2) -> torch.Tensor:
    """x_t = phi x_{t-1} + sqrt(1 - phi^2) e_t, of deviation 1 whatever phi is."""
    x = torch.randn(n, length, channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for t in range(1, length):
        x[:, t] = phi * x[:, t - 1] + (1 - phi**2) ** 0.5 * x[:, t]
    return x


def test_each_statistic_longhand():
    x = autoregressive(0.5, 3, 0, length=16, channels=3)
    found, w = statistics(x), x[1, :, 2].numpy()
    deviation = w.std()
    z = (w - w.mean()) / (deviation + SMALL)
    assert torch.equal(found["value"][1], x[1].flatten())
    expected = {
        "mean": w.mean(), "log_deviation": np.log(deviation + SMALL), "skewness": (z**3).mean(),
        "kurtosis": (z**4).mean(), "log_increments": np.log(np.diff(w).std() + SMALL),
        **{f"autocorrelation_{k}": sum(z[t] * z[t + k] for t in range(16 - k)) / 16 for k in (1, 2, 4, 8)},
    }
    for name, value in expected.items():
        assert float(found[name][1, 2]) == pytest.approx(value, abs=1e-9), name
    assert float(found["kurtosis"][1, 2]) == pytest.approx(stats.kurtosis(w, fisher=False), rel=0.02)
    power = [abs(sum((w[t] - w.mean()) * np.exp(-2j * np.pi * k * t / 16) for t in range(16))) ** 2
             for k in range(1, 9)]
    shares = [sum(power[2 * b:2 * b + 2]) / sum(power) for b in range(4)]
    assert [float(found[f"band_{b}"][1, 2]) for b in range(4)] == pytest.approx(shares, abs=1e-6)
    pairs = [np.corrcoef(x[1, :, i], x[1, :, j])[0, 1] for i, j in ((1, 0), (2, 0), (2, 1))]
    assert found["correlation"][1].tolist() == pytest.approx(pairs, abs=0.01)
    assert "autocorrelation_16" not in found


def test_names_are_in_the_order_of_the_features():
    names = feature_names(24, ("open", "close"))
    features = series_features(autoregressive(0.5, 50, 0))
    assert len(names) == features.dim == len(set(names))
    assert names[:3] == ("value open at step 0", "value close at step 0", "value open at step 1")
    assert names[-1] == "correlation close and open"


@pytest.mark.parametrize(("length", "channels"), [(4, 1), (24, 6), (200, 3), (30, 12)])
def test_shapes_and_units(length, channels):
    x = autoregressive(0.5, 300, 0, length, channels) * 7 + 100
    features = series_features(x)
    f = features(x.float())
    assert f.shape == (300, features.dim) and f.dtype == torch.float32
    assert f.mean(0).abs().max() < 1e-3 and (f.std(0) - 1).abs().max() < 1e-3
    assert len(feature_names(length, tuple(f"c{k}" for k in range(channels)))) == features.dim
    assert (length * channels <= 256) == (features.dim > length * channels)


def test_constant_channels_and_still_windows():
    x = autoregressive(0.5, 100, 0)
    x[..., 1] = 0.1
    features = series_features(x)
    assert features(x).abs().max() < 50
    moved = x.clone()
    moved[..., 1] += 1
    assert (features(moved) - features(x)).abs().max() == pytest.approx(1, abs=1e-3)
    assert torch.isfinite(features(torch.zeros_like(x))).all()


def test_the_digest_is_of_the_definition():
    x = autoregressive(0.5, 100, 0)
    first = series_features(x)
    assert first.digest == series_features(x.clone()).digest != series_features(x * 2).digest
    assert (first.name, first.version) == ("mintage-series", "1")


def test_what_does_not_fit_is_refused():
    x = autoregressive(0.5, 10, 0)
    with pytest.raises(ValueError, match=r"windows \[n, 24, 2\]"):
        series_features(x)(x[:, :20])
    for bad in (x[0], x[:1], x[:, :3]):
        with pytest.raises(ValueError, match="n >= 2 and 4 steps"):
            series_features(bad)
    with pytest.raises(ValueError, match="NaN"):
        series_features(torch.full_like(x, torch.nan))


def test_alike_is_at_the_floor_and_another_coefficient_is_seen():
    real, again, third = (autoregressive(0.8, 1000, seed) for seed in range(3))
    features = series_features(real)
    floor = frechet_distance(features(real), features(again))
    assert frechet_distance(features(real), features(third)) == pytest.approx(floor, rel=0.2)
    assert classifier_test(features(real), features(again)).p_value > 0.01
    other = features(autoregressive(0.7, 1000, 3))
    assert frechet_distance(features(real), other) > 3 * floor
    assert classifier_test(features(real), other).accuracy > 0.7


def test_steps_out_of_order_keep_the_values_and_move_the_features():
    real, again = autoregressive(0.8, 1000, 0), autoregressive(0.8, 1000, 1)
    order = torch.rand(1000, 24, generator=torch.Generator().manual_seed(2)).argsort(1)
    mixed = again.gather(1, order[..., None].expand(-1, -1, 2))
    assert torch.equal(mixed.flatten(0, 1).sort(0).values, again.flatten(0, 1).sort(0).values)
    features, names = series_features(real), feature_names(24, ("a", "b"))
    shift = (features(mixed).mean(0) - features(again).mean(0)).abs()
    moved = {names[k].split()[0] for k in (shift > 1).nonzero()[:, 0].tolist()}
    assert {"autocorrelation_1", "autocorrelation_2", "log_increments", "band_0"} <= moved
    assert not {"value", "mean", "log_deviation", "skewness"} & moved
    assert classifier_test(features(real), features(mixed)).accuracy > 0.95


def test_google_stock_backwards(shared_data):
    """Prices rise over these years, and fall when each window is played backwards."""
    x = open_series(shared_data / "timeseries" / "google_stock.csv").x
    features = series_features(x)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    a, b = x[order[:1800]], x[order[1800:]]
    floor = frechet_distance(features(a), features(b))
    assert frechet_distance(features(a), features(b.flip(1))) > 1.2 * floor
    mixed = b[:, torch.randperm(24, generator=torch.Generator().manual_seed(1))]
    assert frechet_distance(features(a), features(mixed)) > 20 * floor
