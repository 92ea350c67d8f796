"""The FactorVAE score of codes that are made to be known."""

from __future__ import annotations

import pytest
import torch

from mintage.evaluation.measures.disentanglement import factor_vae_score


def votes(mixing: torch.Tensor, n: int = 400, of: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes = factors times a matrix, factors uniform and independent, one fixed in each vote."""
    random = torch.Generator().manual_seed(0)
    k = len(mixing)
    factors, fixed = torch.rand(n, of, k, generator=random), torch.randint(k, (n,), generator=random)
    for vote, which in enumerate(fixed.tolist()):
        factors[vote, :, which] = factors[vote, 0, which]
    free = torch.rand(5000, k, generator=random)
    return factors @ mixing, fixed, (free @ mixing).std(0)


def test_one_code_a_factor_scores_1_in_any_order_and_scale() -> None:
    mixing = torch.eye(4)[:, [2, 0, 3, 1]] * torch.tensor([1.0, -5.0, 0.1, 30.0])
    assert factor_vae_score(*votes(mixing)) == (1.0, [1.0] * len(mixing))


def test_two_factors_seen_of_four_score_half() -> None:
    # Each of the two codes stands for its factor; votes on the other two factors are lost.
    found = factor_vae_score(*votes(torch.eye(4)[:, :2]))
    assert found.score == pytest.approx(0.5, abs=0.08)
    assert found.each == pytest.approx([1, 1, 0, 0], abs=0.01)


def test_codes_of_nothing_score_chance() -> None:
    codes, fixed, spread = votes(torch.eye(4))
    noise = torch.rand(codes.shape, generator=torch.Generator().manual_seed(1))
    assert factor_vae_score(noise, fixed, noise.flatten(0, 1).std(0)).score == pytest.approx(0.25, abs=0.1)


def test_dead_codes_do_not_vote() -> None:
    mixing = torch.cat([torch.eye(3), torch.zeros(3, 1)], 1)
    assert factor_vae_score(*votes(mixing)) == (1.0, [1.0] * len(mixing))
    with pytest.raises(ValueError, match="no code varies"):
        factor_vae_score(torch.zeros(4, 2, 1), torch.zeros(4, dtype=torch.int64), torch.zeros(1))
    with pytest.raises(ValueError, match="2 votes"):
        factor_vae_score(torch.zeros(1, 2, 1), torch.zeros(1, dtype=torch.int64), torch.ones(1))
