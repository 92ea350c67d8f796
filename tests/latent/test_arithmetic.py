"""Sums of mean codes, and directions that are told by labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mintage.latent import combined, difference_of_means, logistic_direction, mean_codes, ridge_direction
from mintage.latent.arithmetic import parse


def gaussian_pair(n: int = 4000, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Codes of two classes with one covariance, their labels, and the best linear direction."""
    g = torch.Generator().manual_seed(seed)
    root = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.3, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    shift = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    t = (torch.rand(n, generator=g) < 0.5).long()
    z = torch.randn(n, 3, generator=g, dtype=torch.float64) @ root.T + t[:, None] * shift
    best = torch.linalg.solve(root @ root.T, shift)
    return z, t, best / best.norm()


@pytest.mark.parametrize(("text", "terms"), [
    ("A - B + C", [(1, "A"), (-1, "B"), (1, "C")]),
    ("T-shirt/top - Ankle boot", [(1, "T-shirt/top"), (-1, "Ankle boot")]),
    ("- 3 + 5", [(-1, "3"), (1, "5")]),
    ("faces/a-1.png", [(1, "faces/a-1.png")]),
])
def test_sums_are_read(text: str, terms: list[tuple[int, str]]) -> None:
    assert parse(text) == terms


@pytest.mark.parametrize("text", ["", "  ", "A - + B", "A + ", "- "])
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a sum"):
        parse(text)


def test_a_minus_b_plus_c() -> None:
    codes = torch.eye(3)
    y = torch.tensor([0, 1, 2])
    means = mean_codes(codes, ["man", "woman", "glasses", "none of it"], y)
    assert set(means) == {"man", "woman", "glasses"}
    assert torch.equal(combined("glasses - man + woman", means), torch.tensor([-1.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match="did you mean 'woman'"):
        combined("glasses - wuman", means)


def test_the_difference_of_means_moves_one_mean_to_the_other() -> None:
    z, t, _ = gaussian_pair()
    moved = z[t == 0] + difference_of_means(z, t)
    assert torch.allclose(moved.mean(0), z[t == 1].mean(0))


@pytest.mark.parametrize("direction", [ridge_direction, logistic_direction])
def test_normals_of_boundaries_undo_correlation(direction) -> None:
    z, t, best = gaussian_pair()
    found = direction(z, t, 1e-6)
    assert found.norm().item() == pytest.approx(1)
    means = difference_of_means(z, t)
    assert (found @ best).item() > 0.99 > 0.9 > (means / means.norm() @ best).item()


def test_ridge_equals_least_squares() -> None:
    z, t, _ = gaussian_pair(200)
    design = torch.cat([z, torch.ones(200, 1, dtype=z.dtype)], 1)
    w = torch.linalg.lstsq(design, t.double()[:, None]).solution[:3, 0]
    assert torch.allclose(ridge_direction(z, t, 0.0), w / w.norm())


def test_logistic_is_a_minimum() -> None:
    z, t, _ = gaussian_pair(300)
    found, strength = logistic_direction(z, t, 0.1), 0.1
    scale = z.std(0, correction=0)
    units = ((z - z.mean(0)) / scale)

    wb = torch.zeros(4, dtype=z.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([wb], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(units @ wb[:3] + wb[3], t.double())
        loss = loss + strength * wb[:3].square().sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    normal = wb[:3].detach() / scale
    assert torch.allclose(found, normal / normal.norm(), atol=1e-6)


@pytest.mark.parametrize("t", [torch.ones(10), torch.arange(10), torch.zeros(9)])
def test_attributes_are_checked(t: Tensor) -> None:
    with pytest.raises(ValueError, match="0 and 1|as many labels"):
        ridge_direction(torch.randn(10, 2, generator=torch.Generator().manual_seed(0)), t)
