"""Growing networks: what speaks at a level, how the next fades in, and that what is silent costs nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mintage.networks import ProgressiveDiscriminator, ProgressiveGenerator
from mintage.networks.progressive import PixelNorm
from mintage.networks.style_synthesis import StyleRow

TINY = StyleRow(base=128, top=16, w_dim=12, depth=2)
SHAPES = [(1, 28, 28), (3, 64, 48), (2, 50, 37), (1, 8, 8), (4, 33, 17), (3, 7, 7), (1, 3, 5)]


def pair(shape: tuple[int, int, int], level: float | None = None, **given: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    knob = None if level is None else torch.tensor(level)
    return (ProgressiveGenerator(shape, size=TINY, level=knob, **given),
            ProgressiveDiscriminator(shape, size=TINY, level=knob))


def latents(n: int = 4) -> Tensor:
    return torch.randn(n, 12, generator=torch.Generator().manual_seed(1))


def reals(shape: tuple[int, int, int], n: int = 4) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_types_at_every_level(shape: tuple[int, int, int]) -> None:
    G, D = pair(shape, 0.0)
    for half in range(2 * G.grid.levels + 1):
        G.level.fill_(half / 2)
        small = G.grid.at((half + 1) // 2)
        assert G.size == D.size == small
        assert G.grown(latents()).shape == D.shown(reals(shape)).shape == (4, shape[0], *small)
        fake = G(latents())
        assert fake.shape == (4, *shape) and fake.dtype == torch.float32
        for x in (fake, reals(shape), G.grown(latents())):
            logits = D(x)
            assert logits.shape == (4,) and bool(logits.isfinite().all())
        with torch.autocast("cpu", torch.bfloat16):
            assert G(latents()).dtype == D(fake).dtype == torch.float32


def test_fading_begins_at_the_old_level_and_ends_at_the_new() -> None:
    shape = (3, 32, 32)
    G, D = pair(shape, 1.0)
    assert G.level is D.level

    def seen(level: float) -> tuple[Tensor, Tensor, Tensor]:
        G.level.fill_(level)
        return G(latents()), D.shown(reals(shape)), D(reals(shape))

    for start, near in ((1.0, 1.00001), (2.0, 1.99999)):
        (image, shown, logit), (image_near, shown_near, logit_near) = seen(start), seen(near)
        assert torch.allclose(image, image_near, atol=1e-3)
        assert torch.allclose(interpolate(shown, shown_near.shape[2:]), shown_near, atol=1e-3)
        assert torch.allclose(logit, logit_near, atol=1e-3)
    half, ends = seen(1.5)[0], (seen(1.0)[0] + seen(2.0)[0]) / 2
    assert torch.allclose(half, ends, atol=1e-5)


def test_early_samples_are_blocks_of_the_level_and_are_judged_as_what_they_are() -> None:
    G, D = pair((3, 32, 32), 1.0)
    x = G(latents())
    small = x[..., ::4, ::4]
    assert small.shape[2:] == (8, 8) and torch.equal(interpolate(small, (32, 32)), x)
    assert torch.equal(G.grown(latents()), small)
    assert torch.allclose(D(x), D(G.grown(latents())), atol=1e-5)
    assert torch.allclose(D.shown(reals((3, 32, 32))).mean((2, 3)), reals((3, 32, 32)).mean((2, 3)), atol=1e-5)


def positions(net: nn.Module, *given: Tensor) -> int:
    """Multiplications of all convolutions in a pass."""
    counted = []

    def count(layer: Any, inputs: Any, output: Tensor) -> None:
        counted.append(output[0].numel() * layer.weight[0].numel())

    handles = [layer.register_forward_hook(count) for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        net(*given)
    for handle in handles:
        handle.remove()
    return sum(counted)


def test_silent_levels_cost_nothing_and_get_no_gradient() -> None:
    shape = (1, 32, 32)
    G, D = pair(shape, 0.0)
    low = positions(G, latents()), positions(D, reals(shape))
    G.level.fill_(3.0)
    full = positions(G, latents()), positions(D, reals(shape))
    assert all(20 * a < b for a, b in zip(low, full, strict=True))
    for level, spoken in ((0.0, {"0"}), (0.5, {"0", "1"}), (1.0, {"1"}), (2.5, {"2", "3"})):
        G.level.fill_(level)
        for net in (G, D):
            net.zero_grad(set_to_none=True)
        D(G.grown(latents())).sum().backward()
        for ends in (G.paintings, D.readings):
            assert {name.split(".")[0] for name, p in ends.named_parameters() if p.grad is not None} == spoken
        blocks = {name.split(".")[0] for name, p in G.blocks.named_parameters() if p.grad is not None}
        assert blocks == {str(k) for k in range(-(-int(2 * level) // 2))}


def test_weights_of_equalised_rate_and_pixel_norm() -> None:
    G, D = (ProgressiveGenerator((3, 16, 16), size="S"), ProgressiveDiscriminator((3, 16, 16), size="S"))
    for net in (G, D):
        stored = torch.cat([p.detach().flatten() for name, p in net.named_parameters() if name.endswith("original")])
        assert float(stored.std()) == pytest.approx(1, abs=0.02) and float(stored.mean()) == pytest.approx(0, abs=0.02)
    x = PixelNorm()(torch.randn(2, 8, 3, 3, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(x.square().mean(1), torch.ones(2, 3, 3), atol=1e-5)
    h = G.first(torch.randn(64, G.z_dim, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(h.square().mean(1), torch.ones(()), atol=1e-4)


def test_a_batch_of_one_picture_is_told_from_a_batch_of_many() -> None:
    D = pair((1, 16, 16))[1]
    many = reals((1, 16, 16))
    alone = torch.cat([D(x[None].expand(4, -1, -1, -1))[:1] for x in many])
    assert not torch.allclose(D(many), alone, atol=1e-4)
    assert torch.allclose(D(many[2:3]), alone[2:3], atol=1e-4)


def test_weights_travel_with_the_level() -> None:
    G, _ = pair((1, 16, 16), 0.5)
    other = ProgressiveGenerator((1, 16, 16), size=TINY)
    assert float(other.level) == 2
    other.load_state_dict(G.state_dict())
    assert float(other.level) == 0.5 and torch.equal(other(latents()), G(latents()))
    twin = copy.deepcopy(G)
    G.level.fill_(2.0)
    assert float(twin.level) == 0.5


def test_refusals() -> None:
    with pytest.raises(ValueError, match="one float"):
        pair((1, 8, 8))[0].__class__((1, 8, 8), level=torch.zeros(2))
    with pytest.raises(ValueError, match="size"):
        ProgressiveDiscriminator((1, 8, 8), size="XXS")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        ProgressiveGenerator((0, 8, 8))
