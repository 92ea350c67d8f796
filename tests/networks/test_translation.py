"""Networks that make images from images: what they see, what they keep, and the reductions they are trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import instance_norm

from mintage.data.reductions import cropped, reduced
from mintage.networks import (
    InstanceNorm,
    PatchCritic,
    ResidualTranslator,
    SRCritic,
    SRResNet,
    UNet,
    enlarged,
    halvings_for,
    joined,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (33, 17), (48, 64), (100, 75)])
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 1), (1, 4), (2, 3)])
def test_any_size_and_channels(size: tuple[int, int], inputs: int, outputs: int) -> None:
    c = random(2, inputs, *size)
    for net in (UNet(inputs, outputs, size, size="XS"), ResidualTranslator(inputs, outputs, size="XS")):
        x = net(c)
        assert x.shape == (2, outputs, *size) and float(x.detach().abs().max()) <= 1
    other = (size[0] + 5, size[1] + 9)
    assert UNet(inputs, outputs, size, size="XS")(random(1, inputs, *other)).shape == (1, outputs, *other)


def test_small_images_and_wrong_sizes_are_refused() -> None:
    for make in (lambda: UNet(3, 3, (7, 16)), lambda: ResidualTranslator(3, 3, size="XS")(random(1, 3, 7, 16)),
                 lambda: PatchCritic(3, width=4)(random(1, 3, 7, 16))):
        with pytest.raises(ValueError, match="8 pixels or more"):
            make()
    for kind, made in ((UNet, lambda s: UNet(1, 1, (8, 8), size=s)), (SRResNet, lambda s: SRResNet(1, size=s)),
                       (ResidualTranslator, lambda s: ResidualTranslator(1, 1, size=s))):
        with pytest.raises(ValueError, match="did you mean 'XS'"):
            made("xs")
        assert kind.__doc__
    with pytest.raises(ValueError, match="4 channels"):
        PatchCritic(4, width=4)(random(1, 3, 16, 16))


def test_instance_norm_is_torchs() -> None:
    x, norm = random(3, 5, 7, 6), InstanceNorm(5)
    norm.weight.data, norm.bias.data = random(5), random(5, seed=1)
    assert torch.allclose(norm(x), instance_norm(x, weight=norm.weight, bias=norm.bias), atol=1e-5)


@pytest.mark.parametrize(("halvings", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_is_as_large_as_the_paper_says(halvings: int, patch: int) -> None:
    net = PatchCritic(1, width=4, halvings=halvings)
    net.layers = nn.Sequential(*[nn.Identity() if isinstance(layer, InstanceNorm) else layer for layer in net.layers])
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)
    x = torch.ones(1, 1, 120, 120, requires_grad=True)
    logits = net(x)
    (slope,) = torch.autograd.grad(logits[0, logits.shape[1] // 2, logits.shape[2] // 2], x)
    rows, columns = slope[0, 0].nonzero().unbind(1)
    assert int(rows.max() - rows.min()) + 1 == patch and int(columns.max() - columns.min()) + 1 == patch
    assert [halvings_for(side, 300) for side in (47, 48, 95, 96)] == [1, 2, 2, 3]


def test_noise_stays_in_evaluation_only_where_asked() -> None:
    c = random(1, 3, 32, 32)
    noisy, quiet = UNet(3, 3, (32, 32), size="XS").eval(), UNet(3, 3, (32, 32), size="XS", noisy=False).eval()
    assert not torch.equal(noisy(c), noisy(c)) and torch.equal(quiet(c), quiet(c))
    assert not noisy.training and torch.equal(joined(c, c), torch.cat([c, c], 1))


def test_the_skips_of_a_unet_carry_what_the_bottom_loses() -> None:
    """With the bottom of the U cut off, the image still depends on every pixel near it."""
    net = UNet(1, 1, (32, 32), size="XS", dropout=0.0)
    c = random(1, 1, 32, 32).requires_grad_(True)
    with torch.no_grad():
        for up in list(net.up)[-1:]:
            up[1].weight.zero_()
    (slope,) = torch.autograd.grad(net(c)[0, 0, 16, 16], c)
    assert float(slope[0, 0, 15:18, 15:18].abs().sum()) > 0


@pytest.mark.parametrize("size", ["XS", "S"])
def test_a_place_depends_on_its_reach_and_no_more(size: str) -> None:
    net = SRResNet(1, size=size).double()
    side = 2 * net.reach + 9
    c = random(1, 1, side, side).double().requires_grad_(True)
    x = net(c)
    assert x.shape == (1, 1, 4 * side, 4 * side)
    middle = 4 * (side // 2)
    (slope,) = torch.autograd.grad(x[0, 0, middle:middle + 4, middle:middle + 4].sum(), c)
    rows = slope[0, 0].abs().sum(1).nonzero()[:, 0]
    assert side // 2 - int(rows.min()) <= net.reach and int(rows.max()) - side // 2 <= net.reach
    assert side // 2 - int(rows.min()) >= net.reach - 2, "a margin much too wide costs time"


def test_super_resolution_begins_near_the_bicubic_enlargement() -> None:
    c = random(2, 3, 12, 10)
    made = SRResNet(3, size="XS")(c)
    assert made.dtype == torch.float32 and float((made - enlarged(c)).detach().abs().mean()) < 0.1


def test_the_critic_of_crops_of_any_side() -> None:
    for crop in (4, 8, 20, 96):
        critic = SRCritic(2, width=4, crop=crop)
        maps = critic.features(random(3, 2, crop, crop))
        assert critic(random(3, 2, crop, crop)).shape == (3,) and 1 <= len(maps) <= 4
        assert all(later.shape[2] < earlier.shape[2] for earlier, later in zip(maps, maps[1:], strict=False))


def test_resizing_is_pillows_bicubic() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (36, 52), dtype=np.uint8)
    x = torch.from_numpy(pixels)[None, None] / 127.5 - 1
    expected = Image.fromarray(pixels).resize((13, 9), Image.Resampling.BICUBIC)
    found = (reduced(x)[0, 0] + 1) * 127.5
    assert float((found - torch.from_numpy(np.array(expected))).abs().max()) <= 1.0
    plane = Image.fromarray(x[0, 0].numpy())
    larger = torch.from_numpy(np.array(plane.resize((208, 144), Image.Resampling.BICUBIC)))
    assert torch.allclose(enlarged(x)[0, 0], larger, atol=1e-4)


def test_reduced_sides_are_rounded_up_and_levels_are_those_of_a_file() -> None:
    small = reduced(random(2, 3, 33, 17))
    assert small.shape == (2, 3, 9, 5)
    assert torch.allclose((small + 1) * 127.5, ((small + 1) * 127.5).round(), atol=1e-4)


def test_crops_are_of_the_same_place() -> None:
    """Of an image whose pixels say where they are, the crop of c says the same place as that of x."""
    rows = torch.arange(40.0).view(1, 1, 40, 1).expand(4, 1, 40, 40)
    c, x = cropped(rows[:, :, ::4, ::4].contiguous(), rows, 3, torch.Generator().manual_seed(1))
    assert c.shape == (4, 1, 3, 3) and x.shape == (4, 1, 12, 12)
    assert torch.equal(c[:, 0, 0, 0], x[:, 0, 0, 0]) and torch.equal(c[:, 0, 2, 0], x[:, 0, 8, 0])
    assert len(set(c[:, 0, 0, 0].tolist())) > 1


def test_a_residual_translator_begins_near_what_it_is_given() -> None:
    c = random(2, 3, 16, 20)
    near, far = (ResidualTranslator(3, 3, size="XS", residual=residual) for residual in (True, False))
    assert float((near(c) - c).detach().abs().mean()) < 0.1 < float((far(c) - c).detach().abs().mean())
    with pytest.raises(ValueError, match="leave residual out"):
        ResidualTranslator(3, 1, size="XS", residual=True)
