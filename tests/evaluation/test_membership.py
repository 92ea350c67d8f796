"""Membership: the AUC and its interval are right, memory is found, and fresh samples give nothing away."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.evaluation.measures.membership import distance_attack, membership_auc


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("decimals", [6, 0])
def test_the_auc_is_sklearns(decimals):
    metrics = pytest.importorskip("sklearn.metrics")
    a, b = normal(80, 1, 1)[:, 0].round(decimals=decimals) + 0.5, normal(120, 1, 2)[:, 0].round(decimals=decimals)
    found = membership_auc(a, b)
    expected = metrics.roc_auc_score(np.r_[np.ones(80), np.zeros(120)], torch.cat([a, b]).numpy())
    assert found.auc == pytest.approx(expected, abs=1e-12)
    above = (a[:, None] > b).double() + 0.5 * (a[:, None] == b).double()
    error = math.sqrt(float(above.mean(1).var() / 80 + above.mean(0).var() / 120))
    assert (found.low, found.high) == pytest.approx((expected - 1.96 * error, expected + 1.96 * error), abs=1e-4)
    one_false = b.sort().values[-2]  # of 120, one lies above it: as many as 1 % allows
    assert found.tpr == pytest.approx(float((a > one_false).double().mean()))
    assert found.tpr_low <= found.tpr <= found.tpr_high and found.counts == (80, 120)


def test_the_interval_holds_its_level():
    truth = 0.5 * (1 + math.erf(0.5 / 2))  # P(a > b), a ~ N(.5, 1), b ~ N(0, 1)
    found = [membership_auc(normal(100, 1, 2 * s)[:, 0] + 0.5, normal(150, 1, 2 * s + 1)[:, 0]) for s in range(150)]
    assert 0.89 <= sum(f.low < truth < f.high for f in found) / 150 <= 0.99


def test_p_values_hold_their_level():
    found = [membership_auc(normal(300, 1, 2 * s)[:, 0], normal(300, 1, 2 * s + 1)[:, 0]) for s in range(100)]
    assert sum(f.p_value < 0.05 for f in found) <= 11 and sum(f.tpr_p_value < 0.05 for f in found) <= 11
    assert all(abs(f.tpr - 0.01) < 0.05 for f in found)


def test_kinds_told_apart_entirely():
    found = membership_auc(torch.arange(10.0) + 100, torch.arange(20.0))
    assert (found.auc, found.tpr, found.high) == (1, 1, 1) and 0.6 < found.low < 0.75 and found.p_value < 1e-4
    turned = membership_auc(torch.arange(10.0), torch.arange(20.0) + 100)
    assert (turned.auc, turned.low) == (0, 0) and 0.25 < turned.high < 0.4 and turned.p_value > 0.999


@pytest.mark.parametrize("d", [8, 32])
def test_memory_of_64_examples_is_found(d):
    members, others = normal(64, d, 1), normal(500, d, 2)
    generated = members[torch.arange(1000) % 64] + 0.1 * normal(1000, d, 3)
    found = distance_attack(members, others, generated)
    assert found.auc >= 0.9 and found.low > 0.9 and found.tpr > 0.9 and found.tpr_p_value < 1e-6
    few = distance_attack(torch.cat([members, normal(936, d, 4)]), others, generated)  # among 1 000 members
    assert few.tpr > 0.05 and few.tpr_p_value < 1e-3


def test_fresh_samples_give_nothing_away():
    held = 0
    for seed in range(60):
        x = normal(900, 8, seed)
        found = distance_attack(x[:300], x[300:600], x[600:])
        held += found.low <= 0.5 <= found.high
    assert held >= 53


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"received shapes \(4, 1\) and \(4,\)"):
        membership_auc(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match="finite scores"):
        membership_auc(torch.full((4,), math.nan), torch.zeros(4))
    with pytest.raises(ValueError, match="generated has 0 examples"):
        distance_attack(normal(5, 2), normal(5, 2), normal(0, 2))
