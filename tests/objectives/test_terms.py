"""Terms beside the adversarial ones: feature matching, information, classes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mintage.objectives import (
    auxiliary_class,
    categorical_information,
    feature_matching,
    gaussian_information,
    realness,
    semi_supervised,
)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_feature_matching_is_the_squared_distance_of_mean_features() -> None:
    real = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    fake = torch.tensor([[0.0, 0.0], [2.0, 1.0], [1.0, 2.0]])
    assert feature_matching(real, fake).item() == pytest.approx((2 - 1) ** 2 + (4 - 1) ** 2)
    maps = normal(0, 6, 3, 2, 2), normal(1, 6, 3, 2, 2)
    assert feature_matching(*maps).item() == pytest.approx(feature_matching(*(each.flatten(1) for each in maps)).item())
    assert feature_matching(real, real.flip(0)).item() == 0
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        feature_matching(real, normal(2, 4, 3))


def test_feature_matching_moves_fakes_by_the_gap_of_the_means() -> None:
    real, fake = normal(3, 8, 5), normal(4, 8, 5).requires_grad_()
    (slope,) = torch.autograd.grad(feature_matching(real, fake), fake)
    assert torch.allclose(slope, (2 / 8 * (fake.mean(0) - real.mean(0))).expand(8, 5))


JOINT = torch.tensor([[0.30, 0.10, 0.05], [0.05, 0.20, 0.30]], dtype=torch.float64)
"""p(c, x) of a code of two classes and three outcomes."""
PRIOR, MARGINAL = JOINT.sum(1), JOINT.sum(0)
INFORMATION = float((JOINT * (JOINT / (PRIOR[:, None] * MARGINAL)).log()).sum())
ENTROPY = -float((PRIOR * PRIOR.log()).sum())


def read_back(table: Tensor) -> float:
    """The term, of Q's logits [x, c], over hundred (c, x) shared out as JOINT."""
    counts = (100 * JOINT).round().long()
    c, x = (torch.repeat_interleave(index, counts.flatten())
            for index in torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij") for index in [index.flatten()])
    return float(categorical_information(table[x], c))


def test_the_posterior_makes_the_bound_tight_and_nothing_passes_it() -> None:
    assert ENTROPY - read_back((JOINT / MARGINAL).log().T) == pytest.approx(INFORMATION, abs=1e-12)
    for seed in range(20):
        assert ENTROPY - read_back(normal(seed, 3, 2)) < INFORMATION
    assert read_back(torch.zeros(3, 2, dtype=torch.float64)) == pytest.approx(math.log(2))


def test_a_gaussian_code_gives_the_likelihood_of_a_gaussian() -> None:
    mean, code, log_variance = normal(5, 6, 3), normal(6, 6, 3), normal(7, 6, 3)
    exact = -torch.distributions.Normal(mean, (log_variance / 2).exp()).log_prob(code).sum(1).mean()
    assert gaussian_information(mean, code, log_variance).item() == pytest.approx(exact.item(), rel=1e-12)
    fixed = gaussian_information(mean, code).item()
    squared = ((mean - code) ** 2).sum(1).mean().item() / 2
    assert fixed == pytest.approx(squared + 1.5 * math.log(2 * math.pi), rel=1e-12)
    assert gaussian_information(mean, code, math.log(0.25)).item() == pytest.approx(
        4 * squared + 1.5 * math.log(2 * math.pi * 0.25), rel=1e-12)
    assert gaussian_information(mean[:, 0], code[:, 0]).item() == pytest.approx(
        gaussian_information(mean[:, :1], code[:, :1]).item(), rel=1e-12)


def test_the_gaussian_bound_is_tight_on_a_gaussian_channel() -> None:
    """c ~ N(0, 1), x = c + noise of variance 1: I = log 2 / 2, and Q = N(x / 2, 1 / 2) attains it."""
    nodes = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(400, dtype=torch.float64) + 0.5) / 400)
    c = nodes.repeat_interleave(400)
    x = c + nodes.repeat(400)
    entropy = math.log(2 * math.pi * math.e) / 2
    assert entropy - gaussian_information(x / 2, c, math.log(0.5)).item() == pytest.approx(math.log(2) / 2, abs=5e-3)
    assert entropy - gaussian_information(x / 3, c, math.log(0.5)).item() < math.log(2) / 2 - 0.02


def test_the_class_term_is_a_cross_entropy() -> None:
    logits, y = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([2, 0])
    first = math.log(sum(math.exp(v - 0.5) for v in (2.0, -1.0, 0.5)))
    assert auxiliary_class(logits, y).item() == pytest.approx((first + math.log(3)) / 2, rel=1e-12)
    assert auxiliary_class(logits, y.int()) == auxiliary_class(logits, y) == categorical_information(logits, y)
    assert auxiliary_class(torch.eye(3) * 100, torch.arange(3)).item() < 1e-6


def test_semi_supervision_is_a_softmax_of_one_class_more() -> None:
    labelled, real, fake, y = normal(8, 5, 4), normal(9, 6, 4), normal(10, 7, 4), torch.tensor([0, 3, 1, 1, 2])
    terms = semi_supervised(labelled, y, real, fake)

    def more(logits: Tensor) -> Tensor:
        return torch.cat([logits, torch.zeros(len(logits), 1)], 1).log_softmax(1)

    among = more(labelled)[:, :4] - (1 - more(labelled)[:, 4:].exp()).log()
    assert terms["supervised"].item() == pytest.approx(-among.gather(1, y[:, None]).mean().item(), rel=1e-12)
    unsupervised = -(1 - more(real)[:, 4].exp()).log().mean() - more(fake)[:, 4].mean()
    assert terms["unsupervised"].item() == pytest.approx(unsupervised.item(), rel=1e-12)


def test_semi_supervision_at_equilibrium_and_at_extremes() -> None:
    rest = torch.full((6, 4), -math.log(4.0), dtype=torch.float64)
    assert torch.allclose(realness(rest), torch.zeros(6).double(), atol=1e-12)
    assert semi_supervised(rest, torch.zeros(6).long(), rest, rest)["unsupervised"].item() == pytest.approx(math.log(4))
    for size in (100.0, -100.0):
        far = torch.full((2, 3), size)
        assert all(term.isfinite() for term in semi_supervised(far, torch.zeros(2).long(), far, -far).values())


@pytest.mark.parametrize("y", [torch.zeros(4), torch.zeros(3).long(), torch.zeros(4, 3).long(), torch.zeros(4).bool()])
def test_labels_that_are_no_classes_are_refused(y: Tensor) -> None:
    for term in (auxiliary_class, categorical_information):
        with pytest.raises(ValueError, match="classes .N. as integers"):
            term(torch.zeros(4, 3), y)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"means \(4, 2\), codes \(4,\)"):
        gaussian_information(torch.zeros(4, 2), torch.zeros(4))
    with pytest.raises(ValueError, match=r"log-variances \(4,\)"):
        gaussian_information(torch.zeros(4, 2), torch.zeros(4, 2), torch.zeros(4))
    with pytest.raises(ValueError, match="same K on all three"):
        semi_supervised(torch.zeros(4, 3), torch.zeros(4).long(), torch.zeros(4, 3), torch.zeros(4, 2))
