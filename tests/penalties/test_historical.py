"""Historical averaging: golden numbers, and what it does to a game that turns in circles."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mintage.penalties import History, historical


def test_golden_numbers():
    theta = nn.Parameter(torch.tensor([1.0, 2.0]))
    history = History([theta])
    assert historical([theta], history).item() == 0.0
    for value in ([3.0, 2.0], [5.0, 5.0]):
        theta.data = torch.tensor(value)
        history.update([theta])
    assert torch.equal(history.mean, torch.tensor([3.0, 3.0])) and float(history.count) == 3
    penalty = historical([theta], history)
    assert penalty.item() == 8.0
    assert torch.equal(torch.autograd.grad(penalty, theta)[0], torch.tensor([4.0, 4.0]))


def test_the_mean_is_of_all_parameters_in_order_and_is_saved_exactly():
    net, steps = nn.Linear(3, 2), []
    history = History(net.parameters())
    steps.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    for _ in range(20):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(len(steps))))
        history.update(net.parameters())
        steps.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    assert torch.allclose(history.mean, torch.stack(steps).mean(0), atol=1e-5)
    other = History(nn.Linear(3, 2).parameters())
    other.load({name: tensor.clone() for name, tensor in history.tensors().items()})
    assert torch.equal(other.mean, history.mean) and torch.equal(other.count, history.count)
    with pytest.raises(ValueError, match="the same parameters"):
        historical(nn.Linear(4, 2).parameters(), history)


def turned(weight: float) -> float:
    """The distance from rest of min_x max_y xy after 2000 simultaneous steps from (1, 0)."""
    w = torch.tensor([1.0, 0.0], dtype=torch.float64)
    history = History([w])
    for _ in range(2000):
        theta = w.clone().requires_grad_()
        pull = torch.autograd.grad(historical([theta], history), theta)[0]
        w = w - 0.02 * (torch.stack([w[1], -w[0]]) + weight * pull)
        history.update([w])
    return float(w.norm())


def test_players_who_turn_about_an_equilibrium_come_to_rest():
    assert turned(0.0) > 1.3 and turned(0.5) < 0.2
