"""The linear probe: equal to ridge regression, its choice honest, and the critic's features it is for."""

from __future__ import annotations

import pytest
import torch

from mintage.evaluation.probe import few_of_each, linear_probe
from mintage.networks import DCGANDiscriminator, MLPDiscriminator, ResidualDiscriminator, critic_features


def blobs(n: int, seed: int, d: int = 5, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    centres = 3 * torch.randn(classes, d, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    return centres[y] + torch.randn(n, d, generator=g, dtype=torch.float64), y


@pytest.mark.parametrize(("n", "d"), [(60, 5), (12, 40)])
def test_it_is_ridge_regression(n: int, d: int) -> None:
    from sklearn.linear_model import Ridge

    f, y = blobs(n, 0, d)
    probe = linear_probe(f, y, 3, strengths=(0.3,))
    g = (f - f.mean(0)) / f.std(0, correction=0)
    unit = torch.linalg.svdvals(g).square().mean().item()
    twin = Ridge(alpha=0.3 * unit).fit(g.numpy(), torch.eye(3, dtype=torch.float64)[y].numpy())
    other, _ = blobs(9, 1, d)
    mine = probe.scores(other)
    theirs = torch.from_numpy(twin.predict(((other - f.mean(0)) / f.std(0, correction=0)).numpy()))
    assert torch.allclose(mine, theirs, atol=1e-8)


def test_left_out_examples_are_as_if_they_had_been_left_out() -> None:
    """The share right of left-out examples equals refitting without each, with the standardisation of all."""
    f, y = blobs(15, 2)
    f = f / 4
    probe = linear_probe(f, y, 3, strengths=(0.1,))
    g = (f - f.mean(0)) / f.std(0, correction=0)
    strength = 0.1 * torch.linalg.svdvals(g).square().mean()
    design = torch.cat([g, torch.ones(15, 1, dtype=g.dtype)], 1)
    ridge = torch.diag(torch.cat([strength.expand(5), torch.zeros(1, dtype=g.dtype)]))
    right = 0
    for i in range(15):
        keep = torch.arange(15) != i
        A, T = design[keep], torch.eye(3, dtype=g.dtype)[y[keep]]
        w = torch.linalg.solve(A.T @ A + ridge, A.T @ T)
        right += int((design[i] @ w).argmax() == y[i])
    assert probe.left_out == pytest.approx(right / 15)


def test_it_learns_and_noise_is_shrunk() -> None:
    (f, y), (g, t) = blobs(60, 3), blobs(300, 4)
    assert linear_probe(f, y, 3).accuracy(g, t) > 0.95
    noise = torch.randn(60, 5, generator=torch.Generator().manual_seed(5))
    assert linear_probe(noise, y, 3).left_out < 0.6
    assert linear_probe(torch.ones(6, 4), torch.arange(6) % 2, 2).scores(torch.ones(2, 4)).isfinite().all()


def test_few_of_each() -> None:
    y = torch.tensor([0, 1, 1, 0, 2, 2, 2, 1])
    chosen = few_of_each(y, 2, torch.Generator().manual_seed(0))
    assert y[chosen].tolist() == [0, 0, 1, 1, 2, 2] and len(set(chosen.tolist())) == 6
    with pytest.raises(ValueError, match="class 0 has 2"):
        few_of_each(y, 3, torch.Generator().manual_seed(0))


def test_refusals() -> None:
    for f, y in ((torch.zeros(3, 2), torch.zeros(2).long()), (torch.zeros(3, 2), torch.tensor([0, 1, 5]))):
        with pytest.raises(ValueError, match="a probe of 2 classes"):
            linear_probe(f, y, 2)


@pytest.mark.parametrize("kind", ["own", "batch norm", "hooked", "points"])
def test_critics_give_what_their_last_layer_reads(kind: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(5, *((4,) if kind == "points" else (1, 8, 8)))
    D = {"own": lambda: DCGANDiscriminator((1, 8, 8), size="XS", batch_norm=False),
         "batch norm": lambda: DCGANDiscriminator((1, 8, 8), size="XS"),
         "hooked": lambda: ResidualDiscriminator((1, 8, 8), size="XS"),
         "points": lambda: MLPDiscriminator((4,))}[kind]()
    found = critic_features(D, x, at_once=2)
    assert found.shape[0] == 5 and found.ndim == 2 and D.training
    assert torch.allclose(found[:1], critic_features(D, x[:1]), atol=1e-5)  # examples do not see one another
    if kind == "points":
        assert torch.allclose(found, D.net.hidden(x), atol=1e-5)
        assert torch.allclose(D.net.last(found).squeeze(1), D(x), atol=1e-5)
