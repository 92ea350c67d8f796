"""The path length equals its closed form where features are linear in z, and refuses what would mislead."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor, small_image_features
from mintage.evaluation.measures.path_length import path_length, unrounded_image_features
from mintage.latent import linear, normal

IDENTITY = Extractor("identity", "1", "0", 5, lambda x: x)


def on_circle(n: int, g: torch.Generator) -> Tensor:
    z = torch.randn(n, 5, generator=g, dtype=torch.float64)
    return z / z.norm(dim=1, keepdim=True)


def test_on_the_sphere_it_is_the_mean_squared_angle() -> None:
    """Of unit latents, slerp turns by the angle between them at constant speed; 0 where both directions were drawn."""
    found = path_length(lambda z: z, on_circle, IDENTITY, n=4000, step=1e-3)
    g = torch.Generator().manual_seed(9)
    angles = (on_circle(20_000, g) * on_circle(20_000, g)).sum(1).acos().square()
    low, high = angles.quantile(0.01), angles.quantile(0.99)
    expected = float(angles[(angles >= low) & (angles <= high)].mean())
    assert abs(found.length - expected) < 4 * found.error < 0.15
    assert found.n == 4000 and 3900 < found.kept < 4000 and found.extractor == "identity"


@pytest.mark.parametrize("ends", [False, True])
def test_on_lines_it_is_the_squared_length_times_the_slope(ends: bool) -> None:
    """Of normal z: E |A (b - a)|^2 = 2 |A|^2."""
    A = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = path_length(lambda z: z.double() @ A.T, normal(5), IDENTITY, n=4000, step=0.01, between=linear, ends=ends)
    assert found.untrimmed == pytest.approx(2 * float(A.square().sum()), rel=0.06)
    assert found.length < found.untrimmed


@pytest.mark.parametrize(("ends", "expected"), [(False, 2), (True, 4)])
def test_the_ends_of_a_path_are_not_its_whole(ends: bool, expected: float) -> None:
    """f = z^2 / 2 changes by z(t) (b - a); the mean square is 2 over all t, and 4 at t = 0."""
    found = path_length(lambda z: z.double() ** 2 / 2, normal(1), Extractor("one", "1", "0", 1, lambda x: x), n=40_000,
                        step=1e-3, between=linear, ends=ends, batch=4000)
    assert found.untrimmed == pytest.approx(expected, rel=0.08)


def test_a_step_does_not_matter_and_a_seed_fixes_it() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 48), torch.nn.Tanh())

    def generate(z: Tensor) -> Tensor:
        with torch.no_grad():
            return net(z).reshape(-1, 3, 4, 4)

    def measured(**kw):
        return path_length(generate, normal(5), unrounded_image_features(), n=200, **kw)

    one = measured()
    assert one == measured() != measured(seed=1)
    assert measured(step=1e-3).length == pytest.approx(one.length, rel=0.05)
    assert one.length > 0 and one.extractor == "mintage-small-unrounded"
    assert measured(batch=33).n == 200
    with pytest.raises(ValueError, match="'mintage-small' rounds pictures"):
        path_length(generate, normal(5), small_image_features(), n=200)


def test_latents_of_several_layers() -> None:
    deep = path_length(lambda w: w.sum(1), lambda n, g: torch.randn(n, 3, 5, generator=g), IDENTITY, n=100,
                       between=linear)
    assert deep.length > 0


@pytest.mark.parametrize(("kw", "said"), [({"n": 99}, "n = 99"), ({"step": 0.0}, "step 0.0"), ({}, "NaN or infinite")])
def test_what_cannot_be_measured(kw: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        path_length(lambda z: z / 0, normal(5), IDENTITY, **{"n": 100, **kw})
