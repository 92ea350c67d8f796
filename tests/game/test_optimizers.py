"""Our optimizers are torch's, to the bit, whatever the layout of weights, gradients and states that were loaded."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mintage.game import Game, Move, Player, adam
from mintage.game.ledger import Ledger
from mintage.game.optimizers import Adam, Sgd, side_by_side

from .small_games import Points, cloud, equal, mlp, rounds, snapshot

OURS = {"adam": (lambda p: Adam(p, 1e-2, (0.5, 0.9), fused=False),
                 lambda p: torch.optim.Adam(p, 1e-2, (0.5, 0.9), foreach=True)),
        "fused": (lambda p: Adam(p, 1e-2), lambda p: torch.optim.Adam(p, 1e-2, fused=True)),
        "sgd": (lambda p: Sgd(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        "momentum": (lambda p: Sgd(p, 0.1, 0.9), lambda p: torch.optim.SGD(p, 0.1, 0.9, foreach=True))}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OURS)
def test_our_optimizers_are_torchs_to_the_bit(name, dtype):
    sides = []
    for make in OURS[name]:
        net = mlp(3, 5, 2, seed=4).to(dtype)
        late = nn.Parameter(torch.ones(2, dtype=dtype))  # without a gradient at first
        optimizer = make([*net.parameters(), late])
        for k in range(6):
            x = torch.randn(7, 3, generator=torch.Generator().manual_seed(k)).to(dtype)
            for p in [*net.parameters(), late]:
                p.grad = None
            (net(x).square().mean() + (late.sum() if k > 2 else 0)).backward()
            optimizer.step()
            if k == 3:
                optimizer.load_state_dict(optimizer.state_dict())
        sides.append([*net.parameters(), late])
    assert all(torch.equal(a, b) for a, b in zip(*sides, strict=True))


def images() -> Points:
    return Points(lambda g, n: torch.randn(n, 3, 6, 6, generator=g), 4)


def convolutional() -> Game:
    """Weights in channels-last layout, as a game that moved to its device has them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.LeakyReLU(0.2), nn.Conv2d(5, 4, 2))
    return Game({"D": net}, {"D": Player("D", adam(1e-2))},
                [Move("D", lambda nets, round: {"loss": nets.D(round.batch).square().mean()})]).to("cpu")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gradient_of_another_layout_is_the_same_gradient(layout):
    """The fused kernel on a CPU goes by memory: a gradient from elsewhere (a compiled move) may lie otherwise."""
    ours, theirs = (nn.Parameter(torch.arange(60.0).view(4, 3, 5, 1).to(memory_format=layout)) for _ in range(2))
    one, other = Adam([ours], 0.1), torch.optim.Adam([theirs], 0.1, fused=True)
    for k in range(3):
        slope = torch.randn(4, 3, 5, 1, generator=torch.Generator().manual_seed(k))
        theirs.grad = slope.to(memory_format=layout)
        ours.grad = slope.contiguous(memory_format=torch.channels_last if k % 2 else torch.contiguous_format)
        one.step()
        other.step()
        assert torch.equal(ours, theirs)


def test_a_state_from_a_file_takes_the_layout_of_the_weights():
    """What was written is contiguous, the weights are channels-last."""
    whole, begun, on = convolutional(), convolutional(), convolutional()
    rounds(whole, images(), 5)
    rounds(begun, images(), 2)
    on.load({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in begun.tensors().items()},
            begun.scalars())
    rounds(on, images(), 3)
    assert equal(snapshot(whole), snapshot(on))
    for parameter, state in on.optimizers["D"].state.items():
        assert state["exp_avg"].stride() == parameter.stride()


def test_what_is_remembered_lies_side_by_side_and_is_copied_at_once():
    game = convolutional()
    rounds(game, images(), 1)
    ledger = Ledger(game)
    ledger.commit()
    assert len(ledger.live) == 4 + 3  # weights one by one; counts, means and squares
    before = snapshot(game)
    rounds(game, images(), 2)
    ledger.commit()  # the same tensors: copied into what is there
    after = snapshot(game)
    rounds(game, images(), 1)
    ledger.undo()
    assert equal(snapshot(game), after) and not equal(before, after)


def test_parameters_of_several_types_stand_in_blocks_of_their_own():
    given: list[Any] = [torch.ones(2, 3, dtype=d) for d in (torch.float32, torch.float64, torch.float32)]
    given.append(torch.ones(4, 2).t())
    beside = side_by_side(given)
    found = [beside[one] for one in given]
    assert [f.dtype for f in found] == [g.dtype for g in given] and [f.stride() for f in found] == \
        [g.stride() for g in given]
    assert found[0].untyped_storage().data_ptr() == found[2].untyped_storage().data_ptr()


def test_a_state_replaced_from_outside_is_seen():
    net = mlp(3, 4, 1, seed=1)
    optimizer, x = Adam(net.parameters(), 1e-2), cloud(0)
    for _ in range(2):
        net.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    weight = next(net.parameters())
    optimizer.state[weight] = {name: torch.zeros_like(entry) for name, entry in optimizer.state[weight].items()}
    optimizer.step()
    assert optimizer.state[weight]["step"] == 1
